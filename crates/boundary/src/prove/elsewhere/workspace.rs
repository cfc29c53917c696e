//! A folder for what peers read and write, removed with its value.

use crate::prove::StageError;
use ringfence_sys::Errno;
use std::cell::Cell;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folder.
#[derive(Debug)]
pub(super) struct Workspace {
    path: PathBuf,
    made: Cell<u32>,
    limits: Cell<bool>,
}

impl Workspace {
    /// Makes it.
    pub(super) fn make() -> Result<Self, StageError> {
        let name = format!("ringfence-compare-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let failed = |error: io::Error| StageError::Canary {
            what: "a folder for other places",
            errno: Errno::from(error),
        };
        // Left by a run of the same number that was killed.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).map_err(failed)?;
        let made = Self { path, made: Cell::new(0), limits: Cell::new(true) };
        fs::set_permissions(&made.path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        Ok(made)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether control groups are to be used; not where a trial with them failed.
    pub(super) fn limits(&self) -> bool {
        self.limits.get()
    }

    /// Does without control groups from now on.
    pub(super) fn give_up_limits(&self) {
        self.limits.set(false);
    }

    /// A new folder in it and a name that nothing else on this host has.
    pub(super) fn next(&self, kind: &str) -> io::Result<(String, PathBuf)> {
        let number = self.made.get() + 1;
        self.made.set(number);
        let name = format!("ringfence-{kind}-{}-{number}", std::process::id());
        let folder = self.path.join(&name);
        fs::create_dir(&folder)?;
        Ok((name, folder))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
