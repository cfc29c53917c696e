//! What lies at a path at this moment.

use super::caller::{DELETED, as_path};
use crate::record::FileKind;
use ringfence_sys::fd::{identity, identity_at};
use ringfence_sys::{Errno, mount};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// Where the run's paths begin.
pub(super) struct Root(Option<OwnedFd>);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: FileKind,
    /// Without symlinks, when that is another path.
    pub(super) real: Option<Vec<u8>>,
}

/// Files that mean something else to each process that asks.
const OF_THE_ASKER: &[u8] = b"/proc/";

impl Root {
    /// The caller's own.
    pub(super) const fn own() -> Self {
        Self(None)
    }

    /// That of a process with mounts of its own.
    pub(super) fn of(pid: i32) -> Result<Self, Errno> {
        let path = CString::new(format!("/proc/{pid}/root")).map_err(|_| Errno(libc::EINVAL))?;
        mount::openat(None, &path, libc::O_PATH | libc::O_DIRECTORY, 0).map(|root| Self(Some(root)))
    }

    /// Looks without opening: no device is touched and no pipe waited for.
    pub(super) fn look(&self, path: &[u8]) -> Found {
        let Ok(name) = CString::new(path) else {
            return Found { kind: FileKind::Missing, real: None };
        };
        match self.open(&name, 0) {
            Ok(object) => Found { kind: kind(&object), real: real(&object, path) },
            Err(_) if self.is_dangling(&name) => Found { kind: FileKind::Other, real: None },
            Err(_) => Found { kind: FileKind::Missing, real: self.real_of_missing(path) },
        }
    }

    /// Whether a path ends at a symlink.
    pub(super) fn is_link(&self, path: &[u8]) -> bool {
        let Ok(name) = CString::new(path) else { return false };
        let object = self.open(&name, libc::O_NOFOLLOW);
        object.is_ok_and(|object| {
            identity(object.as_fd()).is_ok_and(|found| found.kind() == libc::S_IFLNK)
        })
    }

    fn open(&self, name: &CString, flags: i32) -> Result<OwnedFd, Errno> {
        let flags = flags | libc::O_PATH;
        match &self.0 {
            None => mount::openat(None, name, flags, 0),
            Some(root) => {
                mount::open_beneath(Some(root.as_fd()), name, flags, 0, mount::RESOLVE_IN_ROOT)
            }
        }
    }

    /// A symlink that leads nowhere is there itself.
    fn is_dangling(&self, name: &CString) -> bool {
        match &self.0 {
            None => identity_at(None, name, libc::AT_SYMLINK_NOFOLLOW).is_ok(),
            Some(_) => self.open(name, libc::O_NOFOLLOW).is_ok(),
        }
    }

    /// Where it would be made: the real path of the nearest folder that exists, and the rest.
    fn real_of_missing(&self, path: &[u8]) -> Option<Vec<u8>> {
        let mut end = path.len();
        while let Some(slash) = path.get(..end)?.iter().rposition(|byte| *byte == b'/') {
            if slash == 0 {
                return None;
            }
            let above = CString::new(path.get(..slash)?).ok()?;
            if let Ok(folder) = self.open(&above, 0) {
                let mut real = real(&folder, above.as_bytes())?;
                real.extend_from_slice(path.get(slash..)?);
                return Some(real);
            }
            end = slash;
        }
        None
    }
}

fn kind(of: &OwnedFd) -> FileKind {
    match identity(of.as_fd()).map(|found| found.kind()) {
        Ok(libc::S_IFREG) => FileKind::File,
        Ok(libc::S_IFDIR) => FileKind::Directory,
        Ok(libc::S_IFSOCK) => FileKind::Socket,
        _ => FileKind::Other,
    }
}

fn real(of: &OwnedFd, named: &[u8]) -> Option<Vec<u8>> {
    if named.starts_with(OF_THE_ASKER) {
        return None;
    }
    let real = std::fs::read_link(format!("/proc/self/fd/{}", of.as_raw_fd())).ok()?;
    let real = real.into_os_string().into_vec();
    let told = real.starts_with(b"/") && real != named && !real.ends_with(DELETED);
    told.then_some(real)
}

/// The interpreter that a script names in its first line.
pub(super) fn interpreter(of: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let path = as_path(of);
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut start = [0; 256];
    let length = std::fs::File::open(path).ok()?.read(&mut start).ok()?;
    let line = start.get(..length)?.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = line.trim_ascii().split(u8::is_ascii_whitespace).next()?;
    word.starts_with(b"/").then(|| as_path(word).as_os_str().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_lies_at_a_path_is_told_with_where_it_really_is() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::create_dir(folder.join("real")).unwrap();
        std::fs::write(folder.join("real/file"), "").unwrap();
        symlink("real", folder.join("link")).unwrap();
        symlink("nowhere", folder.join("dangling")).unwrap();
        let look = |name: &str| {
            let found = Root::own().look(folder.join(name).as_os_str().as_bytes());
            let real = found.real.map(|r| as_path(&r).strip_prefix(&folder).unwrap().to_owned());
            (found.kind, real.map(|r| r.to_str().unwrap().to_owned()))
        };
        assert_eq!(look("real/file"), (FileKind::File, None));
        assert_eq!(look("real"), (FileKind::Directory, None));
        assert_eq!(look("link/file"), (FileKind::File, Some("real/file".to_owned())));
        assert_eq!(look("link/new/deep"), (FileKind::Missing, Some("real/new/deep".to_owned())));
        assert_eq!(look("real/new"), (FileKind::Missing, None));
        assert_eq!(look("dangling"), (FileKind::Other, None));
        assert_eq!(Root::own().look(b"/dev/null").kind, FileKind::Other);
    }

    #[test]
    fn a_script_names_its_interpreter() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        std::fs::write(&script, "#! /usr/bin/env node\nx").unwrap();
        let of = |path: &std::path::Path| interpreter(path.as_os_str().as_bytes());
        assert_eq!(of(&script).unwrap(), b"/usr/bin/env");
        std::fs::write(&script, "echo").unwrap();
        assert_eq!(of(&script), None);
        assert_eq!(of(folder.path()), None);
    }
}
