//! `ringfence schema`

use crate::error::{CommandError, Finish};
use crate::host;
use crate::printer::Printer;

/// Print the JSON Schema of the boundary file, for editors
///
/// In an editor with a TOML language server, save it as `ringfence.schema.json` and begin the
/// boundary file with `#:schema ./ringfence.schema.json`.
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// Print the schema of the event lines that `run --events` writes instead
    #[arg(long)]
    events: bool,
    /// Print the schema of the statement that `prove --attest` writes instead
    #[arg(long, conflicts_with = "events")]
    attestation: bool,
}

impl Schema {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let schema = if self.events {
            ringfence_policy::event::json_schema()
        } else if self.attestation {
            host::attestation_schema()?
        } else {
            ringfence_policy::schema::json_schema()
        };
        printer.text(schema.trim_end());
        printer.text("\n");
        Ok(Finish::Clean)
    }
}
