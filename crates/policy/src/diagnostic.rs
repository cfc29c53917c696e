//! What is wrong with a boundary file, where, and what to write instead.
//!
//! A diagnostic carries the source line itself, so that it can be shown long after the text is
//! gone. Lines come from a file that a stranger may have written: they are escaped and cut.

use crate::display;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::ops::Range;

/// The kind of a mistake; ids are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// A native addon's name or hash cannot be right.
    BadAddon,
    /// Not a literal address.
    BadAddress,
    /// Not a day of the calendar.
    BadDate,
    /// A delivery with a key it has no use for, or without one it needs.
    BadDelivery,
    /// Not a duration.
    BadDuration,
    /// A program that cannot be granted.
    BadExecutable,
    /// Not a host name, address or range.
    BadHost,
    /// Not a user or group.
    BadIdentity,
    /// Not a layer.
    BadLayer,
    /// Not the permission bits of a secret.
    BadMode,
    /// Not a name.
    BadName,
    /// A number out of range.
    BadNumber,
    /// Not a path that can be granted.
    BadPath,
    /// Not the name of an npm package or scope.
    BadPackage,
    /// Not a port or range of ports.
    BadPort,
    /// Not a source of secrets.
    BadSecretSource,
    /// Not a severity.
    BadSeverity,
    /// Not a signal that can stop a service.
    BadSignal,
    /// Not a size.
    BadSize,
    /// Not an argument vector.
    BadStart,
    /// Not the name or value of an environment variable.
    BadVariable,
    /// Not a range of versions.
    BadVersionRange,
    /// Several entries in one string.
    CommaList,
    /// A character that no value here may hold.
    ControlCharacter,
    /// The same thing twice.
    Duplicate,
    /// A cloud metadata service, which is never granted.
    MetadataAddress,
    /// Something that must be there.
    MissingKey,
    /// A host without a port.
    MissingPort,
    /// An environment variable that loads code or switches verification off.
    RefusedVariable,
    /// A section that has no meaning yet.
    ReservedSection,
    /// Not TOML.
    Syntax,
    /// The file is too large.
    TooLarge,
    /// There are more mistakes than are shown.
    TooMany,
    /// Not the code of a finding.
    UnknownCode,
    /// A key that has no meaning here.
    UnknownKey,
    /// A section that has no meaning.
    UnknownSection,
    /// A version of the file that this ringfence does not know.
    UnsupportedSchema,
    /// A URL where host and port belong.
    Url,
    /// A wildcard where none is possible.
    Wildcard,
    /// Another type than the key has.
    WrongType,
}

impl Code {
    /// The id used in output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::BadAddon => "bad-addon",
            Self::BadAddress => "bad-address",
            Self::BadDate => "bad-date",
            Self::BadDelivery => "bad-delivery",
            Self::BadDuration => "bad-duration",
            Self::BadExecutable => "bad-executable",
            Self::BadHost => "bad-host",
            Self::BadIdentity => "bad-identity",
            Self::BadLayer => "bad-layer",
            Self::BadMode => "bad-mode",
            Self::BadName => "bad-name",
            Self::BadNumber => "bad-number",
            Self::BadPackage => "bad-package",
            Self::BadPath => "bad-path",
            Self::BadPort => "bad-port",
            Self::BadSecretSource => "bad-secret-source",
            Self::BadSeverity => "bad-severity",
            Self::BadSignal => "bad-signal",
            Self::BadSize => "bad-size",
            Self::BadStart => "bad-start",
            Self::BadVariable => "bad-variable",
            Self::BadVersionRange => "bad-version-range",
            Self::CommaList => "comma-list",
            Self::ControlCharacter => "control-character",
            Self::Duplicate => "duplicate",
            Self::MetadataAddress => "metadata-address",
            Self::MissingKey => "missing-key",
            Self::MissingPort => "missing-port",
            Self::RefusedVariable => "refused-variable",
            Self::ReservedSection => "reserved-section",
            Self::Syntax => "syntax",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many",
            Self::UnknownCode => "unknown-code",
            Self::UnknownKey => "unknown-key",
            Self::UnknownSection => "unknown-section",
            Self::UnsupportedSchema => "unsupported-schema",
            Self::Url => "url",
            Self::Wildcard => "wildcard",
            Self::WrongType => "wrong-type",
        }
    }
}

/// One mistake in a boundary file.
///
/// `Display` is the whole report of it: place, message, source line with carets, hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Kind of mistake.
    pub code: Code,
    /// The file, as it was named by the caller.
    pub path: String,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong: lower case, no trailing period.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The source line.
    #[serde(skip)]
    pub(crate) excerpt: Excerpt,
}

impl Diagnostic {
    /// The same without the source line, for a line that may hold a secret.
    #[must_use]
    pub(crate) fn without_excerpt(mut self) -> Self {
        self.excerpt = Excerpt::default();
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, message, .. } = self;
        write!(f, "{}:{line}:{column}: {message}", display::untrusted(path))?;
        if !self.excerpt.text.is_empty() {
            let gutter = " ".repeat(line.to_string().len());
            let indent = " ".repeat(self.excerpt.indent);
            let carets = "^".repeat(self.excerpt.carets);
            write!(f, "\n{gutter} |\n{line} | {}", self.excerpt.text)?;
            write!(f, "\n{gutter} | {indent}{carets}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// One source line, escaped, and where the carets go under it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Excerpt {
    text: String,
    indent: usize,
    carets: usize,
}

impl Excerpt {
    /// Characters kept before the span of a long line.
    const BEFORE: usize = 50;
    /// Longest excerpt, in characters of the source.
    const LENGTH: usize = 100;

    /// The line that holds the start of `span`.
    pub(crate) fn of(text: &str, span: &Range<usize>) -> Self {
        let from = text.floor_char_boundary(span.start);
        let to = text.floor_char_boundary(span.end.max(span.start));
        let start = text[..from].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[from..].find('\n').map_or(text.len(), |newline| from + newline);
        let line = text[start..end].trim_end_matches('\r');
        let before = text[start..from].chars().count();
        let cut = if line.chars().count() > Self::LENGTH {
            before.saturating_sub(Self::BEFORE)
        } else {
            0
        };
        let mut excerpt = Self::default();
        if cut > 0 {
            excerpt.text.push_str("...");
            excerpt.indent = 3;
        }
        for (offset, character) in line.char_indices().skip(cut).take(Self::LENGTH) {
            let length = excerpt.text.len();
            excerpt.push(character);
            let width = excerpt.text.len() - length;
            if start + offset < from {
                excerpt.indent += width;
            } else if start + offset < to {
                excerpt.carets += width;
            }
        }
        excerpt.carets = excerpt.carets.max(1);
        excerpt
    }

    fn push(&mut self, character: char) {
        match character {
            '\t' => self.text.push(' '),
            character if display::is_plain(character) => self.text.push(character),
            // Writing to a string cannot fail.
            character => drop(write!(self.text, "{}", character.escape_unicode())),
        }
    }
}

/// A mistake in one value, before it is known where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// The line may hold a secret: it is not shown.
    pub(crate) hide: bool,
}

impl Problem {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, hide: false }
    }

    /// `what: value`, the value made safe to show.
    pub(crate) fn with_value(code: Code, what: &str, value: &str) -> Self {
        let value = if value.is_empty() { "it is empty" } else { value };
        Self::new(code, format!("{what}: {}", display::quoted(value)))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn hidden(mut self) -> Self {
        self.hide = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn shown(text: &str, span: Range<usize>) -> String {
        Source::new("r.toml", text)
            .diagnostic(Code::Syntax, span, "wrong".to_owned(), Some("write it".to_owned()))
            .to_string()
    }

    #[test]
    fn a_diagnostic_shows_place_line_carets_and_hint() {
        insta::assert_snapshot!(shown("a = 1\r\nbc = [\"x\"]\r\n", 13..16), @r#"
        r.toml:2:7: wrong
          |
        2 | bc = ["x"]
          |       ^^^
        hint: write it
        "#);
    }

    #[test]
    fn carets_stand_under_escaped_text() {
        insta::assert_snapshot!(shown("\t\u{202e}a = \u{1b}", 8..9), @r"
        r.toml:1:7: wrong
          |
        1 |  \u{202e}a = \u{1b}
          |              ^^^^^^
        hint: write it
        ");
    }

    #[test]
    fn a_long_line_is_cut_around_the_mistake() {
        let text = format!("x = [{}]", "\"aaaa\", ".repeat(1000));
        let shown = shown(&text, 405..411);
        assert!(shown.lines().all(|line| line.len() < 120), "{shown}");
        assert!(shown.contains("^^^^^^\n"));
    }

    #[test]
    fn ids_are_the_serialised_names() {
        for code in [Code::BadAddon, Code::CommaList, Code::Url, Code::WrongType, Code::TooMany] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.id()));
        }
    }
}
