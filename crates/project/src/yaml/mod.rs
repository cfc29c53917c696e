//! YAML with the line of each key and value; all documents of a file.
//!
//! Files come from strangers, so everything is bounded: the size of the text, the depth, and how much
//! aliases may repeat. Keys that stand twice are errors, because readers disagree on which of them
//! counts. Template actions (`{{ ... }}`) are hidden from the parser and marked in the tree, so that a
//! chart's manifest can be read as far as it says something without its values; a document that makes
//! no sense without them is told as a template and not as a mistake. Tags beyond the core schema are
//! ignored.

mod build;
pub mod emit;
mod node;
mod template;

pub use node::{Entry, Kind, Node};

/// Longest text that is read, in bytes.
pub const MOST_TEXT: usize = 8 << 20;
/// Deepest nesting.
pub const MOST_DEPTH: usize = 96;
/// Most values in one document, repetitions by aliases included.
pub const MOST_NODES: usize = 200_000;

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The value; [`Kind::Null`] when the document is empty.
    pub root: Node,
    /// Lines of the file, from 1, that hold a template action, in order.
    pub templates: Vec<usize>,
}

impl Document {
    /// First line within `node` that holds a template action: what is missing there may be written by it.
    #[must_use]
    pub fn template_within(&self, node: &Node) -> Option<usize> {
        self.templates.iter().copied().find(|line| (node.line()..=node.end_line()).contains(line))
    }
}

/// What kind of mistake stops a document from being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// A key stands twice in one mapping.
    DuplicateKey,
    /// A tab where only spaces may indent.
    Tab,
    /// The document is a template that makes no sense as it stands.
    Template,
    /// Larger, deeper or more repetitive than is read.
    TooLarge,
    /// Anything else.
    Syntax,
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct YamlError {
    /// Kind of mistake.
    pub mistake: Mistake,
    /// One sentence without a period.
    pub what: String,
    /// From 1, in the file.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// Reads all documents of a text. Empty ones (only comments) are left out.
///
/// # Errors
/// The first mistake.
pub fn documents(text: &str) -> Result<Vec<Document>, YamlError> {
    each(text).into_iter().collect()
}

/// Reads each document by itself, so that one that cannot be read does not hide the others.
#[must_use]
pub fn each(text: &str) -> Vec<Result<Document, YamlError>> {
    if text.len() > MOST_TEXT {
        return vec![Err(YamlError {
            mistake: Mistake::TooLarge,
            what: format!("the text is larger than {} MiB", MOST_TEXT >> 20),
            line: 1,
            column: 1,
        })];
    }
    if let Some(error) = disputed_break(text) {
        return vec![Err(error)];
    }
    let masked = template::mask(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut lines = masked.templates.as_slice();
    let mut found = Vec::new();
    for part in parts(&masked.text) {
        let end = part.first_line + part.text.lines().count();
        let here = lines.iter().take_while(|line| **line < end).count();
        let (templates, rest) = lines.split_at(here);
        lines = rest;
        let read = build::document(&part, templates);
        if !matches!(&read, Ok(document) if document.root.is_null() && templates.is_empty()) {
            found.push(read);
        }
    }
    found
}

/// The first character that YAML 1.1 takes for the end of a line and YAML 1.2 does not, or the other
/// way around: what one reader takes for a comment would be a setting for another.
fn disputed_break(text: &str) -> Option<YamlError> {
    let (mut line, mut column) = (1, 1);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let bare = character == '\r' && characters.peek().is_some_and(|next| *next != '\n');
        if bare || matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}') {
            return Some(YamlError {
                mistake: Mistake::Syntax,
                what: format!(
                    "the character U+{:04X} ends a line for some readers and not for others",
                    u32::from(character)
                ),
                line,
                column,
            });
        }
        (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    None
}

/// A document's text and where it begins.
struct Part<'a> {
    text: &'a str,
    /// Line of the file that its first line is, from 1.
    first_line: usize,
}

/// Cuts a text at its document markers, which stand at the beginning of a line wherever they stand.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut begin, mut first_line, mut offset) = (0, 1, 0);
    let mut only_directives = true;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let marker = is_marker(line, "---") || is_marker(line, "...");
        if marker && !only_directives {
            parts.push(Part { text: &text[begin..offset], first_line });
            (begin, first_line) = (offset, index + 1);
        }
        if is_marker(line, "...") {
            (begin, first_line) = (offset + line.len(), index + 2);
            only_directives = true;
        } else if marker {
            only_directives = false;
        } else {
            let trimmed = line.trim();
            let directive = trimmed.is_empty() || trimmed.starts_with(['#', '%']);
            only_directives = only_directives && directive;
        }
        offset += line.len();
    }
    parts.push(Part { text: &text[begin..], first_line });
    parts
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests;
