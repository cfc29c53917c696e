//! A review as SARIF 2.1.0, for code scanning.

use super::output::Reviewed;
use ringfence_deps::review::SIGNALS;
use ringfence_deps::{Finding, Severity};
use ringfence_policy::display::untrusted;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// What to do about a finding.
const HELP: &str = "Look at what was found. What is in order is agreed to in [dependencies] of the \
    boundary file, with a reason. docs/deps.md says when each code is found.";

/// The whole log: one run, a rule for each signal, a result for each finding. What was agreed to is a
/// suppressed result; what could not be judged is a note of the run.
pub(super) fn log(reviewed: &Reviewed<'_>) -> Value {
    let rules: Vec<Value> = SIGNALS
        .iter()
        .map(|signal| {
            json!({
                "id": signal.code,
                "shortDescription": { "text": signal.question },
                "fullDescription": { "text": format!("{}: {}", signal.code, signal.question) },
                "help": { "text": format!("A review asks: {} {HELP}", signal.question) },
                "defaultConfiguration": { "level": level(signal.severity) },
            })
        })
        .collect();
    let open = reviewed.outcome.findings.iter().map(|finding| result(finding, reviewed.file));
    let agreed = reviewed.outcome.accepted.iter().map(|agreed| {
        let mut result = result(&agreed.finding, reviewed.file);
        let why = untrusted(&agreed.reason).to_string();
        result["suppressions"] = json!([{ "kind": "external", "justification": why }]);
        result
    });
    let notes = reviewed.outcome.unknown.iter().map(|one| {
        let versions = if one.releases == 1 { "version" } else { "versions" };
        let text = format!("not judged: {} of {} {versions}: {}", one.code, one.releases, one.why);
        json!({ "level": "note", "message": { "text": untrusted(&text).to_string() } })
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ringfence",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notes.collect::<Vec<_>>(),
            }],
            "results": open.chain(agreed).collect::<Vec<_>>(),
        }],
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Moderate => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn result(finding: &Finding, file: &str) -> Value {
    let package = if finding.package.is_empty() { "the lockfile" } else { &finding.package };
    let mut text = format!("{package}: {} ({})", finding.message, finding.question);
    if finding.path.len() > 1 {
        text = format!("{text} By way of {}.", finding.path.join(" > "));
    }
    json!({
        "ruleId": finding.code,
        "ruleIndex": SIGNALS.iter().position(|signal| signal.code == finding.code),
        "level": level(finding.severity),
        "message": { "text": untrusted(&text).to_string() },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": { "startLine": finding.line.max(1) },
        } }],
        "partialFingerprints": {
            "codeAndPackage/v1": format!("{} {}", finding.code, untrusted(package)),
        },
        "properties": { "severity": finding.severity.id() },
    })
}

/// A path as a relative reference (RFC 3986), from the folder in which this runs: code scanning looks
/// for files in a checkout and not on this machine.
pub(super) fn uri(path: &str) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.and_then(|here| Path::new(path).strip_prefix(here).ok().map(Path::to_owned));
    let path = inside.map_or_else(|| path.to_owned(), |inside| inside.display().to_string());
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~@+".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
