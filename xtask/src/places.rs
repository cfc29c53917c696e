//! Where things are: the checkout, the target folder, the example, the programs built from it.

use crate::failure::Failure;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The example service.
pub(crate) fn orders() -> PathBuf {
    root().join("examples/orders")
}

/// cargo, as it started this program.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = process::command(program);
    command.current_dir(root());
    command
}

/// cargo's target folder, wherever the environment and the configuration put it.
pub(crate) fn target() -> Result<PathBuf, Failure> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let said =
        process::run(&mut metadata, b"", Duration::from_mins(1))?.success("cargo metadata")?;
    let value: serde_json::Value = serde_json::from_str(&said.stdout)
        .map_err(|error| Failure::NotHeld(format!("cargo metadata is not JSON: {error}")))?;
    let folder = value.get("target_directory").and_then(serde_json::Value::as_str);
    folder
        .map(PathBuf::from)
        .ok_or_else(|| Failure::NotHeld("cargo metadata names no target_directory".to_owned()))
}

/// Which build of ringfence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// As tests use it.
    Dev,
    /// As users run it.
    Release,
}

/// Builds the `ringfence` binary and says where it is. `RINGFENCE_BIN` names one to use instead,
/// such as a packaged one.
pub(crate) fn ringfence(build: Build) -> Result<PathBuf, Failure> {
    if let Some(program) = std::env::var_os("RINGFENCE_BIN") {
        return Ok(PathBuf::from(program));
    }
    let mut command = cargo();
    command.args(["build", "--quiet", "-p", "ringfence-cli", "--bin", "ringfence"]);
    let folder = match build {
        Build::Dev => PathBuf::from("debug"),
        Build::Release => {
            let host = host()?;
            command.args(["--release", "--target", &host]);
            command.env("RUSTFLAGS", STATIC);
            Path::new(&host).join("release")
        }
    };
    process::show_success(&mut command)?;
    Ok(target()?.join(folder).join("ringfence"))
}

/// A binary that needs no library of the host, and starts a third of a millisecond sooner because
/// no loader has to find them.
const STATIC: &str = "-C target-feature=+crt-static";

/// The machine this runs on, as the compiler names it.
fn host() -> Result<String, Failure> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut rustc = process::command(program);
    rustc.args(["--print", "host-tuple"]);
    let said = process::run(&mut rustc, b"", Duration::from_mins(1))?.success("rustc")?;
    Ok(said.stdout.trim().to_owned())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The first program of this name in `PATH`.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}
