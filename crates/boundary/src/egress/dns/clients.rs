//! The service's side of the resolver: one datagram socket, and a few streams (RFC 7766).
//!
//! A stream that is idle, or does not read its answers, is closed; at the bound the one that was
//! quiet for longest makes room. Nothing here waits for a client.

use super::message::{LONGEST_QUERY, LONGEST_UDP};
use ringfence_sys::epoll::Epoll;
use ringfence_sys::{Errno, datagram, fd, socket};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Longest answer over a stream, in bytes: all the addresses one answer can hold, and more.
const LONGEST_STREAM_REPLY: usize = 4096;
/// Bytes of unread answers before no more questions are read from a stream.
const MOST_UNREAD: usize = 16 * 1024;
/// A stream without a question for this long is closed.
const IDLE: Duration = Duration::from_secs(10);

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// By datagram, from here.
    Datagram(SocketAddr),
    /// On the stream at this index with this serial number.
    Stream(usize, u64),
}

impl Client {
    /// Longest message this client takes, in bytes.
    pub(super) fn longest_reply(self) -> usize {
        match self {
            Self::Datagram(_) => LONGEST_UDP,
            Self::Stream(..) => LONGEST_STREAM_REPLY,
        }
    }
}

/// One stream.
#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    /// Tells this stream from an earlier one at the same index.
    serial: u64,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    used: Instant,
    /// What the poller waits for: reading, writing.
    interest: (bool, bool),
}

/// All clients.
#[derive(Debug)]
pub(super) struct Clients {
    datagrams: OwnedFd,
    listener: OwnedFd,
    connections: Vec<Option<Connection>>,
    most: usize,
    serial: u64,
    /// The listener was taken out of the poller for want of descriptors.
    paused: bool,
    token: fn(usize) -> u64,
}

impl Clients {
    /// `datagrams` and `listener` are bound; `token` makes the token of a stream from its index.
    pub(super) fn new(
        datagrams: OwnedFd,
        listener: OwnedFd,
        most: usize,
        token: fn(usize) -> u64,
    ) -> Result<Self, Errno> {
        fd::set_nonblocking(datagrams.as_fd(), true)?;
        // A burst of questions that finds no room is asked again only seconds later.
        datagram::widen(datagrams.as_fd())?;
        fd::set_nonblocking(listener.as_fd(), true)?;
        Ok(Self {
            datagrams,
            listener,
            connections: Vec::new(),
            most,
            serial: 0,
            paused: false,
            token,
        })
    }

    pub(super) fn datagrams(&self) -> &OwnedFd {
        &self.datagrams
    }

    pub(super) fn listener(&self) -> &OwnedFd {
        &self.listener
    }

    /// The next question by datagram, if there is one.
    pub(super) fn receive<'b>(&self, buffer: &'b mut [u8]) -> Option<(Client, &'b [u8])> {
        loop {
            match datagram::receive(self.datagrams.as_fd(), buffer) {
                // A longer one is no query of ours; its beginning would be misread.
                Ok(got) if got.truncated => {}
                Ok(got) => return Some((Client::Datagram(got.from), buffer.get(..got.length)?)),
                // An error a client caused, such as a port that was closed meanwhile.
                Err(Errno(libc::ECONNREFUSED | libc::EINTR)) => {}
                Err(_) => return None,
            }
        }
    }

    /// Takes the next stream, if there is one.
    pub(super) fn accept(&mut self, epoll: &Epoll, now: Instant) -> bool {
        let socket = match socket::accept(self.listener.as_fd()) {
            Ok(socket) => socket,
            // Without a free descriptor the same stream would be offered for ever.
            Err(Errno(libc::EMFILE | libc::ENFILE)) => {
                self.paused = epoll.remove(self.listener.as_fd()).is_ok();
                return false;
            }
            Err(_) => return false,
        };
        let index = self.room();
        if epoll.add(socket.as_fd(), (self.token)(index), true, false).is_err() {
            return true;
        }
        self.serial += 1;
        let connection = Connection {
            socket,
            serial: self.serial,
            inbox: Vec::new(),
            outbox: Vec::new(),
            used: now,
            interest: (true, false),
        };
        if let Some(place) = self.connections.get_mut(index) {
            *place = Some(connection);
        }
        true
    }

    /// Reads what a stream has sent; answers false when the stream is over.
    pub(super) fn read(&mut self, index: usize, buffer: &mut [u8], now: Instant) {
        let Some(connection) = self.connection(index) else { return };
        let room = (LONGEST_QUERY + 2).saturating_sub(connection.inbox.len());
        let room = buffer.len().min(room);
        let Some(buffer) = buffer.get_mut(..room).filter(|room| !room.is_empty()) else { return };
        match fd::read(connection.socket.as_fd(), buffer) {
            Ok(length) if length > 0 => {
                connection.used = now;
                connection.inbox.extend_from_slice(buffer.get(..length).unwrap_or_default());
            }
            Err(Errno(libc::EAGAIN)) => {}
            Ok(_) | Err(_) => self.close(index),
        }
    }

    /// The next whole question of a stream. One that is longer than any question ends the stream.
    pub(super) fn next(&mut self, index: usize, into: &mut Vec<u8>) -> Option<Client> {
        let connection = self.connection(index)?;
        let length = usize::from(u16::from_be_bytes(*connection.inbox.first_chunk::<2>()?));
        if length > LONGEST_QUERY {
            self.close(index);
            return None;
        }
        into.clear();
        into.extend_from_slice(connection.inbox.get(2..2 + length)?);
        connection.inbox.drain(..2 + length);
        Some(Client::Stream(index, connection.serial))
    }

    /// Sends an answer. What a datagram client has no room for is lost, as datagrams are.
    pub(super) fn send(&mut self, client: Client, reply: &[u8], epoll: &Epoll) {
        match client {
            Client::Datagram(to) => {
                // The first try may only report the error of an earlier answer.
                let send = || datagram::send(self.datagrams.as_fd(), reply, None, Some(to));
                if send() == Err(Errno(libc::ECONNREFUSED)) {
                    let _ = send();
                }
            }
            Client::Stream(index, serial) => {
                let Some(connection) = self.connection(index) else { return };
                if connection.serial != serial {
                    return;
                }
                if connection.outbox.len() > MOST_UNREAD {
                    return self.close(index);
                }
                let length = u16::try_from(reply.len()).unwrap_or_default();
                connection.outbox.extend_from_slice(&length.to_be_bytes());
                connection.outbox.extend_from_slice(reply);
                self.flush(index, epoll);
            }
        }
    }

    /// Sends what a stream takes and says to the poller what it waits for.
    pub(super) fn flush(&mut self, index: usize, epoll: &Epoll) {
        let token = (self.token)(index);
        let Some(connection) = self.connection(index) else { return };
        while !connection.outbox.is_empty() {
            match datagram::send(connection.socket.as_fd(), &connection.outbox, None, None) {
                Ok(sent) => drop(connection.outbox.drain(..sent)),
                Err(Errno(libc::EAGAIN)) => break,
                Err(_) => return self.close(index),
            }
        }
        let unread = connection.outbox.len();
        let interest = (unread < MOST_UNREAD / 2, unread > 0);
        if interest != connection.interest {
            connection.interest = interest;
            let _ = epoll.change(connection.socket.as_fd(), token, interest.0, interest.1);
        }
    }

    /// Closes idle streams, and answers whether the listener must be given to the poller again.
    pub(super) fn sweep(&mut self, now: Instant) -> bool {
        for place in &mut self.connections {
            let idle = |c: &Connection| now.saturating_duration_since(c.used) >= IDLE;
            if place.as_ref().is_some_and(idle) {
                *place = None;
            }
        }
        std::mem::take(&mut self.paused)
    }

    /// Whether there is anything to sweep.
    pub(super) fn needs_sweep(&self) -> bool {
        self.paused || self.connections.iter().any(Option::is_some)
    }

    fn connection(&mut self, index: usize) -> Option<&mut Connection> {
        self.connections.get_mut(index)?.as_mut()
    }

    fn close(&mut self, index: usize) {
        if let Some(place) = self.connections.get_mut(index) {
            *place = None;
        }
    }

    /// An index for one more stream; at the bound the quietest one is closed.
    fn room(&mut self) -> usize {
        if let Some(index) = self.connections.iter().position(Option::is_none) {
            return index;
        }
        if self.connections.len() < self.most {
            self.connections.push(None);
            return self.connections.len() - 1;
        }
        let quietest =
            self.connections.iter().enumerate().filter_map(|(i, c)| Some((i, c.as_ref()?)));
        let index = quietest.min_by_key(|(_, c)| c.used).map_or(0, |(index, _)| index);
        self.close(index);
        index
    }
}
