//! Starts a service inside its boundary and stays with it until it has ended.
//!
//! Three processes of this program stand around the service: the supervisor (outside, with the
//! caller's rights), the broker (the service's user, no secrets, answers system calls) and init
//! (inside the namespaces, starts and reaps). Whichever of them ends takes the service with it.
//! Everything that can fail for a reason of the boundary fails before any of them is made.

pub(crate) mod attach;
mod broker;
mod confine;
mod control;
pub mod error;
mod etc;
mod fuzz;
mod group;
mod handover;
mod init;
mod landlock_log;
mod layers;
pub(crate) mod lock;
mod outlet;
mod outside;
mod prepare;
mod report;
mod revoke;
pub(crate) mod sink;
mod stdio;
mod supervisor;
mod view;
mod wires;

pub use error::{EnforceError, Kind};
pub use fuzz::{fuzz_line, fuzz_report};
pub use layers::Layers;

use crate::egress::netloop::{self, RelayBounds, Resolution};
use crate::plan::Plan;
use lock::LeftOut;
use std::os::fd::OwnedFd;

/// How to run.
#[derive(Debug, Default)]
pub struct RunOptions {
    /// Allowed accesses are events too.
    pub audit: bool,
    /// Refused accesses to files are events too.
    pub trace: bool,
    /// Standard input, output and error of the service; missing ones are the caller's.
    pub stdio: [Option<OwnedFd>; 3],
    /// Where events go, one JSON line each; missing is standard error.
    pub events: Option<OwnedFd>,
    /// No events on standard error.
    pub quiet: bool,
    /// How names are looked up; missing is by the host's own files.
    pub resolution: Option<Resolution>,
}

/// How it ended.
#[derive(Debug)]
pub struct Outcome {
    /// The program's own exit code, 128 and the signal that ended it, or 137 for memory.
    pub exit_code: i32,
    /// What was in force.
    pub layers: Layers,
}

/// Runs the plan's program inside its boundary.
///
/// # Errors
/// A required layer is absent on this host, or a step of the start failed; then nothing runs.
pub fn run(plan: &Plan, options: &RunOptions) -> Result<Outcome, EnforceError> {
    run_without(plan, options, &LeftOut::default())
}

/// The same with locks left out. Only for the self-test of `prove`.
pub(crate) fn run_without(
    plan: &Plan,
    options: &RunOptions,
    left_out: &LeftOut,
) -> Result<Outcome, EnforceError> {
    check(plan)?;
    let mut layers = Layers::find(plan)?;
    layers.left_out = left_out.clone();
    let attempt = |layers| supervisor::Supervisor::start(plan, options, layers)?.stay();
    match attempt(layers.clone()) {
        // Nothing of the service has run: it is tried once more where the boundary allows that.
        Err(EnforceError::NamespacesRefused(errno)) => {
            attempt(layers.without_namespaces(plan, errno)?)
        }
        ended => ended,
    }
}

/// What can be said of a plan without starting it, besides what `resolve` has said.
///
/// # Errors
/// The relay of datagrams cannot keep a grant.
pub fn check(plan: &Plan) -> Result<(), EnforceError> {
    netloop::check(&plan.network, &RelayBounds::default())
        .map_err(|error| EnforceError::Unsupported(error.to_string()))
}
