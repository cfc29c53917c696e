//! `ringfence fetch`

use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

/// A server on loopback that answers by path, and what it was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let request = request(&mut stream);
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                kept.lock().unwrap().push(request);
                let _ = stream.write_all(answer(&path).as_bytes());
            }
        });
        Self { port, asked }
    }

    fn fetch(&self, playground: &Playground, path: &str, more: &[&str]) -> Run {
        let mut run = playground.run(self.arguments(path, more));
        let port = self.port.to_string();
        run.stdout = run.stdout.replace(&port, "[PORT]");
        run.stderr = run.stderr.replace(&port, "[PORT]");
        run
    }

    /// What is allowed is this server by its address.
    fn arguments(&self, path: &str, more: &[&str]) -> Vec<String> {
        let host = format!("http://127.0.0.1:{}", self.port);
        let mut arguments =
            vec!["fetch".to_owned(), format!("{host}{path}"), "--allow".to_owned(), host];
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        arguments
    }
}

const LOOPBACK: [&str; 2] = ["--allow-private", "127.0.0.0/8"];

fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            });
            if body.len() >= length.unwrap_or(0_usize) {
                return text;
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more) {
            Ok(length) if length > 0 => bytes.extend_from_slice(&more[..length]),
            _ => return text,
        }
    }
}

fn answer(path: &str) -> String {
    let (status, header, body) = match path {
        "/hello" => ("200 OK", "", "hello\n"),
        "/to-metadata" => ("302 Found", "location: http://169.254.169.254/latest/\r\n", ""),
        "/to-hello" => ("302 Found", "location: /hello\r\n", ""),
        "/loop" => ("302 Found", "location: /loop\r\n", ""),
        // Ends before it is whole.
        "/cut" => {
            return "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this".to_owned();
        }
        _ => ("404 Not Found", "", "there is nothing\n"),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[test]
fn what_is_allowed_is_fetched_and_what_is_private_is_not_by_itself() {
    let (server, playground) = (Server::new(), Playground::new());
    let run = server.fetch(&playground, "/hello", &[]);
    assert_snapshot!(run, @"
    exit: 1
    --- stdout
    --- stderr
    refused: 127.0.0.1:[PORT]: address denied: loopback
    hint: if it is meant to be reached: --allow-private RANGE, which holds for every allowed host
    ---
    ");
    assert!(server.asked.lock().unwrap().is_empty());
    for path in ["/hello", "/to-hello"] {
        let run = server.fetch(&playground, path, &LOOPBACK);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "hello\n", ""));
    }
}

#[test]
fn a_redirect_to_metadata_is_refused_and_nothing_can_allow_it() {
    let (server, playground) = (Server::new(), Playground::new());
    let run = server.fetch(&playground, "/to-metadata", &LOOPBACK);
    assert_snapshot!(run, @"
    exit: 1
    --- stdout
    --- stderr
    refused: redirect 1 to 169.254.169.254: host denied
    hint: no option allows this address: no service should call it
    ---
    ");
    let all = ["--allow", "http://169.254.169.254", "--allow-private", "0.0.0.0/0"];
    let run = server.fetch(&playground, "/to-metadata", &all);
    assert_snapshot!(run, @"
    exit: 1
    --- stdout
    --- stderr
    refused: redirect 1 to 169.254.169.254: address denied: metadata service
    hint: no option allows this address: no service should call it
    ---
    ");
}

#[test]
fn every_refusal_says_how_it_could_be_allowed() {
    let playground = Playground::new();
    let fetch = |url: &str| playground.run(["fetch", url, "--allow", "a.test"]);
    for (url, expected) in [
        (
            "https://b.test/x",
            "refused: b.test: host denied\nhint: if it is meant to be reached: --allow b.test\n",
        ),
        (
            "http://a.test/",
            "refused: a.test: http is not allowed: https is\nhint: if it is meant to be reached without TLS: --allow http://a.test\n",
        ),
        (
            "https://u:secret@a.test/",
            "refused: a.test: embedded credentials are not allowed\nhint: send them in a header: --header @FILE\n",
        ),
        (
            "https://a.test:8443/",
            "refused: a.test:8443: host denied\nhint: if it is meant to be reached: --allow a.test:8443\n",
        ),
        (
            "a.test",
            "refused: it is no absolute URL with a host\nhint: a whole URL is needed, such as https://HOST/PATH\n",
        ),
    ] {
        let run = fetch(url);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (1, "", expected));
    }
    let json =
        playground.run(["fetch", "https://b.test/", "--allow", "a.test", "--format", "json"]);
    assert_snapshot!(json, @r#"
    exit: 1
    --- stdout
    {
      "schema": 1,
      "verdict": "refused",
      "refusal": {
        "code": "host-denied",
        "reason": "b.test: host denied",
        "redirects": 0,
        "host": "b.test"
      }
    }
    --- stderr
    ---
    "#);
}

#[test]
fn another_status_is_a_failure_and_nothing_is_written() {
    let (server, playground) = (Server::new(), Playground::new().with("kept", "before"));
    let more = [&LOOPBACK[..], &["--output", "kept"]].concat();
    let run = server.fetch(&playground, "/nowhere", &more);
    assert_snapshot!(run, @"
    exit: 1
    --- stdout
    --- stderr
    failed: the answer has status 404
    ---
    ");
    let kept = || std::fs::read_to_string(playground.path().join("kept")).unwrap();
    assert_eq!(kept(), "before");
    // Neither by an answer that is cut off, nor by one that is too long.
    let run = server.fetch(&playground, "/cut", &more);
    assert_eq!((run.code, kept().as_str()), (2, "before"), "{run}");
    let short = [&more[..], &["--max-bytes", "5B"]].concat();
    let run = server.fetch(&playground, "/hello", &short);
    assert_eq!((run.code, kept().as_str()), (1, "before"), "{run}");
    assert!(run.stderr.contains("--max-bytes"), "{run}");
    let run = server.fetch(&playground, "/hello", &more);
    assert_eq!((run.code, kept().as_str()), (0, "hello\n"), "{run}");
    let left = std::fs::read_dir(playground.path()).unwrap().count();
    assert_eq!(left, 1, "something is left beside the file");
    let run = server.fetch(&playground, "/cut", &LOOPBACK);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
}

#[test]
fn a_device_a_pipe_or_a_folder_in_the_place_of_the_output_stays_what_it_is() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};
    let (server, playground) = (Server::new(), Playground::new().with("kept", "before"));
    let at = |name: &str| playground.path().join(name);
    let made = ringfence_tests::command::other("mkfifo").arg(at("pipe")).status();
    assert!(made.is_ok_and(|status| status.success()));
    std::fs::create_dir(at("folder")).unwrap();
    symlink("/dev/null", at("null")).unwrap();
    symlink("kept", at("link")).unwrap();
    for name in ["pipe", "folder", "null"] {
        let run =
            server.fetch(&playground, "/hello", &[&LOOPBACK[..], &["--output", name]].concat());
        assert_eq!(run.code, 2, "{name} {run}");
    }
    assert!(at("pipe").symlink_metadata().unwrap().file_type().is_fifo());
    assert!(at("folder").is_dir());
    assert!(at("null").is_symlink() && at("null").metadata().unwrap().file_type().is_char_device());
    // The control: what leads to a file is written.
    let run = server.fetch(&playground, "/hello", &[&LOOPBACK[..], &["--output", "link"]].concat());
    assert_eq!(run.code, 0, "{run}");
    assert!(at("link").is_symlink());
    assert_eq!(std::fs::read_to_string(at("kept")).unwrap(), "hello\n");
}

#[test]
fn a_header_without_a_colon_is_neither_sent_nor_repeated() {
    let server = Server::new();
    for secret in ["sk-live-12345", "Bearer sk-live-12345"] {
        let playground = Playground::new().with("token", secret);
        let more = [&LOOPBACK[..], &["--header", "@token"]].concat();
        let run = server.fetch(&playground, "/hello", &more);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        assert!(!run.stderr.contains("12345") && run.stderr.contains("Name: value"), "{run}");
        let playground = Playground::new().with("token", &format!("Authorization: {secret}"));
        assert_eq!(server.fetch(&playground, "/hello", &more).code, 0, "control");
    }
    let asked = server.asked.lock().unwrap();
    assert!(asked.len() == 2 && asked.iter().all(|asked| asked.contains("authorization: ")));
}

#[test]
fn a_line_break_in_an_argument_makes_no_second_header() {
    let (server, playground) = (Server::new(), Playground::new());
    for header in ["x-name: bob\nauthorization: x", "x-name: bob\r\nauthorization: x", ""] {
        let run =
            server.fetch(&playground, "/hello", &[&LOOPBACK[..], &["--header", header]].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{header:?} {run}");
    }
    assert!(server.asked.lock().unwrap().is_empty());
    let more = [&LOOPBACK[..], &["--header", "x-name: bob"]].concat();
    assert_eq!(server.fetch(&playground, "/hello", &more).code, 0, "control");
}

#[test]
fn redirects_are_bounded() {
    let (server, playground) = (Server::new(), Playground::new());
    let more = [&LOOPBACK[..], &["--max-redirects", "2"]].concat();
    let run = server.fetch(&playground, "/loop", &more);
    assert_snapshot!(run, @"
    exit: 1
    --- stdout
    --- stderr
    refused: more than 2 redirects
    hint: if it needs more: --max-redirects N
    ---
    ");
    assert_eq!(server.asked.lock().unwrap().len(), 3);
}

#[test]
fn a_body_and_headers_come_from_files_and_standard_input() {
    let server = Server::new();
    let playground = Playground::new().with("headers", "Authorization: Bearer token\nX-One: 1\n");
    let more = [&LOOPBACK[..], &["--data", "-", "--header", "@headers", "--header", "x-two: 2"]];
    let mut command = playground.command();
    command.args(server.arguments("/hello", &more.concat()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"payload").unwrap();
    assert!(child.wait().unwrap().success());
    let asked = server.asked.lock().unwrap().remove(0);
    assert!(asked.starts_with("POST /hello "), "{asked}");
    for line in ["authorization: Bearer token\r\n", "x-one: 1\r\n", "x-two: 2\r\n"] {
        assert!(asked.contains(line), "{asked}");
    }
    assert!(asked.ends_with("\r\n\r\npayload"), "{asked}");
}

#[test]
fn the_json_form_tells_what_was_reached() {
    let (server, playground) = (Server::new(), Playground::new());
    let more = [&LOOPBACK[..], &["--format", "json"]].concat();
    let run = server.fetch(&playground, "/to-hello", &more);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &told["verdict"]), (0, &Value::from("answered")));
    assert_eq!(told["url"], "http://127.0.0.1:[PORT]/hello");
    assert_eq!(told["answer"]["status"], 200);
    assert_eq!(told["answer"]["redirects"], 1);
    assert_eq!(told["answer"]["addresses"][0], "127.0.0.1:[PORT]");
    assert_eq!(told["answer"]["body"], "hello\n");
}

#[test]
fn no_proxy_of_the_environment_is_used() {
    let (server, proxy) = (Server::new(), Server::new());
    let playground = Playground::new();
    let mut command = playground.command();
    command.args(server.arguments("/hello", &LOOPBACK));
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, format!("http://127.0.0.1:{}", proxy.port));
    }
    let run = playground.finish(&mut command);
    assert_eq!((run.code, run.stdout.as_str()), (0, "hello\n"), "{run}");
    assert!(proxy.asked.lock().unwrap().is_empty());
}

#[test]
fn mistakes_on_the_command_line_are_usage_errors() {
    let playground = Playground::new();
    for arguments in [
        &["fetch", "https://a.test/"][..],
        &["fetch", "https://a.test/", "--allow", "ftp://a.test"],
        &["fetch", "https://a.test/", "--allow", "a.test:x"],
        &["fetch", "https://a.test/", "--allow", "a.test", "--allow-private", "10.1.2.3/8"],
        &["fetch", "https://a.test/", "--allow", "a.test", "--method", "CONNECT"],
        &["fetch", "https://a.test/", "--allow", "a.test", "--method", "GET", "--data", "-"],
        &["fetch", "https://a.test/", "--allow", "a.test", "--header", "host: b.test"],
        &["fetch", "https://a.test/", "--allow", "a.test", "--header", "no header"],
        &["fetch", "https://a.test/", "--allow", "a.test", "--ca", "missing.pem"],
    ] {
        let run = playground.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
        assert!(run.stderr.starts_with("error: "), "{arguments:?}: {run}");
    }
}
