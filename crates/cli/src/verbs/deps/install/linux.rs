//! Installing where a boundary can be enforced, and telling what happened.

use super::super::look::{Look, counted};
use super::super::policy::Policy;
use super::super::source::Side;
use super::super::{now, npm};
use super::Install;
use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format};
use crate::printer::{Printer, Style};
use crate::table::{Cell, draw};
use ringfence_deps::install::{
    Attempt, InstallError, NotRun, Report, ScriptEnd, ScriptRun, Tried, Verdict, Wish,
};
use ringfence_deps::scripts::{self, Allowed, Listing, Why};
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Most rows that people are shown of one kind.
const ROWS: usize = 30;
/// Most lines of what a program said.
const LINES: usize = 30;

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    lockfile: &'a str,
    #[serde(flatten)]
    report: &'a Report,
    /// What wants to run, as far as it is known; with `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    listing: Option<&'a Listing>,
}

impl Install {
    pub(super) fn carry_out(
        &self,
        policy: &Policy,
        side: &Side,
        folder: &Path,
        printer: &mut Printer,
    ) -> Result<Finish, CommandError> {
        let folder = folder.canonicalize().map_err(|error| {
            let message = format!("cannot find {}", folder.display());
            CommandError::new(Kind::Source, message).caused_by(&error)
        })?;
        let (npmrc, variables) = npm::configured(&folder)?;
        let wish = Wish {
            folder: &folder,
            graph: &side.graph,
            npmrc: &npmrc,
            variables: &variables,
            policy: &policy.dependencies,
            omit_dev: self.omit.is_some(),
            build: self.build.as_deref(),
            dry_run: self.dry_run,
            now: now(),
        };
        let installed = wish.install(&mut |what| printer.progress(&untrusted(what).to_string()));
        printer.progress("");
        let report = installed.map_err(|error| failed(&error, printer))?;
        let listing = if self.dry_run {
            let places = Look::nearby().open(&folder)?;
            Some(scripts::list(&side.graph, &places.evidence(), &policy.dependencies))
        } else {
            None
        };
        match self.format.format {
            Format::Json => {
                let listing = listing.as_ref();
                let output = Output { schema: 1, lockfile: &side.path, report: &report, listing };
                format::json(&output, printer)?;
            }
            Format::Human => {
                let text = human(&report, listing.as_ref(), printer);
                printer.text(&text);
            }
        }
        Ok(match report.verdict {
            Verdict::Installed | Verdict::WouldInstall => Finish::Clean,
            Verdict::Refused | Verdict::Stopped => Finish::Findings,
        })
    }
}

fn failed(error: &InstallError, printer: &mut Printer) -> CommandError {
    let kind = match error {
        InstallError::Enforce { host: true, .. } => Kind::Host,
        InstallError::Enforce { .. } | InstallError::System { .. } => Kind::Internal,
        InstallError::Resolve(_) => Kind::Configuration,
        InstallError::NoScript(_) => Kind::Usage,
        _ => Kind::Source,
    };
    if let InstallError::Fetch { output, .. } = error {
        printer.error(&said(output));
    }
    let mut told = CommandError::new(
        kind,
        format!("nothing was installed: {}", untrusted(&error.to_string())),
    );
    if let Some(cause) = std::error::Error::source(error) {
        told = told.caused_by(cause);
    }
    if let InstallError::Fetch { refused, .. } = error
        && !refused.is_empty()
    {
        let places: Vec<String> = refused.iter().map(|one| untrusted(one).to_string()).collect();
        told = told.hint(format!("it was refused: {}", places.join(", ")));
    }
    error.hints().into_iter().fold(told, CommandError::hint)
}

/// The end of what a program said, escaped and set in.
fn said(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let start = lines.len().saturating_sub(LINES);
    let mut text = String::new();
    for line in lines.into_iter().skip(start) {
        let _ = writeln!(text, "  | {}", untrusted(line));
    }
    text
}

fn human(report: &Report, listing: Option<&Listing>, printer: &Printer) -> String {
    let mut text = String::new();
    if !report.refused.is_empty() {
        text += &heading("Refused", printer);
        let rows: Vec<_> = report
            .refused
            .iter()
            .take(ROWS)
            .map(|one| {
                let line = if one.line == 0 { String::new() } else { format!("line {}", one.line) };
                [
                    Cell::styled(Style::Bad, untrusted(&one.package).to_string()),
                    Cell::plain(line),
                    cell(&one.why),
                ]
            })
            .collect();
        text += &draw(&rows, printer);
        text += &more(report.refused.len());
    }
    if !report.scripts.is_empty() {
        text += &heading("Scripts", printer);
        for run in &report.scripts {
            text += &script(run, printer);
        }
    }
    if let Some(run) = &report.build {
        text += &heading("Build", printer);
        text += &script(run, printer);
    }
    if let Some(listing) = listing {
        text += &would_run(listing, printer);
    }
    for one in &report.left_out {
        let how = one.code.map(|code| format!(" with code {code}")).unwrap_or_default();
        let what = match one.removed.as_slice() {
            [] => format!("it stays unbuilt, as {} leaves it", report.manager),
            removed => format!("left out: {}", removed.join(", ")),
        };
        let (package, script) = (&one.package, &one.script);
        let told = format!("{package} is optional, and its {script} failed{how}: {what}");
        let _ = writeln!(text, "{}", printer.paint(Style::Warning, &untrusted(&told).to_string()));
    }
    text += &not_run(report, printer);
    for note in &report.notes {
        let _ = writeln!(text, "note: {}", untrusted(note));
    }
    text + &verdict(report, printer)
}

/// Scripts that did not run: those that are denied on purpose apart from those nobody decided about.
fn not_run(report: &Report, printer: &Printer) -> String {
    let (denied, undecided): (Vec<_>, Vec<_>) =
        report.not_run.iter().partition(|one| one.reason.is_some());
    let mut text = String::new();
    let lists = [
        (denied, "Not run: denied in the boundary file", ""),
        (
            undecided,
            "Not run: not allowed in the boundary file",
            "`ringfence deps scripts` has the lines that allow or deny them\n",
        ),
    ];
    for (list, title, hint) in lists.into_iter().filter(|(list, ..)| !list.is_empty()) {
        text += &heading(title, printer);
        let row = |one: &&NotRun| {
            let all = one.scripts.iter().map(|(name, command)| format!("{name}: {command}"));
            let all: Vec<String> = all.chain(one.reason.clone()).collect();
            [cell(&one.package), cell(&all.join("; "))]
        };
        text += &draw(&list.iter().take(ROWS).map(row).collect::<Vec<_>>(), printer);
        text += &more(list.len());
        text += hint;
    }
    text
}

fn heading(word: &str, printer: &Printer) -> String {
    format!("{}\n", printer.paint(Style::Heading, word))
}

fn verdict(report: &Report, printer: &Printer) -> String {
    let manager = untrusted(&report.manager);
    let untouched = "what was installed before is untouched";
    let (style, sentence) = match report.verdict {
        Verdict::Installed => {
            let packages = counted(report.packages, "package");
            (Style::Good, format!("installed {packages} with {manager}"))
        }
        Verdict::Refused => (Style::Bad, format!("nothing was installed: {untouched}")),
        Verdict::Stopped => {
            let last = report.build.as_ref().or(report.scripts.last());
            let who = last.map(|run| format!("{} of {}", run.script, run.package));
            let who = untrusted(&who.unwrap_or_default()).to_string();
            (Style::Bad, format!("nothing was installed because of {who}: {untouched}"))
        }
        Verdict::WouldInstall => {
            let reached = untrusted(&report.reached.join(", ")).to_string();
            (
                Style::Note,
                format!("would install with {manager}, reaching {reached} and nothing else"),
            )
        }
    };
    format!("{}\n", printer.paint(style, &sentence))
}

fn script(run: &ScriptRun, printer: &Printer) -> String {
    let (style, how) = match run.end {
        ScriptEnd::Done => (Style::Good, "done".to_owned()),
        ScriptEnd::Failed => {
            (Style::Bad, format!("failed with code {}", run.code.unwrap_or_default()))
        }
        ScriptEnd::Stopped => (Style::Bad, "stopped".to_owned()),
        ScriptEnd::TimedOut => (Style::Bad, "stopped at its deadline".to_owned()),
    };
    let seconds = std::time::Duration::from_millis(run.milliseconds).as_secs_f64();
    let mut text = format!(
        "{} {} of {} after {seconds:.1} s: {}\n",
        printer.paint(style, &how),
        untrusted(&run.script),
        untrusted(&run.package),
        untrusted(&run.command)
    );
    for attempt in run.attempts.iter().take(ROWS) {
        let style = if attempt.stops { Style::Bad } else { Style::Note };
        let _ = writeln!(text, "  {}", printer.paint(style, &tried(attempt)));
    }
    let files = [
        ("wrote", &run.files.written),
        ("changed", &run.files.changed),
        ("removed", &run.files.removed),
    ];
    for (what, paths) in files {
        for path in paths.iter().take(ROWS) {
            let _ = writeln!(text, "  {what} {}", untrusted(path));
        }
        text += &more(paths.len());
    }
    if run.end != ScriptEnd::Done {
        text += &said(&run.output);
    }
    text
}

fn tried(attempt: &Attempt) -> String {
    let what = untrusted(&attempt.what);
    match attempt.tried {
        Tried::Network => format!("refused: it tried to reach {what}"),
        Tried::Read => format!("refused: it tried to read {what}"),
        Tried::Look => format!("refused: it looked for {what}"),
        Tried::Write => format!("refused: it tried to write {what}"),
        Tried::Program => format!("refused: it tried to start or to signal {what}"),
        Tried::Limit => format!("it reached a limit: {what}"),
    }
}

fn would_run(listing: &Listing, printer: &Printer) -> String {
    let mut text = heading("Scripts, as far as tarballs are at hand", printer);
    let rows: Vec<_> = listing
        .wishes
        .iter()
        .take(ROWS)
        .map(|wish| {
            let does = if wish.allowed == Allowed::Yes {
                Cell::styled(Style::Good, "would run")
            } else {
                Cell::styled(Style::Warning, "would not run")
            };
            let why: Vec<String> = wish
                .why
                .iter()
                .map(|why| match why {
                    Why::Script { name, command } => format!("{name}: {command}"),
                    Why::BindingGyp => "binding.gyp: node-gyp rebuild".to_owned(),
                    Why::Recorded => "recorded in the lockfile".to_owned(),
                })
                .collect();
            [does, cell(&wish.label()), cell(&why.join("; "))]
        })
        .collect();
    text += &draw(&rows, printer);
    text += &more(listing.wishes.len());
    if !listing.unknown.is_empty() {
        let count = counted(listing.unknown.len(), "package");
        let _ = writeln!(text, "of {count} it is not known: their tarballs are not in npm's cache");
    }
    text
}

fn more(count: usize) -> String {
    match count.saturating_sub(ROWS) {
        0 => String::new(),
        more => format!("  and {more} more: --format json tells all\n"),
    }
}

fn cell(text: &str) -> Cell {
    Cell::plain(untrusted(text).to_string())
}
