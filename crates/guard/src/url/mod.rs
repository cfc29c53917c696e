//! Outbound requests to where they were meant to go (against SSRF).
//!
//! A URL is read once, as browsers and Node read it, and compared with what is allowed: scheme, host,
//! port. What it resolves to is judged by [`Verdict`]: only public addresses, unless a range is
//! allowed by name. The connection must be made to an address that was judged: reading or resolving
//! again gives an attacker a second answer.

mod address;
mod allowed;
mod metadata;
mod range;

pub use address::{Verdict, judge};
pub use allowed::{Allowed, Outbound};
pub use metadata::{METADATA, METADATA_NAMES, Metadata};
pub use range::{Range, RangeError};

/// Why a URL was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is no absolute URL with a host.
    #[error("it is no absolute URL with a host")]
    Malformed,
    /// It is longer than 2048 bytes.
    #[error("it is longer than 2048 bytes")]
    TooLong,
    /// Another scheme.
    #[error("{scheme} is not allowed: {allowed} is")]
    Scheme {
        /// What it has.
        scheme: String,
        /// What is allowed.
        allowed: String,
    },
    /// User name or password.
    #[error("embedded credentials are not allowed")]
    Credentials,
    /// Another host or port.
    #[error("host denied")]
    Host,
    /// An address that is not public.
    #[error("address denied: {0}")]
    Address(&'static str),
}
