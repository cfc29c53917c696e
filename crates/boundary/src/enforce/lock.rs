//! The locks of a start, and leaving one out to show that a probe notices.
//!
//! Nothing of this can be reached from a command line, a file or the environment: only `prove`'s
//! self-test calls [`super::run_without`], and what it starts attacks nothing but canaries. A start
//! is a list of steps, so most locks are left out by changing steps; the few that are not steps are
//! asked about where they are ([`LeftOut::has`]).

use crate::plan::Plan;
use ringfence_sys::landlock::{self, BIND_TCP, CONNECT_TCP};
use ringfence_sys::launch::{BindSource, LandlockStep, PrivateFs, Step};
use ringfence_sys::{mount, namespace};
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One thing that stands in the way of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    /// `connect`, `bind` and `listen` are brought to the broker.
    BrokerAsked,
    /// The broker connects by its own copy of the address and never lets the call go on.
    BrokerCopies,
    /// Programs are started only with the broker's consent.
    BrokerExec,
    /// No capability is left, nor can one come back.
    Capabilities,
    /// The control group is the root of what is seen.
    CgroupNamespace,
    /// A core file holds nothing.
    CoreContents,
    /// The limit on core files.
    CoreLimit,
    /// Descriptors above 2 are closed.
    Descriptors,
    /// A group of the system call filter.
    Filter(&'static str),
    /// The service's groups are its own.
    Groups,
    /// The service's user.
    Identity,
    /// System V and POSIX objects of its own.
    IpcNamespace,
    /// A right of Landlock on files.
    LandlockFile(u64),
    /// A right of Landlock on TCP.
    LandlockNet(u64),
    /// A scope of Landlock.
    LandlockScope(u64),
    /// An empty file over what a broader grant would show.
    Masks,
    /// Device nodes do not work.
    NoDevices,
    /// Nothing on the mount is executed.
    NoExec,
    /// No privileges by executing.
    NoNewPrivileges,
    /// Set-id bits do not count.
    NoSuid,
    /// A network with nothing but loopback.
    NetworkNamespace,
    /// Processes of its own.
    PidNamespace,
    /// `/dev/shm` of its own.
    PrivateSharedMemory,
    /// `/tmp` of its own.
    PrivateTmp,
    /// Read grants cannot be written.
    ReadOnlyGrants,
    /// Neither can `/proc`.
    ReadOnlyProc,
    /// Nor the root itself.
    ReadOnlyRoot,
    /// Nor the folder of the secrets.
    ReadOnlySecrets,
    /// What holds for a grant holds for mounts below it.
    RecursiveMounts,
    /// A host name of its own.
    UtsNamespace,
}

/// What is left out of one start, and objects that only some locks protect.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftOut {
    /// The locks.
    pub(crate) locks: Vec<Lock>,
    /// Paths inside that no rule of Landlock names.
    pub(crate) unruled: Vec<PathBuf>,
    /// Paths inside that Landlock lets these rights on, instead of what the plan says.
    pub(crate) ruled: Vec<(PathBuf, u64)>,
    /// Paths inside whose mount takes nothing away but set-id bits.
    pub(crate) loose: Vec<PathBuf>,
    /// Descriptors that stay open where [`Lock::Descriptors`] is left out.
    pub(crate) descriptors: Vec<RawFd>,
    /// A group of the filter that answers an error number of its own.
    pub(crate) marked: Option<&'static str>,
}

impl LeftOut {
    /// Whether a lock is left out.
    pub(crate) fn has(&self, lock: Lock) -> bool {
        self.locks.contains(&lock)
    }

    /// Groups of the filter that are left out.
    pub(super) fn filter_groups(&self) -> Vec<&'static str> {
        let groups = self.locks.iter().filter_map(|lock| match lock {
            Lock::Filter(group) => Some(*group),
            _ => None,
        });
        groups.collect()
    }

    /// The namespaces that are made.
    pub(super) fn namespaces(&self, all: u64) -> u64 {
        let pairs = [
            (Lock::IpcNamespace, namespace::NEWIPC),
            (Lock::NetworkNamespace, namespace::NEWNET),
            (Lock::PidNamespace, namespace::NEWPID),
            (Lock::UtsNamespace, namespace::NEWUTS),
        ];
        pairs.iter().filter(|(lock, _)| self.has(*lock)).fold(all, |flags, (_, bit)| flags & !bit)
    }

    /// Descriptors that stay open.
    pub(super) fn inherited(&self) -> &[RawFd] {
        if self.has(Lock::Descriptors) { &self.descriptors } else { &[] }
    }

    /// The step that makes a process the service's user.
    pub(super) fn identity(&self, plan: &Plan, step: Option<Step>) -> Option<Step> {
        let step = step.filter(|_| !self.has(Lock::Identity))?;
        if !self.has(Lock::Groups) {
            return Some(step);
        }
        // Root's own group stays, as if nothing had been taken away.
        let (uid, gid) = (plan.identity.uid, plan.identity.gid);
        Some(Step::SwitchIdentity { uid, gid, groups: vec![0] })
    }

    /// Changes init's steps.
    pub(super) fn init_steps(&self, steps: &mut Vec<Step>) {
        if self.is_empty() {
            return;
        }
        steps.retain(|step| self.keeps_init(step));
        for step in steps {
            match step {
                Step::Bind { target, attributes, .. } => {
                    *attributes = self.attributes(target, *attributes);
                }
                Step::FileSystem { kind, target, attributes } => {
                    *attributes = self.attributes(target, *attributes);
                    if matches!(kind, PrivateFs::Proc) && self.has(Lock::ReadOnlyProc) {
                        *attributes &= !mount::RDONLY;
                    }
                    let host = matches!(kind, PrivateFs::Proc) && self.has(Lock::PidNamespace)
                        || is(target, "tmp") && self.has(Lock::PrivateTmp)
                        || is(target, "dev/shm") && self.has(Lock::PrivateSharedMemory);
                    if host {
                        *step = of_the_host(target, *attributes);
                    }
                }
                Step::IdMap { uid, gid } if self.has(Lock::Identity) => (*uid, *gid) = (0, 0),
                _ => {}
            }
        }
    }

    fn keeps_init(&self, step: &Step) -> bool {
        match step {
            Step::Bind { source: BindSource::Path(path), .. } => {
                !(self.has(Lock::Masks) && path.to_bytes().starts_with(b"run/.ringfence/mask"))
            }
            // What is granted there is on the host already.
            Step::Directory { path, .. } | Step::File { path, .. } | Step::Symlink { path, .. } => {
                !self.of_the_host(path)
            }
            Step::Hostname(_) => !self.has(Lock::UtsNamespace),
            Step::Loopback => !self.has(Lock::NetworkNamespace),
            Step::ReadOnly(path) if is(path, ".") => !self.has(Lock::ReadOnlyRoot),
            Step::ReadOnly(_) => !self.has(Lock::ReadOnlySecrets),
            Step::WriteKernelFile { .. } => !self.has(Lock::CoreContents),
            _ => true,
        }
    }

    /// Whether a path lies in a folder that is the host's where a lock is left out.
    fn of_the_host(&self, path: &CStr) -> bool {
        [("tmp/", Lock::PrivateTmp), ("dev/shm/", Lock::PrivateSharedMemory)]
            .iter()
            .any(|(folder, lock)| self.has(*lock) && path.to_bytes().starts_with(folder.as_bytes()))
    }

    fn attributes(&self, target: &CStr, mut attributes: u64) -> u64 {
        if self.loose.iter().any(|path| is_path(target, path)) {
            return mount::NOSUID;
        }
        let bits = [
            (Lock::NoDevices, mount::NODEV),
            (Lock::NoExec, mount::NOEXEC),
            (Lock::NoSuid, mount::NOSUID),
        ];
        for (_, bit) in bits.iter().filter(|(lock, _)| self.has(*lock)) {
            attributes &= !bit;
        }
        if self.has(Lock::ReadOnlyGrants) && !is(target, "proc") {
            attributes &= !mount::RDONLY;
        }
        if self.has(Lock::RecursiveMounts) {
            attributes |= mount::TOP_ONLY;
        }
        attributes
    }

    /// Changes the service's steps.
    pub(super) fn service_steps(&self, steps: &mut Vec<Step>) {
        if self.is_empty() {
            return;
        }
        steps.retain(|step| match step {
            Step::DropCapabilities => !self.has(Lock::Capabilities),
            Step::Limit { resource: libc::RLIMIT_CORE, .. } => !self.has(Lock::CoreLimit),
            Step::NoNewPrivileges => !self.has(Lock::NoNewPrivileges),
            Step::Unshare(namespace::NEWCGROUP) => !self.has(Lock::CgroupNamespace),
            _ => true,
        });
        for step in steps {
            if let Step::Landlock(ruleset) = step {
                self.landlock(ruleset);
            }
        }
    }

    fn landlock(&self, ruleset: &mut LandlockStep) {
        ruleset.rules.retain(|(path, _)| {
            let names = |other: &PathBuf| path.to_bytes() == other.as_os_str().as_bytes();
            !self.unruled.iter().chain(self.ruled.iter().map(|(path, _)| path)).any(names)
        });
        for (path, rights) in &self.ruled {
            let path = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
            ruleset.rules.push((path, *rights));
        }
        for lock in &self.locks {
            match lock {
                // Moving between folders is refused even where it is not handled.
                Lock::LandlockFile(landlock::REFER) => {
                    ruleset.rules.push((c"/".into(), landlock::REFER));
                }
                Lock::LandlockFile(right) => ruleset.fs &= !right,
                Lock::LandlockNet(right) => ruleset.net &= !right,
                Lock::LandlockScope(scope) => ruleset.scope &= !scope,
                _ => {}
            }
        }
        for (_, rights) in &mut ruleset.rules {
            *rights &= ruleset.fs;
        }
        ruleset.rules.retain(|(_, rights)| *rights != 0);
    }

    fn is_empty(&self) -> bool {
        self.locks.is_empty()
            && self.unruled.is_empty()
            && self.ruled.is_empty()
            && self.loose.is_empty()
    }
}

/// The same folder of the host.
fn of_the_host(target: &CStr, attributes: u64) -> Step {
    let mut source = vec![b'/'];
    source.extend_from_slice(target.to_bytes());
    let source = BindSource::Path(CString::new(source).unwrap_or_default());
    Step::Bind { source, target: target.into(), attributes, object: None }
}

fn is(target: &CStr, name: &str) -> bool {
    target.to_bytes() == name.as_bytes()
}

fn is_path(target: &CStr, path: &Path) -> bool {
    path.as_os_str().as_bytes().strip_prefix(b"/") == Some(target.to_bytes())
}

impl Lock {
    /// The id in the output of the self-test.
    pub(crate) fn id(self) -> String {
        let fixed = match self {
            Self::Filter(group) => return format!("filter-{}", group.replace('_', "-")),
            Self::LandlockFile(right) => return format!("landlock-{}", right_name(right)),
            Self::LandlockNet(BIND_TCP) => "landlock-bind-tcp",
            Self::LandlockNet(CONNECT_TCP) => "landlock-connect-tcp",
            Self::LandlockNet(_) => "landlock-net",
            Self::LandlockScope(landlock::SCOPE_SIGNAL) => "landlock-scope-signals",
            Self::LandlockScope(_) => "landlock-scope-abstract-sockets",
            Self::BrokerAsked => "broker-asked",
            Self::BrokerCopies => "broker-copies-addresses",
            Self::BrokerExec => "broker-exec",
            Self::Capabilities => "capabilities",
            Self::CgroupNamespace => "namespace-cgroup",
            Self::CoreContents => "core-contents",
            Self::CoreLimit => "core-limit",
            Self::Descriptors => "descriptors-closed",
            Self::Groups => "identity-groups",
            Self::Identity => "identity-user",
            Self::IpcNamespace => "namespace-ipc",
            Self::Masks => "mount-masks",
            Self::NoDevices => "mount-nodev",
            Self::NoExec => "mount-noexec",
            Self::NoNewPrivileges => "no-new-privileges",
            Self::NoSuid => "mount-nosuid",
            Self::NetworkNamespace => "namespace-network",
            Self::PidNamespace => "namespace-pid",
            Self::PrivateSharedMemory => "mount-private-dev-shm",
            Self::PrivateTmp => "mount-private-tmp",
            Self::ReadOnlyGrants => "mount-read-only-grants",
            Self::ReadOnlyProc => "mount-read-only-proc",
            Self::ReadOnlyRoot => "mount-read-only-root",
            Self::ReadOnlySecrets => "mount-read-only-secrets",
            Self::RecursiveMounts => "mount-recursive",
            Self::UtsNamespace => "namespace-uts",
        };
        fixed.to_owned()
    }
}

/// The kernel's name of a right on files.
fn right_name(right: u64) -> &'static str {
    const NAMES: [&str; 16] = [
        "execute",
        "write-file",
        "read-file",
        "read-dir",
        "remove-dir",
        "remove-file",
        "make-char",
        "make-dir",
        "make-reg",
        "make-sock",
        "make-fifo",
        "make-block",
        "make-sym",
        "refer",
        "truncate",
        "ioctl-dev",
    ];
    let bit = usize::try_from(right.trailing_zeros()).unwrap_or(usize::MAX);
    NAMES.get(bit).copied().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruleset() -> Vec<Step> {
        vec![Step::Landlock(LandlockStep {
            fs: landlock::READ_FILE | landlock::WRITE_FILE,
            net: BIND_TCP | CONNECT_TCP,
            scope: landlock::SCOPE_SIGNAL,
            flags: 0,
            rules: vec![(c"/a".into(), landlock::READ_FILE), (c"/b".into(), landlock::WRITE_FILE)],
        })]
    }

    #[test]
    fn nothing_left_out_changes_nothing() {
        let mut steps = ruleset();
        LeftOut::default().service_steps(&mut steps);
        assert_eq!(steps, ruleset());
        assert_eq!(LeftOut::default().namespaces(namespace::ALL), namespace::ALL);
        assert!(LeftOut::default().inherited().is_empty());
    }

    #[test]
    fn a_right_that_is_not_handled_is_in_no_rule() {
        let mut steps = ruleset();
        let locks = vec![Lock::LandlockFile(landlock::READ_FILE), Lock::LandlockNet(BIND_TCP)];
        LeftOut { locks, ..LeftOut::default() }.service_steps(&mut steps);
        let Some(Step::Landlock(left)) = steps.first() else { panic!("no ruleset") };
        assert_eq!((left.fs, left.net), (landlock::WRITE_FILE, CONNECT_TCP));
        assert_eq!(left.rules, [(c"/b".into(), landlock::WRITE_FILE)]);
    }
}
