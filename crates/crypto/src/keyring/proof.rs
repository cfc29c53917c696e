//! The ring as a file, authenticated as a whole.
//!
//! Besides the private halves, which are sealed, a ring says which key is in use, how often it sealed,
//! and what the public halves are. The file carries a proof of all that: an empty envelope under the
//! key-encryption key, bound to the ring as its context. Not defended against: an older file put in
//! the place of a newer one, which the key-encryption key also made.

use super::KeyringError;
use super::file::{Keyring, SCHEMA};
use super::key::State;
use crate::envelope::{self, Key};
use crate::signature::SigningKey;
use crate::text::fault;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the proof is bound to, in front of the ring.
const LABEL: &[u8] = b"ringfence keyring file: ";

#[derive(Serialize)]
struct Written<'ring> {
    #[serde(flatten)]
    ring: &'ring Keyring,
    proof: String,
}

impl Keyring {
    /// Reads a ring whose file was written with this key-encryption key and not changed since.
    ///
    /// # Errors
    /// [`KeyringError::Malformed`], [`KeyringError::Sealed`], and [`KeyringError::Older`] for a file
    /// without a proof.
    pub fn open(text: &str, wrap: &Key) -> Result<Self, KeyringError> {
        let (ring, proof) = read(text)?;
        let proof = proof.ok_or(KeyringError::Older)?;
        envelope::open(&[wrap], &ring.proven()?, &proof)?;
        Ok(ring)
    }

    /// Reads a ring without the key-encryption key: nothing in it is authenticated, so it tells no
    /// more than a set of public keys from the same place would.
    ///
    /// # Errors
    /// [`KeyringError::Malformed`].
    pub fn from_json(text: &str) -> Result<Self, KeyringError> {
        read(text).map(|(ring, _)| ring)
    }

    /// Takes over a file of the first form, which had no proof, once: its private halves must open, and
    /// its public halves must be theirs. States, times and counts are believed.
    ///
    /// # Errors
    /// [`KeyringError::Sealed`] for halves that do not fit; [`KeyringError::Refused`] for a file that has
    /// a proof already.
    pub fn migrate(text: &str, wrap: &Key) -> Result<Self, KeyringError> {
        let (mut ring, proof) = read(text)?;
        if proof.is_some() {
            let what = "it is authenticated already".to_owned();
            return Err(KeyringError::Refused { what, possible_from: None });
        }
        for key in ring.keys.iter().filter(|key| key.state != State::Retired) {
            let private = key.open(wrap)?;
            if let Some(algorithm) = ring.kind.algorithm() {
                let own = SigningKey::from_pkcs8(algorithm, &key.kid, &private)?.public()?.to_jwk();
                if key.public.as_ref() != Some(&own) {
                    return Err(KeyringError::Sealed);
                }
            }
        }
        ring.schema = SCHEMA;
        Ok(ring)
    }

    /// The ring as JSON, authenticated. Private halves are in envelopes.
    ///
    /// # Errors
    /// [`KeyringError::Envelope`].
    pub fn to_json(&self, wrap: &Key) -> Result<String, KeyringError> {
        let proof = envelope::seal(wrap, &self.proven()?, b"")?;
        serde_json::to_string_pretty(&Written { ring: self, proof })
            .map_err(|error| KeyringError::Malformed(error.to_string()))
    }

    /// The bytes that the proof is of.
    fn proven(&self) -> Result<Vec<u8>, KeyringError> {
        let mut bytes = LABEL.to_vec();
        serde_json::to_writer(&mut bytes, self)
            .map_err(|error| KeyringError::Malformed(error.to_string()))?;
        Ok(bytes)
    }
}

/// A ring and its proof, where it has one.
fn read(text: &str) -> Result<(Keyring, Option<String>), KeyringError> {
    let malformed = |error: serde_json::Error| KeyringError::Malformed(fault(&error));
    let wrong = |why: &str| KeyringError::Malformed(why.to_owned());
    let mut value: Value = serde_json::from_str(text).map_err(malformed)?;
    let proof = value.as_object_mut().and_then(|fields| fields.remove("proof"));
    let proof = proof.map(|proof| match proof {
        Value::String(proof) => Ok(proof),
        _ => Err(wrong("its proof is no text")),
    });
    let proof = proof.transpose()?;
    let ring = Keyring::deserialize(value).map_err(malformed)?;
    match (ring.schema, &proof) {
        (1, None) | (SCHEMA, Some(_)) => {}
        (1 | SCHEMA, _) => return Err(wrong("its proof belongs to schema 2, and only there")),
        _ => return Err(wrong("its schema is neither 1 nor 2")),
    }
    check(&ring)?;
    Ok((ring, proof))
}

/// Whether a ring is in an order that steps can lead to.
fn check(ring: &Keyring) -> Result<(), KeyringError> {
    let wrong = |why: &str| Err(KeyringError::Malformed(why.to_owned()));
    let names: BTreeSet<_> = ring.keys.iter().map(|key| &key.kid).collect();
    if names.len() != ring.keys.len() {
        return wrong("a kid is there twice");
    }
    let count = |state| ring.keys.iter().filter(|key| key.state == state).count();
    if count(State::Active) != 1 || count(State::Published) > 1 {
        return wrong("one key is in use and at most one waits");
    }
    if ring.keys.iter().any(|key| (key.state == State::Retired) != key.private.is_none()) {
        return wrong("exactly the retired keys have no private half");
    }
    Ok(())
}
