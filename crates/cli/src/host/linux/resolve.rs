//! A boundary file held against this host.

use super::super::{Fit, RuntimeGrant};
use super::caller;
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Kind};
use crate::mistake::Mistake;
use ringfence_boundary::enforce;
use ringfence_boundary::plan::{Access, Plan, ViewEntry};
use ringfence_boundary::resolve::{self, Request, ResolveError};
use ringfence_policy::source::Source;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;

/// Code of everything that is right in itself and does not fit this host.
const UNRESOLVED: &str = "does-not-fit-this-host";

/// Whether the file fits this host; answers what its author should know.
pub(crate) fn fits(file: &BoundaryFile) -> Result<Fit, CommandError> {
    let plan = plan(file, None)?;
    enforce::check(&plan).map_err(|error| super::run::refused(&error))?;
    let notes = [plan.warnings, plan.notes].concat();
    Ok(Fit { notes, removed_variables: plan.removed_variables })
}

/// What the runtime is granted on this host.
pub(crate) fn runtime_grants(file: &BoundaryFile) -> Result<Vec<RuntimeGrant>, CommandError> {
    let grant = |entry: &ViewEntry| {
        let ViewEntry::Bind { target, access, why, .. } = entry else { return None };
        let why = why.strip_prefix("runtime: ")?.to_owned();
        let access = match access {
            Access::Execute => "read and execute",
            Access::Read => "read",
            Access::Write | Access::Build => "read and write",
        };
        Some(RuntimeGrant { path: target.to_string_lossy().into_owned(), access, why })
    };
    plan(file, None).map(|plan| plan.view.iter().filter_map(grant).collect())
}

/// What the file means on this host; `command` takes the place of `service.start`.
pub(super) fn plan(
    file: &BoundaryFile,
    command: Option<&[OsString]>,
) -> Result<Plan, CommandError> {
    let request = Request {
        boundary: &file.boundary,
        file: &file.source.path,
        folder: &file.folder()?,
        hash: &file.hash(),
        command,
        environment: &caller::environment(),
        caller: caller::ids()?,
    };
    resolve::resolve(&request).map_err(|errors| unresolved(file, &errors))
}

/// The mistakes of a file on this host.
pub(super) fn unresolved(file: &BoundaryFile, errors: &[ResolveError]) -> CommandError {
    let path = file.source.path.to_string_lossy();
    let source = Source::new(&path, &file.source.text);
    let mistakes = errors.iter().map(|error| mistake(error, &source, &path));
    // Only when nothing can be mended in the file is it the host's.
    let host = errors.iter().all(|error| error.kind() == resolve::Kind::Host);
    let kind = if host { Kind::Host } else { Kind::Configuration };
    CommandError::mistaken(kind, &file.source.path, mistakes.collect())
}

fn mistake(error: &ResolveError, source: &Source<'_>, path: &str) -> Mistake {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        let text = below.to_string();
        // Some errors say their cause themselves.
        if !message.ends_with(&text) {
            let _ = write!(message, ": {text}");
        }
        cause = below.source();
    }
    let place = (!error.span.is_empty()).then(|| error.span.clone());
    Mistake::new(UNRESOLVED, source, path, place, message, error.hint())
}
