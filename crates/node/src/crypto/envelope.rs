//! Envelopes.

use super::refusal::{Refusal, Result, refuse};
use napi::Env;
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use ringfence_crypto::Secret;
use ringfence_crypto::envelope::{self, Key, SEALS_AT_MOST};
use std::sync::Arc;

/// A key of envelopes.
#[napi]
pub struct NativeEnvelopeKey(Arc<Key>);

impl From<Key> for NativeEnvelopeKey {
    fn from(key: Key) -> Self {
        Self(Arc::new(key))
    }
}

#[napi]
impl NativeEnvelopeKey {
    /// Copies a key that has sealed `sealed` times so far.
    #[napi(constructor, catch_unwind)]
    pub fn new(id: String, key: &[u8], sealed: i64) -> Result<Self> {
        let sealed = u64::try_from(sealed).unwrap_or(SEALS_AT_MOST);
        Ok(Key::new(&id, &Secret::new(key.to_vec()), sealed).map_err(refuse)?.into())
    }

    /// Its name.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// How often it has sealed.
    #[napi(getter, catch_unwind)]
    pub fn sealed(&self) -> i64 {
        i64::try_from(self.0.sealed()).unwrap_or(i64::MAX)
    }

    /// Seals data.
    #[napi(catch_unwind)]
    pub fn seal(&self, context: &[u8], data: &[u8]) -> Result<String> {
        envelope::seal(&self.0, context, data).map_err(refuse)
    }

    /// Seals data into the beginning of `target`; answers the protected header.
    #[napi(catch_unwind)]
    pub fn seal_into(
        &self,
        context: &[u8],
        data: &[u8],
        target: BufferSlice<'_>,
    ) -> Result<String> {
        let mut target = target;
        envelope::seal_into(&self.0, context, data, &mut target).map_err(refuse)
    }

    /// Opens an envelope with this key, if it is named, or one of the others.
    #[napi(catch_unwind)]
    pub fn open<'env>(
        &self,
        env: &'env Env,
        others: Option<Vec<&NativeEnvelopeKey>>,
        context: &[u8],
        envelope: String,
    ) -> Result<BufferSlice<'env>> {
        let opened = match others {
            None => envelope::open(&[&self.0], context, &envelope),
            Some(others) => envelope::open(&self.and(&others), context, &envelope),
        };
        copied(env, opened.map_err(refuse)?.expose())
    }

    /// Opens parts into the beginning of `target`; answers how many bytes it is.
    #[napi(catch_unwind)]
    pub fn open_into(
        &self,
        others: Option<Vec<&NativeEnvelopeKey>>,
        context: &[u8],
        protected: String,
        sealed: &[u8],
        target: BufferSlice<'_>,
    ) -> Result<i64> {
        let mut target = target;
        let opened = match others {
            None => envelope::open_into(&[&self.0], context, &protected, sealed, &mut target),
            Some(others) => {
                envelope::open_into(&self.and(&others), context, &protected, sealed, &mut target)
            }
        };
        Ok(i64::try_from(opened.map_err(refuse)?).unwrap_or(i64::MAX))
    }

    /// Opens the older form.
    #[napi(catch_unwind)]
    pub fn open_manual<'env>(
        &self,
        env: &'env Env,
        context: &[u8],
        envelope: String,
    ) -> Result<BufferSlice<'env>> {
        let opened = envelope::open_manual(&self.0, context, &envelope).map_err(refuse)?;
        copied(env, opened.expose())
    }

    /// Opens an envelope with one of these keys and seals it again with this one.
    #[napi(catch_unwind)]
    pub fn reseal(
        &self,
        keys: Vec<&NativeEnvelopeKey>,
        context: &[u8],
        envelope: String,
    ) -> Result<String> {
        let keys: Vec<&Key> = keys.iter().map(|key| &*key.0).collect();
        let opened = envelope::open(&keys, context, &envelope).map_err(refuse)?;
        envelope::seal(&self.0, context, opened.expose()).map_err(refuse)
    }

    fn and<'a>(&'a self, others: &[&'a Self]) -> Vec<&'a Key> {
        std::iter::once(self).chain(others.iter().copied()).map(|key| &*key.0).collect()
    }
}

impl NativeEnvelopeKey {
    /// The key.
    pub(super) fn key(&self) -> &Key {
        &self.0
    }
}

/// Parts as text.
#[napi(catch_unwind)]
pub fn envelope_compact(protected: String, sealed: &[u8]) -> Result<String> {
    envelope::compact(&protected, sealed).map_err(refuse)
}

/// The name of an envelope's key, before anything is authenticated.
#[napi(catch_unwind)]
pub fn envelope_key_id(envelope: String) -> Result<String> {
    envelope::key_id(&envelope).map_err(refuse)
}

/// Bytes in a buffer that belongs to JavaScript. Memory of Rust handed over instead would be mapped
/// and unmapped by the kernel for every large one.
pub(super) fn copied<'env>(env: &'env Env, bytes: &[u8]) -> Result<BufferSlice<'env>> {
    let none = |_| refuse(Refusal::new("MEMORY", "no memory for a buffer"));
    BufferSlice::copy_from(env, bytes).map_err(none)
}
