//! The same as SARIF, for code scanning.

use super::output::Checked;
use crate::sarif::{self, Hit};
use crate::verbs::deps::sarif::{level, rule};
use ringfence_deps::publish::{CHECKS, Finding};
use serde_json::{Value, json};

/// A rule for each check, a result for each finding. What was agreed to is a suppressed result; what
/// no file tells is a note of the run.
pub(super) fn log(checked: &Checked<'_>) -> Value {
    let rules = CHECKS.iter().map(|check| {
        let help = format!("{} docs/deps-publish.md says what is looked for.", check.question);
        rule(check.code, check.question, check.severity, &help)
    });
    let rules: Vec<Value> = rules.collect();
    let open = checked.told.findings.iter().map(|finding| (finding, None));
    let agreed = checked.told.accepted.iter();
    let agreed = agreed.map(|one| (&one.finding, Some(one.reason.as_str())));
    let results: Vec<Value> =
        open.chain(agreed).map(|(finding, agreed)| result(finding, agreed)).collect();
    let notes = checked.told.not_judged.iter();
    let notes = notes.map(|one| format!("not judged: {}: {}", one.what, one.why));
    sarif::log(&rules, &results, &notes.collect::<Vec<_>>())
}

fn result(finding: &Finding, agreed: Option<&str>) -> Value {
    let text = format!("{}: {} ({})", finding.subject, finding.message, finding.question);
    let hit = Hit {
        rule: finding.code,
        level: level(finding.severity),
        text: &text,
        file: &finding.file,
        line: finding.line,
        subject: &finding.subject,
        agreed,
    };
    let mut result = hit.value(CHECKS.iter().map(|check| check.code));
    result["properties"] = json!({ "severity": finding.severity.id() });
    result
}
