//! The `config.json` of a runtime bundle, for runc and for runsc.
//!
//! The bundle's `rootfs` is the user's to make: the project in [`Order::PLACE`], Node, and ringfence
//! where it is the entry. Beside it lie `secrets/` and, for writable folders of the project, `data/`.
//! Around `ringfence run` the parts of `/proc` that engines hide stay visible, because the kernel
//! refuses a new `/proc` where the old one is covered; the service sees another one, read-only.
//! runsc has no seccomp notifications, so it takes Node itself (`--entry node`).

mod mounts;

use super::{Entry, Note, Order, RenderError, Rendered, Target, grants, node, seccomp, shell};
use ringfence_policy::model::SecretSource;
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
    let notes = notes(order, entry);
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

/// What a bundle cannot say.
fn notes(order: &Order<'_>, entry: Entry) -> Vec<Note> {
    let boundary = order.boundary;
    let mut notes = Vec::new();
    let mut note = |grant: String, carried: &str| {
        notes.push(Note { grant, carried: carried.to_owned() });
    };
    let inside = "`ringfence run` enforces it inside";
    let by = |open: &'static str| if entry == Entry::Ringfence { inside } else { open };
    for grant in grants::paths(boundary).into_iter().filter(|path| !path.starts_with("fs.write")) {
        note(
            grant,
            by("everything in rootfs is readable; Node refuses other paths to JavaScript alone"),
        );
    }
    for path in &boundary.fs.write {
        let grant = format!("fs.write {:?}", path.value);
        let source = mounts::source(order, &path.value);
        note(
            grant,
            &format!(
                "mounted from {source}, which must be there and belong to the user of the bundle"
            ),
        );
    }
    for grant in grants::outbound(boundary).into_iter().chain(grants::listeners(boundary)) {
        note(
            grant,
            by(
                "NOT enforced: the bundle shares the network of the host, whole; give it a network namespace with a firewall",
            ),
        );
    }
    for path in &boundary.net.unix {
        note(format!("net.unix {:?}", path.value), by("only this socket's folder is mounted"));
    }
    for grant in grants::processes(boundary) {
        note(grant, by("a switch inside Node: what runs there is held by the container alone"));
    }
    if !boundary.env.pass.is_empty() {
        note(
            "env.pass".to_owned(),
            "a bundle has fixed values alone: add NAME=value to process.env",
        );
    }
    for secret in &boundary.secrets {
        let grant = format!("secrets.{}", secret.name.value);
        match &secret.from.value {
            SecretSource::File(_) => note(
                grant,
                &format!(
                    "mounted from secrets/{} beside config.json: put it there, readable by the user of the bundle alone",
                    secret.name.value
                ),
            ),
            SecretSource::Environment(name) => {
                note(grant, &format!("add {name}=value to process.env"))
            }
            _ => note(grant, "bring it to the bundle yourself"),
        }
    }
    for (key, name) in [("user", &boundary.identity.user), ("group", &boundary.identity.group)] {
        if let Some(name) = name.as_ref().filter(|name| name.value.parse::<u32>().is_err()) {
            let (uid, _) = order.user();
            note(
                format!("identity.{key} {:?}", name.value),
                &format!(
                    "a bundle has numbers alone: {uid} is written; rootfs/etc/passwd must give this name that number"
                ),
            );
        }
    }
    let limits = &boundary.limits;
    if entry == Entry::Ringfence
        && (limits.memory.is_some() || limits.pids.is_some() || limits.cpu.is_some())
    {
        note(
            "require.layers".to_owned(),
            "the limits of memory, processes and processor are the container's, because control groups cannot be written inside: leave `cgroup` out of require.layers in the boundary file of the image",
        );
    }
    notes
}
