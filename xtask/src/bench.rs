//! `cargo xtask bench AREA`: ours, bare Node and the peers in turn, in one run.
//!
//! Every round measures every runner once, in an order that rotates, so that a slow moment of the
//! machine hits all of them. Bare Node runs twice under two names: what the second differs from
//! the first is the noise, and a difference below it means nothing. Prints ratios, writes JSON.

mod alarms;
mod deps;
mod edges;
mod engine;
mod learn;
mod procfs;
mod proof;
mod report;
mod runner;
mod startup;
mod timing;
mod traffic;

use crate::failure::Failure;
use clap::{Args, ValueEnum};

/// Options of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to measure
    #[arg(value_enum)]
    area: Area,
    /// Rounds of each start-up measurement; traffic takes a third of them
    #[arg(long, default_value_t = 45)]
    rounds: u32,
    /// Measure only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Memory and descriptors
    Footprint,
    /// Traffic from outside
    Inbound,
    /// Traffic from inside
    Outbound,
    /// Start-up
    Startup,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Area {
    /// How many ordinary updates of lockfiles fail a review; fetches packages by npm
    Alarms,
    /// Passwords, envelopes, signatures beside node:crypto and @node-rs/argon2; a burst of logins
    Crypto,
    /// Review, bill, audit and verification of lockfiles beside npm, lockfile-lint and cyclonedx-npm
    Deps,
    /// Start-up, traffic in and out, connections, memory
    Engine,
    /// JSON, fetch, webhooks and opened files with and without a guard
    Guard,
    /// A test run that is recorded, beside bare and strace
    Learn,
    /// The battery, its self-test and its page; taking a grant back under 500 connections
    Proof,
    /// Whether the time of a comparison tells where the first difference is
    Timing,
}

/// Runs the measurements.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    match options.area {
        Area::Alarms => alarms::run(),
        Area::Crypto => edges::run(edges::Area::Crypto, (options.rounds / 5).max(3)),
        Area::Deps => deps::run((options.rounds / 5).max(3)),
        Area::Engine => engine::run(options.rounds.max(3), options.only),
        Area::Guard => edges::run(edges::Area::Guard, (options.rounds / 5).max(3)),
        Area::Learn => learn::run((options.rounds / 3).max(3)),
        Area::Proof => proof::run((options.rounds / 9).max(3)),
        Area::Timing => timing::run(),
    }
}
