//! JSON from outside, read within bounds before anybody's schema sees it.
//!
//! Refused are: more bytes, depth, values, names or text than agreed, a name twice in an object (parsers
//! differ in which one counts), names that reach an object's prototype in JavaScript, halves of
//! surrogate pairs, byte order marks and whatever follows the value; on request also numbers that a
//! double does not hold exactly. What is refused is told by its rule and place and never by its content.
//! Whether the values make sense is the schema's question, and comes after.

mod content_type;
mod guarded;
mod rule;
mod shape;

pub use content_type::check_content_type;
pub use rule::Rule;
pub use shape::parse_as;

use guarded::{Budget, Form, Guarded, Nothing, Whole};
use serde::de::DeserializeSeed as _;
use serde_json::Value;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub bytes: usize,
    /// Arrays and objects in each other; more than 127 never.
    pub depth: usize,
    /// Values altogether, names of objects not counted.
    pub values: usize,
    /// Entries of one array.
    pub items: usize,
    /// Members of one object.
    pub members: usize,
    /// Bytes of one name, without its escapes.
    pub name: usize,
    /// Bytes of one text, without its escapes.
    pub string: usize,
    /// What becomes of numbers that a double does not hold exactly.
    pub numbers: Numbers,
}

impl Default for Limits {
    /// 1 MiB, 32 deep, 100,000 values, as many in one array, 1000 members in one object, names of 256
    /// bytes, texts as long as the whole; inexact numbers are told.
    fn default() -> Self {
        Self {
            bytes: 1 << 20,
            depth: 32,
            values: 100_000,
            items: 100_000,
            members: 1000,
            name: 256,
            string: 1 << 20,
            numbers: Numbers::Told,
        }
    }
}

/// What becomes of a number from 2^53 on, which a double (and so JavaScript) does not hold exactly:
/// `9007199254740993` is read there as `9007199254740992`, another order or account. Fractions are
/// rounded everywhere and not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// Counted in [`Facts::inexact`].
    #[default]
    Told,
    /// Refused by [`Rule::Inexact`].
    Refused,
}

/// What was found in a text that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Values altogether.
    pub values: usize,
    /// Arrays and objects in each other.
    pub depth: usize,
    /// Numbers that a double does not hold exactly.
    pub inexact: usize,
}

/// Why a text was refused. No variant holds any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Another content type than JSON.
    #[error("the content type is not application/json")]
    ContentType,
    /// More bytes than agreed.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// What was agreed.
        limit: usize,
    },
    /// It is no JSON, or against a rule.
    #[error("{rule} (line {line}, column {column})")]
    Refused {
        /// The rule.
        rule: Rule,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It is JSON within the limits, and not what the application's type says.
    #[error("{why}")]
    Shape {
        /// What is wrong, in words of the type.
        why: String,
    },
}

/// Reads a whole text.
///
/// ```
/// use ringfence_guard::json::{Limits, parse};
///
/// assert_eq!(parse(br#"{"id": 7}"#, &Limits::default())?["id"], 7);
/// let refused = parse(br#"{"__proto__": {"admin": true}}"#, &Limits::default());
/// assert_eq!(refused.err().map(|why| why.rule()), Some("prototype-name"));
/// # Ok::<(), ringfence_guard::json::JsonError>(())
/// ```
///
/// # Errors
/// [`JsonError`].
pub fn parse(text: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    read(text, limits).map(|(value, _)| value)
}

/// Reads a whole text, and tells what was found in it.
///
/// # Errors
/// [`JsonError`].
pub fn read(text: &[u8], limits: &Limits) -> Result<(Value, Facts), JsonError> {
    run::<Whole>(text, limits)
}

/// Checks a whole text as [`parse`] does and makes nothing of it: for another parser behind, which
/// must then accept no more than this one.
///
/// # Errors
/// [`JsonError`].
pub fn check(text: &[u8], limits: &Limits) -> Result<Facts, JsonError> {
    run::<Nothing>(text, limits).map(|((), facts)| facts)
}

fn run<F: Form>(text: &[u8], limits: &Limits) -> Result<(F::Made, Facts), JsonError> {
    if text.len() > limits.bytes {
        return Err(JsonError::TooLong { limit: limits.bytes });
    }
    // UTF-8, UTF-16 in both orders; UTF-32 begins like one of those or with a NUL.
    if [&b"\xef\xbb\xbf"[..], b"\xfe\xff", b"\xff\xfe"].iter().any(|mark| text.starts_with(mark)) {
        return Err(JsonError::Refused { rule: Rule::ByteOrderMark, line: 1, column: 1 });
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let budget = Budget::new(limits);
    let read = Guarded::<F>::new(&budget).deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    let refused = |error: serde_json::Error| JsonError::Refused {
        rule: budget.rule(&error),
        line: error.line().max(1),
        column: error.column().max(1),
    };
    read.map(|value| (value, budget.facts())).map_err(refused)
}

#[cfg(test)]
mod tests;
