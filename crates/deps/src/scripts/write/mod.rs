//! One policy in the form of each package manager: who may run scripts, who shall not, and how old a
//! version has to be.
//!
//! Managers write these in files of people, so only what is meant is changed and every other byte stays.
//! Ages are rounded up: npm counts days, pnpm and Yarn minutes, Bun seconds. What a manager cannot say
//! is told as a note.

mod ini;
mod json;
mod managers;
mod pnpm;
mod toml;
mod yaml;

pub(crate) use json::without_below;
pub use managers::{Policy, ScriptOf, edits};
pub(crate) use yaml::word as yaml_word;

/// A file as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Its name in the project's folder.
    pub file: &'static str,
    /// Its text now; `None` where it is not there.
    pub before: Option<String>,
    /// Its text as it should be.
    pub after: String,
}

/// The edits of a manager's files, and what it cannot say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// Files that change; none where everything is as it should be.
    pub edits: Vec<Edit>,
    /// What this manager cannot say, or what in its files means something else: sentences.
    pub notes: Vec<String>,
}

/// Why a file is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct EditError {
    /// Its name.
    pub file: &'static str,
    /// Why: lower case, no period.
    pub message: String,
}
