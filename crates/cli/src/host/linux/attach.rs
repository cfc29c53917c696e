//! Attacking the boundary of a service that is running, beside it.

use super::evidence::EvidenceFiles;
use super::prove::{attack, finish};
use super::resolve;
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::printer::Printer;
use crate::settings::ConfigOption;
use crate::verbs::{ProofFormat, Prove};
use ringfence_boundary::prove::attach::{
    AskError, AttachError, AttachFailure, Running, prove_attached,
};

/// Finds the service, checks that it runs this boundary, and attacks it.
pub(crate) fn prove(verb: &Prove, pid: u32, printer: &mut Printer) -> Result<Finish, CommandError> {
    let running = Running::find(pid).map_err(|error| failed(&error, pid))?;
    // Without another word the boundary is the one that the service says it runs.
    let config = verb.config.config.clone().unwrap_or_else(|| running.file.clone());
    let file = BoundaryFile::load(&ConfigOption { config: Some(config) })?;
    let evidence = EvidenceFiles::of(verb, &file, || resolve::plan(&file, None))?;
    let name = &file.boundary.service.name.value;
    printer.progress(&format!("attacking the boundary of {name} beside process {pid} ..."));
    let proof = attack(&file, &verb.only, |request| match prove_attached(request, &running) {
        Ok(proof) => Ok(Ok(proof)),
        Err(AttachFailure::Attach(error)) => Ok(Err(error)),
        Err(AttachFailure::Prove(error)) => Err(error),
    });
    printer.progress("");
    let proof = proof?.map_err(|error| failed(&error, pid))?;
    match verb.format {
        ProofFormat::Human => printer.text(&proof.render_human()),
        ProofFormat::Json => format::json(&proof, printer)?,
        ProofFormat::Markdown => printer.text(&proof.render_markdown()),
    }
    evidence.write(&file, &proof.report, Some(&proof))?;
    Ok(finish(proof.exit_code()))
}

/// Why it could not be attached to, and what to do.
fn failed(error: &AttachError, pid: u32) -> CommandError {
    let kind = if error.is_rights() { Kind::Host } else { Kind::Source };
    let failed = CommandError::new(kind, format!("cannot attach to {pid}")).caused_by(error);
    match error {
        AttachError::AnotherBoundary { .. } => failed.hint(
            "start the service again with this file, or name the one it runs with --config FILE",
        ),
        AttachError::Ask(AskError::Busy(_) | AskError::Silent(_)) => failed.hint("try again"),
        AttachError::Ask(_) => {
            failed.hint("name a process of a service that `ringfence run` has started on this host")
        }
        AttachError::NoProgram(_) => failed.hint("try again once the service runs"),
        AttachError::NoRights { .. } | AttachError::Refused { .. } => {
            failed.hint("ask as the user who runs `ringfence run`, or as root")
        }
    }
}
