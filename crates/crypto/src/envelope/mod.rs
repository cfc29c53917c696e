//! Envelopes: data sealed under a key that its receiver knows by name.
//!
//! JWE in its compact form (RFC 7516), `alg` `dir`, `enc` `A256GCM`, `kid` in the protected header: what
//! Web Crypto opens with nothing but its own functions. The caller's context (which record, which
//! user) is bound: its SHA-256 stands in the protected header as `ctx`, and the header is
//! authenticated, so an envelope moved to another record does not open. Nonces are random, and a key
//! counts how often it sealed: before the bound of random nonces (NIST SP 800-38D section 8.3, 2^32) it
//! refuses. GCM does not commit to its key: the key is chosen by `kid` and never by trying.
//!
//! [`seal_wrapped`] gives each envelope a data key of its own, wrapped by a key-encryption key that may
//! stay in a key service and can be changed without sealing again.

mod key;
mod manual;
mod parts;
mod wrapped;

pub use key::{Key, SEALS_AT_MOST};
pub use manual::open_manual;
pub use parts::{OVERHEAD, compact, open_into, seal_into};
pub use wrapped::{
    WrappedKey, Wrapping, WrappingKey, open_wrapped, rewrap, seal_wrapped, wrapping_of,
};

use crate::kms::KmsError;
use crate::random::{self, RandomError};
use crate::secret::Secret;
use crate::{secret_equals, text};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce};
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// Longest envelope in bytes that is opened.
pub const LONGEST: usize = 64 << 20;
/// Bytes of a nonce.
const NONCE: usize = 12;
/// Bytes of a tag.
const TAG: usize = 16;

/// Why nothing was sealed or opened. No variant holds any of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The text is no envelope of this form.
    #[error("it is no envelope: {0}")]
    Malformed(&'static str),
    /// It is sealed in a way that is not accepted here.
    #[error("its algorithm is not accepted: only alg dir with enc A256GCM is")]
    Algorithm,
    /// No key of this name is known.
    #[error("no key is known by its kid")]
    UnknownKey,
    /// The key, the context or the text is another one than at sealing. Nothing was decrypted.
    #[error("authentication failed: another key, another context, or the envelope was changed")]
    Authentication,
    /// A key must have 32 bytes.
    #[error("a key has 32 bytes: {0}")]
    KeyLength(usize),
    /// A `kid` has 1 to 128 visible letters of ASCII.
    #[error("a kid has 1 to 128 visible letters of ASCII")]
    Kid,
    /// The key has sealed as often as random nonces allow: rotate it.
    #[error("the key has sealed {SEALS_AT_MOST} times: rotate it")]
    Exhausted,
    /// The envelope is longer than [`LONGEST`].
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// No random nonce.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A key service did not do its part.
    #[error(transparent)]
    Service(KmsError),
}

impl From<KmsError> for EnvelopeError {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Ciphertext => Self::Authentication,
            other => Self::Service(other),
        }
    }
}

/// The protected header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    enc: String,
    kid: String,
    /// base64url of the SHA-256 of the context; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ctx: Option<String>,
}

/// Seals data; `context` is not secret and not in the envelope, and must be given again to open it.
///
/// # Errors
/// [`EnvelopeError::Exhausted`], [`EnvelopeError::Random`], [`EnvelopeError::TooLong`].
pub fn seal(key: &Key, context: &[u8], data: &[u8]) -> Result<String, EnvelopeError> {
    if data.len() > LONGEST / 2 {
        return Err(EnvelopeError::TooLong);
    }
    key.count()?;
    let header = Header {
        alg: "dir".to_owned(),
        enc: "A256GCM".to_owned(),
        kid: key.id().to_owned(),
        ctx: bound(context),
    };
    let header = serde_json::to_vec(&header).map_err(|_| EnvelopeError::Kid)?;
    let header = text::encode(&header);
    let nonce: [u8; NONCE] = random::bytes()?;
    let mut sealed = data.to_vec();
    let tag = key
        .cipher()
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(header.as_bytes()),
            &mut sealed,
        )
        .map_err(|_| EnvelopeError::Authentication)?;
    let (nonce, sealed) = (text::encode(&nonce), text::encode(&sealed));
    Ok(format!("{header}..{nonce}.{sealed}.{}", text::encode(tag.as_ref())))
}

/// Opens an envelope with the key that its `kid` names.
///
/// # Errors
/// [`EnvelopeError`]; nothing is decrypted before it is authenticated.
pub fn open(keys: &[&Key], context: &[u8], envelope: &str) -> Result<Secret, EnvelopeError> {
    if envelope.len() > LONGEST {
        return Err(EnvelopeError::TooLong);
    }
    let parts: Vec<&str> = envelope.split('.').collect();
    let &[header, encrypted_key, nonce, sealed, tag] = parts.as_slice() else {
        return Err(EnvelopeError::Malformed("one has five parts"));
    };
    let protected = header;
    let header = read_header(header)?;
    if !encrypted_key.is_empty() {
        return Err(EnvelopeError::Algorithm);
    }
    let key = keys.iter().find(|key| key.id() == header.kid).ok_or(EnvelopeError::UnknownKey)?;
    let bytes = |text| text::decode(text).ok_or(EnvelopeError::Malformed("it is not base64url"));
    let (nonce, mut data, tag) = (bytes(nonce)?, bytes(sealed)?, bytes(tag)?);
    let nonce: [u8; NONCE] =
        nonce.try_into().map_err(|_| EnvelopeError::Malformed("its nonce has 12 bytes"))?;
    if tag.len() != TAG {
        return Err(EnvelopeError::Malformed("its tag has 16 bytes"));
    }
    data.extend_from_slice(&tag);
    let length = key
        .cipher()
        .open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(protected.as_bytes()),
            &mut data,
        )
        .map_err(|_| EnvelopeError::Authentication)?
        .len();
    data.truncate(length);
    let opened = Secret::new(data);
    let expected = bound(context).unwrap_or_default();
    if secret_equals(header.ctx.unwrap_or_default().as_bytes(), expected.as_bytes()) {
        Ok(opened)
    } else {
        Err(EnvelopeError::Authentication)
    }
}

/// The `kid` of an envelope, before it is authenticated: for choosing a key, for nothing else.
///
/// # Errors
/// [`EnvelopeError::Malformed`], [`EnvelopeError::Algorithm`].
pub fn key_id(envelope: &str) -> Result<String, EnvelopeError> {
    let header = envelope.split('.').next().unwrap_or_default();
    Ok(read_header(header)?.kid)
}

fn read_header(text: &str) -> Result<Header, EnvelopeError> {
    // What says another algorithm is told so; whatever else it says does not matter then.
    #[derive(Deserialize)]
    struct Asked {
        alg: String,
        enc: String,
    }
    if text.len() > 4096 {
        return Err(EnvelopeError::Malformed("its header is too long"));
    }
    let json = text::decode(text).ok_or(EnvelopeError::Malformed("its header is not base64url"))?;
    let asked: Asked = serde_json::from_slice(&json)
        .map_err(|_| EnvelopeError::Malformed("its header is not that of an envelope"))?;
    if asked.alg != "dir" || asked.enc != "A256GCM" {
        return Err(EnvelopeError::Algorithm);
    }
    serde_json::from_slice(&json).map_err(|_| {
        EnvelopeError::Malformed("its header must have alg, enc, kid, and may have ctx")
    })
}

/// The context as it stands in the header.
fn bound(context: &[u8]) -> Option<String> {
    (!context.is_empty()).then(|| text::encode(digest(&SHA256, context).as_ref()))
}

/// The cipher of all envelopes.
pub(crate) const CIPHER: &aws_lc_rs::aead::Algorithm = &AES_256_GCM;

#[cfg(test)]
mod tests;
