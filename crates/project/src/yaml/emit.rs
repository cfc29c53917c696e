//! Writes YAML as a person would: block style, known keys first, quotes only where a reader could
//! take a text for something else.
//!
//! What is written is the subset that every reader agrees on, YAML 1.1 and 1.2 alike; nothing is
//! folded and no line is broken.

use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Writes one value as a document, without a marker. Of a mapping the keys in `first` come first, in
/// that order, then the others in the order of the value.
#[must_use]
pub fn document(value: &Value, first: &[&str]) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(&mut text, map, first, 0, false),
        Value::Array(items) if !items.is_empty() => sequence(&mut text, items, first, 0),
        other => {
            text.push_str(&scalar(other, 0));
            text.push('\n');
        }
    }
    text
}

fn mapping(
    text: &mut String,
    map: &Map<String, Value>,
    first: &[&str],
    indent: usize,
    inline: bool,
) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    let rank = |key: &str| first.iter().position(|known| *known == key).unwrap_or(first.len());
    entries.sort_by_key(|(key, _)| rank(key));
    for (index, (key, value)) in entries.into_iter().enumerate() {
        // The first key of a list's item stands behind the dash.
        if index > 0 || !inline {
            text.push_str(&" ".repeat(indent));
        }
        text.push_str(&string(key, indent));
        text.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                text.push('\n');
                mapping(text, map, first, indent + 2, false);
            }
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                sequence(text, items, first, indent + 2);
            }
            other => {
                text.push(' ');
                text.push_str(&scalar(other, indent + 2));
                text.push('\n');
            }
        }
    }
}

fn sequence(text: &mut String, items: &[Value], first: &[&str], indent: usize) {
    for item in items {
        text.push_str(&" ".repeat(indent));
        text.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(text, map, first, indent + 2, true),
            Value::Array(nested) if !nested.is_empty() => {
                // A list in a list begins on its own line: both readers and people get it right.
                text.pop();
                text.push('\n');
                sequence(text, nested, first, indent + 2);
            }
            other => {
                text.push_str(&scalar(other, indent + 2));
                text.push('\n');
            }
        }
    }
}

fn scalar(value: &Value, indent: usize) -> String {
    match value {
        Value::String(text) => string(text, indent),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

fn string(text: &str, indent: usize) -> String {
    if text.contains('\n') && is_literal(text) {
        return literal(text, indent);
    }
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether a text of several lines can be a literal block as it is.
fn is_literal(text: &str) -> bool {
    !text.starts_with([' ', '\n', '\t'])
        && !text.trim_end_matches('\n').is_empty()
        && text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control() && !is_invisible(c))
        && text.lines().all(|line| !line.ends_with([' ', '\t']))
        && !text.ends_with("\n\n")
}

fn literal(text: &str, indent: usize) -> String {
    let mut block = String::from(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.lines() {
        block.push('\n');
        if !line.is_empty() {
            block.push_str(&" ".repeat(indent));
            block.push_str(line);
        }
    }
    block
}

/// Whether every reader takes the bare text for this very text.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 12] =
        ["null", "~", "true", "false", "yes", "no", "on", "off", "y", "n", ".nan", ".inf"];
    let Some(first) = text.chars().next() else { return false };
    let safe_first = first.is_ascii_alphabetic() || first == '/' || first == '_';
    safe_first
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !text.contains([
            '{', '}', '[', ']', ',', '"', '\'', '`', '&', '*', '!', '|', '>', '%', '@', '\\',
        ])
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => {
                let code = u32::from(c);
                if code <= 0xffff {
                    let _ = write!(quoted, "\\u{code:04x}");
                } else {
                    let _ = write!(quoted, "\\U{code:08x}");
                }
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that change how a line looks, or that a reader takes for a line break.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}')
}
