//! The `config.json` of a runtime bundle, for runc and for runsc.
//!
//! The bundle's `rootfs` is the user's to make: the project in [`Order::PLACE`], Node, and ringfence
//! where it is the entry. Beside it lie `secrets/` and, for writable folders of the project, `data/`.
//! Around `ringfence run` the parts of `/proc` that engines hide stay visible, because the kernel
//! refuses a new `/proc` where the old one is covered; the service sees another one, read-only.
//! runsc has no seccomp notifications, so it takes Node itself (`--entry node`).

mod mounts;
mod notes;

use super::{Entry, Order, RenderError, Rendered, Target, node, seccomp, shell};
use serde_json::{Value, json};

/// Memory and processes of `ringfence run` itself, above those of the service.
const OWN_MEMORY: u64 = 32 << 20;
const OWN_TASKS: u64 = 32;
/// Length of a period in which processor time is counted, in microseconds.
const PERIOD: u32 = 100_000;
/// What engines hide of `/proc` and `/sys`.
const MASKED: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];
/// What they make read-only.
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    let entry = order.entry.unwrap_or(Entry::Ringfence);
    let notes = notes::notes(order, entry);
    let mut config = config(order, entry)?;
    config["annotations"] = json!({
        "org.ringfence.boundary": format!("sha256:{}", order.boundary_hash),
        "org.ringfence.command": order.origin(Target::Oci),
        "org.opencontainers.image.stopSignal": match entry {
            Entry::Ringfence => "SIGTERM".to_owned(),
            Entry::Node => shell::signal(order.boundary.service.stop_signal),
        },
    });
    Ok(Rendered { files: vec![("config.json".into(), super::json_text(&config)?)], notes })
}

/// Everything but what says where it comes from.
///
/// # Errors
/// [`RenderError`].
pub fn config(order: &Order<'_>, entry: Entry) -> Result<Value, RenderError> {
    let mut filter = serde_json::to_value(seccomp::profile(entry)?).map_err(|error| {
        RenderError::Impossible { what: error.to_string(), hint: String::new() }
    })?;
    if let Some(filter) = filter.as_object_mut() {
        filter.remove("//");
    }
    let hidden = |paths: &[&str]| if entry == Entry::Node { json!(paths) } else { json!([]) };
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": process(order, entry)?,
        "root": { "path": "rootfs", "readonly": true },
        "hostname": order.name(),
        "mounts": mounts::mounts(order, entry),
        "linux": {
            "resources": resources(order, entry),
            "namespaces": namespaces(order),
            "maskedPaths": hidden(&MASKED),
            "readonlyPaths": hidden(&READ_ONLY),
            "seccomp": filter,
        },
    }))
}

fn process(order: &Order<'_>, entry: Entry) -> Result<Value, RenderError> {
    let nothing: [&str; 0] = [];
    let (uid, gid) = order.user();
    let groups: Vec<u32> = order
        .boundary
        .identity
        .groups
        .iter()
        .filter_map(|group| group.value.parse().ok())
        .collect();
    let args = match entry {
        Entry::Ringfence => order.ringfence_command(),
        Entry::Node => node::command(order)?,
    };
    let limits = &order.boundary.limits;
    let limits = [
        ("RLIMIT_CORE", Some(0)),
        ("RLIMIT_FSIZE", limits.file_size.as_ref().map(|limit| limit.value)),
        ("RLIMIT_NOFILE", limits.open_files.as_ref().map(|limit| limit.value)),
    ];
    let limits: Vec<Value> = limits
        .into_iter()
        .filter_map(|(kind, limit)| Some(json!({ "type": kind, "hard": limit?, "soft": limit? })))
        .collect();
    Ok(json!({
        "user": { "uid": uid, "gid": gid, "umask": 0o077, "additionalGids": groups },
        "args": args,
        "env": environment(order, entry),
        "cwd": order.path(&order.boundary.service.cwd.value),
        "capabilities": {
            "bounding": nothing, "effective": nothing, "inheritable": nothing,
            "permitted": nothing, "ambient": nothing,
        },
        "rlimits": limits,
        "noNewPrivileges": true,
    }))
}

/// Fixed values; around `ringfence run` only what finds programs, because it sets the rest itself.
fn environment(order: &Order<'_>, entry: Entry) -> Vec<String> {
    let mut env = vec!["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()];
    if entry == Entry::Node {
        let set = &order.boundary.env.set;
        for (name, value) in [("HOME", "/tmp"), ("LANG", "C.UTF-8"), ("TMPDIR", "/tmp")] {
            if !set.contains_key(name) {
                env.push(format!("{name}={value}"));
            }
        }
        if set.contains_key("PATH") {
            env.clear();
        }
        env.extend(set.iter().map(|(name, value)| format!("{name}={}", value.value)));
    }
    env
}

/// Without a grant of the network it has one of its own; with one it shares the host's, inside which
/// the broker of `ringfence run` decides.
fn namespaces(order: &Order<'_>) -> Value {
    let net = &order.boundary.net;
    let granted = [net.connect.len(), net.listen.len(), net.udp.len(), net.udp_listen.len()];
    let mut kinds = vec!["cgroup", "ipc", "mount", "pid", "uts"];
    if granted.iter().all(|count| *count == 0) {
        kinds.push("network");
    }
    kinds.into_iter().map(|kind| json!({ "type": kind })).collect()
}

fn resources(order: &Order<'_>, entry: Entry) -> Value {
    let limits = &order.boundary.limits;
    let above = |own: u64| if entry == Entry::Ringfence { own } else { 0 };
    let mut resources = json!({ "devices": [{ "allow": false, "access": "rwm" }] });
    if let Some(memory) = &limits.memory {
        let bytes = memory.value.saturating_add(above(OWN_MEMORY));
        resources["memory"] = json!({ "limit": bytes, "swap": bytes });
    }
    if let Some(pids) = &limits.pids {
        resources["pids"] = json!({ "limit": pids.value.saturating_add(above(OWN_TASKS)) });
    }
    if let Some(cpu) = &limits.cpu {
        #[expect(clippy::cast_possible_truncation, reason = "at most 10000 cores")]
        let quota = (cpu.value * f64::from(PERIOD)).round() as i64;
        resources["cpu"] = json!({ "quota": quota, "period": PERIOD });
    }
    resources
}
