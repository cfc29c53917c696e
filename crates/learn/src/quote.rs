//! Text as a TOML string that a reviewer can trust.
//!
//! Characters that cannot be seen, change the direction of reading or end a line are escaped: what a
//! program chose as a name must not hide in a diff.

use std::fmt::Write as _;

/// A basic string in quotes.
#[must_use]
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            ' '..='~' => quoted.push(character),
            _ if character.is_alphanumeric() => quoted.push(character),
            _ => {
                let code = u32::from(character);
                let _ = match code {
                    0..=0xffff => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_cannot_be_seen_is_escaped_and_reads_back_as_it_was() {
        let text = "a\"b\\c\u{202e}d\n\u{e9}\u{1f600}";
        assert_eq!(quoted(text), "\"a\\\"b\\\\c\\u202ed\\u000a\u{e9}\\U0001f600\"");
        let back: toml_edit::Value = quoted(text).parse().unwrap();
        assert_eq!(back.as_str(), Some(text));
    }
}
