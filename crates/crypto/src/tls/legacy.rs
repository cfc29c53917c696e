//! Whether a server still takes TLS 1.0 or 1.1, which RFC 8996 forbids.
//!
//! rustls cannot speak them, and need not: a `ClientHello` that knows nothing newer is sent, and the
//! version in the answer is read. Nothing goes further: no key is agreed upon.

use super::handshake::{ConnectError, Step};
use super::stream::Stream;
use crate::random;
use std::io::{Read as _, Write as _};

/// A version that no server should take any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Old {
    /// RFC 2246.
    #[serde(rename = "TLS 1.0")]
    Tls10,
    /// RFC 4346.
    #[serde(rename = "TLS 1.1")]
    Tls11,
}

impl Old {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Tls10, Self::Tls11];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
        }
    }

    const fn minor(self) -> u8 {
        match self {
            Self::Tls10 => 1,
            Self::Tls11 => 2,
        }
    }

    /// Whether the server at the other end takes it.
    pub(super) fn is_taken(
        self,
        stream: &mut Stream,
        name: Option<&str>,
    ) -> Result<bool, ConnectError> {
        let hello = client_hello(self.minor(), name)?;
        let written = stream.write_all(&hello);
        written.map_err(|error| ConnectError::io(stream, Step::Handshake, error))?;
        // A record's header, a handshake's header, and the version of the ServerHello.
        let mut answer = [0; 11];
        if stream.read_exact(&mut answer).is_err() {
            // An alert is shorter, and many servers just leave: both is a refusal.
            return if stream.late { Err(ConnectError::Late(Step::Handshake)) } else { Ok(false) };
        }
        let [HANDSHAKE, 3, _, _, _, SERVER_HELLO, _, _, _, 3, minor] = answer else {
            return Ok(false);
        };
        Ok(minor == self.minor())
    }
}

const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
/// What servers of that time have: ECDHE and RSA with AES-CBC, 3DES, and the signal of RFC 5746.
const SUITES: [u16; 8] = [0xc013, 0xc014, 0xc009, 0xc00a, 0x002f, 0x0035, 0x000a, 0x00ff];

fn client_hello(minor: u8, name: Option<&str>) -> Result<Vec<u8>, ConnectError> {
    let mut body = vec![3, minor];
    let random: [u8; 32] = random::bytes().map_err(|_| ConnectError::Random)?;
    body.extend(random);
    body.push(0);
    let suites: Vec<u8> = SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    body.extend(with_length(&suites));
    body.extend([1, 0]);
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let mut entry = vec![0];
        entry.extend(with_length(name.as_bytes()));
        extensions.extend(extension(0, &with_length(&entry)));
    }
    // X25519, P-256 and P-384, and points as they are.
    extensions.extend(extension(10, &with_length(&[0, 29, 0, 23, 0, 24])));
    extensions.extend(extension(11, &[1, 0]));
    body.extend(with_length(&extensions));
    let mut message = vec![1, 0];
    message.extend(with_length(&body));
    let mut record = vec![HANDSHAKE, 3, 1];
    record.extend(with_length(&message));
    Ok(record)
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(with_length(body));
    bytes
}

/// Bytes behind their length in two bytes. Names of servers have at most 255.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut all = length.to_be_bytes().to_vec();
    all.extend(bytes.iter().take(length.into()));
    all
}
