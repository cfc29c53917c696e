//! npm packages: the example's, the compatibility programs', and Node itself.
//!
//! Everything is installed from a lockfile or by exact version, and no install script ever runs.

use crate::failure::Failure;
use crate::places;
use crate::process;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The release lines whose boundary is tested, oldest first.
pub(crate) const NODE_VERSIONS: [&str; 5] = ["20.20.2", "22.23.3", "24.21.0", "25.9.0", "26.10.0"];

/// Installs what the lockfile of `folder` says, unless that has been done.
pub(crate) fn install_locked(folder: &Path) -> Result<(), Failure> {
    let lock = folder.join("package-lock.json");
    let mark = folder.join("node_modules/.ringfence-lock");
    let wanted = std::fs::read(&lock).map_err(Failure::file("cannot read", &lock))?;
    if std::fs::read(&mark).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    npm(folder, &["ci", "--ignore-scripts"])?;
    std::fs::write(&mark, wanted).map_err(Failure::file("cannot write", &mark))
}

/// Where the Nodes of the tests lie: `RINGFENCE_TEST_NODES`, else the target folder.
pub(crate) fn nodes_folder() -> Result<PathBuf, Failure> {
    match std::env::var_os("RINGFENCE_TEST_NODES") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Ok(places::target()?.join("ringfence-nodes")),
    }
}

/// A Node to test with.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Major, minor, patch as npm names it.
    pub(crate) version: String,
    /// The executable.
    pub(crate) path: PathBuf,
}

impl Node {
    /// Major and minor version.
    pub(crate) fn line(&self) -> (u32, u32) {
        line(&self.version)
    }
}

/// Major and minor of a version as npm names it.
pub(crate) fn line(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// The Node of this version, if it has been installed.
pub(crate) fn node(version: &str) -> Result<Option<Node>, Failure> {
    let path = executable(&nodes_folder()?.join(version));
    Ok(path.is_file().then(|| Node { version: version.to_owned(), path }))
}

/// Installs one Node under [`nodes_folder`].
pub(crate) fn install_node(version: &str) -> Result<(), Failure> {
    let folder = nodes_folder()?.join(version);
    std::fs::create_dir_all(&folder).map_err(Failure::file("cannot create", &folder))?;
    let manifest = folder.join("package.json");
    std::fs::write(&manifest, "{ \"private\": true }\n")
        .map_err(Failure::file("cannot write", &manifest))?;
    let package = format!("node-linux-{}@{version}", npm_architecture());
    npm(&folder, &["install", "--ignore-scripts", "--no-package-lock", &package])
}

/// The Node of a folder that has the package `node-linux-*` installed.
pub(crate) fn executable(folder: &Path) -> PathBuf {
    folder.join(format!("node_modules/node-linux-{}/bin/node", npm_architecture()))
}

/// This machine's architecture in npm's words.
pub(crate) fn npm_architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" }
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<(), Failure> {
    ask(folder, arguments).map(drop)
}

/// What npm says to these arguments, run in `folder`.
pub(crate) fn ask(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let Some(npm) = places::in_path("npm") else {
        let remedy = "install Node's npm (it may be of any version)".to_owned();
        return Err(Failure::Missing { what: "npm".to_owned(), remedy });
    };
    let mut command = process::command(npm);
    command.args(arguments).args(["--loglevel=error", "--no-audit", "--no-fund"]);
    // A registry may fail for a moment.
    command.arg("--fetch-retries=5");
    command.current_dir(folder);
    let said = process::run(&mut command, b"", Duration::from_mins(10))?.success("npm")?;
    Ok(said.stdout)
}
