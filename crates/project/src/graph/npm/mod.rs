//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
//!
//! Versions 2 and 3 name each copy by its folder, and Node's own search for modules says where an edge
//! ends. Version 2 repeats everything in the form of version 1 for old readers: what npm itself reads
//! is read, and the repetition is not. Version 1 tells neither who asks first nor ranges of the
//! project: its manifest does.

mod folders;
mod nested;

use super::entry::{object, string, text_of};
use super::{Format, GraphError, Manifest, Read};
use crate::json::{self, Value};

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

/// Where a package comes from: npm has written `false` where it did not know.
fn resolved(entry: &Value<'_>) -> Result<Option<String>, GraphError> {
    let unknown = entry.key("resolved").is_some_and(|said| said.value == Value::Boolean(false));
    if unknown { Ok(None) } else { string(entry, "resolved") }
}
