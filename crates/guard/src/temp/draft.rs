//! A file that gets its name when it is whole.

use super::random_name;
use crate::path::{PathError, RelativePath, Root, told};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::fs::{fsync, linkat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

/// A file without a name (`O_TMPFILE`), mode 0600. Dropped or crashed, it is gone.
///
/// Where a file system knows no such files (NFS, some FUSE), it has a random name that is removed on
/// drop; after a crash there it stays.
#[derive(Debug)]
pub struct Draft {
    folder: OwnedFd,
    file: File,
    /// The name it has where it cannot have none.
    named: Option<String>,
}

impl Draft {
    /// One that will get its name in `folder`, whose path is followed as usual.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn new_in(folder: impl AsRef<Path>) -> Result<Self, PathError> {
        Self::new_at(Root::opened(folder)?.as_fd())
    }

    /// The same in a folder that is open.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn new_at(folder: BorrowedFd<'_>) -> Result<Self, PathError> {
        let mode = Mode::RUSR | Mode::WUSR;
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let owned = folder.try_clone_to_owned().map_err(PathError::Io)?;
        match openat(folder, ".", flags | OFlags::TMPFILE, mode) {
            Ok(file) => Ok(Self { folder: owned, file: file.into(), named: None }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let name = random_name()?;
                let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
                let file = openat(folder, &name, flags, mode).map_err(told)?;
                Ok(Self { folder: owned, file: file.into(), named: Some(name) })
            }
            Err(errno) => Err(told(errno)),
        }
    }

    /// The file itself.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Gives it a name that must be free, on the disk before this returns.
    ///
    /// # Errors
    /// [`PathError::Exists`], [`PathError`]; there is nothing under the name then.
    pub fn persist_new(mut self, name: &str) -> Result<(), PathError> {
        let name = single(name)?;
        self.file.sync_all().map_err(PathError::Io)?;
        self.link(name.as_str())?;
        if let Some(old) = self.named.take() {
            let _ = unlinkat(&self.folder, &old, AtFlags::empty());
        }
        fsync(&self.folder).map_err(told)
    }

    /// Gives it a name, in the place of what was there: a reader finds the old file or the new one,
    /// whole. A link there is replaced itself; a folder is refused.
    ///
    /// # Errors
    /// [`PathError`]; what was there is there still.
    pub fn replace(mut self, name: &str) -> Result<(), PathError> {
        let name = single(name)?;
        self.file.sync_all().map_err(PathError::Io)?;
        // Nothing replaces with a link in one step (linkat(2)): a name of its own comes first.
        let random = if let Some(named) = self.named.take() {
            named
        } else {
            let random = random_name()?;
            self.link(&random)?;
            random
        };
        let renamed = renameat(&self.folder, &random, &self.folder, name.as_str());
        if let Err(errno) = renamed {
            let _ = unlinkat(&self.folder, &random, AtFlags::empty());
            return Err(told(errno));
        }
        fsync(&self.folder).map_err(told)
    }

    fn link(&self, name: &str) -> Result<(), PathError> {
        if let Some(named) = &self.named {
            let linked = linkat(&self.folder, named, &self.folder, name, AtFlags::empty());
            return linked.map_err(told);
        }
        let linked = linkat(&self.file, "", &self.folder, name, AtFlags::EMPTY_PATH);
        match linked {
            // Before Linux 6.10 only root may do it so; by its descriptor everybody may.
            Err(Errno::NOENT | Errno::PERM) => {
                let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                let cwd = rustix::fs::CWD;
                let linked = linkat(cwd, own, &self.folder, name, AtFlags::SYMLINK_FOLLOW);
                linked.map_err(told)
            }
            linked => linked.map_err(told),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(name) = &self.named {
            let _ = unlinkat(&self.folder, name, AtFlags::empty());
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for Draft {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Seek for Draft {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// One name, no path.
fn single(name: &str) -> Result<RelativePath, PathError> {
    if name.contains('/') {
        return Err(PathError::Refused("it is a path where a name is meant"));
    }
    RelativePath::parse(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn draft(place: &Path, text: &str) -> Draft {
        let mut draft = Draft::new_in(place).unwrap();
        draft.write_all(text.as_bytes()).unwrap();
        draft
    }

    #[test]
    fn a_draft_has_no_name_until_it_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let first = draft(place.path(), "first");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
        first.persist_new("name").unwrap();
        let found = std::fs::metadata(place.path().join("name")).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, 0o600);
        drop(draft(place.path(), "never"));
        let again = draft(place.path(), "second").persist_new("name");
        assert!(matches!(again, Err(PathError::Exists)), "{again:?}");
        assert_eq!(std::fs::read_to_string(place.path().join("name")).unwrap(), "first");
        draft(place.path(), "third").replace("name").unwrap();
        assert_eq!(std::fs::read_to_string(place.path().join("name")).unwrap(), "third");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn replacing_never_follows_a_link_and_leaves_no_other_name() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("secret"), "secret").unwrap();
        symlink("secret", place.path().join("link")).unwrap();
        draft(place.path(), "new").replace("link").unwrap();
        assert_eq!(std::fs::read_to_string(place.path().join("secret")).unwrap(), "secret");
        assert_eq!(std::fs::read_to_string(place.path().join("link")).unwrap(), "new");
        std::fs::create_dir(place.path().join("folder")).unwrap();
        assert!(draft(place.path(), "new").replace("folder").is_err());
        for name in ["a/b", "..", "", "a\0", ".."] {
            assert!(draft(place.path(), "new").persist_new(name).is_err(), "{name:?}");
            assert!(draft(place.path(), "new").replace(name).is_err(), "{name:?}");
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_reader_never_sees_half_a_file_while_it_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        let texts = ["a".repeat(100_000), "b".repeat(50_000)];
        draft(place.path(), &texts[0]).replace("file").unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..50 {
                    draft(place.path(), &texts[round % 2]).replace("file").unwrap();
                }
            });
            while !writer.is_finished() {
                let read = std::fs::read_to_string(place.path().join("file")).unwrap();
                assert!(texts.contains(&read), "{} bytes", read.len());
            }
        });
    }
}
