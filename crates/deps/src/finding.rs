//! What a reviewer should look at, and how much it matters.

use serde::Serialize;

/// How much it matters, in the words of `npm audit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, no more.
    Info,
    /// Look at it when there is time.
    Low,
    /// Look at it before the change is taken.
    Moderate,
    /// Do not take the change before somebody answered the question.
    High,
    /// Do not install it.
    Critical,
}

impl Severity {
    /// All, the least first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Moderate, Self::High, Self::Critical];

    /// As it is written.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a reviewer should look at. Texts of packages in it are not escaped: whoever shows them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// `name@version` of what it is about; the lockfile itself where that is empty.
    pub package: String,
    /// The line of the newer lockfile, counted from 1; of the older one where the package is gone.
    pub line: usize,
    /// What was seen: lower case, no period.
    pub message: String,
    /// Who brings the package in: a path from the project, `name@version` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// What a reviewer should ask (the manual's question where it has one).
    pub question: &'static str,
}
