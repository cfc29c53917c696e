//! An asymmetric key of AWS KMS.

use super::{AwsKms, is_key, is_same, json, read};
use crate::kms::{KmsError, public};
use crate::signature::{Algorithm, SignatureError, Signer, VerifyingKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json as value;

/// Longest message in bytes that is sent as it is (the API's bound); of longer ones the hash is.
const LONGEST: usize = 4096;

/// A private key that stays in KMS: `ES256` or `PS256`.
#[derive(Debug)]
pub struct AwsSigner<'kms> {
    kms: &'kms AwsKms,
    /// As KMS names it, an ARN.
    key: String,
    public: VerifyingKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    key_id: String,
    key_usage: String,
    #[serde(alias = "CustomerMasterKeySpec")]
    key_spec: String,
    public_key: String,
    signing_algorithms: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signed {
    key_id: String,
    signature: String,
    signing_algorithm: String,
}

impl<'kms> AwsSigner<'kms> {
    /// The key of an id or ARN, which must be of `algorithm`. Its `kid` is its ARN.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Unusable`] for a key of another algorithm, and for `EdDSA`.
    pub fn new(kms: &'kms AwsKms, key: &str, algorithm: Algorithm) -> Result<Self, KmsError> {
        if !is_key(key) {
            return Err(KmsError::Address("a key is named by its id or ARN, not by an alias"));
        }
        let answer = kms.call("GetPublicKey", &json(&value!({ "KeyId": key }))?)?;
        let described: Described = read(&answer)?;
        if !is_same(key, &described.key_id) || !is_key(&described.key_id) {
            return Err(KmsError::Answer("another key answered"));
        }
        let fits = match algorithm {
            Algorithm::Es256 => described.key_spec == "ECC_NIST_P256",
            Algorithm::Ps256 => {
                ["RSA_2048", "RSA_3072", "RSA_4096"].contains(&described.key_spec.as_str())
            }
            Algorithm::EdDsa => false,
        };
        let named = described.signing_algorithms.iter().any(|one| one == name(algorithm));
        if !fits || !named || described.key_usage != "SIGN_VERIFY" {
            return Err(KmsError::Unusable);
        }
        let der = decode(&described.public_key)?;
        // The ARN says more than the id.
        let named = if described.key_id.len() > key.len() { &described.key_id } else { key };
        let public = public::from_spki(algorithm, named, &der)?;
        Ok(Self { kms, key: named.to_owned(), public })
    }
}

impl Signer for AwsSigner<'_> {
    fn kid(&self) -> &str {
        &self.key
    }

    fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    fn public(&self) -> Result<VerifyingKey, SignatureError> {
        Ok(self.public.clone())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let algorithm = self.algorithm();
        let hash = digest(&SHA256, message);
        let (message_type, sent) = match message.len() {
            0..=LONGEST => ("RAW", message),
            _ => ("DIGEST", hash.as_ref()),
        };
        let body = value!({
            "KeyId": self.key,
            "Message": STANDARD.encode(sent),
            "MessageType": message_type,
            "SigningAlgorithm": name(algorithm),
        });
        let answer = self.kms.call("Sign", &json(&body)?)?;
        let signed: Signed = read(&answer)?;
        if !is_same(&self.key, &signed.key_id) || signed.signing_algorithm != name(algorithm) {
            return Err(KmsError::Answer("another key answered").into());
        }
        let signature = decode(&signed.signature)?;
        let signature = match algorithm {
            Algorithm::Es256 => public::fixed_ecdsa(&signature)?,
            _ => signature,
        };
        let wrong = |_| KmsError::Answer("its signature does not fit its public key");
        self.public.verify(message, &signature).map_err(wrong)?;
        Ok(signature)
    }
}

const fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDsa => "ED25519_SHA_512",
        Algorithm::Es256 => "ECDSA_SHA_256",
        Algorithm::Ps256 => "RSASSA_PSS_SHA_256",
    }
}

fn decode(text: &str) -> Result<Vec<u8>, KmsError> {
    STANDARD.decode(text).map_err(|_| KmsError::Answer("it is not base64"))
}
