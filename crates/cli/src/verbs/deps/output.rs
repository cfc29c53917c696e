//! A review as people, machines and pull requests read it. Texts of packages are escaped here.

use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::table;
use ringfence_deps::review::{Agreed, Outcome, Stale};
use ringfence_deps::{Finding, Severity};
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The JSON form, and what the others are made of.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Reviewed<'a> {
    pub(super) schema: u32,
    pub(super) old: &'a str,
    pub(super) new: &'a str,
    /// The newer lockfile, as its lines are counted.
    pub(super) file: &'a str,
    /// The boundary file that judged; none where the defaults did.
    pub(super) boundary: Option<String>,
    pub(super) fail_on: Severity,
    /// Whether anything open is at least that severe.
    pub(super) failed: bool,
    /// Releases of the newer lockfile.
    pub(super) releases: usize,
    pub(super) added: usize,
    pub(super) removed: usize,
    #[serde(flatten)]
    pub(super) outcome: &'a Outcome,
}

const fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => Style::Bad,
        Severity::Moderate => Style::Warning,
        Severity::Low | Severity::Info => Style::Note,
    }
}

pub(super) fn human(reviewed: &Reviewed<'_>, printer: &Printer) -> String {
    let mut text = String::new();
    let outcome = reviewed.outcome;
    for severity in Severity::ALL.into_iter().rev() {
        let of = || outcome.findings.iter().filter(move |one| one.severity == severity);
        if of().next().is_none() {
            continue;
        }
        let _ = writeln!(text, "{}", printer.paint(style(severity), severity.id()));
        for finding in of() {
            add(&mut text, finding, reviewed.file);
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", summary(reviewed));
    for Agreed { finding, reason } in &outcome.accepted {
        let line = format!("accepted: {} of {}: {reason}", finding.code, of(finding));
        wrapped(&mut text, &line, 0);
    }
    for stale in &outcome.stale {
        wrapped(&mut text, &format!("note: {}", worn(stale)), 0);
    }
    for line in unknown(outcome) {
        wrapped(&mut text, &line, 0);
    }
    if let Some(first) = outcome.findings.first() {
        let example = format!(
            "next: look at what was found, then agree to what is in order in [dependencies] of \
             ringfence.toml: accept = [{{ code = \"{}\", package = \"{}\", reason = \"...\" }}]",
            first.code,
            if first.package.is_empty() { "*" } else { &first.package }
        );
        wrapped(&mut text, &example, 0);
    }
    text
}

/// One finding: code, package and place, what was seen, who brings it in, what to ask.
fn add(text: &mut String, finding: &Finding, file: &str) {
    let place = format!("{} {} ({file}:{})", finding.code, of(finding), finding.line);
    let _ = writeln!(text, "  {}", untrusted(&place));
    wrapped(text, &finding.message, 6);
    if finding.path.len() > 1 {
        wrapped(text, &format!("by way of {}", finding.path.join(" > ")), 6);
    }
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

/// `name@version`, or the lockfile.
fn of(finding: &Finding) -> &str {
    if finding.package.is_empty() { "the lockfile" } else { &finding.package }
}

/// `2 high, 1 low: 3 added, 1 removed, 1350 in package-lock.json`
fn summary(reviewed: &Reviewed<'_>) -> String {
    let findings = &reviewed.outcome.findings;
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| (severity, findings.iter().filter(|one| one.severity == severity).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {}", severity.id()))
        .collect();
    let Reviewed { releases, added, removed, .. } = reviewed;
    let told = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    let shown = untrusted(reviewed.new);
    format!("{told}: {added} versions added, {removed} removed, {releases} in {shown}")
}

fn worn(stale: &Stale) -> String {
    let Stale { code, package, expired } = stale;
    let why = if *expired { "is over" } else { "is needed by nothing" };
    format!("the agreement to {code} of {package} {why}: remove it, or look again")
}

/// What could not be judged: a line for each reason.
fn unknown(outcome: &Outcome) -> Vec<String> {
    let mut reasons: BTreeMap<&str, (Vec<&str>, usize)> = BTreeMap::new();
    for one in &outcome.unknown {
        let (codes, most) = reasons.entry(&one.why).or_default();
        codes.push(one.code);
        *most = (*most).max(one.releases);
    }
    let line = |(why, (codes, releases)): (&str, (Vec<&str>, usize))| {
        let versions = if releases == 1 { "version" } else { "versions" };
        format!("not judged: {} of {releases} {versions}: {why}", codes.join(", "))
    };
    reasons.into_iter().map(line).collect()
}

/// Of a text of somebody else: nothing in it is shown raw, and nothing is markup.
fn quoted(text: &str) -> String {
    escape(&untrusted(text).to_string())
}

pub(super) fn markdown(reviewed: &Reviewed<'_>) -> String {
    let mut text = String::from("### Dependencies\n\n");
    let outcome = reviewed.outcome;
    let _ = writeln!(text, "{}", escape(&summary(reviewed)));
    if !outcome.findings.is_empty() {
        text.push_str("\n| | package | what was seen | ask |\n|---|---|---|---|\n");
    }
    for finding in &outcome.findings {
        let word = if finding.severity >= reviewed.fail_on {
            format!("**{}**", finding.severity.id())
        } else {
            finding.severity.id().to_owned()
        };
        let by = match finding.path.len() {
            0 | 1 => String::new(),
            _ => format!("<br>by way of {}", quoted(&finding.path.join(" > "))),
        };
        let _ = writeln!(
            text,
            "| {word} | {}<br>line {} | {}: {}{by} | {} |",
            quoted(of(finding)),
            finding.line,
            finding.code,
            quoted(&finding.message),
            escape(finding.question)
        );
    }
    for Agreed { finding, reason } in &outcome.accepted {
        let (code, package) = (finding.code, quoted(of(finding)));
        let _ = writeln!(text, "\nAccepted: {code} of {package}: {}", quoted(reason));
    }
    for stale in &outcome.stale {
        let _ = writeln!(text, "\nNote: {}", quoted(&worn(stale)));
    }
    for line in unknown(outcome) {
        let _ = writeln!(text, "\n{}", quoted(&line));
    }
    text
}
