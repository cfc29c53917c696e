//! `ringfence deps`

mod output;
mod policy;
mod review;
mod sarif;
mod source;

use crate::error::{CommandError, Finish};
use crate::printer::Printer;

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
}

impl Deps {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match &self.command {
            Command::Review(command) => command.execute(printer),
        }
    }
}
