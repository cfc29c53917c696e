//! A key-encryption key in this process: `A256GCMKW` (RFC 7518 section 4.7).

use super::super::{EnvelopeError, Key, NONCE};
use super::{DATA_KEY, WrappedKey, Wrapping};
use crate::random;
use crate::secret::Secret;
use aws_lc_rs::aead::{Aad, Nonce};

/// A key that wraps data keys and seals nothing else: a wrapped key opens with an empty context, so
/// a key that did both would hand out data keys as data.
#[derive(Debug)]
pub struct WrappingKey(Key);

impl WrappingKey {
    /// Takes a key over.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self(key)
    }
}

impl Wrapping for WrappingKey {
    fn kid(&self) -> &str {
        self.0.id()
    }

    fn algorithm(&self) -> &'static str {
        "A256GCMKW"
    }

    fn generate(&self, bound: &str) -> Result<(Secret, WrappedKey), EnvelopeError> {
        let mut bytes = vec![0; DATA_KEY];
        random::fill(&mut bytes)?;
        let key = Secret::new(bytes);
        let wrapped = self.wrap(&key, bound)?;
        Ok((key, wrapped))
    }

    fn wrap(&self, key: &Secret, _bound: &str) -> Result<WrappedKey, EnvelopeError> {
        self.0.count()?;
        let nonce: [u8; NONCE] = random::bytes()?;
        let mut bytes = key.expose().to_vec();
        let tag = self
            .0
            .cipher()
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::empty(),
                &mut bytes,
            )
            .map_err(|_| EnvelopeError::Authentication)?;
        let tag = tag.as_ref().try_into().map_err(|_| EnvelopeError::Authentication)?;
        Ok(WrappedKey { bytes, sealing: Some((nonce, tag)) })
    }

    fn unwrap(&self, wrapped: &WrappedKey, _bound: &str) -> Result<Secret, EnvelopeError> {
        let without = EnvelopeError::Malformed("its header must have iv and tag");
        let (nonce, tag) = wrapped.sealing.ok_or(without)?;
        let mut bytes = [wrapped.bytes.as_slice(), &tag].concat();
        let length = self
            .0
            .cipher()
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
            .map_err(|_| EnvelopeError::Authentication)?
            .len();
        bytes.truncate(length);
        Ok(Secret::new(bytes))
    }
}
