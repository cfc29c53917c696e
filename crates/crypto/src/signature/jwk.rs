//! Public keys as JSON (RFC 7517), one and in sets.

use super::{Algorithm, SignatureError, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest set in bytes that is read.
const LONGEST: usize = 1 << 20;

/// A key. Only what is public is ever written; private members are there to be refused.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Type: `OKP`, `EC`, `RSA`.
    pub kty: String,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#use: Option<String>,
    /// Operations, where `use` is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    /// Curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// First coordinate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Second coordinate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Modulus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// Exponent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Private exponent: a key that has it is refused.
    #[serde(default, skip_serializing)]
    pub(super) d: Option<serde_json::Value>,
    /// Symmetric key: a key that has it is refused.
    #[serde(default, skip_serializing)]
    pub(super) k: Option<serde_json::Value>,
}

impl std::fmt::Debug for Jwk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwk")
            .field("kty", &self.kty)
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .finish_non_exhaustive()
    }
}

impl Jwk {
    /// Its one algorithm: what `alg` names, which must be that of its type and curve.
    pub(super) fn algorithm(&self) -> Result<Algorithm, SignatureError> {
        let fits = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("RSA", None) => Algorithm::Ps256,
            _ => return Err(SignatureError::Key("its type is not accepted")),
        };
        match self.alg.as_deref() {
            Some(name) if Algorithm::named(name) == Some(fits) => Ok(fits),
            // The curve says enough; RSA without a word would be any of six algorithms.
            None if fits != Algorithm::Ps256 => Ok(fits),
            _ => Err(SignatureError::Key("its alg must be EdDSA, ES256 or PS256")),
        }
    }

    /// Whether it is a public key for verifying.
    pub(super) fn check_public(&self) -> Result<(), SignatureError> {
        if self.d.is_some() || self.k.is_some() {
            return Err(SignatureError::Key("it is a private or symmetric key"));
        }
        let for_signatures = self.r#use.as_deref().is_none_or(|used| used == "sig");
        let verifies = self
            .key_ops
            .as_ref()
            .is_none_or(|ops| ops.iter().any(|operation| operation == "verify"));
        if !for_signatures || !verifies {
            return Err(SignatureError::Key("it is not meant for verifying"));
        }
        Ok(())
    }
}

/// A set of keys (RFC 7517 section 5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// Reads a set. A set with a private or symmetric key, with a name twice or with a key that
    /// cannot be used is refused as a whole: whoever made it made a mistake.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn parse(text: &str) -> Result<Vec<VerifyingKey>, SignatureError> {
        if text.len() > LONGEST {
            return Err(SignatureError::TooLong);
        }
        let set: Self = serde_json::from_str(text)
            .map_err(|_| SignatureError::Malformed("it is no set of keys"))?;
        if set.keys.is_empty() {
            return Err(SignatureError::Malformed("it has no keys"));
        }
        let keys: Vec<_> = set.keys.iter().map(VerifyingKey::from_jwk).collect::<Result<_, _>>()?;
        let names: BTreeSet<_> = keys.iter().map(VerifyingKey::kid).collect();
        if names.len() != keys.len() {
            return Err(SignatureError::Malformed("a kid is there twice"));
        }
        Ok(keys)
    }
}
