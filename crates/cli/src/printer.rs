//! The only door to standard output and standard error.
//!
//! Colour is used only on a terminal, never carries meaning alone, and respects `--color` first
//! and `NO_COLOR` second. A reader that left (a closed pipe) is not a failure and is never a
//! panic; an output that cannot be written, such as a full disk, is an error with an exit code.

use crate::error::{CommandError, Kind};
use std::io::{self, IsTerminal, Write};

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    Always,
    // On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Never,
}

/// How a word looks where colour is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Something is wrong.
    Bad,
    /// Something is in order.
    Good,
    /// A heading.
    Heading,
    /// A hint.
    Note,
    /// Something is only partly in order.
    Warning,
}

impl Style {
    const fn escape(self) -> &'static str {
        match self {
            Self::Bad => "\x1b[1;31m",
            Self::Good => "\x1b[32m",
            Self::Heading => "\x1b[1m",
            Self::Note => "\x1b[36m",
            Self::Warning => "\x1b[33m",
        }
    }
}

/// Writes what users read.
#[derive(Debug)]
pub(crate) struct Printer {
    output_color: bool,
    error_color: bool,
    failed: Option<io::Error>,
    closed: bool,
}

impl Printer {
    /// A printer with automatic colour.
    pub(crate) fn new() -> Self {
        let mut printer =
            Self { output_color: false, error_color: false, failed: None, closed: false };
        printer.set_color(ColorChoice::Auto);
        printer
    }

    /// Applies `--color`.
    pub(crate) fn set_color(&mut self, choice: ColorChoice) {
        let allowed = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Auto => terminal && environment_allows_color(),
            ColorChoice::Never => false,
        };
        self.output_color = allowed(io::stdout().is_terminal());
        self.error_color = allowed(io::stderr().is_terminal());
    }

    /// A word in colour for standard output.
    pub(crate) fn paint(&self, style: Style, word: &str) -> String {
        paint(self.output_color, style, word)
    }

    /// A word in colour for standard error.
    pub(crate) fn paint_error(&self, style: Style, word: &str) -> String {
        paint(self.error_color, style, word)
    }

    /// Writes to standard output; a failure is kept for [`Self::flush`].
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes bytes to standard output; a failure is kept for [`Self::flush`].
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.closed || self.failed.is_some() {
            return;
        }
        if output_is_missing() && !bytes.is_empty() {
            self.failed = Some(io::Error::other("it is closed"));
            return;
        }
        let result = io::stdout().lock().write_all(bytes);
        self.keep(result);
    }

    /// An error where standard output is closed: for what must not be done when its result would be
    /// lost.
    #[cfg(feature = "crypto")]
    #[expect(clippy::unused_self, reason = "one door: every write goes through a printer")]
    pub(crate) fn check_output(&self) -> Result<(), CommandError> {
        if output_is_missing() { Err(unwritten(&io::Error::other("it is closed"))) } else { Ok(()) }
    }

    /// Writes to standard error. There is nowhere left to report a failure of this.
    #[expect(clippy::unused_self, reason = "one door: every write goes through a printer")]
    pub(crate) fn error(&mut self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Writes an event line to standard error, for whoever collects it: people at a terminal have
    /// the error itself.
    pub(crate) fn event(&mut self, line: &str) {
        if !io::stderr().is_terminal() {
            self.error(line);
        }
    }

    /// Says on a terminal what is going on, in the place of what was said before; an empty text
    /// takes it away. Nothing is said elsewhere.
    pub(crate) fn progress(&mut self, text: &str) {
        if io::stderr().is_terminal() && environment_allows_color() {
            self.error(&format!("\r\x1b[K{text}"));
        }
    }

    /// Flushes standard output and reports the first failure to write to it, once.
    pub(crate) fn flush(&mut self) -> Result<(), CommandError> {
        if !self.closed && self.failed.is_none() {
            let result = io::stdout().lock().flush();
            self.keep(result);
        }
        match self.failed.take() {
            None => Ok(()),
            Some(error) => {
                self.closed = true;
                Err(unwritten(&error))
            }
        }
    }

    /// Whether whoever read the output has left: going on makes no sense then.
    #[cfg(feature = "tls")]
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    fn keep(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => self.failed = Some(error),
        }
    }
}

fn unwritten(error: &io::Error) -> CommandError {
    CommandError::new(Kind::Output, "cannot write to standard output")
        .caused_by(error)
        .hint("free space on the disk, or send the output elsewhere")
}

/// Whether this process began without a standard output: what is written to it goes nowhere.
#[cfg(target_os = "linux")]
fn output_is_missing() -> bool {
    ringfence_sys::standard::output_was_closed()
}

#[cfg(not(target_os = "linux"))]
const fn output_is_missing() -> bool {
    false
}

fn environment_allows_color() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    !set("NO_COLOR") && !dumb
}

fn paint(color: bool, style: Style, word: &str) -> String {
    if color { format!("{}{word}\x1b[0m", style.escape()) } else { word.to_owned() }
}
