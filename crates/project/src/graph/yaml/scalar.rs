//! Scalars, keys and flow values on one line.

use crate::json::{Placed, Value};
use std::borrow::Cow;
use std::collections::HashSet;

/// How deep flow values may be nested.
const DEPTH: usize = 16;

/// A value and what stands behind it.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    pub(super) value: Value<'a>,
    pub(super) rest: &'a str,
}

type Why = &'static str;

/// A value that begins a text; behind it white space is skipped.
pub(super) fn parse(text: &str) -> Result<Flow<'_>, Why> {
    let (value, rest) = value(text, Place::Block, 0)?;
    Ok(Flow { value, rest: rest.trim_start() })
}

/// A key and what stands behind its colon.
pub(super) fn key(text: &str) -> Result<(Cow<'_, str>, &str), Why> {
    const NONE: Why = "a key and a colon are expected";
    if text.starts_with(['"', '\'']) {
        let (key, rest) = quoted(text)?;
        let rest = rest.trim_start().strip_prefix(':').ok_or(NONE)?;
        if !(rest.is_empty() || rest.starts_with(' ')) {
            return Err(NONE);
        }
        return Ok((key, rest.trim_start()));
    }
    refuse_indicator(text)?;
    let end = text.find(": ").or_else(|| text.strip_suffix(':').map(str::len)).ok_or(NONE)?;
    Ok((Cow::Borrowed(text[..end].trim_end()), text[end + 1..].trim_start()))
}

/// Where a plain scalar stands, which says where it ends.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Block,
    Flow,
}

fn value(text: &str, place: Place, depth: usize) -> Result<(Value<'_>, &str), Why> {
    if depth > DEPTH {
        return Err("nested too deep");
    }
    match text.as_bytes().first() {
        Some(b'{') => mapping(&text[1..], depth + 1),
        Some(b'[') => sequence(&text[1..], depth + 1),
        Some(b'"' | b'\'') => quoted(text).map(|(text, rest)| (Value::String(text), rest)),
        _ => plain(text, place),
    }
}

fn mapping(text: &str, depth: usize) -> Result<(Value<'_>, &str), Why> {
    let mut entries: Vec<(Cow<'_, str>, Placed<Value<'_>>)> = Vec::new();
    let mut seen = HashSet::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((Value::Object(entries), rest));
        }
        let (key, after) = if rest.starts_with(['"', '\'']) {
            quoted(rest)?
        } else {
            let end = rest.find([':', ',', '}', '{', '[', ']']).ok_or("a key is expected")?;
            (Cow::Borrowed(rest[..end].trim()), &rest[end..])
        };
        let after = after.trim_start().strip_prefix(':').ok_or("a colon is expected")?;
        if !seen.insert(key.clone()) {
            return Err("a key is there twice");
        }
        let (json, after) = value(after.trim_start(), Place::Flow, depth)?;
        entries.push((key, Placed::new(json, 0)));
        rest = next(after, '}')?;
    }
}

fn sequence(text: &str, depth: usize) -> Result<(Value<'_>, &str), Why> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(rest) = rest.strip_prefix(']') {
            return Ok((Value::Array(items), rest));
        }
        let (json, after) = value(rest, Place::Flow, depth)?;
        items.push(Placed::new(json, 0));
        rest = next(after, ']')?;
    }
}

/// Behind a comma, or at the end.
fn next(text: &str, end: char) -> Result<&str, Why> {
    let text = text.trim_start();
    match text.strip_prefix(',') {
        Some(rest) => Ok(rest.trim_start()),
        None if text.starts_with(end) => Ok(text),
        None => Err("a comma or the end of the value is expected"),
    }
}

fn plain(text: &str, place: Place) -> Result<(Value<'_>, &str), Why> {
    refuse_indicator(text)?;
    let comment = text.find(" #").unwrap_or(text.len());
    let flow = if place == Place::Flow {
        text.find([',', ']', '}', '{', '[']).unwrap_or(text.len())
    } else {
        text.len()
    };
    let end = comment.min(flow);
    let word = text[..end].trim_end();
    if place == Place::Block && word.contains(": ") {
        return Err("a key within a value");
    }
    let json = match word {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => Value::String(Cow::Borrowed(word)),
    };
    Ok((json, &text[end..]))
}

/// Marks that mean something else at the beginning of a plain scalar.
fn refuse_indicator(text: &str) -> Result<(), Why> {
    match text.as_bytes().first() {
        Some(b'&' | b'*' | b'!') => Err("anchors, aliases and tags are not read"),
        Some(b'@' | b'`' | b'%' | b'|' | b'>' | b'}' | b']' | b',') => {
            Err("a mark that begins no text")
        }
        _ => Ok(()),
    }
}

/// Text in quotes, and what stands behind them.
fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), Why> {
    const OPEN: Why = "the quotes are not closed";
    if let Some(inside) = text.strip_prefix('\'') {
        let mut word = Cow::Borrowed("");
        let mut rest = inside;
        loop {
            let end = rest.find('\'').ok_or(OPEN)?;
            if word.is_empty() {
                word = Cow::Borrowed(&rest[..end]);
            } else {
                word.to_mut().push_str(&rest[..end]);
            }
            rest = &rest[end + 1..];
            match rest.strip_prefix('\'') {
                Some(more) => {
                    word.to_mut().push('\'');
                    rest = more;
                }
                None => return Ok((word, rest)),
            }
        }
    }
    let inside = text.strip_prefix('"').ok_or(OPEN)?;
    let mut escaped = false;
    let end = inside.bytes().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        _ => byte == b'"',
    });
    let end = end.ok_or(OPEN)?;
    let word = if inside[..end].contains('\\') {
        // What both know of escapes is what managers use.
        let word = serde_json::from_str(&text[..end + 2]);
        Cow::Owned(word.map_err(|_| "an escape that is not known")?)
    } else {
        Cow::Borrowed(&inside[..end])
    };
    Ok((word, &inside[end + 1..]))
}
