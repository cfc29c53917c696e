//! The client: judge, resolve, judge, connect; and again for each redirect.

use super::connect::{self, Trust, told};
use super::{FetchError, Request, Resolve, Response, System};
use crate::url::{Allowed, Outbound, UrlError};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::http::{self, Uri};
use ureq::{Agent, Body};
use url::Url;

/// How much of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first lookup to the last byte of the body, over all redirects.
    pub time: Duration,
    /// Bytes of the headers of one answer.
    pub headers: usize,
    /// Bytes of the body.
    pub body: u64,
    /// Redirects that are followed; 0 hands a redirect back as it is.
    pub redirects: u32,
}

impl Default for Limits {
    /// 30 seconds, 32 KiB of headers, 10 MiB of body, 5 redirects.
    fn default() -> Self {
        Self { time: Duration::from_secs(30), headers: 32 << 10, body: 10 << 20, redirects: 5 }
    }
}

/// Makes requests to what is allowed, and keeps connections for the next one. May be shared by
/// threads.
#[derive(Debug)]
pub struct Client {
    allowed: Allowed,
    limits: Limits,
    resolve: Arc<dyn Resolve>,
    agent: Agent,
}

/// A URL that may be reached, and the addresses that may be connected to for it.
struct Judged {
    outbound: Outbound,
    addresses: Vec<SocketAddr>,
}

impl Client {
    /// A client that reaches what is allowed and nothing else.
    ///
    /// # Errors
    /// [`FetchError::Trust`].
    pub fn new(allowed: Allowed, trust: &Trust, limits: Limits) -> Result<Self, FetchError> {
        let nobody = Trust::Nobody;
        // Reading the system's certificates takes longer than a request.
        let needless = matches!(trust, Trust::System) && !allowed.knows_https();
        let agent = connect::agent(if needless { &nobody } else { trust }, limits.headers)?;
        Ok(Self { allowed, limits, resolve: Arc::new(System), agent })
    }

    /// Another resolver than the system's.
    #[must_use]
    pub fn with_resolver(mut self, resolve: impl Resolve + 'static) -> Self {
        self.resolve = Arc::new(resolve);
        self
    }

    /// Makes a request. An answer with any status is an answer.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let time = request.time.map_or(self.limits.time, |time| time.min(self.limits.time));
        let deadline = Instant::now() + time;
        let mut request = request;
        if request.body.is_some() && !request.may_have_body() {
            return Err(FetchError::Method);
        }
        let outbound = self.allowed.parse(&request.url);
        let outbound = outbound.map_err(|why| refused(0, host_of(&request.url), why))?;
        let mut at = self.resolved(outbound, 0, deadline)?;
        let mut redirects = 0;
        loop {
            let answer = self.send(&request, &at, deadline)?;
            let status = answer.status().as_u16();
            if !matches!(status, 301 | 302 | 303 | 307 | 308) || self.limits.redirects == 0 {
                let reached = (at.outbound.url().clone(), at.addresses);
                return Response::new(answer, reached, redirects, self.limits.body);
            }
            redirects += 1;
            if redirects > self.limits.redirects {
                return Err(FetchError::TooManyRedirects(self.limits.redirects));
            }
            let next = self.follow(&at.outbound, &answer, redirects)?;
            // The connection is given up: what a body of a redirect says is nobody's concern.
            drop(answer);
            request.redirected(status);
            if !at.outbound.same_origin(&next) {
                if request.body.is_some() {
                    return Err(FetchError::BodyElsewhere(redirects));
                }
                request.leave_secrets();
            }
            at = self.resolved(next, redirects, deadline)?;
        }
    }

    /// Where a redirect leads, when it may.
    fn follow(
        &self,
        from: &Outbound,
        answer: &http::Response<Body>,
        redirects: u32,
    ) -> Result<Outbound, FetchError> {
        let mut locations = answer.headers().get_all(http::header::LOCATION).iter();
        let (Some(location), None) = (locations.next(), locations.next()) else {
            return Err(FetchError::Location(redirects));
        };
        let location = location.to_str().map_err(|_| FetchError::Location(redirects))?;
        let next = from.redirect(&self.allowed, location).map_err(|why| {
            let host = from.url().join(location).ok().and_then(|url| shown_host(&url));
            refused(redirects, host, why)
        })?;
        if from.url().scheme() == "https" && next.url().scheme() != "https" {
            return Err(FetchError::Downgrade(redirects));
        }
        Ok(next)
    }

    /// Resolves the name of a URL, once, and judges every address.
    fn resolved(
        &self,
        outbound: Outbound,
        redirects: u32,
        deadline: Instant,
    ) -> Result<Judged, FetchError> {
        let addresses: Vec<IpAddr> = if let Some(address) = outbound.literal() {
            vec![address]
        } else {
            let found = self.resolve.resolve(outbound.host(), left(deadline)?);
            found.map_err(|error| match error.kind() {
                std::io::ErrorKind::TimedOut => FetchError::Timeout,
                _ => FetchError::Resolve(error),
            })?
        };
        let addresses = outbound
            .admit_all(&addresses)
            .map_err(|why| refused(redirects, Some(outbound.host().to_owned()), why))?;
        Ok(Judged { outbound, addresses })
    }

    fn send(
        &self,
        request: &Request,
        at: &Judged,
        deadline: Instant,
    ) -> Result<http::Response<Body>, FetchError> {
        let uri = uri(&at.outbound)?;
        let body = request.body.as_deref().unwrap_or_default();
        let run = |message: http::Request<()>| -> Result<http::Response<Body>, ureq::Error> {
            if request.may_have_body() {
                self.agent.run(message.map(|()| body))
            } else {
                self.agent.run(message)
            }
        };
        let mut message = http::Request::new(());
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = uri.clone();
        *message.headers_mut() = request.headers.clone();
        let message = self.agent.configure_request(message);
        let message = message.timeout_global(Some(left(deadline)?)).build();
        connect::with_addresses(uri, at.addresses.clone(), || run(message)).map_err(told)
    }
}

/// The time that is left.
fn left(deadline: Instant) -> Result<Duration, FetchError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(FetchError::Timeout) } else { Ok(left) }
}

/// The same URL as another library has it, from its parts: host and port must be the ones that were
/// judged, or nothing is sent.
fn uri(outbound: &Outbound) -> Result<Uri, FetchError> {
    let (url, port) = (outbound.url(), outbound.port());
    let host = outbound.host();
    // As WHATWG and RFC 9110 write the Host header: without the port that goes without saying.
    let authority = match url.port() {
        None => host.to_owned(),
        Some(_) => format!("{host}:{port}"),
    };
    let path = match url.query() {
        None => url.path().to_owned(),
        Some(query) => format!("{}?{query}", url.path()),
    };
    let parts = Uri::builder().scheme(url.scheme()).authority(authority).path_and_query(path);
    let malformed = || refused(0, Some(host.to_owned()), UrlError::Malformed);
    let uri = parts.build().map_err(|_| malformed())?;
    let same = uri.host() == Some(host)
        && uri.port_u16() == url.port()
        && uri.scheme_str() == Some(url.scheme());
    if same { Ok(uri) } else { Err(malformed()) }
}

fn refused(redirects: u32, host: Option<String>, why: UrlError) -> FetchError {
    FetchError::Refused { redirects, host, why }
}

/// The host of a URL that was refused, for who reads why.
fn host_of(text: &str) -> Option<String> {
    text.get(..text.len().min(2048))
        .and_then(|text| Url::parse(text).ok())
        .as_ref()
        .and_then(shown_host)
}

fn shown_host(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}
