//! The one way to a registry: where it is, who may be reached, who asks, and how long and how large an
//! answer may be.
//!
//! The registry is the one of npm's own configuration, for each scope its own, with its token. It is
//! reached by https, or on this machine by http; a redirect is an answer and is not followed, so that
//! a token goes to no other host. No proxy is used. Only status 200 is an answer that counts: whatever
//! else comes back is an error with its reason and never "nothing found".

use crate::npmrc::Npmrc;
use ringfence_guard::fetch::{Client, FetchError, Limits, Request, Response, Trust};
use ringfence_guard::url::{Allowed, Range};
use ringfence_policy::display::quoted;
use ringfence_project::walk;
use std::collections::HashMap;
use std::error::Error as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Largest file of authorities, in bytes.
const AUTHORITIES: u64 = 16 << 20;

/// Requests in a row without an answer after which a host is not asked any more: a thousand packages
/// would wait as often as one.
const GIVEN_UP: u32 = 8;

/// How long and how large an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// From the first lookup to the last byte.
    pub time: Duration,
    /// Bytes of the answer.
    pub bytes: u64,
}

/// Why there is no answer that counts.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody named a registry.
    #[error("npm has no registry configured")]
    Unconfigured,
    /// The address is no registry that may be asked.
    #[error("the registry {} is not asked: {why}", quoted(url))]
    Address {
        /// The address.
        url: String,
        /// Why not.
        why: &'static str,
    },
    /// The file with authorities cannot be read.
    #[error("cannot read {}, which `cafile` names: {why}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// There was no answer.
    #[error("the registry gives no answer")]
    Fetch(#[from] FetchError),
    /// There was none before, several times in a row.
    #[error("the registry gave no answer {GIVEN_UP} times in a row, and was not asked again")]
    GivenUp,
    /// More than was asked for.
    #[error("the registry's answer is longer than {0} bytes")]
    Long(u64),
    /// It has another status than 200.
    #[error("the registry answers with status {}{}", .0, hint(*.0))]
    Status(u16),
}

impl AskError {
    /// The error with its causes, on one line.
    #[must_use]
    pub fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

/// What a status means to whoever configured the registry.
const fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => ": it leads elsewhere, and that is not followed",
        401 | 403 => ": it does not let in who asks (npm's token for it?)",
        429 => ": it was asked too much",
        _ => "",
    }
}

/// The registries that npm is configured to use. May be shared by threads.
#[derive(Debug)]
pub struct Registries {
    npmrc: Npmrc,
    trust: Trust,
    hosts: Mutex<HashMap<(String, Duration), Arc<Host>>>,
}

/// Somebody who may be asked.
#[derive(Debug)]
struct Host {
    client: Client,
    /// Requests in a row without an answer.
    silent: AtomicU32,
}

impl Registries {
    /// What is configured.
    ///
    /// # Errors
    /// [`AskError::Authorities`].
    pub fn new(npmrc: &Npmrc) -> Result<Self, AskError> {
        let trust = match npmrc.authorities() {
            None => Trust::System,
            Some(path) => {
                let failed = |why: String| AskError::Authorities { path: path.to_path_buf(), why };
                let bytes = walk::bytes(path, AUTHORITIES);
                Trust::Only(bytes.map_err(|error| failed(error.to_string()))?)
            }
        };
        Ok(Self { npmrc: npmrc.clone(), trust, hosts: Mutex::default() })
    }

    /// The address of the registry of a package, with a slash at its end.
    ///
    /// # Errors
    /// [`AskError::Unconfigured`].
    pub fn of(&self, package: &str) -> Result<String, AskError> {
        let address = self.npmrc.registry(package).ok_or(AskError::Unconfigured)?;
        Ok(format!("{address}/"))
    }

    /// What lies at an address.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn fetch(&self, url: &str, accept: &str, bounds: Bounds) -> Result<Vec<u8>, AskError> {
        self.send(url, bounds, |request| request.with_header("accept", accept))
    }

    /// The same, with a request that is made for each try: a connection that breaks, and a server
    /// that is not ready, are asked once more.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn send(
        &self,
        url: &str,
        bounds: Bounds,
        made: impl Fn(Request) -> Result<Request, FetchError>,
    ) -> Result<Vec<u8>, AskError> {
        let host = self.host(url, bounds.time)?;
        match self.once(&host, url, bounds, &made) {
            Err(AskError::Fetch(FetchError::Connection(_)) | AskError::Status(502..=504)) => {
                self.once(&host, url, bounds, &made)
            }
            told => told,
        }
    }

    fn once(
        &self,
        host: &Host,
        url: &str,
        bounds: Bounds,
        made: &impl Fn(Request) -> Result<Request, FetchError>,
    ) -> Result<Vec<u8>, AskError> {
        if host.silent.load(Ordering::Relaxed) >= GIVEN_UP {
            return Err(AskError::GivenUp);
        }
        let mut request = made(Request::get(url))?;
        if let Some(credentials) = self.npmrc.authorization(url) {
            request = request.with_header("authorization", &credentials)?;
        }
        let answer = host.client.fetch(request).inspect_err(|_| {
            host.silent.fetch_add(1, Ordering::Relaxed);
        })?;
        host.silent.store(0, Ordering::Relaxed);
        match answer.status() {
            200 => whole(answer, bounds.bytes),
            status => Err(AskError::Status(status)),
        }
    }

    /// Whoever serves this address, and nobody else.
    fn host(&self, url: &str, time: Duration) -> Result<Arc<Host>, AskError> {
        let refused = |why| AskError::Address { url: url.to_owned(), why };
        let (scheme, host, port) = origin(url).map_err(refused)?;
        let key = (format!("{scheme}://{host}:{port}"), time);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&key) {
            return Ok(Arc::clone(host));
        }
        let allowed = match scheme {
            "https" => Allowed::nothing().host(host, port),
            "http" if is_this_machine(host) => Allowed::nothing().plain_host(host, port),
            "http" => {
                return Err(refused("anybody on the way could change the answer: https is needed"));
            }
            _ => return Err(refused("it is neither https nor http")),
        };
        let allowed = allowed.map_err(|_| refused("it is no address"))?;
        // Registries of a company lie in networks of its own, and whoever configures one says so.
        let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|text| text.parse::<Range>().ok());
        let allowed = everywhere.fold(allowed, Allowed::range);
        // The size is counted where the body is read: it differs from request to request.
        let limits = Limits { time, body: u64::MAX, redirects: 0, ..Limits::default() };
        let client = Client::new(allowed, &self.trust, limits)?;
        let host = Arc::new(Host { client, silent: AtomicU32::new(0) });
        hosts.insert(key, Arc::clone(&host));
        Ok(host)
    }
}

fn whole(mut answer: Response, most: u64) -> Result<Vec<u8>, AskError> {
    let said = answer.header("content-length").and_then(|length| length.parse::<u64>().ok());
    if said.is_some_and(|length| length > most) {
        return Err(AskError::Long(most));
    }
    let (mut bytes, mut part) = (Vec::new(), vec![0_u8; 64 << 10]);
    loop {
        let length = answer.read(&mut part)?;
        if length == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&part[..length]);
        if bytes.len() as u64 > most {
            return Err(AskError::Long(most));
        }
    }
}

/// Scheme, host and port of an address; an error is why it has none.
fn origin(url: &str) -> Result<(&str, &str, u16), &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("it is no address")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err("a password in it could be seen by others: use _authToken");
    }
    let numbered = authority.rsplit_once(':').filter(|(host, _)| {
        // The colons of an IPv6 address are inside its brackets.
        !host.starts_with('[') || host.ends_with(']')
    });
    let standard = if scheme == "https" { 443 } else { 80 };
    match numbered {
        Some((host, port)) => {
            Ok((scheme, host, port.parse().map_err(|_| "its port is no number")?))
        }
        None => Ok((scheme, authority, standard)),
    }
}

/// Whether two addresses are served by the same host, in the same way.
#[must_use]
pub fn same_origin(one: &str, other: &str) -> bool {
    origin(one).is_ok() && origin(one) == origin(other)
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let registries = Registries::new(&Npmrc::default()).unwrap();
        let bounds = Bounds { time: Duration::from_secs(1), bytes: 10 };
        registries.fetch(url, "*/*", bounds).unwrap_err().told()
    }

    #[test]
    fn who_could_be_listened_to_on_the_way_is_not_asked() {
        for url in
            ["http://registry.example/a", "http://127.registry.example/a", "http://10.0.0.1/"]
        {
            assert!(refused(url).ends_with("https is needed"), "{url}: {}", refused(url));
        }
        assert!(refused("ftp://127.0.0.1/a").ends_with("it is neither https nor http"));
        assert!(refused("https://user:secret@registry.example/").contains("use _authToken"));
        assert!(refused("nonsense").ends_with("it is no address"));
        assert!(refused("https://registry.example:x/").ends_with("its port is no number"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert!(same_origin("https://a.example/x", "https://a.example:443/y"));
        assert!(same_origin("http://[::1]:80/x", "http://[::1]/"));
        for other in ["http://a.example/", "https://b.example/", "https://a.example:8443/"] {
            assert!(!same_origin("https://a.example/", other), "{other}");
        }
        assert!(!same_origin("nonsense", "nonsense"));
    }

    #[test]
    fn a_host_that_never_answers_is_not_asked_a_thousand_times() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let registries = Registries::new(&Npmrc::default()).unwrap();
        let bounds = Bounds { time: Duration::from_secs(9), bytes: 10 };
        let ask = || registries.fetch(&format!("http://{free}/a"), "*/*", bounds).unwrap_err();
        assert!(matches!(ask(), AskError::Fetch(_)), "each is tried twice");
        for _ in 1..GIVEN_UP / 2 {
            assert!(matches!(ask(), AskError::Fetch(_)));
        }
        assert!(matches!(ask(), AskError::GivenUp));
    }
}
