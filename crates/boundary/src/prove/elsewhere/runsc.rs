//! gVisor's runsc: an OCI bundle with the same grants, no capabilities and the same limits.
//!
//! The service's calls are answered by a kernel of its own, so many acts succeed there without
//! anything of the host being touched; the table tells those apart. Platform `ptrace`, because it
//! works on every machine. It has no hosts and ports: the network is the host's, or none.

use super::place::{Place, Start, Task};
use crate::plan::{Access, ViewEntry};
use crate::prove::arena::ArenaError;
use ringfence_sys::Errno;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The place.
pub(super) const PLACE: Place = Place {
    id: "runsc",
    what: "gVisor: an OCI bundle with the same files, environment, user, limits, no capabilities",
    cannot: &[
        "the network is the host's where the boundary grants any of it, and none otherwise",
        "no mount can refuse execution that the boundary does not grant",
        "no limit of processes: a control group would count gVisor's own threads",
    ],
    program: Some("runsc"),
    no_native: None,
    limits: true,
    held: &[],
    own_kernel: OWN_KERNEL,
    start,
};

/// Acts that end when the call is let in: the kernel that let it in is gVisor's own. What it does
/// with an option of a socket of the host's network is its own affair as well.
const OWN_KERNEL: &[&str] = &[
    "add-key",
    "ask-driver",
    "become-root",
    "bind-to-device",
    "bpf",
    "clone-user-namespace",
    "connection-repair",
    "core-dump",
    "device-nodes",
    "event-socket",
    "fast-open-option",
    "foreign-abi",
    "hide-from-supervisor",
    "io-uring",
    "new-user-namespace",
    "own-listener",
    "packet-mark",
    "packet-socket",
    "perf-event",
    "personality",
    "raw-socket",
    "routing-header",
    "session-keyring",
    "source-route",
    "terminal-foreground",
    "terminal-input",
    "terminal-paste",
    "upper-layer",
    "userfaultfd",
    "watch-files",
];

fn start(task: &Task<'_>) -> Result<Start, ArenaError> {
    let (id, bundle) = task.workspace.next("runsc").map_err(failed)?;
    let root = bundle.join("rootfs");
    let mounts = build(task, &root).map_err(failed)?;
    let config = config(task, &id, &mounts).to_string();
    fs::write(bundle.join("config.json"), config).map_err(failed)?;
    let network = if task.has_network() { "--network=host" } else { "--network=none" };
    let options = |words: &[&OsString]| -> Vec<OsString> {
        let state = task.workspace.path().join("runsc-state").into_os_string();
        let start = [task.peer.as_os_str().to_owned(), "--root".into(), state];
        let common = ["--platform=ptrace", network].map(OsString::from).into_iter();
        let without = (!task.workspace.limits()).then(|| OsString::from("--ignore-cgroups"));
        start
            .into_iter()
            .chain(common)
            .chain(without)
            .chain(words.iter().copied().cloned())
            .collect()
    };
    let id = OsString::from(id);
    let bundle = bundle.into_os_string();
    Ok(Start {
        argv: options(&[&"run".into(), &"--bundle".into(), &bundle, &id]),
        // It writes into the temporary folder: then into ours, which is removed.
        environment: vec![("TMPDIR".into(), task.workspace.path().into())],
        as_service: false,
        user: None,
        after: Some(options(&[&"delete".into(), &"--force".into(), &id])),
    })
}

fn failed(error: io::Error) -> ArenaError {
    ArenaError::System { what: "making a bundle for runsc", errno: Errno::from(error) }
}

/// Makes the mount points and links, and answers the mounts.
fn build(task: &Task<'_>, root: &Path) -> io::Result<Vec<Value>> {
    let inside = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let mut tmp = vec!["nosuid".to_owned(), "nodev".to_owned(), "mode=1777".to_owned()];
    tmp.extend(task.plan.limits.tmp.as_ref().map(|size| format!("size={}", size.value)));
    let mut mounts = vec![
        json!({ "destination": "/proc", "type": "proc", "source": "proc" }),
        json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs" }),
        json!({ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": tmp }),
    ];
    for folder in ["proc", "dev", "tmp"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::create_dir_all(inside(&task.plan.cwd))?;
    let mut binds: Vec<(PathBuf, PathBuf, bool)> =
        task.resolver_files().map(|path| (path.into(), path.into(), false)).collect();
    for entry in &task.plan.view {
        match entry {
            ViewEntry::Bind { source, target, access, .. } => {
                binds.push((source.clone(), target.clone(), *access == Access::Write));
            }
            ViewEntry::Directory { path, .. } => fs::create_dir_all(inside(path))?,
            ViewEntry::Mask { target, .. } => {
                binds.push((PathBuf::from("/dev/null"), target.clone(), false));
            }
            ViewEntry::Symlink { path, to } => {
                let link = inside(path);
                fs::create_dir_all(link.parent().unwrap_or(root))?;
                symlink(to, link)?;
            }
        }
    }
    if let Some(grants) = task.grants {
        binds.push((grants.read.clone(), grants.read.clone(), false));
        binds.push((grants.write.clone(), grants.write.clone(), true));
    }
    for (source, target, write) in binds {
        mount_point(&source, &inside(&target))?;
        let mode = if write { "rw" } else { "ro" };
        mounts.push(json!({
            "destination": target.to_string_lossy(),
            "type": "bind",
            "source": source.to_string_lossy(),
            "options": ["bind", mode, "nosuid", "nodev"],
        }));
    }
    Ok(mounts)
}

/// Something of the same kind to mount on; below another mount it is there already, and not ours.
fn mount_point(source: &Path, at: &Path) -> io::Result<()> {
    if source.is_dir() {
        return fs::create_dir_all(at);
    }
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::OpenOptions::new().append(true).create(true).open(at).map(drop)
}

fn config(task: &Task<'_>, id: &str, mounts: &[Value]) -> Value {
    let plan = task.plan;
    let env = plan.env.iter().map(|(name, value)| {
        Value::from(format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
    });
    let program = plan.program.argv.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    let path = plan.program.path.to_string_lossy().into_owned();
    let argv: Vec<String> = std::iter::once(path).chain(program).collect();
    let limits =
        [("RLIMIT_NOFILE", &plan.limits.open_files), ("RLIMIT_FSIZE", &plan.limits.file_size)];
    let limits = limits.into_iter().filter_map(|(kind, limit)| {
        let value = limit.as_ref()?.value;
        Some(json!({ "type": kind, "hard": value, "soft": value }))
    });
    let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
    if !task.has_network() {
        namespaces.push("network");
    }
    let nothing: [&str; 0] = [];
    json!({
        "ociVersion": "1.0.0",
        "process": {
            "user": {
                "uid": plan.identity.uid,
                "gid": plan.identity.gid,
                "additionalGids": plan.identity.groups,
            },
            "args": argv,
            "env": env.collect::<Vec<_>>(),
            "cwd": plan.cwd.to_string_lossy(),
            "capabilities": {
                "bounding": nothing, "effective": nothing, "inheritable": nothing,
                "permitted": nothing, "ambient": nothing,
            },
            "rlimits": limits.collect::<Vec<_>>(),
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": plan.name,
        "mounts": mounts,
        "linux": {
            "cgroupsPath": format!("/{id}"),
            "resources": resources(task),
            "namespaces":
                namespaces.iter().map(|kind| json!({ "type": kind })).collect::<Vec<_>>(),
        },
    })
}

/// Limits of control groups. Not that of processes: it would count the threads of gVisor itself,
/// which does not start with 64.
fn resources(task: &Task<'_>) -> Value {
    const PERIOD: u32 = 100_000;
    let limits = &task.plan.limits;
    let mut resources = json!({});
    if let Some(memory) = &limits.memory {
        resources["memory"] = json!({ "limit": memory.value, "swap": memory.value });
    }
    if let Some(cpu) = &limits.cpu {
        let quota = cpu.value * f64::from(PERIOD);
        resources["cpu"] = json!({ "quota": quota.round(), "period": PERIOD });
    }
    resources
}
