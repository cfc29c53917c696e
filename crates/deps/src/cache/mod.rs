//! What tarballs held, by their hash, for the next time.
//!
//! A tarball of a hash never changes, so what was learnt of it stays true; what anybody could have
//! written into the folder meanwhile is not proven by anything. Reviews use it; the verification of an
//! installed tree does not. An entry that cannot be read is as good as none and is written again.
//!
//! A folder that belongs to somebody else, that others may write into, or that is a link where none
//! belongs is neither read nor written: what lies there is the word of others, and a link could lead to
//! files of the user's. It does not defend against programs that run as the user.

use crate::evidence::TarballFacts;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_project::graph::{Algorithm, Integrity};
use ringfence_project::walk;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The form of an entry: another one is not read.
const SCHEMA: u32 = 1;

/// Largest entry, in bytes.
const LARGEST: u64 = 1 << 20;

/// Most entries of one of the 256 folders.
const MOST: usize = 256;

/// A folder of facts.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    schema: u32,
    integrity: String,
    facts: TarballFacts,
}

impl Cache {
    /// A cache in this folder, which is made when it is needed.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// The user's: `$XDG_CACHE_HOME/ringfence`, or `~/.cache/ringfence`. None without a home.
    #[must_use]
    pub fn of_user(environment: &dyn Fn(&str) -> Option<OsString>) -> Option<Self> {
        let path =
            |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")))?;
        Some(Self::new(&folder.join("ringfence")))
    }

    /// Whether anything was ever kept.
    #[must_use]
    pub fn is_there(&self) -> bool {
        is_own(&self.folder, true) && is_own(&self.folder.join("tarballs"), false)
    }

    /// What is known of a tarball.
    #[must_use]
    pub fn load(&self, integrity: &Integrity) -> Option<TarballFacts> {
        let (folder, name, hash) = self.place(integrity)?;
        if !self.is_there() || !is_own(&folder, false) {
            return None;
        }
        let bytes = walk::bytes(&folder.join(name), LARGEST).ok()?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        (entry.schema == SCHEMA && entry.integrity == hash).then_some(entry.facts)
    }

    /// Keeps what is known of a tarball. Where that fails, it is not kept.
    pub fn store(&self, integrity: &Integrity, facts: &TarballFacts) {
        let Some((folder, name, hash)) = self.place(integrity) else { return };
        let entry = Entry { schema: SCHEMA, integrity: hash, facts: facts.clone() };
        let Ok(bytes) = serde_json::to_vec(&entry) else { return };
        if bytes.len() as u64 > LARGEST || make(&folder).is_err() {
            return;
        }
        if !self.is_there() || !is_own(&folder, false) {
            return;
        }
        make_room(&folder);
        // The number of a process is another one's too, in another container.
        let random = RandomState::new().build_hasher().finish();
        let fresh = folder.join(format!(".{random:016x}.part"));
        // Not synced: an entry that a crash leaves half there is not read.
        let kept = fill(&fresh, &bytes).and_then(|()| fs::rename(&fresh, folder.join(name)));
        if kept.is_err() {
            let _ = fs::remove_file(&fresh);
        }
    }

    /// Folder, file and hash of an entry. Only hashes that nobody can make twice have one.
    fn place(&self, integrity: &Integrity) -> Option<(PathBuf, String, String)> {
        let strongest = integrity.strongest().filter(|one| *one > Algorithm::Sha1)?;
        let (_, hash) = integrity.hashes().find(|(algorithm, _)| *algorithm == strongest)?;
        let bytes = BASE64.decode(hash).ok().filter(|bytes| bytes.len() >= 32)?;
        let hex = crate::tarball::hex(&bytes);
        let folder = self.folder.join("tarballs").join(&hex[..2]);
        let id = strongest.id();
        Some((folder, format!("{id}-{}.json", &hex[2..]), format!("{id}-{hash}")))
    }
}

fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that was not there.
fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::File::options().write(true).create_new(true).open(path)?.write_all(bytes)
}

/// Whether a folder is this user's, and nobody else may write into it. The first one may be a link that
/// the user made.
fn is_own(folder: &Path, may_be_link: bool) -> bool {
    let Ok(found) = fs::symlink_metadata(folder) else { return false };
    let is_link = found.is_symlink();
    let Ok(behind) = fs::metadata(folder) else { return false };
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        let user = rustix::process::geteuid().as_raw();
        if found.uid() != user || behind.uid() != user || behind.mode() & 0o022 != 0 {
            return false;
        }
    }
    behind.is_dir() && (may_be_link || !is_link)
}

/// Takes the oldest entries away where a folder is full, and nothing that is no entry.
fn make_room(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let age = |entry: fs::DirEntry| {
        let name = entry.file_name();
        let kind = Path::new(&name).extension().and_then(|kind| kind.to_str());
        let is_entry = matches!(kind, Some("json" | "part"));
        let found = entry.metadata().ok().filter(|found| is_entry && found.is_file())?;
        Some((found.modified().ok()?, entry.path()))
    };
    let mut aged: Vec<_> = entries.flatten().filter_map(age).collect();
    if aged.len() < MOST {
        return;
    }
    aged.sort();
    for (_, path) in aged.iter().take(aged.len().saturating_sub(MOST * 3 / 4)) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integrity(byte: u8) -> Integrity {
        Integrity::parse(&format!("sha512-{}", BASE64.encode([byte; 64])))
    }

    fn facts() -> TarballFacts {
        TarballFacts { files: 3, gyp: true, ..TarballFacts::default() }
    }

    #[test]
    fn what_was_kept_is_found_by_its_hash_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("ringfence"));
        assert_eq!(cache.load(&integrity(1)), None);
        cache.store(&integrity(1), &facts());
        assert_eq!(cache.load(&integrity(1)), Some(facts()));
        assert_eq!(cache.load(&integrity(2)), None);
        let weak = Integrity::parse(&format!("sha1-{}", BASE64.encode([1; 20])));
        cache.store(&weak, &facts());
        assert_eq!(cache.load(&weak), None, "two tarballs may have it");
    }

    #[test]
    fn a_broken_entry_is_ignored_and_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        cache.store(&integrity(1), &facts());
        let (shard, name, _) = cache.place(&integrity(1)).unwrap();
        let file = shard.join(name);
        let whole = fs::read(&file).unwrap();
        let of_another =
            String::from_utf8(whole.clone()).unwrap().replace("sha512-AQ", "sha512-Ag");
        for broken in [b"".as_slice(), &whole[..whole.len() / 2], of_another.as_bytes()] {
            fs::write(&file, broken).unwrap();
            assert_eq!(cache.load(&integrity(1)), None);
        }
        cache.store(&integrity(1), &facts());
        assert_eq!(cache.load(&integrity(1)), Some(facts()));
    }

    #[test]
    fn a_full_folder_lets_its_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let (shard, ..) = cache.place(&integrity(1)).unwrap();
        make(&shard).unwrap();
        for number in 0..MOST + 50 {
            fs::write(shard.join(format!("{number}.json")), "").unwrap();
        }
        cache.store(&integrity(1), &facts());
        assert!(fs::read_dir(&shard).unwrap().count() <= MOST);
        assert_eq!(cache.load(&integrity(1)), Some(facts()));
    }

    #[test]
    fn what_leads_elsewhere_or_belongs_to_others_is_neither_read_nor_written() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("ringfence"));
        cache.store(&integrity(1), &facts());
        let (shard, name, _) = cache.place(&integrity(1)).unwrap();
        let entry = fs::read(shard.join(&name)).unwrap();
        assert_eq!(cache.load(&integrity(1)), Some(facts()), "the control");

        // Others may write: they could have written it.
        for open in [&shard, &folder.path().join("ringfence")] {
            let before = fs::metadata(open).unwrap().permissions();
            fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
            assert_eq!(cache.load(&integrity(1)), None);
            fs::set_permissions(open, before).unwrap();
            assert_eq!(cache.load(&integrity(1)), Some(facts()));
        }

        // A folder of the user's in the place of one of the cache keeps all that is in it.
        let mine = folder.path().join("mine");
        fs::create_dir(&mine).unwrap();
        for number in 0..MOST + 50 {
            fs::write(mine.join(format!("{number}.json")), "").unwrap();
        }
        fs::write(mine.join(&name), &entry).unwrap();
        fs::remove_dir_all(&shard).unwrap();
        symlink(&mine, &shard).unwrap();
        cache.store(&integrity(1), &facts());
        assert_eq!(cache.load(&integrity(1)), None);
        assert_eq!(fs::read_dir(&mine).unwrap().count(), MOST + 51);
    }

    #[test]
    fn a_full_folder_keeps_what_is_no_entry() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let (shard, ..) = cache.place(&integrity(1)).unwrap();
        make(&shard).unwrap();
        for number in 0..MOST + 50 {
            fs::write(shard.join(format!("{number}.txt")), "").unwrap();
        }
        cache.store(&integrity(1), &facts());
        assert_eq!(fs::read_dir(&shard).unwrap().count(), MOST + 51);
    }
}
