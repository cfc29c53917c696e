//! `ringfence deps`

mod advisories;
mod audit;
mod inspect;
mod install;
mod look;
mod npm;
mod output;
mod policy;
mod provenance;
mod publish_check;
mod review;
mod sarif;
mod sbom;
mod scripts;
mod source;
mod subject;
mod verify;

use crate::error::{CommandError, Finish};
use crate::printer::Printer;
use std::time::{SystemTime, UNIX_EPOCH};

/// Review what a service is made of beside its own code
///
/// Everything here works on lockfiles of npm, pnpm, Yarn and Bun alike, and asks nobody but the files
/// unless it is told to.
#[derive(Debug, clap::Args)]
pub(crate) struct Deps {
    #[command(subcommand)]
    command: Command,
}

/// What is done.
#[derive(Debug, clap::Subcommand)]
enum Command {
    Review(review::Review),
    Audit(audit::Audit),
    #[command(subcommand)]
    Advisories(advisories::Advisories),
    Sbom(sbom::Sbom),
    Inspect(inspect::Inspect),
    Install(install::Install),
    Scripts(scripts::Scripts),
    Verify(verify::Verify),
    Provenance(provenance::Provenance),
    PublishCheck(publish_check::PublishCheck),
}

impl Deps {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match &self.command {
            Command::Review(command) => command.execute(printer),
            Command::Audit(command) => command.execute(printer),
            Command::Advisories(command) => command.execute(printer),
            Command::Sbom(command) => command.execute(printer),
            Command::Inspect(command) => command.execute(printer),
            Command::Install(command) => command.execute(printer),
            Command::Scripts(command) => command.execute(printer),
            Command::Verify(command) => command.execute(printer),
            Command::Provenance(command) => command.execute(printer),
            Command::PublishCheck(command) => command.execute(printer),
        }
    }
}

/// What `--omit` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Omit {
    Dev,
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
