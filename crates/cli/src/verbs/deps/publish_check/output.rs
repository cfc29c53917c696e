//! What was found before publishing, as people and pull requests read it.

use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::table;
use crate::verbs::deps::look::{bytes, counted};
use ringfence_deps::Severity;
use ringfence_deps::publish::{Agreed, Finding, Published};
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::fmt::Write as _;

/// The JSON form, and what the others are made of.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Checked<'a> {
    pub(super) schema: u32,
    /// The boundary file that judged; none where the defaults did.
    pub(super) boundary: Option<String>,
    pub(super) fail_on: Severity,
    /// Whether anything open is at least that severe.
    pub(super) failed: bool,
    #[serde(flatten)]
    pub(super) told: &'a Published,
}

const fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => Style::Bad,
        Severity::Moderate => Style::Warning,
        Severity::Low | Severity::Info => Style::Note,
    }
}

pub(super) fn human(checked: &Checked<'_>, files: bool, printer: &Printer) -> String {
    let mut text = String::new();
    let told = checked.told;
    if files {
        for (path, size) in &told.files {
            let _ = writeln!(text, "  {:>9}  {}", bytes(*size), untrusted(path));
        }
        text.push('\n');
    }
    for severity in Severity::ALL.into_iter().rev() {
        let mut of = told.findings.iter().filter(|one| one.severity == severity).peekable();
        if of.peek().is_some() {
            let _ = writeln!(text, "{}", printer.paint(style(severity), severity.id()));
        }
        for finding in of {
            add(&mut text, finding);
        }
    }
    if !told.findings.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", summary(told));
    for Agreed { finding, reason } in &told.accepted {
        let line = format!("accepted: {} of {}: {reason}", finding.code, finding.subject);
        wrapped(&mut text, &line, 0);
    }
    for line in notes(told) {
        wrapped(&mut text, &line, 0);
    }
    if let Some(first) = told.findings.first() {
        let example = format!(
            "next: mend what was found, or agree to it in [dependencies] of ringfence.toml: \
             accept = [{{ code = \"{}\", package = \"{}\", reason = \"...\" }}]",
            first.code, first.subject
        );
        wrapped(&mut text, &example, 0);
    }
    text
}

fn add(text: &mut String, finding: &Finding) {
    let place = format!("{} {}:{}", finding.code, finding.file, finding.line);
    let _ = writeln!(text, "  {}", untrusted(&place));
    wrapped(text, &finding.message, 6);
    wrapped(text, &format!("ask: {}", finding.question), 6);
}

fn wrapped(text: &mut String, line: &str, indent: usize) {
    let shown = untrusted(line).to_string();
    let more = if indent == 0 { 4 } else { indent };
    for (index, part) in table::wrap(&shown, table::WIDTH - more).iter().enumerate() {
        let space = " ".repeat(if index == 0 { indent } else { more });
        let _ = writeln!(text, "{space}{part}");
    }
}

/// `1 high, 2 low: orders@1.0.0 ships 12 files, 40 KiB`
fn summary(told: &Published) -> String {
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| {
            (severity, told.findings.iter().filter(|one| one.severity == severity).count())
        })
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {}", severity.id()))
        .collect();
    let found = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    let name = told.name.as_deref().unwrap_or("a package without a name");
    let version = told.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
    let shown = format!("{name}{version}");
    let files = counted(told.files.len(), "file");
    format!("{found}: {} ships {files}, {}", untrusted(&shown), bytes(told.bytes))
}

/// What is of no use, and what no file tells.
fn notes(told: &Published) -> Vec<String> {
    let stale = told.stale.iter().map(|one| {
        let why = if one.expired { "is over" } else { "is needed by nothing" };
        format!(
            "note: the agreement to {} of {} {why}: remove it, or look again",
            one.code, one.package
        )
    });
    let unknown =
        told.not_judged.iter().map(|one| format!("not judged: {}: {}", one.what, one.why));
    stale.chain(unknown).collect()
}

/// Of a text of somebody else: nothing in it is shown raw, and nothing is markup.
fn quoted(text: &str) -> String {
    escape(&untrusted(text).to_string())
}

pub(super) fn markdown(checked: &Checked<'_>) -> String {
    let told = checked.told;
    let mut text = String::from("### Before publishing\n\n");
    let _ = writeln!(text, "{}", escape(&summary(told)));
    if !told.findings.is_empty() {
        text.push_str("\n| | where | what was seen | ask |\n|---|---|---|---|\n");
    }
    for finding in &told.findings {
        let word = if finding.severity >= checked.fail_on {
            format!("**{}**", finding.severity.id())
        } else {
            finding.severity.id().to_owned()
        };
        let place = quoted(&format!("{}:{}", finding.file, finding.line));
        let seen = format!("{}: {}", finding.code, quoted(&finding.message));
        let _ = writeln!(text, "| {word} | {place} | {seen} | {} |", escape(finding.question));
    }
    for Agreed { finding, reason } in &told.accepted {
        let subject = quoted(&finding.subject);
        let _ = writeln!(text, "\nAccepted: {} of {subject}: {}", finding.code, quoted(reason));
    }
    for line in notes(told) {
        let _ = writeln!(text, "\n{}", quoted(&line));
    }
    text
}
