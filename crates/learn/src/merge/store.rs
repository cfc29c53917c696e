//! Writing a boundary file so that there is always a whole one.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a file is not written; what was there is still there.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A step failed.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Writes the file by renaming a finished one over it. A symlink keeps leading to the file, and the
/// file keeps its mode and, where this user may give it, its owner.
///
/// # Errors
/// The folder cannot be written, or the disk is full.
pub fn store(path: &Path, text: &str) -> Result<(), StoreError> {
    let failed = |source| StoreError::Write { path: path.to_owned(), source };
    let real =
        if path.is_symlink() { fs::canonicalize(path).map_err(failed)? } else { path.into() };
    let folder = match real.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = format!(".{}.{}.new", name.unwrap_or_default(), std::process::id());
    let fresh = folder.join(name);
    let written = write_new(&fresh, &real, text).and_then(|()| fs::rename(&fresh, &real));
    written.map_err(|source| {
        let _ = fs::remove_file(&fresh);
        failed(source)
    })
}

fn write_new(fresh: &Path, old: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(fresh)?;
    if let Ok(old) = fs::metadata(old) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, fchown};
            // An owner that this user may not give is not worth a failure.
            let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
        }
        file.set_permissions(old.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
