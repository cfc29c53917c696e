//! The questions a draft asks the disk.

use crate::record::FileKind;
use ringfence_policy::display::hex;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Largest text that is read, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// What can be asked. Nothing is changed by asking.
pub trait Disk {
    /// What lies at a path, symlinks followed; nothing when that cannot be told.
    fn kind(&self, path: &Path) -> Option<FileKind>;
    /// The path without symlinks.
    fn real(&self, path: &Path) -> Option<PathBuf>;
    /// Names in a folder and what they are, symlinks not followed (a symlink is `Other`).
    fn entries(&self, folder: &Path) -> Vec<(String, FileKind)>;
    /// A text file of at most a mebibyte.
    fn text(&self, path: &Path) -> Option<String>;
    /// SHA-256 of a file, lower-case hexadecimal.
    fn sha256(&self, path: &Path) -> Option<String>;
}

/// The disk of this host.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostDisk;

impl Disk for HostDisk {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        fs::metadata(path).ok().map(|found| kind(found.file_type()))
    }

    fn real(&self, path: &Path) -> Option<PathBuf> {
        path.canonicalize().ok()
    }

    fn entries(&self, folder: &Path) -> Vec<(String, FileKind)> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let named = entries.filter_map(|entry| {
            let kind = entry.file_type().ok().map(kind)?;
            Some((entry.file_name().to_string_lossy().into_owned(), kind))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        named
    }

    fn text(&self, path: &Path) -> Option<String> {
        if !fs::metadata(path).ok()?.is_file() {
            return None;
        }
        let mut text = String::new();
        fs::File::open(path).ok()?.take(MAX_TEXT).read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn sha256(&self, path: &Path) -> Option<String> {
        use sha2::{Digest as _, Sha256};
        if !fs::metadata(path).ok()?.is_file() {
            return None;
        }
        let mut file = fs::File::open(path).ok()?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer).ok()? {
                0 => break,
                read => hasher.update(buffer.get(..read)?),
            }
        }
        Some(hex(&hasher.finalize()))
    }
}

#[cfg(unix)]
fn kind(found: fs::FileType) -> FileKind {
    use std::os::unix::fs::FileTypeExt as _;
    if found.is_socket() { FileKind::Socket } else { plain(found) }
}

#[cfg(not(unix))]
fn kind(found: fs::FileType) -> FileKind {
    plain(found)
}

fn plain(found: fs::FileType) -> FileKind {
    if found.is_file() {
        FileKind::File
    } else if found.is_dir() {
        FileKind::Directory
    } else {
        FileKind::Other
    }
}
