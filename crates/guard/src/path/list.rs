//! What lies in a folder.

use super::root::told;
use super::{PathError, RelativePath, Root};
use rustix::fs::{AtFlags, Dir, FileType, statat};
use rustix::io::Errno;
use std::os::fd::AsFd as _;

/// A name in a folder, as it was while it was read: opening it later judges it anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name; what is no UTF-8 in it is replaced (U+FFFD), and cannot be opened by it.
    pub name: String,
    /// What it names. A link is not followed.
    pub kind: EntryKind,
}

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Other,
}

impl EntryKind {
    /// `file`, `folder`, `link` or `other`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Link => "link",
            Self::Other => "other",
        }
    }

    const fn of(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}

impl Root {
    /// What lies in a folder, in the order of the names; of more than `most` the rest is left out. An
    /// empty path is the root itself.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn list(&self, path: &str, most: usize) -> Result<Vec<Entry>, PathError> {
        let below = match path {
            "" => None,
            path => Some(self.folder(&RelativePath::parse(path)?)?),
        };
        let folder = below.as_ref().unwrap_or(self).as_fd();
        let mut entries = Vec::new();
        for entry in Dir::read_from(folder).map_err(told)? {
            let entry = entry.map_err(told)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if entries.len() >= most {
                break;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(found) => FileType::from_raw_mode(found.st_mode),
                    // Removed since.
                    Err(Errno::NOENT) => continue,
                    Err(errno) => return Err(told(errno)),
                },
                known => known,
            };
            let name = name.to_string_lossy().into_owned();
            entries.push(Entry { name, kind: EntryKind::of(kind) });
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_folder_is_listed_without_following_what_lies_in_it() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::new(place.path()).unwrap();
        root.create_dir("folder").unwrap();
        root.create("folder/b").unwrap();
        root.create("folder/a").unwrap();
        symlink("/etc", place.path().join("link")).unwrap();
        let named = |entries: Vec<Entry>| -> Vec<String> {
            entries.iter().map(|entry| format!("{} {}", entry.kind.name(), entry.name)).collect()
        };
        assert_eq!(named(root.list("", 10).unwrap()), ["folder folder", "link link"]);
        assert_eq!(named(root.list("folder", 10).unwrap()), ["file a", "file b"]);
        assert_eq!(root.list("folder", 1).unwrap().len(), 1);
        for path in ["link", "..", "/etc", "folder/../..", "folder/a", "nothing"] {
            assert!(root.list(path, 10).is_err(), "{path}");
        }
    }
}
