//! A service that asks the broker for too much: it is bounded, others are served, and nothing is
//! left behind.

use crate::leftovers;
use crate::peer::{Full, Peer};
use crate::stage::{Host, PATIENCE, Service, Stage};
use ringfence_sys::socket;
use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Connections to one destination that may wait in the broker at once.
const WAITING: usize = 512;
/// What a service tries.
const TRIED: usize = 2000;

/// Long before the kernel gives up a connection that nobody answers (`tcp_syn_retries`, tcp(7)).
const GIVEN_UP: Duration = Duration::from_mins(1);
/// Events that a broker tells in a second, of everything and of questions for names. Of these it tells
/// five seconds' worth at once after a pause.
const EVENTS: u64 = 200;
const OF_NAMES: u64 = 20;

const HOSTS: [Host; 2] = [Host::Plain, Host::Container];

fn connect_to(ports: &[u16]) -> String {
    let grants: Vec<String> = ports.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect();
    format!("[net]\nconnect = [{}]\n", grants.join(", "))
}

#[test]
fn ten_thousand_connections_leave_no_descriptor_behind() {
    for host in HOSTS {
        let peer = Peer::start();
        let Some(stage) = Stage::new(host, &connect_to(&[peer.port])) else { continue };
        let port = peer.port.to_string();
        let mut service = stage.start(&["connections", &port, "10000"]);
        service.expect("ready");
        let chain = leftovers::chain(service.pid());
        let before: Vec<Option<usize>> = chain.iter().map(|pid| descriptors(*pid)).collect();
        if before.contains(&None) {
            ringfence_tests::not_run("only root may count another process's descriptors");
        }
        service.say("go");
        service.expect("made 10000");
        // The broker keeps a handle of the one thread that called, and may be about to close the
        // last connection's socket.
        let deadline = Instant::now() + PATIENCE;
        for (pid, before) in chain.iter().zip(&before) {
            let kept = before.unwrap_or_default() + 1;
            while descriptors(*pid).unwrap_or_default() > kept {
                assert!(
                    Instant::now() < deadline,
                    "{pid} had {before:?}, has {:?}",
                    descriptors(*pid)
                );
                std::thread::yield_now();
            }
        }
        service.end_input();
        assert_eq!(service.wait().code, 0);
    }
}

#[test]
fn many_threads_may_connect_at_once() {
    for host in HOSTS {
        let peer = Peer::start();
        let Some(stage) = Stage::new(host, &connect_to(&[peer.port])) else { continue };
        let ended = stage.run(&["threads", &peer.port.to_string(), "64", "25"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (0, "made 1600\n"), "{ended:?}");
    }
}

#[test]
fn connections_that_never_complete_are_bounded_and_others_are_served() {
    for host in HOSTS {
        let (peer, full) = (Peer::start(), Full::start());
        let Some(stage) = Stage::new(host, &connect_to(&[peer.port, full.port])) else { continue };
        let (full, granted) = (full.port.to_string(), peer.port.to_string());
        let service = start_with_few_descriptors(&stage, &["pending", &full, &granted]);
        hold_too_many(service);
    }
}

#[test]
fn a_full_backlog_of_a_unix_socket_is_bounded_and_others_are_served() {
    for host in HOSTS {
        let peer = Peer::start();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("full.sock");
        let sections = format!("{}unix = [\"{}\"]\n", connect_to(&[peer.port]), path.display());
        let _full = full_unix(&path);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let Some(stage) = Stage::new(host, &sections) else { continue };
        let (full, granted) = (path.to_string_lossy().into_owned(), peer.port.to_string());
        let service = start_with_few_descriptors(&stage, &["pending-unix", &full, &granted]);
        hold_too_many(service);
    }
}

#[test]
fn callers_that_died_make_room_for_others() {
    for host in HOSTS {
        let full = Full::start();
        let Some(stage) = Stage::new(host, &connect_to(&[full.port])) else { continue };
        let count = WAITING + 100;
        let mut service =
            stage.start(&["pending-of-the-dead", &full.port.to_string(), &count.to_string()]);
        service.expect("no room");
        let began = Instant::now();
        service.expect("room");
        // They are looked for every second; by itself the kernel gives such a call up after two minutes.
        assert!(began.elapsed() < GIVEN_UP, "{:?}", began.elapsed());
        assert_eq!(service.wait().code, 0);
    }
}

/// As on most hosts: a soft limit of 1024 descriptors, fewer than connections may wait.
fn start_with_few_descriptors(stage: &Stage, act: &[&str]) -> Service {
    let inner = stage.command();
    let mut command = ringfence_tests::command::other("sh");
    command.args(["-c", "ulimit -S -n 1024 && exec \"$@\"", "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.args(["--events", "events", "--", "./intruder"]).args(act).arg(TRIED.to_string());
    command.current_dir(stage.path(""));
    stage.spawn(command)
}

/// The service holds as many waiting calls as it may and was refused the others.
fn hold_too_many(mut service: Service) {
    service.expect("started");
    service.say("connect");
    service.expect("served true");
    service.say(&format!("refused {}", TRIED - WAITING));
    for _ in 0..TRIED - WAITING {
        service.expect(&format!("refusal {}", libc::EAGAIN));
    }
    service.expect("refused");
    // The bound is reached: what need not wait is still served.
    service.say("connect");
    service.expect("served true");
    service.end_input();
    let ended = service.wait();
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn refused_connections_by_the_thousand_are_counted_and_others_are_served() {
    for host in HOSTS {
        let peer = Peer::start();
        let Some(stage) = Stage::new(host, &connect_to(&[peer.port])) else { continue };
        let began = Instant::now();
        let ended = stage.run(&["denials", &peer.port.to_string(), "20000"]);
        assert_eq!(ended.stdout, "refused 20000\nserved true\n", "{ended:?}");
        let told = ended.events("denial");
        assert!(!told.is_empty() && is_bounded(told.len(), EVENTS, began), "{} events", told.len());
        let counted = |event: &serde_json::Value| {
            let reason = event["reason"].as_str().unwrap();
            let (_, rest) = reason.split_once(" (").unwrap_or_default();
            rest.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
        };
        let dropped: usize = told.iter().map(counted).sum();
        assert_eq!(told.len() + dropped, 20_000, "what is not told is counted");
    }
}

#[test]
fn a_flood_of_questions_is_bounded_and_others_are_served() {
    let peer = Peer::start();
    let Some(stage) = Stage::new(Host::Plain, &connect_to(&[peer.port])) else { return };
    let began = Instant::now();
    let ended = stage.run(&["names", &peer.port.to_string(), "100000"]);
    assert_eq!(ended.stdout, "sent 100000\nanswered\nserved true\n", "{ended:?}");
    let told = ended.events.lines().count();
    assert!(is_bounded(told, OF_NAMES, began), "{told} events");
}

#[test]
fn forged_events_stay_out_of_the_events() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let ended = stage.run(&["fake-events", "20000"]);
        assert_eq!(ended.stdout, "written 20000\n");
        assert_eq!(ended.stderr.matches("\"forged\",\"kind\"").count(), 20_000);
        assert!(!ended.events.contains("forged"), "{}", ended.events);
        assert_eq!(ended.events("denial").len(), 1, "the true one is there");
    }
}

/// Whether so many events are no more than so many a second for a flood that began then: on a slow
/// machine it lasts longer.
fn is_bounded(told: usize, a_second: u64, began: Instant) -> bool {
    told as u64 <= a_second * (began.elapsed().as_secs() + 10)
}

fn descriptors(pid: i32) -> Option<usize> {
    fs::read_dir(format!("/proc/{pid}/fd")).ok().map(Iterator::count)
}

/// A listener whose backlog is full, and the connection that fills it.
fn full_unix(path: &Path) -> Vec<OwnedFd> {
    let make = || {
        let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
        socket::socket(libc::AF_UNIX, kind, 0).unwrap()
    };
    let address = socket::Address::UnixPath(path.as_os_str().as_bytes().to_vec());
    let listener = make();
    socket::bind_address(listener.as_fd(), &address).unwrap();
    socket::listen(listener.as_fd(), 0).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    let mut all = vec![listener];
    loop {
        let client = make();
        match socket::connect_address(client.as_fd(), &address) {
            Ok(()) => all.push(client),
            Err(_) => return all,
        }
    }
}
