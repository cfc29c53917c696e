//! `ringfence deps install`

use super::look::folder_of;
use super::policy::Policy;
use super::source;
use crate::error::{CommandError, Finish};
use crate::format::FormatOption;
use crate::printer::Printer;
use crate::settings::ConfigOption;
use std::path::PathBuf;

#[cfg(target_os = "linux")]
mod linux;

/// Install the packages of the lockfile, each script in a boundary of its own
///
/// The project's own manager (npm, pnpm) fetches without scripts, reaching the registries of npm's
/// configuration and nothing else. Then the scripts that `scripts` in [dependencies] of the boundary
/// file allows run one after another: without a network, the project read-only, writing their own
/// package alone. `node_modules` is replaced at the end and as a whole. Exits 1 when a script was
/// stopped or failed, or something is refused: what was installed before is untouched then.
#[derive(Debug, clap::Args)]
pub(super) struct Install {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    project: PathBuf,
    /// Leave out what is needed to develop alone
    #[arg(long)]
    omit: Option<super::Omit>,
    /// Run this script of package.json at the end, without a network
    #[arg(long, value_name = "SCRIPT")]
    build: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigOption,
    #[command(flatten)]
    format: FormatOption,
}

impl Install {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let policy = Policy::load(&self.config)?;
        let side = source::load(&self.project.to_string_lossy(), "")?;
        let folder = folder_of(&self.project);
        self.carry_out(&policy, &side, &folder, printer)
    }
}

#[cfg(not(target_os = "linux"))]
impl Install {
    fn carry_out(
        &self,
        _: &Policy,
        _: &source::Side,
        _: &std::path::Path,
        _: &mut Printer,
    ) -> Result<Finish, CommandError> {
        let message = "`ringfence deps install` needs Linux, whose kernel enforces it";
        Err(CommandError::new(crate::error::Kind::Host, message)
            .hint("install in a Linux container"))
    }
}
