//! `ringfence prove`

use super::SignOption;
use crate::settings::ConfigOption;
use std::path::PathBuf;

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
    /// Attack only what is of this class; may be given several times
    ///
    /// Claims that are not attacked by it are said to be so, and exit code 0 then says only that
    /// what was attacked held.
    #[arg(long, value_name = "CLASS", value_parser = CLASSES)]
    pub(crate) only: Vec<String>,
    /// Attack the boundary of a running service, beside it
    ///
    /// PID is any process of the service, or its `ringfence run`. The attacks are made in its own
    /// namespaces and root, and the live process is inspected from outside. Without --config the
    /// boundary is the file that the service says it runs; another one is refused. No attack is
    /// among the service's own events.
    #[arg(long, value_name = "PID", conflicts_with_all = ["compare", "self_test"])]
    pub(crate) attach: Option<u32>,
    /// Attack the same boundary in other places too, and print them side by side
    #[arg(long, hide = true, conflicts_with = "only")]
    pub(crate) compare: bool,
    /// Write the evidence as a page to this file too: HTML that needs nothing from elsewhere
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with = "compare")]
    pub(crate) report: Option<PathBuf>,
    /// Write the evidence as an in-toto statement to this file too: JSON for other tools
    ///
    /// It says no more than the proof does: what was not attacked, not decided or accepted is in it as
    /// such. `ringfence schema --attestation` describes it. Without --sign-with it is not signed.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with = "compare")]
    pub(crate) attest: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sign: SignOption,
    /// Take one lock after another away and show which attack notices
    ///
    /// Each lock is left out of a start in which only canaries are attacked. Exits 1 when one is
    /// noticed by nobody.
    #[arg(long, conflicts_with_all = ["only", "compare", "report", "attest"])]
    pub(crate) self_test: bool,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: ProofFormat,
}

/// The forms of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ProofFormat {
    #[default]
    Human,
    Json,
    Markdown,
}

/// Ids of the battery's classes, which other systems do not have; a test compares.
pub(crate) const CLASSES: [&str; 12] = [
    "children",
    "environment",
    "files",
    "identity",
    "ipc",
    "kernel",
    "limits",
    "names",
    "network",
    "proc",
    "processes",
    "workers",
];
