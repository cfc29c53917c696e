//! JSON with the line of each value, for files that people write.
//!
//! Comments and trailing commas are errors, as they are for npm and Node. A key twice is one too:
//! readers differ in which of the two counts, so a reviewer and a program could see different files.

mod read;

use std::borrow::Cow;

/// A value and the line it begins on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Its line.
    pub line: usize,
}

impl<T> Placed<T> {
    /// A value at a line.
    pub const fn new(value: T, line: usize) -> Self {
        Self { value, line }
    }
}

impl Placed<Value<'_>> {
    /// The same without the text that it was read from.
    #[must_use]
    pub fn into_owned(self) -> Placed<Json> {
        Placed::new(self.value.into_owned(), self.line)
    }
}

/// A JSON value; numbers as they are written, and text borrowed from where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, as written.
    Number(Cow<'a, str>),
    /// A string.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Placed<Self>>),
    /// An object, in file order; no key is there twice.
    Object(Vec<(Cow<'a, str>, Placed<Self>)>),
}

/// A value that needs its text no more.
pub type Json = Value<'static>;

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct JsonError {
    /// Counted from 1.
    pub line: usize,
    /// Lower case, no trailing period.
    pub message: String,
}

impl<'a> Value<'a> {
    /// The string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The entries of an object; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Cow<'a, str>, Placed<Self>)] {
        if let Self::Object(entries) = self { entries } else { &[] }
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub fn items(&self) -> &[Placed<Self>] {
        if let Self::Array(items) = self { items } else { &[] }
    }

    /// The value of a key.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&Placed<Self>> {
        self.entries().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn into_owned(self) -> Json {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Value::Null,
            Self::Boolean(is) => Value::Boolean(is),
            Self::Number(text) => Value::Number(owned(text)),
            Self::String(text) => Value::String(owned(text)),
            Self::Array(items) => Value::Array(items.into_iter().map(Placed::into_owned).collect()),
            Self::Object(entries) => {
                let one = |(key, value): (_, Placed<Self>)| (owned(key), value.into_owned());
                Value::Object(entries.into_iter().map(one).collect())
            }
        }
    }

    /// What it is, in words.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "true or false",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads JSON.
///
/// # Errors
/// What is not JSON, is nested more than 512 deep, or has a key twice.
pub fn parse(text: &str) -> Result<Placed<Json>, JsonError> {
    borrowed(text).map(Placed::into_owned)
}

/// The same, with text borrowed from where it stands.
pub(crate) fn borrowed(text: &str) -> Result<Placed<Value<'_>>, JsonError> {
    read::Reader::of(text, false).read()
}

/// The same with commas behind last elements, as Bun writes its lockfile.
pub(crate) fn borrowed_with_trailing_commas(text: &str) -> Result<Placed<Value<'_>>, JsonError> {
    read::Reader::of(text, true).read()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_line() {
        let json = parse("{\n \"a\": [1,\n  \"x\"],\n \"b\": {\"c\": null}\n}").unwrap();
        let a = json.value.key("a").unwrap();
        assert_eq!((json.line, a.line), (1, 2));
        assert_eq!(a.value.items()[1], Placed::new(Json::String("x".into()), 3));
        assert_eq!(json.value.key("b").unwrap().value.key("c").unwrap().line, 4);
    }

    #[test]
    fn what_npm_would_refuse_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("{\n // no\n}", 2),
            ("{\"a\": 1,\n}", 1),
            ("{\"a\": 1,\n\"a\": 2}", 2),
            ("{a: 1}", 1),
            ("{\"a\": 1} x", 1),
            ("{\"a\"", 1),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
