//! `ringfence prove`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format, FormatOption};
use crate::printer::Printer;
use crate::settings::ConfigOption;
use ringfence_boundary::prove::{self, ProveError, Report};

/// Attack every claim of a boundary and say what held
///
/// Each attack is made twice, inside the boundary and outside as its control: only one that fails
/// inside and succeeds outside counts as blocked. Exits 0 when every claim is proven, 1 when an
/// attack went through, and 3 when a claim has no conclusive attack or this host cannot enforce the
/// boundary. Attacks touch only canaries that are made for the run; traffic stays on this host.
#[derive(Debug, clap::Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    config: ConfigOption,
    #[command(flatten)]
    format: FormatOption,
}

impl Prove {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        if !cfg!(target_os = "linux") {
            return Err(CommandError::not_linux("prove"));
        }
        let file = BoundaryFile::load(&self.config)?;
        // What does not fit this host is told with its place before anything is attacked.
        file.resolve(None)?;
        let name = &file.boundary.service.name.value;
        printer.progress(&format!("attacking the boundary of {name} ..."));
        let report = file.prove();
        printer.progress("");
        let report = report?;
        match self.format.format {
            Format::Human => printer.text(&report.render_human()),
            Format::Json => format::json(&report, printer)?,
        }
        Ok(finish(&report))
    }
}

fn finish(report: &Report) -> Finish {
    match report.exit_code() {
        0 => Finish::Clean,
        1 => Finish::Findings,
        _ => Finish::Unenforceable,
    }
}

/// Why nothing could be proven or disproven.
pub(crate) fn failed(error: &ProveError) -> CommandError {
    let kind = match error {
        _ if error.is_host() => Kind::Host,
        ProveError::Arena(prove::arena::ArenaError::Resolve(_)) => Kind::Configuration,
        _ => Kind::Internal,
    };
    let failed = CommandError::new(kind, "the boundary could not be attacked").caused_by(error);
    match kind {
        Kind::Host => failed.hint("`ringfence status` says what this host can enforce"),
        Kind::Configuration => failed.hint("`ringfence check-config` shows the place in the file"),
        _ => failed.hint("try `ringfence run -- /bin/true`: a start that fails says more"),
    }
}
