//! `ringfence run`

use crate::settings::ConfigOption;
use std::ffi::OsString;
use std::path::PathBuf;

/// Run a service inside its boundary
///
/// Without a command, `service.start` of the boundary file is run. The program's own exit code is
/// passed through (128 and the signal's number when a signal ended it, 137 for memory); 125 is a
/// failure of ringfence itself, after which nothing is left running.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) config: ConfigOption,
    /// Record allowed connections, names and programs too
    #[arg(long)]
    pub(crate) audit: bool,
    /// Record refused accesses to files too; each call on a file takes longer then
    #[arg(long)]
    pub(crate) trace: bool,
    /// Append events to this file, one JSON object a line; without it, to standard error
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) events: Option<PathBuf>,
    /// The command to run in place of `service.start`
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}
