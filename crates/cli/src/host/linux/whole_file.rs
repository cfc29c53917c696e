//! A file that `prove` writes beside what it prints: a page, an attestation.
//!
//! It is there as a whole or not at all: it is written under another name and takes its place in
//! one step. Only a file, or nothing, is ever replaced, never a folder, a device or a pipe, and what a
//! symbolic link leads to is replaced rather than the link. Mistakes that can be seen before the
//! attacks are told before them.

use crate::error::{CommandError, Kind};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Where a file goes.
#[derive(Debug)]
pub(super) struct WholeFile {
    /// What it is, for errors: "report".
    what: &'static str,
    /// As it was given.
    named: PathBuf,
    /// Its folder, without symbolic links.
    folder: PathBuf,
    /// Its name there.
    name: OsString,
}

impl WholeFile {
    /// A file at `path`, which may be there already; its folder must be.
    pub(super) fn at(what: &'static str, path: &Path) -> Result<Self, CommandError> {
        let cannot = |error: &io::Error| cannot(what, path, error);
        let target = match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(cannot(&io::ErrorKind::IsADirectory.into())),
            Ok(found) if !found.is_file() => {
                return Err(cannot(&io::Error::other("it is a device, a pipe or a socket")));
            }
            Ok(_) => path.canonicalize().map_err(|error| cannot(&error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
            Err(error) => return Err(cannot(&error)),
        };
        let name = target.file_name().ok_or_else(|| cannot(&io::ErrorKind::InvalidInput.into()))?;
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let folder = folder.canonicalize().map_err(|error| cannot(&error))?;
        if !folder.is_dir() {
            return Err(cannot(&io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { what, named: path.to_path_buf(), folder, name: name.to_owned() })
    }

    /// Whether both are the same file.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.folder, &self.name) == (&other.folder, &other.name)
    }

    /// Replaces it.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), CommandError> {
        self.replace(bytes).map_err(|error| {
            cannot(self.what, &self.named, &error)
                .hint("the result itself is printed above and is not lost")
        })
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        // Not the name itself and more: it may already be as long as a name can be.
        let part =
            self.folder.join(format!(".ringfence-{}.{}.part", self.what, std::process::id()));
        let written =
            write_new(&part, bytes).and_then(|()| fs::rename(&part, self.folder.join(&self.name)));
        if written.is_err() {
            // What could not be made or moved is of no use to anybody.
            let _ = fs::remove_file(&part);
        }
        written
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> CommandError {
    let message = format!("cannot write the {what}: {}", path.display());
    let hint = "name a file, in a folder that is there and may be written";
    CommandError::new(Kind::Output, message).caused_by(error).hint(hint)
}
