//! Kept answers to "which Node is this?".
//!
//! One small file for each program, named after its device and inode and valid only while size,
//! modification and change time are the same. The folder and the file must belong to this user
//! and to nobody else; anything odd is treated as no answer. Losing the cache costs one run of
//! `--version`.

use super::{Version, detect::parse, show};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// One program's place in the cache.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    name: String,
    state: String,
    owner: u32,
}

impl Cache {
    /// The place for the program that is open as `file`; the folder is made when it is missing.
    pub(super) fn open(folder: &Path, file: &File) -> Option<Self> {
        let program = file.metadata().ok()?;
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).ok()?;
        // This process's own user, told by a file it made itself.
        let owner = fs::metadata("/proc/self").ok()?.uid();
        let cache = Self {
            folder: folder.into(),
            name: format!("node-{}-{}", program.dev(), program.ino()),
            state: state(&program),
            owner,
        };
        let here = fs::symlink_metadata(folder).ok()?;
        (here.is_dir() && cache.is_ours(&here)).then_some(cache)
    }

    fn is_ours(&self, metadata: &Metadata) -> bool {
        metadata.uid() == self.owner && metadata.mode() & 0o022 == 0
    }

    /// The answer, if it is still about the same file.
    pub(super) fn read(&self) -> Option<Version> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let path = self.folder.join(&self.name);
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || !self.is_ours(&metadata) {
            return None;
        }
        let mut text = String::new();
        file.take(256).read_to_string(&mut text).ok()?;
        let (state, version) = text.trim_end().rsplit_once(' ')?;
        if state == self.state { parse(version) } else { None }
    }

    /// Keeps an answer; a failure only costs time at the next start.
    pub(super) fn write(&self, version: Version) {
        let new = self.folder.join(format!(".{}.{}", self.name, std::process::id()));
        let text = format!("{} {}\n", self.state, show(version));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&new, self.folder.join(&self.name)));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
    }
}

fn state(program: &Metadata) -> String {
    let time = |seconds: i64, nanoseconds: i64| format!("{seconds}.{nanoseconds:09}");
    format!(
        "{} {} {}",
        program.size(),
        time(program.mtime(), program.mtime_nsec()),
        time(program.ctime(), program.ctime_nsec())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn an_answer_is_kept_until_the_program_changes() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        let kept = folder.path().join("cache");
        fs::write(&program, "one").unwrap();
        let cache = Cache::open(&kept, &File::open(&program).unwrap()).unwrap();
        assert_eq!(cache.read(), None);
        cache.write([26, 10, 0]);
        assert_eq!(cache.read(), Some([26, 10, 0]));
        let mode = fs::metadata(kept.join(&cache.name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&program, "another").unwrap();
        assert_eq!(Cache::open(&kept, &File::open(&program).unwrap()).unwrap().read(), None);
    }

    #[test]
    fn an_answer_someone_else_could_have_written_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        let kept = folder.path().join("cache");
        fs::write(&program, "one").unwrap();
        let cache = Cache::open(&kept, &File::open(&program).unwrap()).unwrap();
        cache.write([26, 10, 0]);
        let file = kept.join(&cache.name);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(cache.read(), None);
        fs::rename(&file, kept.join("elsewhere")).unwrap();
        fs::set_permissions(kept.join("elsewhere"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("elsewhere", &file).unwrap();
        assert_eq!(cache.read(), None);
        fs::remove_file(&file).unwrap();
        fs::write(&file, b"\xff\xfe garbage").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(cache.read(), None);
        fs::set_permissions(&kept, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Cache::open(&kept, &File::open(&program).unwrap()).is_none());
    }
}
