//! A real axum server on loopback behind the layer, spoken to in bytes.

use axum::Router;
use axum::extract::Extension;
use axum::routing::{get, post};
use ringfence_guard::event::{Refusal, Watch};
use ringfence_guard::{header, json, layer::GuardLayer};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

#[derive(serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
struct Order {
    id: u32,
    note: String,
}

/// A server that counts how often its handler was asked, and what was refused before it.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    told: Arc<Mutex<Vec<Refusal>>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let (asked, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, list) = (Arc::clone(&asked), Arc::clone(&told));
        let watch = Watch::by(move |refusal: &Refusal| list.lock().unwrap().push(refusal.clone()));
        let layer = GuardLayer::new()
            .with_headers(header::Limits { value: 512, count: 20, ..header::Limits::default() })
            .with_json(json::Limits { bytes: 1000, depth: 4, ..json::Limits::default() })
            .watched_by(watch);
        let (ready, address) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let create = move |Extension(facts): Extension<json::Facts>,
                               body: axum::Json<Order>| {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = format!("{} {} {}", body.id, body.note, facts.values);
                async move { answer }
            };
            let app = Router::new()
                .route("/orders", post(create))
                .route("/", get(|| async { "hello" }))
                .layer(layer);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                tokio::spawn(async { axum::serve(listener, app).await });
                // Connections that are still open end with the runtime.
                let _ = stopped.await;
            });
        });
        let address = address.recv().unwrap();
        Self { address, asked, told, stop: Some(stop), thread: Some(thread) }
    }

    /// Sends bytes as they are and reads the answer until it is whole.
    fn send(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(ringfence_tests::PATIENCE)).unwrap();
        // A server that has refused already may have closed.
        let _ = stream.write_all(request);
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while !is_whole(&answer) {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend_from_slice(&piece[..read]),
            }
        }
        String::from_utf8(answer).unwrap()
    }

    fn post(&self, headers: &str, body: &str) -> String {
        let length = body.len();
        self.send(
            format!("POST /orders HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
                .as_bytes(),
        )
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether an answer has its head and as much of its body as it announces.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn what_fits_reaches_its_handler_as_it_was_sent() {
    let server = Server::start();
    let answer = server.post(JSON, r#"{"id": 7, "note": "gift"}"#);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("7 gift 3"), "{answer}");
    let chunked = "POST /orders HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\
        Content-Type: application/json; charset=utf-8\r\n\r\n\
        8\r\n{\"id\": 8\r\nf\r\n,\"note\":\"parts\"\r\n1\r\n}\r\n0\r\n\r\n";
    let answer = server.send(chunked.as_bytes());
    assert!(answer.ends_with("8 parts 3"), "{answer}");
    let answer = server.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert!(answer.ends_with("hello"), "{answer}");
    assert_eq!(server.asked(), 2);
    assert!(server.told.lock().unwrap().is_empty());
}

#[test]
fn what_does_not_is_answered_before_the_handler_and_repeats_nothing() {
    let server = Server::start();
    let good = r#"{"id": 7, "note": "hunter2"}"#;
    let long = format!(r#"{{"id": 7, "note": "{}"}}"#, "x".repeat(1000));
    let header = format!("{JSON}X-Token: {}\r\n", "hunter2".repeat(100));
    let many = format!("{JSON}{}", "X-A: hunter2\r\n".repeat(30));
    for (headers, body, status, rule) in [
        ("Content-Type: text/plain\r\n", good, 415, "content-type"),
        ("", good, 415, "content-type"),
        ("Content-Type: application/json; charset=latin1\r\n", good, 415, "content-type"),
        (
            "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
            good,
            415,
            "content-encoding",
        ),
        (JSON, long.as_str(), 413, "too-long"),
        (JSON, r#"{"id": 7, "id": 8, "note": "hunter2"}"#, 400, "duplicate-name"),
        (JSON, r#"{"__proto__": {"hunter2": true}}"#, 400, "prototype-name"),
        (JSON, "[[[[[\"hunter2\"]]]]]", 400, "too-deep"),
        (JSON, "{\"hunter2", 400, "truncated"),
        (JSON, "{} hunter2", 400, "trailing-data"),
        (header.as_str(), good, 431, "value-too-long"),
        (many.as_str(), good, 431, "too-many-headers"),
        ("Content-Type: application/json\r\nHost: evil.test\r\n", good, 400, "duplicate-header"),
        (
            "Content-Type: application/json\r\nX_Forwarded_For: 127.0.0.1\r\n",
            good,
            400,
            "ambiguous-name",
        ),
        ("Content-Type: application/json\r\nX: \u{e9}\r\n", good, 400, "not-ascii"),
    ] {
        server.told.lock().unwrap().clear();
        let answer = server.post(headers, body);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{rule}: {answer}");
        let (head, problem) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(problem).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &rule.into()));
        let told = server.told.lock().unwrap();
        assert_eq!(told.len(), 1, "{rule}");
        assert_eq!(told[0].rule(), rule);
        assert!(!format!("{answer} {told:?}").contains("hunter2"), "{answer} {told:?}");
    }
    assert_eq!(server.asked(), 0);
    // The server is as it was.
    assert!(server.post(JSON, good).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_body_that_never_ends_is_refused_at_its_first_byte_too_much() {
    let server = Server::start();
    let mut request = b"POST /orders HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\
        Content-Type: application/json\r\n\r\n"
        .to_vec();
    for _ in 0..11 {
        request.extend_from_slice(format!("64\r\n{}\r\n", " ".repeat(100)).as_bytes());
    }
    // Its end is never sent: only what was counted so far can have refused it.
    let answer = server.send(&request);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(server.told.lock().unwrap()[0].size(), 1100);
    // An announced length is refused before a byte of it.
    let answer = server.send(
        b"POST /orders HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\nContent-Length: 1001\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(server.asked(), 0);
}

#[test]
fn a_body_that_is_cut_off_never_reaches_the_handler() {
    let server = Server::start();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .write_all(
            b"POST /orders HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n{\"id\": 7",
        )
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(server.asked(), 0);
}
