//! A symmetric key of AWS KMS.

use super::{AwsKms, is_key, is_same, json, read};
use crate::envelope::{EnvelopeError, WrappedKey, Wrapping};
use crate::kms::KmsError;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::borrow::Cow;
use zeroize::Zeroizing;

/// Name in the encryption context of what an envelope is bound to.
const CONTEXT: &str = "ringfence:context";
/// Longest wrapped key in bytes (the API's bound).
const LONGEST: usize = 6144;

/// A key that wraps data keys, by its id or ARN: an alias could point to another key tomorrow.
///
/// The context of an envelope goes into the encryption context as its SHA-256 in base64url, so KMS
/// itself refuses to unwrap for another one, and the audit trail has no customer's data in it.
#[derive(Debug)]
pub struct AwsKey<'kms> {
    kms: &'kms AwsKms,
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wrapped<'body> {
    #[serde(borrow)]
    key_id: Cow<'body, str>,
    #[serde(borrow)]
    ciphertext_blob: Cow<'body, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Plain<'body> {
    #[serde(borrow)]
    key_id: Cow<'body, str>,
    #[serde(borrow)]
    plaintext: Cow<'body, str>,
}

impl<'kms> AwsKey<'kms> {
    /// The key of an id or ARN. Whether it is there shows when it is used.
    ///
    /// # Errors
    /// [`KmsError::Address`].
    pub fn new(kms: &'kms AwsKms, key: &str) -> Result<Self, KmsError> {
        if !is_key(key) {
            return Err(KmsError::Address("a key is named by its id or ARN, not by an alias"));
        }
        Ok(Self { kms, key: key.to_owned() })
    }

    /// The wrapped key in an answer.
    fn wrapped(&self, answer: &Secret) -> Result<WrappedKey, KmsError> {
        let wrapped: Wrapped<'_> = read(answer)?;
        if !is_same(&self.key, &wrapped.key_id) {
            return Err(KmsError::Answer("another key answered"));
        }
        let bytes = decode(&wrapped.ciphertext_blob)?;
        if bytes.is_empty() || bytes.len() > LONGEST {
            return Err(KmsError::Answer("it is no wrapped key"));
        }
        Ok(WrappedKey { bytes, sealing: None })
    }

    /// The data key in an answer.
    fn data_key(&self, answer: &Secret) -> Result<Secret, KmsError> {
        let plain: Plain<'_> = read(answer)?;
        if !is_same(&self.key, &plain.key_id) {
            return Err(KmsError::Answer("another key answered"));
        }
        let key = Secret::new(decode(&plain.plaintext)?);
        if key.len() == 32 {
            Ok(key)
        } else {
            Err(KmsError::Answer("its data key has not 32 bytes"))
        }
    }
}

impl Wrapping for AwsKey<'_> {
    fn kid(&self) -> &str {
        &self.key
    }

    fn algorithm(&self) -> &'static str {
        "https://ringfence.dev/jwe/aws-kms"
    }

    fn generate(&self, bound: &str) -> Result<(Secret, WrappedKey), EnvelopeError> {
        let body = value!({
            "KeyId": self.key, "KeySpec": "AES_256", "EncryptionContext": context(bound),
        });
        let answer = self.kms.call("GenerateDataKey", &json(&body)?)?;
        Ok((self.data_key(&answer)?, self.wrapped(&answer)?))
    }

    fn wrap(&self, key: &Secret, bound: &str) -> Result<WrappedKey, EnvelopeError> {
        // The key itself is written by hand: a JSON value would leave copies of it behind.
        let plain = Zeroizing::new(STANDARD.encode(key.expose()));
        let rest = value!({ "KeyId": self.key, "EncryptionContext": context(bound) }).to_string();
        let rest = rest.strip_prefix('{').unwrap_or_default().as_bytes();
        let body = [br#"{"Plaintext":""#, plain.as_bytes(), br#"","#, rest].concat();
        Ok(self.wrapped(&self.kms.call("Encrypt", &Secret::new(body))?)?)
    }

    fn unwrap(&self, wrapped: &WrappedKey, bound: &str) -> Result<Secret, EnvelopeError> {
        let body = value!({
            "KeyId": self.key,
            "CiphertextBlob": blob(wrapped)?,
            "EncryptionContext": context(bound),
        });
        Ok(self.data_key(&self.kms.call("Decrypt", &json(&body)?)?)?)
    }

    fn renew(
        &self,
        from: &str,
        key: &WrappedKey,
        bound: &str,
    ) -> Result<Option<WrappedKey>, EnvelopeError> {
        // A key of another region is not known to this one's service.
        if region(from) != region(&self.key) {
            return Ok(None);
        }
        let body = value!({
            "SourceKeyId": from,
            "DestinationKeyId": self.key,
            "CiphertextBlob": blob(key)?,
            "SourceEncryptionContext": context(bound),
            "DestinationEncryptionContext": context(bound),
        });
        Ok(Some(self.wrapped(&self.kms.call("ReEncrypt", &json(&body)?)?)?))
    }
}

fn context(bound: &str) -> Value {
    if bound.is_empty() { value!({}) } else { value!({ CONTEXT: bound }) }
}

fn blob(wrapped: &WrappedKey) -> Result<String, KmsError> {
    if wrapped.sealing.is_some() || wrapped.bytes.is_empty() || wrapped.bytes.len() > LONGEST {
        return Err(KmsError::Ciphertext);
    }
    Ok(STANDARD.encode(&wrapped.bytes))
}

/// The region in an ARN.
fn region(key: &str) -> Option<&str> {
    key.strip_prefix("arn:")?.split(':').nth(2)
}

fn decode(text: &str) -> Result<Vec<u8>, KmsError> {
    STANDARD.decode(text).map_err(|_| KmsError::Answer("it is not base64"))
}
