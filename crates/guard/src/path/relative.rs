//! What a path below a folder may look like.

use super::PathError;
use std::fmt;
use std::path::Path;
use unicode_normalization::is_nfc;

/// Longest path in bytes.
pub const LONGEST_PATH: usize = 1024;
/// Longest name between two slashes in bytes.
pub const LONGEST_NAME: usize = 255;

/// Names that Windows gives to devices, whatever follows after a dot. `com` and `lpt` are also followed
/// by a digit that is raised.
const DEVICES: [&str; 30] = [
    "aux",
    "com1",
    "com2",
    "com3",
    "com4",
    "com5",
    "com6",
    "com7",
    "com8",
    "com9",
    "com\u{b9}",
    "com\u{b2}",
    "com\u{b3}",
    "con",
    "conin$",
    "conout$",
    "lpt1",
    "lpt2",
    "lpt3",
    "lpt4",
    "lpt5",
    "lpt6",
    "lpt7",
    "lpt8",
    "lpt9",
    "lpt\u{b9}",
    "lpt\u{b2}",
    "lpt\u{b3}",
    "nul",
    "prn",
];

/// A path below some folder: names with `/` between them, none of them `.` or `..`.
///
/// It is the same path on every system, so what is accepted here and stored cannot mean something
/// else where it is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(String);

impl RelativePath {
    /// Reads what a user wrote.
    ///
    /// # Errors
    /// [`PathError::Refused`] with the reason; the text is not in it.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let refuse = |why| Err(PathError::Refused(why));
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.len() > LONGEST_PATH {
            return refuse("it is longer than 1024 bytes");
        }
        // Most paths are usual, and cost an open least when one look is enough.
        if text.as_bytes().split(|byte| *byte == b'/').all(is_usual) {
            return Ok(Self(text.to_owned()));
        }
        if text.contains('\0') {
            return refuse("it holds a NUL");
        }
        if text.starts_with('/') {
            return refuse("it is absolute");
        }
        check_letters(text)?;
        text.split('/').try_for_each(check_name)?;
        Ok(Self(text.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its names, the outermost folder first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names that need no second look: letters, digits, `-`, `_` and dots between them, and another length
/// before the first dot, or another first letter, than a device's.
fn is_usual(name: &[u8]) -> bool {
    let stem = name.iter().position(|byte| *byte == b'.').unwrap_or(name.len());
    let begins = name.first().is_some_and(|byte| b"aclnp".contains(&byte.to_ascii_lowercase()));
    (1..=LONGEST_NAME).contains(&name.len())
        && stem > 0
        && !(matches!(stem, 3 | 4) && begins)
        && name.last() != Some(&b'.')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte))
}

fn check_letters(text: &str) -> Result<(), PathError> {
    let refuse = |why| Err(PathError::Refused(why));
    if text.contains('\\') {
        return refuse("it holds a backslash");
    }
    if text.chars().any(is_unseen) {
        return refuse("it holds a control or invisible character");
    }
    if !is_nfc(text) {
        return refuse("it is not in Unicode's composed form (NFC)");
    }
    if text.contains([':', '*', '?', '"', '<', '>', '|']) {
        return refuse("it holds a character that names a drive, a stream or a pattern");
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), PathError> {
    let refuse = |why| Err(PathError::Refused(why));
    match name {
        "" => return refuse("it holds an empty name"),
        "." => return refuse("it holds `.`"),
        ".." => return refuse("it holds `..`"),
        _ => {}
    }
    if name.len() > LONGEST_NAME {
        return refuse("it holds a name longer than 255 bytes");
    }
    if name.ends_with(['.', ' ']) || name.starts_with(' ') {
        return refuse("a name in it ends with a dot or begins or ends with a space");
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let short = matches!(stem.len(), 3..=7);
    if short && DEVICES.iter().any(|device| device.eq_ignore_ascii_case(stem)) {
        return refuse("a name in it is that of a device");
    }
    Ok(())
}

/// Characters that are not seen and change how a text is read: controls, all that Unicode says are shown
/// as nothing (directions, joiners, fillers, selectors, tags, marks of byte order), and letters that
/// only look like slashes and dots.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2024}'..='\u{2026}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2044}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2215}'
                | '\u{29f8}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{fe52}'
                | '\u{feff}'
                | '\u{ff0e}'
                | '\u{ff0f}'
                | '\u{ff3c}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_name_is_one_that_the_longer_look_accepts_too() {
        let long = "n".repeat(LONGEST_NAME);
        let longer = "n".repeat(LONGEST_NAME + 1);
        for name in [
            "a",
            "order-17.json",
            "_x",
            "a..b",
            "con",
            "CON.txt",
            "com1",
            "nul.",
            "a.",
            ".",
            "..",
            "",
            ".a",
            "a b",
            "a:b",
            "ä",
            "a\\b",
            &long,
            &longer,
        ] {
            let accepted = check_letters(name).and_then(|()| check_name(name)).is_ok();
            assert!(accepted || !is_usual(name.as_bytes()), "{name}");
        }
        assert!(is_usual(b"order-17.json") && is_usual(b"2026") && is_usual(long.as_bytes()));
        for device in DEVICES {
            assert!(!is_usual(device.as_bytes()) && !is_usual(device.to_uppercase().as_bytes()));
        }
    }

    #[test]
    fn usual_paths_are_accepted_as_they_are() {
        for text in
            ["a", "a/b.txt", ".hidden", "ä/ö/ü", "a..b", "...a", "console", "a b", "日本/写真.jpg"]
        {
            assert_eq!(RelativePath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn everything_that_could_lead_elsewhere_is_refused_with_its_reason() {
        let refused = [
            "",
            "/",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a/..",
            "..",
            ".",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "a\0b",
            "..\\x",
            "a\\b",
            "C:\\x",
            "C:x",
            "c:/x",
            "\\\\server\\share",
            "//server/share",
            "nul",
            "NUL.txt",
            "a/con",
            "com1.log",
            "aux ",
            "a.",
            "a ",
            " a",
            "a. /b",
            "file:stream",
            "a*",
            "a?",
            "a|b",
            "a\nb",
            "a\u{202e}txt.exe",
            "a\u{200b}",
            "\u{feff}a",
            "a\u{2215}b",
            "\u{ff0e}\u{ff0e}/x",
            "..\u{ff0f}x",
            "e\u{301}",
            "\u{2024}\u{2024}/x",
            "COM\u{b9}.log",
            "lpt\u{b3}",
            "conin$",
            "a/CONOUT$.txt",
            "a\u{e0041}",
            "a\u{fe0f}",
            "\u{3164}",
            "a\u{206f}",
            "a\u{34f}",
        ];
        for text in refused {
            let error = RelativePath::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("path escapes or is not portable: "), "{text:?}: {error}");
        }
        RelativePath::parse(&"a".repeat(256)).unwrap_err();
        RelativePath::parse(&"a/".repeat(600)).unwrap_err();
    }
}
