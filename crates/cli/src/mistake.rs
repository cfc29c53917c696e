//! One mistake in a boundary, with its place when it has one.
//!
//! Two steps find mistakes: reading the file (a misspelt key) and holding it against this host (a
//! path that does not exist). Both look the same to whoever has to mend the file.

use ringfence_boundary::resolve::ResolveError;
use ringfence_policy::diagnostic::{Code, Diagnostic};
use ringfence_policy::display::untrusted;
use ringfence_policy::source::Source;
use serde::Serialize;
use std::error::Error;
use std::fmt::Write as _;

/// Code of everything that is right in itself and does not fit this host.
const UNRESOLVED: &str = "does-not-fit-this-host";

/// One mistake.
#[derive(Debug, Serialize)]
pub(crate) struct Mistake {
    code: &'static str,
    path: String,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    hint: Option<String>,
    /// Place, message, line with carets and hint, as people read it.
    #[serde(skip)]
    shown: String,
}

impl Mistake {
    /// The file does not fit this host.
    pub(crate) fn unresolved(error: &ResolveError, source: &Source<'_>, path: &str) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(below) = cause {
            let text = below.to_string();
            // Some errors say their cause themselves.
            if !message.ends_with(&text) {
                let _ = write!(message, ": {text}");
            }
            cause = below.source();
        }
        let hint = Some(error.hint());
        if error.span.is_empty() {
            let mut shown = untrusted(&message).to_string();
            if let Some(hint) = &hint {
                let _ = write!(shown, "\nhint: {}", untrusted(hint));
            }
            let path = path.to_owned();
            return Self { code: UNRESOLVED, path, line: None, column: None, message, hint, shown };
        }
        // The kind of a diagnostic is not part of how it looks.
        let placed = source.diagnostic(Code::BadPath, error.span.clone(), message, hint);
        Self { code: UNRESOLVED, ..Self::from(placed) }
    }

    /// One line: the place and what is wrong.
    pub(crate) fn summary(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => {
                format!("{}:{line}:{column}: {}", self.path, self.message)
            }
            _ => self.message.clone(),
        }
    }

    /// All of it, as people read it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }
}

impl From<Diagnostic> for Mistake {
    fn from(diagnostic: Diagnostic) -> Self {
        let shown = diagnostic.to_string();
        let Diagnostic { code, path, line, column, message, hint, .. } = diagnostic;
        let (line, column) = (Some(line), Some(column));
        Self { code: code.id(), path, line, column, message, hint, shown }
    }
}
