//! How each sender writes what it signs.

use super::{WebhookError, WebhookSecret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Most signatures in one header: senders that rotate send two.
const MOST_SIGNATURES: usize = 8;

/// A sender's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// The Standard Webhooks specification: `v1` under secrets, `v1a` under public keys.
    Standard,
    /// Stripe: `Stripe-Signature`.
    Stripe,
    /// GitHub: `X-Hub-Signature-256`.
    GitHub,
    /// Slack: `X-Slack-Signature`.
    Slack,
}

/// The headers of a request.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(&'a [(&'a str, &'a str)]);

impl<'a> Headers<'a> {
    /// Names and values as they came; names are compared without regard to case.
    #[must_use]
    pub const fn new(headers: &'a [(&'a str, &'a str)]) -> Self {
        Self(headers)
    }

    /// The value of a header that is there exactly once.
    fn one(&self, name: &'static str) -> Result<&'a str, WebhookError> {
        let mut found = self.0.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) if value.len() <= 4096 => Ok(value),
            _ => Err(WebhookError::Header(name)),
        }
    }
}

/// What a request says of itself: none of it counts before a signature fits.
pub(super) struct Signed {
    /// What it is known by.
    pub(super) id: String,
    /// When it was sent.
    pub(super) sent: Option<u64>,
    /// What is signed in front of the body.
    pub(super) before: Vec<u8>,
    /// Signatures to try under secrets.
    pub(super) signatures: Vec<Vec<u8>>,
    /// Signatures to try under public keys.
    pub(super) asymmetric: Vec<[u8; 64]>,
}

impl Scheme {
    /// In front of what is remembered: senders share a store without sharing names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Stripe => "stripe",
            Self::GitHub => "github",
            Self::Slack => "slack",
        }
    }

    /// Reads the headers.
    pub(super) fn read(self, headers: &Headers<'_>, body: &[u8]) -> Result<Signed, WebhookError> {
        match self {
            Self::Standard => standard(headers),
            Self::Stripe => stripe(headers, body),
            Self::GitHub => github(headers, body),
            Self::Slack => slack(headers, body),
        }
    }

    /// Signs a body as the sender does: the headers to send. `id` counts in Standard Webhooks alone.
    ///
    /// # Errors
    /// [`WebhookError::Header`] for an id with a dot, a space or a control character, or none.
    pub fn sign(
        self,
        secret: &WebhookSecret,
        id: &str,
        now: u64,
        body: &[u8],
    ) -> Result<Vec<(&'static str, String)>, WebhookError> {
        Ok(match self {
            Self::Standard => {
                check_id(id)?;
                let tag = secret.sign(&[format!("{id}.{now}.").as_bytes(), body]);
                vec![
                    ("webhook-id", id.to_owned()),
                    ("webhook-timestamp", now.to_string()),
                    ("webhook-signature", format!("v1,{}", STANDARD.encode(tag))),
                ]
            }
            Self::Stripe => {
                let tag = secret.sign(&[format!("{now}.").as_bytes(), body]);
                vec![("stripe-signature", format!("t={now},v1={}", hex(&tag)))]
            }
            Self::GitHub => {
                vec![("x-hub-signature-256", format!("sha256={}", hex(&secret.sign(&[body]))))]
            }
            Self::Slack => {
                let tag = secret.sign(&[format!("v0:{now}:").as_bytes(), body]);
                vec![
                    ("x-slack-request-timestamp", now.to_string()),
                    ("x-slack-signature", format!("v0={}", hex(&tag))),
                ]
            }
        })
    }
}

fn standard(headers: &Headers<'_>) -> Result<Signed, WebhookError> {
    let id = headers.one("webhook-id")?;
    check_id(id)?;
    let sent = time(headers.one("webhook-timestamp")?, "webhook-timestamp")?;
    let wrong = WebhookError::Header("webhook-signature");
    let (mut signatures, mut asymmetric) = (Vec::new(), Vec::new());
    for one in headers.one("webhook-signature")?.split(' ').filter(|one| !one.is_empty()) {
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| wrong);
        match one.split_once(',').ok_or(wrong)? {
            ("v1", text) => signatures.push(bytes(text)?),
            ("v1a", text) => asymmetric.push(bytes(text)?.try_into().map_err(|_| wrong)?),
            // What may come: it is not ours to accept.
            _ => {}
        }
    }
    if !(1..=MOST_SIGNATURES).contains(&(signatures.len() + asymmetric.len())) {
        return Err(wrong);
    }
    let before = format!("{id}.{sent}.").into_bytes();
    Ok(Signed { id: id.to_owned(), sent: Some(sent), before, signatures, asymmetric })
}

fn stripe(headers: &Headers<'_>, body: &[u8]) -> Result<Signed, WebhookError> {
    const NAME: &str = "stripe-signature";
    let (mut sent, mut signatures) = (None, Vec::new());
    for part in headers.one(NAME)?.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) if sent.is_none() => sent = Some(time(text, NAME)?),
            Some(("t", _)) | None => return Err(WebhookError::Header(NAME)),
            Some(("v1", text)) => signatures.push(unhex(text)),
            // `v0` of test mode, and what may come: they are not ours to accept.
            Some(_) => {}
        }
    }
    let sent = sent.ok_or(WebhookError::Header(NAME))?;
    let signatures = some(signatures.into_iter().collect(), NAME)?;
    let before = format!("{sent}.").into_bytes();
    Ok(Signed {
        id: digest(&[&before, body]),
        sent: Some(sent),
        before,
        signatures,
        asymmetric: Vec::new(),
    })
}

fn github(headers: &Headers<'_>, body: &[u8]) -> Result<Signed, WebhookError> {
    const NAME: &str = "x-hub-signature-256";
    let text = headers.one(NAME)?.strip_prefix("sha256=");
    let signatures = some(text.map(|text| unhex(text).into_iter().collect()), NAME)?;
    // The delivery's id is in a header that is not signed: whoever replays could change it.
    Ok(Signed {
        id: digest(&[&[], body]),
        sent: None,
        before: Vec::new(),
        signatures,
        asymmetric: Vec::new(),
    })
}

fn slack(headers: &Headers<'_>, body: &[u8]) -> Result<Signed, WebhookError> {
    const NAME: &str = "x-slack-signature";
    let sent = time(headers.one("x-slack-request-timestamp")?, "x-slack-request-timestamp")?;
    let text = headers.one(NAME)?.strip_prefix("v0=");
    let signatures = some(text.map(|text| unhex(text).into_iter().collect()), NAME)?;
    let before = format!("v0:{sent}:").into_bytes();
    Ok(Signed {
        id: digest(&[&before, body]),
        sent: Some(sent),
        before,
        signatures,
        asymmetric: Vec::new(),
    })
}

/// From one to eight signatures.
fn some(found: Option<Vec<Vec<u8>>>, name: &'static str) -> Result<Vec<Vec<u8>>, WebhookError> {
    found.filter(|all| (1..=MOST_SIGNATURES).contains(&all.len())).ok_or(WebhookError::Header(name))
}

/// Seconds since 1970, written as they are signed: digits and no more.
fn time(text: &str, name: &'static str) -> Result<u64, WebhookError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let value = if plain { text.parse().ok() } else { None };
    value.ok_or(WebhookError::Header(name))
}

/// An id that cannot be read as more than itself in `id.time.body`.
pub(super) fn check_id(id: &str) -> Result<(), WebhookError> {
    let plain = id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
    if plain && (1..=256).contains(&id.len()) {
        Ok(())
    } else {
        Err(WebhookError::Header("webhook-id"))
    }
}

/// A name for what is signed: of nothing else, because the rest of a header can be changed.
fn digest(parts: &[&[u8]; 2]) -> String {
    let hash = parts.iter().fold(Sha256::new(), Sha256::chain_update);
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Lower- or upper-case digits in pairs.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}
