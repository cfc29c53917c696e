//! bubblewrap, as its own documentation recommends: every namespace new, no further user
//! namespaces, a session of its own, dying with its parent, started by an ordinary user.
//!
//! Its file system is the boundary's view. It has no mounts without execution, no hosts and ports
//! (the network is shared as a whole or not at all), no limits but the size of `/tmp`, and takes a
//! system call filter only as compiled code, of which it brings none.

use super::place::{Place, Start, Task, words};
use crate::plan::{Access, ViewEntry};
use crate::prove::arena::ArenaError;
use std::ffi::OsString;
use std::path::Path;

/// The place.
pub(super) const PLACE: Place = Place {
    id: "bubblewrap",
    what: "bwrap with every namespace, the same files, the same environment, an ordinary user",
    cannot: &[
        "the network is shared as a whole where the boundary grants any of it",
        "no limits but the size of /tmp; no mount can refuse execution",
        "no system call filter: it brings none and takes one only as compiled code",
    ],
    program: Some("bwrap"),
    no_native: None,
    limits: false,
    held: HELD,
    own_kernel: &[],
    start,
};

/// The acts only see that no filter refuses the call.
const HELD: &[(&str, &str)] = &[
    ("terminal-foreground", "--new-session leaves no controlling terminal"),
    ("terminal-input", "--new-session leaves no controlling terminal"),
    ("terminal-paste", "--new-session leaves no controlling terminal"),
];

#[expect(clippy::unnecessary_wraps, reason = "the signature of every place")]
fn start(task: &Task<'_>) -> Result<Start, ArenaError> {
    let mut argv = vec![task.peer.as_os_str().to_owned()];
    argv.extend(words(["--unshare-all", "--unshare-user", "--disable-userns"]));
    if task.has_network() {
        argv.push("--share-net".into());
    }
    argv.extend(words(["--die-with-parent", "--new-session", "--clearenv"]));
    for (name, value) in &task.plan.env {
        argv.extend([OsString::from("--setenv"), name.clone(), value.clone()]);
    }
    argv.extend(words(["--proc", "/proc", "--dev", "/dev"]));
    if let Some(size) = &task.plan.limits.tmp {
        argv.extend([OsString::from("--size"), size.value.to_string().into()]);
    }
    argv.extend(words(["--tmpfs", "/tmp"]));
    for path in task.resolver_files() {
        bind(&mut argv, "--ro-bind", path, path);
    }
    for entry in &task.plan.view {
        match entry {
            ViewEntry::Bind { source, target, access: Access::Write, .. } => {
                bind(&mut argv, "--bind", source, target);
            }
            ViewEntry::Bind { source, target, .. } => {
                bind(&mut argv, "--ro-bind", source, target);
            }
            ViewEntry::Directory { path, .. } => {
                argv.extend([OsString::from("--dir"), path.into()]);
            }
            ViewEntry::Mask { target, .. } => {
                bind(&mut argv, "--ro-bind", Path::new("/dev/null"), target);
            }
            ViewEntry::Symlink { path, to } => {
                argv.extend([OsString::from("--symlink"), to.into(), path.into()]);
            }
        }
    }
    if let Some(grants) = task.grants {
        bind(&mut argv, "--ro-bind", &grants.read, &grants.read);
        bind(&mut argv, "--bind", &grants.write, &grants.write);
    }
    argv.extend([OsString::from("--dir"), (&task.plan.cwd).into()]);
    argv.extend([OsString::from("--chdir"), (&task.plan.cwd).into(), "--".into()]);
    let program = task.plan.program.argv.iter().skip(1).cloned();
    argv.extend([task.plan.program.path.clone().into_os_string()].into_iter().chain(program));
    Ok(Start {
        argv,
        environment: task.environment.to_vec(),
        as_service: true,
        user: None,
        after: None,
    })
}

fn bind(argv: &mut Vec<OsString>, how: &str, source: &Path, target: &Path) {
    argv.extend([OsString::from(how), source.into(), target.into()]);
}
