//! Which probes could notice which lock, and which locks cover the same attack.
//!
//! This is the reverse index of the battery: a lock whose probes are not named here fails the
//! self-test, so a new lock, a new group of the filter or a new right of Landlock needs its line.

use crate::enforce::lock::Lock;
use ringfence_sys::landlock::{
    BIND_TCP, CONNECT_TCP, EXECUTE, SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL, WRITE_FILE,
    rights_for,
};
use ringfence_sys::seccomp::Profile;

/// What one trial takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Removal {
    /// A lock of enforcement.
    Lock(Lock),
    /// A rule of resolving, which has its effect on the plan.
    Plan(Rule),
}

/// Rules of resolving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// Processor time.
    CpuLimit,
    /// Variables that nobody granted are removed.
    EnvironmentListed,
    /// So are those that load code.
    EnvironmentLoaders,
    /// Size of one file.
    FileSizeLimit,
    /// What is not granted is not there.
    HiddenPaths,
    /// Memory.
    MemoryLimit,
    /// Descriptors.
    OpenFilesLimit,
    /// Processes.
    PidsLimit,
    /// Room in `/tmp`.
    TmpLimit,
}

impl Removal {
    /// The id in the output.
    pub(super) fn id(self) -> String {
        match self {
            Self::Lock(lock) => lock.id(),
            Self::Plan(rule) => rule.id().to_owned(),
        }
    }
}

impl Rule {
    const fn id(self) -> &'static str {
        match self {
            Self::CpuLimit => "limit-cpu",
            Self::EnvironmentListed => "environment-listed",
            Self::EnvironmentLoaders => "environment-loaders",
            Self::FileSizeLimit => "limit-file-size",
            Self::HiddenPaths => "mount-hidden-paths",
            Self::MemoryLimit => "limit-memory",
            Self::OpenFilesLimit => "limit-open-files",
            Self::PidsLimit => "limit-pids",
            Self::TmpLimit => "limit-tmp",
        }
    }
}

/// One lock and how it is tried.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) removal: Removal,
    /// Locks that cover the same attack: out of the way in both runs.
    pub(super) twins: Vec<Removal>,
    /// Ids of the probes that could notice.
    pub(super) probes: Vec<String>,
    /// The probes may take others in the same run down with them.
    pub(super) alone: bool,
}

/// Every lock, in the order of the output.
pub(super) fn trials() -> Vec<Trial> {
    let mut all = network();
    all.extend(Profile::builtin().groups().into_iter().map(group));
    all.extend(mounts());
    all.extend(landlock());
    all.extend(processes());
    all.extend(rules());
    all
}

fn network() -> Vec<Trial> {
    use Lock::{
        BrokerAsked, BrokerCopies, BrokerExec, LandlockNet, LandlockScope, NetworkNamespace,
    };
    let (connect, bind) = (LandlockNet(CONNECT_TCP), LandlockNet(BIND_TCP));
    vec![
        trial(NetworkNamespace, &[], &["udp-undeclared", "udp-undeclared-v6"]),
        trial(
            BrokerAsked,
            &[NetworkNamespace, connect, bind],
            &["tcp-undeclared", "listen-undeclared"],
        ),
        trial(BrokerCopies, &[NetworkNamespace, connect], &["flip-address"]),
        trial(BrokerExec, &[], &["run-itself"]),
        trial(connect, &[NetworkNamespace, BrokerAsked], &["tcp-undeclared"]),
        trial(bind, &[NetworkNamespace, BrokerAsked], &["listen-undeclared"]),
        trial(
            LandlockScope(SCOPE_ABSTRACT_UNIX_SOCKET),
            &[NetworkNamespace, BrokerAsked],
            &["abstract-socket"],
        ),
    ]
}

/// The kernel refuses much of this by itself, so a group answers an error number of its own: then
/// it shows who refused.
fn group(name: &'static str) -> Trial {
    let probes: &[&str] = match name {
        "abi" => &["foreign-abi", "x32-abi"],
        "bpf" => &["bpf"],
        "fastopen" => &["fast-open-again"],
        "io_uring" => &["io-uring"],
        "ioctl" => &["list-interfaces", "ask-driver", "take-network"],
        "keyring" => &["add-key", "session-keyring"],
        "memfd" => &["run-memory"],
        "modules" => &["load-module", "load-kernel"],
        "namespaces" => &["new-user-namespace", "clone-user-namespace", "enter-namespaces"],
        "perf" => &["perf-event"],
        "personality" => &["personality"],
        "prctl" => &["hide-from-supervisor"],
        "ptrace" => &["trace-child"],
        "reboot" => &["reboot"],
        "setsockopt" => &["bind-to-device", "fast-open-option", "routing-header"],
        "shared-ipc" => &["shared-memory", "message-queue"],
        "sockets" => &["event-socket", "vsock-socket", "udplite-socket", "raw-socket"],
        "userfaultfd" => &["userfaultfd"],
        "aio" => &["enter-aio"],
        "handles" => &["enter-handles", "open-by-handle"],
        "hardware" => &["enter-hardware"],
        "memory-policy" => &["enter-memory-policy"],
        "mount" => &["enter-mount", "mount-tmpfs"],
        "obsolete" => &["enter-obsolete"],
        "quota" => &["enter-quota"],
        "seccomp" => &["enter-seccomp", "own-listener"],
        "swap" => &["enter-swap", "swap"],
        "time" => &["enter-time", "set-clock"],
        _ => &[],
    };
    let twins: &[Lock] = if name == "memfd" { &[Lock::BrokerExec] } else { &[] };
    trial(Lock::Filter(name), twins, probes)
}

fn mounts() -> Vec<Trial> {
    use Lock::LandlockFile;
    vec![
        trial(Lock::ReadOnlyGrants, &[], &["change-mode", "change-times"]),
        trial(Lock::RecursiveMounts, &[], &["change-submount"]),
        trial(Lock::NoExec, &[], &["map-written", "map-readable"]),
        trial(Lock::NoSuid, &[], &["set-id-mount"]),
        trial(Lock::NoDevices, &[], &["device-in-grant"]),
        trial(Lock::ReadOnlyRoot, &[], &["change-root"]),
        trial(Lock::ReadOnlyProc, &[LandlockFile(WRITE_FILE)], &["write-own-memory"]),
        trial(Lock::ReadOnlySecrets, &[], &["change-secret"]),
        trial(Lock::PrivateTmp, &[], &["host-tmp"]),
        trial(Lock::PrivateSharedMemory, &[], &["memory-files"]),
        trial(Lock::Masks, &[], &["masked-file"]),
    ]
}

fn landlock() -> Vec<Trial> {
    let rights = (0..u64::BITS).map(|bit| 1_u64 << bit);
    let known = rights.filter(|right| rights_for(u32::MAX).fs & right != 0);
    let tried = known.map(|right| {
        let lock = Lock::LandlockFile(right);
        let twins: &[Lock] = if right == EXECUTE { &[Lock::BrokerExec] } else { &[] };
        trial(lock, twins, &[lock.id().as_str()])
    });
    tried.collect()
}

fn processes() -> Vec<Trial> {
    use Lock::{Capabilities, LandlockScope, PidNamespace};
    vec![
        trial(PidNamespace, &[LandlockScope(SCOPE_SIGNAL)], &["signal-host-process"]),
        trial(LandlockScope(SCOPE_SIGNAL), &[PidNamespace], &["signal-host-process"]),
        trial(Lock::IpcNamespace, &[], &["shared-memory", "message-queue"]),
        trial(Lock::UtsNamespace, &[], &["host-name-known"]),
        trial(Lock::CgroupNamespace, &[], &["control-group-known"]),
        trial(Lock::Identity, &[], &["root-user"]),
        trial(Lock::Groups, &[], &["group-file"]),
        trial(Capabilities, &[], &["bounding-set"]),
        trial(Lock::NoNewPrivileges, &[Capabilities], &["gain-privileges"]),
        trial(Lock::CoreLimit, &[], &["core-dump"]),
        trial(Lock::CoreContents, &[], &["core-contents-kept"]),
        trial(Lock::Descriptors, &[], &["inherited-file"]),
    ]
}

fn rules() -> Vec<Trial> {
    use ringfence_sys::landlock::{READ_DIR, READ_FILE};
    let hidden = [READ_FILE, READ_DIR].map(|right| Removal::Lock(Lock::LandlockFile(right)));
    let rule = |rule, probes: &[&str], alone| Trial {
        removal: Removal::Plan(rule),
        twins: Vec::new(),
        probes: probes.iter().map(|id| (*id).to_owned()).collect(),
        alone,
    };
    vec![
        Trial {
            twins: hidden.to_vec(),
            ..rule(Rule::HiddenPaths, &["read-outside", "list-outside"], false)
        },
        rule(Rule::EnvironmentListed, &["foreign-variable"], false),
        rule(Rule::EnvironmentLoaders, &["loader-variables"], false),
        rule(Rule::MemoryLimit, &["memory"], true),
        rule(Rule::PidsLimit, &["processes"], true),
        rule(Rule::CpuLimit, &["processor"], true),
        rule(Rule::OpenFilesLimit, &["open-files"], false),
        rule(Rule::FileSizeLimit, &["file-size"], false),
        rule(Rule::TmpLimit, &["temporary-space"], false),
    ]
}

fn trial(lock: Lock, twins: &[Lock], probes: &[&str]) -> Trial {
    Trial {
        removal: Removal::Lock(lock),
        twins: twins.iter().copied().map(Removal::Lock).collect(),
        probes: probes.iter().map(|id| (*id).to_owned()).collect(),
        alone: false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe_with_id;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_lock_has_probes_that_exist_and_a_name_of_its_own() {
        let mut ids = BTreeSet::new();
        for trial in trials() {
            let id = trial.removal.id();
            assert!(!trial.probes.is_empty(), "{id} has no probe");
            for probe in &trial.probes {
                assert!(probe_with_id(probe).is_some(), "{id}: no probe {probe}");
            }
            assert!(!trial.twins.contains(&trial.removal), "{id} is its own twin");
            assert!(!id.contains("unknown"), "{id}");
            assert!(ids.insert(id.clone()), "{id} twice");
        }
        assert!(ids.len() > 60, "{}", ids.len());
    }

    #[test]
    fn every_group_of_the_filter_is_a_lock() {
        for group in Profile::builtin().groups() {
            let lock = Removal::Lock(Lock::Filter(group));
            assert!(trials().iter().any(|trial| trial.removal == lock), "{group}");
        }
    }
}
