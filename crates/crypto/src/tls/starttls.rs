//! Protocols that begin in plain text and are asked to go on with TLS.
//!
//! What the other side says before TLS is read byte by byte: not one byte of it may be left over and
//! be taken for something that came over TLS (CVE-2011-0411, CVE-2021-23222).

use super::handshake::{ConnectError, Step};
use super::stream::Stream;
use std::io::{Read as _, Write as _};

/// How TLS is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// `SSLRequest` (PostgreSQL manual, section 54.2.11).
    Postgres,
    /// `STARTTLS` (RFC 3207).
    Smtp,
}

/// `SSLRequest`: its length, and the number that is no protocol version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// Longest line of an SMTP server (RFC 5321 section 4.5.3.1.5), and how many there may be.
const LINE: usize = 512;
const LINES: usize = 64;

impl StartTls {
    /// The protocol that is offered for what follows.
    pub(super) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Postgres => vec![b"postgresql".to_vec()],
            Self::Smtp => Vec::new(),
        }
    }

    /// Asks for TLS; when it returns, the next byte is the handshake's.
    pub(super) fn begin(self, stream: &mut Stream) -> Result<(), ConnectError> {
        match self {
            Self::Postgres => postgres(stream),
            Self::Smtp => smtp(stream),
        }
    }
}

fn postgres(stream: &mut Stream) -> Result<(), ConnectError> {
    write(stream, &SSL_REQUEST)?;
    match byte(stream)? {
        b'S' => Ok(()),
        b'N' => Err(ConnectError::StartTls("the PostgreSQL server has TLS switched off")),
        _ => Err(ConnectError::StartTls("it does not answer as a PostgreSQL server does")),
    }
}

fn smtp(stream: &mut Stream) -> Result<(), ConnectError> {
    expect(stream, b"220", "it does not greet as an SMTP server does")?;
    write(stream, b"EHLO localhost\r\n")?;
    expect(stream, b"250", "the SMTP server refuses EHLO")?;
    write(stream, b"STARTTLS\r\n")?;
    expect(stream, b"220", "the SMTP server does not offer STARTTLS")
}

/// Reads an answer of several lines; the last one has a space behind its code.
fn expect(stream: &mut Stream, code: &[u8], or: &'static str) -> Result<(), ConnectError> {
    for _ in 0..LINES {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            if line.len() == LINE {
                return Err(ConnectError::StartTls("it sends a line that is too long"));
            }
            line.push(byte(stream)?);
        }
        if !line.starts_with(code) {
            return Err(ConnectError::StartTls(or));
        }
        if line.get(code.len()) != Some(&b'-') {
            return Ok(());
        }
    }
    Err(ConnectError::StartTls("it sends too many lines"))
}

fn write(stream: &mut Stream, bytes: &[u8]) -> Result<(), ConnectError> {
    let written = stream.write_all(bytes);
    written.map_err(|error| ConnectError::io(stream, Step::StartTls, error))
}

fn byte(stream: &mut Stream) -> Result<u8, ConnectError> {
    let mut byte = [0];
    let read = stream.read_exact(&mut byte);
    read.map_err(|error| ConnectError::io(stream, Step::StartTls, error))?;
    Ok(byte[0])
}
