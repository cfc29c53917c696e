//! `ringfence init`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format, FormatOption};
use crate::host;
use crate::printer::{Printer, Style};
use crate::settings::{FILE_NAME, Source};
use crate::table;
use ringfence_learn::init::{self, Drafted, InitError, Request};
use ringfence_policy::display::untrusted;
use ringfence_project::whole;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Write a first boundary file from the project
///
/// Reads package.json, the lockfile, Dockerfile, Compose or Kubernetes manifests, environment files
/// and a command with Node's permission flags, and writes a commented ringfence.toml: each line says
/// where it comes from, guesses are marked. Nothing of the project is run. Lines that do not fit this
/// host are written as comments. Exits 1 when the file is written and does not pass check-config yet.
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// The project's folder; this one without it
    #[arg(value_name = "FOLDER", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// A file to read besides those that are found: a manifest, a Dockerfile, an environment file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    from: Vec<PathBuf>,
    /// How the service is started, such as "node --permission --allow-fs-read=/app src/server.js"
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// Where to write; - is standard output. Without it, ringfence.toml in the folder
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    format: FormatOption,
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    /// The file that was written; absent with `--output -`.
    file: Option<String>,
    text: Option<String>,
    read: &'a [String],
    guesses: usize,
    left_out: Vec<LeftOut>,
    granted: &'a [String],
    notes: &'a [String],
    /// What keeps it from passing `check-config` here.
    mistakes: &'a [String],
}

/// A line that became a comment.
#[derive(Serialize)]
struct LeftOut {
    line: String,
    why: String,
}

/// Rounds in which lines that do not fit are left out.
const ROUNDS: usize = 50;

impl Init {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let target = self.target()?;
        let here = std::env::current_dir().unwrap_or_default();
        let folder = self.folder.canonicalize().unwrap_or_default();
        let from = self.from.iter().map(|path| {
            let path = here.join(path);
            let path = path.canonicalize().unwrap_or(path);
            path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().into_owned()
        });
        let request = Request {
            folder: self.folder.clone(),
            from: from.collect(),
            command: self.command.clone(),
        };
        let mut drafted = init::init(&request).map_err(|error| refused(&error))?;
        let mut mistakes = match &target {
            Some(path) => {
                write(path, &drafted.text(), self.force)?;
                let mistakes = fit(&mut drafted, path);
                write(path, &drafted.text(), true)?;
                mistakes
            }
            None => self.stand_in().map_or_else(Vec::new, |path| fit(&mut drafted, &path)),
        };
        if drafted.lacks_start() {
            mistakes.push("[service] has no `start`: its command has a secret in it".to_owned());
        }
        match self.format.format {
            Format::Human => self.human(&drafted, target.as_deref(), &mistakes, printer),
            Format::Json => {
                let out = drafted.left_out().into_iter();
                let output = Output {
                    schema: 1,
                    file: target.as_ref().map(|path| path.display().to_string()),
                    text: target.is_none().then(|| drafted.text()),
                    read: &drafted.read,
                    guesses: drafted.guesses(),
                    left_out: out.map(|(line, why)| LeftOut { line, why }).collect(),
                    granted: &drafted.granted,
                    notes: &drafted.notes,
                    mistakes: &mistakes,
                };
                format::json(&output, printer)?;
            }
        }
        Ok(if mistakes.is_empty() { Finish::Clean } else { Finish::Findings })
    }

    /// The file to write; none for standard output.
    fn target(&self) -> Result<Option<PathBuf>, CommandError> {
        let path = match &self.output {
            Some(path) if path.as_os_str() == "-" => return Ok(None),
            Some(path) => path.clone(),
            None if self.folder == Path::new(".") => PathBuf::from(FILE_NAME),
            None => self.folder.join(FILE_NAME),
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok();
        if folder.is_some() && folder != self.folder.canonicalize().ok() {
            let message = format!("{} is not in {}", path.display(), self.folder.display());
            return Err(CommandError::new(Kind::Usage, message).hint(
                "paths in the file count from its folder: write it into the project's folder",
            ));
        }
        if !self.force && std::fs::symlink_metadata(&path).is_ok() {
            let message = format!("{} is there already", path.display());
            return Err(CommandError::new(Kind::Usage, message)
                .hint("`ringfence learn -- COMMAND` adds to it what a run needs")
                .hint("--force writes over it, --output - shows the draft"));
        }
        Ok(Some(path))
    }

    /// A file of the folder, where none is written: the host is asked from there.
    fn stand_in(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).ok()?.flatten();
        let mut files: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        files.sort();
        files.into_iter().next()
    }

    fn human(
        &self,
        drafted: &Drafted,
        target: Option<&Path>,
        mistakes: &[String],
        printer: &mut Printer,
    ) {
        let mut text = String::new();
        let mut list = |head: &str, lines: &[String]| {
            if !lines.is_empty() {
                let _ = writeln!(text, "{head}");
            }
            for line in lines {
                for (index, part) in
                    table::wrap(&untrusted(line).to_string(), table::WIDTH - 4).iter().enumerate()
                {
                    let _ = writeln!(text, "  {}{part}", if index == 0 { "" } else { "  " });
                }
            }
        };
        list("What the flags of the command really granted:", &drafted.granted);
        let out = drafted.left_out().into_iter().map(|(line, why)| format!("{line}: {why}"));
        list("Written as comments, because they do not fit this host:", &out.collect::<Vec<_>>());
        list("To know:", &drafted.notes);
        list("Not in order yet:", mistakes);
        let Some(path) = target else {
            printer.text(&drafted.text());
            return printer.error(&text);
        };
        let read = if drafted.read.is_empty() {
            "the command".to_owned()
        } else {
            drafted.read.join(", ")
        };
        let word = printer.paint(Style::Good, "written");
        let path = path.display().to_string();
        printer.text(&format!(
            "{} is {word}, from {}; {} guesses are marked in it\n",
            untrusted(&path),
            untrusted(&read),
            drafted.guesses()
        ));
        printer.text(&text);
        let config = if self.folder == Path::new(".") && self.output.is_none() {
            String::new()
        } else {
            format!(" --config {}", untrusted(&path))
        };
        printer.text(&format!(
            "Next:\n  ringfence check-config{config}\n  ringfence learn{config} -- COMMAND   (adds what a run needs)\n  ringfence run{config}\n  ringfence prove{config}\n"
        ));
    }
}

/// Leaves out what does not fit this host, until the rest does; answers what nothing can do without.
fn fit(drafted: &mut Drafted, path: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for _ in 0..ROUNDS {
        let source = Source { path: path.to_owned(), text: drafted.to_check() };
        let checked = BoundaryFile::of(source).and_then(|file| host::fits(&file));
        let Err(error) = checked else { return Vec::new() };
        let mut places: Vec<(usize, String)> =
            error.mistakes().iter().filter_map(crate::mistake::Mistake::place).collect();
        // From below, so that the lines above keep their numbers.
        places.sort_by_key(|(line, _)| std::cmp::Reverse(*line));
        let mut changed = false;
        left.clear();
        for (line, why) in places {
            if drafted.leave_out(line, &why) {
                changed = true;
            } else {
                left.push(why);
            }
        }
        if !changed {
            if left.is_empty() {
                left.push(error.message().to_owned());
            }
            left.reverse();
            break;
        }
    }
    left
}

/// Writes the file; only `--force` replaces one.
fn write(path: &Path, text: &str, over: bool) -> Result<(), CommandError> {
    let written = if over {
        whole::write(path, text.as_bytes(), None)
    } else {
        whole::create(path, text.as_bytes(), None)
    };
    written.map_err(|error| {
        CommandError::new(Kind::Output, format!("cannot write {}", path.display()))
            .caused_by(&error)
            .hint("let the user who runs this write into the folder, or use --output -")
    })
}

fn refused(error: &InitError) -> CommandError {
    let kind = match error {
        InitError::Draft(_) => Kind::Internal,
        InitError::Folder(..) => Kind::Source,
        InitError::Nothing(_) | InitError::NoStart(..) => Kind::Configuration,
    };
    let mut wrong = CommandError::new(kind, error.to_string());
    if let Some(cause) = std::error::Error::source(error) {
        wrong = wrong.caused_by(cause);
    }
    match error {
        InitError::Nothing(_) => wrong
            .hint("name the folder with the package.json: `ringfence init FOLDER`")
            .hint("or say how the service is started: --command \"node server.js\""),
        InitError::NoStart(_, notes) => {
            let wrong = wrong.hint("say it: --command \"node server.js\"");
            notes.iter().fold(wrong, |wrong, note| wrong.hint(note.clone()))
        }
        InitError::Folder(..) => wrong.hint("check the path"),
        InitError::Draft(_) => wrong.hint("please report this with the files it was made from"),
    }
}
