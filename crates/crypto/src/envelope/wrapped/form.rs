//! The text of an envelope with a wrapped data key.

use super::super::EnvelopeError;
use super::{LONGEST, NONCE, TAG, WrappedKey};
use crate::text;
use serde::{Deserialize, Serialize};

/// Longest protected header and wrapped key, in letters.
const LONGEST_PART: usize = 16 << 10;

/// The flattened JSON form with nothing but what is read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flattened {
    /// base64url of [`Protected`].
    pub(super) protected: String,
    /// Not authenticated with the data.
    pub(super) header: Recipient,
    pub(super) encrypted_key: String,
    pub(super) iv: String,
    pub(super) ciphertext: String,
    pub(super) tag: String,
}

/// What is authenticated with the data.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Protected {
    pub(super) enc: String,
    /// base64url of the SHA-256 of the context; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ctx: Option<String>,
    /// base64url of the commitment to the data key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kcm: Option<String>,
}

/// What says how the data key is wrapped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipient {
    pub(super) alg: String,
    pub(super) kid: String,
    /// Of `A256GCMKW` (RFC 7518 section 4.7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

impl Recipient {
    pub(super) fn of(kid: &str, algorithm: &str, wrapped: &WrappedKey) -> Self {
        let sealing = wrapped.sealing.as_ref();
        Self {
            alg: algorithm.to_owned(),
            kid: kid.to_owned(),
            iv: sealing.map(|(nonce, _)| text::encode(nonce)),
            tag: sealing.map(|(_, tag)| text::encode(tag)),
        }
    }
}

impl Flattened {
    pub(super) fn read(envelope: &str) -> Result<Self, EnvelopeError> {
        if envelope.len() > LONGEST {
            return Err(EnvelopeError::TooLong);
        }
        let envelope: Self = serde_json::from_str(envelope)
            .map_err(|_| EnvelopeError::Malformed("it is no JWE in the flattened form"))?;
        if envelope.protected.len() > LONGEST_PART || envelope.encrypted_key.len() > LONGEST_PART {
            return Err(EnvelopeError::Malformed("its header is too long"));
        }
        Ok(envelope)
    }

    pub(super) fn write(&self) -> Result<String, EnvelopeError> {
        serde_json::to_string(self).map_err(|_| EnvelopeError::Kid)
    }

    /// The data key as it lies in it.
    pub(super) fn wrapped(&self) -> Result<WrappedKey, EnvelopeError> {
        let sealing = match (&self.header.iv, &self.header.tag) {
            (Some(nonce), Some(tag)) => Some((fixed(nonce)?, fixed(tag)?)),
            (None, None) => None,
            _ => return Err(EnvelopeError::Malformed("its header has iv and tag, or neither")),
        };
        Ok(WrappedKey { bytes: bytes(&self.encrypted_key)?, sealing })
    }

    /// Nonce, and ciphertext with the tag behind it.
    pub(super) fn sealed(&self) -> Result<([u8; NONCE], Vec<u8>), EnvelopeError> {
        let tag: [u8; TAG] = fixed(&self.tag)?;
        let mut data = bytes(&self.ciphertext)?;
        data.extend_from_slice(&tag);
        Ok((fixed(&self.iv)?, data))
    }
}

impl Protected {
    pub(super) fn read(protected: &str) -> Result<Self, EnvelopeError> {
        #[derive(Deserialize)]
        struct Asked {
            enc: String,
        }
        let json = bytes(protected)?;
        let asked: Asked = serde_json::from_slice(&json)
            .map_err(|_| EnvelopeError::Malformed("its header is not that of an envelope"))?;
        if asked.enc != "A256GCM" {
            return Err(EnvelopeError::Algorithm);
        }
        serde_json::from_slice(&json).map_err(|_| {
            EnvelopeError::Malformed("its protected header must have enc, kcm, and may have ctx")
        })
    }

    pub(super) fn write(&self) -> Result<String, EnvelopeError> {
        let json = serde_json::to_vec(self).map_err(|_| EnvelopeError::Kid)?;
        Ok(text::encode(&json))
    }
}

fn bytes(part: &str) -> Result<Vec<u8>, EnvelopeError> {
    text::decode(part).ok_or(EnvelopeError::Malformed("it is not base64url"))
}

fn fixed<const LENGTH: usize>(part: &str) -> Result<[u8; LENGTH], EnvelopeError> {
    let wrong = EnvelopeError::Malformed("its nonces have 12 bytes and its tags 16");
    bytes(part)?.try_into().map_err(|_| wrong)
}
