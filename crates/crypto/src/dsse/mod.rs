//! Signed statements: DSSE, the envelope of in-toto and Sigstore (secure-systems-lab/dsse, protocol 1.0).
//!
//! What is signed is the type of the payload and its bytes, never a parsed form of it, so no two
//! readers can disagree on what was signed. `keyid` is a hint that nobody authenticates: a signature
//! counts by the key under which it fits. Keys, algorithms and windows are those of
//! [`crate::signature`]; ECDSA signatures are r and s as in JWS. Several signatures count once for each
//! key, against a threshold. Whether the statement says what it should is [`Statement`]'s to ask.
//!
//! ```
//! use ringfence_crypto::dsse;
//! use ringfence_crypto::signature::{Algorithm, KeySet, SigningKey, Window};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = SigningKey::generate(Algorithm::EdDsa, "2026-11")?;
//! let signed = dsse::sign(&[&key], dsse::IN_TOTO, b"{}")?;
//! let mut keys = KeySet::new();
//! keys.add(key.public()?, Window::default())?;
//! assert_eq!(dsse::verify(&keys, 1, dsse::IN_TOTO, &signed, 0)?.payload, b"{}");
//! # Ok(())
//! # }
//! ```

mod statement;

pub use statement::{IN_TOTO, Statement, StatementError, Subject};

use crate::signature::{KeySet, SignatureError, Signer, VerifyingKey};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

/// Longest envelope in bytes that is read.
pub const LONGEST: usize = 16 << 20;
/// Most signatures on one envelope: each costs a verification for each key.
pub const MOST_SIGNATURES: usize = 32;

/// Why a signed statement was not made or not accepted. No variant holds any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DsseError {
    /// The text is no DSSE envelope.
    #[error("it is no signed statement: {0}")]
    Malformed(&'static str),
    /// It is a statement without signatures.
    #[error("it is a statement that nobody has signed")]
    Unsigned,
    /// The payload has another type than was asked for.
    #[error("its payload is of another type")]
    PayloadType,
    /// Fewer keys than the threshold have signed it.
    #[error("{found} of {needed} needed keys have signed it")]
    Threshold {
        /// Different keys of the set whose signatures fit.
        found: usize,
        /// How many were asked for.
        needed: usize,
    },
    /// The threshold is zero or more than there are keys.
    #[error("a threshold is at least 1 and at most the number of keys")]
    NoThreshold,
    /// Longer than [`LONGEST`].
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It could not be signed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// A payload whose signatures fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Names of the keys that signed it, in the order of the set.
    pub kids: Vec<String>,
    /// What was signed.
    pub payload: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signed>,
}

#[derive(Serialize, Deserialize)]
struct Signed {
    // Some writers leave it empty, some leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

/// What is signed: the pre-authentication encoding of a type and a payload.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let (kind, length) = (payload_type.len(), payload.len());
    let head = format!("DSSEv1 {kind} {payload_type} {length} ");
    [head.as_bytes(), payload].concat()
}

/// Signs a payload with one key or several.
///
/// # Errors
/// [`DsseError::TooLong`], [`DsseError::Unsigned`] without a key, [`DsseError::Signature`].
pub fn sign(keys: &[&dyn Signer], payload_type: &str, payload: &[u8]) -> Result<String, DsseError> {
    if payload.len() > LONGEST / 2 {
        return Err(DsseError::TooLong);
    }
    if keys.is_empty() {
        return Err(DsseError::Unsigned);
    }
    let message = pae(payload_type, payload);
    let signed = keys.iter().map(|key| {
        let sig = STANDARD.encode(key.sign(&message)?);
        Ok(Signed { keyid: Some(key.kid().to_owned()), sig })
    });
    let envelope = Envelope {
        payload: STANDARD.encode(payload),
        payload_type: payload_type.to_owned(),
        signatures: signed.collect::<Result<_, SignatureError>>()?,
    };
    serde_json::to_string(&envelope).map_err(|_| DsseError::Malformed("its type"))
}

/// Verifies an envelope at `now` (seconds since 1970): at least `threshold` different keys of the set
/// must have signed a payload of this type.
///
/// # Errors
/// [`DsseError`].
pub fn verify(
    keys: &KeySet,
    threshold: usize,
    payload_type: &str,
    envelope: &str,
    now: u64,
) -> Result<Verified, DsseError> {
    if envelope.len() > LONGEST {
        return Err(DsseError::TooLong);
    }
    if threshold == 0 || threshold > keys.len() {
        return Err(DsseError::NoThreshold);
    }
    let envelope: Envelope = serde_json::from_str(envelope).map_err(|_| none(envelope))?;
    if envelope.signatures.is_empty() {
        return Err(DsseError::Unsigned);
    }
    if envelope.signatures.len() > MOST_SIGNATURES {
        return Err(DsseError::Malformed("it has more than 32 signatures"));
    }
    let payload = decode(&envelope.payload)?;
    let signatures: Vec<_> =
        envelope.signatures.iter().map(|one| decode(&one.sig)).collect::<Result<_, _>>()?;
    // The type as it is written was signed, whether or not it is the one that was asked for.
    let message = pae(&envelope.payload_type, &payload);
    let fits = |signature: &Vec<u8>, key: &VerifyingKey| key.verify(&message, signature).is_ok();
    let mut signers: Vec<&VerifyingKey> = Vec::new();
    for key in keys.open_at(now) {
        // One key under two names is one signer.
        let counted = signers.iter().any(|known| known.is_same_key(key));
        if !counted && signatures.iter().any(|signature| fits(signature, key)) {
            signers.push(key);
        }
    }
    if signers.len() < threshold {
        return Err(DsseError::Threshold { found: signers.len(), needed: threshold });
    }
    if envelope.payload_type != payload_type {
        return Err(DsseError::PayloadType);
    }
    let kids = signers.into_iter().map(|key| key.kid().to_owned()).collect();
    Ok(Verified { kids, payload })
}

/// What a text that is no envelope is.
fn none(text: &str) -> DsseError {
    #[derive(Deserialize)]
    struct Bare {
        #[serde(rename = "_type")]
        _kind: String,
    }
    match serde_json::from_str::<Bare>(text) {
        Ok(_) => DsseError::Unsigned,
        Err(_) => DsseError::Malformed("one has payload, payloadType and signatures"),
    }
}

/// Either alphabet, as the protocol demands of verifiers; with padding or without.
fn decode(text: &str) -> Result<Vec<u8>, DsseError> {
    const ANY: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY);
    const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY);
    let decoded = PLAIN.decode(text).or_else(|_| URL.decode(text));
    decoded.map_err(|_| DsseError::Malformed("it is not base64"))
}

#[cfg(test)]
mod tests;
