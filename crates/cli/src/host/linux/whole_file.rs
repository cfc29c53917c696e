//! A file that `prove` writes beside what it prints: a page, an attestation. Mistakes that can be
//! seen before the attacks are told before them.

use crate::error::{CommandError, Kind};
use ringfence_project::whole;
use std::io;
use std::path::{Path, PathBuf};

/// Where a file goes.
#[derive(Debug)]
pub(super) struct WholeFile {
    /// What it is, for errors: "report".
    what: &'static str,
    /// As it was given.
    named: PathBuf,
    /// Without symbolic links.
    target: PathBuf,
}

impl WholeFile {
    /// A file at `path`, which may be there already; its folder must be.
    pub(super) fn at(what: &'static str, path: &Path) -> Result<Self, CommandError> {
        let (_, target) = whole::place(path).map_err(|error| cannot(what, path, &error))?;
        Ok(Self { what, named: path.to_path_buf(), target })
    }

    /// Whether both are the same file.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.target == other.target
    }

    /// Replaces it.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), CommandError> {
        whole::write(&self.target, bytes, None).map_err(|error| {
            cannot(self.what, &self.named, &error)
                .hint("the result itself is printed above and is not lost")
        })
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> CommandError {
    let message = format!("cannot write the {what}: {}", path.display());
    let hint = "name a file, in a folder that is there and may be written";
    CommandError::new(Kind::Output, message).caused_by(error).hint(hint)
}
