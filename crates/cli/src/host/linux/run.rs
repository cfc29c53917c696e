//! Running a service, and telling why it could not be run.

use super::{event_log, resolve};
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind, RUN_FAILED};
use crate::printer::{Printer, Style};
use crate::verbs::Run;
use ringfence_boundary::enforce::{self, EnforceError, RunOptions};
use ringfence_boundary::plan::{Access, Plan, ViewEntry};
use ringfence_boundary::status;
use ringfence_policy::display::untrusted;
use std::error::Error as _;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Runs the service and stays with it.
pub(crate) fn run(verb: &Run, printer: &mut Printer) -> Result<Finish, CommandError> {
    let mut service = String::new();
    let (error, log) = match start(verb, printer, &mut service) {
        Ok(finish) => return Ok(finish),
        Err((error, log)) => (error, log),
    };
    let line = event_log::failure(&error, &service);
    let log = match (log, &verb.events) {
        (Log::Open(file), _) => Some(file),
        (Log::NotYet, Some(path)) => event_log::open(path).ok(),
        (Log::NotYet, None) | (Log::Refused, _) => None,
    };
    let Some(mut log) = log else { return Err(error.with_event(line)) };
    // The failure itself is what is told: that of its record changes nothing.
    let _ = log.write_all(line.as_bytes());
    Err(error)
}

/// The file of events at the time of a failure.
enum Log {
    /// Not opened, and not looked at.
    NotYet,
    /// It may not be opened.
    Refused,
    Open(File),
}

/// `service` receives the service's name as soon as it is known, for the event of a failure.
fn start(
    verb: &Run,
    printer: &mut Printer,
    service: &mut String,
) -> Result<Finish, (CommandError, Log)> {
    let plan = plan(verb, service).map_err(|error| (error, Log::NotYet))?;
    let log = match &verb.events {
        Some(path) => Some(open_log(path, &plan).map_err(|error| (error, Log::Refused))?),
        None => None,
    };
    warn(&plan, printer);
    let ended = with_log(verb, &plan, log.as_ref());
    ended.map_err(|error| (error, log.map_or(Log::NotYet, Log::Open)))
}

fn plan(verb: &Run, service: &mut String) -> Result<Plan, CommandError> {
    let file = BoundaryFile::load(&verb.config)?;
    service.clone_from(&file.boundary.service.name.value);
    let command = (!verb.command.is_empty()).then_some(verb.command.as_slice());
    resolve::plan(&file, command)
}

fn with_log(verb: &Run, plan: &Plan, log: Option<&File>) -> Result<Finish, CommandError> {
    let events = log.map(File::try_clone).transpose().map_err(|error| {
        CommandError::new(Kind::Internal, "cannot copy a descriptor").caused_by(&error)
    })?;
    let options = RunOptions {
        audit: verb.audit,
        trace: verb.trace,
        events: events.map(OwnedFd::from),
        ..RunOptions::default()
    };
    let outcome = enforce::run(plan, &options).map_err(|error| refused(&error))?;
    Ok(Finish::Program(u8::try_from(outcome.exit_code).unwrap_or(RUN_FAILED)))
}

/// What whoever starts it must know: which grants cannot be used.
fn warn(plan: &Plan, printer: &mut Printer) {
    let label = printer.paint_error(Style::Bad, "warning:");
    for warning in &plan.warnings {
        printer.error(&format!("{label} {}\n", untrusted(warning)));
    }
}

/// A record that the service can replace is no record. Looked at before it is made, so that nothing
/// is left where it is refused, and again when it is there: a link may lead anywhere.
fn open_log(events: &Path, plan: &Plan) -> Result<File, CommandError> {
    out_of_reach(events, plan)?;
    let file = event_log::open(events)?;
    out_of_reach(events, plan)?;
    Ok(file)
}

fn out_of_reach(events: &Path, plan: &Plan) -> Result<(), CommandError> {
    let real = events.canonicalize().or_else(|_| {
        let folder = events.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize();
        folder.map(|folder| folder.join(events.file_name().unwrap_or_default()))
    });
    let real = real.unwrap_or_else(|_| events.to_owned());
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
