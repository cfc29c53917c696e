//! `ringfence prove`

use crate::format::FormatOption;
use crate::settings::ConfigOption;

/// Attack every claim of a boundary and say what held
///
/// Each attack is made twice, inside the boundary and outside as its control: only one that fails
/// inside and succeeds outside counts as blocked. Exits 0 when every claim is proven, 1 when an
/// attack went through, and 3 when a claim has no conclusive attack or this host cannot enforce the
/// boundary. Attacks touch only canaries that are made for the run; traffic stays on this host.
#[derive(Debug, clap::Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    pub(crate) config: ConfigOption,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}
