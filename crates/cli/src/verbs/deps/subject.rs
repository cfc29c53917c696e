//! What `verify` and `scripts` share: the options, and results as SARIF and Markdown.

use super::look::Look;
use crate::markdown::escape;
use crate::sarif::{self, Hit, Rule};
use crate::settings::ConfigOption;
use ringfence_policy::display::untrusted;
use serde_json::Value;
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

impl Told<'_> {
    /// SARIF: a rule for each code. Places are lines of the lockfile, because what is installed is in no
    /// checkout.
    pub(super) fn sarif(&self) -> Value {
        let rules = self.rules.iter().map(|(id, text)| {
            let help = format!("{text} docs/deps.md says what is looked for.");
            Rule { id, short: text, full: text, help: &help, level: "error" }.value()
        });
        let rules: Vec<Value> = rules.collect();
        let results: Vec<Value> = self.rows.iter().map(|row| self.result(row)).collect();
        sarif::log(&rules, &results, &self.notes)
    }

    fn result(&self, row: &Row) -> Value {
        let text = if row.package.is_empty() {
            row.text.clone()
        } else {
            format!("{}: {}", row.package, row.text)
        };
        let hit = Hit {
            rule: row.code,
            level: row.level,
            text: &text,
            file: self.lockfile,
            line: row.line,
            subject: &text,
            agreed: None,
        };
        hit.value(self.rules.iter().map(|(id, _)| *id))
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
