//! How a result is written, and the one way JSON is.

use crate::error::{CommandError, Kind};
use crate::printer::Printer;
use ringfence_policy::display::ascii_json;
use serde::Serialize;

/// For people, or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    Human,
    Json,
}

/// The option of verbs that know both.
#[derive(Debug, clap::Args)]
pub(crate) struct FormatOption {
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: Format,
}

/// Writes a value as indented JSON with a newline at the end. Texts in it may be anybody's: what is not
/// printable ASCII is escaped.
pub(crate) fn json(value: &impl Serialize, printer: &mut Printer) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| {
        CommandError::new(Kind::Internal, "cannot write the result as JSON").caused_by(&error)
    })?;
    printer.text(&ascii_json(text));
    printer.text("\n");
    Ok(())
}
