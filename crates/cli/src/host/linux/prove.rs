//! Attacking a boundary.

use super::evidence::EvidenceFiles;
use super::{caller, resolve};
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::printer::Printer;
use crate::verbs::{ProofFormat, Prove};
use ringfence_boundary::prove::arena::ArenaError;
use ringfence_boundary::prove::{self, Class, ProveError, ProveRequest};
use std::ffi::OsString;

/// Attacks the boundary and prints what held.
pub(crate) fn prove(verb: &Prove, printer: &mut Printer) -> Result<Finish, CommandError> {
    if let Some(pid) = verb.attach {
        return super::attach::prove(verb, pid, printer);
    }
    let file = BoundaryFile::load(&verb.config)?;
    // What does not fit this host is told with its place before anything is attacked.
    let plan = resolve::plan(&file, None)?;
    let evidence = EvidenceFiles::of(verb, &file, || Ok(plan))?;
    let name = &file.boundary.service.name.value;
    printer.progress(&format!("attacking the boundary of {name} ..."));
    if verb.self_test {
        return self_test(&file, verb.format, printer);
    }
    if verb.compare {
        return compare(&file, verb.format, printer);
    }
    let report = attack(&file, &verb.only, |request| {
        prove::prove_told(request, &mut |stage| printer.progress(&format!("{stage} ...")))
    });
    printer.progress("");
    let report = report?;
    match verb.format {
        ProofFormat::Human => printer.text(&report.render_human()),
        ProofFormat::Json => format::json(&report, printer)?,
        ProofFormat::Markdown => printer.text(&report.render_markdown()),
    }
    // Printed first: what cannot be written into the file is not lost.
    evidence.write(&file, &report, None)?;
    Ok(finish(report.exit_code()))
}

/// What a proof's exit code means.
pub(super) const fn finish(code: u8) -> Finish {
    match code {
        0 => Finish::Clean,
        1 => Finish::Findings,
        _ => Finish::Unenforceable,
    }
}

/// The hidden verb: what `prove` runs of this program inside and outside of a boundary.
pub(crate) fn internal(arguments: &[OsString]) -> Option<u8> {
    match arguments {
        [_, verb, rest @ ..] if verb == prove::VERB => Some(prove::attack_main(rest)),
        _ => None,
    }
}

/// One lock after another taken away.
fn self_test(
    file: &BoundaryFile,
    form: ProofFormat,
    printer: &mut Printer,
) -> Result<Finish, CommandError> {
    let test = attack(file, &[], |request| {
        prove::self_test(request, &mut |lock, left| {
            printer.progress(&format!("without {lock} ... {left} left"));
        })
    });
    printer.progress("");
    let test = test?;
    match form {
        ProofFormat::Human => printer.text(&test.render_human()),
        ProofFormat::Json => format::json(&test, printer)?,
        ProofFormat::Markdown => printer.text(&test.render_markdown()),
    }
    Ok(if test.exit_code() == 0 { Finish::Clean } else { Finish::Findings })
}

/// The same battery in other places, side by side.
fn compare(
    file: &BoundaryFile,
    form: ProofFormat,
    printer: &mut Printer,
) -> Result<Finish, CommandError> {
    let table = attack(file, &[], prove::elsewhere::compare);
    printer.progress("");
    let table = table?;
    match form {
        ProofFormat::Human => printer.text(&table.render_human()),
        ProofFormat::Json => format::json(&table, printer)?,
        ProofFormat::Markdown => printer.text(&table.render_markdown()),
    }
    Ok(if table.exit_code() == 0 { Finish::Clean } else { Finish::Findings })
}

/// Makes a request of the file and hands it on.
pub(super) fn attack<T>(
    file: &BoundaryFile,
    only: &[String],
    how: impl FnOnce(&ProveRequest<'_>) -> Result<T, ProveError>,
) -> Result<T, CommandError> {
    let executable = std::env::current_exe().map_err(|error| {
        CommandError::new(Kind::Host, "cannot find this program itself").caused_by(&error)
    })?;
    // The command line takes no other.
    let only: Vec<Class> = only.iter().filter_map(|id| Class::with_id(id)).collect();
    let request = ProveRequest {
        boundary: &file.boundary,
        file: &file.source.path,
        folder: &file.folder()?,
        hash: &file.hash(),
        environment: &caller::environment(),
        caller: caller::ids()?,
        only: &only,
        executable: &executable,
    };
    how(&request).map_err(|error| failed(&error))
}

/// Why nothing could be proven or disproven.
fn failed(error: &ProveError) -> CommandError {
    let kind = match error {
        _ if error.is_host() => Kind::Host,
        ProveError::Arena(ArenaError::Resolve(_)) => Kind::Configuration,
        _ => Kind::Internal,
    };
    let failed = CommandError::new(kind, "the boundary could not be attacked").caused_by(error);
    match kind {
        Kind::Host => failed.hint("`ringfence status` says what this host can enforce"),
        Kind::Configuration => failed.hint("`ringfence check-config` shows the place in the file"),
        _ => failed.hint("try `ringfence run -- /bin/true`: a start that fails says more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_takes_every_class_of_the_battery() {
        assert_eq!(crate::verbs::PROOF_CLASSES, Class::ALL.map(Class::id));
    }
}
