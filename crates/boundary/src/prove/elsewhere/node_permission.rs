//! Node's own permission flags and nothing else: as the field manual writes them, and in the
//! spelling that works.
//!
//! The manual writes one flag with a comma list, which Node takes for a single path, and hosts
//! behind `--allow-net`, which Node takes for "all". The working spelling repeats the flag for each
//! path. Node cleans no environment, knows no hosts, no ports and no limits.

use super::place::{Place, Start, Task};
use crate::plan::{Access, ViewEntry};
use crate::prove::arena::ArenaError;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

const NO_NATIVE: &str = "native code: without --allow-addons Node loads none";
const CANNOT: &[&str] = &[
    "--allow-net knows no hosts and no ports, and Node before 25 does not have it",
    "it cleans no environment, sets no limits and covers no native code",
];

/// The flags as the manual writes them.
pub(super) const AS_WRITTEN: Place = Place {
    id: "manual",
    what: "node --permission with the flags as the manual writes them: comma lists and hosts",
    cannot: &[
        "to Node a comma list is one path, which does not exist: with two paths it grants neither",
        "to Node a value behind --allow-net means all of the network, whatever it is",
        "it cleans no environment, sets no limits and covers no native code",
    ],
    program: None,
    no_native: Some(NO_NATIVE),
    limits: false,
    held: &[],
    own_kernel: &[],
    start: as_written,
};

/// The flags in the spelling that grants what is meant.
pub(super) const WORKING: Place = Place {
    id: "node-flags",
    what: "node --permission with one flag for each path and a bare --allow-net",
    cannot: CANNOT,
    program: None,
    no_native: Some(NO_NATIVE),
    limits: false,
    held: &[],
    own_kernel: &[],
    start: working,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of every place")]
fn as_written(task: &Task<'_>) -> Result<Start, ArenaError> {
    let mut flags = vec![enable(task)];
    for (flag, access) in [("--allow-fs-read=", Access::Read), ("--allow-fs-write=", Access::Write)]
    {
        let paths: Vec<OsString> =
            paths(task, access).into_iter().map(PathBuf::into_os_string).collect();
        if !paths.is_empty() {
            flags.push(joined(flag, &paths.join(OsStr::new(","))));
        }
    }
    let network = &task.plan.network;
    let mut hosts: Vec<String> =
        network.connect.iter().map(|endpoint| endpoint.value.to_string()).collect();
    hosts.extend(task.grants.iter().flat_map(|grants| &grants.connect).map(ToString::to_string));
    if !hosts.is_empty() {
        flags.push(joined("--allow-net=", OsStr::new(&hosts.join(","))));
    }
    Ok(start(task, flags))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every place")]
fn working(task: &Task<'_>) -> Result<Start, ArenaError> {
    let mut flags = vec![enable(task)];
    for (flag, access) in [("--allow-fs-read=", Access::Read), ("--allow-fs-write=", Access::Write)]
    {
        flags.extend(paths(task, access).iter().map(|path| joined(flag, path.as_os_str())));
    }
    if task.has_network() && version(task) >= [25, 0, 0] {
        flags.push("--allow-net".into());
    }
    Ok(start(task, flags))
}

/// The rest is the same in both.
fn start(task: &Task<'_>, mut flags: Vec<OsString>) -> Start {
    // What resolving has put there besides paths and the network: workers, children and the like.
    let node = task.plan.program.node.as_ref();
    let switches = node.into_iter().flat_map(|node| &node.flags).filter(|flag| {
        let text = flag.to_string_lossy();
        let other = [
            "--allow-fs-",
            "--allow-net",
            "--disable-warning",
            "--experimental-permission",
            "--permission",
        ];
        text.starts_with("--") && !other.iter().any(|start| text.starts_with(start))
    });
    flags.extend(switches.cloned());
    let mut argv = task.plan.program.argv.clone();
    let behind = argv.len().min(1);
    argv.splice(behind..behind, flags);
    Start {
        argv,
        environment: task.environment.to_vec(),
        as_service: true,
        user: None,
        after: None,
    }
}

fn version(task: &Task<'_>) -> [u64; 3] {
    task.plan.program.node.as_ref().map_or([0; 3], |node| node.version)
}

fn enable(task: &Task<'_>) -> OsString {
    let version = version(task);
    let old = version < [22, 13, 0] || ([23, 0, 0]..[23, 5, 0]).contains(&version);
    if old { "--experimental-permission" } else { "--permission" }.into()
}

/// What the boundary grants, without what only a runtime needs: Node's own reads are not checked.
fn paths(task: &Task<'_>, wanted: Access) -> BTreeSet<PathBuf> {
    let granted = task.plan.view.iter().filter_map(|entry| match entry {
        ViewEntry::Bind { target, access, why, .. } if why.contains("fs.") => {
            (*access == wanted || wanted == Access::Read).then(|| target.clone())
        }
        _ => None,
    });
    let canaries = task.grants.into_iter().flat_map(|grants| match wanted {
        Access::Write => vec![grants.write.clone()],
        _ => vec![grants.read.clone(), grants.write.clone()],
    });
    granted.chain(canaries).collect()
}

fn joined(flag: &str, value: &OsStr) -> OsString {
    let mut word = OsString::from(flag);
    word.push(value);
    word
}
