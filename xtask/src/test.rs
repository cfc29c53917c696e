//! `cargo xtask test`: every test there is, and by name what this machine could not run.

mod addon;
mod attempt;
mod cargo;
mod case;
mod lanes;
mod node_suite;
mod services;
mod tally;
mod world;

use crate::failure::Failure;
use crate::npm;
use crate::places;
use crate::printer::say;
use clap::{Args, ValueEnum};
use tally::Tally;
pub(crate) use world::free_port;

/// Options of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Count what this machine cannot run as failed
    #[arg(long)]
    require_all: bool,
    /// Run only this suite
    #[arg(long, value_enum)]
    suite: Option<Suite>,
    /// Run only tests whose name holds this text
    filter: Option<String>,
}

/// Some Rust tests start programs of npm packages; where these cannot be had the tests say so.
fn install_packages() {
    for folder in [places::root().join("tests/node"), places::orders()] {
        if let Err(failure) = npm::install_locked(&folder) {
            say(format!("without the packages of {}: {failure}", folder.display()));
        }
    }
}

/// The kinds of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// `cargo test --workspace`
    Cargo,
    /// The programs of tests/node
    Node,
    /// The npm package and its addon, `node --test` on every Node
    Addon,
    /// Boundaries learned from the services of tests/node and from the example
    Learned,
    /// The services of tests/node/services
    Services,
    /// Lockfiles and trees of npm, pnpm, Yarn and Bun
    Managers,
}

/// Runs the tests; the last line is `N passed, M failed`.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let wanted = |suite| options.suite.is_none_or(|only| only == suite);
    let filter = options.filter.as_deref();
    let mut tally = Tally::default();
    if wanted(Suite::Cargo) {
        install_packages();
        tally.add(cargo::run(options.require_all, filter)?);
    }
    if wanted(Suite::Node) {
        tally.add(node_suite::run(filter)?);
    }
    if wanted(Suite::Addon) {
        tally.add(addon::run(filter)?);
    }
    if wanted(Suite::Services) {
        tally.add(services::run(filter)?);
    }
    if wanted(Suite::Learned) {
        tally.add(services::learned::run(filter)?);
    }
    if wanted(Suite::Managers) {
        tally.add(cargo::managers(options.require_all, filter)?);
    }
    if tally.close(options.require_all) {
        return Ok(());
    }
    Err(Failure::NotHeld("the tests are not green".to_owned()))
}
