//! The process that keeps the canaries of the network: listeners that speak a token, a name server,
//! and a knocker that connects to every port where a probe listens.
//!
//! It is a process of its own because `enforce` starts a service only from a process with a single
//! thread. It ends when `prove` closes its pipe, or ends in any other way, and then removes what is
//! left of the stage: a killed `prove` cannot.

use ringfence_sys::attack::forked::Child;
use ringfence_sys::{Errno, fd, privilege, spawn};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// What the keeper serves.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    /// Speak the token to whoever connects.
    pub(super) streams: Vec<TcpListener>,
    /// The same over HTTP.
    pub(super) http: Vec<TcpListener>,
    /// The same over unix sockets.
    pub(super) unix: Vec<UnixListener>,
    /// Answer every datagram with the token.
    pub(super) datagrams: Vec<UdpSocket>,
    /// Answers every question with 127.0.0.1, and remembers it.
    pub(super) names: Option<UdpSocket>,
    /// Ports where probes will listen, by the name of their parameter.
    pub(super) knock: Vec<(&'static str, SocketAddr)>,
    /// A port where a probe will wait for a datagram.
    pub(super) send: Option<SocketAddr>,
}

/// The running keeper.
#[derive(Debug)]
pub(super) struct Keeper {
    seen: OwnedFd,
    /// Closed first, so that the process ends by itself.
    leash: Option<OwnedFd>,
    child: Option<Child>,
}

impl Keeper {
    /// Starts it.
    pub(super) fn start(sockets: Sockets, token: &str) -> Result<Self, Errno> {
        let (leash_there, leash) = fd::pipe(0)?;
        let (seen, seen_there) = fd::pipe(0)?;
        fd::set_nonblocking(seen.as_fd(), true)?;
        let token = token.to_owned();
        let own_end = std::os::fd::AsRawFd::as_raw_fd(&leash);
        let child = Child::fork(move || {
            ringfence_sys::attack::canary::forget_descriptor(own_end);
            // It outlives a `prove` that is killed, to clean up after it.
            let _ = privilege::set_parent_death_signal(0);
            let own = token.clone();
            let watch = std::thread::Builder::new().spawn(move || {
                let _ = fd::read(leash_there.as_fd(), &mut [0]);
                super::sweep(&own);
                spawn::exit(0)
            });
            if watch.is_ok() {
                serve(sockets, &token, &seen_there);
            }
            1
        })?;
        Ok(Self { seen, leash: Some(leash), child: Some(child) })
    }

    /// What it has seen since the last time: `dns:LABEL` and `knock:NAME`.
    pub(super) fn seen(&self) -> Vec<String> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = fd::read(self.seen.as_fd(), &mut buffer) {
            bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
        }
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.leash.take());
        drop(self.child.take());
    }
}

fn serve(sockets: Sockets, token: &str, seen: &OwnedFd) {
    let note = |what: &str| {
        // One write below the size of a pipe's buffer is never torn.
        let _ = fd::write_all(seen.as_fd(), format!("{what}\n").as_bytes());
    };
    let spawn = |body: Box<dyn FnOnce() + Send>| {
        // Without the thread its canary stays silent, and its control fails.
        let _ = std::thread::Builder::new().spawn(body);
    };
    for listener in sockets.streams {
        let token = token.to_owned();
        spawn(Box::new(move || speak(listener.incoming().flatten(), &token)));
    }
    for listener in sockets.unix {
        let token = token.to_owned();
        spawn(Box::new(move || speak(listener.incoming().flatten(), &token)));
    }
    for listener in sockets.http {
        let token = token.to_owned();
        spawn(Box::new(move || answer_http(&listener, &token)));
    }
    for socket in sockets.datagrams {
        let token = token.to_owned();
        spawn(Box::new(move || {
            let mut buffer = [0; 64];
            while let Ok((_, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(token.as_bytes(), from);
            }
        }));
    }
    std::thread::scope(|scope| {
        if let Some(socket) = sockets.names {
            scope.spawn(move || answer_names(&socket, &note));
        }
        knock(&sockets.knock, sockets.send, token, &note);
    });
}

fn speak(streams: impl Iterator<Item = impl Write>, token: &str) {
    for mut stream in streams {
        let _ = stream.write_all(token.as_bytes());
    }
}

fn answer_http(listener: &TcpListener, token: &str) {
    for mut stream in listener.incoming().flatten() {
        let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
        let _ = stream.read(&mut [0; 2048]);
        let length = token.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n");
        let _ = stream.write_all(format!("{head}\r\n{token}").as_bytes());
    }
}

/// Connects and sends to every port over and over; whoever listens there is noted.
fn knock(
    ports: &[(&'static str, SocketAddr)],
    send: Option<SocketAddr>,
    token: &str,
    note: &dyn Fn(&str),
) {
    const PAUSE: Duration = Duration::from_millis(10);
    let sender = UdpSocket::bind(("127.0.0.1", 0)).ok();
    let (_never, pause) = channel::<()>();
    while pause.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        for (name, port) in ports {
            if let Ok(mut stream) = TcpStream::connect_timeout(port, Duration::from_millis(100)) {
                note(&format!("knock:{name}"));
                let _ = stream.write_all(token.as_bytes());
            }
        }
        if let (Some(sender), Some(port)) = (&sender, send) {
            let _ = sender.send_to(token.as_bytes(), port);
        }
    }
}

/// A name server that knows one answer (RFC 1035).
fn answer_names(socket: &UdpSocket, note: &dyn Fn(&str)) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let query = buffer.get(..length).unwrap_or_default();
        let Some(question) = question(query) else { continue };
        note(&format!("dns:{}", first_label(query)));
        let mut answer = query.get(..2).unwrap_or_default().to_vec();
        answer.extend_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        answer.extend_from_slice(question);
        // The name of the question, type A, class IN, one second, four bytes.
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
        let _ = socket.send_to(&answer, from);
    }
}

fn question(query: &[u8]) -> Option<&[u8]> {
    let mut end = 12;
    loop {
        match usize::from(*query.get(end)?) {
            0 => break,
            length => end += length + 1,
        }
    }
    query.get(12..end + 5)
}

fn first_label(query: &[u8]) -> String {
    let length = query.get(12).copied().map_or(0, usize::from);
    let label = query.get(13..13 + length).unwrap_or_default();
    label.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keeper_speaks_knocks_answers_and_remembers() {
        let stream = TcpListener::bind("127.0.0.1:0").unwrap();
        let names = UdpSocket::bind("127.0.0.1:0").unwrap();
        let waiting = TcpListener::bind("127.0.0.1:0").unwrap();
        let (at, dns) = (stream.local_addr().unwrap(), names.local_addr().unwrap());
        let knock = vec![("listen4", waiting.local_addr().unwrap())];
        let sockets =
            Sockets { streams: vec![stream], names: Some(names), knock, ..Sockets::default() };
        let keeper = Keeper::start(sockets, "token").unwrap();
        let mut said = String::new();
        TcpStream::connect(at).unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "token");
        said.clear();
        let (mut knocker, _) = waiting.accept().unwrap();
        drop(waiting);
        knocker.read_to_string(&mut said).unwrap();
        assert_eq!(said, "token");
        assert!(ringfence_sys::attack::network::ask(dns, "data.example.test").is_ok());
        let seen = keeper.seen();
        assert!(seen.contains(&"knock:listen4".to_owned()), "{seen:?}");
        assert!(seen.contains(&"dns:data".to_owned()), "{seen:?}");
        assert_eq!(keeper.seen(), Vec::<String>::new());
    }
}
