//! A new tree beside the old one, and the moment at which they change places.
//!
//! Everything is put together in a folder of its own in the project, so that it lies on the same file
//! system. The last step exchanges each `node_modules` with the new one in a single call, so whoever looks
//! sees the old tree or the new one. A list is written before, and the next install ends what a killed one
//! began; what a killed one left otherwise is removed. Losing power is not provided for.

use super::error::InstallError;
use ringfence_project::walk;
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, ResolveFlags, mkdirat, openat, openat2, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, lchown};
use std::path::{Path, PathBuf};

/// Name of the folder in the project.
pub(super) const NAME: &str = ".ringfence-install";
/// What holds other installs off. It lies beside, because the folder itself goes away.
const LOCK: &str = "lock";
const LIST: &str = "exchange.json";
/// Largest list, in bytes.
const LONGEST: u64 = 16 << 20;
/// What changes places.
const PLACE: &str = "node_modules";
/// How a folder is opened.
const FOLDER: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The folder of one install.
#[derive(Debug)]
pub(super) struct Staging {
    /// The project's folder, as it was found.
    project: OwnedFd,
    /// Ours in it. As root this leads through a descriptor: the project may belong to somebody else, who
    /// could put another folder in its place at any moment.
    pub(super) own: PathBuf,
    /// Held as long as this lives.
    _own: OwnedFd,
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
    /// The inode of our own folder: a list that came with a checkout was not written here.
    #[serde(default)]
    own: u64,
}

impl Staging {
    /// Makes the folder, after what an earlier install left has been ended or removed.
    pub(super) fn open(project: &Path, importers: &[String]) -> Result<Self, InstallError> {
        let opened = open(project).map_err(InstallError::files("open", project))?;
        for importer in importers {
            let path = project.join(importer);
            below(&opened, importer).map_err(InstallError::files("open without links", &path))?;
            replaceable(&path.join("node_modules"))?;
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
        let held = below(&opened, NAME);
        let held = held.map_err(InstallError::files("open", &own))?;
        let is_root = rustix::process::geteuid().is_root();
        let own = if is_root { at(&held) } else { own };
        let path = own.join(LOCK);
        let lock = own_file(File::options().create(true), &path);
        let lock = lock.map_err(InstallError::files("make", &path))?;
        if lock.try_lock().is_err() || !is_at(&lock, &path) {
            return Err(InstallError::Busy);
        }
        let staging = Self { project: opened, own, _own: held, _lock: lock };
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
        let path = Path::new(importer).join("node_modules");
        let folder = below(&self.project, importer).map_err(InstallError::files("open", &path))?;
        if inode(&folder).is_some() {
            return Ok(());
        }
        let mut made = self.list().map(|list| list.made).unwrap_or_default();
        made.push(importer.to_owned());
        self.note(&Exchange { folders: Vec::new(), made, own: self.inode() })?;
        mkdirat(&folder, PLACE, Mode::from_raw_mode(0o777))
            .map_err(|errno| InstallError::files("make", &path)(errno.into()))
    }

    /// Removes a file of the project that must not be there; a folder stays.
    pub(super) fn take_away(&self, name: &Path) {
        let folder =
            name.parent().and_then(Path::to_str).map(|folder| below(&self.project, folder));
        if let (Some(Ok(folder)), Some(name)) = (folder, name.file_name()) {
            let _ = unlinkat(&folder, name, AtFlags::empty());
        }
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
        let made = self.list().map(|list| list.made).unwrap_or_default();
        self.note(&Exchange { folders, made, own: self.inode() })?;
        self.recover()?;
        self.discard();
        Ok(())
    }

    /// Removes what is staged. What cannot be removed is left for the next install.
    pub(super) fn discard(self) {
        let _ = self.unmake();
        let _ = self.clear();
        let _ = fs::remove_file(self.own.join(LOCK));
        let _ = unlinkat(&self.project, NAME, AtFlags::REMOVEDIR);
    }

    fn note(&self, list: &Exchange) -> Result<(), InstallError> {
        let bytes = serde_json::to_vec(list).unwrap_or_default();
        let written = self.write("exchange.new", &bytes)?;
        let path = self.own.join(LIST);
        fs::rename(written, &path).map_err(InstallError::files("write", &path))
    }

    fn list(&self) -> Option<Exchange> {
        let bytes = walk::bytes(&self.own.join(LIST), LONGEST).ok()?;
        let list: Exchange = serde_json::from_slice(&bytes).ok()?;
        (list.own == self.inode()).then_some(list)
    }

    /// The inode of our own folder.
    fn inode(&self) -> u64 {
        fs::metadata(&self.own).map_or(u64::MAX, |found| found.ino())
    }

    /// Ends an exchange that was begun, and removes everything but the lock.
    fn recover(&self) -> Result<(), InstallError> {
        if let Some(list) = self.list() {
            for (importer, inode) in &list.folders {
                self.put(importer, *inode)?;
            }
        }
        self.unmake()?;
        self.clear()
    }

    /// Removes everything but the lock, the list first: what it speaks of is done or goes away.
    fn clear(&self) -> Result<(), InstallError> {
        let list = self.own.join(LIST);
        match fs::remove_file(&list) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(InstallError::files("remove", &list)(error));
            }
            _ => {}
        }
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
            let path = Path::new(&importer).join("node_modules");
            let folder = below(&self.project, &importer);
            let folder = folder.map_err(InstallError::files("open", &path))?;
            match unlinkat(&folder, PLACE, AtFlags::REMOVEDIR) {
                // What is in it came by an exchange, or from somebody else.
                Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(errno) => return Err(InstallError::files("remove", &path)(errno.into())),
            }
        }
        Ok(())
    }

    /// Puts one tree in place, unless it is there already.
    fn put(&self, importer: &str, new: Option<u64>) -> Result<(), InstallError> {
        let tree = self.tree(importer);
        let place = Path::new(importer).join("node_modules");
        let files = InstallError::files("replace", &place);
        self.put_at(importer, &tree, new).map_err(files)
    }

    fn put_at(&self, importer: &str, tree: &Path, new: Option<u64>) -> io::Result<()> {
        let folder = below(&self.project, importer)?;
        let old = self.own.join("old").join(importer);
        let aside = || -> io::Result<()> {
            fs::create_dir_all(&old)?;
            Ok(renameat(&folder, PLACE, CWD, old.join("0"))?)
        };
        let there = inode(&folder);
        let Some(new) = new else {
            return if there.is_some() { aside() } else { Ok(()) };
        };
        // Somebody may have installed since: half of an old tree is not put back over that.
        let is_staged = fs::symlink_metadata(tree).is_ok_and(|found| found.ino() == new);
        if there == Some(new) || !is_staged {
            return Ok(());
        }
        if there.is_none() {
            return Ok(renameat(CWD, tree, &folder, PLACE)?);
        }
        match renameat_with(CWD, tree, &folder, PLACE, RenameFlags::EXCHANGE) {
            // A file system that cannot: the list tells the next install how to go on.
            Err(Errno::INVAL | Errno::NOSYS) => {
                aside()?;
                Ok(renameat(CWD, tree, &folder, PLACE)?)
            }
            exchanged => Ok(exchanged?),
        }
    }
}

/// Opens a folder as what others are reached from.
fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, FOLDER, Mode::empty())?)
}

/// A folder below another one, with no link on the way.
fn below(folder: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let name = if name.is_empty() { "." } else { name };
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    Ok(openat2(folder, name, FOLDER, Mode::empty(), how)?)
}

/// The inode of `node_modules` in a folder, whatever it is.
fn inode(folder: &OwnedFd) -> Option<u64> {
    statat(folder, PLACE, AtFlags::SYMLINK_NOFOLLOW).ok().map(|found| found.st_ino)
}

/// A path to what a descriptor is of, whatever its name leads to by now.
fn at(folder: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()))
}

/// Opens a file of ours for writing: no link, no pipe, and no second name of something else.
fn own_file(options: &mut fs::OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = options.write(true).mode(0o600).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.nlink() == 1 {
        return Ok(file);
    }
    Err(io::Error::other("it is there already, and no file of ours"))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = own_file(File::options().create(true), path)?;
    file.set_len(0)?;
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
        let own = staging.inode();
        staging.note(&Exchange { folders: folders.clone(), made: Vec::new(), own }).unwrap();
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
    fn a_list_that_came_with_a_checkout_moves_nothing() {
        let place = project();
        let (inside, outside) = (place.path().join("app"), place.path().join("node_modules"));
        fs::create_dir_all(inside.join(NAME)).unwrap();
        let list = r#"{"folders": [["..", null], ["", null]], "made": [".."]}"#;
        fs::write(inside.join(NAME).join(LIST), list).unwrap();
        fs::create_dir(inside.join("node_modules")).unwrap();
        Staging::open(&inside, &roots()).unwrap().discard();
        assert!(outside.join("old").exists() && inside.join("node_modules").exists());
        assert!(!inside.join(NAME).exists());
    }

    #[test]
    fn what_lies_in_place_of_our_files_is_not_followed_and_no_wait_without_end() {
        let place = project();
        let outside = place.path().join("outside");
        fs::write(&outside, "kept").unwrap();
        fs::create_dir(place.path().join(NAME)).unwrap();
        let lock = place.path().join(NAME).join(LOCK);
        std::os::unix::fs::symlink(&outside, &lock).unwrap();
        assert!(Staging::open(place.path(), &roots()).is_err());
        fs::remove_file(&lock).unwrap();
        rustix::fs::mknodat(CWD, &lock, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .unwrap();
        assert!(Staging::open(place.path(), &roots()).is_err());
        fs::remove_file(&lock).unwrap();
        let staging = Staging::open(place.path(), &roots()).unwrap();
        std::os::unix::fs::symlink(&outside, staging.own.join("exchange.new")).unwrap();
        assert!(staging.make_place("").is_ok(), "it is there");
        assert!(staging.write("exchange.new", b"x").is_err());
        assert_eq!(fs::read_to_string(outside).unwrap(), "kept");
    }

    #[test]
    fn no_link_leads_an_exchange_out_of_the_project() {
        let place = project();
        let inside = place.path().join("app");
        fs::create_dir(&inside).unwrap();
        std::os::unix::fs::symlink("..", inside.join("a")).unwrap();
        let importers = [String::new(), "a".to_owned()];
        assert!(Staging::open(&inside, &importers).is_err());
        assert!(place.path().join("node_modules/old").exists());
        // Put there later.
        fs::remove_file(inside.join("a")).unwrap();
        fs::create_dir_all(inside.join("a")).unwrap();
        let staging = Staging::open(&inside, &importers).unwrap();
        fs::write(staging.tree("a").join("new"), "").unwrap();
        fs::remove_dir(inside.join("a")).unwrap();
        std::os::unix::fs::symlink("..", inside.join("a")).unwrap();
        assert!(staging.exchange(&importers, None).is_err());
        assert!(place.path().join("node_modules/old").exists());
    }

    #[test]
    fn half_an_old_tree_is_not_put_back_over_what_was_installed_since() {
        let place = project();
        let staging = Staging::open(place.path(), &roots()).unwrap();
        let own = staging.inode();
        let new = fs::symlink_metadata(staging.tree("")).unwrap().ino();
        staging
            .note(&Exchange { folders: vec![(String::new(), Some(new))], made: Vec::new(), own })
            .unwrap();
        staging.put("", Some(new)).unwrap();
        // Killed while the old tree was removed; then another tool installs.
        drop(staging);
        fs::rename(place.path().join("node_modules"), place.path().join("gone")).unwrap();
        fs::create_dir(place.path().join("node_modules")).unwrap();
        fs::write(place.path().join("node_modules/since"), "").unwrap();
        Staging::open(place.path(), &roots()).unwrap().discard();
        assert!(place.path().join("node_modules/since").exists());
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
