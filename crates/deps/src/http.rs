//! The one way to a registry: where it is, who may be reached, who asks, and how long and how large an
//! answer may be.
//!
//! Time is bounded three ways: for each answer, for how slowly one may come, and for everything that is
//! asked. A registry that never answers, or lets its answers drip, costs the last of these at most.
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
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Largest file of authorities, in bytes.
const AUTHORITIES: u64 = 16 << 20;

/// Bytes that are read at a time.
const BUFFER: usize = 64 << 10;

/// Requests in a row without an answer after which a host is not asked any more: a thousand packages
/// would wait as often as one.
const GIVEN_UP: u32 = 8;

/// How long everything that is asked may take together, where nobody says otherwise.
pub const ALTOGETHER: Duration = Duration::from_mins(10);

/// The longest that one answer may take: what [`Bounds`] say is less.
const LONGEST: Duration = Duration::from_mins(10);

/// How fast an answer has to come, once it comes: a line by telephone was faster.
const PACE: Pace = Pace { bytes: 15 << 10, within: Duration::from_secs(15) };

/// At least so many bytes in so much time.
#[derive(Debug, Clone, Copy)]
struct Pace {
    bytes: u64,
    within: Duration,
}

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
    /// It comes in drops.
    #[error("the registry's answer comes too slowly: less than 1 KiB in a second")]
    Slow,
    /// There is no time left to ask.
    #[error("the {} seconds that asking may take altogether are over", .0.as_secs_f32())]
    Spent(Duration),
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
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    altogether: Duration,
    /// When the first request was made.
    begun: OnceLock<Instant>,
    pace: Pace,
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
        Ok(Self {
            npmrc: npmrc.clone(),
            trust,
            hosts: Mutex::default(),
            altogether: ALTOGETHER,
            begun: OnceLock::new(),
            pace: PACE,
        })
    }

    /// Gives everything that is asked this much time together, from the first request on.
    #[must_use]
    pub const fn with_time(mut self, altogether: Duration) -> Self {
        self.altogether = altogether;
        self
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
        let whole = |body: &mut dyn io::Read| {
            let mut bytes = Vec::new();
            // Why the body ends is the body's to tell.
            let _ = body.read_to_end(&mut bytes);
            bytes
        };
        self.asked(url, bounds, &made, &whole)
    }

    /// Reads what lies at an address as it comes: what is made of it is worth nothing where the rest is
    /// an error. It is read once more where the first try broke.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn read<T>(
        &self,
        url: &str,
        accept: &str,
        bounds: Bounds,
        read: impl Fn(&mut dyn io::Read) -> T,
    ) -> Result<T, AskError> {
        self.asked(url, bounds, &|request| request.with_header("accept", accept), &|body| {
            read(&mut io::BufReader::with_capacity(BUFFER, body))
        })
    }

    fn asked<T>(
        &self,
        url: &str,
        bounds: Bounds,
        made: &dyn Fn(Request) -> Result<Request, FetchError>,
        read: &dyn Fn(&mut dyn io::Read) -> T,
    ) -> Result<T, AskError> {
        let host = self.host(url)?;
        let once = || {
            if host.silent.load(Ordering::Relaxed) >= GIVEN_UP {
                return Err(AskError::GivenUp);
            }
            let told = self.once(&host, url, bounds, made, read);
            match &told {
                Err(AskError::Fetch(_) | AskError::Slow) => {
                    host.silent.fetch_add(1, Ordering::Relaxed);
                }
                // That there was no time is not the host's silence.
                Err(AskError::Spent(_)) => {}
                _ => host.silent.store(0, Ordering::Relaxed),
            }
            told
        };
        match once() {
            Err(AskError::Fetch(FetchError::Connection(_)) | AskError::Status(502..=504)) => once(),
            told => told,
        }
    }

    fn once<T>(
        &self,
        host: &Host,
        url: &str,
        bounds: Bounds,
        made: &dyn Fn(Request) -> Result<Request, FetchError>,
        read: &dyn Fn(&mut dyn io::Read) -> T,
    ) -> Result<T, AskError> {
        let mut request = made(Request::get(url).within(bounds.time.min(self.left()?)))?;
        if let Some(credentials) = self.npmrc.authorization(url) {
            request = request.with_header("authorization", &credentials)?;
        }
        let answer = host.client.fetch(request).map_err(|error| self.failed(error))?;
        if answer.status() != 200 {
            return Err(AskError::Status(answer.status()));
        }
        let said = answer.header("content-length").and_then(|length| length.parse::<u64>().ok());
        if said.is_some_and(|length| length > bounds.bytes) {
            return Err(AskError::Long(bounds.bytes));
        }
        let (begun, pace) = (Instant::now(), self.pace);
        let mut body = Body { answer, bounds, read: 0, pace, begun, before: 0, failed: None };
        let made = read(&mut body);
        match body.failed {
            None => Ok(made),
            Some(AskError::Fetch(error)) => Err(self.failed(error)),
            Some(error) => Err(error),
        }
    }

    /// The time that is left to ask.
    fn left(&self) -> Result<Duration, AskError> {
        let begun = self.begun.get_or_init(Instant::now);
        let left = self.altogether.saturating_sub(begun.elapsed());
        if left.is_zero() { Err(AskError::Spent(self.altogether)) } else { Ok(left) }
    }

    /// Why there is no answer: who had no time is not told that the registry was slow.
    fn failed(&self, error: FetchError) -> AskError {
        match (error, self.left()) {
            (FetchError::Timeout, Err(spent)) => spent,
            (error, _) => AskError::Fetch(error),
        }
    }

    /// Whoever serves this address, and nobody else.
    fn host(&self, url: &str) -> Result<Arc<Host>, AskError> {
        let refused = |why| AskError::Address { url: url.to_owned(), why };
        let (scheme, host, port) = origin(url).map_err(refused)?;
        let key = format!("{scheme}://{host}:{port}");
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
        // Time and size differ from request to request: the size is counted where the body is read.
        let limits = Limits { time: LONGEST, body: u64::MAX, redirects: 0, ..Limits::default() };
        let client = Client::new(allowed, &self.trust, limits)?;
        let host = Arc::new(Host { client, silent: AtomicU32::new(0) });
        hosts.insert(key, Arc::clone(&host));
        Ok(host)
    }
}

/// The body of an answer, within its bounds. What ends it before its end is kept.
struct Body {
    answer: Response,
    bounds: Bounds,
    /// Bytes so far.
    read: u64,
    pace: Pace,
    /// When the pace was looked at, and the bytes until then.
    begun: Instant,
    before: u64,
    failed: Option<AskError>,
}

impl Body {
    fn next(&mut self, into: &mut [u8]) -> Result<usize, AskError> {
        let length = self.answer.read(into)?;
        self.read = self.read.saturating_add(length as u64);
        if self.read > self.bounds.bytes {
            return Err(AskError::Long(self.bounds.bytes));
        }
        if length > 0 && self.begun.elapsed() >= self.pace.within {
            if self.read - self.before < self.pace.bytes {
                return Err(AskError::Slow);
            }
            (self.begun, self.before) = (Instant::now(), self.read);
        }
        Ok(length)
    }
}

impl io::Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.failed.is_some() {
            return Err(io::Error::other("the answer ended before"));
        }
        self.next(into).map_err(|error| {
            let told = io::Error::other(error.to_string());
            self.failed = Some(error);
            told
        })
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

    /// A server that says this to everybody, byte by byte with a pause before each, and then nothing more.
    fn dripping(head: &'static str, body: usize, pause: Duration) -> String {
        use std::io::Write as _;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut asked = [0_u8; 4096];
                    let _ = io::Read::read(&mut stream, &mut asked);
                    let _ = stream.write_all(head.as_bytes());
                    let (_kept, never) = std::sync::mpsc::channel::<()>();
                    for _ in 0..body {
                        let _ = never.recv_timeout(pause);
                        if stream.write_all(b" ").is_err() {
                            return;
                        }
                    }
                    // Until whoever asked has left
                    let _ = io::Read::read(&mut stream, &mut asked);
                });
            }
        });
        format!("http://{address}/a")
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    const MINUTE: Bounds = Bounds { time: Duration::from_mins(1), bytes: 1 << 20 };

    #[test]
    fn an_answer_that_drips_is_not_waited_for() {
        let url = dripping(HEAD, 1_000_000, Duration::from_millis(1));
        let mut registries = Registries::new(&Npmrc::default()).unwrap();
        registries.pace = Pace { bytes: 1 << 20, within: Duration::from_millis(20) };
        for _ in 0..GIVEN_UP {
            let told = registries.fetch(&url, "*/*", MINUTE).unwrap_err();
            assert!(matches!(told, AskError::Slow), "{told}");
        }
        let told = registries.fetch(&url, "*/*", MINUTE).unwrap_err();
        assert!(matches!(told, AskError::GivenUp), "who drips is silent: {told}");
    }

    #[test]
    fn everything_that_is_asked_has_one_time_together() {
        // One says nothing at all, one stops in the middle, one drips for ever.
        let pause = Duration::from_millis(1);
        for (head, body) in [("", 0), (HEAD, 10), (HEAD, 1_000_000)] {
            let url = dripping(head, body, pause);
            let registries = Registries::new(&Npmrc::default()).unwrap();
            let registries = registries.with_time(Duration::from_millis(200));
            for _ in 0..3 {
                let told = registries.fetch(&url, "*/*", MINUTE).unwrap_err();
                assert!(matches!(told, AskError::Spent(_)), "{head:?}: {told}");
                assert!(told.to_string().contains("0.2 seconds"), "{told}");
            }
        }
    }

    #[test]
    fn what_is_made_of_half_an_answer_is_worth_nothing() {
        let url = dripping("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 3, Duration::ZERO);
        let registries = Registries::new(&Npmrc::default()).unwrap();
        let count = |body: &mut dyn io::Read| io::copy(body, &mut io::sink()).unwrap_or(0);
        assert_eq!(registries.read(&url, "*/*", MINUTE, count).unwrap(), 3);
        let short = Bounds { bytes: 2, ..MINUTE };
        assert!(matches!(registries.read(&url, "*/*", short, count), Err(AskError::Long(2))));
        let unsaid = dripping("HTTP/1.1 200 OK\r\n\r\n", 100, Duration::ZERO);
        assert!(matches!(registries.read(&unsaid, "*/*", short, count), Err(AskError::Long(2))));
    }
}
