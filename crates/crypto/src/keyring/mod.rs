//! Keys over time: which one signs or seals, which ones still verify or open, and which are gone.
//!
//! A key is published before it is used, so that verifiers have fetched it; when it takes over, the
//! one before verifies on until the last token it can have signed has expired, clocks apart included;
//! only then is its private half erased. A step that would break verification is refused with the
//! time from which it is possible. Private halves lie in the file as envelopes under a
//! key-encryption key that is kept elsewhere, each bound to its name, and the file as a whole is
//! authenticated under the same key.

mod file;
mod key;
mod proof;
mod rotation;

pub use file::Keyring;
pub use key::{Kind, RingKey, State};
pub use rotation::{Policy, Step};

use crate::envelope::EnvelopeError;
use crate::signature::SignatureError;

/// Why a keyring was not read or not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The text is no keyring.
    #[error("it is no keyring: {0}")]
    Malformed(String),
    /// A step that would break verification, or that makes no sense in this state.
    #[error("{what}{}", possible_from.map(|at| format!(": possible from {at} s since 1970")).unwrap_or_default())]
    Refused {
        /// What stands in the way.
        what: String,
        /// Seconds since 1970 from which the step is possible, when waiting is enough.
        possible_from: Option<u64>,
    },
    /// No key of this name.
    #[error("there is no key `{0}`")]
    Unknown(String),
    /// The key-encryption key is another one, or the file was changed.
    #[error("it does not open: another key-encryption key, or the file was changed")]
    Sealed,
    /// The file is of the first form, which authenticated nothing but private halves.
    #[error("it is of an older form that is not authenticated")]
    Older,
    /// Sealing or opening failed otherwise.
    #[error(transparent)]
    Envelope(EnvelopeError),
    /// A key could not be made or used.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl From<EnvelopeError> for KeyringError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Authentication | EnvelopeError::UnknownKey => Self::Sealed,
            other => Self::Envelope(other),
        }
    }
}

#[cfg(test)]
mod tests;
