//! What the unit takes away whatever the boundary says, and its limits.

use super::Settings;
use crate::render::{Entry, Order};

/// Memory and processes of `ringfence run` itself, above those of the service.
const OWN_MEMORY: u64 = 32 << 20;
const OWN_TASKS: u64 = 32;

/// Calls beyond `@system-service` that `ringfence run` makes to build the inside.
pub(super) const NEEDED: &str = "@mount kcmp landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_getfd process_vm_readv seccomp sethostname setns unshare";
/// Calls that neither the service nor `ringfence run` makes.
pub(super) const REFUSED: &str =
    "@clock @cpu-emulation @module @obsolete @raw-io @reboot @resources @swap";

/// Hardening that needs no grant.
pub(super) fn sandbox(unit: &mut Settings, order: &Order<'_>, entry: Entry) {
    for key in [
        "NoNewPrivileges",
        "PrivateDevices",
        "PrivateUsers",
        "PrivateIPC",
        "PrivateMounts",
        "ProtectClock",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
    ] {
        unit.add(key, "yes");
    }
    unit.add("ProtectProc", "invisible").add("ProcSubset", "pid");
    unit.add("CapabilityBoundingSet", "").add("AmbientCapabilities", "");
    for key in ["LockPersonality", "RestrictRealtime", "RestrictSUIDSGID", "RemoveIPC"] {
        unit.add(key, "yes");
    }
    unit.add("KeyringMode", "private").add("SystemCallArchitectures", "native");
    match entry {
        Entry::Node => alone(unit),
        Entry::Ringfence => around(unit, order),
    }
    unit.add("SystemCallErrorNumber", "EPERM");
}

/// V8 writes the code that it runs.
const NO_WX: &str = "MemoryDenyWriteExecute= is not set: V8 compiles at run time";

/// Around Node alone.
fn alone(unit: &mut Settings) {
    for key in ["ProtectControlGroups", "ProtectHostname", "RestrictNamespaces"] {
        unit.add(key, "yes");
    }
    unit.said("SystemCallFilter", "@system-service", NO_WX);
    unit.add("SystemCallFilter", "~@privileged @resources @debug @mount @keyring");
}

/// Around `ringfence run`, which takes all of this away from the service.
fn around(unit: &mut Settings, order: &Order<'_>) {
    if order.needs_groups() {
        let comment =
            "`ringfence run` keeps the limits of the boundary in control groups of its own";
        unit.said("ProtectControlGroups", "no", comment).add("Delegate", "yes");
    } else {
        unit.add("ProtectControlGroups", "yes");
    }
    let comment = "it would refuse the call by which the inside gets a name of its own";
    unit.said("ProtectHostname", "no", comment);
    let comment = "the inside is made of these; the service itself can make none";
    unit.said("RestrictNamespaces", "user mnt pid ipc uts cgroup net", comment);
    let comment =
        format!("to build the inside; the service itself is held by a filter of its own. {NO_WX}");
    unit.said("SystemCallFilter", format!("@system-service {NEEDED}"), &comment);
    unit.add("SystemCallFilter", format!("~{REFUSED}"));
}

/// Limits, and none where the boundary has none.
pub(super) fn limits(unit: &mut Settings, order: &Order<'_>, entry: Entry) {
    let limits = &order.boundary.limits;
    let ringfence = entry == Entry::Ringfence;
    let above = |own: u64| if ringfence { own } else { 0 };
    let comment =
        "with what `ringfence run` needs for itself; inside the service has exactly its limit";
    let comment = if ringfence { comment } else { "" };
    if let Some(memory) = &limits.memory {
        let bytes = memory.value.saturating_add(above(OWN_MEMORY));
        unit.said("MemoryMax", bytes.to_string(), comment).add("MemorySwapMax", "0");
    }
    if let Some(pids) = &limits.pids {
        let tasks = pids.value.saturating_add(above(OWN_TASKS));
        unit.said("TasksMax", tasks.to_string(), comment);
    }
    if let Some(cpu) = &limits.cpu {
        unit.add("CPUQuota", format!("{}%", (cpu.value * 100.0).round()));
    }
    if let Some(files) = &limits.open_files {
        unit.add("LimitNOFILE", files.value.to_string());
    }
    if let Some(size) = &limits.file_size {
        unit.add("LimitFSIZE", size.value.to_string());
    }
    unit.add("LimitCORE", "0");
}
