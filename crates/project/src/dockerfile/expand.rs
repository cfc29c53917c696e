//! Variables of a Dockerfile: `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`.

use super::Text;
use std::collections::BTreeMap;

/// Variables in one word that are followed; one can stand inside another.
const DEEPEST: usize = 64;

/// What is known of names at one place of the file; `None` is a value that only the build knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(BTreeMap<String, Option<String>>);

impl Names {
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.0.insert(name.to_owned(), value);
    }

    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned().flatten()
    }

    /// A word as written and as it comes out.
    pub(super) fn text(&self, written: &str) -> Text {
        let readable = written.matches("${").count() <= DEEPEST;
        let value = readable.then(|| self.expand(written)).flatten();
        Text { written: written.to_owned(), value }
    }

    fn expand(&self, written: &str) -> Option<String> {
        let mut value = String::with_capacity(written.len());
        let mut rest = written;
        while let Some(at) = rest.find(['$', '\\']) {
            value.push_str(rest.get(..at)?);
            let behind = rest.get(at + 1..)?;
            if rest.get(at..)?.starts_with('\\') {
                let mut characters = behind.chars();
                // A backslash before anything but a dollar sign stays.
                if !behind.starts_with('$') {
                    value.push('\\');
                }
                value.extend(characters.next());
                rest = characters.as_str();
                continue;
            }
            let (replaced, left) = self.variable(behind)?;
            value.push_str(&replaced);
            rest = left;
        }
        value.push_str(rest);
        Some(value)
    }

    /// What stands behind a dollar sign: its value, and the text behind it.
    fn variable<'a>(&self, text: &'a str) -> Option<(String, &'a str)> {
        if let Some(braced) = text.strip_prefix('{') {
            let end = closing(braced)?;
            let (inside, left) = (braced.get(..end)?, braced.get(end + 1..)?);
            let name = inside.get(..name_length(inside))?;
            let operator = inside.get(name.len()..)?;
            let value = self.braced(name, operator)?;
            return Some((value, left));
        }
        let length = name_length(text);
        if length == 0 {
            return Some(("$".to_owned(), text));
        }
        Some((self.value(text.get(..length)?)?, text.get(length..)?))
    }

    fn braced(&self, name: &str, operator: &str) -> Option<String> {
        if operator.is_empty() {
            return self.value(name);
        }
        let known = self.0.contains_key(name);
        let colon = operator.starts_with(':');
        let operator = operator.trim_start_matches(':');
        let other = self.expand(operator.get(1..)?)?;
        let value = self.value(name);
        match (operator.chars().next()?, value) {
            // An argument without a default may get one at the build.
            ('-' | '+', None) if known => None,
            ('-', Some(value)) if !(colon && value.is_empty()) => Some(value),
            ('-', _) => Some(other),
            ('+', Some(value)) if !(colon && value.is_empty()) => Some(other),
            ('+', _) => Some(String::new()),
            ('?', Some(value)) => Some(value),
            _ => None,
        }
    }
}

fn name_length(text: &str) -> usize {
    let digit_first = text.starts_with(|c: char| c.is_ascii_digit());
    if digit_first {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}
