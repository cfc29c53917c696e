//! Why a task failed, in words for the person who typed it.

use std::path::PathBuf;
use std::time::Duration;

/// One failing step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A program ended with something else than success.
    #[error("{program} failed with {status}{}", shown(.output))]
    Exit {
        /// Short name of the program.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        output: String,
    },
    /// Reading or writing a file, or starting a program.
    #[error("{step}: {path}: {source}")]
    File {
        /// What was being done.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Something that must hold does not.
    #[error("{0}")]
    NotHeld(String),
    /// A program did not do in time what was waited for.
    #[error("{program} did not {what} within {} s{}", .after.as_secs(), shown(.output))]
    Late {
        /// Short name of the program.
        program: String,
        /// What was waited for, as a verb.
        what: String,
        /// The deadline.
        after: Duration,
        /// The end of what it said.
        output: String,
    },
    /// The machine lacks something.
    #[error("{what} is missing: {remedy}")]
    Missing {
        /// What.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Somebody pressed Ctrl-C or sent SIGTERM.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// An error of a file system step.
    pub(crate) fn file(
        step: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { step, path, source }
    }
}

/// The end of a program's output, on lines of its own.
fn shown(output: &str) -> String {
    let lines: Vec<&str> = output.trim_end().lines().collect();
    let last = &lines[lines.len().saturating_sub(40)..];
    last.iter().fold(String::new(), |text, line| text + "\n    " + line)
}
