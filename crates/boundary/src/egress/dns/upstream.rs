//! One exchange with a nameserver: a datagram, or a stream when the answer does not fit into one.
//!
//! Each exchange has a fresh socket, so the kernel picks a new source port, and a fresh random id.
//! The socket is connected, so only the nameserver's own address is heard.

use super::answer::{Answer, Unusable, parse_answer};
use super::message::{WireName, write_query};
use ringfence_sys::{Errno, datagram, fd, socket};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Longest answer over a stream, in bytes; addresses fill far less.
pub(super) const LONGEST_STREAM: usize = 16 * 1024;
/// Most datagrams that are not our answer before a nameserver is given up.
const MOST_FOREIGN: u32 = 64;

/// The question of an exchange.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    /// What is asked.
    pub(super) name: WireName,
    /// Record type.
    pub(super) kind: u16,
}

/// What an exchange came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing yet.
    Waiting,
    /// The answer.
    Answered(Answer),
    /// The nameserver cannot be reached or talks nonsense.
    Broken,
}

/// An exchange under way.
#[derive(Debug)]
pub(super) struct Exchange {
    socket: OwnedFd,
    id: u16,
    question: Question,
    foreign: u32,
    stream: Option<Stream>,
}

/// The two directions of a stream; each message has its length in front (RFC 1035, 4.2.2).
#[derive(Debug)]
struct Stream {
    out: Vec<u8>,
    sent: usize,
    inbox: Vec<u8>,
}

impl Exchange {
    /// Asks by datagram.
    pub(super) fn datagram(
        server: SocketAddr,
        question: &Question,
        scratch: &mut Vec<u8>,
    ) -> Result<Self, Errno> {
        let socket = datagram::udp(server.is_ipv6())?;
        let id = random_id()?;
        socket::connect(socket.as_fd(), &server)?;
        write_query(scratch, id, &question.name, question.kind);
        datagram::send(socket.as_fd(), scratch, None, None)?;
        Ok(Self { socket, id, question: *question, foreign: 0, stream: None })
    }

    /// Asks by stream.
    pub(super) fn stream(
        server: SocketAddr,
        question: &Question,
        scratch: &mut Vec<u8>,
    ) -> Result<Self, Errno> {
        let family = if server.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
        let socket = socket::socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
        match socket::connect(socket.as_fd(), &server) {
            Ok(()) | Err(Errno(libc::EINPROGRESS)) => {}
            Err(errno) => return Err(errno),
        }
        let id = random_id()?;
        write_query(scratch, id, &question.name, question.kind);
        let mut out = u16::try_from(scratch.len()).unwrap_or_default().to_be_bytes().to_vec();
        out.extend_from_slice(scratch);
        let stream = Stream { out, sent: 0, inbox: Vec::new() };
        Ok(Self { socket, id, question: *question, foreign: 0, stream: Some(stream) })
    }

    /// Whether this is a stream.
    pub(super) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether it waits for room to send.
    pub(super) fn wants_to_write(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.sent < stream.out.len())
    }

    /// Goes on as far as it can without waiting.
    pub(super) fn advance(&mut self, buffer: &mut [u8]) -> Progress {
        let Some(stream) = &mut self.stream else { return self.receive(buffer) };
        match stream.advance(self.socket.as_fd(), buffer) {
            Err(_) => Progress::Broken,
            Ok(None) => Progress::Waiting,
            Ok(Some(message)) => {
                match parse_answer(message, self.id, &self.question.name, self.question.kind) {
                    Ok(answer) => Progress::Answered(answer),
                    Err(_) => Progress::Broken,
                }
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Progress {
        loop {
            let length = match fd::read(self.socket.as_fd(), buffer) {
                Ok(length) => length,
                Err(Errno(libc::EAGAIN)) => return Progress::Waiting,
                Err(_) => return Progress::Broken,
            };
            let message = buffer.get(..length).unwrap_or_default();
            match parse_answer(message, self.id, &self.question.name, self.question.kind) {
                Ok(answer) => return Progress::Answered(answer),
                Err(Unusable::Malformed) => return Progress::Broken,
                Err(Unusable::Foreign) => {
                    self.foreign += 1;
                    if self.foreign > MOST_FOREIGN {
                        return Progress::Broken;
                    }
                }
            }
        }
    }
}

impl AsFd for Exchange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Stream {
    fn advance(
        &mut self,
        socket: BorrowedFd<'_>,
        buffer: &mut [u8],
    ) -> Result<Option<&[u8]>, Errno> {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match datagram::send(socket, rest, None, None) {
                Ok(taken) => self.sent += taken,
                Err(Errno(libc::EAGAIN | libc::ENOTCONN)) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        }
        loop {
            if let Some((length, rest)) = self.inbox.split_first_chunk::<2>() {
                let length = usize::from(u16::from_be_bytes(*length));
                if length > LONGEST_STREAM {
                    return Err(Errno(libc::EMSGSIZE));
                }
                if rest.len() >= length {
                    break;
                }
            }
            match fd::read(socket, buffer) {
                Ok(0) => return Err(Errno(libc::ECONNRESET)),
                Ok(length) => {
                    let room = (LONGEST_STREAM + 2).saturating_sub(self.inbox.len());
                    let taken = buffer.get(..length.min(room)).unwrap_or_default();
                    self.inbox.extend_from_slice(taken);
                }
                Err(Errno(libc::EAGAIN)) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        }
        let length = self.inbox.first_chunk::<2>().map_or(0, |l| u16::from_be_bytes(*l).into());
        Ok(self.inbox.get(2..2 + length))
    }
}

fn random_id() -> Result<u16, Errno> {
    let mut id = [0; 2];
    datagram::random(&mut id)?;
    Ok(u16::from_ne_bytes(id))
}
