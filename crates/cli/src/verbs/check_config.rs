//! `ringfence check-config`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish};
use crate::format::{self, Format, FormatOption};
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use ringfence_policy::diagnostic::Diagnostic;
use ringfence_policy::display::untrusted;
use serde::Serialize;

/// Check a boundary file without starting anything
///
/// Exits 0 when the file is in order and 2 when it is not; each mistake is shown with its place
/// and what to write instead.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    config: ConfigOption,
    #[command(flatten)]
    format: FormatOption,
}

/// The JSON form.
#[derive(Serialize)]
struct Checked<'error> {
    schema: u32,
    ok: bool,
    error: Option<&'error str>,
    diagnostics: &'error [Diagnostic],
}

impl CheckConfig {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let checked = BoundaryFile::load(&self.config);
        match (self.format.format, checked) {
            (Format::Human, Ok(file)) => {
                let good = printer.paint(Style::Good, "in order");
                let path = file.source.path.display().to_string();
                let name = &file.boundary.service.name.value;
                printer.text(&format!("{} is {good}: service {name}\n", untrusted(&path)));
                Ok(Finish::Clean)
            }
            (Format::Json, Ok(_)) => {
                let report = Checked { schema: 1, ok: true, error: None, diagnostics: &[] };
                format::json(&report, printer)?;
                Ok(Finish::Clean)
            }
            (Format::Human, Err(error)) => Err(error),
            (Format::Json, Err(error)) => {
                let (error_text, diagnostics) = (Some(error.message()), error.diagnostics());
                let report = Checked { schema: 1, ok: false, error: error_text, diagnostics };
                format::json(&report, printer)?;
                Err(error)
            }
        }
    }
}
