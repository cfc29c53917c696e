//! What lies in a file that is of another kind.
//!
//! A picture can also be a page, an archive or a document, for a reader that looks for those. The search
//! is for the marks that such readers look for, over all of the file and across pieces. It finds what
//! lies in plain bytes: a script inside a compressed part is seen by no reader that guesses either.

use super::Kind;
use super::kind::is_control;
use std::fmt;

/// Something remarkable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Markup or script, which a browser that guesses would run.
    Script,
    /// The end of a zip, where a reader of zips looks for it.
    Archive,
    /// A PDF, where a reader of those looks for it.
    Document,
    /// A PDF that does something when it is opened, as far as that is not compressed.
    Active,
}

impl Note {
    /// Whether it is content of another kind.
    #[must_use]
    pub const fn is_hidden(self) -> bool {
        !matches!(self, Self::Active)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Script => "markup or script",
            Self::Archive => "an archive",
            Self::Document => "a document",
            Self::Active => "actions",
        })
    }
}

/// The marks, in lower case, with what they are of.
const MARKS: [(&[u8], Note); 15] = [
    (b"<!doctype html", Note::Script),
    (b"<html", Note::Script),
    (b"<script", Note::Script),
    (b"<iframe", Note::Script),
    (b"<svg", Note::Script),
    (b"<?php", Note::Script),
    (b"<%@", Note::Script),
    (b"javascript:", Note::Script),
    (b"pk\x05\x06", Note::Archive),
    (b"%pdf-", Note::Document),
    (b"/javascript", Note::Active),
    (b"/launch", Note::Active),
    (b"/openaction", Note::Active),
    (b"/embeddedfile", Note::Active),
    (b"/aa", Note::Active),
];
/// Longest mark.
const LONGEST: usize = 14;
/// How far from the end a reader of zips looks for the end of one, and how far from the beginning a
/// reader of documents looks for that of one.
const FROM_END: u64 = 22 + 0xffff;
const FROM_START: u64 = 1024;

/// A search under way.
pub(super) struct Search {
    kind: Kind,
    /// Bytes before the piece.
    before: u64,
    /// The last bytes of the piece before, in lower case.
    tail: Vec<u8>,
    notes: Vec<Note>,
    /// Where the last end of a zip was.
    archive: Option<u64>,
    /// A letter that is cut between two pieces.
    letter: Vec<u8>,
    broken: bool,
}

/// A text that is none.
#[derive(Debug)]
pub(super) struct NoText;

impl Search {
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            before: 0,
            tail: Vec::new(),
            notes: Vec::new(),
            archive: None,
            letter: Vec::new(),
            broken: false,
        }
    }

    /// Looks at the next piece.
    pub(super) fn look(&mut self, piece: &[u8]) {
        if self.kind.is_text() {
            self.read(piece);
        } else if self.kind.is_media() || self.kind == Kind::Pdf {
            self.search(piece);
        }
        self.before += piece.len() as u64;
    }

    /// What was found in all of it.
    pub(super) fn finish(mut self) -> Result<Vec<Note>, NoText> {
        if self.broken || !self.letter.is_empty() {
            return Err(NoText);
        }
        if self.archive.is_some_and(|at| self.before - at <= FROM_END) {
            self.note(Note::Archive);
        }
        Ok(self.notes)
    }

    fn note(&mut self, note: Note) {
        let counts = if self.kind == Kind::Pdf { note != Note::Document } else { note.is_hidden() };
        if counts && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn search(&mut self, piece: &[u8]) {
        let mut text = std::mem::take(&mut self.tail);
        let start = self.before - text.len() as u64;
        text.extend(piece.iter().map(u8::to_ascii_lowercase));
        for (index, _) in text.iter().enumerate().filter(|(_, byte)| b"<j%p/".contains(byte)) {
            let here = text.get(index..).unwrap_or_default();
            let at = start + index as u64;
            for (mark, note) in MARKS {
                match note {
                    _ if !here.starts_with(mark) => {}
                    Note::Archive => self.archive = Some(at),
                    Note::Document if at >= FROM_START => {}
                    // In a PDF, addresses of scripts are actions like any other.
                    Note::Script if self.kind == Kind::Pdf => self.note(Note::Active),
                    note => self.note(note),
                }
            }
        }
        self.tail = text.split_off(text.len().saturating_sub(LONGEST - 1));
    }

    /// A text is UTF-8 to its end, without control characters.
    fn read(&mut self, piece: &[u8]) {
        let mut text = std::mem::take(&mut self.letter);
        text.extend_from_slice(piece);
        self.broken |= text.iter().any(|byte| is_control(*byte));
        if let Err(error) = std::str::from_utf8(&text) {
            self.broken |= error.error_len().is_some();
            self.letter = text.split_off(error.valid_up_to());
        }
    }
}
