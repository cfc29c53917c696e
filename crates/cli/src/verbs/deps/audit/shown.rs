//! An audit for people, for machines, for code scanning and for a pull request.

use super::{Audited, Source};
use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::sarif::{self, Hit, Rule};
use crate::table;
use ringfence_deps::Severity;
use ringfence_deps::audit::{Accepted, Unjudged, Unused, Vulnerability};
use ringfence_policy::display::untrusted;
use ringfence_policy::time;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The JSON form.
#[derive(Serialize)]
pub(super) struct Output<'a> {
    schema: u32,
    lockfile: &'a str,
    source: &'a Source,
    /// The least severity that fails.
    level: Severity,
    /// How many releases were judged.
    judged: usize,
    /// How many vulnerabilities fail the audit.
    failing: usize,
    vulnerabilities: &'a [Vulnerability],
    accepted: &'a [Accepted],
    unused: &'a [Unused],
    unjudged: &'a [Unjudged],
}

pub(super) fn json(audited: &Audited) -> Output<'_> {
    let report = &audited.report;
    Output {
        schema: 1,
        lockfile: &audited.lockfile,
        source: &audited.source,
        level: audited.level,
        judged: report.judged,
        failing: audited.failing(),
        vulnerabilities: &report.vulnerabilities,
        accepted: &report.accepted,
        unused: &report.unused,
        unjudged: &report.unjudged,
    }
}

fn word(severity: Option<Severity>) -> &'static str {
    severity.map_or("unknown", Severity::id)
}

/// What would mend it, as a sentence without a period.
fn mending(found: &Vulnerability) -> String {
    let fix = &found.fix;
    let Some(version) = &fix.version else { return "no mended version is known".to_owned() };
    let all: Vec<String> =
        fix.hindered_by.iter().map(|one| format!("{} asks for {}", one.by, one.range)).collect();
    match all.as_slice() {
        [] if fix.in_range => format!("mended in {version}: update the lockfile"),
        [] => format!("mended in {version}"),
        [first] => format!("mended in {version}, but {first}"),
        [first, rest @ ..] => format!("mended in {version}, but {first}, and {} more", rest.len()),
    }
}

/// Who brings it in, as a sentence without a period.
fn brought(found: &Vulnerability) -> String {
    const SHOWN: usize = 3;
    if found.path.len() == 1 && found.direct.len() == 1 {
        return "the project asks for it".to_owned();
    }
    if found.path.is_empty() {
        return "nobody in the lockfile asks for it".to_owned();
    }
    let mut direct = found.direct.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if found.direct.len() > SHOWN {
        let _ = write!(direct, " and {} more", found.direct.len() - SHOWN);
    }
    if found.path.len() == 2 && found.direct.len() == 1 {
        return format!("brought in by {direct}");
    }
    format!("brought in by {direct}: {}", found.path.join(" > "))
}

/// Whether it is surely affected, in words.
const fn certainty(found: &Vulnerability) -> &'static str {
    if found.certain { "" } else { "its version cannot be compared: it may be affected" }
}

/// `2 vulnerabilities (1 high, 1 low), 1 accepted, among 5 packages`
fn summary(audited: &Audited) -> String {
    let report = &audited.report;
    let mut counts: BTreeMap<Option<Severity>, usize> = BTreeMap::new();
    for one in &report.vulnerabilities {
        *counts.entry(one.severity).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .iter()
        .rev()
        .map(|(severity, count)| format!("{count} {}", word(*severity)))
        .collect();
    let total = report.vulnerabilities.len();
    let mut text = match total {
        0 => "no known vulnerability".to_owned(),
        1 => format!("1 vulnerability ({})", parts.join(", ")),
        _ => format!("{total} vulnerabilities ({})", parts.join(", ")),
    };
    if !report.accepted.is_empty() {
        let _ = write!(text, ", {} accepted", report.accepted.len());
    }
    let _ = write!(text, ", among {} packages", report.judged);
    text
}

/// Who was asked, in one line.
fn asked(source: &Source) -> String {
    match source {
        Source::Index { path, advisories, newest, days_old, .. } => {
            let day = newest.split('T').next().unwrap_or(newest);
            format!("{advisories} advisories, the newest of {day}, {days_old} days ago: {path}")
        }
        Source::Registry { url } => format!("what the registry knows: {url}"),
    }
}

/// What a reader should know beside the findings, one line each.
fn notes(audited: &Audited) -> Vec<String> {
    let report = &audited.report;
    let mut notes: Vec<String> = report
        .accepted
        .iter()
        .map(|one| {
            // Its last second tells the day that was written.
            let until = one.until.map(|until| {
                let day: String = time::written(until - 1).chars().take(10).collect();
                format!(", until the end of {day}")
            });
            let until = until.unwrap_or_default();
            format!("accepted: {} in {}: {}{until}", one.found.id, one.found.package, one.reason)
        })
        .collect();
    notes.extend(report.unused.iter().map(|one| {
        let why = if one.expired { "its time is over" } else { "nothing needs it any more" };
        let about = one.accept.package.as_ref().map(|about| format!(" in {about}"));
        format!("accepting {}{}: {why}", one.accept.id, about.unwrap_or_default())
    }));
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &report.unjudged {
        by_reason.entry(one.why).or_default().push(&one.package);
    }
    notes.extend(by_reason.into_iter().map(|(why, packages)| {
        let some = packages.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let more = packages.len().saturating_sub(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("not judged: {some}{more}: {why}")
    }));
    notes
}

pub(super) fn human(audited: &Audited, printer: &Printer) -> String {
    let mut text = String::new();
    for found in &audited.report.vulnerabilities {
        let style = if found.counts(audited.level) { Style::Bad } else { Style::Warning };
        let severity = printer.paint(style, word(found.severity));
        let names = [std::slice::from_ref(&found.id), &found.aliases].concat().join(", ");
        let head = format!("{} ({}): {names}", found.package, found.need);
        let _ = writeln!(text, "{severity} {}", untrusted(&head));
        let note = found.note.as_deref().unwrap_or_default();
        let place = format!("{}:{}, {}", audited.lockfile, found.line, brought(found));
        for line in [&found.summary, &place, &mending(found), certainty(found), note] {
            for line in table::wrap(&untrusted(line).to_string(), table::WIDTH - 4) {
                if !line.is_empty() {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
        text.push('\n');
    }
    for note in notes(audited) {
        let _ = writeln!(text, "note: {}", untrusted(&note));
    }
    let _ = writeln!(text, "{}", summary(audited));
    let _ = writeln!(text, "{}", untrusted(&asked(&audited.source)));
    text
}

pub(super) fn markdown(audited: &Audited) -> String {
    let shown = |text: &str| escape(&untrusted(text).to_string());
    let mut text = format!("### Known vulnerabilities\n\n{}\n", summary(audited));
    if !audited.report.vulnerabilities.is_empty() {
        text.push_str("\n| severity | package | advisory | brought in by | mended |\n");
        text.push_str("|---|---|---|---|---|\n");
    }
    for found in &audited.report.vulnerabilities {
        let severity = word(found.severity);
        let bold = if found.counts(audited.level) { "**" } else { "" };
        let about = format!("{} {}", found.id, found.summary);
        let _ = writeln!(
            text,
            "| {bold}{severity}{bold} | {} ({}) | {} | {} | {} |",
            shown(&found.package),
            found.need,
            shown(about.trim()),
            shown(&brought(found)),
            shown(&mending(found)),
        );
    }
    for note in notes(audited) {
        let _ = writeln!(text, "\n{}", shown(&note));
    }
    let _ = writeln!(text, "\n{}", shown(&asked(&audited.source)));
    text
}

/// SARIF 2.1.0: a rule for each advisory, a result for each package it is about.
pub(super) fn sarif(audited: &Audited) -> Value {
    let accepted = audited.report.accepted.iter().map(|one| (&one.found, Some(&one.reason)));
    let open = audited.report.vulnerabilities.iter().map(|one| (one, None));
    let all: Vec<(&Vulnerability, Option<&String>)> = open.chain(accepted).collect();
    let rules: BTreeMap<&str, &Vulnerability> =
        all.iter().map(|(found, _)| (found.id.as_str(), *found)).collect();
    let ids: Vec<&str> = rules.keys().copied().collect();
    let results = all.into_iter().map(|(found, reason)| result(audited, found, reason, &ids));
    let results: Vec<Value> = results.collect();
    let rules: Vec<Value> = rules.into_values().map(rule).collect();
    sarif::log(&rules, &results, &notes(audited))
}

/// What to do about a vulnerability.
const HELP: &str = "Take a version in which it is mended, or accept it in [dependencies] of the \
    boundary file with a reason and a day. The advisory itself is with its database.";

/// Without a word on it, it is bad.
const fn usual_level(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Critical | Severity::High) | None => "error",
        Some(Severity::Moderate) => "warning",
        Some(Severity::Low | Severity::Info) => "note",
    }
}

fn rule(found: &Vulnerability) -> Value {
    let title = if found.summary.is_empty() { &found.id } else { &found.summary };
    let names = [std::slice::from_ref(&found.id), &found.aliases].concat().join(", ");
    // A number that code scanning sorts by: the middle of the severity's part of the CVSS scale.
    let score = match found.severity {
        Some(Severity::Critical) | None => "9.5",
        Some(Severity::High) => "8.0",
        Some(Severity::Moderate) => "5.5",
        Some(Severity::Low) => "2.0",
        Some(Severity::Info) => "0.0",
    };
    let mut rule = Rule {
        id: &found.id,
        short: title,
        full: &format!("{names}: {title}"),
        help: &format!("{names}. {HELP}"),
        level: usual_level(found.severity),
    }
    .value();
    rule["properties"] = json!({ "tags": ["security"], "security-severity": score });
    rule
}

fn result(
    audited: &Audited,
    found: &Vulnerability,
    reason: Option<&String>,
    ids: &[&str],
) -> Value {
    let level = match (found.counts(audited.level), found.severity) {
        (true, _) => "error",
        (false, Some(Severity::High | Severity::Critical)) => "warning",
        (false, severity) => usual_level(severity),
    };
    let parts = [&found.summary, &brought(found), &mending(found), certainty(found)];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let message = format!("{} ({}): {}", found.package, found.need, parts.join("; "));
    let hit = Hit {
        rule: &found.id,
        level,
        text: &message,
        file: &audited.lockfile,
        line: found.line,
        subject: &found.package,
        agreed: reason.map(String::as_str),
    };
    hit.value(ids.iter().copied())
}
