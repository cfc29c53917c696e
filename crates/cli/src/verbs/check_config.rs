//! `ringfence check-config`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish};
use crate::format::{self, Format, FormatOption};
use crate::host;
use crate::mistake::Mistake;
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use crate::table;
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::fmt::Write as _;

/// Check a boundary file without starting anything
///
/// The file is read and held against this host: paths, programs, users, secrets. Exits 0 when all
/// is in order and 2 when it is not; each mistake is shown with its place and what to write
/// instead. Whether this host can enforce it is what `ringfence status` tells.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    config: ConfigOption,
    #[command(flatten)]
    format: FormatOption,
    /// Check the file alone, not whether it fits this host
    #[arg(long)]
    file_only: bool,
}

/// The JSON form.
#[derive(Serialize)]
struct Checked<'result> {
    schema: u32,
    ok: bool,
    error: Option<&'result str>,
    mistakes: &'result [Mistake],
    notes: &'result [String],
}

/// A file that is in order.
struct Good {
    path: String,
    service: String,
    notes: Vec<String>,
}

impl CheckConfig {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let checked = self.check();
        match (self.format.format, &checked) {
            (Format::Human, Ok(good)) => human(good, printer),
            (Format::Human, Err(_)) => {}
            (Format::Json, Ok(Good { notes, .. })) => {
                let report = Checked { schema: 1, ok: true, error: None, mistakes: &[], notes };
                format::json(&report, printer)?;
            }
            (Format::Json, Err(error)) => {
                let (message, mistakes) = (Some(error.message()), error.mistakes());
                let report = Checked { schema: 1, ok: false, error: message, mistakes, notes: &[] };
                format::json(&report, printer)?;
            }
        }
        checked.map(|_| Finish::Clean)
    }

    fn check(&self) -> Result<Good, CommandError> {
        let file = BoundaryFile::load(&self.config)?;
        let notes = if self.file_only { Vec::new() } else { host::fits(&file)? };
        Ok(Good {
            path: file.source.path.display().to_string(),
            service: file.boundary.service.name.value,
            notes,
        })
    }
}

fn human(good: &Good, printer: &mut Printer) {
    let word = printer.paint(Style::Good, "in order");
    let mut text = format!("{} is {word}: service {}\n", untrusted(&good.path), good.service);
    for note in &good.notes {
        let note = format!("note: {}", untrusted(note));
        for (index, line) in table::wrap(&note, table::WIDTH - 4).iter().enumerate() {
            let _ = writeln!(text, "{}{line}", if index == 0 { "  " } else { "    " });
        }
    }
    printer.text(&text);
}
