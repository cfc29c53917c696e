//! `ringfence deps verify`

use super::look::{bytes, counted, folder_of};
use super::policy::Policy;
use super::source::{self, Side};
use super::subject::{Row, Subject, SubjectFormat, Told};
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::printer::{Printer, Style};
use crate::table::{Cell, draw};
use ringfence_deps::evidence::Origin;
use ringfence_deps::installed::{Deviation, InstalledError, Report, Verification};
use ringfence_deps::scripts::{Allowed, allowed};
use ringfence_policy::display::untrusted;
use ringfence_project::graph::Package;
use serde::Serialize;
use std::collections::HashMap;

/// Most rows that people are shown of one kind.
const ROWS: usize = 100;

/// Compare what is installed with the lockfile and the tarballs, byte for byte
///
/// Every file in `node_modules` must be in the tarball that the lockfile's hash names, and every file of
/// the tarball must be there. Tarballs are taken from npm's cache and, with --online, from the registry;
/// pnpm's store stands in where neither has one. What install scripts wrote is told apart. Exits 1 when
/// something deviates, and 2 when a package cannot be compared.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    subject: Subject,
    /// Take what install scripts wrote for a deviation
    #[arg(long)]
    deny_script_output: bool,
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    /// `unchanged`, `deviates` or `unknown`.
    verdict: &'static str,
    lockfile: &'a str,
    #[serde(flatten)]
    report: &'a Report,
}

impl Verify {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let subject = &self.subject;
        let policy = Policy::load(&subject.config)?.dependencies;
        let side = source::load(&subject.project.to_string_lossy(), "")?;
        let folder = folder_of(&subject.project);
        let folder = folder.canonicalize().unwrap_or(folder);
        let places = subject.look.open(&folder)?;
        let tarballs = places.tarballs();
        // Without a list nobody said who may run scripts.
        let may_run = |package: &Package| match allowed(package, &policy) {
            Allowed::Yes => Some(true),
            Allowed::Denied => Some(false),
            _ => (!policy.scripts.is_empty()).then_some(false),
        };
        // More than there are processors: where nothing was read before, most of it waits for the disk.
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.saturating_mul(2).clamp(4, 8);
        printer.progress("comparing what is installed");
        let verification = Verification {
            graph: &side.graph,
            folder: &folder,
            project: &folder,
            tarballs: &tarballs,
            may_run: &may_run,
            threads,
        };
        let ran = verification.run();
        printer.progress("");
        let mut report = ran.map_err(|error| failed(&error))?;
        if self.deny_script_output {
            report.deviations.append(&mut report.script_outputs);
            report.deviations.sort();
        }
        let is_unknown = !report.unknown.is_empty() && !subject.allow_unknown;
        let verdict = match () {
            () if !report.deviations.is_empty() => "deviates",
            () if is_unknown || report.packages == 0 => "unknown",
            () => "unchanged",
        };
        match subject.format {
            SubjectFormat::Sarif => format::json(&told(&side, &report).sarif(), printer)?,
            SubjectFormat::Markdown => printer.text(&told(&side, &report).markdown()),
            SubjectFormat::Json => {
                let output = Output { schema: 1, verdict, lockfile: &side.path, report: &report };
                format::json(&output, printer)?;
            }
            SubjectFormat::Human => printer.text(&human(&report, printer)),
        }
        match verdict {
            "unchanged" => Ok(Finish::Clean),
            "deviates" => Ok(Finish::Findings),
            _ if report.packages == 0 => {
                let message = "no package could be compared";
                Err(CommandError::new(Kind::Source, message).hint(HINT))
            }
            _ => {
                let count = counted(report.unknown.len(), "package");
                let message = format!("{count} could not be compared, and may be anything");
                Err(CommandError::new(Kind::Source, message).hint(HINT))
            }
        }
    }
}

/// What to do where a tarball is missing.
const HINT: &str =
    "ask the registry for tarballs with --online, or go on without with --allow-unknown";

fn failed(error: &InstalledError) -> CommandError {
    let told = CommandError::new(Kind::Source, "nothing was compared").caused_by(error);
    match error {
        InstalledError::Absent => {
            told.hint("install the packages first, or name the project's folder")
        }
        _ => told,
    }
}

/// What the codes mean.
const RULES: [(&str, &str); 10] = [
    ("added", "A file is not in the tarball of its package."),
    ("changed", "A file has other bytes than in the tarball of its package."),
    ("command-changed", "A command starts something else than its package says."),
    ("extra-package", "A package is installed that the lockfile does not have there."),
    ("link", "A link is where none belongs, or leads elsewhere than the lockfile says."),
    ("missing", "A file of the tarball is not there."),
    ("missing-package", "A package of the lockfile is not there."),
    (
        "mode-changed",
        "A file may be executed, or runs with the rights of its owner, and should not.",
    ),
    ("version-differs", "Another version is installed than the lockfile has."),
    ("script-output", "An install script may have written it: no tarball says what it should be."),
];

fn told<'a>(side: &'a Side, report: &Report) -> Told<'a> {
    let mut copies: HashMap<String, Vec<(&str, usize)>> = HashMap::new();
    for package in &side.graph.packages {
        copies.entry(package.label()).or_default().push((&package.key, package.line));
    }
    // The copy in whose folder it lies, where the lockfile names folders; else the first.
    let line = |one: &Deviation| {
        let all = copies.get(&one.package).map(Vec::as_slice).unwrap_or_default();
        let here = |(key, _): &&(&str, usize)| {
            one.path.strip_prefix(*key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        all.iter().find(here).or(all.first()).map_or(1, |(_, line)| *line)
    };
    let row = |one: &Deviation, code, level| {
        let more =
            if one.message.is_empty() { String::new() } else { format!(": {}", one.message) };
        Row {
            code,
            level,
            package: one.package.clone(),
            text: format!("{} {}{more}", one.kind.id(), one.path),
            line: line(one),
        }
    };
    let deviations = report.deviations.iter().map(|one| row(one, one.kind.id(), "error"));
    let outputs = report.script_outputs.iter().map(|one| row(one, "script-output", "note"));
    let unknown =
        report.unknown.iter().map(|one| format!("not known: {}: {}", one.package, one.why));
    let tools =
        report.not_compared.iter().map(|one| format!("not compared, kept by a tool: {one}"));
    Told {
        title: "Installed packages",
        summary: format!(
            "{} of {} compared{}: {}",
            counted(report.files, "file"),
            counted(report.packages, "package"),
            origins(report),
            counted(report.deviations.len(), "deviation"),
        ),
        rules: &RULES,
        lockfile: &side.path,
        rows: deviations.chain(outputs).collect(),
        notes: unknown.chain(tools).collect(),
    }
}

fn human(report: &Report, printer: &Printer) -> String {
    let mut text = String::new();
    let heading = |word: &str| format!("\n{}\n", printer.paint(Style::Heading, word));
    if !report.deviations.is_empty() {
        text += &heading("What deviates from its tarball");
        text += &table(&report.deviations, Style::Bad, printer);
    }
    if !report.script_outputs.is_empty() {
        text += &heading("What install scripts may have written in their own packages");
        text += &table(&report.script_outputs, Style::Note, printer);
    }
    if !report.unknown.is_empty() {
        text += &heading("What is not known");
        let shown = report.unknown.iter().take(ROWS);
        let rows: Vec<_> = shown.map(|one| [cell(&one.package), cell(&one.why)]).collect();
        text += &draw(&rows, printer);
        text += &more(report.unknown.len());
    }
    let compared = format!(
        "{} in {} compared, {}{}\n",
        counted(report.files, "file"),
        counted(report.packages, "package"),
        bytes(report.bytes),
        origins(report)
    );
    let mut out = compared;
    if report.left_out > 0 {
        let count = counted(report.left_out, "package");
        out += &count;
        out += " of the lockfile not installed, as an install may leave out\n";
    }
    if !report.not_compared.is_empty() {
        let folders: Vec<String> =
            report.not_compared.iter().map(|one| untrusted(one).to_string()).collect();
        out += "not compared, kept by tools: ";
        out += &folders.join(", ");
        out.push('\n');
    }
    if report.deviations.is_empty() && report.unknown.is_empty() {
        out += &printer.paint(Style::Good, "nothing deviates");
        out.push('\n');
    }
    out + &text
}

fn origins(report: &Report) -> String {
    let one = |(origin, count): (&Origin, &usize)| {
        let from = match origin {
            Origin::File => "files",
            Origin::NpmCache => "npm's cache",
            Origin::PnpmStore => "pnpm's own list, which is no tarball",
            Origin::Registry => "the registry",
            Origin::RegistryAlone => "the registry by its own word, as the lockfile has no hash",
        };
        format!("{count} from {from}")
    };
    let all: Vec<String> = report.origins.iter().map(one).collect();
    if all.is_empty() { String::new() } else { format!(": {}", all.join(", ")) }
}

fn table(deviations: &[Deviation], style: Style, printer: &Printer) -> String {
    let row = |one: &Deviation| {
        let mut what = untrusted(&one.path).to_string();
        if !one.message.is_empty() {
            what += ": ";
            what += &untrusted(&one.message).to_string();
        }
        [Cell::styled(style, one.kind.id()), cell(&one.package), Cell::plain(what)]
    };
    let rows: Vec<_> = deviations.iter().take(ROWS).map(row).collect();
    draw(&rows, printer) + &more(deviations.len())
}

fn more(count: usize) -> String {
    match count.saturating_sub(ROWS) {
        0 => String::new(),
        more => format!("and {more} more: --format json tells all\n"),
    }
}

fn cell(text: &str) -> Cell {
    Cell::plain(untrusted(text).to_string())
}
