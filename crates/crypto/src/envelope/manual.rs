//! The older `{"iv": ..., "ciphertext": ..., "tag": ...}` in base64: opened, never written.

use super::{EnvelopeError, Key, LONGEST, NONCE, TAG};
use crate::secret::Secret;
use aws_lc_rs::aead::{Aad, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts<'a> {
    iv: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

/// Opens an envelope that `encryptJson` of the field manual sealed: AES-256-GCM with the context as
/// additional data. It names no key: the caller knows which. [`super::seal`] what comes out again.
///
/// # Errors
/// [`EnvelopeError`]; nothing is decrypted before it is authenticated.
pub fn open_manual(key: &Key, context: &[u8], envelope: &str) -> Result<Secret, EnvelopeError> {
    if envelope.len() > LONGEST {
        return Err(EnvelopeError::TooLong);
    }
    let parts: Parts<'_> = serde_json::from_str(envelope)
        .map_err(|_| EnvelopeError::Malformed("it must have iv, ciphertext and tag"))?;
    let bytes =
        |text| STANDARD.decode(text).map_err(|_| EnvelopeError::Malformed("its parts are base64"));
    let (nonce, mut data, tag) = (bytes(parts.iv)?, bytes(parts.ciphertext)?, bytes(parts.tag)?);
    let nonce: [u8; NONCE] =
        nonce.try_into().map_err(|_| EnvelopeError::Malformed("its iv has 12 bytes"))?;
    // GCM of Node accepts tags of 4 bytes: those are forged in minutes.
    if tag.len() != TAG {
        return Err(EnvelopeError::Malformed("its tag has 16 bytes"));
    }
    data.extend_from_slice(&tag);
    let length = key
        .cipher()
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut data)
        .map_err(|_| EnvelopeError::Authentication)?
        .len();
    data.truncate(length);
    Ok(Secret::new(data))
}
