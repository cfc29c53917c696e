//! Keyrings.

use super::envelope::NativeEnvelopeKey;
use super::refusal::{Refusal, Result, refuse};
use super::signature::{NativeKeySet, NativeSigningKey, written};
use napi_derive::napi;
use ringfence_crypto::keyring::{Keyring, Kind, Policy, Step};

/// A ring of keys.
#[napi]
pub struct NativeKeyring(Keyring);

/// The times between steps, in seconds.
#[napi(object, object_to_js = false)]
pub struct NativePolicy {
    /// Longest life of what is signed.
    pub token_life: i64,
    /// By how much clocks may differ.
    pub skew: i64,
    /// How long verifiers may hold on to an older set.
    pub cache: i64,
}

/// What a rotation did; times in seconds since 1970.
#[napi(object, object_from_js = false)]
pub struct NativeStep {
    /// `published` or `took-over`.
    pub step: String,
    /// The new key.
    pub kid: String,
    /// When a published key may take over.
    pub takes_over_from: Option<i64>,
    /// The key before, after a take-over.
    pub before: Option<String>,
    /// When it may be retired.
    pub retires_from: Option<i64>,
}

#[napi]
impl NativeKeyring {
    /// A ring with its first key in use.
    #[napi(factory, catch_unwind)]
    pub fn create(
        name: String,
        kind: String,
        policy: NativePolicy,
        wrap: &NativeEnvelopeKey,
        now: i64,
    ) -> Result<Self> {
        let kind: Kind = serde_json::from_value(serde_json::Value::String(kind)).map_err(|_| {
            let why = "a keyring is of eddsa, es256, ps256 or a256gcm";
            refuse(Refusal::new("INVALID_ARGUMENT", why))
        })?;
        let policy = Policy {
            token_life: seconds(policy.token_life),
            skew: seconds(policy.skew),
            cache: seconds(policy.cache),
        };
        let ring = Keyring::create(&name, kind, policy, wrap.key(), seconds(now));
        ring.map(Self).map_err(refuse)
    }

    /// Reads a ring and authenticates it; without the key-encryption key it tells no more than a set
    /// of public keys from the same place would.
    #[napi(factory, catch_unwind)]
    pub fn parse(text: String, wrap: Option<&NativeEnvelopeKey>) -> Result<Self> {
        let ring = match wrap {
            Some(wrap) => Keyring::open(&text, wrap.key()),
            None => Keyring::from_json(&text),
        };
        ring.map(Self).map_err(refuse)
    }

    /// Takes over a file of the form that had no proof.
    #[napi(factory, catch_unwind)]
    pub fn migrate(text: String, wrap: &NativeEnvelopeKey) -> Result<Self> {
        Keyring::migrate(&text, wrap.key()).map(Self).map_err(refuse)
    }

    /// The ring as JSON, authenticated, private halves sealed.
    #[napi(catch_unwind)]
    pub fn text(&self, wrap: &NativeEnvelopeKey) -> Result<String> {
        self.0.to_json(wrap.key()).map_err(refuse)
    }

    /// Its name.
    #[napi(getter, catch_unwind)]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Names and states of its keys, as JSON without private halves.
    #[napi(catch_unwind)]
    pub fn keys(&self) -> Result<String> {
        let mut keys = Vec::new();
        for key in self.0.keys() {
            let value = serde_json::to_value(key).ok();
            if let Some(serde_json::Value::Object(mut fields)) = value {
                fields.remove("private");
                keys.push(fields);
            }
        }
        written(&keys)
    }

    /// The next step.
    #[napi(catch_unwind)]
    pub fn rotate(&mut self, wrap: &NativeEnvelopeKey, now: i64) -> Result<NativeStep> {
        let step = self.0.rotate(wrap.key(), seconds(now)).map_err(refuse)?;
        let time = |seconds| i64::try_from(seconds).unwrap_or(i64::MAX);
        Ok(match step {
            Step::Published { kid, takes_over_from } => NativeStep {
                step: "published".to_owned(),
                kid,
                takes_over_from: Some(time(takes_over_from)),
                before: None,
                retires_from: None,
            },
            Step::TookOver { kid, before } => {
                let (before, retires) = before.unzip();
                NativeStep {
                    step: "took-over".to_owned(),
                    kid,
                    takes_over_from: None,
                    before,
                    retires_from: retires.map(time),
                }
            }
        })
    }

    /// Erases a private half when nothing it signed is valid any more.
    #[napi(catch_unwind)]
    pub fn retire(&mut self, kid: String, now: i64) -> Result<()> {
        self.0.retire(&kid, seconds(now)).map_err(refuse)
    }

    /// Erases a private half at once.
    #[napi(catch_unwind)]
    pub fn destroy(&mut self, kid: String, now: i64) -> Result<()> {
        self.0.destroy(&kid, seconds(now)).map_err(refuse)
    }

    /// The key that signs.
    #[napi(catch_unwind)]
    pub fn signing_key(&self, wrap: &NativeEnvelopeKey) -> Result<NativeSigningKey> {
        Ok(self.0.signing_key(wrap.key()).map_err(refuse)?.into())
    }

    /// The keys that verify.
    #[napi(catch_unwind)]
    pub fn verifying_keys(&self) -> Result<NativeKeySet> {
        Ok(NativeKeySet::of(self.0.verifying_keys().map_err(refuse)?, self.0.jwks()))
    }

    /// What verifiers fetch, as JSON.
    #[napi(catch_unwind)]
    pub fn jwks(&self) -> Result<String> {
        written(&self.0.jwks())
    }

    /// The key that seals; a block of seals is taken from its count.
    #[napi(catch_unwind)]
    pub fn sealing_key(&mut self, wrap: &NativeEnvelopeKey) -> Result<NativeEnvelopeKey> {
        Ok(self.0.sealing_key(wrap.key()).map_err(refuse)?.into())
    }

    /// The keys that open.
    #[napi(catch_unwind)]
    pub fn opening_keys(&self, wrap: &NativeEnvelopeKey) -> Result<Vec<NativeEnvelopeKey>> {
        let keys = self.0.opening_keys(wrap.key()).map_err(refuse)?;
        Ok(keys.into_iter().map(NativeEnvelopeKey::from).collect())
    }

    /// Puts all private halves under another key-encryption key.
    #[napi(catch_unwind)]
    pub fn rewrap(&mut self, from: &NativeEnvelopeKey, to: &NativeEnvelopeKey) -> Result<()> {
        self.0.rewrap(from.key(), to.key()).map_err(refuse)
    }
}

fn seconds(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}
