//! Programs of the registry that tests start, installed by npm below the target folder.

use crate::command::other;
use crate::{not_run, workspace};
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// One at a time installs.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The folder of a package of one version, installed from the machine's own registry where it is not there
/// yet; `None`, and said by name, where it cannot be had.
#[must_use]
pub fn installed(package: &str, version: &str) -> Option<PathBuf> {
    let one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let name = format!("{package}-{version}").replace(['@', '/'], "_");
    let folder = workspace::root().join("target/ringfence-managers").join(&name);
    let installed = folder.join("node_modules").join(package);
    if !installed.join("package.json").is_file() {
        fs::create_dir_all(&folder).expect("a folder below target");
        fs::write(folder.join("package.json"), "{ \"private\": true }\n").expect("a manifest");
        let mut npm = other("npm");
        npm.args(["install", "--ignore-scripts", "--no-package-lock", "--no-audit"]);
        npm.arg(format!("{package}@{version}")).current_dir(&folder);
        npm.envs(std::env::vars_os());
        if !npm.output().is_ok_and(|output| output.status.success()) {
            not_run(&format!("{package} {version} cannot be installed by npm"));
            return None;
        }
    }
    drop(one);
    Some(installed)
}
