//! What `verify` and `scripts` share: the options, and results as SARIF and Markdown.

use super::look::Look;
use super::sarif::uri;
use crate::markdown::escape;
use crate::settings::ConfigOption;
use ringfence_policy::display::untrusted;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// The project, where to look, and how the result is written.
#[derive(Debug, clap::Args)]
pub(super) struct Subject {
    /// The project's folder, or its lockfile
    #[arg(value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::AnyPath)]
    pub(super) project: PathBuf,
    #[command(flatten)]
    pub(super) look: Look,
    /// Go on where nothing can be said of a package: it is told and does not fail
    #[arg(long)]
    pub(super) allow_unknown: bool,
    #[command(flatten)]
    pub(super) config: ConfigOption,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(super) format: SubjectFormat,
}

/// For people, for machines, or for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SubjectFormat {
    Human,
    Json,
    Sarif,
    Markdown,
}

/// One thing that was found. Its texts come from outside and are escaped here.
pub(super) struct Row {
    /// One of the rules.
    pub(super) code: &'static str,
    /// SARIF's word: `error` or `note`.
    pub(super) level: &'static str,
    /// `name@version`; may be empty.
    pub(super) package: String,
    /// What was seen.
    pub(super) text: String,
    /// Line of the lockfile; 1 where it has none.
    pub(super) line: usize,
}

/// Everything that was found.
pub(super) struct Told<'a> {
    /// Heading in Markdown.
    pub(super) title: &'static str,
    /// One line that says it all.
    pub(super) summary: String,
    /// Codes and what they mean.
    pub(super) rules: &'a [(&'static str, &'static str)],
    /// The lockfile.
    pub(super) lockfile: &'a str,
    /// What was found.
    pub(super) rows: Vec<Row>,
    /// Of what nothing is known, and other notes.
    pub(super) notes: Vec<String>,
}

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

impl Told<'_> {
    /// SARIF 2.1.0: one run, a rule for each code. Places are lines of the lockfile, because what is
    /// installed is in no checkout.
    pub(super) fn sarif(&self) -> Value {
        let rule = |(id, text): &(&str, &str)| json!({ "id": id, "shortDescription": { "text": text }, "fullDescription": { "text": text } });
        let notes = self.notes.iter().map(
            |note| json!({ "level": "note", "message": { "text": untrusted(note).to_string() } }),
        );
        json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "ringfence",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": self.rules.iter().map(rule).collect::<Vec<_>>(),
                } },
                "invocations": [{
                    "executionSuccessful": true,
                    "toolExecutionNotifications": notes.collect::<Vec<_>>(),
                }],
                "results": self.rows.iter().map(|row| self.result(row)).collect::<Vec<_>>(),
            }],
        })
    }

    fn result(&self, row: &Row) -> Value {
        let text = if row.package.is_empty() {
            row.text.clone()
        } else {
            format!("{}: {}", row.package, row.text)
        };
        let text = untrusted(&text).to_string();
        json!({
            "ruleId": row.code,
            "ruleIndex": self.rules.iter().position(|(id, _)| *id == row.code),
            "level": row.level,
            "partialFingerprints": { "codeAndText/v1": format!("{} {text}", row.code) },
            "message": { "text": text },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": uri(self.lockfile) },
                "region": { "startLine": row.line.max(1) },
            } }],
        })
    }

    /// For a pull request.
    pub(super) fn markdown(&self) -> String {
        let shown = |text: &str| escape(&untrusted(text).to_string());
        let mut text = format!("### {}\n\n{}\n", self.title, shown(&self.summary));
        if !self.rows.is_empty() {
            text.push_str("\n| | package | what was seen |\n|---|---|---|\n");
        }
        for row in &self.rows {
            let code = if row.level == "error" {
                format!("**{}**", row.code)
            } else {
                row.code.to_owned()
            };
            let _ = writeln!(text, "| {code} | {} | {} |", shown(&row.package), shown(&row.text));
        }
        for note in &self.notes {
            let _ = writeln!(text, "\nNote: {}", shown(note));
        }
        text
    }
}
