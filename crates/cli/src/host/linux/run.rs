//! Running a service, and telling why it could not be run.

use super::{event_log, resolve};
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind, RUN_FAILED};
use crate::printer::{Printer, Style};
use crate::verbs::Run;
use ringfence_boundary::enforce::{self, EnforceError, RunOptions};
use ringfence_boundary::plan::{Access, Plan, ViewEntry};
use ringfence_boundary::status;
use std::error::Error as _;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Runs the service and stays with it.
pub(crate) fn run(verb: &Run, printer: &mut Printer) -> Result<Finish, CommandError> {
    let mut events = verb.events.as_deref().map(event_log::open).transpose()?;
    let mut service = String::new();
    start(verb, printer, events.as_ref(), &mut service).map_err(|error| {
        let line = event_log::failure(&error, &service);
        match &mut events {
            Some(events) => {
                // The failure itself is what is told: that of its record changes nothing.
                let _ = events.write_all(line.as_bytes());
                error
            }
            None => error.with_event(line),
        }
    })
}

/// `service` receives the service's name as soon as it is known, for the event of a failure.
fn start(
    verb: &Run,
    printer: &mut Printer,
    events: Option<&File>,
    service: &mut String,
) -> Result<Finish, CommandError> {
    let file = BoundaryFile::load(&verb.config)?;
    service.clone_from(&file.boundary.service.name.value);
    let command = (!verb.command.is_empty()).then_some(verb.command.as_slice());
    let plan = resolve::plan(&file, command)?;
    // Not needed while the service runs.
    drop(file);
    if let Some(path) = &verb.events {
        out_of_reach(path, &plan)?;
    }
    if verb.observe {
        let warning = printer.paint_error(Style::Bad, "warning:");
        let name = &plan.name;
        printer.error(&format!(
            "{warning} observing: NOTHING is enforced, {name} may do everything this user may\n"
        ));
    }
    let events = events.map(File::try_clone).transpose().map_err(|error| {
        CommandError::new(Kind::Internal, "cannot copy a descriptor").caused_by(&error)
    })?;
    let options = RunOptions {
        audit: verb.audit,
        trace: verb.trace,
        observe: verb.observe,
        events: events.map(OwnedFd::from),
        ..RunOptions::default()
    };
    let outcome = enforce::run(&plan, &options).map_err(|error| refused(&error))?;
    Ok(Finish::Program(u8::try_from(outcome.exit_code).unwrap_or(RUN_FAILED)))
}

/// A record that the service can replace is no record.
fn out_of_reach(events: &Path, plan: &Plan) -> Result<(), CommandError> {
    let real = events.canonicalize().unwrap_or_else(|_| events.to_owned());
    let within = |entry: &&ViewEntry| matches!(entry, ViewEntry::Bind { source, access: Access::Write, .. } if real.starts_with(source));
    match plan.view.iter().find(within) {
        None => Ok(()),
        Some(_) => Err(CommandError::new(
            Kind::Configuration,
            format!(
                "the service could replace its own events: {} lies in a write grant",
                events.display()
            ),
        )
        .hint("name a file outside of every fs.write grant with --events")),
    }
}

/// The engine's error with its hints.
pub(super) fn refused(error: &EnforceError) -> CommandError {
    let kind = match error.kind() {
        enforce::Kind::Configuration => Kind::Configuration,
        enforce::Kind::Host => Kind::Host,
        enforce::Kind::Internal => Kind::Internal,
    };
    let mut refused = CommandError::new(kind, error.to_string());
    if let Some(cause) = error.source() {
        refused = refused.caused_by(cause);
    }
    if let EnforceError::LayerAbsent { layer, .. } = error {
        // The host is looked at again, because only now is it known which remedy matters.
        let report = status::layer(*layer);
        refused = report.remedies().fold(refused.of_layer(*layer), CommandError::hint);
    }
    error.hints().into_iter().fold(refused, CommandError::hint)
}
