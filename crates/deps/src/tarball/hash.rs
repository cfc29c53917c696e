//! Whether bytes are the ones that a hash names.

use super::{Hash, TarballError};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_project::graph::{Algorithm, Integrity};
use sha2::Digest as _;

/// The SHA-512 of bytes.
pub(crate) fn sha512(bytes: &[u8]) -> Hash {
    sha2::Sha512::digest(bytes).into()
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Whether bytes have one of the hashes of the strongest algorithm that is named.
///
/// # Errors
/// `Integrity` where they have none, and where none is named.
pub fn check(bytes: &[u8], integrity: &Integrity) -> Result<(), TarballError> {
    let wrong = || TarballError::Integrity {
        expected: if integrity.is_empty() { "known".to_owned() } else { integrity.to_string() },
    };
    let strongest = integrity.strongest().ok_or_else(wrong)?;
    let found = BASE64.encode(match strongest {
        Algorithm::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
        Algorithm::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
        Algorithm::Sha384 => sha2::Sha384::digest(bytes).to_vec(),
        Algorithm::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
    });
    let named = integrity.hashes().any(|(one, hash)| one == strongest && hash == found);
    if named { Ok(()) } else { Err(wrong()) }
}
