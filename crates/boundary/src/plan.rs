//! What a boundary means on this host: the output of `resolve`, the input of `enforce`.
//!
//! A plan holds only checked facts: real paths with the identity of the object found there,
//! numeric ids, a complete environment, the exact argument vector. `enforce` adds the parts every
//! service gets (`/proc`, `/dev`, private `/tmp`, generated `/etc` files) and carries it out.

use ringfence_policy::layer::Answer;
use ringfence_policy::model::{Limits, Network, Process, RequiredLayers};
use ringfence_sys::{Errno, fd};
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroize as _;

/// Everything needed to start one service.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Service name.
    pub name: String,
    /// SHA-256 of the boundary file's text, lower-case hexadecimal.
    pub boundary_hash: String,
    /// The boundary file.
    pub file: PathBuf,
    /// Folder of the boundary file, absolute and real.
    pub folder: PathBuf,
    /// Working directory of the service, as it is named inside.
    pub cwd: PathBuf,
    /// What is executed.
    pub program: Program,
    /// The complete environment of the service.
    pub env: Vec<(OsString, OsString)>,
    /// The grants as a file system, parents before children.
    pub view: Vec<ViewEntry>,
    /// Executables the service may start besides itself (real paths; they are in `view` too).
    pub children: Vec<PathBuf>,
    /// Whether this is for programs that build programs: whatever the mounts let be executed may be
    /// started, and for a trace what lies below a folder closed to the service's user counts as
    /// there. No boundary file can say it.
    pub builds: bool,
    /// Targets of the entries of `view` that have a mount of their own so that they can be dropped.
    pub droppable: Vec<PathBuf>,
    /// Unix sockets the service may connect to, on the host; they are not in `view`.
    pub unix_sockets: Vec<UnixSocket>,
    /// Ids the service runs under.
    pub identity: ResolvedIdentity,
    /// Limits.
    pub limits: Limits,
    /// Secrets to deliver.
    pub secrets: Vec<PlannedSecret>,
    /// Names of all secrets that the service gets, those in its environment too.
    pub secret_names: Vec<String>,
    /// What the boundary says of processes and of the insides of Node.
    pub process: Process,
    /// Network grants and decisions.
    pub network: Arc<Network>,
    /// Which layers must be in force.
    pub require: RequiredLayers,
    /// Signal that stops the service.
    pub stop_signal: i32,
    /// Time between the stop signal and the kill.
    pub stop_timeout: Duration,
    /// What the environment layer answers.
    pub environment_answer: Answer,
    /// What Node's flags answer on this version; `NotNeeded` for another program.
    pub node_answer: Answer,
    /// Grants that the service's user cannot use on this host, one sentence each; said at each start.
    pub warnings: Vec<String>,
    /// Other things the user should know, one sentence each.
    pub notes: Vec<String>,
    /// Names of variables of the caller that the service does not get, or not with that value.
    pub removed_variables: Vec<String>,
}

/// The program of the service.
#[derive(Debug, Clone)]
pub struct Program {
    /// Real absolute path of the executable (never a script).
    pub path: PathBuf,
    /// Argument vector, `argv[0]` included, Node's flags included.
    pub argv: Vec<OsString>,
    /// Set when the program is Node.
    pub node: Option<NodeRuntime>,
}

/// The Node a service runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRuntime {
    /// Major, minor, patch.
    pub version: [u64; 3],
    /// The permission flags put in front of the script.
    pub flags: Vec<OsString>,
}

/// One entry of the file system the service sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewEntry {
    /// An object of the host.
    Bind {
        /// Real path on the host.
        source: PathBuf,
        /// Absolute path inside (no symlink in it).
        target: PathBuf,
        /// Whether it is a directory.
        directory: bool,
        /// What the service may do with it.
        access: Access,
        /// Device and inode found when it was checked: the mount is refused when they differ.
        object: (u64, u64),
        /// The grant it comes from, such as `fs.read "./"` or `runtime: shared library`.
        why: String,
    },
    /// A symlink that the host has too, so that literal paths keep working.
    Symlink {
        /// Absolute path inside.
        path: PathBuf,
        /// Link text.
        to: PathBuf,
    },
    /// An empty directory, made where nothing of the host is: the working directory when no grant covers it.
    Directory {
        /// Absolute path inside.
        path: PathBuf,
        /// Whether the service may list it and what lies below it. No boundary file can say it.
        listed: bool,
    },
    /// An empty file nobody may read, mounted over an object that a broader grant would show
    /// (the source of a secret).
    Mask {
        /// Absolute path inside; it exists in the bound directory around it.
        target: PathBuf,
        /// What is hidden.
        why: String,
    },
}

/// A unix socket the service may connect to. It is looked up again at each connect, because its
/// server makes a new object whenever it restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// Absolute path as the boundary names it.
    pub named: PathBuf,
    /// Real path of the host; equal to `named` when no symlink is in it.
    pub real: PathBuf,
    /// Device and inode at the start; `None` when its server had not made it yet.
    pub object: Option<(u64, u64)>,
}

/// What the service may do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read; never execute or map executable.
    Read,
    /// Read, execute, map executable.
    Execute,
    /// Read and write; never execute.
    Write,
    /// Read, write and execute. No boundary file can say it: it is for programs that build programs,
    /// in plans that are made for that.
    Build,
}

/// Numeric ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedIdentity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// User name for `/etc/passwd` inside.
    pub user_name: String,
    /// Group name for `/etc/group` inside.
    pub group_name: String,
    /// Whether the supervisor must switch (it runs as root and the service does not).
    pub switch: bool,
}

/// A secret ready to be delivered as a file.
#[derive(Clone)]
pub struct PlannedSecret {
    /// Name of the grant.
    pub name: String,
    /// Absolute path inside, on a ramfs of its own.
    pub to: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// The value; never shown.
    pub value: SecretValue,
}

/// The value of a secret, in a memory file of the kernel: the processes of a start hold it by a
/// descriptor, so no copy of this process's memory carries it along.
#[derive(Clone)]
pub struct SecretValue(Arc<OwnedFd>);

impl SecretValue {
    /// Moves a value out of this process's memory.
    ///
    /// # Errors
    /// No memory file can be made or filled.
    pub fn hold(mut value: Vec<u8>) -> Result<Self, Errno> {
        let file = fd::memfd(c"secret")?;
        let written = fd::write_all(file.as_fd(), &value);
        value.zeroize();
        written.map(|()| Self(Arc::new(file)))
    }

    /// The memory file; its offset is of no meaning.
    #[must_use]
    pub fn file(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl std::fmt::Debug for PlannedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlannedSecret")
            .field("name", &self.name)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
