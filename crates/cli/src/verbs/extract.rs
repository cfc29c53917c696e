//! `ringfence extract`

use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format, FormatOption};
use crate::printer::{Printer, Style};
use ringfence_guard::archive::{ArchiveError, Entry, Extraction, Limits, Refusal, Summary};
use ringfence_guard::path::PathError;
use ringfence_guard::temp::Draft;
use ringfence_policy::display::untrusted;
use ringfence_policy::statement::bytes as bytes_shown;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read as _, Seek, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two words on what is going on.
const PULSE: Duration = Duration::from_millis(100);

/// Extract an archive somebody else made, whole or not at all
///
/// zip, tar, tar.gz and tar.zst, told by their bytes. Links, devices, paths that lead elsewhere or mean
/// something else on another system, names that are there twice, headers that disagree and bombs are
/// refused. DIR must not be there yet, or be empty: everything is written beside it first and put in
/// its place in one step. Exits 1 when the archive is refused, and 2 when it cannot be read or written.
#[derive(Debug, clap::Args)]
pub(crate) struct Extract {
    /// The archive; - for standard input
    #[arg(value_name = "ARCHIVE", value_hint = clap::ValueHint::FilePath)]
    archive: PathBuf,
    /// The folder it is extracted to
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "list",
        conflicts_with = "list",
        value_hint = clap::ValueHint::DirPath
    )]
    into: Option<PathBuf>,
    /// Check everything and list the entries, and write nothing
    #[arg(long)]
    list: bool,
    /// Bytes after inflating
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = ringfence_policy::size)]
    max_bytes: u64,
    /// Files and folders
    #[arg(long, value_name = "N", default_value = "100000")]
    max_entries: u64,
    /// Bytes after inflating for each byte before, from 4 MiB on
    #[arg(long, value_name = "N", default_value = "100")]
    max_ratio: u64,
    /// Names in a path
    #[arg(long, value_name = "N", default_value = "32")]
    max_depth: usize,
    /// Names taken away from the beginning of every path
    #[arg(long, value_name = "N", default_value = "0")]
    strip: usize,
    #[command(flatten)]
    format: FormatOption,
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    /// `extracted`, `listed` or `refused`.
    verdict: &'a str,
    archive: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Told>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entries: Vec<Listed>,
}

/// How much there is.
#[derive(Serialize)]
struct Content {
    format: &'static str,
    files: u64,
    folders: u64,
    bytes: u64,
}

/// Why it was refused.
#[derive(Serialize)]
struct Told {
    code: &'static str,
    entry: Option<String>,
    reason: String,
}

/// One entry.
#[derive(Serialize)]
struct Listed {
    path: String,
    kind: &'static str,
    bytes: u64,
    executable: bool,
}

impl Extract {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let mut entries = Vec::new();
        let outcome = self.work(printer, &mut entries);
        printer.progress("");
        let finish = match &outcome {
            Ok(_) => Finish::Clean,
            Err(ArchiveError::Refused { .. }) => Finish::Findings,
            Err(error) => return Err(self.failed(error)),
        };
        match self.format.format {
            Format::Json => format::json(&self.output(&outcome, entries), printer)?,
            Format::Human => self.say(&outcome, printer),
        }
        Ok(finish)
    }

    fn work(
        &self,
        printer: &mut Printer,
        entries: &mut Vec<Listed>,
    ) -> Result<Summary, ArchiveError> {
        let extraction = Extraction::new(self.limits()).with_strip(self.strip);
        let archive = self.open()?;
        let mut pulse = Pulse { since: Instant::now(), files: 0, bytes: 0 };
        let json = self.format.format == Format::Json;
        match &self.into {
            Some(into) => {
                extraction.extract(archive, into, &mut |entry| pulse.beat(entry, printer))
            }
            None => extraction.list(archive, &mut |entry| {
                if json {
                    pulse.beat(entry, printer);
                    entries.push(listed(entry));
                } else {
                    printer.text(&line(entry));
                }
            }),
        }
    }

    const fn limits(&self) -> Limits {
        Limits {
            bytes: self.max_bytes,
            entries: self.max_entries,
            ratio: self.max_ratio,
            depth: self.max_depth,
        }
    }

    /// The archive as a file that can be read in any order.
    fn open(&self) -> Result<File, ArchiveError> {
        if self.archive.as_os_str() != "-" {
            // A pipe is not waited for here, and refused below.
            let opened =
                File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&self.archive);
            let file = opened.map_err(ArchiveError::Read)?;
            if !file.metadata().map_err(ArchiveError::Read)?.is_file() {
                let why = "it is no ordinary file: for a pipe, write `-`";
                return Err(ArchiveError::Read(io::Error::other(why)));
            }
            return Ok(file);
        }
        let input = io::stdin().as_fd().try_clone_to_owned().map_err(ArchiveError::Read)?;
        let mut input = File::from(input);
        let ordinary = input.metadata().is_ok_and(|found| found.is_file());
        if ordinary && input.stream_position().is_ok_and(|at| at == 0) {
            return Ok(input);
        }
        self.spooled(input)
    }

    /// Standard input in a file without a name, on the disk where the content will lie: a zip is read
    /// from its end.
    fn spooled(&self, input: File) -> Result<File, ArchiveError> {
        let folder = match &self.into {
            None => std::env::temp_dir(),
            Some(into) => match into.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
                _ => PathBuf::from("."),
            },
        };
        let draft = Draft::new_in(folder).map_err(ArchiveError::Parent)?;
        let full = |error| ArchiveError::Parent(PathError::Io(error));
        let mut input = input.take(self.max_bytes.saturating_add(1));
        let mut room = vec![0; 64 << 10];
        let mut copied = 0_u64;
        loop {
            // Which of the two failed is told apart: the archive is not at fault when the disk is full.
            let count = match input.read(&mut room) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ArchiveError::Read(error)),
            };
            copied += count as u64;
            draft.file().write_all(room.get(..count).unwrap_or_default()).map_err(full)?;
        }
        if copied > self.max_bytes {
            let reason = Refusal::Bytes(self.max_bytes);
            return Err(ArchiveError::Refused { entry: None, reason });
        }
        let mut file = draft.file().try_clone().map_err(ArchiveError::Read)?;
        file.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
        Ok(file)
    }

    fn shown(&self) -> String {
        let name = if self.archive.as_os_str() == "-" {
            Path::new("standard input")
        } else {
            &self.archive
        };
        untrusted(&name.to_string_lossy()).to_string()
    }

    fn say(&self, outcome: &Result<Summary, ArchiveError>, printer: &mut Printer) {
        match outcome {
            Ok(summary) => {
                let files = counted(summary.files, "file");
                let folders = counted(summary.folders, "folder");
                let bytes = bytes_shown(summary.bytes);
                let content = format!("{files} in {folders}, {bytes}");
                let kind = summary.format.name();
                printer.text(&match &self.into {
                    None => format!("{content}: this {kind} can be extracted\n"),
                    Some(into) => {
                        let into = into.to_string_lossy();
                        format!("extracted a {kind} into {}: {content}\n", untrusted(&into))
                    }
                });
            }
            Err(error) => {
                let label = printer.paint_error(Style::Bad, "refused:");
                let nothing = if self.list { "" } else { "nothing was written\n" };
                let text = format!("{label} {}: {error}\n{nothing}", self.shown());
                printer.error(&text);
                if let Some(hint) = hint(error) {
                    let label = printer.paint_error(Style::Note, "hint:");
                    printer.error(&format!("{label} {hint}\n"));
                }
            }
        }
    }

    fn output(&self, outcome: &Result<Summary, ArchiveError>, entries: Vec<Listed>) -> Output<'_> {
        let refusal = outcome.as_ref().err().map(|error| Told {
            code: error.code(),
            entry: match error {
                ArchiveError::Refused { entry: Some(entry), .. } => Some(entry.to_string()),
                _ => None,
            },
            reason: match error {
                ArchiveError::Refused { reason, .. } => reason.to_string(),
                other => other.to_string(),
            },
        });
        let verdict = match (&refusal, self.list) {
            (Some(_), _) => "refused",
            (None, true) => "listed",
            (None, false) => "extracted",
        };
        Output {
            schema: 1,
            verdict,
            archive: self.shown(),
            destination: self.into.as_ref().map(|into| into.display().to_string()),
            content: outcome.as_ref().ok().map(|summary| Content {
                format: summary.format.name(),
                files: summary.files,
                folders: summary.folders,
                bytes: summary.bytes,
            }),
            refusal,
            entries,
        }
    }

    fn failed(&self, error: &ArchiveError) -> CommandError {
        let kind = match error {
            ArchiveError::Write { .. } | ArchiveError::Commit(_) | ArchiveError::Parent(_) => {
                Kind::Output
            }
            _ => Kind::Source,
        };
        let message = format!("cannot extract {}", self.shown());
        let told = CommandError::new(kind, message).caused_by(error);
        match error {
            ArchiveError::Destination(_) => told.hint("name a folder that is not there yet"),
            ArchiveError::Read(_) => told,
            _ => told.hint("nothing was written: free space or name another folder, and try again"),
        }
    }
}

/// What goes on, said now and then.
struct Pulse {
    since: Instant,
    files: u64,
    bytes: u64,
}

impl Pulse {
    fn beat(&mut self, entry: &Entry<'_>, printer: &mut Printer) {
        self.files += u64::from(!entry.folder);
        self.bytes += entry.bytes;
        if self.since.elapsed() >= PULSE {
            self.since = Instant::now();
            let files = counted(self.files, "file");
            printer.progress(&format!("{files}, {} MiB", self.bytes >> 20));
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The option that lets it through, where one may.
fn hint(error: &ArchiveError) -> Option<&'static str> {
    let ArchiveError::Refused { reason, .. } = error else { return None };
    match reason {
        Refusal::Bytes(_) => Some("if so much is expected, say so with --max-bytes SIZE"),
        Refusal::Entries(_) => Some("if so many are expected, say so with --max-entries N"),
        Refusal::Ratio(_) => Some("if it is no bomb, say so with --max-ratio N"),
        Refusal::Depth(_) => Some("if paths are that deep, say so with --max-depth N"),
        Refusal::Stripped => Some("take fewer names away with --strip N"),
        _ => None,
    }
}

fn listed(entry: &Entry<'_>) -> Listed {
    Listed {
        path: entry.path.to_string(),
        kind: if entry.folder { "folder" } else { "file" },
        bytes: entry.bytes,
        executable: entry.executable,
    }
}

/// `        1234  path`, folders with a slash.
fn line(entry: &Entry<'_>) -> String {
    let path = untrusted(entry.path.as_str());
    if entry.folder {
        format!("{:>12}  {path}/\n", "")
    } else {
        format!("{:>12}  {path}{}\n", entry.bytes, if entry.executable { "*" } else { "" })
    }
}
