//! One key of a ring.

use super::KeyringError;
use crate::envelope::{self, Key};
use crate::secret::Secret;
use crate::signature::{Algorithm, Jwk};
use serde::{Deserialize, Serialize};

/// What keys of a ring are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `EdDSA` signatures.
    Eddsa,
    /// `ES256` signatures.
    Es256,
    /// `PS256` signatures.
    Ps256,
    /// Envelopes, `A256GCM`.
    A256gcm,
    /// Data keys of envelopes, `A256GCMKW`.
    A256gcmkw,
}

impl Kind {
    /// The algorithm of signatures; `None` for envelopes and data keys.
    #[must_use]
    pub const fn algorithm(self) -> Option<Algorithm> {
        match self {
            Self::Eddsa => Some(Algorithm::EdDsa),
            Self::Es256 => Some(Algorithm::Es256),
            Self::Ps256 => Some(Algorithm::Ps256),
            Self::A256gcm | Self::A256gcmkw => None,
        }
    }
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Verifiers see it, and it is not used yet.
    Published,
    /// It signs or seals.
    Active,
    /// It verifies or opens what it made, and makes nothing new.
    Retiring,
    /// Its private half is erased, and it verifies nothing.
    Retired,
}

/// A key as it is kept. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RingKey {
    /// Its name.
    pub kid: String,
    /// Where it is in its life.
    pub state: State,
    /// When verifiers could see it first.
    pub published: u64,
    /// When it began to be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated: Option<u64>,
    /// When the next one took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<u64>,
    /// When it was retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<u64>,
    /// Its public half; envelopes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Jwk>,
    /// How many seals were given out, in blocks.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seals: u64,
    /// Its private half in an envelope; nothing once it is retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) private: Option<String>,
}

impl RingKey {
    /// The private half.
    pub(super) fn open(&self, wrap: &Key) -> Result<Secret, KeyringError> {
        let private = self.private.as_deref().ok_or(KeyringError::Sealed)?;
        Ok(envelope::open(&[wrap], &context(&self.kid), private)?)
    }

    /// Erases the private half.
    pub(super) fn erase(&mut self, now: u64) {
        (self.state, self.retired, self.private) = (State::Retired, Some(now), None);
    }
}

/// What a private half is bound to.
pub(super) fn context(kid: &str) -> Vec<u8> {
    format!("ringfence keyring: {kid}").into_bytes()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
