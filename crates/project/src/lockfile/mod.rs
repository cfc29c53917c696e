//! Which package manager a project uses, and what its lockfile says about native code.
//!
//! npm's lockfiles (versions 1 to 3, and `npm-shrinkwrap.json`) are read as a list of installed
//! packages; of the others only the manager and the version of the format are known so far. A
//! lockfile is what was meant to be installed, not what lies in `node_modules`.

mod npm;

use crate::walk::{self, ReadError};
use std::path::Path;

/// Largest lockfile that is read, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;

/// Who writes a lockfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// Bun.
    Bun,
    /// npm.
    Npm,
    /// pnpm.
    Pnpm,
    /// Yarn.
    Yarn,
}

impl Manager {
    /// Its command.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Bun => "bun",
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn => "yarn",
        }
    }
}

/// Names of lockfiles, those that win where there are several first.
pub const NAMES: [(&str, Manager); 6] = [
    ("npm-shrinkwrap.json", Manager::Npm),
    ("package-lock.json", Manager::Npm),
    ("pnpm-lock.yaml", Manager::Pnpm),
    ("yarn.lock", Manager::Yarn),
    ("bun.lock", Manager::Bun),
    ("bun.lockb", Manager::Bun),
];

/// A lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockfile {
    /// Its name.
    pub file: &'static str,
    /// Who writes it.
    pub manager: Manager,
    /// Version of its format, as it says; `classic` for Yarn 1.
    pub version: Option<String>,
    /// The packages in it; `None` where this format is not read so far.
    pub packages: Option<Vec<LockedPackage>>,
}

/// A package of a lockfile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedPackage {
    /// Its folder, such as `node_modules/pg`.
    pub folder: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Whether it runs something when it is installed, which mostly builds or fetches native code.
    pub install_script: bool,
    /// Only needed to develop.
    pub development: bool,
}

/// Why a lockfile is not understood.
#[derive(Debug, thiserror::Error)]
pub enum LockfileError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// It is not what its name says.
    #[error("line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

/// The lockfiles of a folder, each read or not, in the order of [`NAMES`].
#[must_use]
pub fn detect(folder: &Path) -> Vec<(&'static str, Result<Lockfile, LockfileError>)> {
    let there = NAMES.into_iter().filter(|(file, _)| folder.join(file).symlink_metadata().is_ok());
    there.map(|(file, manager)| (file, read(folder, file, manager))).collect()
}

fn read(folder: &Path, file: &'static str, manager: Manager) -> Result<Lockfile, LockfileError> {
    let path = folder.join(file);
    if file == "bun.lockb" {
        walk::bytes(&path, MAX_BYTES)?;
        return Ok(Lockfile { file, manager, version: Some("binary".to_owned()), packages: None });
    }
    parse(file, manager, &walk::text(&path, MAX_BYTES)?)
}

/// Reads the text of a lockfile.
///
/// # Errors
/// Text that npm could not read either.
pub fn parse(file: &'static str, manager: Manager, text: &str) -> Result<Lockfile, LockfileError> {
    let (version, packages) = match manager {
        Manager::Npm => {
            let (version, packages) = npm::parse(text)?;
            (Some(version), Some(packages))
        }
        Manager::Pnpm => (value_after(text, "lockfileVersion:"), None),
        Manager::Yarn if text.contains("# yarn lockfile v1") => (Some("classic".to_owned()), None),
        Manager::Yarn => {
            let inside = text.split_once("__metadata:").map(|(_, rest)| rest);
            (inside.and_then(|rest| value_after(rest, "version:")), None)
        }
        Manager::Bun => (value_after(text, "\"lockfileVersion\":"), None),
    };
    Ok(Lockfile { file, manager, version, packages })
}

/// What stands behind a key at the beginning of a line; the formats are written by programs.
fn value_after(text: &str, key: &str) -> Option<String> {
    let line = text.lines().take(100).find_map(|line| line.trim().strip_prefix(key))?;
    let value = line.trim().trim_matches(|mark| matches!(mark, '\'' | '"' | ','));
    (!value.is_empty() && value.len() < 20).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_manager_is_known_by_its_file() {
        let version = |name: &str, text: &str| {
            let (file, manager) = NAMES.into_iter().find(|(file, _)| *file == name).unwrap();
            parse(file, manager, text).unwrap().version
        };
        let told = |text: &str| Some(text.to_owned());
        assert_eq!(version("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"), told("9.0"));
        assert_eq!(version("yarn.lock", "# yarn lockfile v1\n\n"), told("classic"));
        assert_eq!(version("yarn.lock", "# x\n__metadata:\n  version: 8\n"), told("8"));
        assert_eq!(version("bun.lock", "{\n  \"lockfileVersion\": 1,\n}"), told("1"));
        assert_eq!(version("pnpm-lock.yaml", ""), None);
    }

    #[test]
    fn lockfiles_of_a_folder_are_told_in_one_order_and_one_broken_does_not_hide_another() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("yarn.lock"), "# yarn lockfile v1\n").unwrap();
        std::fs::write(folder.path().join("package-lock.json"), "{").unwrap();
        let found = detect(folder.path());
        let names: Vec<_> = found.iter().map(|(name, read)| (*name, read.is_ok())).collect();
        assert_eq!(names, [("package-lock.json", false), ("yarn.lock", true)]);
    }
}
