//! Resolves a boundary for the process that asks: its ids, its environment, this host.

use crate::plan::Plan;
use crate::resolve::{Caller, Request, ResolveError, resolve};
use ringfence_policy::model::Boundary;
use ringfence_sys::privilege;
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Why a boundary could not be resolved here.
#[derive(Debug, thiserror::Error)]
pub enum HereError {
    /// The file's folder cannot be found again.
    #[error("finding the folder of the boundary file")]
    Folder(#[source] io::Error),
    /// The caller's groups cannot be read.
    #[error("reading the groups of this process")]
    Groups(#[source] ringfence_sys::Errno),
    /// The boundary does not fit this host.
    #[error("the boundary does not fit this host")]
    Resolve(Vec<ResolveError>),
}

/// Resolves `boundary`, read from `file` as `text`, with `command` in place of its start command.
///
/// # Errors
/// Everything on this host that does not fit the file.
pub fn plan(
    file: &Path,
    text: &str,
    boundary: &Boundary,
    command: Option<&[OsString]>,
) -> Result<Plan, HereError> {
    let file = std::path::absolute(file).map_err(HereError::Folder)?;
    let folder = file.parent().unwrap_or(Path::new("/")).canonicalize().map_err(HereError::Folder)?;
    let (uid, gid) = privilege::effective_ids();
    let groups = privilege::groups().map_err(HereError::Groups)?;
    let environment: Vec<_> = std::env::vars_os().collect();
    let request = Request {
        boundary,
        file: &file,
        folder: &folder,
        hash: &hash(text),
        command,
        environment: &environment,
        caller: Caller { uid, gid, groups },
    };
    resolve(&request).map_err(HereError::Resolve)
}

/// SHA-256 of the file's text, lower-case hexadecimal.
#[must_use]
pub fn hash(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
