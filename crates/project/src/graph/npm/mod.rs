//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
//!
//! Versions 2 and 3 name each copy by its folder, and Node's own search for modules says where an edge
//! ends. Version 2 repeats everything in the form of version 1 for old readers: what npm itself reads
//! is read, and the repetition is not. Version 1 tells neither who asks first nor ranges of the
//! project: its manifest does.

mod folders;
mod nested;

use super::{Format, GraphError, Importer, Manifest, Package};
use crate::json::{self, Json, Placed};

/// What a reader makes of a text.
pub(super) type Read = (Format, Vec<Importer>, Vec<Package>);

/// Entries of an object.
type Entries = [(String, Placed<Json>)];

pub(super) fn read(text: &str, manifests: &[Manifest<'_>]) -> Result<Read, GraphError> {
    let root = json::parse(text)?;
    let entries = |key: &str| object(root.value.key(key));
    let version = root.value.key("lockfileVersion");
    let number = match version.map(|version| &version.value) {
        None => 1,
        Some(Json::Number(number)) => number.parse().unwrap_or_default(),
        Some(_) => 0,
    };
    match number {
        1 => {
            let own = |key: &str| text_of(&root.value, key);
            let entries = entries("dependencies")?.ok_or(GraphError::Empty)?;
            let (importers, packages) =
                nested::read(entries, (own("name"), own("version")), manifests)?;
            Ok((Format::Npm(1), importers, packages))
        }
        2 | 3 => {
            let entries = entries("packages")?.ok_or(GraphError::Empty)?;
            let (importers, packages) = folders::read(entries)?;
            Ok((Format::Npm(number), importers, packages))
        }
        _ => Err(GraphError::UnknownVersion {
            line: version.map_or(1, |version| version.line),
            version: match version.map(|version| &version.value) {
                Some(Json::Number(text) | Json::String(text)) => text.clone(),
                Some(other) => other.kind().to_owned(),
                None => String::new(),
            },
        }),
    }
}

/// The entries of a value that is there and must be an object.
pub(super) fn object(value: Option<&Placed<Json>>) -> Result<Option<&Entries>, GraphError> {
    match value {
        None => Ok(None),
        Some(Placed { value: Json::Object(entries), .. }) => Ok(Some(entries)),
        Some(other) => Err(GraphError::on(
            other.line,
            format!("an object is expected, not {}", other.value.kind()),
        )),
    }
}

/// Ranges by name: every value must be a string.
pub(super) fn ranges<'a>(
    entry: &'a Json,
    key: &str,
) -> Result<Vec<(&'a str, &'a str)>, GraphError> {
    let entries = object(entry.key(key))?.unwrap_or_default();
    let one = |(name, range): &'a (String, Placed<Json>)| match range.value.as_str() {
        Some(text) => Ok((name.as_str(), text)),
        None => Err(expected_text(range)),
    };
    entries.iter().map(one).collect()
}

/// A value that must be a string where it is there.
fn string(entry: &Json, key: &str) -> Result<Option<String>, GraphError> {
    match entry.key(key) {
        None => Ok(None),
        Some(placed) => match placed.value.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(expected_text(placed)),
        },
    }
}

pub(super) fn expected_text(value: &Placed<Json>) -> GraphError {
    GraphError::on(value.line, format!("a string is expected, not {}", value.value.kind()))
}

/// A string; nothing where it is anything else.
pub(super) fn text_of(entry: &Json, key: &str) -> Option<String> {
    entry.key(key).and_then(|placed| placed.value.as_str()).map(str::to_owned)
}

pub(super) fn is_true(entry: &Json, key: &str) -> bool {
    entry.key(key).is_some_and(|placed| placed.value == Json::Boolean(true))
}

/// The name that is really asked for by `npm:name@range`.
pub(super) fn alias(range: &str) -> Option<(&str, &str)> {
    let rest = range.strip_prefix("npm:")?;
    let at = rest.char_indices().skip(1).find(|(_, mark)| *mark == '@').map(|(at, _)| at);
    Some(at.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..])))
}
