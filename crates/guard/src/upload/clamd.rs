//! The daemon `clamd`, over its own protocol (clamd(8), `INSTREAM`).
//!
//! The file is sent in pieces, each with its length, and a length of zero at the end; the answer is one
//! line. Only `stream: OK` means that nothing was found. Everything else, silence included, is an error,
//! and an error is never an acceptance.

use super::{Finding, ScanError, Scanner};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest piece in bytes.
pub const LONGEST_CHUNK: usize = 64 << 10;
/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 4096;

/// Where the daemon listens.
#[derive(Debug, Clone)]
enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// A daemon.
#[derive(Debug, Clone)]
pub struct Clamd {
    address: Address,
    within: Duration,
    chunk: usize,
}

impl Clamd {
    /// One that listens at a path, asked within 30 seconds for each file.
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Address::Unix(path.into()))
    }

    /// One that listens at an address. The protocol is plain text: use it on a loopback or a network
    /// that is trusted with the files.
    #[must_use]
    pub const fn tcp(address: SocketAddr) -> Self {
        Self::at(Address::Tcp(address))
    }

    const fn at(address: Address) -> Self {
        Self { address, within: Duration::from_secs(30), chunk: LONGEST_CHUNK }
    }

    /// How long one file may take, from connecting to the answer.
    #[must_use]
    pub const fn with_deadline(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// How many bytes are sent at once, 1 to [`LONGEST_CHUNK`].
    #[must_use]
    pub fn with_chunk(mut self, bytes: usize) -> Self {
        self.chunk = bytes.clamp(1, LONGEST_CHUNK);
        self
    }

    fn connect(&self, deadline: &Deadline) -> io::Result<Connection> {
        match &self.address {
            Address::Tcp(address) => {
                TcpStream::connect_timeout(address, deadline.left()?).map(Connection::Tcp)
            }
            Address::Unix(path) => {
                // A daemon whose queue is full is not waited for: connecting has no deadline.
                let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
                let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
                connect(&socket, &SocketAddrUnix::new(path.as_path())?)?;
                let stream = UnixStream::from(socket);
                stream.set_nonblocking(false)?;
                Ok(Connection::Unix(stream))
            }
        }
    }

    fn send(
        &self,
        to: &mut Connection,
        content: &mut dyn Read,
        deadline: &Deadline,
    ) -> Result<(), Trouble> {
        let mut room = vec![0; self.chunk];
        to.write(b"zINSTREAM\0", deadline).map_err(Trouble::Daemon)?;
        loop {
            let count = match content.read(&mut room) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Trouble::File(error)),
            };
            let length = u32::try_from(count).unwrap_or(0).to_be_bytes();
            to.write(&length, deadline).map_err(Trouble::Daemon)?;
            if count == 0 {
                return Ok(());
            }
            let piece = room.get(..count).unwrap_or_default();
            to.write(piece, deadline).map_err(Trouble::Daemon)?;
        }
    }
}

impl Scanner for Clamd {
    fn scan(&self, content: &mut dyn Read) -> Result<Option<Finding>, ScanError> {
        let deadline = Deadline(Instant::now() + self.within);
        let mut connection = self.connect(&deadline).map_err(ScanError::Unreachable)?;
        let sent = self.send(&mut connection, content, &deadline);
        match sent {
            Ok(()) => answer(&connection.read(&deadline).map_err(ScanError::Unreachable)?),
            Err(Trouble::File(error)) => Err(ScanError::Unreachable(error)),
            Err(Trouble::Daemon(error)) => {
                // It hung up in the middle, and may have said why: whatever it says, not all was
                // scanned.
                let said = connection.read(&deadline).unwrap_or_default();
                match answer(&said) {
                    Ok(Some(found)) => Ok(Some(found)),
                    Err(ScanError::TooLong) => Err(ScanError::TooLong),
                    _ => Err(ScanError::Unreachable(error)),
                }
            }
        }
    }
}

/// Who could not go on.
enum Trouble {
    File(io::Error),
    Daemon(io::Error),
}

/// What an answer means.
fn answer(said: &[u8]) -> Result<Option<Finding>, ScanError> {
    let text = String::from_utf8_lossy(said);
    // One line, ended as the question was; a second one would be an answer to nothing.
    let line = text.strip_suffix('\0').unwrap_or(&text);
    let failed = || ScanError::Failed(Finding::new(line));
    let Some(result) = line.strip_prefix("stream: ") else {
        return Err(match line.strip_suffix(" ERROR") {
            Some(error) if error.contains("size limit exceeded") => ScanError::TooLong,
            _ => failed(),
        });
    };
    match result.strip_suffix(" FOUND") {
        Some(name) => Ok(Some(Finding::new(name))),
        None if line == "stream: OK" && text.ends_with('\0') => Ok(None),
        None => Err(failed()),
    }
}

/// A moment after which nothing is waited for.
struct Deadline(Instant);

impl Deadline {
    fn left(&self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A connection of either kind.
enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Connection {
    fn write(&mut self, mut bytes: &[u8], deadline: &Deadline) -> io::Result<()> {
        while !bytes.is_empty() {
            let left = Some(deadline.left()?);
            let written = match self {
                Self::Unix(stream) => {
                    stream.set_write_timeout(left)?;
                    stream.write(bytes)
                }
                Self::Tcp(stream) => {
                    stream.set_write_timeout(left)?;
                    stream.write(bytes)
                }
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// All that is said until it hangs up, or ends a line.
    fn read(&mut self, deadline: &Deadline) -> io::Result<Vec<u8>> {
        let (mut said, mut room) = (Vec::new(), [0; 512]);
        loop {
            let left = Some(deadline.left()?);
            let read = match self {
                Self::Unix(stream) => {
                    stream.set_read_timeout(left)?;
                    stream.read(&mut room)
                }
                Self::Tcp(stream) => {
                    stream.set_read_timeout(left)?;
                    stream.read(&mut room)
                }
            };
            match read {
                Ok(0) => return Ok(said),
                Ok(count) => said.extend_from_slice(room.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if said.ends_with(b"\0") || said.len() as u64 > LONGEST_ANSWER {
                return Ok(said);
            }
        }
    }
}
