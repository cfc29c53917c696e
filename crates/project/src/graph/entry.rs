//! What readers of all forms share: entries of an object, texts and ranges in them, and names with what
//! stands behind their `@`.

use super::GraphError;
use crate::json::{Placed, Value};
use std::borrow::Cow;

/// Entries of an object.
pub(super) type Entries<'a> = [Entry<'a>];

/// One of them.
pub(super) type Entry<'a> = (Cow<'a, str>, Placed<Value<'a>>);

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
pub(super) fn string(entry: &Value<'_>, key: &str) -> Result<Option<String>, GraphError> {
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

/// A string; nothing where it is anything else.
pub(super) fn text_of(entry: &Value<'_>, key: &str) -> Option<String> {
    entry.key(key).and_then(|placed| placed.value.as_str()).map(str::to_owned)
}

pub(super) fn is_true(entry: &Value<'_>, key: &str) -> bool {
    entry.key(key).is_some_and(|placed| placed.value == Value::Boolean(true))
}

/// A list of words, or one word.
pub(super) fn words(entry: &Value<'_>, key: &str) -> Vec<String> {
    let Some(placed) = entry.key(key) else { return Vec::new() };
    let one = placed.value.as_str().into_iter();
    let many = placed.value.items().iter().filter_map(|item| item.value.as_str());
    one.chain(many).map(str::to_owned).collect()
}

/// What stands before and behind the first `@` that is not the mark of a scope.
pub(super) fn split_at(text: &str) -> Option<(&str, &str)> {
    let at = text.char_indices().skip(1).find(|(_, mark)| *mark == '@').map(|(at, _)| at)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The name that is really asked for by `npm:name@range`, and the range.
pub(super) fn alias(range: &str) -> Option<(&str, &str)> {
    let rest = range.strip_prefix("npm:")?;
    Some(split_at(rest).unwrap_or((rest, "")))
}
