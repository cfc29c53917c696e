//! Programs, addons and powers inside Node.

use super::{Changes, Effect, files};
use crate::model::{Filesystem, Process};
use crate::{paths, statement};

pub(super) fn compare(changes: &mut Changes, old: &Process, new: &Process, fs: &Filesystem) {
    let writable: Vec<String> = fs.write.iter().map(|grant| paths::normal(&grant.value)).collect();
    let words = ["can start #, inside the same boundary", "can no longer start #"];
    let children = (old.children.as_slice(), new.children.as_slice());
    let normal = |path: &String| paths::normal(path);
    for change in changes.entries("process.children", children, normal, words) {
        if files::covered(&change.entry, writable.iter()) {
            change.ways_out.push("the service can replace it: it lies in a write grant".to_owned());
        }
        if statement::is_package_manager(&change.entry) {
            change.ways_out.push("a package manager runs other people's code".to_owned());
        }
    }
    for (key, before, after, what) in [
        ("process.workers", old.workers, new.workers, "start worker threads"),
        ("process.wasi", old.wasi, new.wasi, "run WASI programs"),
        ("process.ffi", old.ffi, new.ffi, "call foreign functions"),
        ("process.inspector", old.inspector, new.inspector, "open the inspector"),
    ] {
        match (before, after) {
            (false, true) => changes.push(Effect::Widened, key, "", format!("can {what}")),
            (true, false) => {
                changes.push(Effect::Narrowed, key, "", format!("can no longer {what}"))
            }
            _ => continue,
        };
    }
    let key = "process.node-flags";
    match (old.node_flags, new.node_flags) {
        (true, false) => {
            changes.push(Effect::Widened, key, "", "runs without Node's own permission flags");
        }
        (false, true) => {
            changes.push(Effect::Narrowed, key, "", "runs with Node's own permission flags");
        }
        _ => {}
    }
    addons(changes, old, new);
}

fn addons(changes: &mut Changes, old: &Process, new: &Process) {
    let key = "process.addons";
    let has = |process: &Process, package: &str, hash: Option<&str>| {
        process.addons.iter().any(|addon| {
            addon.package.value == package && hash.is_none_or(|hash| addon.sha256.value == hash)
        })
    };
    for addon in &new.addons {
        let (package, hash) = (&addon.package.value, &addon.sha256.value);
        if has(old, package, Some(hash)) {
            continue;
        }
        let sentence = if has(old, package, None) {
            format!("can load another native addon of {package}")
        } else {
            format!("can load a native addon of {package}")
        };
        changes.push(Effect::Widened, key, package, sentence);
    }
    for addon in &old.addons {
        let package = &addon.package.value;
        if !has(new, package, None) {
            let sentence = format!("can no longer load native addons of {package}");
            changes.push(Effect::Narrowed, key, package, sentence);
        }
    }
}
