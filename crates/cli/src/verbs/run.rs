//! `ringfence run`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind, RUN_FAILED};
use crate::event_log;
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use ringfence_boundary::enforce::{self, EnforceError, RunOptions};
use ringfence_boundary::status;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Run a service inside its boundary
///
/// Without a command, `service.start` of the boundary file is run. The program's own exit code is
/// passed through (128 and the signal's number when a signal ended it, 137 for memory); 125 is a
/// failure of ringfence itself, after which nothing is left running.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    #[command(flatten)]
    config: ConfigOption,
    /// Permit everything and record what would be refused: this enforces NOTHING
    #[arg(long)]
    observe: bool,
    /// Record allowed connections, names and programs too
    #[arg(long)]
    audit: bool,
    /// Append events to this file, one JSON object a line; without it, to standard error
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    events: Option<PathBuf>,
    /// The command to run in place of `service.start`
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

impl Run {
    pub(super) fn execute(self, printer: &mut Printer) -> Result<Finish, CommandError> {
        if !cfg!(target_os = "linux") {
            return Err(CommandError::not_linux("run"));
        }
        let mut events = self.events.as_deref().map(event_log::open).transpose()?;
        let mut service = String::new();
        self.start(printer, events.as_ref(), &mut service).map_err(|error| {
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

    fn start(
        &self,
        printer: &mut Printer,
        events: Option<&File>,
        service: &mut String,
    ) -> Result<Finish, CommandError> {
        let file = BoundaryFile::load(&self.config)?;
        service.clone_from(&file.boundary.service.name.value);
        let command = (!self.command.is_empty()).then_some(self.command.as_slice());
        let plan = file.resolve(command)?;
        if self.observe {
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
            audit: self.audit,
            observe: self.observe,
            events: events.map(OwnedFd::from),
            ..RunOptions::default()
        };
        let outcome = enforce::run(&plan, options).map_err(|error| refused(&error))?;
        Ok(Finish::Program(u8::try_from(outcome.exit_code).unwrap_or(RUN_FAILED)))
    }
}

/// The engine's error with its hints.
pub(super) fn refused(error: &EnforceError) -> CommandError {
    let kind = match error.kind() {
        enforce::Kind::Configuration => Kind::Configuration,
        enforce::Kind::Host => Kind::Host,
        enforce::Kind::Internal => Kind::Internal,
    };
    let refused = CommandError::new(kind, error.to_string());
    let refused = match std::error::Error::source(error) {
        Some(cause) => refused.caused_by(cause),
        None => refused,
    };
    let refused = match error {
        // The host is looked at again, because only now is it known which remedy matters.
        EnforceError::LayerAbsent { layer, .. } => {
            let report = status::layer(*layer);
            let refused = refused.of_layer(*layer);
            report.remedies().fold(refused, |refused, remedy| refused.hint(remedy))
        }
        _ => refused,
    };
    error.hints().into_iter().fold(refused, CommandError::hint)
}
