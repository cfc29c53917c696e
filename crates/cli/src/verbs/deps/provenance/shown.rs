//! Signatures and attestations for people, for code scanning and for a pull request. Texts of packages
//! are escaped here.

use super::report::{CAVEAT, CODES, Found, Report, Unknown};
use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::sarif::{self, Hit, Rule};
use crate::table::{self, Cell, draw};
use crate::verbs::deps::look::counted;
use ringfence_deps::provenance::Verdict;
use ringfence_policy::display::untrusted;
use serde_json::Value;
use std::fmt::Write as _;

/// Most rows that people are shown of one kind.
const ROWS: usize = 100;

/// Most names that are shown of one reason.
const NAMES: usize = 8;

pub(super) fn human(report: &Report, printer: &Printer) -> String {
    let mut text = String::new();
    for Found { code, package, line, message } in &report.findings {
        let place = untrusted(&format!("{package} ({}:{line})", report.lockfile)).to_string();
        let _ = writeln!(text, "{} {place}", printer.paint(Style::Bad, code));
        wrapped(&mut text, message, 4);
    }
    if !report.findings.is_empty() {
        text.push('\n');
    }
    let built: Vec<[Cell; 2]> = report.built().take(ROWS).map(row).collect();
    if !built.is_empty() {
        let _ =
            writeln!(text, "{}", printer.paint(Style::Heading, "Built where, by its provenance"));
        text += &draw(&built, printer);
        more(&mut text, report.built().count());
        text.push('\n');
    }
    let without: Vec<String> = report.without().take(ROWS).map(Verdict::package).collect();
    if !without.is_empty() {
        wrapped(&mut text, &format!("without provenance: {}", without.join(", ")), 0);
        more(&mut text, report.without().count());
    }
    for one in &report.unknown {
        wrapped(&mut text, &format!("not judged: {}", reason(one)), 0);
    }
    for line in notes(report) {
        wrapped(&mut text, &line, 0);
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

fn row(one: &Verdict) -> [Cell; 2] {
    let place = one.origin.as_ref().map(|origin| {
        let runner = origin.runner.as_ref().map(|runner| format!(", {runner}")).unwrap_or_default();
        let file = origin.workflow.as_deref().and_then(|all| {
            let file = all.rsplit_once('@').map_or(all, |(file, _)| file);
            file.strip_prefix(&origin.repository)?.rsplit('/').next()
        });
        let file = file.map(|file| format!(", {file}")).unwrap_or_default();
        format!("{}{file}{runner}", origin.repository)
    });
    let place = untrusted(&place.unwrap_or_default()).to_string();
    [Cell::plain(untrusted(&one.package()).to_string()), Cell::plain(place)]
}

/// What to know about how it was judged.
fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(root) = &report.trusted_root {
        notes.push(format!("trusted root: {root}"));
    }
    if report.root_of_tree {
        let note = "note: the trusted root lies in the tree that is judged: a package could have \
            written it";
        notes.push(note.to_owned());
    }
    if report.told_keys() {
        notes.push(
            "note: nobody but the registry itself vouches for some keys of its signatures".into(),
        );
    }
    notes.push(format!("note: {CAVEAT}"));
    notes
}

fn summary(report: &Report) -> String {
    let mut parts = vec![
        format!("{} signed", report.signed()),
        format!("{} with provenance", report.built().count()),
        format!("{} without", report.without().count()),
    ];
    if !report.findings.is_empty() {
        parts.push(counted(report.findings.len(), "finding"));
    }
    let shown = untrusted(&report.lockfile);
    format!("{} of {shown}: {}", counted(report.packages.len(), "version"), parts.join(", "))
}

/// Why something is not known, and of which packages.
fn reason(one: &Unknown) -> String {
    let names: Vec<&str> = one.packages.iter().take(NAMES).map(String::as_str).collect();
    let more = match one.packages.len().saturating_sub(NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} of {}{more}: {}", one.what, names.join(", "), one.why)
}

fn more(text: &mut String, count: usize) {
    if count > ROWS {
        let _ = writeln!(text, "and {} more: --format json tells all", count - ROWS);
    }
}

fn wrapped(text: &mut String, line: &str, indent: usize) {
    let shown = untrusted(line).to_string();
    let more = if indent == 0 { 4 } else { indent };
    for (index, part) in table::wrap(&shown, table::WIDTH - more).iter().enumerate() {
        let space = " ".repeat(if index == 0 { indent } else { more });
        let _ = writeln!(text, "{space}{part}");
    }
}

/// Of a text of somebody else: nothing in it is shown raw, and nothing is markup.
fn quoted(text: &str) -> String {
    escape(&untrusted(text).to_string())
}

pub(super) fn markdown(report: &Report) -> String {
    let mut text = String::from("### Provenance\n\n");
    let _ = writeln!(text, "{}", escape(&summary(report)));
    if !report.findings.is_empty() {
        text.push_str("\n| code | package | what is wrong |\n|---|---|---|\n");
    }
    for Found { code, package, line, message } in &report.findings {
        let (package, message) = (quoted(package), quoted(message));
        let _ = writeln!(text, "| {code} | {package}<br>line {line} | {message} |");
    }
    if report.built().next().is_some() {
        text.push_str("\n| package | built by |\n|---|---|\n");
    }
    for one in report.built().take(ROWS) {
        let origin = one.origin.as_ref();
        let place = origin
            .map(|origin| origin.workflow.clone().unwrap_or_else(|| origin.repository.clone()));
        let place = quoted(&place.unwrap_or_default());
        let _ = writeln!(text, "| {} | {place} |", quoted(&one.package()));
    }
    for one in &report.unknown {
        let _ = writeln!(text, "\nNot judged: {}", quoted(&reason(one)));
    }
    for line in notes(report) {
        let _ = writeln!(text, "\n{}", quoted(&line));
    }
    text
}

pub(super) fn sarif(report: &Report) -> Value {
    let rules = CODES.iter().map(|(code, what)| {
        let help = format!("{what}. docs/deps-provenance.md says what is verified.");
        let full = format!("{code}: {what}");
        Rule { id: code, short: what, full: &full, help: &help, level: "error" }.value()
    });
    let rules: Vec<Value> = rules.collect();
    let results: Vec<Value> =
        report.findings.iter().map(|one| result(one, &report.lockfile)).collect();
    let unknown = report.unknown.iter().map(|one| format!("not judged: {}", reason(one)));
    let notes: Vec<String> = unknown.chain(notes(report)).collect();
    sarif::log(&rules, &results, &notes)
}

fn result(found: &Found, file: &str) -> Value {
    let Found { code, package, line, message } = found;
    let text = format!("{package}: {message}");
    let hit = Hit {
        rule: code,
        level: "error",
        text: &text,
        file,
        line: *line,
        subject: package,
        agreed: None,
    };
    hit.value(CODES.iter().map(|(code, _)| *code))
}
