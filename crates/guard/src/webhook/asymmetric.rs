//! Signatures of Standard Webhooks that need no shared secret (`v1a`, Ed25519).
//!
//! This crate brings no cipher of its own for them: whoever verifies gives a key that can. The crate
//! `ringfence-crypto` has one, as have `ed25519-dalek` and `ring`, in one line each.

use super::WebhookError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A public key of a sender.
pub trait PublicKey: Send + Sync {
    /// Whether `signature` is this key's Ed25519 signature of `message` (RFC 8032 section 5.1.7).
    fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool;
}

impl<F: Fn(&[u8], &[u8; 64]) -> bool + Send + Sync> PublicKey for F {
    fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self(message, signature)
    }
}

/// A private key of a sender.
pub trait PrivateKey: Send + Sync {
    /// Its Ed25519 signature of `message`; `None` when it cannot sign now.
    fn sign(&self, message: &[u8]) -> Option<[u8; 64]>;
}

impl<F: Fn(&[u8]) -> Option<[u8; 64]> + Send + Sync> PrivateKey for F {
    fn sign(&self, message: &[u8]) -> Option<[u8; 64]> {
        self(message)
    }
}

/// The 32 bytes of a public key as senders show it: base64, with or without `whpk_` in front.
///
/// # Errors
/// [`WebhookError::Secret`].
pub fn public_key(text: &str) -> Result<[u8; 32], WebhookError> {
    let text = text.strip_prefix("whpk_").unwrap_or(text);
    let bytes = STANDARD.decode(text).map_err(|_| WebhookError::Secret)?;
    bytes.try_into().map_err(|_| WebhookError::Secret)
}

/// Signs a body as a sender with a private key does: the headers to send.
///
/// # Errors
/// [`WebhookError::Header`] for an id with a dot, a space or a control character, or none;
/// [`WebhookError::Secret`] when the key cannot sign.
pub fn sign(
    key: &dyn PrivateKey,
    id: &str,
    now: u64,
    body: &[u8],
) -> Result<Vec<(&'static str, String)>, WebhookError> {
    super::scheme::check_id(id)?;
    let message = [format!("{id}.{now}.").as_bytes(), body].concat();
    let signature = key.sign(&message).ok_or(WebhookError::Secret)?;
    Ok(vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", now.to_string()),
        ("webhook-signature", format!("v1a,{}", STANDARD.encode(signature))),
    ])
}
