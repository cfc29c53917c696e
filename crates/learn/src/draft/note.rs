//! What a person should know about a draft, or decide.

use serde::Serialize;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something was used that no grant can or should give.
    Finding,
    /// Something could be done better than the grant does it.
    Hint,
}

/// One sentence, and lines that could be written for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// How much it matters.
    pub severity: Severity,
    /// Stable, kebab-case.
    pub code: &'static str,
    /// Lower case, no period; text of the program in it is escaped when it is shown.
    pub text: String,
    /// Lines for the boundary file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

impl Note {
    pub(super) fn finding(code: &'static str, text: impl Into<String>) -> Self {
        Self { severity: Severity::Finding, code, text: text.into(), lines: Vec::new() }
    }

    pub(super) fn hint(code: &'static str, text: impl Into<String>) -> Self {
        Self { severity: Severity::Hint, code, text: text.into(), lines: Vec::new() }
    }

    pub(super) fn with(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    pub(super) fn order(&self) -> (Severity, &'static str, &str) {
        (self.severity, self.code, &self.text)
    }
}
