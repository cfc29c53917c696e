//! What a service does to keep what was taken away: it is cut, or the service is ended, and the
//! answer says which.
//!
//! Every test first shows that what is dropped works, and that it does not work afterwards whatever
//! the answer was. An answer that all is well while something still works is what must never be.

use crate::peer::Full;
use crate::stage::{Host, PATIENCE, Service, Stage, copy, free_port};
use ringfence_sys::{packet, wait};
use ringfence_tests::command;
use serde_json::{Value, json};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

const HOSTS: [Host; 2] = [Host::Plain, Host::Container];

/// Who runs the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    /// Whoever runs the tests; root may abort connections of others.
    Own,
    /// A user without any right.
    Nobody,
}

fn start(stage: &Stage, user: User, act: &[&str]) -> Service {
    if user == User::Own {
        return stage.start(act);
    }
    let binary = stage.path("ringfence");
    copy(command::binary(), &binary);
    let mut command = command::other(env!("CARGO_BIN_EXE_intruder"));
    command.arg("as-nobody").arg(binary).args(["run", "--", "./intruder"]).args(act);
    command.current_dir(stage.playground.path());
    stage.spawn(command)
}

/// Answers every byte with a byte, each connection in a thread of its own, until the test ends.
fn echo() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            echo_back(stream.unwrap());
        }
    });
    port
}

fn echo_back(mut stream: impl std::io::Read + std::io::Write + Send + 'static) {
    let body = move || {
        let mut byte = [0];
        while matches!(stream.read(&mut byte), Ok(1)) && stream.write_all(&byte).is_ok() {}
    };
    std::thread::Builder::new().stack_size(64 * 1024).spawn(body).unwrap();
}

/// How a drop was answered, over the address that `ringfence drop` asks at.
#[derive(Debug)]
struct Answer(Value);

impl Answer {
    fn done(&self) -> bool {
        self.0["ok"] == true
    }

    fn message(&self) -> &str {
        self.0["error"]["message"].as_str().unwrap_or_default()
    }

    /// How many of this kind were taken away.
    fn dropped(&self, kind: &str) -> u64 {
        self.0["dropped"][kind].as_u64().unwrap_or_default()
    }
}

/// Drops something of a running service from outside.
fn drop_of(service: &Service, scope: &str, reference: Option<&str>) -> Answer {
    let name = format!("ringfence/{}", service.pid());
    let caller = packet::connect(name.as_bytes()).unwrap();
    let mut request = json!({ "v": 1, "id": 7, "op": "drop", "scope": scope });
    if let Some(reference) = reference {
        request["reference"] = reference.into();
    }
    packet::send(caller.as_fd(), request.to_string().as_bytes()).unwrap();
    assert_eq!(wait::readable(&[caller.as_fd()], Some(PATIENCE)), Ok(1), "no answer");
    let mut room = vec![0; 8 * 1024];
    let length = packet::receive(caller.as_fd(), &mut room).unwrap().length;
    let answer: Value = serde_json::from_slice(&room[..length]).unwrap();
    assert_eq!(answer["id"], 7, "{answer}");
    Answer(answer)
}

/// The next line, unless the service was ended and the answer said so.
fn after(service: &mut Service, answer: &Answer) -> Option<String> {
    asked_after(service, answer, "?")
}

fn asked_after(service: &mut Service, answer: &Answer, question: &str) -> Option<String> {
    if answer.done() {
        service.say(question);
        return Some(service.line());
    }
    assert!(answer.message().contains("ended"), "{answer:?}");
    assert_eq!(service.line_or_end(), None, "the service goes on after {answer:?}");
    None
}

fn net(connect: &[u16]) -> String {
    let grants: Vec<String> = connect.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect();
    format!("[net]\nconnect = [{}]\n", grants.join(", "))
}

/// A service that holds one connection in some way: it works, then it is dropped, then it does not.
fn one_connection(act: &str, ready: &str) {
    let ways =
        [(Host::Plain, User::Own), (Host::Plain, User::Nobody), (Host::Container, User::Own)];
    for (host, user) in ways {
        let port = echo();
        let Some(stage) = Stage::new(host, &net(&[port])) else { continue };
        let mut service = start(&stage, user, &[act, &port.to_string()]);
        service.expect(ready);
        service.say("?");
        service.expect("works true");
        let answer = drop_of(&service, "net", Some(&format!("127.0.0.1:{port}")));
        if let Some(line) = after(&mut service, &answer) {
            assert_eq!(line, "works false", "{host:?} {user:?} {act} {answer:?}");
        }
        service.end_input();
        let ended = service.wait();
        assert_eq!(ended.code, if answer.done() { 0 } else { 125 }, "{ended:?}");
        assert_eq!(answer.done(), !ended.stderr.contains("a drop could not be completed"));
    }
}

#[test]
fn five_hundred_connections_a_listener_and_what_it_accepted_are_cut_at_once() {
    for host in HOSTS {
        let (port, own) = (echo(), free_port());
        let sections = format!("{}listen = [\"127.0.0.1:{own}\"]\n", net(&[port]));
        let Some(stage) = Stage::new(host, &sections) else { continue };
        let act = ["revoked-many", &port.to_string(), "500", &own.to_string()];
        let mut service = stage.start(&act);
        service.expect("ready 500");
        let client = TcpStream::connect(("127.0.0.1", own)).unwrap();
        service.expect("accepted");
        echo_back(client);
        service.say("?");
        service.expect("work 500, accepted true");
        let answer = drop_of(&service, "net", None);
        assert!(answer.done(), "{answer:?}");
        assert_eq!(
            (answer.dropped("sockets"), answer.dropped("listeners")),
            (501, 1),
            "{answer:?}"
        );
        let took = answer.0["milliseconds"].as_f64().unwrap();
        eprintln!("{host:?}: 500 connections were cut in {took} ms");
        service.say("?");
        service.expect("work 0, accepted false");
        let refused = TcpStream::connect(("127.0.0.1", own)).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        service.end_input();
        assert_eq!(service.wait().code, 0);
    }
}

#[test]
fn a_service_with_a_control_group_is_frozen_with_it() {
    let port = echo();
    let sections = format!("{}[limits]\npids = 64\n", net(&[port]));
    let Some(stage) = Stage::new(Host::Plain, &sections) else { return };
    let mut service = stage.start(&["revoked-restless", &port.to_string()]);
    service.expect("ready");
    service.say("?");
    service.expect("works true");
    let answer = drop_of(&service, "net", None);
    assert!(answer.done(), "{answer:?}");
    service.say("?");
    service.expect("works false");
    service.end_input();
    assert_eq!(service.wait().code, 0);
}

#[test]
fn a_connection_that_is_still_granted_is_left_alone() {
    for host in HOSTS {
        let (port, other) = (echo(), echo());
        let Some(stage) = Stage::new(host, &net(&[port, other])) else { continue };
        let mut service = stage.start(&["revoked-zombie-leader", &port.to_string()]);
        service.expect("ready");
        let answer = drop_of(&service, "net", Some(&format!("127.0.0.1:{other}")));
        assert!(answer.done(), "{answer:?}");
        service.say("?");
        service.expect("works true");
        service.end_input();
        assert_eq!(service.wait().code, 0);
    }
}

#[test]
fn a_connection_in_a_private_table_of_a_thread_is_cut() {
    one_connection("revoked-private-table", "ready true");
}

#[test]
fn a_connection_of_a_process_whose_first_thread_has_ended_is_cut() {
    one_connection("revoked-zombie-leader", "ready");
}

#[test]
fn a_connection_on_its_way_between_processes_is_cut_or_the_service_is_ended() {
    one_connection("revoked-in-flight", "ready");
}

#[test]
fn a_listener_on_its_way_and_what_it_accepted_are_cut_or_the_service_is_ended() {
    let ways =
        [(Host::Plain, User::Own), (Host::Plain, User::Nobody), (Host::Container, User::Own)];
    for (host, user) in ways {
        let own = free_port();
        let sections = format!("[net]\nlisten = [\"127.0.0.1:{own}\"]\n");
        let Some(stage) = Stage::new(host, &sections) else { continue };
        let mut service = start(&stage, user, &["revoked-listener-in-flight", &own.to_string()]);
        service.expect("listens");
        echo_back(TcpStream::connect(("127.0.0.1", own)).unwrap());
        service.expect("works true");
        service.expect("ready");
        // It waits to be accepted.
        let waiting = TcpStream::connect(("127.0.0.1", own)).unwrap();
        let answer = drop_of(&service, "net.listen", None);
        if let Some(line) = after(&mut service, &answer) {
            assert_eq!(line, "works false", "{host:?} {user:?} {answer:?}");
        }
        let refused = TcpStream::connect(("127.0.0.1", own)).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{host:?} {user:?}");
        drop(waiting);
        service.end_input();
        service.wait();
    }
}

#[test]
fn a_service_cannot_hide_its_connections_by_forbidding_to_be_looked_at() {
    one_connection("revoked-undumpable", "ready false");
}

#[test]
fn a_service_that_makes_processes_all_the_time_is_brought_to_rest_or_ended() {
    one_connection("revoked-restless", "ready");
}

#[test]
fn a_connection_that_is_being_made_is_ended_by_a_drop_and_keeps_none_from_ending() {
    for host in HOSTS {
        let (port, full) = (echo(), Full::start());
        let Some(stage) = Stage::new(host, &net(&[port, full.port])) else { continue };
        let act = ["revoked-pending", &full.port.to_string(), &port.to_string()];
        let mut service = stage.start(&act);
        service.expect("ready");
        service.say("?");
        service.expect("works true, pending");
        // Of the other: what waits inside the kernel for the broker keeps nobody from resting.
        let answer = drop_of(&service, "net", Some(&format!("127.0.0.1:{port}")));
        if after(&mut service, &answer).is_some_and(|line| {
            assert_eq!(line, "works false, pending", "{answer:?}");
            true
        }) {
            let address = format!("127.0.0.1:{}", full.port);
            let answer = drop_of(&service, "net", Some(&address));
            if let Some(line) = asked_after(&mut service, &answer, "ended?") {
                assert_eq!(line, "works false, ended false", "{answer:?}");
            }
        }
        service.end_input();
        service.wait();
    }
}

#[test]
fn a_unix_socket_of_the_host_is_cut_also_when_no_process_shows_it() {
    for way in ["held", "in-flight"] {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().canonicalize().unwrap().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                echo_back(stream.unwrap());
            }
        });
        let path = path.to_str().unwrap();
        let sections = format!("[net]\nunix = [\"{path}\"]\n");
        let Some(stage) = Stage::new(Host::Plain, &sections) else { continue };
        let mut service = stage.start(&["revoked-unix", path, way]);
        service.expect("ready");
        if way == "held" {
            service.say("?");
            service.expect("works true, again true");
        }
        let answer = drop_of(&service, "net.unix", Some(path));
        if let Some(line) = after(&mut service, &answer) {
            assert_eq!(line, "works false, again false", "{way} {answer:?}");
        }
        service.end_input();
        service.wait();
    }
}

/// A stage with a file that a broader grant shows too, and a secret.
fn with_files() -> Option<Stage> {
    let sections = "[fs]\nread = [\"./\"]\ndroppable = [\"./certs/tls.key\"]\n\
                    [secrets.token]\nfrom = \"file:./token\"\nas = \"file\"\nto = \"/run/secrets/token\"\n";
    let stage = Stage::new(Host::Plain, sections)?;
    fs::create_dir(stage.path("certs")).unwrap();
    for (file, text) in [("certs/tls.key", "key"), ("token", "secret")] {
        fs::write(stage.path(file), text).unwrap();
        fs::set_permissions(stage.path(file), fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(stage.path("certs"), fs::Permissions::from_mode(0o755)).unwrap();
    Some(stage)
}

#[test]
fn a_droppable_file_that_nobody_holds_is_gone() {
    let Some(stage) = with_files() else { return };
    let key = stage.path("certs/tls.key");
    let key = key.to_str().unwrap();
    let mut service = stage.start(&["revoked-file", key, "by-name"]);
    service.expect("ready");
    service.say("?");
    service.expect("by name Ok(\"key\"), open None");
    let answer = drop_of(&service, "fs.read", Some(key));
    assert!(answer.done(), "{answer:?}");
    service.say("?");
    service.expect(&format!("by name Err({}), open None", libc::EACCES));
    assert_eq!(fs::read_to_string(key).unwrap(), "key", "the host's file is as it was");
    service.end_input();
    assert_eq!(service.wait().code, 0);
}

#[test]
fn a_droppable_file_that_is_still_open_somewhere_is_gone_by_its_name_and_the_answer_says_more() {
    for way in ["open", "in-flight"] {
        let Some(stage) = with_files() else { return };
        let key = stage.path("certs/tls.key");
        let key = key.to_str().unwrap();
        let mut service = stage.start(&["revoked-file", key, way]);
        service.expect("ready");
        let answer = drop_of(&service, "fs.read", Some(key));
        assert!(!answer.done(), "{way} {answer:?}");
        assert!(answer.message().contains("still reaches it"), "{way} {answer:?}");
        service.say("?");
        let expected = format!("by name Err({}), open Some(\"key\")", libc::EACCES);
        assert_eq!(service.line(), expected, "{way}");
        let again = drop_of(&service, "fs.read", Some(key));
        assert!(!again.done(), "it has not become complete: {way} {again:?}");
        service.end_input();
        assert_eq!(service.wait().code, 0);
    }
}

#[test]
fn an_open_secret_reads_nothing_after_the_drop() {
    for way in ["by-name", "open", "in-flight"] {
        let Some(stage) = with_files() else { return };
        let secret = "/run/secrets/token";
        let mut service = stage.start(&["revoked-file", secret, way]);
        service.expect("ready");
        if way != "in-flight" {
            let open = if way == "open" { "Some(\"secret\")" } else { "None" };
            service.say("?");
            service.expect(&format!("by name Ok(\"secret\"), open {open}"));
        }
        let answer = drop_of(&service, "secret", Some("token"));
        assert!(answer.done(), "{way} {answer:?}");
        let open = if way == "by-name" { "None" } else { "Some(\"\")" };
        service.say("?");
        service.expect(&format!("by name Err({}), open {open}", libc::EACCES));
        assert_eq!(fs::read_to_string(stage.path("token")).unwrap(), "secret");
        service.end_input();
        assert_eq!(service.wait().code, 0);
    }
}
