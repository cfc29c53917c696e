//! `ringfence drift`

mod sources;

use super::process_id;
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use crate::table;
use ringfence_deploy::drift::{self, Comparison, Deployed, Drift as Weaker, DriftError};
use ringfence_deploy::render::Order;
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Say what is weaker in a deployment than in the boundary
///
/// FILE is a manifest, a Compose file, a Dockerfile, a unit, the config.json of a runtime bundle, a
/// seccomp profile, a Node command, or a folder of them, looked through with its subfolders. Exits 1 when anything is weaker, and 2 when
/// nothing could be compared. What is stricter than the boundary is no drift.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false))]
pub(crate) struct Drift {
    /// What is deployed: files, or folders of files
    #[arg(value_name = "FILE", group = "what", value_hint = clap::ValueHint::AnyPath)]
    files: Vec<PathBuf>,
    /// A process of the running service
    #[arg(long, value_name = "PID", group = "what", value_parser = process_id)]
    pid: Option<u32>,
    /// An image as a tar archive, as `docker save` writes it
    #[arg(long, value_name = "TAR", group = "what", value_hint = clap::ValueHint::FilePath)]
    image: Option<PathBuf>,
    /// Name of the service, unit, container or object in the file, where the boundary has another
    #[arg(long, value_name = "NAME", conflicts_with_all = ["pid", "image"])]
    service: Option<String>,
    #[command(flatten)]
    config: ConfigOption,
    /// Where the folder of the boundary file lies in the target
    #[arg(long, value_name = "DIR", default_value = Order::PLACE)]
    place: String,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: DriftFormat,
}

/// For people, for machines, or for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DriftFormat {
    Human,
    Json,
    Markdown,
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    boundary: String,
    /// How many things were compared.
    compared: usize,
    drifts: Vec<Shown<'a>>,
    undecided: Vec<&'a str>,
    /// Files of the named folders that are of no known kind.
    not_looked_at: Vec<String>,
}

/// One drift.
#[derive(Serialize)]
struct Shown<'a> {
    code: &'a str,
    file: String,
    line: Option<usize>,
    place: &'a str,
    wanted: &'a str,
    found: &'a str,
    why: &'a str,
}

/// What was compared, each with where it was read from.
type Compared = Vec<(PathBuf, Comparison)>;

/// What came of it.
struct Outcome {
    compared: Compared,
    /// Files that were passed over.
    passed_over: Vec<PathBuf>,
}

impl Drift {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let file = BoundaryFile::load(&self.config)?;
        let (hash, folder, name) = (file.hash(), file.folder()?, file.name());
        let mut order = Order::new(&file.boundary, &hash, &name, &folder);
        order.place = self.place.trim_end_matches('/');
        order.called = self.service.as_deref();
        let outcome = self.compare(&order)?;
        match self.format {
            DriftFormat::Human => printer.text(&human(&outcome, printer)),
            DriftFormat::Markdown => printer.text(&markdown(&outcome)),
            DriftFormat::Json => {
                let path = file.source.path.display().to_string();
                format::json(&output(path, &outcome), printer)?;
            }
        }
        let weaker = outcome.compared.iter().any(|(_, comparison)| !comparison.drifts.is_empty());
        Ok(if weaker { Finish::Findings } else { Finish::Clean })
    }

    fn compare(&self, order: &Order<'_>) -> Result<Outcome, CommandError> {
        let mut passed_over = Vec::new();
        let compared = if let Some(pid) = self.pid {
            let compared = drift::process::compare(order, pid);
            compared.map(|comparison| vec![(format!("/proc/{pid}").into(), comparison)])
        } else if let Some(archive) = &self.image {
            let compared = drift::image::compare(order, archive);
            compared.map(|comparison| vec![(archive.clone(), comparison)])
        } else {
            let found = sources::find(&self.files)?;
            let deployed = found.sources.iter();
            let deployed: Vec<Deployed<'_>> = deployed
                .map(|source| Deployed { path: &source.path, text: &source.text })
                .collect();
            passed_over = found.passed_over;
            drift::compare_all(order, &deployed)
        };
        let compared = compared.map_err(|error| refused(&error))?;
        if compared.iter().all(|(_, comparison)| comparison.compared == 0) {
            let mut error = CommandError::new(Kind::Source, "nothing could be compared");
            for reason in compared.iter().flat_map(|(_, comparison)| &comparison.undecided) {
                error = error.hint(reason.clone());
            }
            return Err(error);
        }
        Ok(Outcome { compared, passed_over })
    }
}

fn refused(error: &DriftError) -> CommandError {
    let kind = match error {
        DriftError::Malformed { .. } => Kind::Configuration,
        _ => Kind::Source,
    };
    let mut hints = match error {
        DriftError::Foreign { .. } => vec!["name the right boundary with --config FILE".to_owned()],
        DriftError::Unknown { .. } => {
            vec!["name the file that is deployed, or a folder with it".to_owned()]
        }
        DriftError::Malformed { .. } | DriftError::Unreadable { .. } => Vec::new(),
    };
    if let DriftError::Foreign { found, .. } = error
        && !found.is_empty()
    {
        let found = found.join(", ");
        let hint =
            format!("found {}: name the one that is meant with --service NAME", untrusted(&found));
        hints.insert(0, hint);
    }
    hints.into_iter().fold(CommandError::new(kind, error.to_string()), CommandError::hint)
}

fn output(boundary: String, outcome: &Outcome) -> Output<'_> {
    let compared = &outcome.compared;
    let drifts = compared.iter().flat_map(|(path, comparison)| {
        comparison.drifts.iter().map(|drift| Shown {
            code: drift.code,
            file: path.display().to_string(),
            line: drift.line,
            place: &drift.place,
            wanted: &drift.wanted,
            found: &drift.found,
            why: &drift.why,
        })
    });
    Output {
        schema: 1,
        boundary,
        compared: total(compared),
        drifts: drifts.collect(),
        undecided: compared
            .iter()
            .flat_map(|(_, one)| &one.undecided)
            .map(String::as_str)
            .collect(),
        not_looked_at: outcome.passed_over.iter().map(|path| path.display().to_string()).collect(),
    }
}

fn total(compared: &Compared) -> usize {
    compared.iter().map(|(_, comparison)| comparison.compared).sum()
}

/// `a.service:12`, or the file alone.
fn at(path: &Path, drift: &Weaker) -> String {
    match drift.line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    }
}

fn human(outcome: &Outcome, printer: &Printer) -> String {
    let compared = &outcome.compared;
    let mut text = String::new();
    let mut count = 0;
    for (path, comparison) in compared {
        for drift in &comparison.drifts {
            count += 1;
            let word = printer.paint(Style::Bad, drift.code);
            let _ = writeln!(text, "{word} {}", untrusted(&at(path, drift)));
            let lines = [
                untrusted(&drift.place).to_string(),
                format!("wanted {}, found {}", untrusted(&drift.wanted), untrusted(&drift.found)),
                untrusted(&drift.why).to_string(),
            ];
            for line in lines.iter().flat_map(|line| table::wrap(line, table::WIDTH - 4)) {
                let _ = writeln!(text, "    {line}");
            }
        }
        for reason in &comparison.undecided {
            let note = format!("not decided: {}", untrusted(reason));
            for (index, line) in table::wrap(&note, table::WIDTH - 4).iter().enumerate() {
                let _ = writeln!(text, "{}{line}", if index == 0 { "" } else { "    " });
            }
        }
    }
    if let Some(passed_over) = passed_over(outcome) {
        for (index, line) in table::wrap(&passed_over, table::WIDTH - 4).iter().enumerate() {
            let _ = writeln!(text, "{}{line}", if index == 0 { "" } else { "    " });
        }
    }
    let space = if text.is_empty() { "" } else { "\n" };
    let _ = match count {
        0 => writeln!(
            text,
            "{space}nothing is weaker than the boundary: {} compared",
            total(compared)
        ),
        count => {
            writeln!(text, "{space}{count} weaker than the boundary: {} compared", total(compared))
        }
    };
    text
}

/// How many most are named.
const NAMED: usize = 5;

/// `not looked at: 2 files (a.md, b.png)`
fn passed_over(outcome: &Outcome) -> Option<String> {
    let count = outcome.passed_over.len();
    let named = outcome.passed_over.iter().take(NAMED);
    let named: Vec<String> = named.map(|path| path.display().to_string()).collect();
    let more = if count > NAMED { ", ..." } else { "" };
    let files = if count == 1 { "file" } else { "files" };
    let named = named.join(", ");
    (count > 0).then(|| format!("not looked at: {count} {files} ({}{more})", untrusted(&named)))
}

fn markdown(outcome: &Outcome) -> String {
    let compared = &outcome.compared;
    let mut text = String::from("### Drift\n\n");
    let drifts: Vec<(&PathBuf, &Weaker)> = compared
        .iter()
        .flat_map(|(path, comparison)| comparison.drifts.iter().map(move |drift| (path, drift)))
        .collect();
    if drifts.is_empty() {
        let _ =
            writeln!(text, "Nothing is weaker than the boundary: {} compared.", total(compared));
    } else {
        let _ = writeln!(text, "| | where | key | wanted | found |\n|---|---|---|---|---|");
    }
    for (path, drift) in drifts {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {}<br>{} |",
            drift.code,
            escape(&at(path, drift)),
            escape(&drift.place),
            escape(&drift.wanted),
            escape(&drift.found),
            escape(&drift.why)
        );
    }
    for reason in compared.iter().flat_map(|(_, comparison)| &comparison.undecided) {
        let _ = writeln!(text, "\nNot decided: {}", escape(reason));
    }
    if let Some(passed_over) = passed_over(outcome) {
        let _ = writeln!(text, "\n{}", escape(&passed_over));
    }
    text
}
