//! `ringfence explain`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::explained;
use crate::format;
use crate::host;
use crate::printer::Printer;
use crate::settings::ConfigOption;
use ringfence_boundary::explain::{self, Context, Host, Report, Setting};
use ringfence_policy::event::Event;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

/// Bytes of standard input or a file of events that are read.
const MOST: u64 = 64 * 1024 * 1024;

/// Lines of a file of events that are named as broken.
const BROKEN: usize = 5;

/// Explain a denial, an error text or a running service, and name the grant or the reason not to
///
/// TEXT is an error as it was printed: a message, a stack, a log line. Without TEXT, or with `-`, it
/// is read from standard input. The grant that is named was tried on the boundary file first; the
/// file itself is not changed. Exits 0 when something was explained and 1 when nothing was
/// recognised.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// The error; `-` or nothing for standard input
    #[arg(value_name = "TEXT", conflicts_with_all = ["event", "pid"])]
    text: Option<String>,
    /// A file of events, as `run --events` writes it; `-` for standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with = "pid")]
    event: Option<PathBuf>,
    /// A running service: its process, or that of its `ringfence run`
    #[arg(long, value_name = "PID", value_parser = super::process_id)]
    pid: Option<u32>,
    #[command(flatten)]
    config: ConfigOption,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ExplainFormat,
}

/// For people, for machines, or for an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ExplainFormat {
    Human,
    Json,
    Markdown,
}

/// The JSON form of a running service.
#[derive(serde::Serialize)]
struct Running<'a> {
    service: &'a host::ServiceReport,
    denials: &'a Report,
}

/// The boundary file, and the folder its paths count from.
struct Known {
    file: BoundaryFile,
    path: String,
    folder: String,
}

impl Explain {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        if let Some(pid) = self.pid {
            return self.service(pid, printer);
        }
        let mut notes = Vec::new();
        let known = self.known(&mut notes)?;
        let here = host::here(known.as_ref().map(|known| &known.file));
        let context = Context { setting: known.as_ref().map(Known::setting), host: &*here };
        let mut report = match &self.event {
            Some(path) => events(path, &context, &mut notes)?,
            None => explain::explain(&self.text()?, &context),
        };
        report.notes.append(&mut notes);
        self.write(&report, printer)?;
        Ok(if report.explanations.is_empty() { Finish::Findings } else { Finish::Clean })
    }

    /// The boundary in question. One that was not asked for and cannot be used is only noted.
    fn known(&self, notes: &mut Vec<String>) -> Result<Option<Known>, CommandError> {
        match Known::load(&self.config) {
            Ok(known) => Ok(Some(known)),
            Err(error) if self.config.config.is_some() => Err(error),
            Err(error) => {
                if error.kind() == Kind::Configuration {
                    notes.push(format!(
                        "{}: it was not used; `ringfence check-config` shows the mistakes",
                        error.message()
                    ));
                }
                Ok(None)
            }
        }
    }

    fn text(&self) -> Result<String, CommandError> {
        match self.text.as_deref() {
            Some(text) if text != "-" => Ok(text.to_owned()),
            None if io::stdin().is_terminal() => Err(CommandError::new(
                Kind::Usage,
                "nothing to explain",
            )
            .hint("paste the error: `ringfence explain 'TEXT'`, or pipe it: `node app.mjs 2>&1 | ringfence explain`")
            .hint("`--event FILE` explains what `run --events` recorded, `--pid PID` a running service")),
            _ => read_text(&mut io::stdin().lock(), Path::new("standard input")),
        }
    }

    fn write(&self, report: &Report, printer: &mut Printer) -> Result<(), CommandError> {
        match self.format {
            ExplainFormat::Human => {
                let text = explained::human(report, printer);
                printer.text(&text);
                Ok(())
            }
            ExplainFormat::Json => format::json(report, printer),
            ExplainFormat::Markdown => {
                printer.text(&explained::markdown(report));
                Ok(())
            }
        }
    }

    /// A running service, and what it was refused of late.
    fn service(&self, pid: u32, printer: &mut Printer) -> Result<Finish, CommandError> {
        let mut service = host::service(pid)?;
        // Its own file, as it is now: a grant that is in it already helps at the next start.
        let config = self.config.config.clone().or(service.boundary.as_ref().map(PathBuf::from));
        let known = match config {
            Some(path) => match Known::load(&ConfigOption { config: Some(path) }) {
                Ok(known) => Some(known),
                Err(error) if self.config.config.is_some() => return Err(error),
                Err(error) => {
                    service.notes.push(error.message().to_owned());
                    None
                }
            },
            None => None,
        };
        let here = host::here(known.as_ref().map(|known| &known.file));
        let context = Context { setting: known.as_ref().map(Known::setting), host: &*here };
        let denials = std::mem::take(&mut service.denials);
        let report = explain::events(denials.into_iter().map(|event| (0, event)), &context);
        if self.format == ExplainFormat::Json {
            format::json(&Running { service: &service, denials: &report }, printer)?;
            return Ok(Finish::Clean);
        }
        let text = explained::service(&service, printer);
        printer.text(&text);
        // What was refused is what was asked for: it comes before what holds.
        if !report.explanations.is_empty() {
            printer.text("\n");
            self.write(&report, printer)?;
        }
        let text = explained::layers(&service, printer);
        printer.text(&text);
        Ok(Finish::Clean)
    }
}

impl Known {
    fn load(option: &ConfigOption) -> Result<Self, CommandError> {
        let file = BoundaryFile::load(option)?;
        let folder = file.folder()?.to_string_lossy().into_owned();
        let path = file.source.path.to_string_lossy().into_owned();
        Ok(Self { file, path, folder })
    }

    fn setting(&self) -> Setting<'_> {
        Setting {
            path: &self.path,
            text: &self.file.source.text,
            boundary: &self.file.boundary,
            folder: &self.folder,
        }
    }
}

/// Explains a file of events; lines that are none are named and skipped.
fn events(
    path: &Path,
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Result<Report, CommandError> {
    let text = if path == Path::new("-") {
        read_text(&mut io::stdin().lock(), Path::new("standard input"))?
    } else {
        let mut file = open(path)?;
        read_text(&mut file, path)?
    };
    let mut read = Vec::new();
    let mut broken = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Event>(line) {
            Ok(event) => read.push((index + 1, event)),
            Err(error) => broken.push(format!("line {} is not an event: {error}", index + 1)),
        }
    }
    let more = broken.len().saturating_sub(BROKEN);
    notes.extend(broken.into_iter().take(BROKEN));
    if more > 0 {
        notes.push(format!("{more} more lines are not events"));
    }
    Ok(explain::events(read, context))
}

/// Opens a file, without waiting for the other end of a pipe that has none.
fn open(path: &Path) -> Result<File, CommandError> {
    let cannot = |error: &io::Error| {
        CommandError::new(Kind::Source, format!("cannot read {}", path.display()))
            .caused_by(error)
            .hint("name the file that `ringfence run --events FILE` wrote")
    };
    let file = File::open(path).map_err(|error| cannot(&error))?;
    let metadata = file.metadata().map_err(|error| cannot(&error))?;
    if metadata.is_dir() {
        return Err(cannot(&io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Reads text of any encoding, up to a bound.
fn read_text(from: &mut dyn Read, name: &Path) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    from.take(MOST).read_to_end(&mut bytes).map_err(|error| {
        CommandError::new(Kind::Source, format!("cannot read {}", name.display()))
            .caused_by(&error)
            .hint("give the error as an argument: `ringfence explain 'TEXT'`")
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The host in question, as far as this one is it.
pub(crate) type Here<'a> = Box<dyn Host + 'a>;
