//! A key of transit that signs.

use super::{Transit, data, decode, is_name};
use crate::kms::{KmsError, public};
use crate::signature::{Algorithm, JwkSet, SignatureError, Signer, VerifyingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Most versions of a key that are read.
const MOST_VERSIONS: usize = 1000;

/// One version of a private key that stays in transit.
#[derive(Debug)]
pub struct TransitSigner<'transit> {
    transit: &'transit Transit,
    name: String,
    version: u64,
    kid: String,
    /// Every version that verifies, the oldest first.
    keys: Vec<(u64, VerifyingKey)>,
    algorithm: Algorithm,
}

/// A key as transit describes it.
#[derive(Deserialize)]
struct Described {
    r#type: String,
    latest_version: u64,
    min_decryption_version: u64,
    #[serde(default)]
    min_encryption_version: u64,
    keys: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    public_key: String,
}

impl<'transit> TransitSigner<'transit> {
    /// The key of a name, which must be of `algorithm`, in its newest version or in a given one: sign
    /// with the one before until every verifier has fetched the newest.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Unusable`] for a key of another algorithm.
    pub fn new(
        transit: &'transit Transit,
        name: &str,
        algorithm: Algorithm,
        version: Option<u64>,
    ) -> Result<Self, KmsError> {
        if !is_name(name) {
            return Err(KmsError::Address("a key's name has letters, digits, `-`, `.` and `_`"));
        }
        let body = transit.call(&format!("keys/{name}"), None)?;
        let described: Described = data(&body)?;
        let fits = match algorithm {
            Algorithm::EdDsa => described.r#type == "ed25519",
            Algorithm::Es256 => described.r#type == "ecdsa-p256",
            Algorithm::Ps256 => {
                ["rsa-2048", "rsa-3072", "rsa-4096"].contains(&described.r#type.as_str())
            }
        };
        let version = version.unwrap_or(described.latest_version);
        if !fits || version < described.min_encryption_version.max(1) {
            return Err(KmsError::Unusable);
        }
        let keys = public_keys(&described, name, algorithm)?;
        if !keys.iter().any(|(number, _)| *number == version) {
            return Err(KmsError::NotFound);
        }
        let kid = kid(name, version);
        Ok(Self { transit, name: name.to_owned(), version, kid, keys, algorithm })
    }

    /// Every version that verifies, as verifiers fetch them.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.keys.iter().map(|(_, key)| key.to_jwk()).collect() }
    }

    fn own(&self) -> Result<&VerifyingKey, KmsError> {
        let own = self.keys.iter().find(|(version, _)| *version == self.version);
        own.map(|(_, key)| key).ok_or(KmsError::NotFound)
    }

    fn ask(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        #[derive(Deserialize)]
        struct Signed<'body> {
            #[serde(borrow)]
            signature: Cow<'body, str>,
        }
        let mut body = json!({ "input": STANDARD.encode(message), "key_version": self.version });
        match self.algorithm {
            Algorithm::EdDsa => {}
            Algorithm::Es256 => {
                body["hash_algorithm"] = "sha2-256".into();
                body["marshaling_algorithm"] = "jws".into();
            }
            Algorithm::Ps256 => {
                body["hash_algorithm"] = "sha2-256".into();
                body["marshaling_algorithm"] = "jws".into();
                body["signature_algorithm"] = "pss".into();
                // As long as the hash (RFC 7518 section 3.5); by itself transit takes the longest.
                body["salt_length"] = "hash".into();
            }
        }
        let answer =
            self.transit.call(&format!("sign/{}", self.name), Some(&super::json(&body)?))?;
        let signed: Signed<'_> = data(&answer)?;
        let mark = format!("vault:v{}:", self.version);
        let signature = signed.signature.strip_prefix(&mark);
        decode(signature.ok_or(KmsError::Answer("it signed with another version"))?)
    }
}

impl Signer for TransitSigner<'_> {
    fn kid(&self) -> &str {
        &self.kid
    }

    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public(&self) -> Result<VerifyingKey, SignatureError> {
        Ok(self.own()?.clone())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature = self.ask(message)?;
        let wrong = |_| KmsError::Answer("its signature does not fit its public key");
        self.own()?.verify(message, &signature).map_err(wrong)?;
        Ok(signature)
    }
}

fn public_keys(
    described: &Described,
    name: &str,
    algorithm: Algorithm,
) -> Result<Vec<(u64, VerifyingKey)>, KmsError> {
    if described.keys.len() > MOST_VERSIONS {
        return Err(KmsError::Answer("it has too many versions"));
    }
    let mut keys = Vec::new();
    for (version, key) in &described.keys {
        let version: u64 =
            version.parse().map_err(|_| KmsError::Answer("a version of it is no number"))?;
        if version < described.min_decryption_version {
            continue;
        }
        let kid = kid(name, version);
        let public = match algorithm {
            Algorithm::EdDsa => public::from_ed25519(&kid, &key.public_key)?,
            _ => public::from_pem(algorithm, &kid, &key.public_key)?,
        };
        keys.push((version, public));
    }
    keys.sort_by_key(|(version, _)| *version);
    Ok(keys)
}

/// Versions are keys of their own to a verifier.
fn kid(name: &str, version: u64) -> String {
    format!("{name}-v{version}")
}
