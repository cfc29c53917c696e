//! `ringfence statement`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish};
use crate::format;
use crate::host::{self, RuntimeGrant};
use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use crate::table;
use ringfence_policy::display::untrusted;
use ringfence_policy::statement::{self, Sentence, Weight};
use serde::Serialize;
use std::fmt::Write as _;

/// Say the boundary in plain sentences, as a security review asks for it
///
/// What is not limited, and what is a way out in spite of the boundary, is said as plainly as what
/// holds. What the program's runtime needs is granted read-only without being listed in the file:
/// it is shown as it is found on this host.
#[derive(Debug, clap::Args)]
pub(crate) struct Statement {
    #[command(flatten)]
    config: ConfigOption,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: StatementFormat,
}

/// For people, for machines, or for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StatementFormat {
    Human,
    Json,
    Markdown,
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'boundary> {
    schema: u32,
    service: &'boundary str,
    sentences: &'boundary [Sentence],
    /// Missing when the boundary does not fit this host.
    runtime: Option<&'boundary [RuntimeGrant]>,
}

impl Statement {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let file = BoundaryFile::load(&self.config)?;
        let sentences = statement::statement(&file.boundary);
        let service = file.boundary.service.name.value.as_str();
        // The sentences hold wherever they are read; what the runtime needs is this host's matter.
        let runtime = host::runtime_grants(&file);
        match self.format {
            StatementFormat::Human => {
                let mut text = human(service, &sentences, printer);
                text.push_str(&human_runtime(&runtime, printer));
                printer.text(&text);
            }
            StatementFormat::Json => {
                let runtime = runtime.as_deref().ok();
                format::json(
                    &Output { schema: 1, service, sentences: &sentences, runtime },
                    printer,
                )?;
            }
            StatementFormat::Markdown => {
                printer.text(&markdown(service, &sentences));
                printer.text(&markdown_runtime(&runtime));
            }
        }
        Ok(Finish::Clean)
    }
}

/// The reasons in the order of their first grant, each with its paths.
fn by_reason(grants: &[RuntimeGrant]) -> Vec<(&str, Vec<String>)> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for grant in grants {
        let path = untrusted(&grant.path).to_string();
        match reasons.iter_mut().find(|(why, _)| *why == grant.why) {
            Some((_, paths)) => paths.push(path),
            None => reasons.push((&grant.why, vec![path])),
        }
    }
    reasons
}

const fn label(weight: Weight) -> &'static str {
    match weight {
        Weight::Claim => "",
        Weight::Note => "note: ",
        Weight::WayOut => "way out: ",
    }
}

fn human(service: &str, sentences: &[Sentence], printer: &Printer) -> String {
    let heading = printer.paint(Style::Heading, &format!("the service {service}"));
    let mut text = format!("{heading}\n");
    for Sentence { weight, text: sentence, .. } in sentences {
        let sentence = format!("{}{sentence}", label(*weight));
        for (index, line) in table::wrap(&sentence, table::WIDTH - 4).iter().enumerate() {
            let bullet = if index == 0 { "  - " } else { "    " };
            let line = match weight {
                Weight::WayOut if index == 0 => {
                    line.replacen("way out:", &printer.paint(Style::Warning, "way out:"), 1)
                }
                _ => line.clone(),
            };
            let _ = writeln!(text, "{bullet}{line}");
        }
    }
    text
}

fn human_runtime(runtime: &Result<Vec<RuntimeGrant>, CommandError>, printer: &Printer) -> String {
    let heading = printer.paint(Style::Heading, "what its runtime needs, read-only");
    let mut text = format!("\n{heading}\n");
    let grants = match runtime {
        Ok(grants) => grants,
        Err(error) => {
            let why = format!("not known here: {}", untrusted(error.message()));
            for line in table::wrap(&why, table::WIDTH - 4) {
                let _ = writeln!(text, "  {line}");
            }
            return text;
        }
    };
    for (why, paths) in by_reason(grants) {
        let _ = writeln!(text, "  - {why}");
        for path in paths {
            let _ = writeln!(text, "      {path}");
        }
    }
    text
}

fn markdown_runtime(runtime: &Result<Vec<RuntimeGrant>, CommandError>) -> String {
    let mut text = "\n## What its runtime needs, read-only\n\n".to_owned();
    match runtime {
        Ok(grants) => {
            for (why, paths) in by_reason(grants) {
                let paths = escape(&paths.join(", "));
                let _ = writeln!(text, "- {}: {paths}", escape(why));
            }
        }
        Err(error) => {
            let why = untrusted(error.message()).to_string();
            let _ = writeln!(text, "Not known here: {}", escape(&why));
        }
    }
    text
}

fn markdown(service: &str, sentences: &[Sentence]) -> String {
    let mut text = format!("# The boundary of `{service}`\n\nThe service\n\n");
    for Sentence { weight, text: sentence, claim } in sentences {
        let label = match label(*weight).trim_end() {
            "" => String::new(),
            label => format!("**{label}** "),
        };
        let sentence = escape(sentence);
        let _ = writeln!(text, "- {label}{sentence} (`{}`)", claim.id());
    }
    text
}
