//! SARIF 2.1.0, for code scanning: what every log has, whatever it is about.
//!
//! Texts that others wrote are escaped here.

use ringfence_policy::display::untrusted;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A kind of thing that can be found.
pub(crate) struct Rule<'a> {
    pub(crate) id: &'a str,
    /// What it is, on one line.
    pub(crate) short: &'a str,
    /// The same with what it is also called.
    pub(crate) full: &'a str,
    /// What to do about it.
    pub(crate) help: &'a str,
    /// `error`, `warning` or `note`.
    pub(crate) level: &'a str,
}

/// Something that was found in a line of a file.
pub(crate) struct Hit<'a> {
    pub(crate) rule: &'a str,
    /// `error`, `warning` or `note`.
    pub(crate) level: &'a str,
    pub(crate) text: &'a str,
    pub(crate) file: &'a str,
    pub(crate) line: usize,
    /// What makes it the same thing in the next run, beside its rule.
    pub(crate) subject: &'a str,
    /// Why it is agreed to.
    pub(crate) agreed: Option<&'a str>,
}

/// A log of one run. `notes` is what could not be judged, and what else is to be known.
pub(crate) fn log(rules: &[Value], results: &[Value], notes: &[String]) -> Value {
    let notes = notes
        .iter()
        .map(|note| json!({ "level": "note", "message": { "text": untrusted(note).to_string() } }));
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
            "results": results,
        }],
    })
}

impl Rule<'_> {
    pub(crate) fn value(&self) -> Value {
        let text = |text: &str| json!({ "text": untrusted(text).to_string() });
        json!({
            "id": self.id,
            "shortDescription": text(self.short),
            "fullDescription": text(self.full),
            "help": text(self.help),
            "defaultConfiguration": { "level": self.level },
        })
    }
}

impl Hit<'_> {
    /// The result; `rules` in the order of the log.
    pub(crate) fn value<'r>(&self, mut rules: impl Iterator<Item = &'r str>) -> Value {
        let mut result = json!({
            "ruleId": self.rule,
            "ruleIndex": rules.position(|rule| rule == self.rule),
            "level": self.level,
            "message": { "text": untrusted(self.text).to_string() },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": uri(self.file) },
                "region": { "startLine": self.line.max(1) },
            } }],
            "partialFingerprints": {
                "ringfence/v1": format!("{} {}", self.rule, untrusted(self.subject)),
            },
        });
        if let Some(reason) = self.agreed {
            let reason = untrusted(reason).to_string();
            result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
        }
        result
    }
}

/// A path as a relative reference (RFC 3986), from the folder in which this runs: code scanning looks
/// for files in a checkout and not on this machine.
fn uri(path: &str) -> String {
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
