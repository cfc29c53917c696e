//! Why nothing was recorded.

use ringfence_sys::Errno;
use std::path::PathBuf;
use thiserror::Error;

/// Why nothing was recorded.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The record cannot be made.
    #[error("cannot make the record: {0}", path.display())]
    Begin {
        /// The file or its folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What stands in its place, or in it, is not what was written.
    #[error("the record was replaced by the program: {0}", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The command has no program, or one that does not exist.
    #[error("cannot find the program: {0}")]
    NoProgram(String),
    /// The program cannot be started.
    #[error("cannot start {0}", program.display())]
    Exec {
        /// The program.
        program: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The program that gives the service its traffic cannot be started.
    #[error("cannot start the traffic: {0}", program.display())]
    Traffic {
        /// The program.
        program: PathBuf,
        /// Why.
        source: Errno,
    },
    /// This host cannot do what recording needs, one sentence.
    #[error("{0}")]
    Unsupported(String),
    /// A step failed that should not.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: Errno,
    },
}
