//! Requests to other services that go where they were meant to go.
//!
//! A [`Client`] reads a URL once, as [`url`](crate::url) judges it, resolves its name once, judges
//! every address that came back, and connects to one of them: nothing is read or resolved a second
//! time. Redirects are followed by the client itself, each judged like the first URL, and nothing
//! that may be a secret goes with them to another origin. The whole request has one deadline, from the
//! lookup to the last byte, and its headers and its body have a length.
//!
//! No proxy is taken from the environment, no cookie is kept, no encoding is asked for: a body is
//! what came over the wire, so its limit is the limit. HTTP/1.1 alone, over TLS 1.2 or 1.3; the
//! system's certificates or exactly the ones given (`SSL_CERT_FILE` names the system's, as elsewhere).
//! What an allowed host does with a request is not judged, and neither is a proxy that is one.
//!
//! ```
//! use ringfence_guard::fetch::{Client, FetchError, Limits, Request, Trust};
//! use ringfence_guard::url::Allowed;
//!
//! let allowed = Allowed::nothing().host("api.stripe.com", 443)?;
//! let client = Client::new(allowed, &Trust::System, Limits::default())?;
//! let refused = client.fetch(Request::get("https://169.254.169.254/latest/meta-data/"));
//! assert_eq!(refused.unwrap_err().code(), "host-denied");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod connect;
mod request;
mod resolve;
mod response;
#[cfg(test)]
mod tests;

pub use client::{Client, Limits};
pub use connect::Trust;
pub use request::Request;
pub use resolve::{Resolve, System};
pub use response::Response;

use crate::url::UrlError;
use std::io;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL may not be reached, or one that it redirected to.
    #[error("{}{why}", place(*redirects, host.as_deref()))]
    Refused {
        /// How many redirects led to it: 0 is the URL that was asked for.
        redirects: u32,
        /// Its host, when it has one. From outside: show it escaped.
        host: Option<String>,
        /// Which rule refused it.
        why: UrlError,
    },
    /// A redirect from `https` to `http`.
    #[error("redirect {0} leads from https to http")]
    Downgrade(u32),
    /// A redirect that would take the body of a request to another origin.
    #[error("redirect {0} would take the body to another origin")]
    BodyElsewhere(u32),
    /// A redirect without one readable `Location`.
    #[error("redirect {0} names no one place")]
    Location(u32),
    /// More redirects than [`Limits::redirects`].
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// A method that this client does not send, or a body with one that has none.
    #[error("the method is not sent, or not with a body")]
    Method,
    /// A header that is malformed, or that the client sets itself.
    #[error("header `{0}` is malformed or not the caller's to set")]
    Header(String),
    /// The name could not be resolved.
    #[error("the name cannot be resolved")]
    Resolve(#[source] io::Error),
    /// Not done within [`Limits::time`].
    #[error("not done in time")]
    Timeout,
    /// Headers longer than [`Limits::headers`], or too many of them.
    #[error("the headers of the answer are too long")]
    HeadersTooLong,
    /// A body longer than this many bytes ([`Limits::body`]).
    #[error("the body of the answer is longer than {0} bytes")]
    TooLong(u64),
    /// TLS failed, the certificate most of all.
    #[error("TLS: {0}")]
    Tls(String),
    /// The given certificates cannot be used, or the system has none.
    #[error("no usable certificates: {0}")]
    Trust(String),
    /// What came back is no HTTP.
    #[error("the answer is not as HTTP has it: {0}")]
    Protocol(String),
    /// The connection failed.
    #[error("the connection failed")]
    Connection(#[source] io::Error),
}

impl FetchError {
    /// A stable word for it, for logs and scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { why, .. } => match why {
                UrlError::Malformed => "url-malformed",
                UrlError::TooLong => "url-too-long",
                UrlError::Scheme { .. } => "scheme-denied",
                UrlError::Credentials => "credentials-denied",
                UrlError::Host => "host-denied",
                UrlError::Address(_) => "address-denied",
            },
            Self::Downgrade(_) => "redirect-to-http",
            Self::BodyElsewhere(_) => "redirect-with-body",
            Self::Location(_) => "redirect-nowhere",
            Self::TooManyRedirects(_) => "too-many-redirects",
            Self::Method => "method-denied",
            Self::Header(_) => "header-denied",
            Self::Resolve(_) => "not-resolved",
            Self::Timeout => "timeout",
            Self::HeadersTooLong => "headers-too-long",
            Self::TooLong(_) => "body-too-long",
            Self::Tls(_) => "tls",
            Self::Trust(_) => "trust",
            Self::Protocol(_) => "protocol",
            Self::Connection(_) => "connection",
        }
    }

    /// Whether a rule refused it, and not the network or the other side.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Downgrade(_)
                | Self::BodyElsewhere(_)
                | Self::Location(_)
                | Self::TooManyRedirects(_)
                | Self::HeadersTooLong
                | Self::TooLong(_)
                | Self::Method
                | Self::Header(_)
        )
    }
}

/// Where a refused URL came from, as the beginning of a sentence.
fn place(redirects: u32, host: Option<&str>) -> String {
    let host = host.map(|host| format!("{host}: ")).unwrap_or_default();
    match redirects {
        0 => host,
        n => format!("redirect {n} to {host}"),
    }
}
