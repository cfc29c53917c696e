//! HMAC-SHA256.

use super::refusal::{Refusal, Result, refuse};
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use ringfence_crypto::Secret;
use ringfence_crypto::mac::MacKey;

/// A shared secret.
#[napi]
pub struct NativeMacKey(MacKey);

#[napi]
impl NativeMacKey {
    /// Copies the secret.
    #[napi(constructor, catch_unwind)]
    pub fn new(secret: &[u8]) -> Result<Self> {
        let empty = || refuse(Refusal::new("INVALID_ARGUMENT", "a secret must not be empty"));
        MacKey::new(&Secret::new(secret.to_vec())).map(Self).ok_or_else(empty)
    }

    /// Writes the tag of a message into 32 bytes.
    #[napi(catch_unwind)]
    pub fn sign_into(&self, message: &[u8], target: BufferSlice<'_>) -> Result<()> {
        let mut target = target;
        let room = target.get_mut(..ringfence_crypto::mac::TAG);
        let small =
            || refuse(Refusal::new("INVALID_ARGUMENT", "the target has less than 32 bytes"));
        room.ok_or_else(small)?.copy_from_slice(&self.0.sign(message));
        Ok(())
    }

    /// Whether `tag` is that of `message`.
    #[napi(catch_unwind)]
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.0.verify(message, tag)
    }
}
