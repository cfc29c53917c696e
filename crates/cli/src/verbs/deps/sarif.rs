//! A review as SARIF, for code scanning.

use super::output::Reviewed;
use crate::sarif::{self, Hit, Rule};
use ringfence_deps::review::SIGNALS;
use ringfence_deps::{Finding, Severity};
use serde_json::{Value, json};

/// What to do about a finding.
const HELP: &str = "Look at what was found. What is in order is agreed to in [dependencies] of the \
    boundary file, with a reason. docs/deps.md says when each code is found.";

/// A rule for each signal, a result for each finding. What was agreed to is a suppressed result; what
/// could not be judged is a note of the run.
pub(super) fn log(reviewed: &Reviewed<'_>) -> Value {
    let rules = SIGNALS.iter().map(|signal| {
        rule(
            signal.code,
            signal.question,
            signal.severity,
            &format!("A review asks: {} {HELP}", signal.question),
        )
    });
    let rules: Vec<Value> = rules.collect();
    let open = reviewed.outcome.findings.iter().map(|finding| (finding, None));
    let agreed = reviewed.outcome.accepted.iter();
    let agreed = agreed.map(|one| (&one.finding, Some(one.reason.as_str())));
    let results =
        open.chain(agreed).map(|(finding, agreed)| result(finding, reviewed.file, agreed));
    let results: Vec<Value> = results.collect();
    let notes = reviewed.outcome.unknown.iter().map(|one| {
        let versions = if one.releases == 1 { "version" } else { "versions" };
        format!("not judged: {} of {} {versions}: {}", one.code, one.releases, one.why)
    });
    sarif::log(&rules, &results, &notes.collect::<Vec<_>>())
}

/// A rule that is a question for whoever reviews.
pub(super) fn rule(id: &str, question: &str, severity: Severity, help: &str) -> Value {
    let full = format!("{id}: {question}");
    Rule { id, short: question, full: &full, help, level: level(severity) }.value()
}

/// SARIF's word for a severity.
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Moderate => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn result(finding: &Finding, file: &str, agreed: Option<&str>) -> Value {
    let package = if finding.package.is_empty() { "the lockfile" } else { &finding.package };
    let mut text = format!("{package}: {} ({})", finding.message, finding.question);
    if finding.path.len() > 1 {
        text = format!("{text} By way of {}.", finding.path.join(" > "));
    }
    let hit = Hit {
        rule: finding.code,
        level: level(finding.severity),
        text: &text,
        file,
        line: finding.line,
        subject: package,
        agreed,
    };
    let mut result = hit.value(SIGNALS.iter().map(|signal| signal.code));
    result["properties"] = json!({ "severity": finding.severity.id() });
    result
}
