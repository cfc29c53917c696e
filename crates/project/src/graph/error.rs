//! Why a lockfile is not understood.

use crate::json::JsonError;
use ringfence_policy::display::quoted;

/// Longest name, or path of names, in bytes: that of a path of Linux (`PATH_MAX`).
const LONGEST: usize = 4096;

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
    #[error("line {line}: the file ends, and no package is in it")]
    Empty {
        /// The last one, counted from 1.
        line: usize,
    },
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
    /// No package is in a file.
    pub(super) fn empty(text: &str) -> Self {
        Self::Empty { line: text.lines().count().max(1) }
    }

    /// What is asked for and has no entry: the file was cut off, or changed by hand.
    pub(super) fn missing(line: usize, name: &str, range: &str) -> Self {
        let named = quoted(&format!("{name}@{range}")).to_string();
        Self::on(line, format!("{named} is asked for and not in the file: half a file, or changed"))
    }

    /// Refuses names and paths that are longer than any: what is looked up along them would take
    /// forever.
    pub(super) fn refuse_long(line: usize, key: &str) -> Result<(), Self> {
        if key.len() <= LONGEST {
            return Ok(());
        }
        Err(Self::on(line, format!("a name or path of more than {LONGEST} bytes")))
    }

    /// An error on a line of the text.
    pub(super) fn on(line: usize, message: impl Into<String>) -> Self {
        Self::Syntax { line, message: message.into() }
    }
}

/// Git and its like write these at the beginning of a line, seven times or more, with nothing or a
/// space behind them; no lockfile has them there.
pub(super) fn refuse_conflicts(text: &str) -> Result<(), GraphError> {
    for (number, line) in text.lines().enumerate() {
        let Some(mark) = line.bytes().next().filter(|byte| b"<>=|%+-".contains(byte)) else {
            continue;
        };
        let count = line.bytes().take_while(|byte| *byte == mark).count();
        if count >= 7 && matches!(line.as_bytes().get(count), None | Some(b' ' | b'\r')) {
            return Err(GraphError::Conflict { line: number + 1 });
        }
    }
    Ok(())
}
