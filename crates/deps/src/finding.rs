//! What a reviewer should look at, and how much it matters.

pub use ringfence_policy::dependencies::Severity;
use serde::Serialize;

/// What a reviewer should look at. Texts of packages in it are not escaped: whoever shows them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// `name@version` of what it is about; the lockfile itself where that is empty.
    pub package: String,
    /// The line of the newer lockfile, counted from 1.
    pub line: usize,
    /// What was seen: lower case, no period.
    pub message: String,
    /// Who brings the package in: a path from the project, `name@version` each, the package last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// What a reviewer should ask (the manual's question where it has one).
    pub question: &'static str,
}
