//! Environment files (`.env` and its like): which variables they set, and which of them look secret.
//!
//! Read as Node's `--env-file` and dotenv read them: `NAME=value` lines, `export` in front, quotes
//! that may span lines, `#` comments. Values are kept redacted from the first moment. Whether a value
//! *is* a secret nobody can tell from its look: names and forms are judged, and what is missed here
//! is not protected by anything.

mod shape;

pub use shape::{Suspicion, suspicion, suspicion_of_file, suspicion_of_value};

use crate::json::Placed;
use ringfence_policy::redacted::Redacted;

/// Largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// Most variables that are taken from one file.
const MOST: usize = 2000;

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// What it is set to.
    pub value: Redacted<String>,
}

/// What an environment file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// In file order; a name that is set twice is there with its last value, as programs have it.
    pub variables: Vec<Variable>,
    /// Lines that set nothing.
    pub problems: Vec<Placed<String>>,
}

/// Reads an environment file; lines that are none are told and left out.
#[must_use]
pub fn parse(text: &str) -> Variables {
    let mut read = Variables::default();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let number = index + 1;
        let named = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = named.filter(|(name, _)| is_name(name)) else {
            // The line itself may be the rest of a secret.
            read.problems.push(Placed::new("no NAME=value".to_owned(), number));
            continue;
        };
        let Some(value) = quoted(value, &mut lines) else {
            read.problems.push(Placed::new("a quote is not closed".to_owned(), number));
            continue;
        };
        read.variables.retain(|known| known.name != name);
        if read.variables.len() == MOST {
            read.problems.push(Placed::new(format!("more than {MOST} variables"), number));
            break;
        }
        let (name, value) = (name.to_owned(), Redacted::new(value));
        read.variables.push(Variable { name, line: number, value });
    }
    read
}

/// A value without its quotes, which may take further lines; without them, up to a comment.
fn quoted<'a>(value: &str, lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Option<String> {
    let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\'' | '`')) else {
        return Some(value.split(" #").next().unwrap_or(value).trim_end().to_owned());
    };
    let mut inside = value.get(1..)?.to_owned();
    loop {
        if let Some(end) = inside.find(quote) {
            inside.truncate(end);
            return Some(inside);
        }
        let (_, next) = lines.next()?;
        inside.push('\n');
        inside.push_str(next);
    }
}

/// A name as shells have it.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= 255
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_programs_read_them() {
        let read = parse(
            "# c\nexport A=1\nB = \"x # y\" # z\nC='l1\nl2'\nD=v # c\n\nnope\nA=2\nE=\n1X=2\nF=\"open\n",
        );
        let told: Vec<_> = read
            .variables
            .iter()
            .map(|one| (one.name.as_str(), one.line, one.value.expose().as_str()))
            .collect();
        assert_eq!(
            told,
            [("B", 3, "x # y"), ("C", 4, "l1\nl2"), ("D", 6, "v"), ("A", 9, "2"), ("E", 10, "")]
        );
        let lines: Vec<_> = read.problems.iter().map(|one| one.line).collect();
        assert_eq!(lines, [8, 11, 12]);
    }

    #[test]
    fn a_value_is_in_no_debug_form_and_in_no_message() {
        let read = parse("TOKEN=hunter2\nhunter2\nX='hunter2\n");
        assert!(!format!("{read:?}").contains("hunter"), "{read:?}");
    }
}
