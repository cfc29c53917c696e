//! A private folder with an owner.

use super::random_name;
use crate::path::{PathError, Root, told};
use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::fs::{flock, fstat, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// What the names of temporary folders and files begin with.
pub const PREFIX: &str = ".ringfence-";

/// The file in a folder whose lock its owner holds.
const LOCK: &str = "lock";
/// Names tried before giving up: each but the first means that somebody swept at that very moment.
const TRIES: usize = 8;
/// Folders in each other that are removed. Paths end far before.
const DEEPEST: usize = 600;

/// A private folder, removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct Folder {
    parent: OwnedFd,
    name: String,
    root: Root,
    /// Held until the process ends or this is dropped.
    _lock: OwnedFd,
}

impl Folder {
    /// Makes one in `parent`, whose path is the application's own and is followed as usual, after
    /// removing what owners that are dead have left there.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn new_in(parent: impl AsRef<Path>) -> Result<Self, PathError> {
        Self::new_at(Root::opened(parent)?.as_fd())
    }

    /// The same in a folder that is open.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn new_at(parent: BorrowedFd<'_>) -> Result<Self, PathError> {
        // What cannot be removed does not hinder what is new.
        let _ = sweep_at(parent);
        for _ in 0..TRIES {
            if let Some(made) = make(parent)? {
                return Ok(made);
            }
        }
        Err(PathError::Exists)
    }

    /// The folder, to open and make files below. The name `lock` in it is taken.
    #[must_use]
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Its name in the folder it was made in.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Removes it now, to learn whether that works.
    ///
    /// # Errors
    /// [`PathError`]; the next [`sweep`] tries again.
    pub fn close(self) -> Result<(), PathError> {
        self.remove()
    }

    fn remove(&self) -> Result<(), PathError> {
        empty(self.root.as_fd(), Some(LOCK), 0)?;
        drop_lock(self.root.as_fd())?;
        match unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(told(errno)),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// Removes the folders of owners that are dead from `parent`; how many there were.
///
/// # Errors
/// [`PathError`] when the folder cannot be read.
pub fn sweep(parent: impl AsRef<Path>) -> Result<usize, PathError> {
    sweep_at(Root::opened(parent)?.as_fd())
}

fn sweep_at(parent: BorrowedFd<'_>) -> Result<usize, PathError> {
    let mut swept = 0;
    for entry in Dir::read_from(parent).map_err(told)? {
        let entry = entry.map_err(told)?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let random = name.strip_prefix(PREFIX).is_some_and(|random| {
            random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if random && sweep_one(parent, name).is_ok_and(|swept| swept) {
            swept += 1;
        }
    }
    Ok(swept)
}

/// A folder with a name of its own and the lock held; `None` where somebody swept it meanwhile.
fn make(parent: BorrowedFd<'_>) -> Result<Option<Folder>, PathError> {
    let name = random_name()?;
    mkdirat(parent, &name, Mode::RWXU).map_err(told)?;
    let lock = || -> Result<Option<(OwnedFd, OwnedFd)>, Errno> {
        let folder = open_folder(parent, &name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let lock = openat(&folder, LOCK, flags, Mode::RUSR | Mode::WUSR)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        // Swept before the lock was taken: it has no name any more.
        Ok((fstat(&lock)?.st_nlink > 0).then_some((folder, lock)))
    };
    match lock() {
        Ok(Some((folder, lock))) => {
            let parent = parent.try_clone_to_owned().map_err(PathError::Io)?;
            Ok(Some(Folder { parent, name, root: Root::from_folder(folder), _lock: lock }))
        }
        Ok(None) | Err(Errno::NOENT) => Ok(None),
        Err(errno) => {
            let _ = unlinkat(parent, &name, AtFlags::REMOVEDIR);
            Err(told(errno))
        }
    }
}

/// Removes a folder if it is ours and its owner is dead.
///
/// Only what this user made counts: in a folder that others may write to, somebody could have given
/// this name to another folder of ours. That one has no lock of ours in it.
fn sweep_one(parent: BorrowedFd<'_>, name: &str) -> Result<bool, Errno> {
    let folder = open_folder(parent, name)?;
    let us = rustix::process::geteuid().as_raw();
    let found = fstat(&folder)?;
    if found.st_uid != us || found.st_mode & 0o777 != 0o700 {
        return Ok(false);
    }
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let lock = match openat(&folder, LOCK, flags, Mode::empty()) {
        Ok(lock) => lock,
        // Nothing but an empty one goes, and whoever is about to lock it makes another.
        Err(Errno::NOENT) => {
            return unlinkat(parent, name, AtFlags::REMOVEDIR).map(|()| true);
        }
        Err(errno) => return Err(errno),
    };
    let found = fstat(&lock)?;
    let regular = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if found.st_uid != us || !regular || found.st_size != 0 {
        return Ok(false);
    }
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(false);
    }
    empty(folder.as_fd(), Some(LOCK), 0).map_err(|_| Errno::IO)?;
    drop_lock(folder.as_fd()).map_err(|_| Errno::IO)?;
    unlinkat(parent, name, AtFlags::REMOVEDIR).map(|()| true)
}

/// The lock goes last: as long as there is something to sweep, there is something to lock.
fn drop_lock(folder: BorrowedFd<'_>) -> Result<(), PathError> {
    match unlinkat(folder, LOCK, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(told(errno)),
    }
}

fn open_folder(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Removes everything in a folder but one name; links are removed themselves.
fn empty(folder: BorrowedFd<'_>, but: Option<&str>, depth: usize) -> Result<(), PathError> {
    if depth > DEEPEST {
        return Err(PathError::Refused("it is too deep to be removed"));
    }
    for entry in Dir::read_from(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        let name = entry.file_name();
        let kept = but.is_some_and(|but| name.to_bytes() == but.as_bytes());
        if kept || matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => continue,
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(errno) => return Err(told(errno)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inner = openat(folder, name, flags, Mode::empty()).map_err(told)?;
        empty(inner.as_fd(), None, depth + 1)?;
        unlinkat(folder, name, AtFlags::REMOVEDIR).map_err(told)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_folder_is_private_unguessable_and_gone_when_it_is_dropped() {
        let place = tempfile::tempdir().unwrap();
        let first = Folder::new_in(place.path()).unwrap();
        let second = Folder::new_in(place.path()).unwrap();
        assert_ne!(first.name(), second.name());
        assert_eq!(first.name().len(), PREFIX.len() + 32);
        let found = std::fs::metadata(place.path().join(first.name())).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, 0o700);
        first.root().create_dir("a").unwrap();
        first.root().create("a/b").unwrap().write_all(b"x").unwrap();
        symlink("/etc", place.path().join(first.name()).join("a/link")).unwrap();
        drop(first);
        second.close().unwrap();
        assert!(names(place.path()).is_empty());
        assert!(Path::new("/etc/passwd").exists());
    }

    #[test]
    fn what_a_dead_owner_left_is_swept_and_what_is_in_use_is_not() {
        let place = tempfile::tempdir().unwrap();
        let live = Folder::new_in(place.path()).unwrap();
        // As a crash leaves it: everything is there, and nobody holds the lock.
        let dead = place.path().join(format!("{PREFIX}{}", "0".repeat(32)));
        std::fs::create_dir_all(dead.join("tree/deep")).unwrap();
        std::fs::set_permissions(&dead, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(dead.join("tree/deep/file"), "x").unwrap();
        std::fs::write(dead.join("lock"), "").unwrap();
        // A crash between the folder and its lock.
        let early = place.path().join(format!("{PREFIX}{}", "1".repeat(32)));
        std::fs::create_dir(&early).unwrap();
        std::fs::set_permissions(&early, std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(sweep(place.path()).unwrap(), 2);
        assert_eq!(names(place.path()), [live.name()]);
    }

    #[test]
    fn a_folder_that_only_has_such_a_name_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        // Without a lock of ours, with another mode, a link, a file.
        let other = place.path().join(format!("{PREFIX}{}", "2".repeat(32)));
        std::fs::create_dir(&other).unwrap();
        std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(other.join("precious"), "x").unwrap();
        let wide = place.path().join(format!("{PREFIX}{}", "3".repeat(32)));
        std::fs::create_dir(&wide).unwrap();
        std::fs::set_permissions(&wide, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(wide.join("lock"), "").unwrap();
        symlink(&other, place.path().join(format!("{PREFIX}{}", "4".repeat(32)))).unwrap();
        std::fs::write(place.path().join(format!("{PREFIX}{}", "5".repeat(32))), "x").unwrap();
        std::fs::create_dir(place.path().join(format!("{PREFIX}mine"))).unwrap();
        let before = names(place.path()).len();
        assert_eq!(sweep(place.path()).unwrap(), 0);
        assert_eq!(names(place.path()).len(), before);
        assert_eq!(std::fs::read_to_string(other.join("precious")).unwrap(), "x");
    }

    #[test]
    fn many_that_make_and_sweep_at_once_lose_nothing() {
        let place = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let folder = Folder::new_in(place.path()).unwrap();
                        folder.root().create("file").unwrap().write_all(b"x").unwrap();
                        sweep(place.path()).unwrap();
                        let found = folder.root().open("file").unwrap().metadata().unwrap();
                        assert_eq!((found.size(), found.nlink()), (1, 1));
                    }
                });
            }
        });
        assert!(names(place.path()).is_empty());
    }
}
