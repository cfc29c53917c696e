//! Where events go: a file, or standard error.

use crate::error::{CommandError, Kind};
use crate::printer::Printer;
use ringfence_crypto::event::{Event, Watched};
use std::cell::RefCell;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

/// The option of commands that tell events.
#[derive(Debug, clap::Args)]
pub(in crate::verbs) struct EventsOption {
    /// Append events to this file: what did not authenticate, and what a key service refused. Without
    /// it they go to standard error, unless that is a terminal
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    events: Option<PathBuf>,
}

/// Events of one command, told when it ends.
#[derive(Default)]
pub(in crate::verbs) struct Told(RefCell<Vec<String>>);

impl EventsOption {
    /// Does something with an observer and writes what it was told. That the events could not be
    /// written comes before what was done: who asked for them relies on them.
    pub(in crate::verbs) fn watch<T>(
        &self,
        printer: &mut Printer,
        work: impl FnOnce(Watched<&Told>) -> T,
    ) -> Result<T, CommandError> {
        let mut file = self.open()?;
        let told = Told::default();
        let done = work(Watched::new(&told));
        for line in told.0.into_inner() {
            match &mut file {
                Some(file) => {
                    file.write_all(line.as_bytes()).map_err(|error| self.cannot(&error))?;
                }
                None => printer.event(&line),
            }
        }
        Ok(done)
    }

    /// Opened before anything is done.
    fn open(&self) -> Result<Option<File>, CommandError> {
        let Some(path) = &self.events else { return Ok(None) };
        let mut options = File::options();
        options.append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            // A pipe without a reader must not stall the command: it is an error instead.
            options.mode(0o600).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        }
        options.open(path).map(Some).map_err(|error| self.cannot(&error))
    }

    fn cannot(&self, error: &std::io::Error) -> CommandError {
        let path = self.events.as_deref().unwrap_or_else(|| std::path::Path::new(""));
        CommandError::new(Kind::Source, format!("cannot write events to {}", path.display()))
            .caused_by(error)
            .hint("name a file in a folder you may write to: --events FILE")
    }
}

impl ringfence_crypto::event::Observer for &Told {
    fn happened(&self, event: &Event) {
        self.0.borrow_mut().push(event.to_json_line(SystemTime::now()) + "\n");
    }
}
