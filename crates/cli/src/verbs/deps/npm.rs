//! npm's own configuration: which registry is asked, and how.

use crate::error::{CommandError, Kind};
use ringfence_deps::npmrc::{Npmrc, Variables};
use std::path::Path;
use std::process::{Command, Stdio};

/// The environment, as far as it is text.
pub(super) fn variables() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The configuration of the project in a folder, with a registry, and the environment it was read with.
pub(super) fn configured(folder: &Path) -> Result<(Npmrc, Variables), CommandError> {
    let variables = variables();
    let mut npmrc = Npmrc::read(folder, &variables).map_err(|error| {
        CommandError::new(Kind::Source, "npm's configuration cannot be used").caused_by(&error)
    })?;
    if npmrc.registry("").is_none() {
        npmrc.set_registry(&default_registry(folder)?);
    }
    Ok((npmrc, variables))
}

/// The registry that npm itself would use: none is built in here.
#[expect(clippy::disallowed_methods, reason = "npm is asked with the caller's own settings")]
fn default_registry(folder: &Path) -> Result<String, CommandError> {
    let unknown = || {
        CommandError::new(Kind::Source, "no registry is configured")
            .hint("say which: `npm config set registry URL`, or NPM_CONFIG_REGISTRY=URL")
    };
    let told = Command::new("npm")
        .args(["config", "get", "registry"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| unknown().caused_by(&error))?;
    let url = String::from_utf8_lossy(&told.stdout).trim().trim_end_matches('/').to_owned();
    if told.status.success() && url.starts_with("http") { Ok(url) } else { Err(unknown()) }
}
