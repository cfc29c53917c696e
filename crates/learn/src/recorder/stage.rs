//! Names and secrets that exist for the program alone, in mounts of its own.
//!
//! A file that exists gets another one bound over it. For one that does not, a memory file system is
//! laid over the nearest folder that exists, with everything that is in it bound into it again, so
//! that the rest of the host is seen as before. Without names and secrets nothing of this is made.

use super::order::{Order, SecretFile};
use ringfence_boundary::plan::SecretValue;
use ringfence_sys::launch::{Kernel, Step};
use ringfence_sys::linux::Linux;
use ringfence_sys::{Errno, fd, mount, namespace, privilege};
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const HOSTS: &str = "/etc/hosts";
/// The capability to mount.
const SYS_ADMIN: u64 = 1 << 21;

/// A step, and why it failed.
type Failure = (String, Errno);

/// What is put up before the program starts.
pub(super) struct Stage {
    files: Vec<SecretFile>,
    /// Two empty folders of the recorder's own to mount on: for files, and for a new root.
    folders: [PathBuf; 2],
    cwd: PathBuf,
    ids: (u32, u32),
    privileged: bool,
}

impl Stage {
    /// Plans it; `own` is a folder of the recorder's own.
    pub(super) fn of(order: &Order, own: &Path, cwd: &Path) -> Result<Self, Errno> {
        let mut files = order.secrets.clone();
        if !order.hosts.is_empty() {
            let mut text = std::fs::read_to_string(HOSTS).unwrap_or_default();
            for (name, address) in &order.hosts {
                // In front: the C library takes the first line with the name.
                text.insert_str(0, &format!("{address} {name}\n"));
            }
            let value = SecretValue::hold(text.into_bytes())?;
            files.push(SecretFile { path: HOSTS.into(), mode: 0o644, value });
        }
        let folders = [".files", ".root"].map(|name| own.join(name));
        if !files.is_empty() {
            for folder in &folders {
                std::fs::create_dir_all(folder)?;
            }
        }
        let privileged = privilege::effective_capabilities() & SYS_ADMIN != 0;
        let (cwd, ids) = (cwd.to_owned(), privilege::effective_ids());
        Ok(Self { files, folders, cwd, ids, privileged })
    }

    /// Whether there is anything to put up.
    pub(super) const fn is_needed(&self) -> bool {
        !self.files.is_empty()
    }

    /// Namespaces the program needs for it.
    pub(super) const fn namespaces(&self) -> u64 {
        match (self.is_needed(), self.privileged) {
            (false, _) => 0,
            (true, true) => namespace::NEWNS,
            (true, false) => namespace::NEWUSER | namespace::NEWNS,
        }
    }

    /// Where the contents are; they must stay open until the program starts.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = RawFd> + '_ {
        self.files.iter().map(|file| file.value.file().as_raw_fd())
    }

    /// What is not as without it, one sentence each.
    pub(super) fn blind(&self) -> Vec<String> {
        let mut told = Vec::new();
        if self.namespaces() & namespace::NEWUSER != 0 {
            told.push(
                "the program ran in a user namespace: other users' files showed as nobody's"
                    .to_owned(),
            );
        }
        // Several secrets may need the same folder.
        let covered = self.files.iter().filter_map(|file| missing(&file.path));
        let covered: BTreeSet<_> = covered.map(|(folder, _)| folder).collect();
        told.extend(covered.into_iter().map(|folder| {
            let folder = folder.display();
            format!("what the program made directly in {folder} was in memory and is gone")
        }));
        told
    }

    /// Puts everything up, in the process that becomes the program.
    pub(super) fn build(&self) -> Result<(), Failure> {
        if !self.is_needed() {
            return Ok(());
        }
        let (uid, gid) = self.ids;
        let own = (!self.privileged).then_some(Step::IdMap { uid, gid });
        for step in own.into_iter().chain([Step::PrivatePropagation]) {
            Linux.perform(&step).map_err(|errno| (format!("{step:?}"), errno))?;
        }
        let files = memory(c"0700").and_then(|made| attach(&made, &self.folders[0]));
        files.map_err(|errno| ("mounting a memory file system".to_owned(), errno))?;
        let mut ours = Vec::new();
        for (index, file) in self.files.iter().enumerate() {
            let failed = |errno| (format!("putting up {}", file.path.display()), errno);
            self.put(index, file, &mut ours).map_err(failed)?;
        }
        let cwd = text(&self.cwd).and_then(|cwd| mount::chdir(&cwd));
        cwd.map_err(|errno| ("returning to the working directory".to_owned(), errno))
    }

    /// Puts one file up. `ours` are devices of memory laid over folders before.
    fn put(&self, index: usize, file: &SecretFile, ours: &mut Vec<u64>) -> Result<(), Errno> {
        let Some((folder, rest)) = missing(&file.path) else {
            let copy = self.folders[0].join(index.to_string());
            write(&copy, file)?;
            let tree = mount::open_tree(None, &text(&copy)?, mount::OPEN_TREE_CLONE)?;
            return attach(&tree, &file.path.canonicalize()?);
        };
        if !ours.contains(&std::fs::metadata(&folder)?.dev()) {
            self.cover(&folder)?;
            ours.push(std::fs::metadata(&folder)?.dev());
        }
        let path = folder.join(rest);
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above)?;
        }
        write(&path, file)
    }

    /// Lays memory over a folder, with everything in it as before.
    fn cover(&self, folder: &Path) -> Result<(), Errno> {
        let entries = Entry::of(folder)?;
        let found = std::fs::metadata(folder)?;
        let bits = CString::new(format!("{:o}", found.mode() & 0o7777));
        let cover = memory(&bits.map_err(|_| Errno(libc::EINVAL))?)?;
        let is_root = folder == Path::new("/");
        let place = if is_root { self.folders[1].as_path() } else { folder };
        attach(&cover, place)?;
        if self.privileged {
            mount::chownat(None, &text(place)?, found.uid(), found.gid())?;
        }
        for entry in &entries {
            entry.restore(place)?;
        }
        if is_root {
            mount::chdir(&text(place)?)?;
            Linux.perform(&Step::EnterRoot)?;
        }
        Ok(())
    }
}

/// The nearest folder that exists, and what is missing below it; nothing when all is there.
fn missing(path: &Path) -> Option<(PathBuf, PathBuf)> {
    if path.exists() {
        return None;
    }
    let folder = path.ancestors().skip(1).find(|above| above.is_dir())?;
    let rest = path.strip_prefix(folder).ok()?.to_owned();
    Some((folder.canonicalize().ok()?, rest))
}

/// Something in a folder that is about to be covered.
struct Entry {
    name: OsString,
    kind: Kind,
}

enum Kind {
    Link(PathBuf),
    /// A copy of the mount there, and whether it is a folder.
    Tree(OwnedFd, bool),
}

impl Entry {
    fn of(folder: &Path) -> Result<Vec<Self>, Errno> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type()?);
            let kind = if kind.is_symlink() {
                Kind::Link(std::fs::read_link(&path)?)
            } else {
                let flags = mount::OPEN_TREE_CLONE | mount::RECURSIVE | mount::NOFOLLOW;
                match mount::open_tree(None, &text(&path)?, flags) {
                    Ok(tree) => Kind::Tree(tree, kind.is_dir()),
                    // Gone meanwhile.
                    Err(Errno(libc::ENOENT)) => continue,
                    Err(other) => return Err(other),
                }
            };
            entries.push(Self { name, kind });
        }
        Ok(entries)
    }

    fn restore(&self, folder: &Path) -> Result<(), Errno> {
        let path = folder.join(&self.name);
        match &self.kind {
            Kind::Link(to) => mount::symlinkat(&text(to)?, None, &text(&path)?),
            Kind::Tree(tree, is_folder) => {
                if *is_folder {
                    mount::mkdirat(None, &text(&path)?, 0o755)?;
                } else {
                    mount::create_file(None, &text(&path)?, 0o644)?;
                }
                attach(tree, &path)
            }
        }
    }
}

fn memory(mode: &CStr) -> Result<OwnedFd, Errno> {
    let memory = mount::fsopen(c"tmpfs")?;
    mount::fsconfig_string(memory.as_fd(), c"mode", mode)?;
    mount::fsconfig_create(memory.as_fd())?;
    mount::fsmount(memory.as_fd(), mount::NOSUID | mount::NODEV)
}

fn attach(tree: &OwnedFd, to: &Path) -> Result<(), Errno> {
    mount::move_mount(tree.as_fd(), None, &text(to)?)
}

fn write(path: &Path, file: &SecretFile) -> Result<(), Errno> {
    let made = mount::create_file(None, &text(path)?, 0o600)?;
    fd::copy_all(file.value.file(), made.as_fd())?;
    mount::chmodat(None, &text(path)?, file.mode)
}

fn text(path: &Path) -> Result<CString, Errno> {
    let bytes: &OsStr = path.as_os_str();
    CString::new(bytes.as_bytes()).map_err(|_| Errno(libc::EINVAL))
}
