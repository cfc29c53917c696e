//! JSON with the line of each value, for files that people write.
//!
//! Comments and trailing commas are errors, as they are for npm and Node. A key twice is one too:
//! readers differ in which of the two counts, so a reviewer and a program could see different files.

use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, ast};

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

/// A JSON value; numbers as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    String(String),
    /// A list.
    Array(Vec<Placed<Json>>),
    /// An object, in file order; no key is there twice.
    Object(Vec<(String, Placed<Json>)>),
}

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct JsonError {
    /// Counted from 1.
    pub line: usize,
    /// Lower case, no trailing period.
    pub message: String,
}

impl Json {
    /// The string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The entries of an object; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[(String, Placed<Self>)] {
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
    parse_with(text, false)
}

/// Reads JSON with commas behind last elements, as Bun writes its lockfile.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_trailing_commas(text: &str) -> Result<Placed<Json>, JsonError> {
    parse_with(text, true)
}

fn parse_with(text: &str, allow_trailing_commas: bool) -> Result<Placed<Json>, JsonError> {
    let lines = Lines::of(text);
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &strict);
    let parsed = parsed.map_err(|error| JsonError {
        line: lines.at(error.range().start),
        message: lower_first(&error.kind().to_string()),
    })?;
    let Some(value) = parsed.value else {
        return Err(JsonError { line: 1, message: "the file is empty".to_owned() });
    };
    convert(&value, &lines)
}

fn convert(value: &ast::Value<'_>, lines: &Lines) -> Result<Placed<Json>, JsonError> {
    let json = match value {
        ast::Value::NullKeyword(_) => Json::Null,
        ast::Value::BooleanLit(literal) => Json::Boolean(literal.value),
        ast::Value::NumberLit(literal) => Json::Number(literal.value.to_owned()),
        ast::Value::StringLit(literal) => Json::String(literal.value.clone().into_owned()),
        ast::Value::Array(array) => Json::Array(
            array.elements.iter().map(|one| convert(one, lines)).collect::<Result<_, _>>()?,
        ),
        ast::Value::Object(object) => {
            let mut seen = std::collections::HashSet::new();
            let mut entries = Vec::with_capacity(object.properties.len());
            for property in &object.properties {
                let name = property.name.as_str().to_owned();
                if !seen.insert(name.clone()) {
                    return Err(JsonError {
                        line: lines.at(property.range().start),
                        message: format!(
                            "the key {} is there twice",
                            ringfence_policy::display::quoted(&name)
                        ),
                    });
                }
                entries.push((name, convert(&property.value, lines)?));
            }
            Json::Object(entries)
        }
    };
    Ok(Placed::new(json, lines.at(value.range().start)))
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// Where each line begins.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let after = |(at, byte): (usize, u8)| (byte == b'\n').then_some(at + 1);
        Self(std::iter::once(0).chain(text.bytes().enumerate().filter_map(after)).collect())
    }

    /// The line of a byte, counted from 1.
    pub(crate) fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_line() {
        let json = parse("{\n \"a\": [1,\n  \"x\"],\n \"b\": {\"c\": null}\n}").unwrap();
        let a = json.value.key("a").unwrap();
        assert_eq!((json.line, a.line), (1, 2));
        assert_eq!(a.value.items()[1], Placed::new(Json::String("x".to_owned()), 3));
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
