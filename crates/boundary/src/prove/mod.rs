//! Attacks every claim of a boundary and says what held.
//!
//! Each probe is one act, done twice: inside the boundary, through the same resolving and enforcing
//! that `run` uses, and outside as its control. Only an act that fails inside in the expected way
//! and succeeds outside counts as `blocked`, so a broken test can never look like a strong boundary.
//! Acts touch canaries that are made for the run and removed after it; all traffic stays on this
//! host. A proof speaks of these attacks on this host at this time: it does not show that no other
//! attack works, and kernel bugs are outside of what it can see.

pub mod arena;
pub mod attach;
mod attempt;
pub mod attest;
mod battery;
pub mod elsewhere;
mod facts;
mod human;
mod inside;
mod launch;
mod live;
mod locks;
mod markdown;
mod outside;
pub mod page;
mod probe;
mod probes;
mod report;
mod stage;
mod verdict;

#[cfg(test)]
mod tests;

pub use attempt::{Attempt, Outcome};
pub use battery::VERB;
pub use facts::Facts;
pub use inside::attack_main;
pub use locks::{LockReport, Noticed, Noticing, SelfTest, self_test};
pub use probe::{Act, Class, Probe, Setting};
pub use probes::PROBES;
pub use report::{ClaimReport, ClaimState, Evidence, ProbeReport, Report};
pub use stage::{CanaryGrants, Stage, StageError};
pub use verdict::Verdict;

use crate::enforce::lock::LeftOut;
use crate::resolve::Caller;
use arena::ArenaError;
use battery::Battery;
use live::Live;
use ringfence_policy::model::{Boundary, SecretSource};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is to be proven.
#[derive(Debug, Clone)]
pub struct ProveRequest<'a> {
    /// The parsed file.
    pub boundary: &'a Boundary,
    /// Path of the file itself.
    pub file: &'a Path,
    /// Its folder, absolute and real.
    pub folder: &'a Path,
    /// SHA-256 of its text, lower-case hexadecimal.
    pub hash: &'a str,
    /// The caller's environment.
    pub environment: &'a [(OsString, OsString)],
    /// The caller's effective ids.
    pub caller: Caller,
    /// Classes the attacks are confined to; all when empty.
    pub only: &'a [Class],
    /// This binary, whose hidden verb [`VERB`] runs [`attack_main`].
    pub executable: &'a Path,
}

/// Why nothing could be proven or disproven.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// An errand could not be run.
    #[error(transparent)]
    Arena(#[from] ArenaError),
    /// The canaries could not be made.
    #[error("setting the stage for the attacks")]
    Stage(#[from] StageError),
}

impl ProveError {
    /// Whether this host lacks what the boundary requires (exit code 3).
    #[must_use]
    pub fn is_host(&self) -> bool {
        matches!(
            self,
            Self::Arena(ArenaError::Enforce { host: true, .. })
                | Self::Stage(StageError::NoSuchUser(_))
        )
    }
}

/// Attacks a boundary. Must be called while this process has a single thread, and takes a few
/// seconds.
///
/// # Errors
/// The boundary does not fit this host, cannot be enforced here, or no canaries can be made.
pub fn prove(request: &ProveRequest<'_>) -> Result<Report, ProveError> {
    prove_told(request, &mut |_| {})
}

/// The same; `progress` is told what is done next.
///
/// # Errors
/// As [`prove`].
pub fn prove_told(
    request: &ProveRequest<'_>,
    progress: &mut dyn FnMut(&str),
) -> Result<Report, ProveError> {
    progress("laying out canaries");
    let plan = live::resolve(request, None, request.environment)?;
    let facts = Facts::of(&plan, request.file.to_owned(), secret_sources(request));
    let stage = Stage::set(&facts)?;
    let canaries = stage.environment().into_iter().map(|(name, value)| (name.into(), value.into()));
    let arena = Live {
        request,
        environment: request.environment.iter().cloned().chain(canaries).collect(),
        grants: stage.grants().clone(),
        node: facts.node.is_some().then(|| plan.program.path.clone().into_os_string()),
        left_out: LeftOut::default(),
    };
    let battery = Battery { arena: &arena, stage: &stage, node: facts.node.is_some() };
    let probes: Vec<Probe> = report::asked_for(request.only).copied().collect();
    progress(&format!("{} attacks inside the boundary", probes.len()));
    let inside = battery.inside(&probes)?;
    progress("the same attacks outside, as their controls");
    let outside = battery.outside(&probes)?;
    let evidence = Evidence::collect(request, &facts, &inside.layers);
    Ok(Report::judge(request.boundary, evidence, request.only, &inside, &outside))
}

fn secret_sources(request: &ProveRequest<'_>) -> Vec<PathBuf> {
    let sources = request.boundary.secrets.iter().filter_map(|secret| match &secret.from.value {
        SecretSource::File(path) => Some(request.folder.join(path)),
        _ => None,
    });
    sources.collect()
}
