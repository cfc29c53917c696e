//! Build, demo, test and benchmark driver: `cargo xtask TASK`.
//!
//! One file per task. It uses nothing of ringfence's own crates: what it runs, it runs as a user
//! would.

mod addon;
mod bench;
mod compare;
mod demo;
mod failure;
mod npm;
mod places;
mod postgres;
mod printer;
mod process;
mod surroundings;
mod test;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Tasks of the ringfence checkout
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the Node addon and put it into the npm package
    Addon(addon::Options),
    /// Measure ringfence against bare Node and its peers, and print ratios
    Bench(bench::Options),
    /// Attack the same boundary with ringfence and in other places, side by side
    Compare(compare::Options),
    /// Run the example service inside its boundary, under load and under attack, and prove it
    Demo,
    /// Install the Nodes that the tests use into the target folder
    Setup,
    /// Run every test and say by name what this machine could not run
    Test(test::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = process::end_children_on_signals().and_then(|()| match arguments.task {
        Task::Addon(options) => addon::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Compare(options) => compare::run(&options),
        Task::Demo => demo::run(),
        Task::Setup => setup(),
        Task::Test(options) => test::run(&options),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer::complain(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Installs every Node of the tests.
fn setup() -> Result<(), Failure> {
    for version in npm::NODE_VERSIONS {
        if npm::node(version)?.is_none() {
            npm::install_node(version)?;
        }
        printer::say(format!("Node {version}"));
    }
    Ok(())
}
