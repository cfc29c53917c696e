//! A key of transit that wraps data keys.

use super::{Transit, data, decode, is_name, json};
use crate::envelope::{EnvelopeError, WrappedKey, Wrapping};
use crate::kms::KmsError;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;
use zeroize::Zeroizing;

/// Longest wrapped key in bytes: `vault:v1:` and base64 of 60 bytes are less than 100.
const LONGEST: usize = 1024;

/// An AES or `ChaCha20` key of transit.
///
/// ```no_run
/// use ringfence_crypto::envelope;
/// use ringfence_crypto::kms::{Connection, Login, Transit, TransitKey, Trust};
/// use std::time::Duration;
///
/// # fn example(token: ringfence_crypto::Secret) -> Result<(), Box<dyn std::error::Error>> {
/// let deadline = Duration::from_secs(5);
/// let bao = Connection::new("https://bao.internal:8200", &Trust::System, deadline)?;
/// let transit = Transit::new(bao, "transit", None, Login::Token(token))?;
/// let key = TransitKey::new(&transit, "orders")?;
/// let sealed = envelope::seal_wrapped(&key, b"orders/17", b"card")?;
/// let opened = envelope::open_wrapped(&[&key], b"orders/17", &sealed)?;
/// # let _ = opened;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TransitKey<'transit> {
    transit: &'transit Transit,
    name: String,
}

#[derive(Deserialize)]
struct Wrapped<'body> {
    #[serde(borrow)]
    ciphertext: Cow<'body, str>,
}

#[derive(Deserialize)]
struct Plain<'body> {
    #[serde(borrow)]
    plaintext: Cow<'body, str>,
}

impl<'transit> TransitKey<'transit> {
    /// The key of a name. Whether it is there shows when it is used.
    ///
    /// # Errors
    /// [`KmsError::Address`].
    pub fn new(transit: &'transit Transit, name: &str) -> Result<Self, KmsError> {
        if !is_name(name) {
            return Err(KmsError::Address("a key's name has letters, digits, `-`, `.` and `_`"));
        }
        Ok(Self { transit, name: name.to_owned() })
    }

    fn call(&self, operation: &str, body: &serde_json::Value) -> Result<Secret, KmsError> {
        self.transit.call(&format!("{operation}/{}", self.name), Some(&json(body)?))
    }
}

impl Wrapping for TransitKey<'_> {
    fn kid(&self) -> &str {
        &self.name
    }

    fn algorithm(&self) -> &'static str {
        "https://ringfence.dev/jwe/transit"
    }

    fn generate(&self, _bound: &str) -> Result<(Secret, WrappedKey), EnvelopeError> {
        let answer = self.call("datakey/plaintext", &serde_json::json!({ "bits": 256 }))?;
        let plain = data_key(&answer)?;
        Ok((plain, wrapped(&answer)?))
    }

    fn wrap(&self, key: &Secret, _bound: &str) -> Result<WrappedKey, EnvelopeError> {
        // `encrypt` makes a key that is missing, whose name may be misspelt: `datakey` does not.
        self.call("datakey/wrapped", &serde_json::json!({ "bits": 256 }))?;
        // Written by hand: a JSON value would leave copies of the key behind.
        let plain = Zeroizing::new(STANDARD.encode(key.expose()));
        let body = Secret::new([br#"{"plaintext":""#, plain.as_bytes(), br#""}"#].concat());
        let answer = self.transit.call(&format!("encrypt/{}", self.name), Some(&body))?;
        Ok(wrapped(&answer)?)
    }

    fn unwrap(&self, wrapped: &WrappedKey, _bound: &str) -> Result<Secret, EnvelopeError> {
        let body = serde_json::json!({ "ciphertext": text(wrapped)? });
        Ok(data_key(&self.call("decrypt", &body)?)?)
    }

    fn renew(
        &self,
        from: &str,
        key: &WrappedKey,
        _bound: &str,
    ) -> Result<Option<WrappedKey>, EnvelopeError> {
        if from != self.name {
            return Ok(None);
        }
        let body = serde_json::json!({ "ciphertext": text(key)? });
        Ok(Some(wrapped(&self.call("rewrap", &body)?)?))
    }
}

/// The data key in an answer.
fn data_key(answer: &Secret) -> Result<Secret, KmsError> {
    let plain: Plain<'_> = data(answer)?;
    let key = Secret::new(decode(&plain.plaintext)?);
    if key.len() == 32 { Ok(key) } else { Err(KmsError::Answer("its data key has not 32 bytes")) }
}

/// The wrapped key in an answer.
fn wrapped(answer: &Secret) -> Result<WrappedKey, KmsError> {
    let wrapped: Wrapped<'_> = data(answer)?;
    if !is_wrapped(wrapped.ciphertext.as_bytes()) {
        return Err(KmsError::Answer("it is no wrapped key"));
    }
    Ok(WrappedKey { bytes: wrapped.ciphertext.as_bytes().to_vec(), sealing: None })
}

/// A wrapped key as text; what cannot be one is not sent at all.
fn text(wrapped: &WrappedKey) -> Result<&str, KmsError> {
    let text = std::str::from_utf8(&wrapped.bytes).map_err(|_| KmsError::Ciphertext)?;
    if wrapped.sealing.is_none() && is_wrapped(text.as_bytes()) {
        Ok(text)
    } else {
        Err(KmsError::Ciphertext)
    }
}

fn is_wrapped(bytes: &[u8]) -> bool {
    bytes.len() <= LONGEST
        && bytes.starts_with(b"vault:v")
        && bytes.iter().all(u8::is_ascii_graphic)
}
