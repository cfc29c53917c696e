//! The door to the HTTP client beneath: it is given addresses, never a name to resolve.
//!
//! ureq asks a resolver and then connects. Its resolver here only hands out what was judged for this
//! one request, on this thread, once; it cannot resolve anything.

use super::FetchError;
use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{ArrayVec, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport,
};

/// Most addresses of a name that are tried.
const MOST_ADDRESSES: usize = 16;

/// Whose certificates are believed.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Those of the system.
    #[default]
    System,
    /// The authorities in this PEM text alone.
    Only(Vec<u8>),
    /// None: `https` always fails.
    Nobody,
}

thread_local! {
    /// What was judged for the request that this thread is about to make.
    static JUDGED: RefCell<Option<(Uri, Vec<SocketAddr>)>> = const { RefCell::new(None) };
}

/// Runs one request; a new connection goes to one of these addresses.
pub(super) fn with_addresses<T>(
    uri: Uri,
    addresses: Vec<SocketAddr>,
    act: impl FnOnce() -> T,
) -> T {
    JUDGED.set(Some((uri, addresses)));
    let done = act();
    JUDGED.set(None);
    done
}

/// Hands out what was judged.
#[derive(Debug)]
struct Judged;

impl Resolver for Judged {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let judged = JUDGED.take().filter(|(of, _)| of == uri);
        let (_, addresses) = judged.ok_or(ureq::Error::HostNotFound)?;
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let mut list = ArrayVec::from_fn(|_| nowhere);
        for address in addresses.into_iter().take(MOST_ADDRESSES) {
            list.push(address);
        }
        Ok(list)
    }
}

/// TLS for the agent as a whole. Every request has a deadline of its own, for which ureq would make
/// a TLS configuration of its own too, and read all certificates again.
#[derive(Debug, Default)]
struct Tls(RustlsConnector);

impl<In: Transport> Connector<In> for Tls {
    type Out = Whole<<RustlsConnector as Connector<In>>::Out>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        Ok(self.0.connect(&details, chained)?.map(Whole))
    }
}

/// A connection whose loss is no end.
///
/// Where nothing says how long a body is, it ends with the connection. ureq takes a reset for that end,
/// and a TLS connection that was closed without its goodbye, which anybody on the way can bring about:
/// half an answer would be a whole one.
#[derive(Debug)]
struct Whole<T>(T);

impl<T: Transport> Transport for Whole<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.0.await_input(timeout).map_err(|error| match error {
            ureq::Error::Io(error) => ureq::Error::Io(match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset => {
                    io::Error::new(io::ErrorKind::BrokenPipe, "it was lost before its end")
                }
                _ => error,
            }),
            other => other,
        })
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

/// An agent without any habit: no proxy, no redirects, no encoding, no opinion about a status.
pub(super) fn agent(trust: &Trust, longest_headers: usize) -> Result<Agent, FetchError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::from(certificates(trust)?))
        .build();
    let config = Config::builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("ringfence-guard/", env!("CARGO_PKG_VERSION")))
        .max_response_header_size(longest_headers)
        .timeout_await_100(Some(std::time::Duration::ZERO))
        .build();
    let chain = ().chain(TcpConnector::default()).chain(Tls::default());
    Ok(Agent::with_parts(config, chain, Judged))
}

fn certificates(trust: &Trust) -> Result<Vec<Certificate<'static>>, FetchError> {
    let found: Vec<Certificate<'static>> = match trust {
        Trust::Nobody => Vec::new(),
        Trust::System => {
            let system = rustls_native_certs::load_native_certs().certs;
            system.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
        }
        Trust::Only(pem) => {
            let mut found = Vec::new();
            for item in ureq::tls::parse_pem(pem) {
                match item.map_err(|error| FetchError::Trust(error.to_string()))? {
                    PemItem::Certificate(certificate) => found.push(certificate),
                    _ => return Err(FetchError::Trust("something else than one".to_owned())),
                }
            }
            found
        }
    };
    // The system may have none and need none, for http to one's own services.
    if found.is_empty() && matches!(trust, Trust::Only(_)) {
        return Err(FetchError::Trust("there is none".to_owned()));
    }
    Ok(found)
}

/// An error of the client beneath in our own words.
pub(super) fn told(error: ureq::Error) -> FetchError {
    match error {
        ureq::Error::Timeout(_) => FetchError::Timeout,
        ureq::Error::LargeResponseHeader(..) => FetchError::HeadersTooLong,
        // Its type is another crate's; the text is held by a test.
        ureq::Error::Protocol(error) if error.to_string().contains("too many headers") => {
            FetchError::HeadersTooLong
        }
        ureq::Error::Rustls(error) => FetchError::Tls(error.to_string()),
        ureq::Error::Tls(text) => FetchError::Tls(text.to_owned()),
        ureq::Error::Io(error) => of_io(error),
        other => FetchError::Protocol(other.to_string()),
    }
}

/// A handshake that failed is an input or output error to who reads and writes.
fn of_io(error: io::Error) -> FetchError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(tls) => FetchError::Tls(tls.to_string()),
        None if error.kind() == io::ErrorKind::TimedOut => FetchError::Timeout,
        None => FetchError::Connection(error),
    }
}
