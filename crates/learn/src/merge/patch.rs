//! Insertions into a text, made all at once so that places stay what they are.

use std::ops::Range;

/// Changes of a text.
#[derive(Debug)]
pub(super) struct Patch<'t> {
    text: &'t str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'t> Patch<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, edits: Vec::new() }
    }

    pub(super) const fn text(&self) -> &'t str {
        self.text
    }

    /// The line end of the text.
    pub(super) fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// Puts lines, without their ends, before the byte `at`, which begins a line or ends the text.
    pub(super) fn lines(&mut self, at: usize, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let newline = self.newline();
        let torn = at > 0 && !self.text[..at].ends_with('\n');
        let mut text = if torn { newline.to_owned() } else { String::new() };
        for line in lines {
            text.push_str(line);
            text.push_str(newline);
        }
        self.edits.push((at..at, text));
    }

    pub(super) fn replace(&mut self, at: Range<usize>, by: impl Into<String>) {
        self.edits.push((at, by.into()));
    }

    /// The byte at which the line of `at` begins.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The byte after the end of the line of `at`.
    pub(super) fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline + 1)
    }

    /// White space at the begin of the line of `at`.
    pub(super) fn indent(&self, at: usize) -> &'t str {
        let line = &self.text[self.line_start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// The text with everything done; insertions at one place stay in their order.
    pub(super) fn apply(mut self) -> String {
        self.edits.sort_by_key(|(at, _)| at.start);
        let mut changed = String::with_capacity(self.text.len() + 1024);
        let mut done = 0;
        for (at, by) in self.edits {
            changed.push_str(&self.text[done..at.start]);
            changed.push_str(&by);
            done = at.end;
        }
        changed.push_str(&self.text[done..]);
        changed
    }
}
