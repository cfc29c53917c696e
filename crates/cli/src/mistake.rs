//! One mistake in a boundary, with its place when it has one.
//!
//! Two steps find mistakes: reading the file (a misspelt key) and holding it against this host (a
//! path that does not exist). Both look the same to whoever has to mend the file.

use ringfence_policy::diagnostic::{Code, Diagnostic};
use ringfence_policy::display::untrusted;
use ringfence_policy::source::Source;
use serde::Serialize;
use std::ops::Range;

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
    /// A mistake at `place` of the file, or of the command line where there is none.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "hosts are asked on Linux"))]
    pub(crate) fn new(
        code: &'static str,
        source: &Source<'_>,
        path: &str,
        place: Option<Range<usize>>,
        message: String,
        hint: String,
    ) -> Self {
        if let Some(place) = place {
            // The kind of a diagnostic is not part of how it looks.
            let placed = source.diagnostic(Code::BadPath, place, message, Some(hint));
            return Self { code, ..Self::from(placed) };
        }
        let shown = format!("{}\nhint: {}", untrusted(&message), untrusted(&hint));
        let (path, hint) = (path.to_owned(), Some(hint));
        Self { code, path, line: None, column: None, message, hint, shown }
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

    /// Its line and what is wrong there.
    pub(crate) fn place(&self) -> Option<(usize, String)> {
        self.line.map(|line| (line, self.message.clone()))
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
