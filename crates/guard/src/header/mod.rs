//! The headers of a request, checked together before anybody reads one of them.
//!
//! Names become lower case, the form of HTTP/2 and the one Node shows. Refused are: too many or too
//! long ones, values with line breaks or controls, headers that may stand once and stand twice, a
//! length together with a transfer coding, names that a gateway could take for another. The client's
//! address is read from the right over proxies that are trusted by address ([`TrustedProxies`]).
//! Whether an HTTP parser split the bytes rightly into headers is not seen here.

mod cidr;
mod client;
mod forwarded;
mod one;

pub use cidr::Cidr;
pub use client::{Source, TrustedProxies};
pub use forwarded::{Forwarded, Node, parse_forwarded};

use crate::event::{Kind, Refusal, SAMPLED};
use std::collections::BTreeMap;

/// Why headers were refused. Names in it are known ones; nothing that was sent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More headers than agreed.
    #[error("there are more than {0} headers")]
    TooMany(usize),
    /// A name longer than agreed.
    #[error("the name of a header is longer than {0} bytes")]
    NameLength(usize),
    /// A value longer than agreed.
    #[error("the value of a header is longer than {0} bytes")]
    ValueLength(usize),
    /// All together longer than agreed.
    #[error("the headers are longer than {0} bytes together")]
    TooLong(usize),
    /// No token (RFC 9110 section 5.6.2): empty, with a space, a colon or another letter.
    #[error("the name of a header is none")]
    Name,
    /// A name with `_` that a gateway takes for the one with `-`.
    #[error("a header has the name of another with `_` for `-`")]
    Ambiguous,
    /// A line break in a value, or a value over several lines (obs-fold, RFC 9112 section 5.2).
    #[error("the value of a header holds a line break")]
    LineBreak,
    /// NUL or another control character in a value.
    #[error("the value of a header holds a control character")]
    Control,
    /// A value that is not ASCII.
    #[error("the value of a header is not ASCII")]
    NotAscii,
    /// A header twice that may stand once.
    #[error("`{0}` is there twice")]
    Twice(&'static str),
    /// `content-length` together with `transfer-encoding` (RFC 9112 section 6.3).
    #[error("content-length and transfer-encoding are there together")]
    Framing,
    /// A value that is none for its header.
    #[error("the value of `{0}` is none")]
    Value(&'static str),
    /// An entry that a trusted proxy wrote is no address, or hides it.
    #[error("`{0}` does not tell the client's address")]
    Client(&'static str),
}

impl HeaderError {
    /// The stable name of the rule in kebab case.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::TooMany(_) => "too-many-headers",
            Self::NameLength(_) => "name-too-long",
            Self::ValueLength(_) => "value-too-long",
            Self::TooLong(_) => "too-long",
            Self::Name => "bad-name",
            Self::Ambiguous => "ambiguous-name",
            Self::LineBreak => "line-break",
            Self::Control => "control-character",
            Self::NotAscii => "not-ascii",
            Self::Twice(_) => "duplicate-header",
            Self::Framing => "ambiguous-length",
            Self::Value(_) => "bad-value",
            Self::Client(_) => "client-address",
        }
    }

    /// Whether it is about size, which HTTP answers with 431 (RFC 6585 section 5).
    #[must_use]
    pub const fn is_size(self) -> bool {
        use HeaderError::{NameLength, TooLong, TooMany, ValueLength};
        matches!(self, TooMany(_) | NameLength(_) | ValueLength(_) | TooLong(_))
    }

    /// The event of this refusal of headers: the size is that of all names and values together.
    #[must_use]
    pub fn refusal<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Refusal {
        let (mut sample, mut size) = (Vec::new(), 0_usize);
        for (name, value) in headers {
            let (name, value) = (name.as_ref(), value.as_ref());
            size = size.saturating_add(name.len()).saturating_add(value.len());
            for part in [name, b": ", value, b", "] {
                let room = (SAMPLED + 1).saturating_sub(sample.len());
                sample.extend_from_slice(&part[..part.len().min(room)]);
            }
        }
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        Refusal::new(Kind::Header, self.rule(), &sample).with_size(size)
    }
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Headers.
    pub count: usize,
    /// Bytes of one name.
    pub name: usize,
    /// Bytes of one value.
    pub value: usize,
    /// Bytes of all names and values.
    pub total: usize,
    /// Values may hold bytes that are not ASCII (obs-text, RFC 9110 section 5.5).
    pub obs_text: bool,
}

impl Default for Limits {
    /// 100 headers, names of 128 bytes, values of 8 KiB, 16 KiB together (what Node reads), ASCII.
    fn default() -> Self {
        Self { count: 100, name: 128, value: 8192, total: 16 * 1024, obs_text: false }
    }
}

/// Headers that were accepted: names in lower case, values without spaces around them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, Vec<Vec<u8>>>);

impl Headers {
    /// Checks names and values as they came.
    ///
    /// ```
    /// use ringfence_guard::header::{HeaderError, Headers, Limits};
    ///
    /// let sent = [("Host", "example.com"), ("Accept", " text/html "), ("ACCEPT", "*/*")];
    /// let headers = Headers::check(sent, &Limits::default())?;
    /// assert_eq!(headers.one("host"), Some("example.com"));
    /// assert_eq!(headers.all("accept").count(), 2);
    ///
    /// let twice = [("Host", "example.com"), ("host", "evil.example")];
    /// assert_eq!(Headers::check(twice, &Limits::default()), Err(HeaderError::Twice("host")));
    /// # Ok::<(), HeaderError>(())
    /// ```
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn check<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        headers: impl IntoIterator<Item = (N, V)>,
        limits: &Limits,
    ) -> Result<Self, HeaderError> {
        let mut read: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        let (mut count, mut total) = (0, 0_usize);
        for (name, value) in headers {
            let (name, value) = (name.as_ref(), value.as_ref());
            count += 1;
            total = total.saturating_add(name.len()).saturating_add(value.len());
            check_size(name, value, count, total, limits)?;
            let name = canonical(name).ok_or(HeaderError::Name)?;
            read.entry(name).or_default().push(plain_value(value, limits.obs_text)?);
        }
        one::check(&read)?;
        Ok(Self(read))
    }

    /// The value of a header that is there exactly once and is ASCII. `name` is in lower case.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        match self.0.get(name)?.as_slice() {
            [value] => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    /// All values of a header in their order, those that are UTF-8. `name` is in lower case.
    pub fn all<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a str> + use<'a> {
        let values = self.0.get(name).map_or(&[][..], Vec::as_slice);
        values.iter().filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// Whether a header is there. `name` is in lower case.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| (name.as_str(), value.as_slice()))
        })
    }
}

fn check_size(
    name: &[u8],
    value: &[u8],
    count: usize,
    total: usize,
    limits: &Limits,
) -> Result<(), HeaderError> {
    if count > limits.count {
        Err(HeaderError::TooMany(limits.count))
    } else if name.len() > limits.name {
        Err(HeaderError::NameLength(limits.name))
    } else if value.len() > limits.value {
        Err(HeaderError::ValueLength(limits.value))
    } else if total > limits.total {
        Err(HeaderError::TooLong(limits.total))
    } else {
        Ok(())
    }
}

/// A name in the form of HTTP/2 (RFC 9113 section 8.2.1): a token in lower case; `None` for what is none.
#[must_use]
pub fn canonical(name: &[u8]) -> Option<String> {
    let is_letter = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    if name.is_empty() || !name.iter().all(is_letter) {
        return None;
    }
    Some(name.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect())
}

fn plain_value(value: &[u8], obs_text: bool) -> Result<Vec<u8>, HeaderError> {
    for byte in value {
        match byte {
            b'\r' | b'\n' => return Err(HeaderError::LineBreak),
            b'\t' | b' '..=b'~' => {}
            0x80.. if obs_text => {}
            0x80.. => return Err(HeaderError::NotAscii),
            _ => return Err(HeaderError::Control),
        }
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let from = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let until = value.iter().rposition(|byte| !is_space(byte)).map_or(from, |last| last + 1);
    Ok(value[from..until].to_vec())
}

#[cfg(test)]
mod tests;
