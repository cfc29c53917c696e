//! A new tree beside the old one, and the moment at which they change places.
//!
//! Everything is put together in a folder of its own in the project, so that it lies on the same file
//! system. The last step exchanges each `node_modules` with the new one in a single call, so whoever looks
//! sees the old tree or the new one. A list is written before, and the next install ends what a killed one
//! began; what a killed one left otherwise is removed. Losing power is not provided for.

use super::error::InstallError;
use rustix::fs::{AtFlags, CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

/// Name of the folder in the project.
pub(super) const NAME: &str = ".ringfence-install";
/// What holds other installs off. It lies beside, because the folder itself goes away.
const LOCK: &str = "lock";
const LIST: &str = "exchange.json";

/// The folder of one install.
#[derive(Debug)]
pub(super) struct Staging {
    /// The project's folder.
    project: PathBuf,
    /// Ours in it.
    pub(super) own: PathBuf,
    /// Held as long as this lives.
    _lock: File,
}

/// What is to change places.
#[derive(Debug, Serialize, Deserialize)]
struct Exchange {
    /// Folders below the project, empty for the project itself, and the inode of the new tree;
    /// nothing where there is to be none.
    folders: Vec<(String, Option<u64>)>,
    /// Folders that were made so that something could be mounted there.
    #[serde(default)]
    made: Vec<String>,
}

impl Staging {
    /// Makes the folder, after what an earlier install left has been ended or removed.
    pub(super) fn open(project: &Path, importers: &[String]) -> Result<Self, InstallError> {
        for importer in importers {
            replaceable(&project.join(importer).join("node_modules"))?;
        }
        let own = project.join(NAME);
        match fs::DirBuilder::new().mode(0o700).create(&own) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(InstallError::files("make", &own)(error));
            }
            _ => {}
        }
        let kind = fs::symlink_metadata(&own).map_err(InstallError::files("look at", &own))?;
        if !kind.is_dir() || kind.uid() != rustix::process::geteuid().as_raw() {
            let error = io::Error::other("it is there already, and no folder of ours");
            return Err(InstallError::files("use", &own)(error));
        }
        let path = own.join(LOCK);
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(InstallError::files("make", &path))?;
        if lock.try_lock().is_err() || !is_at(&lock, &path) {
            return Err(InstallError::Busy);
        }
        let staging = Self { project: project.to_owned(), own, _lock: lock };
        staging.recover()?;
        staging.write(".gitignore", b"*\n")?;
        for importer in importers {
            Self::folder(&staging.tree(importer))?;
        }
        Ok(staging)
    }

    /// The new `node_modules` of an importer.
    pub(super) fn tree(&self, importer: &str) -> PathBuf {
        self.new_root().join(importer).join("node_modules")
    }

    /// What stands for the project's folder as far as it is new.
    pub(super) fn new_root(&self) -> PathBuf {
        self.own.join("new")
    }

    /// Makes a folder of ours, and those above it.
    pub(super) fn folder(path: &Path) -> Result<(), InstallError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(path);
        made.map_err(InstallError::files("make", path))
    }

    /// A file of ours, for its owner alone.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, InstallError> {
        let path = self.own.join(name);
        write(&path, bytes).map_err(InstallError::files("write", &path))?;
        Ok(path)
    }

    /// Notes a folder that is made below the project so that something can be mounted there.
    pub(super) fn make_place(&self, importer: &str) -> Result<(), InstallError> {
        let path = self.project.join(importer).join("node_modules");
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        let list = Exchange { folders: Vec::new(), made: vec![importer.to_owned()] };
        self.note(&list)?;
        fs::create_dir(&path).map_err(InstallError::files("make", &path))
    }

    /// Puts the new trees in the place of the old ones. `owner` is whose they shall be.
    pub(super) fn exchange(
        self,
        importers: &[String],
        owner: Option<(u32, u32)>,
    ) -> Result<(), InstallError> {
        let mut folders = Vec::new();
        for importer in importers {
            let tree = self.tree(importer);
            let is_filled = fs::read_dir(&tree).is_ok_and(|mut entries| entries.next().is_some());
            let inode = if is_filled {
                if let Some(owner) = owner {
                    give(&tree, owner).map_err(InstallError::files("give", &tree))?;
                }
                let found = fs::symlink_metadata(&tree);
                Some(found.map_err(InstallError::files("look at", &tree))?.ino())
            } else {
                None
            };
            folders.push((importer.clone(), inode));
        }
        self.note(&Exchange { folders, made: Vec::new() })?;
        self.recover()?;
        self.discard();
        Ok(())
    }

    /// Removes what is staged. What cannot be removed is left for the next install.
    pub(super) fn discard(self) {
        let _ = self.unmake();
        let _ = fs::remove_dir_all(&self.own);
    }

    fn note(&self, list: &Exchange) -> Result<(), InstallError> {
        let bytes = serde_json::to_vec(list).unwrap_or_default();
        let written = self.write("exchange.new", &bytes)?;
        let path = self.own.join(LIST);
        fs::rename(written, &path).map_err(InstallError::files("write", &path))
    }

    fn list(&self) -> Option<Exchange> {
        let bytes = fs::read(self.own.join(LIST)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Ends an exchange that was begun, and removes everything but the lock.
    fn recover(&self) -> Result<(), InstallError> {
        if let Some(list) = self.list() {
            for (importer, inode) in &list.folders {
                self.put(importer, *inode)?;
            }
        }
        self.unmake()?;
        for entry in fs::read_dir(&self.own).map_err(InstallError::files("read", &self.own))? {
            let entry = entry.map_err(InstallError::files("read", &self.own))?;
            if entry.file_name() != LOCK {
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let gone =
                    if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                gone.map_err(InstallError::files("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Removes a folder that was made to mount something there, as long as nothing is in it.
    fn unmake(&self) -> Result<(), InstallError> {
        for importer in self.list().map(|list| list.made).unwrap_or_default() {
            let path = self.project.join(importer).join("node_modules");
            match fs::remove_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(InstallError::files("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts one tree in place, unless it is there already.
    fn put(&self, importer: &str, inode: Option<u64>) -> Result<(), InstallError> {
        let (tree, place) = (self.tree(importer), self.project.join(importer).join("node_modules"));
        let old = self.own.join("old").join(importer);
        let files = InstallError::files("replace", &place);
        let at = fs::symlink_metadata(&place).ok();
        let Some(inode) = inode else {
            if at.is_none() {
                return Ok(());
            }
            let moved = fs::create_dir_all(&old).and_then(|()| fs::rename(&place, old.join("0")));
            return moved.map_err(files);
        };
        let moved = match at {
            Some(found) if found.ino() == inode => Ok(()),
            None => fs::rename(&tree, &place),
            Some(_) => match renameat_with(CWD, &tree, CWD, &place, RenameFlags::EXCHANGE) {
                // A file system that cannot: the list tells the next install how to go on.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                    fs::create_dir_all(&old)
                        .and_then(|()| fs::rename(&place, old.join("0")))
                        .and_then(|()| fs::rename(&tree, &place))
                }
                exchanged => exchanged.map_err(io::Error::from),
            },
        };
        moved.map_err(files)
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file =
        File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

/// Whether a lock is that of the file which lies there: another install may have removed it meanwhile.
fn is_at(lock: &File, path: &Path) -> bool {
    let there = fs::symlink_metadata(path);
    lock.metadata().is_ok_and(|own| there.is_ok_and(|there| own.ino() == there.ino()))
}

/// Whether a `node_modules` can be replaced as a whole.
fn replaceable(path: &Path) -> Result<(), InstallError> {
    let refuse = |what| Err(InstallError::NotAFolder { path: path.to_owned(), what });
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if found.is_symlink() {
        return refuse("a link");
    }
    if !found.is_dir() {
        return refuse("no folder");
    }
    let around = path.parent().and_then(|folder| fs::metadata(folder).ok());
    if around.is_some_and(|around| around.dev() != found.dev()) {
        return refuse("a mount");
    }
    Ok(())
}

/// Gives everything to an owner, without following links. Bits that let a program run with the rights
/// of its owner go with it (chown(2)).
pub(super) fn give(path: &Path, (uid, gid): (u32, u32)) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), (uid, gid))?;
        }
    }
    if (found.uid(), found.gid()) == (uid, gid) {
        return Ok(());
    }
    lchown(path, Some(uid), Some(gid))
}

/// Whether a folder may be written by a user other than the one who runs this; `AT_EACCESS` asks for
/// the effective ids.
pub(super) fn may_write(path: &Path) -> bool {
    rustix::fs::accessat(CWD, path, rustix::fs::Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("node_modules")).unwrap();
        fs::write(place.path().join("node_modules/old"), "").unwrap();
        place
    }

    fn roots() -> Vec<String> {
        vec![String::new()]
    }

    #[test]
    fn the_new_tree_takes_the_place_of_the_old_one_and_nothing_is_left_beside() {
        let place = project();
        let staging = Staging::open(place.path(), &roots()).unwrap();
        fs::write(staging.tree("").join("new"), "").unwrap();
        assert!(place.path().join("node_modules/old").exists());
        staging.exchange(&roots(), None).unwrap();
        assert!(place.path().join("node_modules/new").exists());
        assert!(!place.path().join("node_modules/old").exists());
        assert!(!place.path().join(NAME).exists());
    }

    #[test]
    fn an_install_that_is_given_up_changes_nothing_and_a_second_one_waits_its_turn() {
        let place = project();
        let staging = Staging::open(place.path(), &roots()).unwrap();
        assert!(matches!(Staging::open(place.path(), &roots()), Err(InstallError::Busy)));
        fs::write(staging.tree("").join("new"), "").unwrap();
        staging.discard();
        assert!(place.path().join("node_modules/old").exists());
        assert!(!place.path().join(NAME).exists());
    }

    #[test]
    fn an_exchange_that_was_begun_is_ended_by_the_next_install() {
        let place = project();
        let importers = vec![String::new(), "a".to_owned()];
        fs::create_dir_all(place.path().join("a/node_modules")).unwrap();
        fs::write(place.path().join("a/node_modules/old"), "").unwrap();
        let staging = Staging::open(place.path(), &importers).unwrap();
        let inode = |path: &Path| Some(fs::symlink_metadata(path).unwrap().ino());
        for importer in &importers {
            fs::write(staging.tree(importer).join("new"), "").unwrap();
        }
        let folders = vec![
            (String::new(), inode(&staging.tree(""))),
            ("a".to_owned(), inode(&staging.tree("a"))),
        ];
        staging.note(&Exchange { folders: folders.clone(), made: Vec::new() }).unwrap();
        // Killed behind the first of two.
        staging.put("", folders[0].1).unwrap();
        drop(staging);
        Staging::open(place.path(), &importers).unwrap().discard();
        for folder in ["", "a/"] {
            assert!(place.path().join(format!("{folder}node_modules/new")).exists(), "{folder}");
        }
        assert!(!place.path().join(NAME).exists());
    }

    #[test]
    fn what_a_killed_install_left_is_removed() {
        let place = project();
        let staging = Staging::open(place.path(), &roots()).unwrap();
        fs::write(staging.tree("").join("half"), "").unwrap();
        drop(staging);
        let staging = Staging::open(place.path(), &roots()).unwrap();
        assert!(!staging.tree("").join("half").exists());
        staging.discard();
        assert!(place.path().join("node_modules/old").exists());
    }

    #[test]
    fn links_are_not_replaced() {
        let place = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("elsewhere", place.path().join("node_modules")).unwrap();
        let refused = Staging::open(place.path(), &roots()).unwrap_err();
        assert!(matches!(refused, InstallError::NotAFolder { what: "a link", .. }));
        assert!(!place.path().join(NAME).exists());
    }
}
