//! The file system the service sees, as steps.
//!
//! An empty memory file system is filled with read-only binds of what is granted, private
//! `/tmp`, `/dev` and `/proc`, a few generated files, and secrets on a memory file system that is
//! never swapped; then it becomes the root. What is not in it does not exist for the service.
//! Landlock rules for the same objects are written beside the mounts, so that the second lock can
//! never be wider than the first.

use crate::enforce::error::EnforceError;
use crate::node::preload;
use crate::plan::{Access, Plan, ViewEntry};
use ringfence_sys::landlock::{
    EXECUTE, FILE_RIGHTS, IOCTL_DEV, MAKE_BLOCK, MAKE_CHAR, READ_DIR, READ_FILE, TRUNCATE,
    WRITE_FILE,
};
use ringfence_sys::launch::{BindSource, PrivateFs, Step};
use ringfence_sys::mount::{NODEV, NOEXEC, NOSUID, RDONLY};
use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Device nodes every program may use; none reaches hardware.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// Links that programs expect in `/dev`.
const DEVICE_LINKS: [(&str, &str); 4] = [
    ("dev/fd", "/proc/self/fd"),
    ("dev/stdin", "/proc/self/fd/0"),
    ("dev/stdout", "/proc/self/fd/1"),
    ("dev/stderr", "/proc/self/fd/2"),
];
/// The empty file that is mounted over what a broader grant would show.
const MASK: &str = "/run/.ringfence/mask";
/// Size of private memory file systems without a `limits.tmp`: half of memory, the kernel's own
/// default (tmpfs(5)).
const UNLIMITED: &str = "50%";

/// Steps that build the root, and the Landlock rules for what is in it.
#[derive(Debug, Default)]
pub(super) struct View {
    /// In order; the last enters the new root.
    pub(super) steps: Vec<Step>,
    /// Absolute paths inside and the rights below each.
    pub(super) rules: Vec<(CString, u64)>,
    made: BTreeSet<PathBuf>,
    bound: Vec<PathBuf>,
}

/// Builds the view of a plan.
///
/// # Errors
/// A path with a NUL byte, or a secret whose folder comes from the host.
pub(super) fn build(plan: &Plan, notify: bool) -> Result<View, EnforceError> {
    let mut view = View::default();
    view.steps.push(Step::PrivatePropagation);
    view.steps.push(Step::StageRoot);
    view.standard_folders(plan)?;
    for entry in &plan.view {
        match entry {
            ViewEntry::Symlink { path, to } => view.symlink(path, to)?,
            ViewEntry::Bind { source, target, directory, access, object, .. } => {
                view.bind(source, target, *directory, *access, Some(*object))?;
            }
            ViewEntry::Directory { path, listed } => {
                view.directory(path)?;
                if *listed {
                    view.allow(path, READ_DIR)?;
                }
            }
            ViewEntry::Mask { target, .. } => view.mask(target)?,
        }
    }
    view.generated_files(plan)?;
    view.secrets(plan)?;
    view.directory(&plan.cwd)?;
    if plan.program.node.is_some() {
        view.preload(plan)?;
    }
    if notify {
        view.notify_folder()?;
    }
    view.steps.push(Step::ReadOnly(CString::from(c".")));
    view.steps.push(Step::EnterRoot);
    Ok(view)
}

impl View {
    fn standard_folders(&mut self, plan: &Plan) -> Result<(), EnforceError> {
        for folder in ["/proc", "/dev", "/dev/shm", "/tmp", "/etc", "/run"] {
            self.directory(Path::new(folder))?;
        }
        self.steps.push(Step::FileSystem {
            kind: PrivateFs::Proc,
            target: c"proc".into(),
            attributes: RDONLY | NOSUID | NODEV | NOEXEC,
        });
        self.allow(Path::new("/proc"), READ_FILE | READ_DIR)?;
        self.bound.push(PathBuf::from("/proc"));
        for device in DEVICES {
            let path = PathBuf::from("/dev").join(device);
            self.steps.push(Step::File { path: inside(&path)?, contents: Vec::new(), mode: 0o600 });
            self.steps.push(Step::Bind {
                source: BindSource::Path(text(&path)?),
                target: inside(&path)?,
                attributes: RDONLY | NOSUID | NOEXEC,
                object: None,
            });
            self.allow(&path, READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV)?;
        }
        for (link, to) in DEVICE_LINKS {
            self.steps.push(Step::Symlink { path: string(link)?, to: string(to)? });
        }
        let size = plan.limits.tmp.as_ref().map_or(UNLIMITED.to_owned(), |l| l.value.to_string());
        for folder in ["/tmp", "/dev/shm"] {
            self.private_memory(Path::new(folder), &size)?;
        }
        Ok(())
    }

    /// A writable memory file system of its own.
    fn private_memory(&mut self, folder: &Path, size: &str) -> Result<(), EnforceError> {
        self.steps.push(Step::FileSystem {
            kind: PrivateFs::Tmpfs { size: string(size)?, mode: c"1777".into() },
            target: inside(folder)?,
            attributes: NOSUID | NODEV | NOEXEC,
        });
        self.allow(folder, rights(Access::Write, true))
    }

    fn symlink(&mut self, path: &Path, to: &Path) -> Result<(), EnforceError> {
        if self.is_bound(path) {
            return Ok(());
        }
        self.parent(path)?;
        if self.made.insert(path.to_owned()) {
            self.steps.push(Step::Symlink { path: inside(path)?, to: text(to)? });
        }
        Ok(())
    }

    fn bind(
        &mut self,
        source: &Path,
        target: &Path,
        directory: bool,
        access: Access,
        object: Option<(u64, u64)>,
    ) -> Result<(), EnforceError> {
        if !self.is_bound(target) {
            if directory {
                self.directory(target)?;
            } else {
                self.parent(target)?;
                if self.made.insert(target.to_owned()) {
                    self.steps.push(Step::File {
                        path: inside(target)?,
                        contents: Vec::new(),
                        mode: 0o600,
                    });
                }
            }
        }
        self.steps.push(Step::Bind {
            source: BindSource::Path(text(source)?),
            target: inside(target)?,
            attributes: attributes(access),
            object,
        });
        if directory {
            self.bound.push(target.to_owned());
        }
        self.allow(target, rights(access, directory))
    }

    /// An empty file that nobody may open lies over an object of the host.
    fn mask(&mut self, target: &Path) -> Result<(), EnforceError> {
        let staged = PathBuf::from(MASK);
        if self.made.insert(staged.clone()) {
            self.parent(&staged)?;
            self.steps.push(Step::File { path: inside(&staged)?, contents: Vec::new(), mode: 0 });
        }
        self.steps.push(Step::Bind {
            source: BindSource::Path(inside(&staged)?),
            target: inside(target)?,
            attributes: RDONLY | NOSUID | NODEV | NOEXEC,
            object: None,
        });
        Ok(())
    }

    /// `/etc` files that make the private network and the single user known, and the files from
    /// which Node reads its limits.
    fn generated_files(&mut self, plan: &Plan) -> Result<(), EnforceError> {
        for (path, contents) in super::etc::files(plan) {
            if self.is_bound(Path::new(path)) {
                // The host's own /etc is granted: ours lies over each file or symlink that is there.
                if Path::new(path).symlink_metadata().is_err() {
                    continue;
                }
                let staged = PathBuf::from("/run/.ringfence").join(path.trim_start_matches('/'));
                self.write(&staged, contents)?;
                self.steps.push(Step::Bind {
                    source: BindSource::Path(inside(&staged)?),
                    target: inside(Path::new(path))?,
                    attributes: RDONLY | NOSUID | NODEV | NOEXEC,
                    object: None,
                });
            } else {
                self.write(Path::new(path), contents)?;
            }
            self.allow(Path::new(path), READ_FILE)?;
        }
        let processors = Path::new("/sys/devices/system/cpu");
        if let Ok(found) = std::fs::metadata(processors) {
            use std::os::unix::fs::MetadataExt;
            let object = Some((found.dev(), found.ino()));
            self.bind(processors, processors, true, Access::Read, object)?;
        }
        Ok(())
    }

    fn write(&mut self, path: &Path, contents: Vec<u8>) -> Result<(), EnforceError> {
        self.parent(path)?;
        self.steps.push(Step::File { path: inside(path)?, contents, mode: 0o444 });
        Ok(())
    }

    fn secrets(&mut self, plan: &Plan) -> Result<(), EnforceError> {
        let folders: BTreeSet<&Path> = plan.secrets.iter().filter_map(|s| s.to.parent()).collect();
        for folder in folders {
            if self.is_bound(folder) {
                return Err(EnforceError::SecretFolder(folder.to_owned()));
            }
            self.directory(folder)?;
            self.steps.push(Step::FileSystem {
                kind: PrivateFs::Ramfs,
                target: inside(folder)?,
                attributes: NOSUID | NODEV | NOEXEC,
            });
            for secret in plan.secrets.iter().filter(|s| s.to.parent() == Some(folder)) {
                let (path, mode) = (inside(&secret.to)?, secret.mode);
                self.steps.push(Step::Copy { path, from: secret.value.file().as_raw_fd(), mode });
            }
            self.steps.push(Step::ReadOnly(inside(folder)?));
            self.allow(folder, READ_FILE | READ_DIR)?;
        }
        Ok(())
    }

    /// The scripts in front of programs on Node.
    fn preload(&mut self, plan: &Plan) -> Result<(), EnforceError> {
        let folder = Path::new(preload::FOLDER);
        for (name, text) in preload::files(&plan.name, &plan.boundary_hash) {
            self.write(&folder.join(name), text.into_bytes())?;
        }
        self.allow(folder, READ_FILE)
    }

    /// The socket to the service manager is made here by init, once this is the root.
    fn notify_folder(&mut self) -> Result<(), EnforceError> {
        let folder = Path::new("/run/ringfence");
        self.directory(folder)?;
        self.steps.push(Step::FileSystem {
            kind: PrivateFs::Tmpfs { size: c"64k".into(), mode: c"0755".into() },
            target: inside(folder)?,
            attributes: NOSUID | NODEV | NOEXEC,
        });
        Ok(())
    }

    fn parent(&mut self, path: &Path) -> Result<(), EnforceError> {
        path.parent().map_or(Ok(()), |parent| self.directory(parent))
    }

    /// Makes a folder and those above it, unless it lies in one that comes from the host.
    fn directory(&mut self, path: &Path) -> Result<(), EnforceError> {
        if path == Path::new("/") || self.is_bound(path) {
            return Ok(());
        }
        self.parent(path)?;
        if self.made.insert(path.to_owned()) {
            self.steps.push(Step::Directory { path: inside(path)?, mode: 0o755 });
        }
        Ok(())
    }

    fn is_bound(&self, path: &Path) -> bool {
        self.bound.iter().any(|folder| path.starts_with(folder))
    }

    fn allow(&mut self, path: &Path, rights: u64) -> Result<(), EnforceError> {
        self.rules.push((text(path)?, rights));
        Ok(())
    }
}

/// Mount attributes for an access.
fn attributes(access: Access) -> u64 {
    let always = NOSUID | NODEV;
    match access {
        Access::Read => always | RDONLY | NOEXEC,
        Access::Execute => always | RDONLY,
        Access::Write => always | NOEXEC,
        Access::Build => always,
    }
}

/// Landlock rights for an access; the caller's mask drops what the kernel does not know.
fn rights(access: Access, directory: bool) -> u64 {
    let all = match access {
        Access::Read => READ_FILE | READ_DIR,
        Access::Execute => READ_FILE | READ_DIR | EXECUTE,
        Access::Write => !(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV) & ((1 << 16) - 1),
        Access::Build => !(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV) & ((1 << 16) - 1),
    };
    if directory { all } else { all & FILE_RIGHTS }
}

/// A path relative to the root that is being staged.
fn inside(path: &Path) -> Result<CString, EnforceError> {
    text(path.strip_prefix("/").unwrap_or(path))
}

fn text(path: &Path) -> Result<CString, EnforceError> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| EnforceError::Nul(path.to_owned()))
}

fn string(text: &str) -> Result<CString, EnforceError> {
    CString::new(text).map_err(|_| EnforceError::Nul(PathBuf::from(text)))
}
