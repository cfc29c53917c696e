//! How what was learnt looks: the change of the file, what each grant is for, and what to know of it.

use crate::error::{CommandError, Kind as Failure};
use crate::format::{self, Format};
use crate::printer::{Printer, Style};
use crate::table::{self, Cell};
use crate::verbs::Learn;
use ringfence_learn::draft::{Coverage, Draft, Kind, Note, Proposed, RuntimeRead, Severity};
use ringfence_learn::merge::verb as used;
use ringfence_learn::record::Record;
use ringfence_learn::recorder::TrafficEnd;
use ringfence_policy::display::untrusted;
use serde::Serialize;
use similar::TextDiff;
use std::fmt::{Display, Write as _};
use std::path::Path;

/// Version of the JSON form.
const SCHEMA: u32 = 1;
/// Codes of a program that somebody asked to end: SIGINT and SIGTERM.
const ENDED: [i32; 2] = [130, 143];
/// Lines of the runtime that are listed.
const RUNTIME: usize = 200;

/// What came of a run.
pub(crate) struct Learning<'a> {
    /// The boundary file as it is named.
    pub(crate) file: &'a Path,
    /// Its folder, real.
    pub(crate) folder: &'a Path,
    /// Its text before.
    pub(crate) old: &'a str,
    /// Its text with the grants.
    pub(crate) new: &'a str,
    /// Whether that was written.
    pub(crate) written: bool,
    /// The record.
    pub(crate) record: &'a Path,
    pub(crate) draft: &'a Draft,
    /// What was run.
    pub(crate) command: &'a [String],
    /// Whether it was stopped because its time was over.
    pub(crate) stopped: bool,
    /// What gave it its traffic, and how that ended.
    pub(crate) traffic: Option<(&'a Path, TrafficEnd)>,
    /// What of the new file does not fit this host.
    pub(crate) unfit: &'a [String],
    /// Grants of it that the service's user cannot use.
    pub(crate) warnings: &'a [String],
    /// Whether only asked.
    pub(crate) check: bool,
}

/// The JSON form.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the JSON form")]
pub(crate) struct Learnt<'a> {
    schema: u32,
    file: String,
    /// A recording enforces nothing.
    enforced: bool,
    written: bool,
    record: String,
    command: &'a [String],
    program_exit_code: Option<i32>,
    /// Whether the program ended with a failure of its own.
    pub(crate) failed: bool,
    stopped: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic: Option<Traffic>,
    /// How many grants the file lacks.
    missing: usize,
    missing_grants: Vec<Grant<'a>>,
    granted: Vec<Grant<'a>>,
    notes: &'a [Note],
    does_not_fit_this_host: &'a [String],
    warnings: &'a [String],
    coverage: &'a Coverage,
    runtime: &'a [RuntimeRead],
    diff: String,
    #[serde(skip)]
    check: bool,
    #[serde(skip)]
    fresh: bool,
}

/// How what gave the traffic ended.
#[derive(Serialize)]
struct Traffic {
    program: String,
    /// Missing when the service ended before.
    exit_code: Option<i32>,
}

impl Traffic {
    fn of((program, end): (&Path, TrafficEnd)) -> Self {
        let exit_code = match end {
            TrafficEnd::Ended(code) => Some(code),
            TrafficEnd::CutShort => None,
        };
        Self { program: program.display().to_string(), exit_code }
    }

    /// What went wrong.
    fn failure(&self) -> Option<String> {
        match self.exit_code {
            Some(0) => None,
            Some(code) => {
                Some(format!("the traffic, {}, failed with exit code {code}", self.program))
            }
            None => {
                Some(format!("the service ended before its traffic, {}, had ended", self.program))
            }
        }
    }
}

/// A grant and the line that would write it.
#[derive(Serialize)]
struct Grant<'a> {
    line: String,
    reason: String,
    #[serde(flatten)]
    proposed: &'a Proposed,
}

impl<'a> Learnt<'a> {
    pub(crate) fn of(learning: &Learning<'a>) -> Self {
        let draft = learning.draft;
        let of_kind = |kind| {
            let of = draft.proposed.iter().filter(move |proposed| proposed.kind == kind);
            of.map(|proposed| Grant {
                line: proposed.line(),
                reason: proposed.why.words(used(proposed.key), learning.folder),
                proposed,
            })
            .collect()
        };
        let exit_code = draft.coverage.exit_code;
        let ended = |code: i32| code == 0 || ENDED.contains(&code) || learning.stopped;
        let name = learning.file.display().to_string();
        Self {
            schema: SCHEMA,
            enforced: false,
            written: learning.written,
            record: learning.record.display().to_string(),
            command: learning.command,
            program_exit_code: exit_code,
            failed: exit_code.is_some_and(|code| !ended(code)),
            stopped: learning.stopped,
            traffic: learning.traffic.map(Traffic::of),
            missing: draft.missing().count(),
            missing_grants: of_kind(Kind::New),
            granted: of_kind(Kind::AlreadyGranted),
            notes: &draft.notes,
            does_not_fit_this_host: learning.unfit,
            warnings: learning.warnings,
            coverage: &draft.coverage,
            runtime: &draft.runtime,
            diff: unified(&name, learning.old, learning.new),
            file: name,
            check: learning.check,
            fresh: learning.old.is_empty(),
        }
    }
}

impl Learnt<'_> {
    /// Whether the traffic failed, or did not come to its end.
    pub(crate) fn traffic_failed(&self) -> bool {
        self.traffic.as_ref().is_some_and(|traffic| traffic.failure().is_some())
    }

    /// What `--check` found, and what of it was not the file's fault.
    fn verdict(&self) -> String {
        let lacks = match self.missing {
            0 => "nothing is missing".to_owned(),
            count => format!("the file lacks {}", counted(count, "grant", "grants")),
        };
        let own = self.failed.then_some(self.program_exit_code).flatten();
        let own = own.map(|code| format!("the program itself failed with {code}"));
        let traffic = self.traffic.as_ref().and_then(Traffic::failure);
        std::iter::once(lacks).chain(own).chain(traffic).collect::<Vec<_>>().join("; ")
    }
}

/// Says it in the form that was asked for.
pub(crate) fn show(
    learnt: &Learnt<'_>,
    verb: &Learn,
    record: &Record,
    printer: &mut Printer,
) -> Result<(), CommandError> {
    if let Some(path) = &verb.output {
        store(learnt, path)?;
    }
    if verb.format.format == Format::Json {
        return format::json(learnt, printer);
    }
    let text = Human { learnt, printer, text: String::new() }.all(verb.verbose);
    printer.text(&text);
    if verb.packages {
        let view = ringfence_learn::packages::view(record);
        printer.text("\n");
        let shown = crate::verbs::packages_shown(&view, printer);
        printer.text(&shown);
    }
    if verb.check {
        printer.text(&format!("check: {}\n", learnt.verdict()));
    }
    Ok(())
}

/// The JSON form in a file of its own.
fn store(learnt: &Learnt<'_>, path: &Path) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(learnt).map_err(|error| {
        CommandError::new(Failure::Internal, "cannot write the result as JSON").caused_by(&error)
    })?;
    let written = ringfence_project::whole::write(path, (text + "\n").as_bytes(), None);
    written.map_err(|error| {
        let message = format!("cannot write {}", path.display());
        CommandError::new(Failure::Output, message).caused_by(&error)
    })
}

/// A unified diff; empty where nothing changes.
fn unified(name: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let from = if old.is_empty() { "/dev/null" } else { name };
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(3).header(from, name).to_string()
}

/// A number of things, in the word that fits it.
fn counted<N: Display + PartialEq + From<u8> + Copy>(count: N, one: &str, many: &str) -> String {
    let what = if count == N::from(1) { one } else { many };
    format!("{count} {what}")
}

struct Human<'a> {
    learnt: &'a Learnt<'a>,
    printer: &'a Printer,
    text: String,
}

impl Human<'_> {
    fn all(mut self, verbose: bool) -> String {
        self.outcome();
        self.change();
        self.grants();
        self.notes();
        self.coverage();
        if verbose {
            self.runtime();
        }
        self.end();
        self.text
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{}", untrusted(text));
    }

    fn wrapped(&mut self, indent: usize, text: &str) {
        let text = untrusted(text).to_string();
        for line in table::wrap(&text, table::WIDTH - indent) {
            let _ = writeln!(self.text, "{}{line}", " ".repeat(indent));
        }
    }

    fn heading(&mut self, style: Style, text: &str) {
        let heading = self.printer.paint(style, text);
        let _ = writeln!(self.text, "\n{heading}");
    }

    /// A failure comes first: what it did not reach is not in the grants.
    fn outcome(&mut self) {
        let learnt = self.learnt;
        let label = self.printer.paint(Style::Bad, "warning:");
        if let (true, Some(code)) = (learnt.failed, learnt.program_exit_code) {
            let _ = writeln!(
                self.text,
                "{label} the program FAILED with exit code {code}: what it did not get to do is not learnt"
            );
        }
        if let Some(failure) = learnt.traffic.as_ref().and_then(Traffic::failure) {
            self.wrapped(0, &format!("warning: {failure}: what it did not ask for is not learnt"));
        }
        if learnt.coverage.cut_short {
            let _ = writeln!(
                self.text,
                "{label} the record was cut short: what came after is not learnt"
            );
        }
    }

    fn change(&mut self) {
        let learnt = self.learnt;
        if learnt.diff.is_empty() {
            let file = &learnt.file;
            self.line(&format!("{file} already grants everything this run used"));
            return;
        }
        let diff = learnt.diff.clone();
        for line in diff.lines() {
            // The file's own text is as visible as the file; control characters are not in it.
            let line = untrusted(line).to_string();
            let style = match line.chars().next() {
                Some('+') => Some(Style::Good),
                Some('-') => Some(Style::Bad),
                Some('@') => Some(Style::Note),
                _ => None,
            };
            let shown =
                style.map_or_else(|| line.clone(), |style| self.printer.paint(style, &line));
            let _ = writeln!(self.text, "{shown}");
        }
    }

    fn grants(&mut self) {
        let learnt = self.learnt;
        let count = learnt.missing;
        if count == 0 {
            return;
        }
        let what = match (learnt.check, learnt.written, count) {
            (true, ..) => format!("{count} missing: the run needed more than the file grants"),
            (_, true, _) => format!("{} added", counted(count, "grant", "grants")),
            (_, false, _) => format!("{} to add", counted(count, "grant", "grants")),
        };
        let style = if learnt.check { Style::Bad } else { Style::Heading };
        self.heading(style, &what);
        for grant in &learnt.missing_grants {
            self.line(&format!("  {}", grant.line));
            self.wrapped(6, &grant.reason);
        }
    }

    fn notes(&mut self) {
        let learnt = self.learnt;
        if !learnt.does_not_fit_this_host.is_empty() {
            self.heading(Style::Bad, "the file does not fit this host yet");
            for mistake in learnt.does_not_fit_this_host {
                self.wrapped(2, mistake);
            }
        }
        if !learnt.warnings.is_empty() {
            self.heading(Style::Warning, "of no use to the user that the service runs as");
            for warning in learnt.warnings {
                self.wrapped(2, warning);
            }
        }
        for (severity, style, heading) in [
            (Severity::Finding, Style::Warning, "findings"),
            (Severity::Hint, Style::Note, "hints"),
        ] {
            let of: Vec<_> = learnt.notes.iter().filter(|note| note.severity == severity).collect();
            if of.is_empty() {
                continue;
            }
            self.heading(style, heading);
            for note in of {
                self.wrapped(2, &format!("{}: {}", note.code, note.text));
                for line in &note.lines {
                    self.line(&format!("      {line}"));
                }
            }
        }
    }

    fn coverage(&mut self) {
        let coverage = self.learnt.coverage;
        self.heading(Style::Heading, "what this run exercised");
        #[expect(clippy::cast_precision_loss, reason = "a duration to be read")]
        let seconds = coverage.milliseconds as f64 / 1000.0;
        self.wrapped(
            2,
            &format!(
                "{seconds:.1} s, {}, {}, {}",
                counted(coverage.processes, "process", "processes"),
                counted(coverage.files, "file", "files"),
                counted(coverage.names, "name", "names"),
            ),
        );
        let rows: Vec<[Cell; 2]> = coverage
            .sections
            .iter()
            .map(|section| {
                let counted = format!("{} of {} grants used", section.used, section.granted);
                [Cell::plain(format!("  [{}]", section.section)), Cell::plain(counted)]
            })
            .collect();
        self.text.push_str(&table::draw(&rows, self.printer));
        if !coverage.unused.is_empty() {
            self.wrapped(2, "not used by this run, and left in the file:");
            for unused in &coverage.unused {
                self.line(&format!("      {} {}", unused.key, unused.entry));
            }
        }
        for (count, one, many, what) in [
            (
                coverage.untold,
                "Node process",
                "Node processes",
                "could not tell packages and names",
            ),
            (coverage.left_out, "thing", "things", "found no room in the record"),
            (coverage.unknown, "line", "lines", "of the record could not be read"),
        ] {
            if count > 0 {
                self.wrapped(2, &format!("{} {what}", counted(count, one, many)));
            }
        }
        for blind in &coverage.blind {
            self.wrapped(2, &format!("not seen: {blind}"));
        }
    }

    fn runtime(&mut self) {
        self.heading(Style::Heading, "the runtime used, and gets without a grant");
        for read in self.learnt.runtime.iter().take(RUNTIME) {
            self.line(&format!("  {}  ({})", read.path.display(), read.why));
        }
        let more = self.learnt.runtime.len().saturating_sub(RUNTIME);
        if more > 0 {
            self.line(&format!("  and {more} more"));
        }
    }

    fn end(&mut self) {
        let learnt = self.learnt;
        self.text.push('\n');
        self.wrapped(
            0,
            "This was a recording: nothing was enforced, and a hostile program can hide from one. \
             Read the change before you keep it; `ringfence prove` attacks what it leaves.",
        );
        let record = &learnt.record;
        if !learnt.written && !learnt.diff.is_empty() {
            let why = if learnt.check { " (--check)" } else { "" };
            self.line(&format!("Nothing was written{why}."));
        } else if learnt.written {
            let made = if learnt.fresh { "made" } else { "changed" };
            self.line(&format!("{} was {made}.", learnt.file));
        }
        self.line(&format!("To draft again without a run: ringfence learn --from {record}"));
    }
}
