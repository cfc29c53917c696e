//! The same as SARIF 2.1.0, for code scanning.

use super::output::Checked;
use crate::verbs::deps::sarif::uri;
use ringfence_deps::Severity;
use ringfence_deps::publish::{CHECKS, Finding};
use ringfence_policy::display::untrusted;
use serde_json::{Value, json};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One run, a rule for each check, a result for each finding. What was agreed to is a suppressed result;
/// what no file tells is a note of the run.
pub(super) fn log(checked: &Checked<'_>) -> Value {
    let rules: Vec<Value> = CHECKS
        .iter()
        .map(|check| {
            json!({
                "id": check.code,
                "shortDescription": { "text": check.question },
                "fullDescription": { "text": format!("{}: {}", check.code, check.question) },
                "help": { "text": format!("{} docs/deps-publish.md says what is looked for.", check.question) },
                "defaultConfiguration": { "level": level(check.severity) },
            })
        })
        .collect();
    let open = checked.told.findings.iter().map(result);
    let agreed = checked.told.accepted.iter().map(|agreed| {
        let mut result = result(&agreed.finding);
        let why = untrusted(&agreed.reason).to_string();
        result["suppressions"] = json!([{ "kind": "external", "justification": why }]);
        result
    });
    let notes = checked.told.not_judged.iter().map(|one| {
        let text = format!("not judged: {}: {}", one.what, one.why);
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

fn result(finding: &Finding) -> Value {
    let text = format!("{}: {} ({})", finding.subject, finding.message, finding.question);
    json!({
        "ruleId": finding.code,
        "ruleIndex": CHECKS.iter().position(|check| check.code == finding.code),
        "level": level(finding.severity),
        "message": { "text": untrusted(&text).to_string() },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.file) },
            "region": { "startLine": finding.line },
        } }],
        "partialFingerprints": {
            "codeAndSubject/v1": format!("{} {}", finding.code, untrusted(&finding.subject)),
        },
        "properties": { "severity": finding.severity.id() },
    })
}
