//! `ringfence deps scripts`

use super::look::{counted, folder_of};
use super::policy::Policy;
use super::source;
use super::subject::{Row, Subject, SubjectFormat, Told};
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::printer::{Printer, Style};
use crate::table::{Cell, draw};
use ringfence_deps::scripts::write::{self, Edit, EditError, Edits};
use ringfence_deps::scripts::{self, Allowed, Listing, Why, Wish};
use ringfence_policy::dependencies::Dependencies;
use ringfence_policy::display::{quoted, untrusted};
use ringfence_project::{walk, whole};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Largest file that is edited, in bytes.
const LARGEST: u64 = 8 << 20;

/// Say which packages want to run code when they are installed, and write who may
///
/// Scripts and compilers are found in tarballs, from npm's cache or with --online from the registry:
/// lockfiles do not tell them all. Who may run is `scripts` in [dependencies] of the boundary file, by
/// version and hash, and who shall not, on purpose, `denied-scripts`. --write brings that, and the
/// minimum age where the file says one, into the files of the project's own manager in its own form and
/// unit; without it the change is shown. Exits 1 when a package wants to run about which nobody decided,
/// and 2 when it is not known of one.
#[derive(Debug, clap::Args)]
pub(super) struct Scripts {
    #[command(flatten)]
    subject: Subject,
    /// Write the policy into the manager's files
    #[arg(long)]
    write: bool,
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    /// `decided`, `undecided` or `unknown`.
    verdict: &'static str,
    lockfile: &'a str,
    #[serde(flatten)]
    listing: &'a Listing,
    /// Files that differ from the policy; written with `--write`.
    files: Vec<&'static str>,
    written: bool,
    notes: &'a [String],
}

impl Scripts {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let subject = &self.subject;
        let policy = Policy::load(&subject.config)?;
        let side = source::load(&subject.project.to_string_lossy(), "")?;
        let folder = folder_of(&subject.project);
        let places = subject.look.open(&folder)?;
        printer.progress("looking into tarballs");
        let listing = scripts::list(&side.graph, &places.evidence(), &policy.dependencies);
        printer.progress("");
        // Without a boundary file nobody said anything that could be written.
        let edits = match policy.file {
            Some(_) => edits(&side.graph, &listing, &policy.dependencies, &folder)?,
            None if self.write => {
                let message = "there is no boundary file that says who may run scripts";
                let hint = "`ringfence init` writes one; `scripts` in [dependencies] is the list";
                return Err(CommandError::new(Kind::Configuration, message).hint(hint));
            }
            None => Edits::default(),
        };
        if self.write {
            write(&folder, &edits)?;
        }
        let undecided = listing.wishes.iter().any(|wish| !wish.allowed.is_decided());
        let unknown = !listing.unknown.is_empty() && !subject.allow_unknown;
        let verdict = match (undecided, unknown) {
            (true, _) => "undecided",
            (false, true) => "unknown",
            (false, false) => "decided",
        };
        match subject.format {
            SubjectFormat::Sarif => format::json(&told(&side.path, &listing).sarif(), printer)?,
            SubjectFormat::Markdown => printer.text(&told(&side.path, &listing).markdown()),
            SubjectFormat::Json => {
                let files = edits.edits.iter().map(|edit| edit.file).collect();
                let output = Output {
                    schema: 1,
                    verdict,
                    lockfile: &side.path,
                    listing: &listing,
                    files,
                    written: self.write,
                    notes: &edits.notes,
                };
                format::json(&output, printer)?;
            }
            SubjectFormat::Human => printer.text(&self.human(&listing, &edits, printer)),
        }
        match verdict {
            "decided" => Ok(Finish::Clean),
            "undecided" => Ok(Finish::Findings),
            _ => {
                let count = counted(listing.unknown.len(), "package");
                let message = format!("of {count} it is not known whether they run something");
                let hint =
                    "ask the registry for tarballs with --online, or go on with --allow-unknown";
                Err(CommandError::new(Kind::Source, message).hint(hint))
            }
        }
    }

    fn human(&self, listing: &Listing, edits: &Edits, printer: &Printer) -> String {
        let mut text = String::new();
        let rows: Vec<_> = listing.wishes.iter().flat_map(rows).collect();
        text += &draw(&rows, printer);
        let _ = writeln!(
            text,
            "{} of {} run something at install",
            listing.wishes.len(),
            counted(listing.releases, "package")
        );
        if !listing.unknown.is_empty() {
            let _ =
                writeln!(text, "of {} it is not known:", counted(listing.unknown.len(), "package"));
            for (label, why) in listing.unknown.iter().take(20) {
                let _ = writeln!(text, "  {}: {}", untrusted(label), untrusted(why));
            }
            if listing.unknown.len() > 20 {
                let _ = writeln!(text, "  and {} more", listing.unknown.len() - 20);
            }
        }
        if listing.elsewhere > 0 {
            let count = counted(listing.elsewhere, "package");
            let _ = writeln!(text, "{count} for other systems not looked at");
        }
        for unused in &listing.unused {
            let _ = writeln!(text, "allowed, and not in the lockfile: {}", untrusted(unused));
        }
        for (label, why) in &listing.unused_denials {
            let _ = writeln!(text, "denied, and {why}: {}", untrusted(label));
        }
        let undecided: Vec<&Wish> =
            listing.wishes.iter().filter(|wish| !wish.allowed.is_decided()).collect();
        if !undecided.is_empty() {
            let _ =
                writeln!(text, "\nto allow them, read what they run, and add to [dependencies]:");
            let lines: Vec<String> = undecided.iter().map(|wish| entry(wish)).collect();
            let _ = writeln!(text, "scripts = [\n{}\n]", lines.join("\n"));
            let _ = writeln!(
                text,
                "a package that does without: the same line in denied-scripts, with reason = \"...\""
            );
        }
        for edit in &edits.edits {
            if self.write {
                let _ = writeln!(text, "wrote {}", edit.file);
            } else {
                let _ = write!(text, "\n{}", diff(edit));
            }
        }
        if !self.write && !edits.edits.is_empty() {
            let _ = writeln!(text, "\nnothing was written: --write does it");
        }
        for note in &edits.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }
}

/// What the codes mean.
const RULES: [(&str, &str); 3] = [
    ("script-not-allowed", "A package runs something at install, and nobody allowed it."),
    ("script-of-other-hash", "A version is allowed, and the lockfile has another tarball of it."),
    ("script-of-other-version", "Another version of the package is allowed."),
];

fn told<'a>(lockfile: &'a str, listing: &Listing) -> Told<'a> {
    let row = |wish: &Wish| {
        let code = match wish.allowed {
            Allowed::Yes | Allowed::Denied => return None,
            Allowed::No => "script-not-allowed",
            Allowed::OtherHash => "script-of-other-hash",
            Allowed::OtherVersion => "script-of-other-version",
        };
        let text = wish.why.iter().map(spoken).collect::<Vec<_>>().join("; ");
        Some(Row { code, level: "error", package: wish.label(), text, line: wish.line })
    };
    let unknown = listing.unknown.iter().map(|(label, why)| format!("not known: {label}: {why}"));
    let unused =
        listing.unused.iter().map(|one| format!("allowed, and not in the lockfile: {one}"));
    let denied = listing.wishes.iter().filter_map(|wish| {
        Some(format!("denied on purpose: {}: {}", wish.label(), wish.reason.as_deref()?))
    });
    let idle = listing.unused_denials.iter();
    let idle = idle.map(|(label, why)| format!("denied, and {why}: {label}"));
    let rows: Vec<Row> = listing.wishes.iter().filter_map(row).collect();
    Told {
        title: "Install scripts",
        summary: format!(
            "{} of {} run something at install, and nobody decided about {} of them",
            listing.wishes.len(),
            counted(listing.releases, "package"),
            rows.len(),
        ),
        rules: &RULES,
        lockfile,
        rows,
        notes: unknown.chain(unused).chain(denied).chain(idle).collect(),
    }
}

/// Why something runs.
fn spoken(why: &Why) -> String {
    match why {
        Why::Script { name, command } => format!("{}: {}", untrusted(name), quoted(command)),
        Why::BindingGyp => "binding.gyp: node-gyp rebuild".to_owned(),
        Why::Recorded => "the lockfile says so, and its tarball was not seen".to_owned(),
    }
}

fn edits(
    graph: &ringfence_project::graph::Graph,
    listing: &Listing,
    dependencies: &Dependencies,
    folder: &Path,
) -> Result<Edits, CommandError> {
    // What is what was agreed to: a hash that differs is no agreement.
    let policy = write::Policy {
        scripts: listing.may.clone(),
        denied: listing.may_not.clone(),
        minimum_age: dependencies.minimum_age.as_ref().map(|age| age.value),
    };
    let read = |file: &'static str| {
        let path = folder.join(file);
        if std::fs::symlink_metadata(&path).is_err() {
            return Ok(None);
        }
        let read = walk::text(&path, LARGEST);
        read.map(Some).map_err(|error| EditError { file, message: error.to_string() })
    };
    write::edits(graph.format, &policy, &read).map_err(|error| {
        CommandError::new(Kind::Source, "the manager's files cannot be changed in place")
            .caused_by(&error)
            .hint("nothing was written: mend the file, or write the policy into it by hand")
    })
}

fn write(folder: &Path, edits: &Edits) -> Result<(), CommandError> {
    for edit in &edits.edits {
        let path = folder.join(edit.file);
        whole::write(&path, edit.after.as_bytes(), None).map_err(|error| {
            CommandError::new(Kind::Output, format!("cannot write {}", path.display()))
                .caused_by(&error)
        })?;
    }
    Ok(())
}

fn rows(wish: &Wish) -> Vec<[Cell; 3]> {
    let allowed = match wish.allowed {
        Allowed::Yes => Cell::styled(Style::Good, "allowed"),
        Allowed::Denied => Cell::styled(Style::Note, "denied"),
        Allowed::OtherHash => Cell::styled(Style::Bad, "other hash"),
        Allowed::OtherVersion => Cell::styled(Style::Bad, "other version"),
        Allowed::No => Cell::styled(Style::Bad, "not allowed"),
    };
    let mut lines: Vec<String> = wish.why.iter().map(spoken).collect();
    if wish.recorded == Some(false) {
        lines.push("the lockfile says that it runs nothing".to_owned());
    }
    lines.extend(wish.reason.as_ref().map(|reason| format!("shall not: {}", untrusted(reason))));
    let mut first = Some((allowed, Cell::plain(untrusted(&wish.label()).to_string())));
    let empty = || (Cell::plain(""), Cell::plain(""));
    lines
        .into_iter()
        .map(|line| {
            let (allowed, label) = first.take().unwrap_or_else(empty);
            [allowed, label, Cell::plain(line)]
        })
        .collect()
}

/// A line for the boundary file.
fn entry(wish: &Wish) -> String {
    let string = |text: &str| format!("\"{}\"", untrusted(text));
    let mut line = format!("  {{ package = {}", string(&wish.name));
    if let Some(version) = &wish.version {
        let _ = write!(line, ", version = {}", string(version));
    }
    if let Some(hash) = &wish.sha512 {
        let _ = write!(line, ", sha512 = {}", string(hash));
    }
    line + " },"
}

fn diff(edit: &Edit) -> String {
    let before = edit.before.as_deref().unwrap_or_default();
    let diff = similar::TextDiff::from_lines(before, &edit.after);
    let old = if edit.before.is_some() { edit.file } else { "/dev/null" };
    diff.unified_diff().context_radius(2).header(old, edit.file).to_string()
}
