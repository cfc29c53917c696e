//! The ring, and what is done with its keys.

use super::KeyringError;
use super::key::{Kind, RingKey, State, context};
use super::rotation::Policy;
use crate::envelope::{self, Key, SEALS_AT_MOST, WrappingKey};
use crate::signature::{JwkSet, KeySet, SigningKey, VerifyingKey, Window};
use serde::{Deserialize, Serialize};

/// Version of the form: the first had no proof.
pub(super) const SCHEMA: u32 = 2;
/// Seals that are given out at once, so that a crash counts too many and never too few.
const BLOCK: u64 = 1 << 16;

/// A ring of keys of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyring {
    pub(super) schema: u32,
    /// Name of the ring; names of keys begin with it.
    pub name: String,
    /// What its keys are for.
    pub kind: Kind,
    /// The times between steps.
    pub policy: Policy,
    pub(super) keys: Vec<RingKey>,
}

impl Keyring {
    /// A ring with its first key in use: nobody has tokens of an older one.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn create(
        name: &str,
        kind: Kind,
        policy: Policy,
        wrap: &Key,
        now: u64,
    ) -> Result<Self, KeyringError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
            let why = "its name has 1 to 64 letters, digits, `-`, `.` and `_`";
            return Err(KeyringError::Malformed(why.to_owned()));
        }
        let name = name.to_owned();
        let mut ring = Self { schema: SCHEMA, name, kind, policy, keys: Vec::new() };
        ring.add(wrap, State::Active, now)?;
        Ok(ring)
    }

    /// The keys, the oldest first.
    #[must_use]
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// The key that signs.
    ///
    /// # Errors
    /// [`KeyringError::Sealed`], [`KeyringError::Refused`] for a ring of envelopes.
    pub fn signing_key(&self, wrap: &Key) -> Result<SigningKey, KeyringError> {
        let key = self.active()?;
        let algorithm = self.kind.algorithm().ok_or_else(|| KeyringError::Refused {
            what: "the keyring's keys seal and do not sign".to_owned(),
            possible_from: None,
        })?;
        Ok(SigningKey::from_pkcs8(algorithm, &key.kid, &key.open(wrap)?)?)
    }

    /// The keys that verify, each in its window.
    ///
    /// # Errors
    /// [`KeyringError::Signature`] for a public half that is none.
    pub fn verifying_keys(&self) -> Result<KeySet, KeyringError> {
        let mut set = KeySet::new();
        for key in self.keys.iter().filter(|key| key.state != State::Retired) {
            if let Some(public) = &key.public {
                let life = self.policy.token_life.saturating_add(self.policy.skew);
                let until = key.replaced.map(|replaced| replaced.saturating_add(life));
                set.add(VerifyingKey::from_jwk(public)?, Window { from: None, until })?;
            }
        }
        Ok(set)
    }

    /// What verifiers fetch: every key that is not retired, the published one too.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        let shown = self.keys.iter().filter(|key| key.state != State::Retired);
        JwkSet { keys: shown.filter_map(|key| key.public.clone()).collect() }
    }

    /// The key that seals, with a block of seals taken from its count: write the ring down before the
    /// key is used.
    ///
    /// # Errors
    /// [`KeyringError::Envelope`] with `Exhausted` when no block is left, [`KeyringError::Sealed`],
    /// [`KeyringError::Refused`] for a ring of another kind.
    pub fn sealing_key(&mut self, wrap: &Key) -> Result<Key, KeyringError> {
        self.sealing_key_for(wrap, BLOCK)
    }

    /// The same with as many seals as are needed, for whoever seals a few times and ends: what is taken
    /// and not used is lost.
    ///
    /// # Errors
    /// As [`Self::sealing_key`].
    pub fn sealing_key_for(&mut self, wrap: &Key, seals: u64) -> Result<Key, KeyringError> {
        self.check_kind(Kind::A256gcm)?;
        self.counted(wrap, seals)
    }

    /// The keys that open.
    ///
    /// # Errors
    /// [`KeyringError::Sealed`], [`KeyringError::Refused`] for a ring of another kind.
    pub fn opening_keys(&self, wrap: &Key) -> Result<Vec<Key>, KeyringError> {
        self.check_kind(Kind::A256gcm)?;
        self.kept(wrap)
    }

    /// The key that wraps data keys, counted as [`Self::sealing_key`] is.
    ///
    /// # Errors
    /// As [`Self::sealing_key`].
    pub fn wrapping_key(&mut self, wrap: &Key) -> Result<WrappingKey, KeyringError> {
        self.wrapping_key_for(wrap, BLOCK)
    }

    /// The same with as many seals as are needed.
    ///
    /// # Errors
    /// As [`Self::sealing_key`].
    pub fn wrapping_key_for(
        &mut self,
        wrap: &Key,
        seals: u64,
    ) -> Result<WrappingKey, KeyringError> {
        self.check_kind(Kind::A256gcmkw)?;
        self.counted(wrap, seals).map(WrappingKey::new)
    }

    /// The keys that unwrap data keys.
    ///
    /// # Errors
    /// As [`Self::opening_keys`].
    pub fn unwrapping_keys(&self, wrap: &Key) -> Result<Vec<WrappingKey>, KeyringError> {
        self.check_kind(Kind::A256gcmkw)?;
        Ok(self.kept(wrap)?.into_iter().map(WrappingKey::new).collect())
    }

    /// The key in use, which counts to the end of what was taken and refuses there.
    fn counted(&mut self, wrap: &Key, seals: u64) -> Result<Key, KeyringError> {
        let key = self.active()?;
        let (kid, taken) = (key.kid.clone(), key.seals);
        let left = SEALS_AT_MOST.saturating_sub(taken);
        if left == 0 {
            return Err(KeyringError::Envelope(envelope::EnvelopeError::Exhausted));
        }
        let block = seals.min(left);
        let key = Key::new(&kid, &key.open(wrap)?, SEALS_AT_MOST - block)?;
        self.key_mut(&kid)?.seals = taken + block;
        Ok(key)
    }

    /// The keys that are there, none of which seals any more.
    fn kept(&self, wrap: &Key) -> Result<Vec<Key>, KeyringError> {
        let kept = self.keys.iter().filter(|key| key.private.is_some());
        kept.map(|key| Ok(Key::new(&key.kid, &key.open(wrap)?, SEALS_AT_MOST)?)).collect()
    }

    /// Whether this key-encryption key opens every private half there is.
    ///
    /// # Errors
    /// [`KeyringError::Sealed`].
    pub fn check_wrapping(&self, wrap: &Key) -> Result<(), KeyringError> {
        let mut kept = self.keys.iter().filter(|key| key.private.is_some());
        kept.try_for_each(|key| key.open(wrap).map(drop))
    }

    /// Puts all private halves under another key-encryption key; the keys themselves stay.
    ///
    /// # Errors
    /// [`KeyringError::Sealed`]; nothing is changed then.
    pub fn rewrap(&mut self, from: &Key, to: &Key) -> Result<(), KeyringError> {
        let mut wrapped = self.clone();
        for key in &mut wrapped.keys {
            if key.private.is_some() {
                let private = key.open(from)?;
                key.private = Some(envelope::seal(to, &context(&key.kid), private.expose())?);
            }
        }
        *self = wrapped;
        Ok(())
    }

    pub(super) fn in_state(&self, state: State) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.state == state)
    }

    pub(super) fn key_mut(&mut self, kid: &str) -> Result<&mut RingKey, KeyringError> {
        let found = self.keys.iter_mut().find(|key| key.kid == kid);
        found.ok_or_else(|| KeyringError::Unknown(kid.to_owned()))
    }

    /// Makes a key; returns its name.
    pub(super) fn add(
        &mut self,
        wrap: &Key,
        state: State,
        now: u64,
    ) -> Result<String, KeyringError> {
        let kid = format!("{}-{}", self.name, self.keys.len() + 1);
        let (private, public) = match self.kind.algorithm() {
            Some(algorithm) => {
                let key = SigningKey::generate(algorithm, &kid)?;
                (key.to_pkcs8()?, Some(key.public()?.to_jwk()))
            }
            None => (Key::generate(&kid)?.1, None),
        };
        self.keys.push(RingKey {
            private: Some(envelope::seal(wrap, &context(&kid), private.expose())?),
            kid: kid.clone(),
            state,
            published: now,
            activated: (state == State::Active).then_some(now),
            replaced: None,
            retired: None,
            public,
            seals: 0,
        });
        Ok(kid)
    }

    fn active(&self) -> Result<&RingKey, KeyringError> {
        let none = || KeyringError::Malformed("no key is in use".to_owned());
        self.in_state(State::Active).ok_or_else(none)
    }

    fn check_kind(&self, kind: Kind) -> Result<(), KeyringError> {
        if self.kind == kind {
            return Ok(());
        }
        let what = match self.kind {
            Kind::A256gcm => "the keyring's keys seal data themselves and wrap no data keys",
            Kind::A256gcmkw => "the keyring's keys wrap data keys, and nothing else",
            _ => "the keyring's keys sign and do not seal",
        };
        Err(KeyringError::Refused { what: what.to_owned(), possible_from: None })
    }
}
