//! `ringfence statement`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish};
use crate::format;
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use crate::table;
use ringfence_policy::statement::{self, Sentence, Weight};
use serde::Serialize;
use std::fmt::Write as _;

/// Say the boundary in plain sentences, as a security review asks for it
///
/// What the service cannot do comes first for each subject; what is not limited, and what is a way
/// out in spite of the boundary, is said as plainly.
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
}

impl Statement {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let file = BoundaryFile::load(&self.config)?;
        let sentences = statement::statement(&file.boundary);
        let service = file.boundary.service.name.value.as_str();
        match self.format {
            StatementFormat::Human => {
                let text = human(service, &sentences, printer);
                printer.text(&text);
            }
            StatementFormat::Json => {
                let output = Output { schema: 1, service, sentences: &sentences };
                format::json(&output, printer)?;
            }
            StatementFormat::Markdown => printer.text(&markdown(service, &sentences)),
        }
        Ok(Finish::Clean)
    }
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

fn markdown(service: &str, sentences: &[Sentence]) -> String {
    let mut text = format!("# The boundary of `{service}`\n\nThe service\n\n");
    for Sentence { weight, text: sentence, claim } in sentences {
        let label = match label(*weight).trim_end() {
            "" => String::new(),
            label => format!("**{label}** "),
        };
        let sentence = escape_markdown(sentence);
        let _ = writeln!(text, "- {label}{sentence} (`{}`)", claim.id());
    }
    text
}

/// Sentences quote paths and names of the file, which must not become markup.
fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\`*_[]<>|".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
