//! Entries of lists, and switches.

use super::patch::Patch;
use super::place::{Found, end_of};
use super::{Entry, MergeError};
use std::fmt::Write as _;
use std::ops::Range;
use toml_edit::{Array, Value};

/// Lines of a key that the file does not have.
pub(super) fn new(key: &str, entries: &[Entry]) -> Vec<String> {
    if let [only] = entries
        && only.switch
    {
        return vec![format!("{key} = {} # {}", only.value, only.comment)];
    }
    let mut lines = vec![format!("{key} = [")];
    lines.extend(entries.iter().map(|entry| format!("  {}, # {}", entry.value, entry.comment)));
    lines.push("]".to_owned());
    lines
}

/// Adds to a key that the file has; its name begins at `at`.
pub(super) fn extend(
    patch: &mut Patch<'_>,
    key: &str,
    at: usize,
    found: Found<'_>,
    entries: &[Entry],
) -> Result<(), MergeError> {
    let form = || MergeError::Form(key.to_owned());
    if let Some(table) = found.last_table() {
        let header = table.span().ok_or_else(form)?;
        let end = patch.line_end(end_of(table).unwrap_or(header.end).max(header.end));
        let lines: Vec<String> = entries.iter().flat_map(|entry| tables(key, entry)).collect();
        patch.lines(end, &lines);
        return Ok(());
    }
    let value = found.value().ok_or_else(form)?;
    let span = value.span().ok_or_else(form)?;
    match value {
        Value::Boolean(_) => {
            let [entry] = entries else { return Err(form()) };
            above(patch, at, &[format!("# {}: {}", entry.value, entry.comment)]);
            patch.replace(span, entry.value.clone());
        }
        Value::Array(array) if array.is_empty() => empty(patch, &span, entries),
        Value::Array(array) if patch.text()[span.clone()].contains('\n') => {
            many_lines(patch, array, &span, entries).ok_or_else(form)?;
        }
        Value::Array(array) => {
            let comments: Vec<String> = entries
                .iter()
                .map(|entry| format!("# {}: {}", entry.value, entry.comment))
                .collect();
            above(patch, at, &comments);
            one_line(patch, array, &span, entries).ok_or_else(form)?;
        }
        _ => return Err(form()),
    }
    Ok(())
}

/// Comment lines above the line of `at`, indented like it.
fn above(patch: &mut Patch<'_>, at: usize, comments: &[String]) {
    let indent = patch.indent(at);
    let lines: Vec<String> = comments.iter().map(|comment| format!("{indent}{comment}")).collect();
    patch.lines(patch.line_start(at), &lines);
}

/// `[[process.addons]]` for one entry.
fn tables(key: &str, entry: &Entry) -> Vec<String> {
    let inside = entry.value.trim_start_matches("{ ").trim_end_matches(" }");
    let mut lines = vec![String::new(), format!("# {}", entry.comment), format!("[[{key}]]")];
    lines.extend(inside.split(", ").map(str::to_owned));
    lines
}

/// An empty list, also one with comments in it, gets a line for each entry.
fn empty(patch: &mut Patch<'_>, span: &Range<usize>, entries: &[Entry]) {
    let newline = patch.newline();
    let outer = patch.indent(span.start).to_owned();
    let inner = &patch.text()[span.start + 1..span.end - 1];
    let mut text = String::from("[");
    // Comments in it stay.
    text.push_str(inner.trim_end());
    for entry in entries {
        let _ = write!(text, "{newline}{outer}  {}, # {}", entry.value, entry.comment);
    }
    let _ = write!(text, "{newline}{outer}]");
    patch.replace(span.clone(), text);
}

/// A comma behind the last entry, where there is none yet; answers the byte behind it.
fn comma(patch: &Patch<'_>, last: usize, close: usize) -> (bool, usize) {
    let mut at = last;
    let mut comment = false;
    for character in patch.text()[last..close].chars() {
        match character {
            '\n' => comment = false,
            '#' => comment = true,
            ',' if !comment => return (true, at + 1),
            _ => {}
        }
        at += character.len_utf8();
    }
    (false, last)
}

fn last_end(array: &Array) -> Option<Range<usize>> {
    array.iter().last()?.span()
}

fn one_line(
    patch: &mut Patch<'_>,
    array: &Array,
    span: &Range<usize>,
    entries: &[Entry],
) -> Option<()> {
    let last = last_end(array)?;
    let close = span.end - 1;
    let (has, behind) = comma(patch, last.end, close);
    let values: Vec<&str> = entries.iter().map(|entry| entry.value.as_str()).collect();
    let values = values.join(", ");
    if has {
        patch.replace(behind..behind, format!(" {values},"));
    } else {
        patch.replace(last.end..last.end, format!(", {values}"));
    }
    Some(())
}

fn many_lines(
    patch: &mut Patch<'_>,
    array: &Array,
    span: &Range<usize>,
    entries: &[Entry],
) -> Option<()> {
    let last = last_end(array)?;
    let close = span.end - 1;
    let (has, _) = comma(patch, last.end, close);
    if !has {
        patch.replace(last.end..last.end, ",");
    }
    let begins = patch.text()[patch.line_start(last.start)..last.start].trim().is_empty();
    let indent = if begins { patch.indent(last.start) } else { "  " };
    let start = patch.line_start(close);
    let alone = patch.text()[start..close].trim().is_empty();
    let mut lines: Vec<String> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        // The last one has a comma when the last one had.
        let comma = if has || index + 1 < entries.len() { "," } else { "" };
        lines.push(format!("{indent}{}{comma} # {}", entry.value, entry.comment));
    }
    if alone {
        patch.lines(start, &lines);
    } else {
        let newline = patch.newline();
        patch.replace(close..close, format!("{newline}{}{newline}", lines.join(newline)));
    }
    Some(())
}
