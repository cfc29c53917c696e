//! The file that `prove --report` writes.
//!
//! It is there as a whole or not at all: the page is written beside it and takes its place in one
//! step. Only a file, or nothing, is ever replaced, never a folder, a device or a pipe, and what a
//! symbolic link leads to is replaced rather than the link. Mistakes that can be seen before the
//! attacks are told before them.

use super::resolve;
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Kind};
use ringfence_boundary::prove::Report;
use ringfence_boundary::prove::attach::AttachReport;
use ringfence_boundary::prove::page::{Page, RuntimeGrant};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Where a page goes.
#[derive(Debug)]
pub(super) struct ReportFile {
    /// As it was given.
    named: PathBuf,
    /// Its folder, without symbolic links.
    folder: PathBuf,
    /// Its name there.
    name: OsString,
}

impl ReportFile {
    /// A file at `path`, which may be there already; its folder must be.
    pub(super) fn at(path: &Path) -> Result<Self, CommandError> {
        let cannot = |error: &io::Error| cannot(path, error);
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
        Ok(Self { named: path.to_path_buf(), folder, name: name.to_owned() })
    }

    /// Writes the page of this proof, and of the running service that it was attached to.
    pub(super) fn write(
        &self,
        file: &BoundaryFile,
        report: &Report,
        attached: Option<&AttachReport>,
    ) -> Result<(), CommandError> {
        // The boundary has just been resolved; a page without this list is still a page.
        let runtime = resolve::runtime_grants(file).unwrap_or_default();
        let runtime: Vec<RuntimeGrant> = runtime
            .into_iter()
            .map(|grant| RuntimeGrant { path: grant.path, access: grant.access, why: grant.why })
            .collect();
        let page = Page { report, boundary: &file.boundary, runtime: &runtime, attached };
        self.replace(page.render().as_bytes()).map_err(|error| {
            cannot(&self.named, &error).hint("the result itself is printed above and is not lost")
        })
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        // Not the name itself and more: it may already be as long as a name can be.
        let part = self.folder.join(format!(".ringfence-report.{}.part", std::process::id()));
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

fn cannot(path: &Path, error: &io::Error) -> CommandError {
    let message = format!("cannot write the report: {}", path.display());
    let hint = "name a file, in a folder that is there and may be written";
    CommandError::new(Kind::Output, message).caused_by(error).hint(hint)
}
