//! Identifiers of usual kinds.

use super::{IdentifierError, Pattern};
use crate::identifier_pattern;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A type for one kind: a text that was checked, and nothing else.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads what a user sent.
            ///
            /// # Errors
            /// [`IdentifierError`].
            pub fn parse(text: &str) -> Result<Self, IdentifierError> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdentifierError;

            fn from_str(text: &str) -> Result<Self, IdentifierError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdentifierError;

            fn try_from(text: String) -> Result<Self, IdentifierError> {
                $check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(identifier: $name) -> Self {
                identifier.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// A name in a URL: 1 to 64 of `a-z`, `0-9` and single `-` between them.
    Slug, slug
}
identifier! {
    /// A user's id as the field manual has it: 3 to 64 of `a-zA-Z0-9_-`.
    UserId, user_id
}
identifier! {
    /// A name to log in with: 3 to 32 of `a-z`, `0-9`, `_` and `.`, beginning with a letter and ending
    /// with a letter or digit, no two marks in a row. No capitals: `Admin` must not be another `admin`.
    Username, username
}
identifier! {
    /// A UUID (RFC 9562 section 4) in its usual form: lower case, with hyphens. Any version.
    Uuid, uuid
}
identifier! {
    /// A ULID: 26 letters of Crockford's base 32 in upper case, at most 128 bits.
    Ulid, ulid
}
identifier! {
    /// The domain of an address of mail (RFC 5321 section 4.1.2, RFC 1123 section 2.1): at least two
    /// labels of `a-z`, `0-9` and inner `-` in lower case, the last not a number. No `xn--`: what is
    /// written in other scripts can look like another domain. Whether it exists is not asked.
    Domain, domain
}

fn slug(text: &str) -> Result<(), IdentifierError> {
    const SLUG: Pattern = identifier_pattern!("a-z0-9", "a-z0-9-", "a-z0-9", 1..=64);
    SLUG.check(text)?;
    refuse_if(text.contains("--"), "two hyphens stand in a row")
}

fn user_id(text: &str) -> Result<(), IdentifierError> {
    const USER_ID: Pattern = identifier_pattern!("a-zA-Z0-9_-", 3..=64);
    USER_ID.check(text).map(drop)
}

fn username(text: &str) -> Result<(), IdentifierError> {
    const USERNAME: Pattern = identifier_pattern!("a-z", "a-z0-9_.", "a-z0-9", 3..=32);
    USERNAME.check(text)?;
    let marks = |pair: &[u8]| pair.iter().all(|byte| !byte.is_ascii_alphanumeric());
    refuse_if(text.as_bytes().windows(2).any(marks), "two marks stand in a row")
}

fn uuid(text: &str) -> Result<(), IdentifierError> {
    const UUID: Pattern = identifier_pattern!("0-9a-f", "0-9a-f-", "0-9a-f", 36..=36);
    UUID.check(text)?;
    let fits = |(at, byte): (usize, u8)| (byte == b'-') == [8, 13, 18, 23].contains(&at);
    refuse_if(!text.bytes().enumerate().all(fits), "the hyphens of a UUID stand elsewhere")
}

fn ulid(text: &str) -> Result<(), IdentifierError> {
    const LETTERS: &str = "0-9A-HJKMNP-TV-Z";
    const ULID: Pattern = identifier_pattern!("0-7", LETTERS, LETTERS, 26..=26);
    ULID.check(text).map(drop)
}

fn domain(text: &str) -> Result<(), IdentifierError> {
    const DOMAIN: Pattern = identifier_pattern!("a-z0-9", "a-z0-9.-", "a-z0-9", 3..=253);
    const LABEL: Pattern = identifier_pattern!("a-z0-9", "a-z0-9-", "a-z0-9", 1..=63);
    DOMAIN.check(text)?;
    for label in text.split('.') {
        LABEL.check(label).map_err(|_| IdentifierError::Form("a label of it is none"))?;
        // `xn--` and every other prefix of that form (RFC 5890 section 2.3.1).
        refuse_if(label.get(2..4) == Some("--"), "a label of it stands for another script")?;
    }
    let last = text.rsplit_once('.').map(|(_, last)| last);
    let named = last
        .is_some_and(|last| last.len() > 1 && last.starts_with(|c: char| c.is_ascii_lowercase()));
    refuse_if(!named, "it does not end with a top-level domain")
}

fn refuse_if(wrong: bool, why: &'static str) -> Result<(), IdentifierError> {
    if wrong { Err(IdentifierError::Form(why)) } else { Ok(()) }
}
