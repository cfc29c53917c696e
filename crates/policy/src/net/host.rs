//! Host names, checked once.
//!
//! A name that some resolver would read as an address (`127.1`, `0x7f.1`, `2130706433`) is refused:
//! such a grant would mean one thing here and another to the program. Names are not converted from
//! other scripts, because what is shown must be what is compared.

use std::fmt;
use std::str::FromStr;

/// A lower-case host name without a trailing dot, checked by the parser (RFC 1123, underscores allowed).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

/// Why a text is not a host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostNameError {
    /// Empty, or only a dot.
    #[error("host name is empty")]
    Empty,
    /// A label is empty, as in `a..b`.
    #[error("host name has an empty label")]
    EmptyLabel,
    /// A label starts or ends with a hyphen.
    #[error("host name has a label that starts or ends with a hyphen")]
    Hyphen,
    /// A character that no host name has.
    #[error("host name has a character that host names cannot have")]
    Character,
    /// A label is longer than 63 characters.
    #[error("host name has a label longer than 63 characters")]
    LabelTooLong,
    /// Resolvers read it as an address.
    #[error("host name ends in a number, which resolvers read as an address")]
    LooksLikeAddress,
    /// Not ASCII.
    #[error("host name is not ASCII")]
    NotAscii,
    /// Longer than 253 characters.
    #[error("host name is longer than 253 characters")]
    TooLong,
}

impl HostNameError {
    /// What to write instead.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Empty | Self::EmptyLabel => "write a name such as \"api.internal\"",
            Self::Hyphen | Self::Character => {
                "names have letters, digits, hyphens, underscores and dots"
            }
            Self::LabelTooLong | Self::TooLong => "see RFC 1035, section 2.3.4",
            Self::LooksLikeAddress => "write the address as four decimal numbers, as in 127.0.0.1",
            Self::NotAscii => "write the name in punycode (xn--...), as it is looked up",
        }
    }
}

impl HostName {
    /// Reads a name: lower-cased, one trailing dot removed.
    ///
    /// # Errors
    /// Anything but RFC 1123 labels (underscores allowed), anything not ASCII, and names whose last
    /// label is a number in any base, because resolvers treat those as addresses.
    pub fn parse(text: &str) -> Result<Self, HostNameError> {
        if !text.is_ascii() {
            return Err(HostNameError::NotAscii);
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(HostNameError::Empty);
        }
        if name.len() > 253 {
            return Err(HostNameError::TooLong);
        }
        let name = name.to_ascii_lowercase();
        let mut last = "";
        for label in name.split('.') {
            check_label(label)?;
            last = label;
        }
        if is_number(last) {
            return Err(HostNameError::LooksLikeAddress);
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this name lies below `suffix`; a name does not lie below itself.
    #[must_use]
    pub fn is_below(&self, suffix: &Self) -> bool {
        self.0.strip_suffix(&suffix.0).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }

    /// `localhost` and what lies below it (RFC 6761): answered inside, never looked up.
    #[must_use]
    pub fn is_localhost(&self) -> bool {
        self.0 == "localhost" || self.0.ends_with(".localhost")
    }

    /// A name under which a cloud publishes its metadata service.
    #[must_use]
    pub fn is_metadata(&self) -> bool {
        METADATA_NAMES.contains(&self.as_str())
    }
}

const METADATA_NAMES: [&str; 5] = [
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.goog",
    "metadata.google.internal",
    "metadata.tencentyun.com",
];

fn check_label(label: &str) -> Result<(), HostNameError> {
    if label.is_empty() {
        return Err(HostNameError::EmptyLabel);
    }
    if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return Err(HostNameError::Character);
    }
    if label.len() > 63 {
        return Err(HostNameError::LabelTooLong);
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(HostNameError::Hyphen);
    }
    Ok(())
}

/// A label that `inet_aton` and URL parsers read as a number: decimal, octal or hexadecimal.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_without_its_trailing_dot() {
        for (text, name) in [
            ("api.internal", "api.internal"),
            ("API.Internal.", "api.internal"),
            ("_sip._tcp.example.com", "_sip._tcp.example.com"),
            ("1.example.com", "1.example.com"),
            ("3com.com", "3com.com"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a", "a"),
            ("0xg", "0xg"),
            ("deadbeef", "deadbeef"),
        ] {
            assert_eq!(HostName::parse(text).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_a_resolver_reads_as_an_address_is_not_a_name() {
        for text in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "0177.0.0.1",
            "a.1",
            "0x",
            "1.",
        ] {
            assert_eq!(HostName::parse(text), Err(HostNameError::LooksLikeAddress), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused_for_its_own_reason() {
        let long = "a".repeat(64);
        let longer = "a.".repeat(127);
        for (text, error) in [
            ("", HostNameError::Empty),
            (".", HostNameError::Empty),
            ("a..b", HostNameError::EmptyLabel),
            (".a", HostNameError::EmptyLabel),
            ("a..", HostNameError::EmptyLabel),
            ("-a.b", HostNameError::Hyphen),
            ("a-.b", HostNameError::Hyphen),
            ("a b", HostNameError::Character),
            ("a/b", HostNameError::Character),
            ("a\0", HostNameError::Character),
            ("a:1", HostNameError::Character),
            ("*.a", HostNameError::Character),
            ("b\u{fc}cher.de", HostNameError::NotAscii),
            ("\u{ff11}27.0.0.1", HostNameError::NotAscii),
            (long.as_str(), HostNameError::LabelTooLong),
        ] {
            assert_eq!(HostName::parse(text), Err(error), "{text:?}");
        }
        assert!(HostName::parse(&longer).is_ok());
        assert_eq!(HostName::parse(&format!("a{longer}")), Err(HostNameError::TooLong));
    }

    #[test]
    fn a_suffix_covers_what_is_below_it_and_not_itself() {
        let name = |text| HostName::parse(text).unwrap();
        let suffix = name("example.com");
        assert!(name("a.example.com").is_below(&suffix));
        assert!(name("a.b.example.com").is_below(&suffix));
        assert!(!name("example.com").is_below(&suffix));
        assert!(!name("badexample.com").is_below(&suffix));
        assert!(!name("example.com.evil").is_below(&suffix));
    }
}
