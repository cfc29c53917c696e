//! Acts with sockets: connections by the thousand, listeners, and connections that never complete.

use crate::{say, wait_for_turn};
use ringfence_sys::spawn::{self, Keep};
use ringfence_sys::{socket, wait};
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Small, because thousands of threads are started.
const STACK: usize = 64 * 1024;

/// Listens on a port and says with what error.
pub(crate) fn bind(port: u16) -> i32 {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => say("bound"),
        Err(error) => say(&format!("error {}", error.raw_os_error().unwrap_or_default())),
    }
    0
}

/// Connects again and again, each time to the end of the connection.
pub(crate) fn connections(port: u16, count: usize) -> i32 {
    // The first call makes the broker keep what it keeps.
    whole_connection(port);
    say("ready");
    wait_for_turn();
    let made = (0..count).filter(|_| whole_connection(port)).count();
    say(&format!("made {made}"));
    wait_for_turn();
    0
}

/// One connection that the other side ends. It is aborted afterwards: thousands that linger in the
/// kernel would use up the host's ports.
fn whole_connection(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let ended = stream.read(&mut [0; 16]).is_ok();
    abort(&stream);
    ended
}

fn abort(stream: &TcpStream) {
    // On, after no time (socket(7)).
    let linger = [1_i32.to_ne_bytes(), 0_i32.to_ne_bytes()].concat();
    let _ = socket::set_option_bytes(stream.as_fd(), libc::SOL_SOCKET, libc::SO_LINGER, &linger);
}

/// Many threads connect at once.
pub(crate) fn threads(port: u16, threads: usize, each: usize) -> i32 {
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let own = (0..each).filter(|_| whole_connection(port)).count();
                made.fetch_add(own, Ordering::Relaxed);
            });
        }
    });
    say(&format!("made {}", made.load(Ordering::Relaxed)));
    0
}

/// Everything a service can hold on to, all at once: orphans that ignore every polite signal,
/// listeners, an abstract name, open connections and threads that make more of them.
pub(crate) fn load(to: u16, own: u16, mark: &str) -> i32 {
    super::processes::leave_orphans(3);
    let listener = TcpListener::bind(("127.0.0.1", own));
    let name = SocketAddr::from_abstract_name(mark).expect("the mark is short");
    // Refused where the name would be the host's; then there is none to be left behind.
    let abstract_name = UnixListener::bind_addr(&name);
    let private = TcpListener::bind(("127.0.0.1", 0));
    let connected = TcpStream::connect(("127.0.0.1", to));
    say(&format!("ready {} {} {}", connected.is_ok(), listener.is_ok(), abstract_name.is_ok()));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut kept = Vec::new();
                loop {
                    kept.extend(TcpStream::connect(("127.0.0.1", to)).ok());
                    if kept.len() > 20 {
                        kept.iter().for_each(abort);
                        kept.clear();
                    }
                }
            });
        }
    });
    drop((connected, listener, abstract_name, private));
    0
}

/// Blocking connections that nobody accepts, and then one that somebody does.
pub(crate) fn pending(full: u16, granted: u16, count: usize) -> i32 {
    hold(count, move || TcpStream::connect(("127.0.0.1", full)).map(drop), granted)
}

/// The same with a Unix socket whose backlog is full.
pub(crate) fn pending_unix(full: &str, granted: u16, count: usize) -> i32 {
    let full = full.to_owned();
    hold(count, move || UnixStream::connect(&full).map(drop), granted)
}

/// Starts `count` threads that each make one call, tells of every refused one, and shows meanwhile
/// that other connections are made.
fn hold(
    count: usize,
    call: impl Fn() -> std::io::Result<()> + Clone + Send + 'static,
    granted: u16,
) -> i32 {
    // The limit that is tried is the broker's, not this process's own.
    let _ = ringfence_sys::privilege::raise_limit(libc::RLIMIT_NOFILE, 2 * count as u64 + 64);
    let (ended, endings) = mpsc::channel();
    for _ in 0..count {
        let (call, ended) = (call.clone(), ended.clone());
        let body = move || {
            let errno = call().err().and_then(|error| error.raw_os_error()).unwrap_or_default();
            // The receiver lives as long as the process.
            let _ = ended.send(errno);
        };
        thread::Builder::new().stack_size(STACK).spawn(body).expect("a thread can be started");
    }
    say("started");
    // The test says how many must have been refused, in a line of its own.
    let mut refusals = 0;
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).is_ok_and(|length| length > 0) {
        match line.trim().split_once(' ') {
            Some(("refused", least)) => {
                let least: usize = super::number(least);
                while refusals < least {
                    let errno = endings.recv().expect("the threads hold the other end");
                    refusals += 1;
                    say(&format!("refusal {errno}"));
                }
                say("refused");
            }
            _ => say(&format!("served {}", whole_connection(granted))),
        }
        line.clear();
    }
    0
}

/// What became of a blocking connection that nobody accepts.
#[derive(PartialEq)]
enum Attempt {
    Refused,
    Waits,
}

/// Fills the places of waiting calls from a process that then dies, and says when there is room.
pub(crate) fn pending_of_the_dead(full: u16, count: usize) -> i32 {
    let connect = move || TcpStream::connect(("127.0.0.1", full)).map(drop);
    let child = spawn::process(0, Keep::All, || {
        let threads: Vec<_> = (0..count)
            .filter_map(|_| thread::Builder::new().stack_size(STACK).spawn(connect).ok())
            .collect();
        for thread in threads {
            let _ = thread.join();
        }
        // Those that were refused are done; the others never come here.
        0
    });
    let Ok(child) = child else { return 1 };
    while attempt(full) == Attempt::Waits {}
    say("no room");
    let _ = wait::send_signal(child.pidfd.as_fd(), libc::SIGKILL);
    let _ = wait::wait_for(child.pid);
    while attempt(full) == Attempt::Refused {}
    say("room");
    0
}

/// A refusal comes at once; what takes longer waits.
fn attempt(full: u16) -> Attempt {
    const AT_ONCE: Duration = Duration::from_millis(100);
    let (ended, ending) = mpsc::channel();
    let body = move || {
        let refused = TcpStream::connect(("127.0.0.1", full)).is_err();
        let _ = ended.send(refused);
    };
    thread::Builder::new().stack_size(STACK).spawn(body).expect("a thread can be started");
    match ending.recv_timeout(AT_ONCE) {
        Ok(_) => Attempt::Refused,
        Err(_) => Attempt::Waits,
    }
}
