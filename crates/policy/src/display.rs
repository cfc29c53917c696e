//! Text from a hostile source, made safe to show.
//!
//! A service chooses the names it looks up and the paths it opens, and a pull request chooses what
//! a boundary file says. Shown raw, such text can move the cursor, reverse the reading direction or
//! pass for another name. Everything but printable ASCII is therefore escaped as `\u{..}`. What is
//! printable ASCII is shown as it is: this does not defend against a name that lies in plain letters.

use std::fmt::{self, Write as _};

/// Longest value quoted in a message, in characters.
const QUOTED: usize = 80;

/// `text` with control, direction, zero-width and all other non-ASCII characters escaped.
#[must_use]
pub fn untrusted(text: &str) -> impl fmt::Display + '_ {
    Untrusted { text, limit: usize::MAX }
}

/// The same, cut after 80 characters: for one value inside a message.
#[must_use]
pub fn quoted(text: &str) -> impl fmt::Display + '_ {
    Untrusted { text, limit: QUOTED }
}

struct Untrusted<'a> {
    text: &'a str,
    limit: usize,
}

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, character) in self.text.chars().enumerate() {
            if index == self.limit {
                return f.write_str("...");
            }
            if is_plain(character) {
                f.write_char(character)?;
            } else {
                write!(f, "{}", character.escape_unicode())?;
            }
        }
        Ok(())
    }
}

/// Printable ASCII, the only characters shown as they are.
pub(crate) const fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~')
}

/// A document of JSON with everything but printable ASCII in its texts as `\uXXXX` (RFC 8259, section 7):
/// it says the same, and whoever looks at it in a terminal sees what is there.
#[must_use]
pub fn ascii_json(document: String) -> String {
    let is_raw = |character: char| !character.is_ascii() || character == '\u{7f}';
    if !document.contains(is_raw) {
        return document;
    }
    let mut text = String::with_capacity(document.len() + document.len() / 8);
    for character in document.chars() {
        if is_raw(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// Bytes in lower-case hexadecimal, as hashes are written.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_printable_ascii_is_shown_raw() {
        for code in 0..=0x0010_FFFF_u32 {
            let Some(character) = char::from_u32(code) else { continue };
            let shown = untrusted(&character.to_string()).to_string();
            assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{code:x}");
        }
    }

    #[test]
    fn direction_zero_width_and_look_alike_characters_are_named() {
        insta::assert_snapshot!(
            untrusted("p\u{430}ypal\u{202e}gpj\u{200b}\x1b[2J\0.exe"),
            @r"p\u{430}ypal\u{202e}gpj\u{200b}\u{1b}[2J\u{0}.exe"
        );
    }

    #[test]
    fn json_says_the_same_in_ascii_alone() {
        let every: String = (0..=0x0010_FFFF_u32).filter_map(char::from_u32).collect();
        let text = ascii_json(serde_json::to_string_pretty(&[&every]).unwrap());
        assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [every]);
        insta::assert_snapshot!(
            ascii_json("\"a\u{202e}\u{1f600}\u{7f}\"".to_owned()),
            @r#""a\u202e\ud83d\ude00\u007f""#
        );
    }

    #[test]
    fn a_quoted_value_is_cut() {
        assert_eq!(quoted(&"a".repeat(200)).to_string(), format!("{}...", "a".repeat(80)));
        assert_eq!(quoted(&"a".repeat(80)).to_string(), "a".repeat(80));
    }
}
