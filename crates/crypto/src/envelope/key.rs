//! Keys of envelopes.

use super::{CIPHER, EnvelopeError};
use crate::random;
use crate::secret::Secret;
use aws_lc_rs::aead::{LessSafeKey, UnboundKey};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often a key may seal with random nonces of 96 bits: at 2^32 the probability that two are equal
/// reaches 2^-33 (NIST SP 800-38D section 8.3).
pub const SEALS_AT_MOST: u64 = 1 << 32;

/// A key of 256 bits with its name, and the count of what it sealed.
pub struct Key {
    id: String,
    cipher: LessSafeKey,
    sealed: AtomicU64,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Key {
    /// Takes a key that has sealed `sealed` times so far, here and elsewhere.
    ///
    /// # Errors
    /// [`EnvelopeError::KeyLength`], [`EnvelopeError::Kid`].
    pub fn new(id: &str, key: &Secret, sealed: u64) -> Result<Self, EnvelopeError> {
        if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EnvelopeError::Kid);
        }
        let unbound = UnboundKey::new(CIPHER, key.expose())
            .map_err(|_| EnvelopeError::KeyLength(key.len()))?;
        Ok(Self { id: id.to_owned(), cipher: LessSafeKey::new(unbound), sealed: sealed.into() })
    }

    /// A new random key, and its bytes for keeping.
    ///
    /// # Errors
    /// [`EnvelopeError::Kid`], [`EnvelopeError::Random`].
    pub fn generate(id: &str) -> Result<(Self, Secret), EnvelopeError> {
        let mut bytes = vec![0; CIPHER.key_len()];
        random::fill(&mut bytes)?;
        let secret = Secret::new(bytes);
        Ok((Self::new(id, &secret, 0)?, secret))
    }

    /// Its name, the `kid`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How often it has sealed.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::Relaxed)
    }

    pub(super) const fn cipher(&self) -> &LessSafeKey {
        &self.cipher
    }

    /// Counts one more seal, or refuses it.
    pub(super) fn count(&self) -> Result<(), EnvelopeError> {
        let next = |sealed: u64| (sealed < SEALS_AT_MOST).then_some(sealed + 1);
        self.sealed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .map(|_| ())
            .map_err(|_| EnvelopeError::Exhausted)
    }
}
