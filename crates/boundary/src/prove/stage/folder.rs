//! The folder of canary files, in a place the boundary does not grant.

use super::StageError;
use crate::prove::facts::Facts;
use ringfence_sys::Errno;
use ringfence_sys::attack::{Params, execute};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A folder that is removed with its value.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes it and everything in it.
    pub(super) fn make(facts: &Facts, token: &str) -> Result<Self, StageError> {
        let mut tried = Vec::new();
        for parent in places() {
            let root = parent.join(format!("ringfence-prove-{token}"));
            if facts.may_read(&root) || fs::create_dir(&root).is_err() {
                tried.push(parent.display().to_string());
                continue;
            }
            let folder = Self { root };
            let what = "canary files";
            return match folder.fill(facts, token).map_err(Errno::from) {
                Ok(()) => Ok(folder),
                // This root's user namespace has no such user: no start could become it either.
                Err(Errno(libc::EINVAL | libc::EPERM)) if facts.switches_user => {
                    Err(StageError::NoSuchUser(facts.identity.0))
                }
                Err(errno) => Err(StageError::Canary { what, errno }),
            };
        }
        Err(StageError::NoPlace(tried.join(", ")))
    }

    fn fill(&self, facts: &Facts, token: &str) -> io::Result<()> {
        open_to_all(&self.root, 0o755)?;
        for folder in [
            self.outside(),
            self.inner(),
            self.read(),
            self.read().join("submount"),
            self.read().join("droppable"),
            self.write(),
        ] {
            fs::create_dir(&folder)?;
            open_to_all(&folder, 0o777)?;
        }
        for file in [self.secret(), self.spare(), self.read().join("droppable/file")] {
            fs::write(&file, token)?;
            open_to_all(&file, 0o666)?;
        }
        if let Ok(bytes) = execute::program() {
            fs::write(self.program(), bytes)?;
            open_to_all(&self.program(), 0o755)?;
        }
        if let Ok(bytes) = execute::root_program() {
            fs::write(self.set_id(), bytes)?;
            open_to_all(&self.set_id(), 0o4755)?;
        }
        symlink(self.secret(), self.link())?;
        if facts.switches_user {
            let (user, group) = (Some(facts.identity.0), Some(facts.identity.1));
            for path in [self.outside(), self.write(), self.secret(), self.spare()] {
                std::os::unix::fs::chown(path, user, group)?;
            }
        }
        Ok(())
    }

    /// A folder outside every grant.
    pub(super) fn outside(&self) -> PathBuf {
        self.root.join("outside")
    }

    /// A folder beside the secret file, from which `..` leads to it.
    pub(super) fn inner(&self) -> PathBuf {
        self.outside().join("inner")
    }

    /// The file that holds the token.
    pub(super) fn secret(&self) -> PathBuf {
        self.outside().join("canary")
    }

    /// The folder that is granted for reading.
    pub(super) fn read(&self) -> PathBuf {
        self.root.join("read")
    }

    /// The folder that is granted for writing.
    pub(super) fn write(&self) -> PathBuf {
        self.root.join("write")
    }

    /// A file in the readable folder that acts may ruin.
    fn spare(&self) -> PathBuf {
        self.read().join("spare")
    }

    /// A program in the readable folder.
    pub(super) fn program(&self) -> PathBuf {
        self.read().join("program")
    }

    /// A program in the readable folder that runs as its owner.
    fn set_id(&self) -> PathBuf {
        self.read().join("set-id")
    }

    /// A symlink in the readable folder to the file that holds the token.
    fn link(&self) -> PathBuf {
        self.read().join("link")
    }

    /// Tells the probes where everything is.
    pub(super) fn describe(&self, params: &mut Params) {
        params.set("outside_dir", self.outside());
        params.set("outside_file", self.secret());
        params.set("read_dir", self.read());
        params.set("write_dir", self.write());
        params.set("spare_file", self.spare());
        params.set("planted_link", self.link());
        if self.set_id().exists() {
            params.set("set_id_program", self.set_id());
        } else {
            params.lack("set_id_program", "no program is known for this processor");
        }
        if self.program().exists() {
            params.set("readable_program", self.program());
        } else {
            params.lack("readable_program", "no program is known for this processor");
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Removes the folder of a token, wherever it was made.
pub(super) fn sweep(token: &str) {
    for parent in places() {
        let _ = fs::remove_dir_all(parent.join(format!("ringfence-prove-{token}")));
    }
}

/// Where canary files may lie: on disk where possible, so that file handles and attributes work.
fn places() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    ["/var/tmp", "/tmp", "/run", "/dev/shm", "/var/lib"]
        .into_iter()
        .map(PathBuf::from)
        .chain(home)
        .filter(|path| path.is_absolute())
        .collect()
}

/// Sets a mode that the umask has no say in.
pub(super) fn open_to_all(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// A canary file outside the folder, removed with its value.
#[derive(Debug)]
pub(super) struct Extra {
    path: PathBuf,
}

impl Extra {
    /// Makes it with the token in it; it must not exist yet.
    pub(super) fn make(path: PathBuf, token: &str) -> io::Result<Self> {
        let mut file = fs::File::create_new(&path)?;
        let made = Self { path };
        io::Write::write_all(&mut file, token.as_bytes())?;
        open_to_all(&made.path, 0o666)?;
        Ok(made)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Extra {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
