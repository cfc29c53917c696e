//! Webhooks: whether the bytes that came are the bytes that were sent, by whom, and only once.
//!
//! The signature is verified over the raw body before anything parses it, under any of several secrets
//! (so that they can be rotated), in constant time; what carries a time must be recent, and what was
//! seen is refused for as long as it would still be recent. GitHub's scheme signs no time: there only
//! the cache of what was seen stands against a replay.

mod replay;
mod scheme;
mod secret;

pub use replay::{Memory, Seen};
pub use scheme::{Headers, Scheme};
pub use secret::WebhookSecret;

use std::time::Duration;

/// Longest body in bytes that is verified.
pub const LONGEST_BODY: usize = 16 << 20;

/// Why a webhook was refused. No variant holds any of the body, the header or the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// A header that the scheme needs is missing, there twice, or not as it must be.
    #[error("header `{0}` is missing or malformed")]
    Header(&'static str),
    /// None of the secrets fits.
    #[error("the signature does not fit")]
    Signature,
    /// It was sent too long ago, or its time is in the future.
    #[error("its time is {0} s away: more than is tolerated")]
    Time(u64),
    /// It was accepted before.
    #[error("it was seen before")]
    Replayed,
    /// The store of what was seen cannot be asked: nothing is accepted then.
    #[error("the store of what was seen is not available")]
    Store,
    /// No secret was given, or one of fewer than 16 bytes.
    #[error("a secret is missing or shorter than 16 bytes")]
    Secret,
    /// The body is longer than [`LONGEST_BODY`].
    #[error("the body is longer than {LONGEST_BODY} bytes")]
    TooLong,
}

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What it is known by: use it to do the work once.
    pub id: String,
    /// When it was sent, in seconds since 1970; `None` where the scheme signs no time.
    pub sent: Option<u64>,
}

/// Verifies webhooks of one sender.
#[derive(Debug)]
pub struct Verifier {
    scheme: Scheme,
    secrets: Vec<WebhookSecret>,
    tolerance: Duration,
}

impl Verifier {
    /// A verifier with the secrets that count at the moment, and five minutes of tolerance.
    ///
    /// # Errors
    /// [`WebhookError::Secret`].
    pub fn new(scheme: Scheme, secrets: Vec<WebhookSecret>) -> Result<Self, WebhookError> {
        if secrets.is_empty() {
            return Err(WebhookError::Secret);
        }
        Ok(Self { scheme, secrets, tolerance: Duration::from_mins(5) })
    }

    /// How far the sender's time may be from ours, in both directions.
    #[must_use]
    pub const fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Verifies the raw body at `now` (seconds since 1970), and remembers it in `seen`.
    ///
    /// # Errors
    /// [`WebhookError`]; what was refused is not remembered.
    pub fn verify(
        &self,
        headers: &Headers<'_>,
        body: &[u8],
        seen: &dyn Seen,
        now: u64,
    ) -> Result<Accepted, WebhookError> {
        if body.len() > LONGEST_BODY {
            return Err(WebhookError::TooLong);
        }
        let signed = self.scheme.read(headers, body)?;
        let fits = |secret: &WebhookSecret| {
            // All are tried, so that the time does not tell which one fits.
            signed.signatures.iter().fold(false, |fits, signature| {
                secret.verify(&[&signed.before, body], signature) | fits
            })
        };
        if !self.secrets.iter().fold(false, |found, secret| fits(secret) | found) {
            return Err(WebhookError::Signature);
        }
        let away = signed.sent.map_or(0, |sent| sent.abs_diff(now));
        let tolerance = self.tolerance.as_secs();
        if away > tolerance {
            return Err(WebhookError::Time(away));
        }
        // From the first that could be accepted to the last.
        let until = now.saturating_add(2 * tolerance.max(1));
        if !seen.first(&signed.id, until, now)? {
            return Err(WebhookError::Replayed);
        }
        Ok(Accepted { id: signed.id, sent: signed.sent })
    }
}

#[cfg(test)]
mod tests;
