//! A boundary file, read, parsed and held against this host: where every verb that works on one
//! begins.

use crate::caller;
use crate::error::{CommandError, Kind};
use crate::mistake::Mistake;
use crate::settings::{self, ConfigOption};
use crate::verbs;
use ringfence_boundary::plan::Plan;
use ringfence_boundary::prove::{self, ProveRequest, Report};
use ringfence_boundary::resolve::{self, Request, ResolveError};
use ringfence_policy::model::Boundary;
use ringfence_policy::source::Source;
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A boundary and the text it was read from.
#[derive(Debug)]
pub(crate) struct BoundaryFile {
    /// Path and text.
    pub(crate) source: settings::Source,
    /// What it says.
    pub(crate) boundary: Boundary,
}

impl BoundaryFile {
    /// Finds, reads and parses the file a verb works on.
    pub(crate) fn load(option: &ConfigOption) -> Result<Self, CommandError> {
        let source = option.read()?;
        match ringfence_policy::parse(&source.path.to_string_lossy(), &source.text) {
            Ok(boundary) => Ok(Self { source, boundary }),
            Err(diagnostics) => {
                let mistakes = diagnostics.into_iter().map(Mistake::from).collect();
                Err(CommandError::mistaken(Kind::Configuration, &source.path, mistakes))
            }
        }
    }

    /// What it means on this host; `command` takes the place of `service.start`.
    pub(crate) fn resolve(&self, command: Option<&[OsString]>) -> Result<Plan, CommandError> {
        let request = Request {
            boundary: &self.boundary,
            file: &self.source.path,
            folder: &self.folder()?,
            hash: &hash(&self.source.text),
            command,
            environment: &caller::environment(),
            caller: caller::ids()?,
        };
        resolve::resolve(&request).map_err(|errors| self.unresolved(&errors))
    }

    /// Attacks it on this host.
    pub(crate) fn prove(&self) -> Result<Report, CommandError> {
        let executable = std::env::current_exe().map_err(|error| {
            CommandError::new(Kind::Host, "cannot find this program itself").caused_by(&error)
        })?;
        let request = ProveRequest {
            boundary: &self.boundary,
            file: &self.source.path,
            folder: &self.folder()?,
            hash: &hash(&self.source.text),
            environment: &caller::environment(),
            caller: caller::ids()?,
            executable: &executable,
        };
        prove::prove(&request).map_err(|error| verbs::prove::failed(&error))
    }

    /// The folder paths in the file count from, without symbolic links.
    fn folder(&self) -> Result<PathBuf, CommandError> {
        let path = &self.source.path;
        let real = path.canonicalize().map_err(|error| {
            let message = format!("cannot find the folder of {}", path.display());
            CommandError::new(Kind::Source, message).caused_by(&error)
        })?;
        Ok(real.parent().unwrap_or(Path::new("/")).to_path_buf())
    }

    fn unresolved(&self, errors: &[ResolveError]) -> CommandError {
        let path = self.source.path.to_string_lossy();
        let source = Source::new(&path, &self.source.text);
        let mistakes = errors.iter().map(|error| Mistake::unresolved(error, &source, &path));
        // Only when nothing can be mended in the file is it the host's.
        let host = errors.iter().all(|error| error.kind() == resolve::Kind::Host);
        let kind = if host { Kind::Host } else { Kind::Configuration };
        CommandError::mistaken(kind, &self.source.path, mistakes.collect())
    }
}

/// SHA-256 in lower-case hexadecimal.
fn hash(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
