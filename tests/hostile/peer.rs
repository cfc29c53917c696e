//! What a service connects to: a listener that answers, and one that never accepts.

use ringfence_sys::{fd, socket, wait};
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::thread::JoinHandle;

/// Accepts every connection and ends it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) port: u16,
    bell: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// On a free port of loopback.
    pub(crate) fn start() -> Self {
        let listener = socket::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0);
        let listener = listener.unwrap();
        let port = bind(&listener, 1024);
        let bell = fd::eventfd(0, 0).unwrap();
        let rung = bell.try_clone().unwrap();
        let thread = std::thread::spawn(move || {
            while wait::readable(&[rung.as_fd(), listener.as_fd()], None).unwrap() & 1 == 0 {
                while socket::accept(listener.as_fd()).is_ok() {}
            }
        });
        Self { port, bell, thread: Some(thread) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = fd::write(self.bell.as_fd(), &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A listener whose backlog is full: a further connection waits and is never answered.
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) port: u16,
    _listener: OwnedFd,
    _queued: Vec<OwnedFd>,
}

impl Full {
    /// On a free port of loopback.
    pub(crate) fn start() -> Self {
        let listener = socket::socket(libc::AF_INET, libc::SOCK_STREAM, 0).unwrap();
        let port = bind(&listener, 0);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        // One more than the backlog is queued (listen(2)); what does not fit stays unanswered.
        let queued = (0..4).map(|_| {
            let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
            let client = socket::socket(libc::AF_INET, kind, 0).unwrap();
            let _ = socket::connect(client.as_fd(), &address);
            client
        });
        Self { port, _queued: queued.collect(), _listener: listener }
    }
}

fn bind(listener: &OwnedFd, backlog: i32) -> u16 {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    socket::bind(listener.as_fd(), &address).unwrap();
    socket::listen(listener.as_fd(), backlog).unwrap();
    match socket::local_address(listener.as_fd()).unwrap() {
        socket::Address::Inet(address) => address.port(),
        other => panic!("a TCP socket at {other}"),
    }
}
