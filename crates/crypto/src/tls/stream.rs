//! A connection that ends: every step waits until one deadline and no longer, and only so many bytes
//! are taken from the other side.
//!
//! Looking a name up cannot be interrupted, so that is done by a thread which is left behind when it
//! takes too long.

use super::handshake::{ConnectError, Step};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Most bytes that are read from a peer: a handshake with 64 KiB of certificates, and room.
const LONGEST: u64 = 256 << 10;
/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// A TCP connection with an end.
pub(super) struct Stream {
    tcp: TcpStream,
    until: Instant,
    read: u64,
    /// Whether the deadline was what ended it.
    pub(super) late: bool,
    /// Whether the other side sent too much.
    pub(super) flooded: bool,
}

impl Stream {
    /// Connects to the first address that answers.
    pub(super) fn connect(host: &str, port: u16, until: Instant) -> Result<Self, ConnectError> {
        let mut last = None;
        for address in addresses(host, port, until)?.into_iter().take(ADDRESSES) {
            let left = left(until).ok_or(ConnectError::Late(Step::Connect))?;
            match TcpStream::connect_timeout(&address, left) {
                Ok(tcp) => {
                    // A goodbye of a few bytes need not wait for more.
                    let _ = tcp.set_nodelay(true);
                    return Ok(Self { tcp, until, read: 0, late: false, flooded: false });
                }
                Err(error) => last = Some((address, error)),
            }
        }
        match last {
            Some((_, error)) if error.kind() == io::ErrorKind::TimedOut => {
                Err(ConnectError::Late(Step::Connect))
            }
            Some((address, source)) => Err(ConnectError::Connect { address, source }),
            None => Err(ConnectError::NoAddress),
        }
    }

    /// Where it leads.
    pub(super) fn peer(&self) -> String {
        self.tcp.peer_addr().map_or_else(|_| String::new(), |address| address.to_string())
    }

    fn left(&mut self) -> io::Result<Duration> {
        let left = left(self.until);
        self.late |= left.is_none();
        left.ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    /// What a system says about a deadline differs.
    fn judged<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
        {
            self.late = true;
            return Err(io::ErrorKind::TimedOut.into());
        }
        result
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left()?;
        self.tcp.set_read_timeout(Some(left))?;
        let result = self.tcp.read(buffer);
        let count = self.judged(result)?;
        self.read += count as u64;
        if self.read > LONGEST {
            self.flooded = true;
            return Err(io::Error::other("the other side sends too much"));
        }
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left()?;
        self.tcp.set_write_timeout(Some(left))?;
        let result = self.tcp.write(bytes);
        self.judged(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn left(until: Instant) -> Option<Duration> {
    until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

fn addresses(host: &str, port: u16, until: Instant) -> Result<Vec<SocketAddr>, ConnectError> {
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    let lookup = move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody listens any more when it took too long.
        let _ = sender.send(found);
    };
    std::thread::Builder::new().spawn(lookup).map_err(ConnectError::Resolve)?;
    match receiver.recv_timeout(left(until).unwrap_or_default()) {
        Ok(found) => found.map_err(ConnectError::Resolve),
        Err(_) => Err(ConnectError::Late(Step::Resolve)),
    }
}
