//! Errors on their way to JavaScript: a code that is never changed, and a sentence that holds no
//! secret.
//!
//! Node-API carries a code and a message. Where there is a number to tell (how long to wait), it
//! follows the code after a blank; `npm/crypto/errors.js` takes both apart and throws its own classes.

use napi::bindgen_prelude::Error;
use ringfence_crypto::envelope::EnvelopeError;
use ringfence_crypto::keyring::KeyringError;
use ringfence_crypto::password::PasswordError;
use ringfence_crypto::random::RandomError;
use ringfence_crypto::signature::SignatureError;
use ringfence_crypto::token::TokenError;

/// What Node-API carries as `code`.
pub struct Code(String);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// What a function answers.
pub(crate) type Result<T> = std::result::Result<T, Error<Code>>;

/// Why something was refused.
pub(crate) struct Refusal {
    code: &'static str,
    number: Option<u64>,
    message: String,
}

impl Refusal {
    /// A refusal of the edge itself.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, number: None, message: message.into() }
    }

    /// The code, with the number if there is one.
    pub(crate) fn code(&self) -> String {
        match self.number {
            Some(number) => format!("ERR_RINGFENCE_{} {number}", self.code),
            None => format!("ERR_RINGFENCE_{}", self.code),
        }
    }

    /// The sentence.
    pub(crate) fn into_message(self) -> String {
        self.message
    }
}

/// A refusal as the error that is thrown.
pub(crate) fn refuse(why: impl Into<Refusal>) -> Error<Code> {
    let refusal = why.into();
    Error::new(Code(refusal.code()), refusal.message)
}

impl From<RandomError> for Refusal {
    fn from(error: RandomError) -> Self {
        let code = match error {
            RandomError::Generator => "RANDOM",
            RandomError::Entropy(_) => "INVALID_ARGUMENT",
        };
        Self::new(code, error.to_string())
    }
}

impl From<EnvelopeError> for Refusal {
    fn from(error: EnvelopeError) -> Self {
        let code = match error {
            EnvelopeError::Malformed(_) => "ENVELOPE_MALFORMED",
            EnvelopeError::Algorithm => "ENVELOPE_ALGORITHM",
            EnvelopeError::UnknownKey => "ENVELOPE_UNKNOWN_KEY",
            EnvelopeError::Authentication => "ENVELOPE_AUTHENTICATION",
            EnvelopeError::KeyLength(_) | EnvelopeError::Kid => "ENVELOPE_KEY",
            EnvelopeError::Exhausted => "ENVELOPE_EXHAUSTED",
            EnvelopeError::TooLong => "ENVELOPE_TOO_LONG",
            EnvelopeError::Random(error) => return error.into(),
            // Key services are not called from here.
            EnvelopeError::Service(_) => "ENVELOPE",
        };
        Self::new(code, error.to_string())
    }
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        let message = error.to_string();
        let (code, number) = match error {
            PasswordError::Malformed(_) => ("PASSWORD_MALFORMED", None),
            PasswordError::OutOfBounds { .. } => ("PASSWORD_OUT_OF_BOUNDS", None),
            PasswordError::Policy(_) => ("PASSWORD_POLICY", None),
            PasswordError::TooLong => ("PASSWORD_TOO_LONG", None),
            PasswordError::Busy { waiting } => {
                ("PASSWORD_BUSY", Some(u64::try_from(waiting).unwrap_or(u64::MAX)))
            }
            PasswordError::Limited { retry_after } => {
                let milliseconds = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
                ("PASSWORD_LIMITED", Some(milliseconds))
            }
            PasswordError::Random(error) => return error.into(),
            PasswordError::Memory(_) => ("PASSWORD_MEMORY", None),
            PasswordError::Wrong => ("PASSWORD", None),
        };
        Self { code, number, message }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::Prefix => "TOKEN_PREFIX",
            TokenError::Malformed(_) => "TOKEN_MALFORMED",
            TokenError::ShortKey(_) => "TOKEN_KEY",
            TokenError::Random(error) => return error.into(),
        };
        Self::new(code, error.to_string())
    }
}

impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        let code = match error {
            SignatureError::Malformed(_) => "SIGNATURE_MALFORMED",
            SignatureError::Algorithm => "SIGNATURE_ALGORITHM",
            SignatureError::UnknownKey => "SIGNATURE_UNKNOWN_KEY",
            SignatureError::OutsideWindow => "SIGNATURE_OUTSIDE_WINDOW",
            SignatureError::Authentication => "SIGNATURE_AUTHENTICATION",
            SignatureError::Key(_) => "SIGNATURE_KEY",
            SignatureError::Claim { .. } => "SIGNATURE_CLAIM",
            SignatureError::TooLong => "SIGNATURE_TOO_LONG",
            SignatureError::Random(error) => return error.into(),
            SignatureError::Service(_) => "SIGNATURE",
        };
        Self::new(code, error.to_string())
    }
}

impl From<KeyringError> for Refusal {
    fn from(error: KeyringError) -> Self {
        let message = error.to_string();
        let (code, number) = match error {
            KeyringError::Malformed(_) => ("KEYRING_MALFORMED", None),
            KeyringError::Refused { possible_from, .. } => ("KEYRING_REFUSED", possible_from),
            KeyringError::Unknown(_) => ("KEYRING_UNKNOWN_KEY", None),
            KeyringError::Sealed => ("KEYRING_SEALED", None),
            KeyringError::Older => ("KEYRING_OLDER", None),
            KeyringError::Envelope(error) => return error.into(),
            KeyringError::Signature(error) => return error.into(),
        };
        Self { code, number, message }
    }
}
