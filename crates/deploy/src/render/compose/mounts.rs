//! What of the host is mounted: grants that an image does not carry.

use super::super::Order;
use super::super::dockerfile::below;
use ringfence_policy::paths::normal;
use serde_json::{Value, json};

/// Mounts in the order of the boundary file.
pub(super) fn of(order: &Order<'_>) -> Vec<Value> {
    let fs = &order.boundary.fs;
    let mut mounts = Vec::new();
    for path in fs.read.iter().filter(|path| !is_in_image(&path.value)) {
        mounts.push(mount(order, &path.value, true));
    }
    for path in fs.optional.iter().chain(&fs.droppable).filter(|path| !is_of_runtime(&path.value)) {
        // A missing source stops the start, and one that is optional may be missing.
        if order.folder.join(&path.value).exists() || is_droppable(order, &path.value) {
            mounts.push(mount(order, &path.value, true));
        }
    }
    for path in &fs.write {
        mounts.push(mount(order, &path.value, false));
    }
    for socket in &order.boundary.net.unix {
        // The folder: a server that restarts makes another socket.
        let folder = normal(&socket.value);
        let folder = folder.rsplit_once('/').map_or("/", |(folder, _)| folder);
        mounts.push(mount(order, folder, true));
    }
    mounts.dedup();
    mounts
}

/// Whether a granted path is one of the mounts.
pub(super) fn is_bound(order: &Order<'_>, path: &str) -> bool {
    let at = order.path(path);
    of(order).iter().any(|mount| mount["target"] == at.as_str())
}

fn is_droppable(order: &Order<'_>, path: &str) -> bool {
    order.boundary.fs.droppable.iter().any(|one| one.value == path)
}

/// Below the folder, where the image has it, or part of every image.
fn is_in_image(path: &str) -> bool {
    below(path).is_some() || is_of_runtime(path)
}

fn is_of_runtime(path: &str) -> bool {
    let path = normal(path);
    ["/etc/ssl", "/usr/share/zoneinfo"].iter().any(|own| path.starts_with(own))
}

fn mount(order: &Order<'_>, path: &str, read_only: bool) -> Value {
    let source = match below(path) {
        Some(relative) => format!("./{relative}"),
        None => normal(path),
    };
    json!({ "type": "bind", "source": source, "target": order.path(path), "read_only": read_only,
        "bind": { "create_host_path": false } })
}
