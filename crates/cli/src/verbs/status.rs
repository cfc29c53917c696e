//! `ringfence status`

use crate::format::FormatOption;

/// Say what this host can enforce, and what to change
///
/// Each layer is tried, not guessed from version numbers. Exits 0 when this host can give every
/// layer and 3 when one is absent; what to change is named for each.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) format: FormatOption,
    /// Also list the native modules that a running service has loaded
    #[arg(long, value_name = "PID", value_parser = super::process_id)]
    pub(crate) pid: Option<u32>,
}
