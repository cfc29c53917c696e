//! The start of a service as a list of steps, and the door through which they are carried out.
//!
//! Everything a start needs is prepared beforehand as [`Step`]s; between clone and exec a process
//! only walks the list, so nothing there allocates, locks or decides. [`Linux`](crate::linux::Linux)
//! performs the steps, [`Recorder`] writes them down for tests that have no rights. This module
//! does not decide what a boundary needs: `boundary::enforce` writes the list.

use crate::errno::Errno;
use std::ffi::CString;
use std::fmt;
use std::os::fd::RawFd;

/// Carries out one step after another.
pub trait Kernel {
    /// Performs one step in the calling process.
    ///
    /// # Errors
    /// The error number of the system call that failed.
    fn perform(&mut self, step: &Step) -> Result<(), Errno>;
}

/// Where a bind mount comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindSource {
    /// A path of the host, opened by the process that performs the step.
    Path(CString),
    /// A detached mount made beforehand with the caller's rights.
    Tree(RawFd),
}

/// A file system made for the service alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivateFs {
    /// Processes of the pid namespace.
    Proc,
    /// Memory that is never swapped; for secrets.
    Ramfs,
    /// Memory of at most this many bytes, with this root mode (octal text).
    Tmpfs {
        /// `size=` option.
        size: CString,
        /// `mode=` option.
        mode: CString,
    },
}

/// One Landlock ruleset, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandlockStep {
    /// Handled file system rights.
    pub fs: u64,
    /// Handled network rights; none has a rule.
    pub net: u64,
    /// Scopes.
    pub scope: u64,
    /// Flags of [`crate::landlock::restrict_self`].
    pub flags: u32,
    /// Paths as the service sees them and the rights below each.
    pub rules: Vec<(CString, u64)>,
}

/// One step of a start.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Bind mount: attributes are set on the detached mount, recursively, before it is attached.
    Bind {
        /// Source.
        source: BindSource,
        /// Where it is attached, relative to the new root.
        target: CString,
        /// `MOUNT_ATTR_*` to set.
        attributes: u64,
        /// Device and inode that were checked; another object there is `ESTALE`.
        object: Option<(u64, u64)>,
    },
    /// Changes the working directory.
    ChangeDirectory(CString),
    /// A file with the contents of an open one, relative to the new root.
    Copy {
        /// Path.
        path: CString,
        /// Where the contents are.
        from: RawFd,
        /// Permission bits.
        mode: u32,
    },
    /// Every descriptor above 2 is closed when the program starts.
    CloseOnExec,
    /// A directory relative to the new root; one that exists is left alone.
    Directory {
        /// Path.
        path: CString,
        /// Permission bits.
        mode: u32,
    },
    /// The kernel kills this process when the thread that made it ends.
    DieWithParent,
    /// All capabilities, also from the bounding and ambient sets, and for good.
    DropCapabilities,
    /// Enters namespaces that are open here, each of its `CLONE_NEW*` kind, in this order.
    Enter(Vec<(RawFd, u64)>),
    /// Makes the staged root the root, and the old one unreachable.
    EnterRoot,
    /// Replaces the process by the program.
    Exec(ExecStep),
    /// A file with contents, relative to the new root.
    File {
        /// Path.
        path: CString,
        /// Contents.
        contents: Vec<u8>,
        /// Permission bits.
        mode: u32,
    },
    /// Mounts a file system made for the service.
    FileSystem {
        /// Kind.
        kind: PrivateFs,
        /// Where, relative to the new root.
        target: CString,
        /// `MOUNT_ATTR_*`.
        attributes: u64,
    },
    /// Name of the host inside.
    Hostname(CString),
    /// Maps only this user and group into the user namespace.
    IdMap {
        /// User id, the same on both sides.
        uid: u32,
        /// Group id, the same on both sides.
        gid: u32,
    },
    /// Enters the control group whose `cgroup.procs` is open here.
    JoinGroup(RawFd),
    /// A Landlock ruleset is built and enforced.
    Landlock(LandlockStep),
    /// A resource limit, soft and hard.
    Limit {
        /// `RLIMIT_*`.
        resource: u32,
        /// Value.
        value: u64,
    },
    /// Loopback up, with its addresses and local routes.
    Loopback,
    /// Nothing executed from here on gains rights.
    NoNewPrivileges,
    /// Mount changes no longer propagate to or from the host.
    PrivatePropagation,
    /// The mount at this path, relative to the new root, becomes read-only.
    ReadOnly(CString),
    /// Moves a descriptor to a standard one.
    Redirect {
        /// Open descriptor.
        from: RawFd,
        /// 0, 1 or 2.
        to: RawFd,
    },
    /// Signal dispositions and mask as a fresh program expects them.
    ResetSignals,
    /// An empty memory file system becomes the working directory, to be filled.
    StageRoot,
    /// Changes user and group for good, without supplementary groups but these.
    SwitchIdentity {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
        /// Supplementary groups.
        groups: Vec<u32>,
    },
    /// A symbolic link relative to the new root.
    Symlink {
        /// Path.
        path: CString,
        /// Text.
        to: CString,
    },
    /// File mode creation mask.
    Umask(u32),
    /// Leaves namespaces.
    Unshare(u64),
    /// Writes to a file of the kernel that exists; a missing file is left alone.
    WriteKernelFile {
        /// Absolute path.
        path: CString,
        /// Contents.
        contents: Vec<u8>,
    },
}

/// The program, its arguments and its environment, laid out for `execve`.
#[derive(Clone, PartialEq, Eq)]
pub struct ExecStep {
    /// Absolute path.
    pub path: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
    argv_pointers: Pointers,
    env_pointers: Pointers,
}

/// A null-terminated array of pointers into strings that live beside it.
#[derive(Clone, PartialEq, Eq)]
struct Pointers(Vec<usize>);

impl ExecStep {
    /// Lays the vectors out; nothing is allocated later.
    #[must_use]
    pub fn new(path: CString, argv: Vec<CString>, env: Vec<CString>) -> Self {
        let table = |strings: &[CString]| {
            Pointers(strings.iter().map(|s| s.as_ptr() as usize).chain([0]).collect())
        };
        let (argv_pointers, env_pointers) = (table(&argv), table(&env));
        Self { path, argv, env, argv_pointers, env_pointers }
    }

    pub(crate) fn argv(&self) -> *const *const libc::c_char {
        self.argv_pointers.0.as_ptr().cast()
    }

    pub(crate) fn env(&self) -> *const *const libc::c_char {
        self.env_pointers.0.as_ptr().cast()
    }
}

impl fmt::Debug for ExecStep {
    /// Shows the environment by name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |entry: &CString| {
            let text = entry.to_string_lossy();
            text.split('=').next().unwrap_or_default().to_owned()
        };
        write!(
            f,
            "Exec {} argv={:?} env={:?}",
            self.path.to_string_lossy(),
            self.argv,
            self.env.iter().map(name).collect::<Vec<_>>()
        )
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { source, target, attributes, .. } => {
                let source = match source {
                    BindSource::Path(path) => path.to_string_lossy(),
                    BindSource::Tree(_) => "prepared".into(),
                };
                write!(f, "Bind {source} -> {} attr={attributes:#x}", target.to_string_lossy())
            }
            Self::ChangeDirectory(path) => write!(f, "ChangeDirectory {}", path.to_string_lossy()),
            Self::CloseOnExec => f.write_str("CloseOnExec"),
            Self::Copy { path, mode, .. } => write!(f, "Copy {} {mode:o}", path.to_string_lossy()),
            Self::Directory { path, mode } => {
                write!(f, "Directory {} {mode:o}", path.to_string_lossy())
            }
            Self::DieWithParent => f.write_str("DieWithParent"),
            Self::DropCapabilities => f.write_str("DropCapabilities"),
            Self::Enter(namespaces) => write!(f, "Enter {} namespaces", namespaces.len()),
            Self::EnterRoot => f.write_str("EnterRoot"),
            Self::Exec(exec) => write!(f, "{exec:?}"),
            Self::File { path, contents, mode } => {
                write!(f, "File {} {mode:o} {} bytes", path.to_string_lossy(), contents.len())
            }
            Self::FileSystem { kind, target, attributes } => {
                write!(
                    f,
                    "FileSystem {kind:?} -> {} attr={attributes:#x}",
                    target.to_string_lossy()
                )
            }
            Self::Hostname(name) => write!(f, "Hostname {}", name.to_string_lossy()),
            Self::IdMap { uid, gid } => write!(f, "IdMap {uid}:{gid}"),
            Self::JoinGroup(_) => f.write_str("JoinGroup"),
            Self::Landlock(rules) => write!(
                f,
                "Landlock fs={:#x} net={:#x} scope={:#x} rules={}",
                rules.fs,
                rules.net,
                rules.scope,
                rules.rules.len()
            ),
            Self::Limit { resource, value } => write!(f, "Limit {resource}={value}"),
            Self::Loopback => f.write_str("Loopback"),
            Self::NoNewPrivileges => f.write_str("NoNewPrivileges"),
            Self::PrivatePropagation => f.write_str("PrivatePropagation"),
            Self::ReadOnly(path) => write!(f, "ReadOnly {}", path.to_string_lossy()),
            Self::Redirect { to, .. } => write!(f, "Redirect {to}"),
            Self::ResetSignals => f.write_str("ResetSignals"),
            Self::StageRoot => f.write_str("StageRoot"),
            Self::SwitchIdentity { uid, gid, groups } => {
                write!(f, "SwitchIdentity {uid}:{gid} {groups:?}")
            }
            Self::Symlink { path, to } => {
                write!(f, "Symlink {} -> {}", path.to_string_lossy(), to.to_string_lossy())
            }
            Self::Umask(mask) => write!(f, "Umask {mask:o}"),
            Self::Unshare(flags) => write!(f, "Unshare {flags:#x}"),
            Self::WriteKernelFile { path, .. } => {
                write!(f, "WriteKernelFile {}", path.to_string_lossy())
            }
        }
    }
}

/// Which step failed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepFailure {
    /// Index in the list.
    pub index: u32,
    /// Error number.
    pub errno: Errno,
}

/// Performs every step in order and stops at the first failure.
///
/// # Errors
/// The index of the step that failed and its error number.
pub fn perform_all(kernel: &mut dyn Kernel, steps: &[Step]) -> Result<(), StepFailure> {
    for (index, step) in (0..).zip(steps) {
        kernel.perform(step).map_err(|errno| StepFailure { index, errno })?;
    }
    Ok(())
}

/// Writes steps down instead of performing them, and can be told to fail one.
#[derive(Debug, Default)]
pub struct Recorder {
    /// One line per performed step.
    pub lines: Vec<String>,
    /// Fails the step with this index.
    pub fail: Option<(usize, Errno)>,
}

impl Kernel for Recorder {
    fn perform(&mut self, step: &Step) -> Result<(), Errno> {
        if let Some((index, errno)) = self.fail
            && index == self.lines.len()
        {
            return Err(errno);
        }
        self.lines.push(format!("{step:?}"));
        Ok(())
    }
}
