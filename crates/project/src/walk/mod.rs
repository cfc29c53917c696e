//! Reading somebody else's folder without being led astray: ordinary files of a sane size, bounded
//! walks, no symbolic link followed into another folder.
//!
//! A project may hold a pipe named `.env`, a folder that contains itself through a link, a million
//! files or a folder nobody may enter. Each of these is told and none of them stops the rest. What
//! is read may change while it is read; nothing here relies on two reads agreeing.

mod text;

pub use text::{ReadError, bytes, text};

use std::fs;
use std::path::{Path, PathBuf};

/// How far a walk goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries that are looked at, folders included.
    pub entries: usize,
    /// Folders below the first one.
    pub depth: usize,
}

/// What an entry is, by itself: a link is a link, wherever it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// An ordinary file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// One entry below the folder that was walked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Path relative to that folder, with `/` between its components; only names that are UTF-8.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

impl Entry {
    /// The last component.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walked {
    /// Every entry, sorted by path.
    pub entries: Vec<Entry>,
    /// Folders that could not be read, relative, sorted.
    pub unreadable: Vec<PathBuf>,
    /// Whether there was more than the limits allow.
    pub cut: bool,
}

/// Walks `folder`, without entering the folders that `skip` names (relative path, name). They are
/// listed themselves.
#[must_use]
pub fn walk(folder: &Path, limits: Limits, skip: impl Fn(&str, &str) -> bool) -> Walked {
    let mut walked = Walked::default();
    let mut open: Vec<(String, usize)> = vec![(String::new(), 0)];
    while let Some((inside, depth)) = open.pop() {
        let Ok(listed) = fs::read_dir(folder.join(&inside)) else {
            walked.unreadable.push(PathBuf::from(&inside));
            continue;
        };
        for entry in listed.flatten() {
            if walked.entries.len() >= limits.entries {
                walked.cut = true;
                break;
            }
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            // Of the entry itself: a link to a folder is not entered, so no loop has an end to miss.
            let kind = entry.file_type().map_or(EntryKind::Other, |kind| {
                if kind.is_symlink() {
                    EntryKind::Link
                } else if kind.is_dir() {
                    EntryKind::Folder
                } else if kind.is_file() {
                    EntryKind::File
                } else {
                    EntryKind::Other
                }
            });
            if kind == EntryKind::Folder && !skip(&path, &name) {
                if depth < limits.depth {
                    open.push((path.clone(), depth + 1));
                } else {
                    walked.cut = true;
                }
            }
            walked.entries.push(Entry { path, kind });
        }
    }
    walked.entries.sort();
    walked.unreadable.sort();
    walked
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { entries: 100, depth: 4 };

    #[test]
    fn a_loop_of_links_is_listed_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("a/up")).unwrap();
        std::os::unix::fs::symlink("loop", folder.path().join("loop")).unwrap();
        let walked = walk(folder.path(), SMALL, |_, _| false);
        let told: Vec<_> =
            walked.entries.iter().map(|entry| (entry.path.as_str(), entry.kind)).collect();
        let link = EntryKind::Link;
        assert_eq!(told, [("a", EntryKind::Folder), ("a/up", link), ("loop", link)]);
        assert!(!walked.cut);
    }

    #[test]
    fn a_walk_ends_at_its_limits_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..20 {
            fs::write(folder.path().join(format!("f{number}")), "").unwrap();
        }
        fs::create_dir_all(folder.path().join("d/d/d/d/d/d")).unwrap();
        let few = walk(folder.path(), Limits { entries: 5, depth: 9 }, |_, _| false);
        assert!(few.cut && few.entries.len() == 5);
        let flat = walk(folder.path(), SMALL, |_, _| false);
        assert!(flat.cut, "the depth is a limit too");
        let skipped = walk(folder.path(), SMALL, |_, name| name == "d");
        assert!(!skipped.cut && skipped.entries.iter().any(|entry| entry.path == "d"));
    }
}
