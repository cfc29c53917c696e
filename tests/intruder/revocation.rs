//! Acts that hold on to sockets, files and secrets where a revocation has to find them.
//!
//! Each says `ready`, and then tells for each line it is given whether what it holds still works. A
//! connection works when the other side answers a byte with a byte.

use crate::say;
use ringfence_sys::{fd, privilege, socket, spawn, wait};
use std::fs::{self, File};
use std::io::{BufRead as _, Read as _, Seek as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Longer than an answer takes that comes at all.
const PATIENCE: Duration = Duration::from_mins(1);

/// Many connections, each asked in each turn; an own listener and an accepted connection too.
pub(crate) fn many(port: u16, count: usize, listen: u16) -> i32 {
    let _ = privilege::raise_limit(libc::RLIMIT_NOFILE, 2 * count as u64 + 64);
    let mut held: Vec<TcpStream> = (0..count).filter_map(|_| connect(port)).collect();
    let listener = TcpListener::bind(("127.0.0.1", listen)).expect("it is granted");
    say(&format!("ready {}", held.len()));
    let (mut accepted, _) = listener.accept().expect("the test connects");
    say("accepted");
    turns(|| {
        let work = held.iter_mut().filter_map(|stream| works(stream).then_some(())).count();
        say(&format!("work {work}, accepted {}", works(&mut accepted)));
    })
}

/// A connection that only a thread with a table of its own holds.
pub(crate) fn private_table(port: u16) -> i32 {
    let (ask, asked) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        fd::private_table().expect("a table of its own");
        let mut stream = connect(port).expect("it is granted");
        let own = std::os::fd::AsRawFd::as_raw_fd(&stream);
        let shared = fs::exists(format!("/proc/self/fd/{own}")).expect("it can be read");
        let _ = tell.send(!shared);
        while asked.recv().is_ok() {
            let _ = tell.send(works(&mut stream));
        }
    });
    say(&format!("ready {}", told.recv() == Ok(true)));
    turns(|| {
        let _ = ask.send(());
        say(&format!("works {}", told.recv() == Ok(true)));
    })
}

/// A connection of a process whose first thread has ended.
pub(crate) fn zombie_leader(port: u16) -> i32 {
    thread::spawn(move || {
        let mut stream = connect(port).expect("it is granted");
        say("ready");
        turns(|| say(&format!("works {}", works(&mut stream))));
        spawn::exit(0);
    });
    spawn::exit_thread()
}

/// A connection that is nowhere but in a message nobody has received yet.
pub(crate) fn in_flight(port: u16) -> i32 {
    let (near, far) = fd::socketpair(libc::SOCK_SEQPACKET).expect("a pair");
    let send = |stream: TcpStream| {
        socket::send_fds(near.as_fd(), b"x", &[stream.as_fd()]).expect("room for one");
    };
    send(connect(port).expect("it is granted"));
    say("ready");
    turns(|| {
        let (_, mut fds) = socket::recv_fds(far.as_fd(), &mut [0]).expect("it was sent");
        let mut stream = TcpStream::from(fds.pop().expect("with a descriptor"));
        say(&format!("works {}", works(&mut stream)));
        send(stream);
    })
}

/// A listener and a connection that it accepted, both in a message nobody has received yet.
pub(crate) fn listener_in_flight(listen: u16) -> i32 {
    let (near, far) = fd::socketpair(libc::SOCK_SEQPACKET).expect("a pair");
    let listener = TcpListener::bind(("127.0.0.1", listen)).expect("it is granted");
    say("listens");
    let (mut accepted, _) = listener.accept().expect("the test connects");
    say(&format!("works {}", works(&mut accepted)));
    socket::send_fds(near.as_fd(), b"x", &[accepted.as_fd(), listener.as_fd()]).expect("room");
    drop((accepted, listener));
    say("ready");
    turns(|| {
        let (_, mut fds) = socket::recv_fds(far.as_fd(), &mut [0]).expect("it was sent");
        let mut accepted = TcpStream::from(fds.remove(0));
        say(&format!("works {}", works(&mut accepted)));
    })
}

/// A connection of a process that tries to be looked at by nobody.
pub(crate) fn undumpable(port: u16) -> i32 {
    let mut stream = connect(port).expect("it is granted");
    let hidden = privilege::set_dumpable(false).is_ok();
    say(&format!("ready {hidden}"));
    turns(|| say(&format!("works {}", works(&mut stream))))
}

/// A connection that waits for an answer while others are made and kept.
pub(crate) fn pending_and_kept(full: u16, port: u16) -> i32 {
    let (ended, ending) = mpsc::channel();
    thread::spawn(move || {
        let made = TcpStream::connect(("127.0.0.1", full)).is_ok();
        let _ = ended.send(made);
    });
    let mut stream = connect(port).expect("it is granted");
    say("ready");
    turns_said(|asked| {
        // Its end is on its way through another thread: the test says when it is to be waited for.
        let least = if asked == "ended?" { PATIENCE } else { Duration::from_millis(1) };
        let pending = match ending.recv_timeout(least) {
            Ok(made) => format!("ended {made}"),
            Err(_) => "pending".to_owned(),
        };
        say(&format!("works {}, {pending}", works(&mut stream)));
    })
}

/// A connection, while other processes of the service are made and ended all the time.
pub(crate) fn restless(port: u16) -> i32 {
    let mut stream = connect(port).expect("it is granted");
    for _ in 0..3 {
        let child = spawn::process(0, spawn::Keep::All, || {
            while let Ok(inner) = spawn::process(0, spawn::Keep::All, || 0) {
                let _ = wait::wait_for(inner.pid);
            }
            1
        });
        assert!(child.is_ok(), "a child can be made");
    }
    say("ready");
    turns(|| say(&format!("works {}", works(&mut stream))))
}

/// A connection to a unix socket of the host, held, and in flight.
pub(crate) fn unix(path: &str, way: &str) -> i32 {
    let stream = UnixStream::connect(path).expect("it is granted");
    let (near, far) = fd::socketpair(libc::SOCK_SEQPACKET).expect("a pair");
    let mut held = Some(stream);
    if way == "in-flight" {
        let stream = held.take().expect("just made");
        socket::send_fds(near.as_fd(), b"x", &[stream.as_fd()]).expect("room for one");
    }
    say("ready");
    turns(|| {
        let mut stream = held.take().unwrap_or_else(|| {
            let (_, mut fds) = socket::recv_fds(far.as_fd(), &mut [0]).expect("it was sent");
            fds.pop().expect("with a descriptor").into()
        });
        let again = UnixStream::connect(path).is_ok();
        say(&format!("works {}, again {again}", answers(&mut stream)));
        held = Some(stream);
    })
}

/// A file or secret: read by its name, and through what was opened before in some way.
pub(crate) fn file(path: &str, way: &str) -> i32 {
    let mut open = (way != "by-name").then(|| File::open(path).expect("it is granted"));
    let (near, far) = fd::socketpair(libc::SOCK_SEQPACKET).expect("a pair");
    if way == "in-flight" {
        let file = open.take().expect("just opened");
        socket::send_fds(near.as_fd(), b"x", &[file.as_fd()]).expect("room for one");
    }
    say("ready");
    turns(|| {
        let by_name = fs::read_to_string(path).map_err(|error| error.raw_os_error().unwrap_or(0));
        if way == "in-flight" && open.is_none() {
            let (_, mut fds) = socket::recv_fds(far.as_fd(), &mut [0]).expect("it was sent");
            open = fds.pop().map(File::from);
        }
        let through = open.as_mut().map(|file| {
            let mut text = String::new();
            let _ = file.rewind();
            let _ = file.read_to_string(&mut text);
            text
        });
        say(&format!("by name {by_name:?}, open {through:?}"));
    })
}

/// Does it once for each line of input.
fn turns(mut act: impl FnMut()) -> i32 {
    turns_said(|_| act())
}

/// The same, with the line.
fn turns_said(mut act: impl FnMut(&str)) -> i32 {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        act(&line);
    }
    0
}

fn connect(port: u16) -> Option<TcpStream> {
    TcpStream::connect(("127.0.0.1", port)).ok()
}

fn works(stream: &mut TcpStream) -> bool {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    stream.write_all(b"?").is_ok() && matches!(stream.read(&mut [0]), Ok(1))
}

fn answers(stream: &mut UnixStream) -> bool {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    stream.write_all(b"?").is_ok() && matches!(stream.read(&mut [0]), Ok(1))
}
