//! The text of a boundary file and places in it.
//!
//! Spans are byte ranges, as the TOML reader gives them; lines and columns are computed only when
//! something has to be shown, so a file without mistakes never pays for them.

use crate::diagnostic::{Code, Diagnostic, Excerpt};
use std::ops::Range;

/// A value and the bytes of the file it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Byte range in the file; empty for defaults.
    pub span: Range<usize>,
}

impl<T> Located<T> {
    /// A value read at `span`.
    pub const fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), span: self.span }
    }
}

/// A boundary file: its name in messages and its text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    path: &'a str,
    text: &'a str,
}

impl<'a> Source<'a> {
    /// The file `path` (as it is named in messages) with this text.
    #[must_use]
    pub const fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text }
    }

    /// The text.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Line and column of a byte, both counted from 1; columns count characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let before = &self.text[..offset];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }

    /// A diagnostic at a span of this file, with the source line under it.
    ///
    /// `message` is lower case without a trailing period; `hint` says what to do.
    #[must_use]
    pub fn diagnostic(
        &self,
        code: Code,
        span: Range<usize>,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        let (line, column) = self.position(span.start);
        let excerpt = Excerpt::of(self.text, &span);
        Diagnostic { code, path: self.path.to_owned(), span, line, column, message, hint, excerpt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source::new("f", "a\nüb\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(2), (2, 1));
        assert_eq!(source.position(4), (2, 2));
        assert_eq!(source.position(3), (2, 1), "inside a character is its start");
        assert_eq!(source.position(6), (3, 1));
        assert_eq!(source.position(999), (3, 1), "past the end is the end");
    }
}
