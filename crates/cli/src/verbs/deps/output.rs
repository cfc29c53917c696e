//! A review as people, machines and pull requests read it. Texts of packages are escaped here.

use super::look::counted;
use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::table;
use ringfence_deps::evidence::Sources;
use ringfence_deps::review::{Agreed, Outcome, Stale};
use ringfence_deps::{Finding, Severity};
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Where what is not in the lockfiles came from.
    pub(super) evidence: &'a Sources,
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
    for line in unknown(reviewed) {
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
    let added = counted(*added, "version");
    format!("{told}: {added} added, {removed} removed, {releases} in {shown}")
}

fn worn(stale: &Stale) -> String {
    let Stale { code, package, expired } = stale;
    let why = if *expired { "is over" } else { "is needed by nothing" };
    format!("the agreement to {code} of {package} {why}: remove it, or look again")
}

/// Reasons that are told one by one; more of them would hide the findings.
const REASONS: usize = 8;

/// Packages that are named for a reason.
const NAMED: usize = 3;

/// Where evidence came from, and what could not be judged: a line for each reason, the one that is
/// about most first.
fn unknown(reviewed: &Reviewed<'_>) -> Vec<String> {
    let Reviewed { outcome, evidence, .. } = reviewed;
    let mut reasons: BTreeMap<&str, (Vec<&str>, usize)> = BTreeMap::new();
    for one in &outcome.unknown {
        let why = one.why.strip_suffix(GYP).unwrap_or(&one.why);
        let (codes, most) = reasons.entry(why).or_default();
        if !codes.contains(&one.code) {
            codes.push(one.code);
        }
        *most = (*most).max(one.releases);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, (_, releases))| std::cmp::Reverse(*releases));
    let line = |(why, (codes, releases)): &(&str, (Vec<&str>, usize))| {
        let (codes, versions) = (codes.join(", "), counted(*releases, "version"));
        format!("not judged: {codes} of {versions}: {why}{}", named(evidence, why))
    };
    let mut lines: Vec<String> = looked_at(evidence).into_iter().collect();
    lines.extend(reasons.iter().take(REASONS).map(line));
    if let Some(rest) = reasons.get(REASONS..).filter(|rest| !rest.is_empty()) {
        let releases = rest.iter().map(|(_, (_, releases))| releases).sum();
        let versions = counted(releases, "version");
        let more = rest.len();
        lines.push(format!("not judged for {more} more reasons: {versions} (in --format json)"));
    }
    if !evidence.registry_asked && outcome.unknown.iter().any(|one| one.why.contains(NOT_ASKED)) {
        lines.push("note: --online asks the registry that npm is configured to use".to_owned());
    }
    lines
}

/// What the reason of install scripts adds to that of a tarball: one line is enough for both.
const GYP: &str = ", and a binding.gyp needs no script";

/// How reasons say it that no registry was asked.
const NOT_ASKED: &str = "no registry was asked";

/// `looked at: 3 tarballs from npm's cache, what the registry says of 4 versions`
fn looked_at(evidence: &Sources) -> Option<String> {
    let tarballs = evidence.tarballs.iter();
    let mut parts: Vec<String> = tarballs
        .map(|(place, count)| format!("{} from {}", counted(*count, "tarball"), place.words()))
        .collect();
    if evidence.registry > 0 {
        let versions = counted(evidence.registry, "version");
        parts.push(format!("what the registry says of {versions}"));
    }
    (!parts.is_empty()).then(|| format!("looked at: {}", parts.join(", ")))
}

/// Some of those that a reason is about: ` (a@1.0.0, b@1.0.0 and 7 more)`; not where it is about all.
fn named(evidence: &Sources, why: &str) -> String {
    if why.starts_with(NOT_ASKED) {
        return String::new();
    }
    let missing = evidence.tarballs_missing.iter().chain(&evidence.registry_missing);
    let about = missing.filter(|one| why.starts_with(&one.why));
    let about: BTreeSet<&str> = about.map(|one| one.package.as_str()).collect();
    let first = about.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match about.len() {
        0 => String::new(),
        1..=NAMED => format!(" ({first})"),
        all => format!(" ({first} and {} more)", all - NAMED),
    }
}

/// Of a text of somebody else: nothing in it is shown raw, and nothing is markup.
fn quoted(text: &str) -> String {
    escape(&untrusted(text).to_string())
}

/// Rows of a table: comments of pull requests have room for no more.
const ROWS: usize = 100;

pub(super) fn markdown(reviewed: &Reviewed<'_>) -> String {
    let mut text = String::from("### Dependencies\n\n");
    let outcome = reviewed.outcome;
    let _ = writeln!(text, "{}", escape(&summary(reviewed)));
    if !outcome.findings.is_empty() {
        text.push_str("\n| | package | what was seen | ask |\n|---|---|---|---|\n");
    }
    for finding in outcome.findings.iter().take(ROWS) {
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
    if let Some(more) = outcome.findings.len().checked_sub(ROWS).filter(|more| *more > 0) {
        let _ = writeln!(
            text,
            "\n{more} more findings, none of them more severe: --format json has all"
        );
    }
    for Agreed { finding, reason } in &outcome.accepted {
        let (code, package) = (finding.code, quoted(of(finding)));
        let _ = writeln!(text, "\nAccepted: {code} of {package}: {}", quoted(reason));
    }
    for stale in &outcome.stale {
        let _ = writeln!(text, "\nNote: {}", quoted(&worn(stale)));
    }
    for line in unknown(reviewed) {
        let _ = writeln!(text, "\n{}", quoted(&line));
    }
    text
}
