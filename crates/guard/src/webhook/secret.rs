//! Secrets that senders and receivers share.

use super::WebhookError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;

/// Least bytes of a secret.
const LEAST: usize = 16;

/// A secret. It has no `Display` and does not show itself.
#[derive(Clone)]
pub struct WebhookSecret(Hmac<Sha256>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl WebhookSecret {
    /// A secret as the sender shows it. `whsec_` and base64 of Standard Webhooks are decoded with
    /// [`WebhookSecret::standard`]; Stripe's `whsec_...`, GitHub's and Slack's are used as they are.
    ///
    /// # Errors
    /// [`WebhookError::Secret`].
    pub fn new(secret: &[u8]) -> Result<Self, WebhookError> {
        if secret.len() < LEAST {
            return Err(WebhookError::Secret);
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| WebhookError::Secret)
    }

    /// A secret of Standard Webhooks: base64, with or without `whsec_` in front.
    ///
    /// # Errors
    /// [`WebhookError::Secret`].
    pub fn standard(text: &str) -> Result<Self, WebhookError> {
        let text = text.strip_prefix("whsec_").unwrap_or(text);
        Self::new(&STANDARD.decode(text).map_err(|_| WebhookError::Secret)?)
    }

    /// HMAC-SHA256 of the parts, one after the other.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mac = parts.iter().fold(self.0.clone(), Hmac::chain_update);
        mac.finalize().into_bytes().into()
    }

    /// Whether `signature` is that of the parts, in constant time.
    pub(super) fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        let mac = parts.iter().fold(self.0.clone(), Hmac::chain_update);
        mac.verify_slice(signature).is_ok()
    }
}
