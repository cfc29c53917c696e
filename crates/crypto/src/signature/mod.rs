//! Signatures: JWS in its compact form (RFC 7515) with `EdDSA`, `ES256` or `PS256`.
//!
//! The algorithm belongs to the key, never to the message: a header that names another one is
//! refused, and there is no type for `none`, for HMAC or for RSA PKCS#1 v1.5. A key is chosen by
//! its `kid` among those whose window is open, so an old and a new key verify side by side while one
//! follows the other. What is not read is refused: `crit`, embedded keys, other forms of JWS.

mod algorithm;
mod claims;
mod jwk;
mod keys;
mod set;
mod signer;

pub use algorithm::Algorithm;
pub use claims::{Claims, Expected};
pub use jwk::{Jwk, JwkSet};
pub use keys::{SigningKey, VerifyingKey};
pub use set::{KeySet, Window};
pub use signer::Signer;

use crate::kms::KmsError;
use crate::random::RandomError;
use crate::text;
use serde::{Deserialize, Serialize};

/// Longest JWS in bytes that is read.
pub const LONGEST: usize = 1 << 20;

/// Why nothing was signed or verified. No variant holds any of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The text is no JWS of this form.
    #[error("it is no signed text: {0}")]
    Malformed(&'static str),
    /// The header names another algorithm than the key's, or one that is not accepted at all.
    #[error("its algorithm is not that of the key")]
    Algorithm,
    /// No key of this `kid` is known, or the text names none and there are several.
    #[error("no key is known by its kid")]
    UnknownKey,
    /// The key is known and its window is not open now.
    #[error("its key is not valid now")]
    OutsideWindow,
    /// The signature is not that of the key over this text.
    #[error("the signature does not fit")]
    Authentication,
    /// A key cannot be used.
    #[error("the key cannot be used: {0}")]
    Key(&'static str),
    /// A claim is not as expected.
    #[error("claim `{name}`: {why}")]
    Claim {
        /// Which.
        name: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// Longer than [`LONGEST`].
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A key service did not do its part.
    #[error(transparent)]
    Service(#[from] KmsError),
}

/// A text whose signature fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The key that fits.
    pub kid: String,
    /// `typ` of the header.
    pub kind: Option<String>,
    /// What was signed.
    pub payload: Vec<u8>,
}

/// The protected header.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cty: Option<String>,
}

/// Signs `payload`; `kind` becomes `typ`, such as `JWT`.
///
/// # Errors
/// [`SignatureError::TooLong`], [`SignatureError::Key`], [`SignatureError::Service`].
pub fn sign(
    key: &(impl Signer + ?Sized),
    kind: Option<&str>,
    payload: &[u8],
) -> Result<String, SignatureError> {
    if payload.len() > LONGEST / 2 {
        return Err(SignatureError::TooLong);
    }
    let header = Header {
        alg: key.algorithm().name().to_owned(),
        kid: Some(key.kid().to_owned()),
        typ: kind.map(str::to_owned),
        cty: None,
    };
    let header = serde_json::to_vec(&header).map_err(|_| SignatureError::Key("its kid"))?;
    let signed = format!("{}.{}", text::encode(&header), text::encode(payload));
    let signature = key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", text::encode(&signature)))
}

/// Verifies with the key that the text names, at `now` (seconds since 1970).
///
/// # Errors
/// [`SignatureError`].
pub fn verify(keys: &KeySet, jws: &str, now: u64) -> Result<Verified, SignatureError> {
    if jws.len() > LONGEST {
        return Err(SignatureError::TooLong);
    }
    let parts: Vec<&str> = jws.split('.').collect();
    let &[protected, payload, signature] = parts.as_slice() else {
        return Err(SignatureError::Malformed("it has three parts"));
    };
    let bytes = |part| text::decode(part).ok_or(SignatureError::Malformed("it is not base64url"));
    let header: Header = serde_json::from_slice(&bytes(protected)?)
        .map_err(|_| SignatureError::Malformed("its header may have alg, kid, typ and cty"))?;
    let key = keys.find(header.kid.as_deref(), now)?;
    if header.alg != key.algorithm().name() {
        return Err(SignatureError::Algorithm);
    }
    let (payload_bytes, signature) = (bytes(payload)?, bytes(signature)?);
    let signed = &jws[..protected.len() + 1 + payload.len()];
    key.verify(signed.as_bytes(), &signature)?;
    Ok(Verified { kid: key.kid().to_owned(), kind: header.typ, payload: payload_bytes })
}

/// The `kid` of a JWS before it is verified: for telling which key was asked for, for nothing else.
#[must_use]
pub fn key_id(jws: &str) -> Option<String> {
    let header = jws.split('.').next().filter(|header| header.len() <= 4096)?;
    serde_json::from_slice::<Header>(&text::decode(header)?).ok()?.kid
}

#[cfg(test)]
mod tests;
