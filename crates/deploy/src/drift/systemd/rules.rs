//! Which lines of a unit hold something, and when one is weaker than another.

/// How two values of a key compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Must be on; off without it.
    On,
    /// One of these words, the weakest first; the first one without it.
    Level(&'static [&'static [&'static str]]),
    /// A number that may not be larger; unlimited without it.
    AtMost,
    /// Bits that must be taken away; 0022 without it.
    Mask,
    /// What is allowed: an allow list, or `~` and what is not; everything without it.
    Allowed,
    /// A list that may only get shorter; empty without it.
    NoMore,
    /// A list that may only get longer; empty without it.
    NoLess,
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// As systemd spells it.
    pub(super) name: &'static str,
    /// How it is compared.
    pub(super) rule: Rule,
    /// Stable code of its drift.
    pub(super) code: &'static str,
    /// Why it matters.
    pub(super) why: &'static str,
}

const fn key(name: &'static str, rule: Rule, code: &'static str, why: &'static str) -> Key {
    Key { name, rule, code, why }
}

const NO: &[&str] = &["no", "false", "off", "0", "n", "f"];
const YES: &[&str] = &["yes", "true", "on", "1", "y", "t"];

use Rule::{Allowed, AtMost, Level, Mask, NoLess, NoMore, On};

/// Every key, in the order of a unit.
pub(super) const KEYS: &[Key] = &[
    key(
        "SupplementaryGroups",
        NoMore,
        "more-groups",
        "a further group opens the files of that group",
    ),
    key("UMask", Mask, "looser-umask", "files that the service makes are readable by others"),
    key(
        "EnvironmentFile",
        NoMore,
        "more-environment",
        "a file of variables the boundary does not know",
    ),
    key("PassEnvironment", NoMore, "more-environment", "a variable the boundary does not pass"),
    key("Environment", NoMore, "more-environment", "a variable the boundary does not set"),
    key(
        "UnsetEnvironment",
        NoLess,
        "code-from-environment",
        "this variable loads code or keys into the program before anything is enforced",
    ),
    key("LoadCredential", NoMore, "more-secrets", "a secret the boundary does not deliver"),
    key(
        "ProtectSystem",
        Level(&[NO, YES, &["full"], &["strict"]]),
        "writable-system",
        "the service can write where the boundary grants nothing",
    ),
    key(
        "ProtectHome",
        Level(&[NO, &["read-only"], &["tmpfs"], YES]),
        "visible-homes",
        "home directories hold keys and tokens",
    ),
    key(
        "ReadWritePaths",
        NoMore,
        "more-writable-paths",
        "the service can write where the boundary grants nothing",
    ),
    key(
        "BindPaths",
        NoMore,
        "more-writable-paths",
        "the service can write where the boundary grants nothing",
    ),
    key(
        "StateDirectory",
        NoMore,
        "more-writable-paths",
        "the service can write where the boundary grants nothing",
    ),
    key(
        "CacheDirectory",
        NoMore,
        "more-writable-paths",
        "the service can write where the boundary grants nothing",
    ),
    key(
        "LogsDirectory",
        NoMore,
        "more-writable-paths",
        "the service can write where the boundary grants nothing",
    ),
    key(
        "InaccessiblePaths",
        NoLess,
        "less-hidden-paths",
        "the service can read what it has no business with",
    ),
    key(
        "NoExecPaths",
        NoLess,
        "executable-files",
        "files that are not the service's program can be executed",
    ),
    key(
        "ExecPaths",
        NoMore,
        "executable-files",
        "files that are not the service's program can be executed",
    ),
    key("PrivateTmp", On, "shared-tmp", "the host's /tmp is shared with every other user"),
    key("NoNewPrivileges", On, "new-privileges", "a setuid program gives the service other rights"),
    key("PrivateDevices", On, "visible-devices", "the host's devices can be opened"),
    key(
        "PrivateUsers",
        On,
        "shared-users",
        "files of other users keep their meaning for the service",
    ),
    key("PrivateIPC", On, "shared-ipc", "shared memory and queues of the host can be opened"),
    key("PrivateMounts", On, "shared-mounts", "mounts of the service are seen by the host"),
    key("ProtectClock", On, "writable-clock", "certificates and logs depend on the clock"),
    key("ProtectKernelLogs", On, "readable-kernel-log", "the kernel's log tells its addresses"),
    key(
        "ProtectKernelModules",
        On,
        "loadable-modules",
        "code in the kernel is outside every boundary",
    ),
    key("ProtectKernelTunables", On, "writable-tunables", "settings of the kernel can be changed"),
    key(
        "ProtectProc",
        Level(&[&["default"], &["noaccess"], &["ptraceable"], &["invisible"]]),
        "visible-processes",
        "processes of others can be looked at",
    ),
    key(
        "ProcSubset",
        Level(&[&["all"], &["pid"]]),
        "visible-processes",
        "the kernel tells more of itself than the service needs",
    ),
    key(
        "CapabilityBoundingSet",
        Allowed,
        "more-capabilities",
        "a capability is a part of root's power",
    ),
    key(
        "AmbientCapabilities",
        NoMore,
        "more-capabilities",
        "a capability is a part of root's power",
    ),
    key(
        "LockPersonality",
        On,
        "changeable-personality",
        "other personalities weaken address randomisation",
    ),
    key(
        "RestrictRealtime",
        On,
        "realtime-scheduling",
        "a real-time process can starve the machine",
    ),
    key(
        "RestrictSUIDSGID",
        On,
        "setuid-files",
        "a setuid file keeps rights beyond the service's life",
    ),
    key("RemoveIPC", On, "left-ipc", "shared memory stays behind for the next user of the number"),
    key(
        "KeyringMode",
        Level(&[&["shared"], &["inherit"], &["private"]]),
        "shared-keyring",
        "keys of the manager's session can be read",
    ),
    key(
        "SystemCallArchitectures",
        Allowed,
        "foreign-calls",
        "the filter does not see calls of another table",
    ),
    key(
        "ProtectControlGroups",
        On,
        "writable-control-groups",
        "the service can lift its own limits",
    ),
    key("ProtectHostname", On, "changeable-hostname", "the host's name can be changed"),
    key(
        "RestrictNamespaces",
        Allowed,
        "more-namespaces",
        "a new user namespace is the usual first step of a kernel exploit",
    ),
    key(
        "SystemCallFilter",
        Allowed,
        "more-system-calls",
        "each further call is attack surface of the kernel",
    ),
    key(
        "RestrictAddressFamilies",
        Allowed,
        "more-socket-families",
        "other families reach the host's kernel unwatched",
    ),
    key(
        "SocketBindDeny",
        NoLess,
        "more-ports",
        "the service can listen on ports the boundary does not grant",
    ),
    key(
        "SocketBindAllow",
        NoMore,
        "more-ports",
        "the service can listen on ports the boundary does not grant",
    ),
    key(
        "IPAddressDeny",
        NoLess,
        "more-addresses",
        "the service can reach addresses the boundary does not grant",
    ),
    key(
        "IPAddressAllow",
        NoMore,
        "more-addresses",
        "the service can reach addresses the boundary does not grant",
    ),
    key("MemoryMax", AtMost, "more-memory", "the limit of the boundary is not held from outside"),
    key(
        "MemorySwapMax",
        AtMost,
        "more-memory",
        "the limit of the boundary is not held from outside",
    ),
    key("TasksMax", AtMost, "more-processes", "the limit of the boundary is not held from outside"),
    key("CPUQuota", AtMost, "more-cpu", "the limit of the boundary is not held from outside"),
    key(
        "LimitNOFILE",
        AtMost,
        "more-open-files",
        "the limit of the boundary is not held from outside",
    ),
    key("LimitFSIZE", AtMost, "larger-files", "the limit of the boundary is not held from outside"),
    key("LimitCORE", AtMost, "core-dumps", "a core dump holds every secret in memory"),
];

/// Whether a word means yes.
pub(super) fn is_on(word: &str) -> bool {
    YES.contains(&word.to_ascii_lowercase().as_str())
}

/// Whether a word means no.
pub(super) fn is_off(word: &str) -> bool {
    NO.contains(&word.to_ascii_lowercase().as_str())
}

/// A number with the units that systemd knows; `None` for what is not one, such as a share of the
/// machine's memory.
pub(super) fn number(text: &str) -> Option<u128> {
    // Of a pair of soft and hard limit the hard one counts.
    let text = text.rsplit(':').next().unwrap_or(text).trim();
    if text == "infinity" {
        return Some(u128::MAX);
    }
    let text = text.strip_suffix('%').unwrap_or(text);
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u128 = match text[digits.len()..].trim_end_matches('B') {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return None,
    };
    digits.trim().parse::<u128>().ok()?.checked_mul(factor)
}
