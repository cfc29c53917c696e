//! Why a lockfile is not understood.

use crate::json::JsonError;
use ringfence_policy::display::quoted;

/// Why a lockfile is not understood. Texts of the file are shown escaped and shortened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// It has the marks of a merge that nobody finished.
    #[error("line {line}: the marks of an unfinished merge are in it")]
    Conflict {
        /// Counted from 1.
        line: usize,
    },
    /// No package is in it: not clean, but not read.
    #[error("no package is in it")]
    Empty,
    /// A manifest beside it is not understood.
    #[error("{}/package.json: line {line}: {message}", if folder.is_empty() { "." } else { folder })]
    Manifest {
        /// Its folder below the lockfile's.
        folder: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It is not what its name says.
    #[error("line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// More packages than are read.
    #[error("too many packages: {count}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// The name is of no lockfile that is known.
    #[error("not the name of a lockfile: {}", quoted(name))]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A version of the format that is not read.
    #[error("line {line}: a version of the format that is not known: {}", quoted(version))]
    UnknownVersion {
        /// Counted from 1.
        line: usize,
        /// The version.
        version: String,
    },
}

impl From<JsonError> for GraphError {
    fn from(error: JsonError) -> Self {
        Self::Syntax { line: error.line, message: error.message }
    }
}

impl GraphError {
    /// An error on a line of the text.
    pub(super) fn on(line: usize, message: impl Into<String>) -> Self {
        Self::Syntax { line, message: message.into() }
    }
}

/// Git writes these at the beginning of a line; no lockfile has them there.
pub(super) fn refuse_conflicts(text: &str) -> Result<(), GraphError> {
    let marks = ["<<<<<<< ", ">>>>>>> "];
    for (number, line) in text.lines().enumerate() {
        if marks.iter().any(|mark| line.starts_with(mark)) {
            return Err(GraphError::Conflict { line: number + 1 });
        }
    }
    Ok(())
}
