//! `ringfence packages`

use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::settings::FILE_NAME;
use crate::table;
use ringfence_learn::packages::{self, Ability, BaselineError, Comparison, Entry, Finding, View};
use ringfence_policy::display::untrusted;
use ringfence_project::whole;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where `learn` leaves its records, below the folder of the boundary file.
const RECORDS: &str = ".ringfence/records";
/// What their names end with; the script that told them lies beside them.
const ENDING: &str = "jsonl";
/// What the application itself is called in tables.
const APPLICATION: &str = "the application";
/// Things of one kind that are shown to people before the rest is counted.
const SHOWN: usize = 12;

/// Tell what each npm package used
///
/// Reads a record that `ringfence learn` left: which package talked to whom, started, loaded and
/// wrote what. With --since, or two records, it compares: what a package gained is a finding (exit
/// 1), what it lost is told. --write keeps the view as JSON in the repository, and --since takes it:
/// `ringfence packages --since packages.json`.
#[derive(Debug, clap::Args)]
pub(crate) struct Packages {
    /// A record, or a kept view; without it, the newest record below .ringfence/records. Two compare
    /// the first with the second
    #[arg(value_name = "RECORD", num_args = 0..=2, value_hint = clap::ValueHint::FilePath)]
    records: Vec<PathBuf>,
    /// What to compare with: an older record, or what --write kept
    #[arg(long, value_name = "OLD", value_hint = clap::ValueHint::FilePath)]
    since: Option<PathBuf>,
    /// Keep the view as JSON in this file: the same use gives the same file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    write: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: PackagesFormat,
}

/// For people, for machines, or for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PackagesFormat {
    Human,
    Json,
    Markdown,
}

/// The JSON form of a comparison.
#[derive(Serialize)]
struct Compared<'a> {
    schema: u32,
    #[serde(flatten)]
    comparison: &'a Comparison,
    /// Why the newer view may lack something.
    gaps: &'a [String],
}

impl Packages {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let (old, new) = match (self.records.as_slice(), &self.since) {
            ([old, new], None) => (Some(old.clone()), new.clone()),
            ([_, _], Some(_)) => {
                return Err(CommandError::new(Kind::Usage, "two records and --since")
                    .hint("name one record beside --since, or two records without it"));
            }
            (one, since) => {
                let new = one.first().cloned().map_or_else(newest, Ok)?;
                (since.clone(), new)
            }
        };
        // Before anything is written over it.
        let old = old.map(|path| read(&path)).transpose()?;
        let new = read(&new)?;
        if let Some(path) = &self.write {
            keep(&new, path)?;
        }
        match old {
            None => {
                self.show(&new, printer)?;
                Ok(Finish::Clean)
            }
            Some(old) => {
                let comparison = packages::compare(&old, &new);
                self.show_comparison(&comparison, &new.gaps, printer)?;
                let found = !comparison.findings.is_empty();
                Ok(if found { Finish::Findings } else { Finish::Clean })
            }
        }
    }

    fn show(&self, view: &View, printer: &mut Printer) -> Result<(), CommandError> {
        match self.format {
            PackagesFormat::Human => printer.text(&human(view, printer)),
            PackagesFormat::Markdown => printer.text(&markdown(view)),
            PackagesFormat::Json => format::json(view, printer)?,
        }
        Ok(())
    }

    fn show_comparison(
        &self,
        comparison: &Comparison,
        gaps: &[String],
        printer: &mut Printer,
    ) -> Result<(), CommandError> {
        match self.format {
            PackagesFormat::Human => printer.text(&human_comparison(comparison, gaps, printer)),
            PackagesFormat::Markdown => printer.text(&markdown_comparison(comparison, gaps)),
            PackagesFormat::Json => {
                let compared = Compared { schema: packages::SCHEMA, comparison, gaps };
                format::json(&compared, printer)?;
            }
        }
        Ok(())
    }
}

/// The newest record of the project.
fn newest() -> Result<PathBuf, CommandError> {
    let here = std::env::current_dir().map_err(|error| {
        CommandError::new(Kind::Source, "cannot tell which folder this is").caused_by(&error)
    })?;
    let project = here.ancestors().find(|folder| folder.join(FILE_NAME).exists()).unwrap_or(&here);
    let folder = project.join(RECORDS);
    let none = |message: String| {
        CommandError::new(Kind::Source, message)
            .hint("`ringfence learn -- COMMAND` makes one")
            .hint("name another with `ringfence packages RECORD`")
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            return Err(none(format!("no records: {}", folder.display())).caused_by(&error));
        }
    };
    let records = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let named = path.extension().is_some_and(|kind| kind == ENDING);
        named.then_some((metadata.modified().ok()?, path))
    });
    let newest = records.max().map(|(_, path)| path);
    newest.ok_or_else(|| none(format!("no records in {}", folder.display())))
}

fn read(path: &Path) -> Result<View, CommandError> {
    packages::read(path).map(|(view, _)| view).map_err(|error| {
        let hint = match &error {
            BaselineError::Read { .. } => "`ringfence learn -- COMMAND` makes a record",
            BaselineError::Newer { .. } => "update ringfence, or write it again with --write",
            _ => "name a record of `ringfence learn`, or what `ringfence packages --write` kept",
        };
        let failed = CommandError::new(Kind::Source, error.to_string()).hint(hint);
        match std::error::Error::source(&error) {
            Some(cause) => failed.caused_by(cause),
            None => failed,
        }
    })
}

fn keep(view: &View, path: &Path) -> Result<(), CommandError> {
    if view.cut_short {
        return Err(CommandError::new(Kind::Source, "the run was cut short: its view is not kept")
            .hint("record the whole run again, or keep the view of another record"));
    }
    let text = view.to_json().map_err(|error| {
        CommandError::new(Kind::Internal, "cannot write the view as JSON").caused_by(&error)
    })?;
    whole::write(path, text.as_bytes(), None).map_err(|error| {
        let message = format!("cannot write {}", path.display());
        CommandError::new(Kind::Output, message).caused_by(&error)
    })
}

/// Every entry with its name, the application first.
fn entries(view: &View) -> impl Iterator<Item = (String, &Entry)> {
    let packages = view.packages.iter().map(|(name, entry)| (titled(name, entry), entry));
    std::iter::once((APPLICATION.to_owned(), &view.application)).chain(packages)
}

/// `express 4.19.2`
fn titled(name: &str, entry: &Entry) -> String {
    std::iter::once(name)
        .chain(entry.versions.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ")
}

/// For people: one block for each package.
pub(crate) fn human(view: &View, printer: &Printer) -> String {
    let mut text = String::new();
    let mut quiet = true;
    for (title, entry) in entries(view).filter(|(_, entry)| !entry.is_empty()) {
        quiet = false;
        let title = untrusted(&title).to_string();
        let _ = writeln!(text, "{}", printer.paint(Style::Heading, &title));
        uses(&mut text, &entry.uses);
    }
    if quiet {
        text.push_str("no package used anything outside its own folder\n");
    }
    notes(&mut text, &view.gaps);
    text
}

fn uses(text: &mut String, uses: &BTreeMap<Ability, BTreeSet<String>>) {
    for (ability, what) in uses {
        let indent = 20;
        let all = listed(what, SHOWN, |one| untrusted(one).to_string());
        for (index, line) in table::wrap(&all, table::WIDTH - indent).iter().enumerate() {
            let label = if index == 0 { ability.title() } else { "" };
            let _ = writeln!(text, "  {label:<17} {line}");
        }
    }
}

fn listed(what: &BTreeSet<String>, most: usize, show: impl Fn(&str) -> String) -> String {
    let mut all: Vec<String> = what.iter().take(most).map(|one| show(one)).collect();
    if what.len() > most {
        all.push(format!("and {} more", what.len() - most));
    }
    all.join(", ")
}

fn notes(text: &mut String, gaps: &[String]) {
    for gap in gaps {
        for line in table::wrap(&format!("note: {gap}"), table::WIDTH) {
            let _ = writeln!(text, "{line}");
        }
    }
}

fn who(package: Option<&str>) -> &str {
    package.unwrap_or(APPLICATION)
}

/// What a comparison found, in one line.
fn summary(comparison: &Comparison) -> String {
    let Comparison { findings, lost, versions } = comparison;
    let versions = match versions.len() {
        1 => "1 other version".to_owned(),
        several => format!("{several} other versions"),
    };
    format!("{} gained, {} lost, {versions}", findings.len(), lost.len())
}

fn human_comparison(comparison: &Comparison, gaps: &[String], printer: &Printer) -> String {
    let mut text = String::new();
    for finding in &comparison.findings {
        let name = untrusted(who(finding.package.as_deref())).to_string();
        let _ = writeln!(text, "{} {name}", printer.paint(Style::Bad, finding.code));
        uses(&mut text, &finding.gained);
    }
    if !comparison.lost.is_empty() {
        let _ = writeln!(text, "{}", printer.paint(Style::Heading, "not used any more"));
    }
    for lost in &comparison.lost {
        let what = listed(&lost.what, SHOWN, |one| untrusted(one).to_string());
        let name = untrusted(who(lost.package.as_deref())).to_string();
        let line = format!("{name}: {} {what}", lost.ability.title());
        for line in table::wrap(&line, table::WIDTH - 2) {
            let _ = writeln!(text, "  {line}");
        }
    }
    if !comparison.versions.is_empty() {
        let _ = writeln!(text, "{}", printer.paint(Style::Heading, "other versions"));
    }
    for change in &comparison.versions {
        let join = |all: &BTreeSet<String>| listed(all, SHOWN, |one| untrusted(one).to_string());
        let (old, new) = (join(&change.old), join(&change.new));
        let _ = writeln!(text, "  {}: {old} -> {new}", untrusted(&change.package));
    }
    if *comparison == Comparison::default() {
        text.push_str("every package used the same\n");
    } else {
        let _ = writeln!(text, "\n{}", summary(comparison));
    }
    notes(&mut text, gaps);
    text
}

fn cells(uses: &BTreeMap<Ability, BTreeSet<String>>) -> String {
    let each = uses.iter().map(|(ability, what)| {
        let what = listed(what, usize::MAX, |one| escape(&untrusted(one).to_string()));
        format!("{}: {what}", ability.title())
    });
    each.collect::<Vec<_>>().join("<br>")
}

fn markdown(view: &View) -> String {
    let mut text = String::from("### Packages\n\n| package | used |\n|---|---|\n");
    for (title, entry) in entries(view).filter(|(_, entry)| !entry.is_empty()) {
        let title = escape(&untrusted(&title).to_string());
        let _ = writeln!(text, "| {title} | {} |", cells(&entry.uses));
    }
    markdown_notes(&mut text, &view.gaps);
    text
}

fn markdown_comparison(comparison: &Comparison, gaps: &[String]) -> String {
    let mut text = String::from("### Packages\n\n");
    if *comparison == Comparison::default() {
        text.push_str("Every package used the same.\n");
        markdown_notes(&mut text, gaps);
        return text;
    }
    let _ = writeln!(text, "{}\n\n| | package | what |\n|---|---|---|", summary(comparison));
    for Finding { code, package, gained } in &comparison.findings {
        let name = escape(&untrusted(who(package.as_deref())).to_string());
        let _ = writeln!(text, "| **{code}** | {name} | {} |", cells(gained));
    }
    for lost in &comparison.lost {
        let name = escape(&untrusted(who(lost.package.as_deref())).to_string());
        let uses = BTreeMap::from([(lost.ability, lost.what.clone())]);
        let _ = writeln!(text, "| lost | {name} | {} |", cells(&uses));
    }
    for change in &comparison.versions {
        let show = |all: &BTreeSet<String>| {
            listed(all, usize::MAX, |one| escape(&untrusted(one).to_string()))
        };
        let name = escape(&untrusted(&change.package).to_string());
        let (old, new) = (show(&change.old), show(&change.new));
        let _ = writeln!(text, "| version | {name} | {old} -> {new} |");
    }
    markdown_notes(&mut text, gaps);
    text
}

fn markdown_notes(text: &mut String, gaps: &[String]) {
    for gap in gaps {
        let _ = write!(text, "\nNote: {gap}.\n");
    }
}
