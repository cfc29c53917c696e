//! Files that are there as a whole or not at all.
//!
//! A file is written under another name in the same folder and takes its place in one step, so nobody
//! reads half of it and a full disk loses nothing. Only a file, or nothing, is ever replaced, never a
//! folder, a device or a pipe, and what a symbolic link leads to is replaced rather than the link.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The mode of a file that nobody but its owner reads.
pub const PRIVATE: u32 = 0o600;

/// Replaces the file at `path`, or makes it. One that is there keeps its mode and, where this user may
/// give it, its owner; a new one has `mode`, or what the process's mask leaves of 0666.
///
/// # Errors
/// The folder is missing or may not be written, the disk is full, or no file lies at `path`. What was
/// there is still there.
pub fn write(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let (folder, target) = place(path)?;
    let (fresh, file) = open_new(&folder, mode)?;
    let written = fill(file, &target, bytes).and_then(|()| fs::rename(&fresh, &target));
    if written.is_err() {
        // What could not be filled or moved is of no use to anybody.
        let _ = fs::remove_file(&fresh);
        return written;
    }
    keep(&folder);
    Ok(())
}

/// Makes the file at `path`, whole, where there is nothing yet, with a mode as [`write`] gives it.
///
/// # Errors
/// `AlreadyExists`, and those of [`write`].
pub fn create(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let (folder, target) = place(path)?;
    let (fresh, file) = open_new(&folder, mode)?;
    // A link is refused where a rename would replace what somebody made meanwhile.
    let linked = fill(file, &target, bytes).and_then(|()| fs::hard_link(&fresh, &target));
    let _ = fs::remove_file(&fresh);
    linked?;
    keep(&folder);
    Ok(())
}

/// Whether a file could be written at `path`, as far as can be seen beforehand: the folder it would
/// lie in and its own path, both without symbolic links.
///
/// # Errors
/// The folder is missing, or something that is no file lies at `path`.
pub fn place(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let target = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => {
            return Err(io::Error::other("it is a device, a pipe or a socket"));
        }
        Ok(_) => path.canonicalize()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        Err(error) => return Err(error),
    };
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize()?;
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let target = folder.join(name);
    Ok((folder, target))
}

/// Puts the names in a folder on the disk too: a crash of the machine right after this must not bring the
/// older file back, which a keyring has counted further than. Not every file system can.
fn keep(folder: &Path) {
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    #[cfg(not(unix))]
    let _ = folder;
}

fn fill(mut file: File, old: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Ok(old) = fs::metadata(old) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, fchown};
            // An owner that this user may not give is not worth a failure.
            let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
        }
        file.set_permissions(old.permissions())?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// An empty file under a name of its own. Not the number of the process, which another one has too in
/// another container with the same folder; and not the target's name and more, which may already be as
/// long as a name can be.
fn open_new(folder: &Path, mode: Option<u32>) -> io::Result<(PathBuf, File)> {
    let random = RandomState::new().build_hasher().finish();
    let path = folder.join(format!(".ringfence.{random:016x}.part"));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if let Some(mode) = mode {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let file = options.open(&path)?;
    Ok((path, file))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    #[test]
    fn a_file_is_replaced_behind_its_link_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write(&file, b"one", Some(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
        write(&link, b"two", Some(PRIVATE)).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o604);
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn a_file_that_is_there_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        create(&file, b"one", None).unwrap();
        symlink("nowhere", &link).unwrap();
        for path in [&file, &link] {
            assert_eq!(
                create(path, b"two", None).unwrap_err().kind(),
                io::ErrorKind::AlreadyExists
            );
        }
        assert_eq!(fs::read(&file).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn folders_devices_and_places_that_are_not_there_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().into(), folder.path().join("none/file"), "/dev/full".into()] {
            write(&path, b"x", None).unwrap_err();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
