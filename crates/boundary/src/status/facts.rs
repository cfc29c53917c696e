//! What this host says about itself, read once.
//!
//! Probes try things; these facts explain why a trial failed. They are plain values, so every
//! explanation can be tested for a host that is not at hand (an Ubuntu with AppArmor, a container
//! without user namespaces). Files that do not exist are `None`, never a default.

use super::trial;
use ringfence_sys::probe;
use std::path::PathBuf;

/// Facts about the host and about this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `uname -r`.
    pub kernel: String,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Whether this process is root and can become another user.
    pub switches_user: bool,
    /// The path of this program, for remedies that name it.
    pub program: Option<PathBuf>,
    /// Whether a seccomp filter is already over this process (`Seccomp:` in its status).
    pub seccomp_filtered: bool,
    /// Effective capabilities as a bit set.
    pub capabilities: u64,
    /// `kernel.apparmor_restrict_unprivileged_userns`.
    pub apparmor_userns: Option<u64>,
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Option<u64>,
    /// `kernel.unprivileged_userns_clone` (Debian's and others' own switch).
    pub userns_clone: Option<u64>,
    /// `kernel.yama.ptrace_scope`.
    pub ptrace_scope: Option<u64>,
    /// `kernel.core_pattern`.
    pub core_pattern: Option<String>,
    /// Active security modules, from `/sys/kernel/security/lsm`.
    pub security_modules: Option<Vec<String>>,
    /// Mount points below `/proc` that hide parts of it.
    pub proc_masks: Vec<String>,
    /// Which control group hierarchies are mounted.
    pub cgroups: Cgroups,
    /// Which container this looks like.
    pub container: Option<Container>,
}

/// Which control group hierarchies are mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cgroups {
    /// Version 1 and version 2: controllers are on either.
    Hybrid,
    /// None.
    #[default]
    None,
    /// Version 1 only.
    V1,
    /// Version 2 only, as systemd mounts it today.
    V2,
}

/// A container, recognised by its traces. A guess, and named as one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Container {
    /// The runtime it looks like.
    pub kind: &'static str,
    /// The trace it was recognised by.
    pub trace: String,
}

const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_SYS_PTRACE: u64 = 1 << 19;

impl Facts {
    /// Reads the facts of this host.
    #[must_use]
    pub fn read() -> Self {
        let status = file("/proc/self/status").unwrap_or_default();
        let ids = |field| status_field(&status, field).and_then(second_word_number);
        let mounts = file("/proc/self/mountinfo").unwrap_or_default();
        let uid = ids("Uid:").unwrap_or(u32::MAX);
        Self {
            kernel: line("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".to_owned()),
            uid,
            gid: ids("Gid:").unwrap_or(u32::MAX),
            switches_user: uid == 0 && probe::switch_user(trial::NOBODY).is_ok(),
            program: std::env::current_exe().ok(),
            seccomp_filtered: status_field(&status, "Seccomp:").is_some_and(|mode| mode != "0"),
            capabilities: status_field(&status, "CapEff:")
                .and_then(|bits| u64::from_str_radix(bits, 16).ok())
                .unwrap_or(0),
            apparmor_userns: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            ptrace_scope: number("/proc/sys/kernel/yama/ptrace_scope"),
            core_pattern: line("/proc/sys/kernel/core_pattern"),
            security_modules: line("/sys/kernel/security/lsm")
                .map(|list| list.split(',').map(str::to_owned).collect()),
            proc_masks: proc_masks(&mounts),
            cgroups: Cgroups::of(&mounts),
            container: Container::recognise(),
        }
    }

    /// Whether this process is root.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether this process may administer the system.
    #[must_use]
    pub const fn may_administer(&self) -> bool {
        self.capabilities & CAP_SYS_ADMIN != 0
    }

    /// Whether this process may trace others.
    #[must_use]
    pub const fn may_trace(&self) -> bool {
        self.capabilities & CAP_SYS_PTRACE != 0
    }

    /// The path of this program as it should appear in a remedy.
    #[must_use]
    pub fn program_path(&self) -> String {
        let program = self.program.as_ref().map(|path| path.display().to_string());
        program.unwrap_or_else(|| "/usr/local/bin/ringfence".to_owned())
    }

    /// Whether the kernel is at least `major.minor`; unknown versions are not.
    #[must_use]
    pub fn kernel_at_least(&self, major: u64, minor: u64) -> bool {
        kernel_version(&self.kernel).is_some_and(|found| found >= (major, minor))
    }
}

impl Cgroups {
    /// From the file system types of `/proc/self/mountinfo`, which follow a lone dash.
    fn of(mountinfo: &str) -> Self {
        let types = || mountinfo.lines().filter_map(|line| line.split(" - ").nth(1));
        let mounted = |wanted| types().any(|rest| rest.split(' ').next() == Some(wanted));
        match (mounted("cgroup"), mounted("cgroup2")) {
            (true, true) => Self::Hybrid,
            (true, false) => Self::V1,
            (false, true) => Self::V2,
            (false, false) => Self::None,
        }
    }

    /// As people call it.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Hybrid => "control groups version 1 and 2",
            Self::None => "no control groups",
            Self::V1 => "control groups version 1",
            Self::V2 => "control groups version 2",
        }
    }
}

impl Container {
    /// Looks for the traces runtimes leave.
    fn recognise() -> Option<Self> {
        let exists = |path: &str| std::fs::symlink_metadata(path).is_ok();
        let files = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")];
        if let Some((path, kind)) = files.into_iter().find(|(path, _)| exists(path)) {
            return Some(Self { kind, trace: format!("{path} exists") });
        }
        if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            let trace = "KUBERNETES_SERVICE_HOST is set".to_owned();
            return Some(Self { kind: "kubernetes", trace });
        }
        if file("/proc/version").is_some_and(|version| version.contains("gVisor")) {
            return Some(Self { kind: "gvisor", trace: "/proc/version names it".to_owned() });
        }
        let groups = file("/proc/1/cgroup").unwrap_or_default();
        let names = ["kubepods", "docker", "containerd", "lxc", "libpod"];
        if let Some(kind) = names.into_iter().find(|name| groups.contains(name)) {
            return Some(Self { kind, trace: "/proc/1/cgroup names it".to_owned() });
        }
        std::env::var_os("container").map(|_| Self {
            kind: "container",
            trace: "the variable `container` is set".to_owned(),
        })
    }
}

/// A small file as text; `None` when it cannot be read.
pub(super) fn file(path: &str) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The only line of a small file.
pub(super) fn line(path: &str) -> Option<String> {
    file(path).map(|text| text.trim_end().to_owned())
}

fn number(path: &str) -> Option<u64> {
    line(path)?.trim().parse().ok()
}

fn status_field<'text>(status: &'text str, name: &str) -> Option<&'text str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// The effective id of `real effective saved fs`.
fn second_word_number(ids: &str) -> Option<u32> {
    ids.split_whitespace().nth(1)?.parse().ok()
}

/// Mounts below `/proc` other than the automounter of `binfmt_misc`: `man 7 mount_namespaces`
/// lets nobody mount a fresh proc while an old one is partly covered.
fn proc_masks(mountinfo: &str) -> Vec<String> {
    let targets = mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
    let below = targets.filter(|target| target.starts_with("/proc/"));
    below.filter(|target| *target != "/proc/sys/fs/binfmt_misc").map(str::to_owned).collect()
}

fn kernel_version(release: &str) -> Option<(u64, u64)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mounts_that_hide_parts_of_proc_are_found() {
        let mountinfo = "\
            22 28 0:21 / /proc rw - proc proc rw\n\
            31 22 0:27 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n\
            40 22 0:5 /null /proc/kcore rw - tmpfs tmpfs rw\n\
            41 22 0:60 / /proc/acpi ro - tmpfs tmpfs ro\n";
        assert_eq!(proc_masks(mountinfo), ["/proc/kcore", "/proc/acpi"]);
    }

    #[test]
    fn the_versions_of_control_groups_are_told_apart() {
        let v1 = "40 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
        let v2 = "41 30 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(Cgroups::of(&format!("{v1}{v2}")), Cgroups::Hybrid);
        assert_eq!(Cgroups::of(v1), Cgroups::V1);
        assert_eq!(Cgroups::of(v2), Cgroups::V2);
        assert_eq!(Cgroups::of("1 1 0:1 / / rw - ext4 /dev/cgroup rw\n"), Cgroups::None);
    }

    #[test]
    fn kernel_versions_are_compared_as_numbers() {
        let host = |kernel: &str| Facts { kernel: kernel.to_owned(), ..Facts::default() };
        assert!(host("6.18.44-fc-v669").kernel_at_least(6, 7));
        assert!(host("6.7").kernel_at_least(6, 7));
        assert!(!host("5.15.0-generic").kernel_at_least(6, 7));
        assert!(!host("unknown").kernel_at_least(1, 0));
    }

    #[test]
    fn this_process_is_described() {
        let facts = Facts::read();
        assert_ne!(facts.kernel, "unknown");
        assert_ne!(facts.uid, u32::MAX);
    }
}
