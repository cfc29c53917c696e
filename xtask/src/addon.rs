//! `cargo xtask addon`: the Node addon, built and put where the npm package looks for it.

use crate::failure::Failure;
use crate::npm;
use crate::places;
use crate::printer::say;
use crate::process;
use clap::Args;
use std::path::PathBuf;

/// Options of `cargo xtask addon`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Build it as it is published: optimised, and a panic is still an error of JavaScript
    #[arg(long)]
    release: bool,
}

/// Builds and says where the addon is.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let profile = if options.release { Profile::Published } else { Profile::Dev };
    say(build(profile)?.display().to_string());
    Ok(())
}

/// How the addon is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As tests use it.
    Dev,
    /// As it is published.
    Published,
}

/// The folder of the npm package.
pub(crate) fn package() -> PathBuf {
    places::root().join("crates/node/npm")
}

/// Builds the addon and puts it into the package under the name that its loader looks for.
pub(crate) fn build(profile: Profile) -> Result<PathBuf, Failure> {
    let mut command = places::cargo();
    command.args(["build", "--quiet", "-p", "ringfence-node"]);
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Published => {
            command.args(["--profile", "addon"]);
            "addon"
        }
    };
    process::show_success(&mut command)?;
    let built = places::target()?.join(folder).join("libringfence_node.so");
    let c_library = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    let name = format!("ringfence.linux-{}-{c_library}.node", npm::npm_architecture());
    let placed = package().join(name);
    // Written beside and renamed: a process that has the old one loaded keeps it.
    let beside = placed.with_extension("new");
    std::fs::copy(&built, &beside).map_err(Failure::file("cannot copy", &built))?;
    std::fs::rename(&beside, &placed).map_err(Failure::file("cannot rename", &beside))?;
    Ok(placed)
}
