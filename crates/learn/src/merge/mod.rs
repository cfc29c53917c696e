//! Grants into a boundary file, so that the change can be reviewed.
//!
//! The file is patched as text at the places where its parser finds lists and sections: what stood in
//! it stays byte for byte, with its comments, order, line ends and the style of its lists. Nothing is
//! ever removed, and what `policy` would not read again is not written.

mod fresh;
mod list;
mod patch;
mod place;

pub use fresh::{Fresh, fresh, service_name};

use crate::draft::{Proposed, Value};
use patch::Patch;
use place::Place;
use ringfence_policy::display::untrusted;
use std::path::Path;
use thiserror::Error;
use toml_edit::Document;

/// Sections in the order of the documentation.
const SECTIONS: [&str; 9] =
    ["service", "fs", "net", "process", "env", "secrets", "limits", "identity", "require"];
/// Longest comment beside a grant, in characters.
const COMMENT: usize = 160;

/// Why grants are not merged.
#[derive(Debug, Error)]
pub enum MergeError {
    /// The text is not TOML.
    #[error("the boundary file is not TOML: {0}")]
    Syntax(String),
    /// A section or key has a form that cannot be added to.
    #[error("{0} has a form that nothing can be added to")]
    Form(String),
    /// What came out is not a boundary: a fault of this program.
    #[error("the merged file would not be a boundary: {message}")]
    Refused {
        /// The first mistake in it.
        message: String,
        /// The whole text.
        text: String,
    },
}

/// The text with these grants added, each with a comment that says why. `folder` is that of the file.
///
/// # Errors
/// The text is not TOML, has a key in a form that cannot be added to, or would be no boundary
/// afterwards.
pub fn merge(text: &str, proposed: &[&Proposed], folder: &Path) -> Result<String, MergeError> {
    let document =
        Document::parse(text).map_err(|error| MergeError::Syntax(error.message().to_owned()))?;
    let mut patch = Patch::new(text);
    let mut rest = proposed;
    while let Some(first) = rest.first() {
        let (section, _) = first.place();
        let end = rest.iter().position(|one| one.place().0 != section).unwrap_or(rest.len());
        let (these, others) = rest.split_at(end);
        rest = others;
        add_section(&mut patch, &document, section, these, folder)?;
    }
    let merged = patch.apply();
    match ringfence_policy::parse("ringfence.toml", &merged) {
        Ok(_) => Ok(merged),
        Err(mistakes) => {
            let message = mistakes.first().map(|mistake| mistake.message.clone());
            Err(MergeError::Refused { message: message.unwrap_or_default(), text: merged })
        }
    }
}

/// All grants of one section, in the order of its keys.
fn add_section(
    patch: &mut Patch<'_>,
    document: &Document<&str>,
    section: &'static str,
    proposed: &[&Proposed],
    folder: &Path,
) -> Result<(), MergeError> {
    let place = Place::of(document, section)?;
    let mut lines = Vec::new();
    let mut rest = proposed;
    while let Some(first) = rest.first() {
        let (_, key) = first.place();
        let end = rest.iter().position(|one| one.key != first.key).unwrap_or(rest.len());
        let (these, others) = rest.split_at(end);
        rest = others;
        let entries: Vec<Entry> = these.iter().map(|one| Entry::of(one, folder)).collect();
        match place.item(key) {
            Some((at, item)) => list::extend(patch, first.key, at, item, &entries)?,
            None => lines.extend(list::new(key, &entries)),
        }
    }
    place.insert(patch, document, section, &lines);
    Ok(())
}

/// A value and its comment.
#[derive(Debug, Clone)]
struct Entry {
    value: String,
    comment: String,
    switch: bool,
}

impl Entry {
    fn of(proposed: &Proposed, folder: &Path) -> Self {
        let words = proposed.why.words(verb(proposed.key), folder);
        let mut comment: String = words.chars().take(COMMENT).collect();
        if comment.len() < words.len() {
            comment.push_str("...");
        }
        Self {
            value: proposed.value.shown(),
            comment: untrusted(&comment).to_string(),
            switch: matches!(proposed.value, Value::Switch(_)),
        }
    }
}

/// What was done with what a key grants.
#[must_use]
pub fn verb(key: &str) -> &'static str {
    match key {
        "fs.read" => "read",
        "fs.write" => "written",
        "fs.optional" => "looked for",
        "net.connect" | "net.unix" => "connected to",
        "net.listen" | "net.udp-listen" => "listened at",
        "net.udp" => "sent to",
        "net.private" => "resolved",
        "process.children" => "started",
        "process.addons" => "loaded",
        "env.pass" => "asked for",
        _ => "used",
    }
}

#[cfg(test)]
mod tests;
