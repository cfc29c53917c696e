//! What a verb can end with, and the exit code of each ending.
//!
//! The codes are part of the interface: scripts tell a broken claim (1) from a mistake in a file
//! (2), a host that cannot enforce (3) and a fault of ringfence (4). `run` passes the program's
//! own code through, so every failure of ringfence itself is [`RUN_FAILED`] there, with its kind
//! in the error event.

use crate::mistake::Mistake;
use crate::printer::{Printer, Style};
use ringfence_policy::display::untrusted;
use ringfence_policy::layer::Layer;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

/// Exit code of `run` for every failure of ringfence itself.
pub(crate) const RUN_FAILED: u8 = 125;

/// How a verb ended when it did what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Nothing to report.
    Clean,
    /// Findings, a broken claim or a widened boundary.
    Findings,
    /// The code of the program that ran.
    Program(u8),
    /// This host cannot enforce what is required, or a claim has no conclusive probe.
    Unenforceable,
}

impl Finish {
    /// The exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Program(code) => code,
            Self::Unenforceable => 3,
        }
    }
}

/// What kind of failure stopped a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The boundary file says something it must not.
    Configuration,
    /// This host cannot enforce what is required.
    Host,
    /// A fault of ringfence.
    Internal,
    /// Output could not be written.
    Output,
    /// A file or another source could not be read.
    Source,
    /// The command line is wrong.
    Usage,
}

impl Kind {
    /// The exit code of every verb but `run`.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Configuration | Self::Output | Self::Source | Self::Usage => 2,
            Self::Host => 3,
            Self::Internal => 4,
        }
    }

    /// The word used in error events.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Host => "host",
            Self::Internal => "internal",
            Self::Output => "output",
            Self::Source => "source",
            Self::Usage => "usage",
        }
    }
}

/// Why a verb could not do what it was asked to.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: Kind,
    /// Boxed, because every step of every verb hands it on.
    told: Box<Told>,
}

/// What is said about a failure.
#[derive(Debug, Default)]
struct Told {
    /// Lower case, no trailing period.
    message: String,
    /// What caused it, outermost first.
    causes: Vec<String>,
    /// What to do about it, one sentence each.
    hints: Vec<String>,
    /// The mistakes in the boundary file, each with its place.
    mistakes: Vec<Mistake>,
    /// The layer that could not be given.
    layer: Option<Layer>,
    /// The event line that follows on standard error.
    event: Option<String>,
}

impl CommandError {
    /// A failure of this kind; the message is lower case without a trailing period.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, told: Box::new(Told { message: message.into(), ..Told::default() }) }
    }

    /// The mistakes in a boundary file; there is at least one.
    pub(crate) fn mistaken(kind: Kind, path: &Path, mistakes: Vec<Mistake>) -> Self {
        let message = match mistakes.as_slice() {
            [only] => only.summary(),
            several => format!("{} has {} mistakes", path.display(), several.len()),
        };
        let mut error = Self::new(kind, message);
        error.told.mistakes = mistakes;
        error
    }

    /// The kind.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The message, for the error event.
    pub(crate) fn message(&self) -> &str {
        &self.told.message
    }

    /// Names the layer that could not be given.
    pub(crate) fn of_layer(mut self, layer: Layer) -> Self {
        self.told.layer = Some(layer);
        self
    }

    /// The layer that could not be given.
    pub(crate) const fn layer(&self) -> Option<Layer> {
        self.told.layer
    }

    /// Lets an event line follow on standard error.
    pub(crate) fn with_event(mut self, line: String) -> Self {
        self.told.event = Some(line);
        self
    }

    /// The mistakes in the boundary file.
    pub(crate) fn mistakes(&self) -> &[Mistake] {
        &self.told.mistakes
    }

    /// Adds an error and everything below it as causes.
    pub(crate) fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            // An error that says no more than its cause is told once.
            if self.told.causes.last() != Some(&text) {
                self.told.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Adds a sentence that says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.told.hints.push(hint.into());
        self
    }

    /// Says it on standard error.
    pub(crate) fn print(&self, printer: &mut Printer) {
        let label = printer.paint_error(Style::Bad, "error:");
        let mut text = String::new();
        for mistake in &self.told.mistakes {
            // What comes from the file itself is escaped in it.
            let _ = writeln!(text, "{label} {}", mistake.shown());
        }
        if self.told.mistakes.len() != 1 {
            let _ = writeln!(text, "{label} {}", untrusted(&self.told.message));
        }
        for cause in &self.told.causes {
            let _ = writeln!(text, "  caused by: {}", untrusted(cause));
        }
        let label = printer.paint_error(Style::Note, "hint:");
        for hint in &self.told.hints {
            let _ = writeln!(text, "{label} {}", untrusted(hint));
        }
        printer.error(&text);
        if let Some(event) = &self.told.event {
            printer.event(event);
        }
    }
}
