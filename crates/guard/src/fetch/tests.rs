//! Against servers on loopback, with a resolver that says what a test wants it to.

use super::{Client, FetchError, Limits, Request, Resolve, Trust};
use crate::url::{Allowed, UrlError};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a server sends for a request.
type Answer = Box<dyn Fn(&str, &mut dyn io::Write) -> io::Result<()> + Send>;

/// A server that serves connections one after another, and keeps what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&str, &mut dyn io::Write) -> io::Result<()> + Send + 'static) -> Self {
        Self::on("127.0.0.1:0", Box::new(answer))
    }

    fn text(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::new(move |_, to| to.write_all(answer.as_bytes()))
    }

    fn on(address: &str, answer: Answer) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some(request) = read_request(&mut stream) else { continue };
                kept.lock().unwrap().push(request.clone());
                let _ = answer(&request, &mut stream);
            }
        });
        Self { address, asked }
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Head and, by its length, body.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            });
            if body.len() >= length.unwrap_or(0_usize) {
                return Some(text.into_owned());
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more) {
            Ok(length) if length > 0 => bytes.extend_from_slice(&more[..length]),
            _ => return None,
        }
    }
}

/// The control: what a client that guards nothing gets from there.
fn plainly(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Answers in turn, the last one again and again, and counts.
#[derive(Debug, Clone)]
struct Says(Arc<Mutex<(Vec<Vec<IpAddr>>, usize)>>);

impl Says {
    fn new(answers: &[&[&str]]) -> Self {
        let read = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Self(Arc::new(Mutex::new((answers.iter().map(read).collect(), 0))))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Resolve for Says {
    fn resolve(&self, _: &str, _: Duration) -> io::Result<Vec<IpAddr>> {
        let mut said = self.0.lock().unwrap();
        let at = said.1.min(said.0.len() - 1);
        said.1 += 1;
        Ok(said.0[at].clone())
    }
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";

fn redirect(status: u16, to: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

fn limits() -> Limits {
    Limits { time: Duration::from_mins(3), body: 64 << 10, ..Limits::default() }
}

/// `http` to these servers under these names, on loopback.
fn allowed(servers: &[(&str, &Server)]) -> Allowed {
    let start = Allowed::nothing().with_plain_http().range("127.0.0.0/8".parse().unwrap());
    servers
        .iter()
        .fold(start, |allowed, (name, server)| allowed.host(name, server.address.port()).unwrap())
}

fn client(allowed: Allowed) -> Client {
    let loopback = Says::new(&[&["127.0.0.1"]]);
    Client::new(allowed, &Trust::System, limits()).unwrap().with_resolver(loopback)
}

fn why(error: &FetchError) -> &UrlError {
    match error {
        FetchError::Refused { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_allowed_url_is_answered_with_everything() {
    let server = Server::text(
        "HTTP/1.1 404 Not Found\r\nx-one: 1\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno",
    );
    let answer = client(allowed(&[("a.test", &server)]))
        .fetch(Request::get(server.url("A.test.", "/x?y=1#z")))
        .unwrap();
    assert_eq!((answer.status(), answer.header("x-one")), (404, Some("1")));
    assert_eq!(answer.addresses(), [server.address]);
    assert_eq!(answer.bytes().unwrap(), b"no");
    let asked = server.asked().remove(0).to_ascii_lowercase();
    assert!(asked.starts_with("get /x?y=1 http/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: a.test:{}\r\n", server.address.port())), "{asked}");
    assert!(asked.contains("accept-encoding: identity\r\n"), "{asked}");
}

#[test]
fn only_the_first_answer_of_a_resolver_counts_and_there_is_no_second_question() {
    let server = Server::text(HELLO);
    let other = Server::on(
        &format!("127.0.0.2:{}", server.address.port()),
        Box::new(|_, to| to.write_all(HELLO.as_bytes())),
    );
    // The control: the second address answers, to who asks it.
    assert!(plainly(other.address, "/control").ends_with("hello"));
    let says = Says::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let client = Client::new(allowed(&[("a.test", &server)]), &Trust::System, limits()).unwrap();
    let client = client.with_resolver(says.clone());
    let answer = client.fetch(Request::get(server.url("a.test", "/"))).unwrap();
    assert_eq!(answer.bytes().unwrap(), b"hello");
    assert_eq!(says.count(), 1);
    assert_eq!((server.asked().len(), other.asked().len()), (1, 1));
}

#[test]
fn one_private_address_among_public_ones_refuses_the_name() {
    let server = Server::text(HELLO);
    assert!(plainly(server.address, "/").ends_with("hello"));
    let allowed =
        Allowed::nothing().with_plain_http().host("a.test", server.address.port()).unwrap();
    for answer in [["127.0.0.1", "1.1.1.1"], ["1.1.1.1", "127.0.0.1"], ["::1", "::ffff:127.0.0.1"]]
    {
        let client = Client::new(allowed.clone(), &Trust::System, limits()).unwrap();
        let client = client.with_resolver(Says::new(&[&answer]));
        let error = client.fetch(Request::get(server.url("a.test", "/"))).unwrap_err();
        assert_eq!(why(&error), &UrlError::Address("loopback"));
    }
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_redirect_is_judged_before_anything_is_sent_there() {
    let secret = Server::text(HELLO);
    let (port, inside) = (secret.address.port(), Says::new(&[&["127.0.0.1"], &["127.0.0.1"]]));
    for (location, expected) in [
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "host-denied"),
        (format!("http://127.0.0.1:{port}/"), "host-denied"),
        (format!("//127.0.0.1:{port}/"), "host-denied"),
        (format!("\\\\127.0.0.1:{port}\\"), "host-denied"),
        (format!("http://0x7f.1:{port}/"), "host-denied"),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), "host-denied"),
        (format!("http://a.test@127.0.0.1:{port}/"), "credentials-denied"),
        ("file:///etc/passwd".to_owned(), "scheme-denied"),
        ("gopher://a.test/".to_owned(), "scheme-denied"),
        ("http://".to_owned(), "url-malformed"),
        (format!("http://a.test/{}", "x".repeat(4096)), "url-too-long"),
    ] {
        let first = Server::text(redirect(302, &location));
        let client = client(allowed(&[("a.test", &first)])).with_resolver(inside.clone());
        let error = client.fetch(Request::get(first.url("a.test", "/"))).unwrap_err();
        assert_eq!(error.code(), expected, "{location}: {error}");
        assert!(error.is_refusal());
    }
    assert_eq!(secret.asked().len(), 0);
    assert!(plainly(secret.address, "/").ends_with("hello"));
}

#[test]
fn a_name_that_resolves_elsewhere_after_a_redirect_is_judged_again() {
    let server = Server::new(|asked, to| {
        let next = redirect(302, "/second");
        let answer = if asked.starts_with("GET /second") { HELLO } else { &next };
        to.write_all(answer.as_bytes())
    });
    let says = Says::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let allowed = allowed(&[("a.test", &server)]).range("169.254.0.0/16".parse().unwrap());
    let guarded = Client::new(allowed.clone(), &Trust::System, limits()).unwrap();
    let error = guarded.with_resolver(says).fetch(Request::get(server.url("a.test", "/")));
    assert_eq!(why(&error.unwrap_err()), &UrlError::Address("metadata service"));
    let answer = client(allowed).fetch(Request::get(server.url("a.test", "/"))).unwrap();
    assert_eq!((answer.redirects(), answer.bytes().unwrap()), (1, b"hello".to_vec()));
}

#[test]
fn redirects_are_counted() {
    let server = Server::text(redirect(302, "/again"));
    let fetch = |redirects| {
        let allowed = allowed(&[("a.test", &server)]);
        let client =
            Client::new(allowed, &Trust::System, Limits { redirects, ..limits() }).unwrap();
        let client = client.with_resolver(Says::new(&[&["127.0.0.1"]]));
        client.fetch(Request::get(server.url("a.test", "/")))
    };
    assert!(matches!(fetch(3), Err(FetchError::TooManyRedirects(3))));
    assert_eq!(server.asked().len(), 4);
    // With none to be followed, a redirect is the answer.
    assert_eq!(fetch(0).unwrap().status(), 302);
    let nowhere = Server::text("HTTP/1.1 302 X\r\ncontent-length: 0\r\n\r\n");
    let error = client(allowed(&[("a.test", &nowhere)]))
        .fetch(Request::get(nowhere.url("a.test", "/")))
        .unwrap_err();
    assert!(matches!(error, FetchError::Location(1)));
}

#[test]
fn what_may_be_secret_stays_with_its_origin() {
    let there = Server::text(HELLO);
    let to = there.url("b.test", "/there");
    let here = Server::new(move |asked, out| {
        let next = redirect(307, if asked.contains(" /start ") { "/same" } else { &to });
        out.write_all(next.as_bytes())
    });
    let request = Request::get(here.url("a.test", "/start"));
    let request = ["authorization", "cookie", "x-api-key", "accept"]
        .iter()
        .fold(request, |request, name| request.with_header(name, "token").unwrap());
    assert!(!format!("{request:?}").contains("token"));
    client(allowed(&[("a.test", &here), ("b.test", &there)])).fetch(request).unwrap();
    let (same, other) = (here.asked().remove(1), there.asked().remove(0));
    for name in ["authorization", "cookie", "x-api-key"] {
        assert!(same.contains(&format!("{name}: token\r\n")), "{same}");
        assert!(!other.contains(name), "{other}");
    }
    assert!(other.contains("accept: token\r\n"), "{other}");
}

#[test]
fn methods_and_bodies_follow_a_redirect_as_rfc_9110_says() {
    for (status, method, then) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (301, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ] {
        let server = Server::new(move |asked, to| {
            let next = redirect(status, "/second");
            to.write_all(if asked.contains(" /second ") { HELLO } else { &next }.as_bytes())
        });
        let request = Request::get(server.url("a.test", "/")).with_method(method).unwrap();
        let request = request.with_header("content-type", "text/plain").unwrap();
        let request = request.with_body(b"payload".to_vec());
        client(allowed(&[("a.test", &server)])).fetch(request).unwrap();
        let second = server.asked().remove(1);
        assert!(second.starts_with(then), "{status} {method}: {second}");
        assert_eq!(second.ends_with("payload"), then != "GET", "{status} {method}: {second}");
        assert_eq!(second.contains("content-type"), then != "GET", "{second}");
    }
    let there = Server::text(HELLO);
    let here = Server::text(redirect(307, &there.url("b.test", "/")));
    let client = client(allowed(&[("a.test", &here), ("b.test", &there)]));
    let request = Request::get(here.url("a.test", "/")).with_method("POST").unwrap();
    let error = client.fetch(request.with_body(b"payload".to_vec())).unwrap_err();
    assert!(matches!(error, FetchError::BodyElsewhere(1)));
    assert_eq!(there.asked().len(), 0);
}

#[test]
fn hosts_in_other_writings_are_the_same_host_or_are_refused() {
    let server = Server::text(HELLO);
    let port = server.address.port();
    let by_address = client(allowed(&[("127.0.0.1", &server)]));
    for host in ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "１２７.0.0.1", "127。0。0。1"]
    {
        let answer = by_address.fetch(Request::get(format!("http://{host}:{port}/"))).unwrap();
        assert_eq!(answer.addresses(), [server.address], "{host}");
    }
    let by_name = client(allowed(&[("a.test", &server)]));
    for url in [
        format!("http://127.1:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
        format!("http://a.test:{port}@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}#@a.test:{port}/"),
        format!("http://127.0.0.1:{port}\\@a.test:{port}/"),
        format!("http://a.test.evil.test:{port}/"),
        format!("http://a.test%2eevil.test:{port}/"),
        format!("http://a.test:{}/", port ^ 1),
        "http://a.test/".to_owned(),
    ] {
        let error = by_name.fetch(Request::get(url.as_str())).unwrap_err();
        assert!(matches!(why(&error), UrlError::Host | UrlError::Credentials), "{url}: {error}");
    }
}

#[test]
fn a_body_is_bounded_whether_its_length_is_said_or_not() {
    let said = Server::text("HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n");
    let error = client(allowed(&[("a.test", &said)])).fetch(Request::get(said.url("a.test", "/")));
    assert!(matches!(error, Err(FetchError::TooLong(65536))));
    let endless = Server::new(|_, to| {
        to.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            to.write_all(b"1000\r\n")?;
            to.write_all(&[b'x'; 0x1000])?;
            to.write_all(b"\r\n")?;
        }
    });
    let answer = client(allowed(&[("a.test", &endless)]))
        .fetch(Request::get(endless.url("a.test", "/")))
        .unwrap();
    assert!(matches!(answer.bytes(), Err(FetchError::TooLong(65536))));
    // The control: exactly as long as it may be.
    let full = "x".repeat(65536);
    let fits = Server::text(format!("HTTP/1.1 200 OK\r\ncontent-length: 65536\r\n\r\n{full}"));
    let answer = client(allowed(&[("a.test", &fits)])).fetch(Request::get(fits.url("a.test", "/")));
    assert_eq!(answer.unwrap().bytes().unwrap().len(), 65536);
}

#[test]
fn a_compressed_body_is_handed_on_as_it_came() {
    // Ten bytes that say they are gzip: nothing here inflates them.
    let server = Server::text(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n0123456789",
    );
    let answer = client(allowed(&[("a.test", &server)]))
        .fetch(Request::get(server.url("a.test", "/")))
        .unwrap();
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.bytes().unwrap(), b"0123456789");
}

#[test]
fn headers_are_bounded_in_length_and_number() {
    let endless = Server::new(|_, to| {
        to.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            to.write_all(format!("x-filler: {}\r\n", "y".repeat(1000)).as_bytes())?;
        }
    });
    let many = Server::text(format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(2000)));
    for server in [endless, many] {
        let error = client(allowed(&[("a.test", &server)]))
            .fetch(Request::get(server.url("a.test", "/")))
            .unwrap_err();
        assert!(matches!(error, FetchError::HeadersTooLong), "{error:?}");
    }
}

#[test]
fn an_answer_that_drips_ends_with_the_deadline() {
    let drip = |head: &'static str| {
        Server::new(move |_, to| {
            to.write_all(head.as_bytes())?;
            let (_kept, never) = std::sync::mpsc::channel::<()>();
            loop {
                to.write_all(b"x")?;
                let _ = never.recv_timeout(Duration::from_millis(20));
            }
        })
    };
    let time = Duration::from_millis(300);
    for head in ["HTTP/1.1 200 OK\r\nx-long: ", "HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n"]
    {
        let server = drip(head);
        let allowed = allowed(&[("a.test", &server)]);
        let client = Client::new(allowed, &Trust::System, Limits { time, ..limits() }).unwrap();
        let client = client.with_resolver(Says::new(&[&["127.0.0.1"]]));
        let begun = Instant::now();
        let answer = client.fetch(Request::get(server.url("a.test", "/")));
        let error = answer.and_then(super::Response::bytes).unwrap_err();
        assert!(matches!(error, FetchError::Timeout), "{error:?}");
        assert!(begun.elapsed() >= time && begun.elapsed() < Duration::from_mins(1));
    }
}

#[test]
fn a_lookup_ends_with_the_deadline_too() {
    #[derive(Debug)]
    struct Never;
    impl Resolve for Never {
        fn resolve(&self, _: &str, within: Duration) -> io::Result<Vec<IpAddr>> {
            assert!(within <= Duration::from_millis(100));
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    let allowed = Allowed::nothing().host("a.test", 443).unwrap();
    let limits = Limits { time: Duration::from_millis(100), ..limits() };
    let client = Client::new(allowed, &Trust::System, limits).unwrap().with_resolver(Never);
    let error = client.fetch(Request::get("https://a.test/")).unwrap_err();
    assert!(matches!(error, FetchError::Timeout));
}

#[test]
fn a_connection_is_used_again_and_its_name_is_still_judged() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut count = 0;
        while read_request(&mut stream).is_some() {
            count += 1;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        }
        count
    });
    let allowed = Allowed::nothing().with_plain_http().host("a.test", port).unwrap();
    let allowed = allowed.range("127.0.0.0/8".parse().unwrap());
    let says = Says::new(&[&["127.0.0.1"], &["127.0.0.1"], &["10.0.0.1"]]);
    let client = Client::new(allowed, &Trust::System, limits()).unwrap().with_resolver(says);
    let fetch = || client.fetch(Request::get(format!("http://a.test:{port}/")));
    assert_eq!(fetch().unwrap().bytes().unwrap(), b"ok");
    assert_eq!(fetch().unwrap().bytes().unwrap(), b"ok");
    assert_eq!(why(&fetch().unwrap_err()), &UrlError::Address("private"));
    drop(client);
    assert_eq!(served.join().unwrap(), 2);
}

#[test]
fn what_frames_a_message_is_not_the_callers_to_set() {
    let request = Request::get("http://a.test/");
    for (name, value) in [
        ("host", "b.test"),
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("x", "a\r\nhost: b.test"),
        ("x y", "z"),
        ("x\n", "z"),
        ("", "z"),
    ] {
        let refused = request.clone().with_header(name, value);
        assert!(matches!(refused, Err(FetchError::Header(_))), "{name}");
    }
    for method in ["CONNECT", "TRACE", "get", "GET / HTTP/1.1\r\n"] {
        assert!(matches!(request.clone().with_method(method), Err(FetchError::Method)));
    }
    let with_body = request.with_body(b"x".to_vec());
    assert!(matches!(client(Allowed::nothing()).fetch(with_body), Err(FetchError::Method)));
}

/// A certificate for these names by an authority of its own: chain, key, the authority's PEM.
fn certificate(name: &str) -> (rustls::ServerConfig, Vec<u8>) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    (config, root.pem().into_bytes())
}

/// Serves `answer` over TLS to everybody.
fn secure(config: rustls::ServerConfig, answer: String) -> u16 {
    secure_until(config, answer, true)
}

/// The same, with a goodbye or with the end of the connection alone.
fn secure_until(config: rustls::ServerConfig, answer: String, goodbye: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut asked = [0; 4096];
            if stream.read(&mut asked).is_ok() {
                let _ = stream.write_all(answer.as_bytes());
                if goodbye {
                    stream.conn.send_close_notify();
                }
                let _ = stream.flush();
            }
        }
    });
    port
}

#[test]
fn a_certificate_must_be_of_the_name_and_of_a_believed_authority() {
    let (config, authority) = certificate("a.test");
    let port = secure(config, HELLO.to_owned());
    let allowed = Allowed::nothing().host("a.test", port).unwrap().host("b.test", port).unwrap();
    let allowed = allowed.range("127.0.0.0/8".parse().unwrap());
    let fetch = |trust: &Trust, host: &str| {
        let client = Client::new(allowed.clone(), trust, limits()).unwrap();
        let client = client.with_resolver(Says::new(&[&["127.0.0.1"]]));
        client.fetch(Request::get(format!("https://{host}:{port}/")))?.bytes()
    };
    let pinned = Trust::Only(authority);
    assert_eq!(fetch(&pinned, "a.test").unwrap(), b"hello");
    assert!(matches!(fetch(&pinned, "b.test"), Err(FetchError::Tls(_))));
    assert!(matches!(fetch(&Trust::System, "a.test"), Err(FetchError::Tls(_))));
    let (_, other) = certificate("a.test");
    assert!(matches!(fetch(&Trust::Only(other), "a.test"), Err(FetchError::Tls(_))));
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"]
    {
        let refused = Client::new(allowed.clone(), &Trust::Only(pem.into()), limits());
        assert!(matches!(refused, Err(FetchError::Trust(_))), "{pem}");
    }
}

#[test]
fn a_connection_that_is_lost_is_not_the_end_of_a_body() {
    let open_end = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhel";
    for (goodbye, whole) in [(true, true), (false, false)] {
        let (config, authority) = certificate("a.test");
        let port = secure_until(config, open_end.to_owned(), goodbye);
        let allowed = Allowed::nothing().host("a.test", port).unwrap();
        let allowed = allowed.range("127.0.0.0/8".parse().unwrap());
        let client = Client::new(allowed, &Trust::Only(authority), limits()).unwrap();
        let client = client.with_resolver(Says::new(&[&["127.0.0.1"]]));
        let answer = client.fetch(Request::get(format!("https://a.test:{port}/"))).unwrap();
        assert_eq!(answer.bytes().ok(), whole.then(|| b"hel".to_vec()));
    }
    // Without TLS: closed with something unread, which is a reset.
    for (unread, whole) in [("", true), ("unread", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (read, go_on) = std::sync::mpsc::channel();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while asked.len() < unread.len() || !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.extend(byte);
            }
            stream.write_all(open_end.as_bytes()).unwrap();
            go_on.recv().unwrap();
        });
        let allowed = Allowed::nothing().plain_host("a.test", port).unwrap();
        let client = client(allowed.range("127.0.0.0/8".parse().unwrap()));
        let request = Request::get(format!("http://a.test:{port}/"));
        let request = request.with_method("POST").unwrap().with_body(unread.as_bytes());
        let mut answer = client.fetch(request).unwrap();
        let mut body = vec![0; 8];
        assert_eq!(answer.read(&mut body).unwrap(), 3);
        read.send(()).unwrap();
        served.join().unwrap();
        assert_eq!(answer.read(&mut body).ok(), whole.then_some(0), "{unread}");
    }
}

#[test]
fn what_is_no_name_of_a_header_is_not_repeated() {
    for name in ["Bearer sk-live-1", "sk live", "sk-live\u{1b}[2J", ""] {
        let error = Request::get("https://a.test/").with_header(name, "x").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("live"), "{error}");
    }
    let error = Request::get("https://a.test/").with_header("Host", "x").unwrap_err();
    assert!(error.to_string().contains("`Host`"), "control: {error}");
}

#[test]
fn a_redirect_never_leaves_tls() {
    let plain = Server::text(HELLO);
    let (config, authority) = certificate("a.test");
    let port = secure(config, redirect(302, &plain.url("a.test", "/")));
    let allowed = allowed(&[("a.test", &plain)]).host("a.test", port).unwrap();
    let client = Client::new(allowed, &Trust::Only(authority), limits()).unwrap();
    let client = client.with_resolver(Says::new(&[&["127.0.0.1"]]));
    let error = client.fetch(Request::get(format!("https://a.test:{port}/"))).unwrap_err();
    assert!(matches!(error, FetchError::Downgrade(1)), "{error:?}");
    assert_eq!(plain.asked().len(), 0);
    let url = plain.url("a.test", "/");
    assert_eq!(client.fetch(Request::get(url)).unwrap().bytes().unwrap(), b"hello");
}

/// Ways to write the one host that is allowed, hosts that are not, and noise around them.
fn written(port: u16) -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::{Strategy as _, any, prop_oneof};
    use proptest::sample::select;
    let scheme = select(vec![
        "http://", "HTTP://", "http:", "http:/\\", "http:///", "https://", "ftp://", " http://",
    ]);
    let host = select(vec![
        "a.test",
        "A.tEsT",
        "a.test.",
        "ａ.test",
        "a。test",
        "a%2etest",
        "%61.test",
        "a.te\tst",
        "a.test@127.0.0.1",
        "127.0.0.1@a.test",
        "127.1",
        "b.test",
        "a.test\\@b.test",
        "a.test#@b.test",
        "a.test?@b.test",
        "a.test..",
        "xn--a-.test",
        "[::ffff:7f00:1]",
        "a.test%00",
        "a.test%20",
    ]);
    let ports =
        vec![format!(":{port}"), format!(":0{port}"), String::new(), ":80".into(), ":65536".into()];
    let path = prop_oneof![
        select(vec!["/", "", "/x?y", "/x#y", "\\x", "/../..//b.test/", "/@b.test", "/\u{e9}|^`{}"])
            .prop_map(str::to_owned),
        any::<String>().prop_map(|text| format!("/{text}")),
    ];
    (scheme, host, select(ports), path).prop_map(|(a, b, c, d)| format!("{a}{b}{c}{d}"))
}

#[test]
fn whatever_is_accepted_is_what_is_asked_and_connected_to() {
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let server = Server::text(HELLO);
    let port = server.address.port();
    let allowed = Allowed::nothing().plain_host("a.test", port).unwrap();
    let allowed = allowed.range("127.0.0.0/8".parse().unwrap());
    let resolver = Says::new(&[&["127.0.0.1"]]);
    let client = client(allowed.clone()).with_resolver(resolver);
    let config =
        Config { cases: 600, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut accepted = 0;
    let seen = std::cell::RefCell::new(&mut accepted);
    TestRunner::new_with_rng(config, random)
        .run(&written(port), |text| {
            let before = server.asked().len();
            let answer = client.fetch(Request::get(text.as_str()));
            let asked = server.asked().split_off(before);
            match (allowed.parse(&text), answer) {
                (Ok(url), Ok(answer)) => {
                    **seen.borrow_mut() += 1;
                    let host = format!("host: {}:{port}\r\n", url.host());
                    assert_eq!(asked.len(), 1);
                    assert!(asked[0].to_ascii_lowercase().contains(&host), "{text:?}: {asked:?}");
                    assert_eq!((url.host(), answer.addresses()), ("a.test", &[server.address][..]));
                }
                // Refused by both, or by the second reading alone: then nothing was sent.
                (_, Err(error)) => {
                    assert!(error.is_refusal() && asked.is_empty(), "{text:?}: {error:?}");
                }
                (Err(error), Ok(_)) => panic!("{text:?} was answered: {error}"),
            }
            Ok(())
        })
        .unwrap();
    assert!(accepted > 20, "{accepted}");
}
