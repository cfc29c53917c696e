//! `ringfence learn`

use crate::format::FormatOption;
use crate::settings::ConfigOption;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Record what a run uses, and write the smallest grants for it
///
/// Runs the program with nothing enforced: it may do everything this user may. The grants are
/// added to the boundary file, each with its reason; nothing is removed. Without a command,
/// `service.start` of the file is run. Exits 1 when the program failed, and with --check when it
/// needed more than the file grants.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Learn {
    #[command(flatten)]
    pub(crate) config: ConfigOption,
    /// Write nothing, and exit 1 when the run needed more than the file grants
    #[arg(long)]
    pub(crate) check: bool,
    /// Show which package used what, too
    #[arg(long)]
    pub(crate) packages: bool,
    /// Show the change and write nothing
    #[arg(long, conflicts_with = "check")]
    pub(crate) dry_run: bool,
    /// Draft from a record that an earlier run left, and run nothing
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["command", "stop_after", "traffic"], value_hint = clap::ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,
    /// Stop the program after this time, such as 30s or 5m
    #[arg(long, value_name = "DURATION", value_parser = ringfence_policy::duration)]
    pub(crate) stop_after: Option<Duration>,
    /// Run this program beside the service, unrecorded, and stop the service when it ends
    #[arg(long, value_name = "PROGRAM", value_hint = clap::ValueHint::CommandName)]
    pub(crate) traffic: Option<PathBuf>,
    /// Also list what the runtime used and gets without a grant
    #[arg(long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) format: FormatOption,
    /// Write the result as JSON into this file: the program's own output is not in it
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// The command to run in place of `service.start`
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}
