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

/// Reads arbitrary text as a URL and as a redirect under a few grants: whether what was accepted is
/// what was granted, and means the same when it is read again. For fuzzing.
#[doc(hidden)]
#[must_use]
pub fn fuzz_url(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return true };
    if text.parse::<Range>().is_ok_and(|range| range.to_string().parse() != Ok(range)) {
        return false;
    }
    let Some(allowed) = fuzz_allowed() else { return false };
    let granted = |url: &Outbound| {
        let reached = (url.url().scheme(), url.host(), url.port());
        let plain = url.url().username().is_empty() && url.url().password().is_none();
        let again = allowed.parse(url.url().as_str());
        let literal = url.literal().is_none_or(|address| {
            url.admit(address).is_ok_and(|to| to.ip() == address && to.port() == url.port())
        });
        let known = match reached {
            ("https", "a.test" | "127.0.0.1", 443) | ("http", "b.test", 80) => true,
            ("https", host, port) => (host, port) == ("[fd00::1]", 8443),
            _ => false,
        };
        known && plain && literal && again.as_ref() == Ok(url)
    };
    let first = allowed.parse(text).map_or(true, |url| granted(&url));
    let from = allowed.parse("https://a.test/folder/file?query");
    let second = from.and_then(|from| from.redirect(&allowed, text));
    first && second.map_or(true, |url| granted(&url))
}

/// Names, an address of each kind, one host by `http`.
fn fuzz_allowed() -> Option<Allowed> {
    let allowed = Allowed::nothing().host("a.test", 443).ok()?.host("127.0.0.1", 443).ok()?;
    let allowed = allowed.host("[fd00::1]", 8443).ok()?.plain_host("b.test", 80).ok()?;
    Some(allowed.range("127.0.0.0/8".parse().ok()?).range("fd00::/8".parse().ok()?))
}
