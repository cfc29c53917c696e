//! Where a section stands in a file, in each of the forms that TOML has for it.

use super::patch::Patch;
use super::{MergeError, SECTIONS};
use std::ops::Range;
use toml_edit::{Document, InlineTable, Item, Table};

/// Where a section stands.
pub(super) enum Place<'d> {
    /// `[fs]`
    Header(&'d Table, Range<usize>),
    /// `fs.read = ...` outside every section.
    Dotted(&'d Table),
    /// `fs = { ... }`
    Inline(&'d InlineTable, Range<usize>),
    /// Only as `[env.set]` or `[[process.addons]]`.
    Implied(&'d Table),
    /// Not at all.
    Missing,
}

impl<'d> Place<'d> {
    pub(super) fn of(document: &'d Document<&str>, section: &str) -> Result<Self, MergeError> {
        let Some(item) = document.get(section) else { return Ok(Self::Missing) };
        if let Some(table) = item.as_table() {
            return Ok(match table.span() {
                _ if table.is_dotted() => Self::Dotted(table),
                Some(span) if !table.is_implicit() => Self::Header(table, span),
                _ => Self::Implied(table),
            });
        }
        let inline = item.as_inline_table().and_then(|table| Some((table, item.span()?)));
        inline
            .map(|(table, span)| Self::Inline(table, span))
            .ok_or_else(|| MergeError::Form(section.to_owned()))
    }

    /// A key of the section: where its name begins, and its value.
    pub(super) fn item(&self, key: &str) -> Option<(usize, Found<'d>)> {
        match self {
            Self::Header(table, _) | Self::Dotted(table) | Self::Implied(table) => {
                let (key, item) = table.get_key_value(key)?;
                Some((key.span()?.start, Found::Item(item)))
            }
            Self::Inline(table, span) => {
                let value = table.get(key)?;
                Some((span.start, Found::Value(value)))
            }
            Self::Missing => None,
        }
    }

    /// Puts new keys into the section, or the section into the file.
    pub(super) fn insert(
        &self,
        patch: &mut Patch<'_>,
        document: &Document<&str>,
        section: &str,
        lines: &[String],
    ) {
        if lines.is_empty() {
            return;
        }
        match self {
            Self::Header(table, header) => {
                let end = end_of(table).unwrap_or(0).max(header.end);
                patch.lines(patch.line_end(end), lines);
            }
            Self::Dotted(table) => {
                let end = end_of(table).unwrap_or_default();
                let inside = |line: &String| line.starts_with([' ', ']', '#']);
                let named = |line: &String| {
                    if inside(line) { line.clone() } else { format!("{section}.{line}") }
                };
                let lines: Vec<String> = lines.iter().map(named).collect();
                patch.lines(patch.line_end(end), &lines);
            }
            Self::Inline(table, span) => inside(patch, table, span, lines),
            Self::Implied(_) | Self::Missing => self::section(patch, document, section, lines),
        }
    }
}

/// A value of a table of either form.
#[derive(Clone, Copy)]
pub(super) enum Found<'d> {
    Item(&'d Item),
    Value(&'d toml_edit::Value),
}

impl<'d> Found<'d> {
    pub(super) fn value(self) -> Option<&'d toml_edit::Value> {
        match self {
            Self::Item(item) => item.as_value(),
            Self::Value(value) => Some(value),
        }
    }

    /// The last header of `[[process.addons]]`.
    pub(super) fn last_table(self) -> Option<&'d Table> {
        match self {
            Self::Item(item) => item.as_array_of_tables()?.iter().last(),
            Self::Value(_) => None,
        }
    }
}

/// The byte after the last value that stands in a table itself, not below a header of its own.
pub(super) fn end_of(table: &Table) -> Option<usize> {
    let ends = table.iter().filter_map(|(_, item)| match item {
        Item::Value(_) => item.span().map(|span| span.end),
        Item::Table(inner) if inner.is_dotted() => end_of(inner),
        _ => None,
    });
    ends.max()
}

/// New keys of an inline table: `{ a = 1 }` becomes `{ a = 1, b = [...] }`.
fn inside(patch: &mut Patch<'_>, table: &InlineTable, span: &Range<usize>, lines: &[String]) {
    let newline = patch.newline();
    let text = patch.text();
    let close = span.end.saturating_sub(1);
    let before = text[..close].trim_end();
    let comma = if table.is_empty() || before.ends_with(',') { " " } else { ", " };
    // Each key begins a line of its own without an indent; a comma goes between two of them.
    let mut added = String::new();
    for (index, line) in lines.iter().enumerate() {
        let begins = !line.starts_with([' ', ']', '#']);
        if index > 0 {
            added.push_str(if begins { ", " } else { newline });
        }
        // A comment would swallow what comes after it.
        let line = if begins { without_comment(line) } else { line };
        added.push_str(line);
    }
    let at = before.len();
    patch.replace(at..close, format!("{comma}{added} "));
}

fn without_comment(line: &str) -> &str {
    match line.find(" # ") {
        Some(at) if !line.ends_with('[') => line[..at].trim_end(),
        _ => line,
    }
}

/// A new section, before the first one that comes after it in the documentation.
fn section(patch: &mut Patch<'_>, document: &Document<&str>, section: &str, lines: &[String]) {
    let order = |name: &str| SECTIONS.iter().position(|known| *known == name);
    let own = order(section).unwrap_or(SECTIONS.len());
    let mut headers = Vec::new();
    for (name, item) in document.iter() {
        let later = order(name).is_some_and(|at| at > own) || name == section;
        if later && let Some(at) = item.as_table().and_then(first_header) {
            headers.push(at);
        }
    }
    let text = patch.text();
    let mut all = vec![format!("[{section}]")];
    all.extend(lines.iter().cloned());
    if let Some(header) = headers.into_iter().min() {
        all.push(String::new());
        patch.lines(with_comments(patch, header), &all);
    } else {
        if !(text.is_empty() || text.ends_with("\n\n") || text.ends_with("\n\r\n")) {
            all.insert(0, String::new());
        }
        patch.lines(text.len(), &all);
    }
}

/// Where the first header of a table or of what is below it begins.
fn first_header(table: &Table) -> Option<usize> {
    if table.is_dotted() {
        return None;
    }
    let own = table.span().filter(|_| !table.is_implicit()).map(|span| span.start);
    let below = table.iter().filter_map(|(_, item)| match item {
        Item::Table(inner) => first_header(inner),
        Item::ArrayOfTables(tables) => tables.iter().filter_map(first_header).min(),
        _ => None,
    });
    own.into_iter().chain(below).min()
}

/// Where the comment lines right above a header begin: they belong to it.
fn with_comments(patch: &Patch<'_>, header: usize) -> usize {
    let mut start = patch.line_start(header);
    while start > 0 {
        let above = patch.line_start(start - 1);
        if !patch.text()[above..start].trim_start().starts_with('#') {
            break;
        }
        start = above;
    }
    start
}
