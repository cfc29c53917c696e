//! A host whose kernel cannot enforce a boundary.

use super::{Fit, RuntimeGrant, ServiceReport};
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use crate::verbs::{Drop, Here, Learn, Prove, Run, Status};
use std::ffi::OsString;

/// A file can be checked alone.
pub(crate) fn fits(_: &BoundaryFile) -> Result<Fit, CommandError> {
    let system = std::env::consts::OS;
    let note = format!(
        "only the file was checked: whether it fits a host is asked on Linux, not {system}"
    );
    Ok(Fit { notes: vec![note], ..Fit::default() })
}

/// What a runtime needs is found where it runs.
pub(crate) fn runtime_grants(_: &BoundaryFile) -> Result<Vec<RuntimeGrant>, CommandError> {
    Err(not_linux("statement"))
}

/// Paths of a service are not those of this system.
pub(crate) fn here(_: Option<&BoundaryFile>) -> Here<'_> {
    Box::new(ringfence_boundary::explain::NoHost)
}

/// Refuses.
pub(crate) fn service(_: u32) -> Result<ServiceReport, CommandError> {
    Err(not_linux("explain --pid"))
}

/// Refuses.
pub(crate) fn run(_: &Run, _: &mut Printer) -> Result<Finish, CommandError> {
    Err(not_linux("run"))
}

/// Refuses; a scope that does not exist is said first.
pub(crate) fn drop_grant(verb: &Drop, _: &mut Printer) -> Result<Finish, CommandError> {
    verb.scope()?;
    Err(not_linux("drop"))
}

/// Refuses.
pub(crate) fn learn(_: &Learn, _: &mut Printer) -> Result<Finish, CommandError> {
    Err(not_linux("learn"))
}

/// Refuses.
pub(crate) fn prove(_: &Prove, _: &mut Printer) -> Result<Finish, CommandError> {
    Err(not_linux("prove"))
}

/// Refuses.
pub(crate) fn status(_: &Status, _: &mut Printer) -> Result<Finish, CommandError> {
    Err(not_linux("status"))
}

/// What the file of a proof looks like is known where proofs are made.
pub(crate) fn attestation_schema() -> Result<String, CommandError> {
    Err(not_linux("schema --attestation"))
}

/// There are no hidden verbs.
pub(crate) const fn internal(_: &[OsString]) -> Option<u8> {
    None
}

fn not_linux(verb: &str) -> CommandError {
    let system = std::env::consts::OS;
    CommandError::new(Kind::Host, format!("`ringfence {verb}` needs Linux, and this is {system}"))
        .hint(
            "run it in a Linux container that has ringfence and Node in it: docker run --rm \
             --security-opt seccomp=unconfined --security-opt systempaths=unconfined \
             -v \"$PWD:/app\" -w /app IMAGE ringfence ...",
        )
}
