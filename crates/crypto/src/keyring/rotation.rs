//! The order of steps, and the times between them.

use super::KeyringError;
use super::file::Keyring;
use super::key::State;
use serde::{Deserialize, Serialize};

/// The times that keep verification whole, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// Longest life of what is signed.
    pub token_life: u64,
    /// By how much clocks may differ.
    pub skew: u64,
    /// How long verifiers may hold on to an older set of keys.
    pub cache: u64,
}

impl Default for Policy {
    /// One day, one minute, one hour.
    fn default() -> Self {
        Self { token_life: 86_400, skew: 60, cache: 3_600 }
    }
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A new key is published; it may take over from this time.
    Published {
        /// Its name.
        kid: String,
        /// Seconds since 1970.
        takes_over_from: u64,
    },
    /// The published key took over; the one before may be retired from this time.
    TookOver {
        /// The key that is used now.
        kid: String,
        /// The key before it, and from when it may be retired in seconds since 1970.
        before: Option<(String, u64)>,
    },
}

impl Policy {
    /// From when a replaced key verifies nothing any more that can still be valid.
    const fn retires_from(&self, replaced: u64) -> u64 {
        replaced.saturating_add(self.token_life).saturating_add(self.skew)
    }

    /// From when every verifier has seen a published key.
    const fn seen_from(&self, published: u64) -> u64 {
        published.saturating_add(self.cache).saturating_add(self.skew)
    }
}

impl Keyring {
    /// The next step: publishes a new key, or lets the published one take over.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] while verifiers may not have seen the published key.
    pub fn rotate(&mut self, wrap: &crate::envelope::Key, now: u64) -> Result<Step, KeyringError> {
        let Some(next) = self.in_state(State::Published) else {
            let kid = self.add(wrap, State::Published, now)?;
            return Ok(Step::Published { kid, takes_over_from: self.policy.seen_from(now) });
        };
        let (kid, seen) = (next.kid.clone(), self.policy.seen_from(next.published));
        if now < seen {
            let what = format!("verifiers may not have seen `{kid}` yet");
            return Err(KeyringError::Refused { what, possible_from: Some(seen) });
        }
        let before = self.in_state(State::Active).map(|key| key.kid.clone());
        for key in &mut self.keys {
            if key.kid == kid {
                (key.state, key.activated) = (State::Active, Some(now));
            } else if key.state == State::Active {
                (key.state, key.replaced) = (State::Retiring, Some(now));
            }
        }
        let retires = self.policy.retires_from(now);
        Ok(Step::TookOver { kid, before: before.map(|kid| (kid, retires)) })
    }

    /// Erases a key's private half; from then on it verifies nothing.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] for the key in use, and while what it signed may still be valid;
    /// [`KeyringError::Unknown`].
    pub fn retire(&mut self, kid: &str, now: u64) -> Result<(), KeyringError> {
        let policy = self.policy;
        let seals = self.kind.algorithm().is_none();
        let key = self.key_mut(kid)?;
        match key.state {
            State::Active => refuse(format!("`{kid}` is in use: rotate first"), None),
            State::Retired => refuse(format!("`{kid}` is retired already"), None),
            State::Published => {
                key.erase(now);
                Ok(())
            }
            // Nobody but the application knows which envelopes are left under it.
            State::Retiring if seals => refuse(
                format!(
                    "`{kid}` may still be needed to open envelopes: put them under the newer key, then destroy it"
                ),
                None,
            ),
            State::Retiring => {
                let possible = policy.retires_from(key.replaced.unwrap_or(now));
                if now < possible {
                    let what = format!("what `{kid}` signed may still be valid");
                    return refuse(what, Some(possible));
                }
                key.erase(now);
                Ok(())
            }
        }
    }

    /// Erases a key's private half at once: after a compromise, or when nothing is left that it
    /// sealed. What it signed verifies no more.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] for the key in use; [`KeyringError::Unknown`].
    pub fn destroy(&mut self, kid: &str, now: u64) -> Result<(), KeyringError> {
        let key = self.key_mut(kid)?;
        if key.state == State::Active {
            return refuse(format!("`{kid}` is in use: rotate first"), None);
        }
        key.erase(now);
        Ok(())
    }
}

fn refuse<T>(what: String, possible_from: Option<u64>) -> Result<T, KeyringError> {
    Err(KeyringError::Refused { what, possible_from })
}
