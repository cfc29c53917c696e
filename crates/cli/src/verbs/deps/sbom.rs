//! `ringfence deps sbom`

use super::{Omit, now, source};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_deps::sbom::{self, Subject};
use std::path::{Path, PathBuf};

/// Write a software bill of materials of a lockfile
///
/// Everything that the lockfile installs, with hashes, licences where the lockfile tells them, package
/// URLs and who depends on what. The same lockfile gives the same bytes where `SOURCE_DATE_EPOCH` is set,
/// and a lockfile with conflicting peers has a bill like any other.
#[derive(Debug, clap::Args)]
pub(super) struct Sbom {
    /// The lockfile, or the folder it lies in
    #[arg(value_name = "FILE", default_value = ".", value_hint = clap::ValueHint::AnyPath)]
    lockfile: String,
    /// The form of the bill
    #[arg(long, value_name = "FORM", default_value = "cyclonedx")]
    format: Form,
    /// Where it is written, in one step, instead of standard output
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// Leave out what is needed to develop alone
    #[arg(long, value_name = "WHAT")]
    omit: Option<Omit>,
}

/// A form of bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Version 1.6 (ECMA-424)
    Cyclonedx,
    /// Version 2.3
    Spdx,
}

impl Sbom {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let made = made()?;
        let lock = source::load(&self.lockfile, "")?;
        let name = name(&lock.path);
        let subject = Subject { name: &name, made, omit_dev: self.omit.is_some() };
        let text = match self.format {
            Form::Cyclonedx => sbom::cyclonedx(&lock.graph, &subject),
            Form::Spdx => sbom::spdx(&lock.graph, &subject),
        };
        match &self.out {
            None => printer.text(&text),
            Some(path) => ringfence_deps::advisories::write(path, &text).map_err(|error| {
                let message = format!("cannot write {}", path.display());
                CommandError::new(Kind::Output, message).caused_by(&error)
            })?,
        }
        Ok(Finish::Clean)
    }
}

/// What a project may be called where nobody gave it a name: its folder's name.
fn name(lockfile: &str) -> String {
    let folder = Path::new(lockfile).parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok();
    let name = folder.as_deref().and_then(Path::file_name);
    name.map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// When the bill is made: now, or when the build says (reproducible-builds.org, `SOURCE_DATE_EPOCH`).
fn made() -> Result<i64, CommandError> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty()) else {
        return Ok(now());
    };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    // The last second that RFC 3339 can write.
    seconds.filter(|seconds| (0..=253_402_300_799).contains(seconds)).ok_or_else(|| {
        let message = "SOURCE_DATE_EPOCH is not a number of seconds since 1970";
        CommandError::new(Kind::Usage, message)
    })
}
