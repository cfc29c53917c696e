//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
//!
//! Versions 2 and 3 name each copy by its folder, and Node's own search for modules says where an edge
//! ends. Version 2 repeats everything in the form of version 1 for old readers: what npm itself reads
//! is read, and the repetition is not. Version 1 tells neither who asks first nor ranges of the
//! project: its manifest does.

mod folders;
mod nested;

use super::{Format, GraphError, Importer, Manifest, Package};
use crate::json::{self, Placed, Value};
use std::borrow::Cow;

/// What a reader makes of a text.
pub(super) type Read = (Format, Vec<Importer>, Vec<Package>);

/// Entries of an object.
pub(super) type Entries<'a> = [Entry<'a>];

/// One of them.
pub(super) type Entry<'a> = (Cow<'a, str>, Placed<Value<'a>>);

pub(super) fn read(text: &str, manifests: &[Manifest<'_>]) -> Result<Read, GraphError> {
    let root = json::borrowed(text)?;
    let entries = |key: &str| object(root.value.key(key));
    let version = root.value.key("lockfileVersion");
    let number = match version.map(|version| &version.value) {
        None => 1,
        Some(Value::Number(number)) => number.parse().unwrap_or_default(),
        Some(_) => 0,
    };
    match number {
        1 => {
            let own = |key: &str| text_of(&root.value, key);
            let entries = entries("dependencies")?.ok_or_else(|| GraphError::empty(text))?;
            let (importers, packages) =
                nested::read(entries, (own("name"), own("version")), manifests)?;
            Ok((Format::Npm(1), importers, packages))
        }
        2 | 3 => {
            let entries = entries("packages")?.ok_or_else(|| GraphError::empty(text))?;
            let (importers, packages) = folders::read(entries)?;
            Ok((Format::Npm(number), importers, packages))
        }
        _ => Err(GraphError::UnknownVersion {
            line: version.map_or(1, |version| version.line),
            version: match version.map(|version| &version.value) {
                Some(Value::Number(text) | Value::String(text)) => text.to_string(),
                Some(other) => other.kind().to_owned(),
                None => String::new(),
            },
        }),
    }
}

/// The entries of a value that is there and must be an object.
pub(super) fn object<'a, 'b>(
    value: Option<&'b Placed<Value<'a>>>,
) -> Result<Option<&'b Entries<'a>>, GraphError> {
    match value {
        None => Ok(None),
        Some(Placed { value: Value::Object(entries), .. }) => Ok(Some(entries)),
        Some(other) => Err(GraphError::on(
            other.line,
            format!("an object is expected, not {}", other.value.kind()),
        )),
    }
}

/// Ranges by name: every value must be a string.
pub(super) fn ranges<'a>(
    entry: &'a Value<'_>,
    key: &str,
) -> Result<Vec<(&'a str, &'a str)>, GraphError> {
    let entries = object(entry.key(key))?.unwrap_or_default();
    let one = |(name, range): &'a Entry<'_>| match range.value.as_str() {
        Some(text) => Ok((name.as_ref(), text)),
        None => Err(expected_text(range)),
    };
    entries.iter().map(one).collect()
}

/// A value that must be a string where it is there.
fn string(entry: &Value<'_>, key: &str) -> Result<Option<String>, GraphError> {
    match entry.key(key) {
        None => Ok(None),
        Some(placed) => match placed.value.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(expected_text(placed)),
        },
    }
}

pub(super) fn expected_text(value: &Placed<Value<'_>>) -> GraphError {
    GraphError::on(value.line, format!("a string is expected, not {}", value.value.kind()))
}

/// Where a package comes from: npm has written `false` where it did not know.
fn resolved(entry: &Value<'_>) -> Result<Option<String>, GraphError> {
    let unknown = entry.key("resolved").is_some_and(|said| said.value == Value::Boolean(false));
    if unknown { Ok(None) } else { string(entry, "resolved") }
}

/// A string; nothing where it is anything else.
pub(super) fn text_of(entry: &Value<'_>, key: &str) -> Option<String> {
    entry.key(key).and_then(|placed| placed.value.as_str()).map(str::to_owned)
}

pub(super) fn is_true(entry: &Value<'_>, key: &str) -> bool {
    entry.key(key).is_some_and(|placed| placed.value == Value::Boolean(true))
}

/// The name that is really asked for by `npm:name@range`.
pub(super) fn alias(range: &str) -> Option<(&str, &str)> {
    let rest = range.strip_prefix("npm:")?;
    let at = rest.char_indices().skip(1).find(|(_, mark)| *mark == '@').map(|(at, _)| at);
    Some(at.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..])))
}
