//! The beginning of refused input, with nothing in it that could be a value.

use std::fmt::Write as _;

/// Bytes of which a sample is made.
pub const SAMPLED: usize = 96;

/// What gives a text its shape. Everything else is part of a word.
const STRUCTURE: &[u8] = b"{}[]()<>\"',:;=&?/\\ ";

/// Words that name an attack or a shape, and are nobody's secret.
const KNOWN: [&str; 6] = ["__proto__", "constructor", "prototype", "true", "false", "null"];

/// The first [`SAMPLED`] bytes: words become `*`, whatever their length, because in refused input the
/// name of a field may as well be the secret; letters of other scripts and direction marks are words.
/// Marks of structure stay, control characters are told by number. It is printable ASCII.
#[must_use]
pub fn mask(input: &[u8]) -> String {
    let (head, rest) = input.split_at(input.len().min(SAMPLED));
    let mut text = String::with_capacity(head.len());
    let mut at = 0;
    while let Some(byte) = head.get(at) {
        let word = head[at..].iter().take_while(|byte| is_word(**byte)).count();
        if word > 0 {
            text.push_str(known(&head[at..at + word]).unwrap_or("*"));
        } else if STRUCTURE.contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "\\x{byte:02x}");
        }
        at += word.max(1);
    }
    if !rest.is_empty() {
        text.push_str("...");
    }
    text
}

/// Whether a byte is part of a word: visible ASCII that is no structure, and every byte of other
/// letters, so that a secret in another script is masked as well.
fn is_word(byte: u8) -> bool {
    byte >= 0x80 || (byte.is_ascii_graphic() && !STRUCTURE.contains(&byte))
}

fn known(word: &[u8]) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| known.as_bytes() == word)
}

/// A text in printable ASCII, with everything else told by number; at most so many characters of it.
pub(super) fn plain(text: &str, longest: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(longest));
    for (index, character) in text.chars().enumerate() {
        if index == longest {
            shown.push_str("...");
            break;
        }
        if matches!(character, ' '..='~') {
            shown.push(character);
        } else {
            let _ = write!(shown, "{}", character.escape_unicode());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_shows_the_shape_and_no_word() {
        for (input, sample) in [
            (&b"a=1&token=hunter2;x"[..], "*=*&*=*;*"),
            (b"{\"constructor\":{\"prototype\":null}}", "{\"constructor\":{\"prototype\":null}}"),
            (b"{\"constructors\":1.5e3}", "{\"*\":*}"),
            (b"x\r\nSet-Cookie: id=1\0", "*\\x0d\\x0a*: *=*\\x00"),
            ("пароль \u{202e}".as_bytes(), "* *"),
            (b"\x1b[2J", "\\x1b[*"),
            (b"", ""),
        ] {
            assert_eq!(mask(input), sample);
        }
        assert_eq!(mask(&[b'a'; 1000]), "*...");
    }
}
