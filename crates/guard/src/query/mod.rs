//! Query strings read against declared keys: one value or several, and how many and how long.
//!
//! A framework that makes an array of a repeated key, an object of `a[b]` and a number of `1e3` lets the
//! sender choose a type. Here the receiver declares it: an undeclared key, a second value, a bracket
//! that was not asked for is refused. Escapes are resolved once, and what is still escaped then is
//! told, because something behind may resolve it again. Values are texts within bounds: whether they
//! make sense is what [`crate::identifier`] and the application say.

mod declared;
mod pairs;

pub use declared::{Declared, Plus};

use crate::event::{Kind, Refusal};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Why a query was refused. Names in it are declared ones; nothing that was sent is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// More bytes than agreed.
    #[error("the query is longer than {0} bytes")]
    TooLong(usize),
    /// More pairs than agreed.
    #[error("the query has more than {0} pairs")]
    TooMany(usize),
    /// A byte that may not stand in a query as it is: a space, a control, a `#`, other letters.
    #[error("the query holds a byte that must be escaped")]
    Raw,
    /// A `;`: some servers end a pair there and others do not.
    #[error("the query holds a semicolon that is not escaped")]
    Semicolon,
    /// A `+` where [`Plus::Refused`] was declared.
    #[error("the query holds a plus sign that is not escaped")]
    Plus,
    /// A `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("an escape in the query is none, or is no UTF-8")]
    Escape,
    /// A control character, escaped.
    #[error("the query holds a control character")]
    Control,
    /// A name that reaches an object's prototype in JavaScript.
    #[error("a key of the query reaches the prototype")]
    Prototype,
    /// A key that was not declared.
    #[error("a key of the query is not known")]
    Unknown,
    /// `a[]`, `a[0]` or `a[b]` where no array was declared, or indices with holes.
    #[error("a key of the query has brackets that are not accepted")]
    Brackets,
    /// More values than were declared.
    #[error("`{key}` is there more than {most} times")]
    Repeated {
        /// The declared key.
        key: String,
        /// What was declared.
        most: usize,
    },
    /// A value longer than was declared.
    #[error("`{key}` is longer than {longest} bytes")]
    ValueLength {
        /// The declared key.
        key: String,
        /// What was declared.
        longest: usize,
    },
    /// A value that is still escaped after its escapes were resolved, where that is refused.
    #[error("`{key}` is escaped twice")]
    Twice {
        /// The declared key.
        key: String,
    },
    /// A key that must be there is not.
    #[error("`{key}` is missing")]
    Missing {
        /// The declared key.
        key: String,
    },
    /// A value of another kind.
    #[error("`{key}` must be {expected}")]
    Value {
        /// The declared key.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
}

impl QueryError {
    /// The stable name of the rule in kebab case.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too-long",
            Self::TooMany(_) => "too-many-pairs",
            Self::Raw => "unescaped-byte",
            Self::Semicolon => "semicolon",
            Self::Plus => "plus",
            Self::Escape => "bad-escape",
            Self::Control => "control-character",
            Self::Prototype => "prototype-name",
            Self::Unknown => "unknown-key",
            Self::Brackets => "brackets",
            Self::Repeated { .. } => "repeated-key",
            Self::ValueLength { .. } => "value-too-long",
            Self::Twice { .. } => "escaped-twice",
            Self::Missing { .. } => "missing-key",
            Self::Value { .. } => "wrong-kind",
        }
    }

    /// The event of this refusal of `query`.
    #[must_use]
    pub fn refusal(&self, query: &str) -> Refusal {
        Refusal::new(Kind::Query, self.rule(), query.as_bytes())
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    values: BTreeMap<String, Vec<String>>,
    twice: Vec<String>,
}

impl Query {
    /// The value of a key that is declared single; `None` where it is not there.
    #[must_use]
    pub fn one(&self, key: &str) -> Option<&str> {
        self.all(key).first().map(String::as_str)
    }

    /// The value of a key that must be there.
    ///
    /// # Errors
    /// [`QueryError::Missing`].
    pub fn required(&self, key: &str) -> Result<&str, QueryError> {
        self.one(key).ok_or_else(|| QueryError::Missing { key: key.to_owned() })
    }

    /// All values of a key, in their order.
    #[must_use]
    pub fn all(&self, key: &str) -> &[String] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }

    /// A whole number in a range, written in decimal digits: no sign but `-`, no zeros in front, no
    /// exponent.
    ///
    /// # Errors
    /// [`QueryError::Value`].
    pub fn integer(
        &self,
        key: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, QueryError> {
        let Some(text) = self.one(key) else { return Ok(None) };
        let value = text.parse::<i64>().ok();
        let value = value.filter(|value| range.contains(value) && value.to_string() == text);
        value.map(Some).ok_or_else(|| wrong(key, "a whole number within its range"))
    }

    /// `true` or `false`, and nothing else.
    ///
    /// # Errors
    /// [`QueryError::Value`].
    pub fn flag(&self, key: &str) -> Result<Option<bool>, QueryError> {
        match self.one(key) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(wrong(key, "true or false")),
        }
    }

    /// One of some words; what comes back is the word of the list.
    ///
    /// # Errors
    /// [`QueryError::Value`].
    pub fn choice<'a>(&self, key: &str, words: &[&'a str]) -> Result<Option<&'a str>, QueryError> {
        let Some(text) = self.one(key) else { return Ok(None) };
        let found = words.iter().find(|word| **word == text).copied();
        found.map(Some).ok_or_else(|| wrong(key, "one of the words that are accepted"))
    }

    /// Keys with a value that is still escaped (`%25` before two digits was sent): whoever resolves
    /// escapes again reads another value.
    #[must_use]
    pub fn escaped_twice(&self) -> &[String] {
        &self.twice
    }

    /// The query in the one form that this reader would write: keys in order, everything escaped but
    /// letters, digits, `-`, `.`, `_` and `~`.
    #[must_use]
    pub fn to_canonical(&self) -> String {
        let mut text = String::new();
        for (key, values) in &self.values {
            for value in values {
                let between = if text.is_empty() { "" } else { "&" };
                text.push_str(between);
                escape(&mut text, key);
                text.push('=');
                escape(&mut text, value);
            }
        }
        text
    }
}

fn wrong(key: &str, expected: &'static str) -> QueryError {
    QueryError::Value { key: key.to_owned(), expected }
}

fn escape(text: &mut String, plain: &str) {
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests;
