//! What a service should hear about: that something did not authenticate, or a key service refused.
//!
//! An error tells the caller; an event tells whoever watches. The caller hands an [`Observer`] over and
//! does its work through [`Watched`]: there is no global state, and nothing is told twice. An event has
//! no data, no context, no token and no key in it: what happened, by which key's name, and how long the
//! text was. Names come from texts that did not authenticate, so they are bounded and plain.

use crate::dsse::{self, DsseError};
use crate::envelope::{self, EnvelopeError, Key, Wrapping};
use crate::kms::KmsError;
use crate::secret::Secret;
use crate::signature::{self, KeySet, SignatureError};
use ringfence_policy::time::written_to_the_millisecond;
use serde::Serialize;
use std::time::SystemTime;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A key is known and what it should have made is not its: somebody changed it, or the context, the
    /// key or the record is another.
    AuthenticationFailed,
    /// A text asks for an algorithm that is not its key's.
    AlgorithmRefused,
    /// No key of this name, or none whose window is open.
    KeyUnknown,
    /// A key has sealed as often as it may.
    KeyExhausted,
    /// A key service refused, or could not be reached or believed.
    ServiceFailed,
}

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Opening an envelope.
    Open,
    /// Giving an envelope another key-encryption key.
    Rewrap,
    /// Sealing.
    Seal,
    /// Verifying a signature.
    Verify,
}

/// One event. The time is the observer's to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// What was tried.
    pub action: Action,
    /// The key's name, as far as a text says one: 1 to 128 visible letters of ASCII.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Why: one sentence of fixed words without a period.
    pub reason: String,
    /// Length of the text in bytes.
    pub length: usize,
}

impl Event {
    /// One line of JSON in printable ASCII, without the line break at its end: `v` (1), `time` (RFC 3339,
    /// UTC) and the fields.
    #[must_use]
    pub fn to_json_line(&self, at: SystemTime) -> String {
        #[derive(Serialize)]
        struct Line<'event> {
            v: u32,
            time: String,
            #[serde(flatten)]
            event: &'event Event,
        }
        serde_json::to_string(&Line { v: 1, time: written_to_the_millisecond(at), event: self })
            .unwrap_or_default()
    }
}

/// Who is told. It is called where the error happens, before the caller has it.
pub trait Observer {
    /// Something happened.
    fn happened(&self, event: &Event);
}

impl<F: Fn(&Event)> Observer for F {
    fn happened(&self, event: &Event) {
        self(event);
    }
}

/// An error that may be worth an event.
pub trait Told: std::error::Error {
    /// The kind of the event; `None` for what says nothing about keys, such as a malformed text.
    fn kind(&self) -> Option<Kind>;
}

impl Told for EnvelopeError {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Authentication => Some(Kind::AuthenticationFailed),
            Self::Algorithm => Some(Kind::AlgorithmRefused),
            Self::UnknownKey => Some(Kind::KeyUnknown),
            Self::Exhausted => Some(Kind::KeyExhausted),
            Self::Service(error) => error.kind(),
            _ => None,
        }
    }
}

impl Told for SignatureError {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Authentication => Some(Kind::AuthenticationFailed),
            Self::Algorithm => Some(Kind::AlgorithmRefused),
            Self::UnknownKey | Self::OutsideWindow => Some(Kind::KeyUnknown),
            Self::Service(error) => error.kind(),
            _ => None,
        }
    }
}

impl Told for DsseError {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Threshold { .. } | Self::Unsigned => Some(Kind::AuthenticationFailed),
            Self::Signature(error) => error.kind(),
            _ => None,
        }
    }
}

impl Told for KmsError {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Ciphertext => Some(Kind::AuthenticationFailed),
            _ => Some(Kind::ServiceFailed),
        }
    }
}

/// The operations of this crate, with somebody watching.
#[derive(Debug, Clone, Copy)]
pub struct Watched<O>(O);

impl<O: Observer> Watched<O> {
    /// Work that this observer is told about.
    pub const fn new(observer: O) -> Self {
        Self(observer)
    }

    /// [`envelope::seal_wrapped`].
    ///
    /// # Errors
    /// As there.
    pub fn seal_wrapped(
        &self,
        key: &dyn Wrapping,
        context: &[u8],
        data: &[u8],
    ) -> Result<String, EnvelopeError> {
        let sealed = envelope::seal_wrapped(key, context, data);
        self.told(Action::Seal, || Some(key.kid().to_owned()), data.len(), sealed)
    }

    /// [`envelope::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(&self, keys: &[&Key], context: &[u8], text: &str) -> Result<Secret, EnvelopeError> {
        let opened = envelope::open(keys, context, text);
        self.told(Action::Open, || envelope::key_id(text).ok(), text.len(), opened)
    }

    /// [`envelope::open_wrapped`].
    ///
    /// # Errors
    /// As there.
    pub fn open_wrapped(
        &self,
        keys: &[&dyn Wrapping],
        context: &[u8],
        text: &str,
    ) -> Result<Secret, EnvelopeError> {
        let opened = envelope::open_wrapped(keys, context, text);
        self.told(Action::Open, || named(text), text.len(), opened)
    }

    /// [`envelope::open_manual`].
    ///
    /// # Errors
    /// As there.
    pub fn open_manual(
        &self,
        key: &Key,
        context: &[u8],
        text: &str,
    ) -> Result<Secret, EnvelopeError> {
        let opened = envelope::open_manual(key, context, text);
        self.told(Action::Open, || Some(key.id().to_owned()), text.len(), opened)
    }

    /// [`envelope::rewrap`].
    ///
    /// # Errors
    /// As there.
    pub fn rewrap(
        &self,
        from: &[&dyn Wrapping],
        to: &dyn Wrapping,
        text: &str,
    ) -> Result<String, EnvelopeError> {
        let rewrapped = envelope::rewrap(from, to, text);
        self.told(Action::Rewrap, || named(text), text.len(), rewrapped)
    }

    /// [`signature::verify`].
    ///
    /// # Errors
    /// As there.
    pub fn verify(
        &self,
        keys: &KeySet,
        jws: &str,
        now: u64,
    ) -> Result<signature::Verified, SignatureError> {
        let verified = signature::verify(keys, jws, now);
        self.told(Action::Verify, || signature::key_id(jws), jws.len(), verified)
    }

    /// [`dsse::verify`].
    ///
    /// # Errors
    /// As there.
    pub fn verify_statement(
        &self,
        keys: &KeySet,
        threshold: usize,
        payload_type: &str,
        text: &str,
        now: u64,
    ) -> Result<dsse::Verified, DsseError> {
        let verified = dsse::verify(keys, threshold, payload_type, text, now);
        self.told(Action::Verify, || None, text.len(), verified)
    }

    /// Tells an error of any of these operations, made elsewhere, and hands the result on.
    ///
    /// # Errors
    /// The one that was given.
    pub fn told<T, E: Told>(
        &self,
        action: Action,
        kid: impl FnOnce() -> Option<String>,
        length: usize,
        result: Result<T, E>,
    ) -> Result<T, E> {
        if let Err(error) = &result
            && let Some(kind) = error.kind()
        {
            let kid = kid().filter(|kid| is_plain(kid));
            self.0.happened(&Event { kind, action, kid, reason: error.to_string(), length });
        }
        result
    }
}

fn named(text: &str) -> Option<String> {
    envelope::wrapping_of(text).ok().map(|(_, kid)| kid)
}

fn is_plain(kid: &str) -> bool {
    !kid.is_empty() && kid.len() <= 128 && kid.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::WrappingKey;
    use std::cell::RefCell;

    fn key(id: &str, byte: u8) -> Key {
        Key::new(id, &Secret::new(vec![byte; 32]), 0).unwrap()
    }

    #[test]
    fn a_failed_authentication_is_one_event_without_any_data() {
        let told = RefCell::new(Vec::new());
        let watched = Watched::new(|event: &Event| told.borrow_mut().push(event.clone()));
        let (a, other) = (key("a", 1), key("a", 2));
        let sealed = envelope::seal(&a, b"orders/17", b"card 4242").unwrap();
        watched.open(&[&a], b"orders/17", &sealed).unwrap();
        assert!(told.borrow().is_empty(), "what opens is no event");
        watched.open(&[&other], b"orders/17", &sealed).unwrap_err();
        watched.open(&[&a], b"orders/18", &sealed).unwrap_err();
        watched.open(&[&key("b", 1)], b"orders/17", &sealed).unwrap_err();
        watched.open(&[&a], b"orders/17", "nonsense").unwrap_err();
        let wrapped = WrappingKey::new(a);
        let envelope = watched.seal_wrapped(&wrapped, b"", b"card 4242").unwrap();
        let foreign = WrappingKey::new(other);
        watched.open_wrapped(&[&foreign], b"", &envelope).unwrap_err();
        watched.rewrap(&[&foreign], &wrapped, &envelope).unwrap_err();
        let told = told.into_inner();
        let seen: Vec<_> = told.iter().map(|event| (event.kind, event.action)).collect();
        assert_eq!(
            seen,
            [
                (Kind::AuthenticationFailed, Action::Open),
                (Kind::AuthenticationFailed, Action::Open),
                (Kind::KeyUnknown, Action::Open),
                (Kind::AuthenticationFailed, Action::Open),
                (Kind::AuthenticationFailed, Action::Rewrap),
            ]
        );
        assert!(told.iter().all(|event| event.kid.as_deref() == Some("a")));
        let line = told[0].to_json_line(SystemTime::UNIX_EPOCH);
        let expected = format!(
            r#"{{"v":1,"time":"1970-01-01T00:00:00.000Z","kind":"authentication-failed","action":"open","kid":"a","reason":"authentication failed: another key, another context, or the envelope was changed","length":{}}}"#,
            sealed.len()
        );
        assert_eq!(line, expected);
        let text = serde_json::to_string(&told).unwrap();
        assert!(!text.contains("4242") && !text.contains("orders"), "{text}");
    }

    #[test]
    fn a_name_that_drives_a_terminal_is_not_told() {
        let told = RefCell::new(Vec::new());
        let watched = Watched::new(|event: &Event| told.borrow_mut().push(event.clone()));
        let header = crate::text::encode(b"{\"alg\":\"EdDSA\",\"kid\":\"\\u001b[2J\"}");
        watched.verify(&KeySet::new(), &format!("{header}.AA.AA"), 0).unwrap_err();
        let told = told.into_inner();
        assert_eq!((told.len(), told[0].kind, told[0].kid.clone()), (1, Kind::KeyUnknown, None));
    }
}
