//! Where events go: a file, or standard error.

use crate::error::{CommandError, Kind};
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
pub(in crate::verbs) struct Told(RefCell<String>);

impl EventsOption {
    /// Does something with an observer and writes what it was told: into the file, else it is handed
    /// back for standard error, where it comes after the error itself. That the file cannot be
    /// written comes before what was done: who asked for events relies on them.
    pub(in crate::verbs) fn watch<T>(
        &self,
        work: impl FnOnce(Watched<&Told>) -> T,
    ) -> Result<(T, String), CommandError> {
        let file = self.open()?;
        let told = Told::default();
        let done = work(Watched::new(&told));
        let lines = told.0.into_inner();
        let Some(mut file) = file else { return Ok((done, lines)) };
        file.write_all(lines.as_bytes()).map_err(|error| self.cannot(&error))?;
        Ok((done, String::new()))
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
        let mut lines = self.0.borrow_mut();
        lines.push_str(&event.to_json_line(SystemTime::now()));
        lines.push('\n');
    }
}
