//! Webhooks: whether the bytes that came are the bytes that were sent, by whom, and only once.
//!
//! The signature is verified over the raw body before anything parses it, under any of several secrets
//! (so that they can be rotated), in constant time; what carries a time must be recent, and what was
//! seen is refused for as long as it would still be recent. GitHub's scheme signs no time: there only
//! the cache of what was seen stands against a replay, for a day. Nothing here says whether the sender
//! may send what it sent.

mod asymmetric;
mod replay;
mod scheme;
mod secret;

pub use asymmetric::{PrivateKey, PublicKey, public_key, sign as sign_asymmetric};
pub use replay::{Memory, Seen};
pub use scheme::{Headers, Scheme};
pub use secret::WebhookSecret;

use crate::event::{Kind, Refusal, Watch};
use std::fmt;
use std::sync::Arc;
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

impl WebhookError {
    /// The stable name of the rule in kebab case.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Header(_) => "bad-header",
            Self::Signature => "signature",
            Self::Time(_) => "timestamp",
            Self::Replayed => "replayed",
            Self::Store => "store",
            Self::Secret => "secret",
            Self::TooLong => "too-long",
        }
    }

    /// The event of this refusal of `body`.
    #[must_use]
    pub fn refusal(self, body: &[u8]) -> Refusal {
        Refusal::new(Kind::Webhook, self.rule(), body)
    }
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
///
/// ```
/// use ringfence_guard::webhook::{Headers, Memory, Scheme, Verifier, WebhookError, WebhookSecret};
///
/// let now = 1_760_000_000;
/// let secret = WebhookSecret::new(b"0123456789abcdef")?;
/// let sent = Scheme::Stripe.sign(&secret, "", now, b"{}")?;
/// let headers: Vec<_> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
///
/// let (verifier, seen) = (Verifier::new(Scheme::Stripe, vec![secret])?, Memory::new(10_000));
/// verifier.verify(&Headers::new(&headers), b"{}", &seen, now)?;
/// let again = verifier.verify(&Headers::new(&headers), b"{}", &seen, now);
/// assert_eq!(again, Err(WebhookError::Replayed));
/// # Ok::<(), WebhookError>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    scheme: Scheme,
    secrets: Vec<WebhookSecret>,
    keys: Vec<Arc<dyn PublicKey>>,
    tolerance: Duration,
    remembered: Duration,
    watch: Watch,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("scheme", &self.scheme)
            .field("secrets", &self.secrets.len())
            .field("keys", &self.keys.len())
            .field("tolerance", &self.tolerance)
            .field("remembered", &self.remembered)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier with the secrets that count at the moment, and five minutes of tolerance.
    ///
    /// # Errors
    /// [`WebhookError::Secret`].
    pub fn new(scheme: Scheme, secrets: Vec<WebhookSecret>) -> Result<Self, WebhookError> {
        if secrets.is_empty() { Err(WebhookError::Secret) } else { Ok(Self::with(scheme, secrets)) }
    }

    /// A verifier of Standard Webhooks with public keys that count at the moment.
    ///
    /// # Errors
    /// [`WebhookError::Secret`] without any.
    pub fn asymmetric(keys: Vec<Arc<dyn PublicKey>>) -> Result<Self, WebhookError> {
        if keys.is_empty() {
            return Err(WebhookError::Secret);
        }
        Ok(Self { keys, ..Self::with(Scheme::Standard, Vec::new()) })
    }

    const fn with(scheme: Scheme, secrets: Vec<WebhookSecret>) -> Self {
        Self {
            scheme,
            secrets,
            keys: Vec::new(),
            tolerance: Duration::from_mins(5),
            remembered: Duration::from_hours(24),
            watch: Watch::nobody(),
        }
    }

    /// How far the sender's time may be from ours, in both directions.
    #[must_use]
    pub const fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// How long a message without a signed time (GitHub's) is remembered, instead of a day. After that
    /// it can be replayed.
    #[must_use]
    pub const fn remembering_for(mut self, remembered: Duration) -> Self {
        self.remembered = remembered;
        self
    }

    /// Tells refusals to somebody.
    #[must_use]
    pub fn watched_by(mut self, watch: Watch) -> Self {
        self.watch = watch;
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
        let verified = self.verified(headers, body, seen, now);
        verified.inspect_err(|error| self.watch.tell(|| error.refusal(body)))
    }

    fn verified(
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
        if !self.fits(&signed, body) {
            return Err(WebhookError::Signature);
        }
        let away = signed.sent.map_or(0, |sent| sent.abs_diff(now));
        let tolerance = self.tolerance.as_secs();
        if away > tolerance {
            return Err(WebhookError::Time(away));
        }
        // From the first moment at which it could be accepted to the last.
        let recent = tolerance.saturating_mul(2).saturating_add(1);
        let long = if signed.sent.is_some() { recent } else { self.remembered.as_secs().max(1) };
        let name = format!("{}:{}", self.scheme.name(), signed.id);
        if !seen.first(&name, now.saturating_add(long), now)? {
            return Err(WebhookError::Replayed);
        }
        Ok(Accepted { id: signed.id, sent: signed.sent })
    }

    /// Whether a signature is that of a secret or a key. All are tried, so that the time does not tell
    /// which one fits.
    fn fits(&self, signed: &scheme::Signed, body: &[u8]) -> bool {
        let mut found = false;
        for secret in &self.secrets {
            for signature in &signed.signatures {
                found |= secret.verify(&[&signed.before, body], signature);
            }
        }
        if !self.keys.is_empty() && !signed.asymmetric.is_empty() {
            let message = [signed.before.as_slice(), body].concat();
            for key in &self.keys {
                for signature in &signed.asymmetric {
                    found |= key.verify(&message, signature);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
