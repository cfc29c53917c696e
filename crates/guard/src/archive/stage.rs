//! Where an archive is extracted before it is put in its place.
//!
//! A private folder beside the destination, on the same file system, so that one rename ends it:
//! whoever looks sees nothing or everything. Every step is taken from descriptors that were opened
//! once; renaming what lies above them, or putting a link in its place, changes nothing.

use super::gate::{Entry, Sink};
use super::{ArchiveError, Refusal, Shown};
use crate::path::{PathError, RelativePath, Root, told};
use crate::temp::Folder;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::fs::{fchmod, fchown, fstat, fsync, mkdirat, openat, renameat, renameat_with};
use rustix::fs::{statat, syncfs, unlinkat};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

/// Bytes copied at once.
pub(super) const PIECE: usize = 128 << 10;
/// Modes, of which the umask is taken away too: nobody but the owner writes, and no bit that changes
/// who a program runs as.
const FOLDER: u32 = 0o755;
const PROGRAM: u32 = 0o755;
const PLAIN: u32 = 0o644;
/// The folder in the stage that becomes the destination.
const TREE: &str = "tree";

/// An extraction under way.
pub(super) struct Stage {
    parent: OwnedFd,
    /// The destination's name in its parent.
    name: OsString,
    /// Mode and owner of the empty folder that is replaced.
    replaced: Option<Replaced>,
    folder: Folder,
    tree: Root,
    /// The folder that was written to last, with its path.
    current: Option<(String, Root)>,
    room: Vec<u8>,
}

struct Replaced {
    mode: Mode,
    user: Uid,
    group: Gid,
}

impl Stage {
    pub(super) fn new(destination: &Path) -> Result<Self, ArchiveError> {
        let name = destination.file_name();
        let name = name.ok_or(ArchiveError::Destination("has no name of its own"))?.to_owned();
        let parent = match destination.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = rustix::fs::open(parent, flags, Mode::empty());
        let parent = parent.map_err(told).map_err(ArchiveError::Parent)?;
        let replaced = look(&parent, &name)?;
        let folder = Folder::new_at(parent.as_fd()).map_err(ArchiveError::Parent)?;
        let tree = (|| {
            let tree = RelativePath::parse(TREE)?;
            folder.root().create_dir_with_mode(&tree, FOLDER)?;
            folder.root().folder(&tree)
        })();
        let tree = tree.map_err(ArchiveError::Parent)?;
        let room = vec![0; PIECE];
        Ok(Self { parent, name, replaced, folder, tree, current: None, room })
    }

    /// Puts everything in its place, on the disk before this returns.
    pub(super) fn commit(self) -> Result<(), ArchiveError> {
        let failed = |errno| ArchiveError::Commit(told(errno));
        if let Some(replaced) = &self.replaced {
            let found = fstat(self.tree.as_fd()).map_err(failed)?;
            if (found.st_uid, found.st_gid) != (replaced.user.as_raw(), replaced.group.as_raw()) {
                let (user, group) = (Some(replaced.user), Some(replaced.group));
                fchown(self.tree.as_fd(), user, group).map_err(failed)?;
            }
            fchmod(self.tree.as_fd(), replaced.mode).map_err(failed)?;
        }
        // One call for all files: before the rename, so that no crash leaves names without content.
        syncfs(self.tree.as_fd()).map_err(failed)?;
        let stage = self.folder.root().as_fd();
        let renamed = match &self.replaced {
            // rename(2) replaces a folder only while it is empty.
            Some(_) => renameat(stage, TREE, &self.parent, &self.name),
            None => place(stage, &self.parent, &self.name),
        };
        renamed.map_err(|errno| match errno {
            Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR => {
                ArchiveError::Destination("was filled while the archive was extracted")
            }
            Errno::BUSY => ArchiveError::Destination("is a mount point: name a folder below it"),
            errno => failed(errno),
        })?;
        fsync(&self.parent).map_err(failed)
    }

    /// The folder that a path lies in, and its last name.
    fn at(&mut self, path: &RelativePath) -> Result<(&Root, RelativePath), PathError> {
        let Some((above, name)) = path.as_str().rsplit_once('/') else {
            return Ok((&self.tree, path.clone()));
        };
        let name = RelativePath::parse(name)?;
        if self.current.as_ref().is_none_or(|(known, _)| known != above) {
            let folder = self.tree.folder(&RelativePath::parse(above)?)?;
            self.current = Some((above.to_owned(), folder));
        }
        let root = self.current.as_ref().map_or(&self.tree, |(_, root)| root);
        Ok((root, name))
    }
}

impl Sink for Stage {
    fn folder(&mut self, path: &RelativePath) -> Result<(), ArchiveError> {
        let made = self.at(path).and_then(|(root, name)| root.create_dir_with_mode(&name, FOLDER));
        made.map_err(|source| unwritten(path, source))
    }

    fn file(&mut self, entry: &Entry<'_>, content: &mut dyn Read) -> Result<u64, ArchiveError> {
        let mode = if entry.executable { PROGRAM } else { PLAIN };
        let place = self.at(entry.path);
        let opened = place.and_then(|(root, name)| root.create_with_mode(&name, mode));
        let mut file = opened.map_err(|source| unwritten(entry.path, source))?;
        copy(content, &mut self.room, &mut |piece| {
            let written = file.write_all(piece);
            written.map_err(|error| unwritten(entry.path, PathError::Io(error)))
        })
    }
}

/// Copies all there is, telling an archive that cannot be read from a file that cannot be written.
pub(super) fn copy(
    content: &mut dyn Read,
    room: &mut [u8],
    write: &mut dyn FnMut(&[u8]) -> Result<(), ArchiveError>,
) -> Result<u64, ArchiveError> {
    let mut copied = 0;
    loop {
        match content.read(room) {
            Ok(0) => return Ok(copied),
            Ok(count) => {
                copied += count as u64;
                let piece = room.get(..count);
                write(piece.ok_or(ArchiveError::whole(Refusal::Truncated))?)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ArchiveError::read(error)),
        }
    }
}

fn unwritten(path: &RelativePath, source: PathError) -> ArchiveError {
    ArchiveError::Write { entry: Shown::new(path.as_str().as_bytes()), source }
}

/// What is at the destination: nothing, or an empty folder.
fn look(parent: &OwnedFd, name: &OsString) -> Result<Option<Replaced>, ArchiveError> {
    let unusable = |errno| ArchiveError::Parent(told(errno));
    let found = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(unusable(errno)),
    };
    if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return Err(ArchiveError::Destination("is there and is no folder"));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(parent, name, flags, Mode::empty()).map_err(unusable)?;
    for entry in rustix::fs::Dir::read_from(&folder).map_err(unusable)? {
        let entry = entry.map_err(unusable)?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Err(ArchiveError::Destination("is not empty: nothing is merged into it"));
        }
    }
    let found = fstat(&folder).map_err(unusable)?;
    Ok(Some(Replaced {
        mode: Mode::from_raw_mode(found.st_mode & 0o7777),
        user: Uid::from_raw(found.st_uid),
        group: Gid::from_raw(found.st_gid),
    }))
}

/// Renames to a name that must be free.
fn place(
    stage: rustix::fd::BorrowedFd<'_>,
    parent: &OwnedFd,
    name: &OsString,
) -> Result<(), Errno> {
    match renameat_with(stage, TREE, parent, name, RenameFlags::NOREPLACE) {
        // A file system without it: an empty folder of ours takes the place first.
        Err(Errno::INVAL | Errno::NOSYS) => {
            mkdirat(parent, name, Mode::RWXU)?;
            renameat(stage, TREE, parent, name).inspect_err(|_| {
                let _ = unlinkat(parent, name, AtFlags::REMOVEDIR);
            })
        }
        renamed => renamed,
    }
}
