//! Why a key service did not do what was asked of it.

use crate::random::RandomError;

/// A failure. No variant holds a key, a token, or text that the service sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// The address or a name in it cannot be used.
    #[error("the key service's address cannot be used: {0}")]
    Address(&'static str),
    /// Certificates to trust cannot be read.
    #[error("the certificates to trust cannot be used: {0}")]
    Trust(&'static str),
    /// No token or access key.
    #[error("no credentials for the key service: {0}")]
    Credentials(&'static str),
    /// No connection.
    #[error("the key service cannot be reached: {0}")]
    Unreachable(&'static str),
    /// Its certificate is not trusted, or it speaks no TLS that is accepted.
    #[error("the key service's certificate is not trusted")]
    Untrusted,
    /// It did not answer in time.
    #[error("the key service did not answer in time")]
    Deadline,
    /// Its answer is longer than is read.
    #[error("the key service's answer is longer than {0} bytes")]
    TooLong(u64),
    /// It wants the request to go elsewhere: credentials are not sent after a redirect.
    #[error("the key service sends the request elsewhere: redirects are not followed")]
    Redirected,
    /// The credentials do not permit it.
    #[error("the key service does not permit it")]
    Denied,
    /// No such key.
    #[error("the key service has no such key")]
    NotFound,
    /// The key is disabled, waits for its deletion, or is of another kind.
    #[error("the key cannot be used in this way")]
    Unusable,
    /// Too many requests, or it is sealed or standing by.
    #[error("the key service is busy or sealed")]
    Busy,
    /// What was to be unwrapped is not what this key wrapped, or not with this context.
    #[error("the wrapped key is not one of this key's")]
    Ciphertext,
    /// Another refusal.
    #[error("the key service refused: status {0}")]
    Refused(u16),
    /// What it answered is not what was asked for.
    #[error("the key service's answer makes no sense: {0}")]
    Answer(&'static str),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}
