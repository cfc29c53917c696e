//! The grants of a boundary as the words by which notes name them: the key, and the value as it was
//! written.

use ringfence_policy::model::Boundary;

/// Paths of `[fs]`: `fs.read "./src"`.
#[must_use]
pub fn paths(boundary: &Boundary) -> Vec<String> {
    let fs = &boundary.fs;
    let lists = [
        ("read", &fs.read),
        ("write", &fs.write),
        ("optional", &fs.optional),
        ("droppable", &fs.droppable),
    ];
    let each = lists
        .into_iter()
        .flat_map(|(key, list)| list.iter().map(move |path| format!("fs.{key} {:?}", path.value)));
    each.collect()
}

/// `net.connect "api.internal:443"`, `net.udp ...`
#[must_use]
pub fn outbound(boundary: &Boundary) -> Vec<String> {
    let lists = [("connect", &boundary.net.connect), ("udp", &boundary.net.udp)];
    let each = lists.into_iter().flat_map(|(key, list)| {
        list.iter().map(move |endpoint| format!("net.{key} \"{}\"", endpoint.value))
    });
    each.collect()
}

/// `net.listen "127.0.0.1:8080"`, `net.udp-listen ...`
#[must_use]
pub fn listeners(boundary: &Boundary) -> Vec<String> {
    let lists = [("listen", &boundary.net.listen), ("udp-listen", &boundary.net.udp_listen)];
    let each = lists
        .into_iter()
        .flat_map(|(key, list)| list.iter().map(move |at| format!("net.{key} \"{}\"", at.value)));
    each.collect()
}

/// What is granted of `[process]`, with children and addons one by one.
#[must_use]
pub fn processes(boundary: &Boundary) -> Vec<String> {
    let process = &boundary.process;
    let mut grants: Vec<String> =
        process.children.iter().map(|path| format!("process.children {:?}", path.value)).collect();
    let addons = process.addons.iter();
    grants.extend(addons.map(|addon| format!("process.addons {:?}", addon.package.value)));
    let switches = [
        ("workers", process.workers),
        ("wasi", process.wasi),
        ("ffi", process.ffi),
        ("inspector", process.inspector),
    ];
    let granted = switches.into_iter().filter(|(_, granted)| *granted);
    grants.extend(granted.map(|(key, _)| format!("process.{key}")));
    grants
}

/// `limits.memory 536870912`, sizes in bytes.
#[must_use]
pub fn limits(boundary: &Boundary) -> Vec<String> {
    let limits = &boundary.limits;
    let number = |limit: &Option<ringfence_policy::source::Located<u64>>| {
        limit.as_ref().map(|limit| limit.value.to_string())
    };
    let all = [
        ("memory", number(&limits.memory)),
        ("pids", number(&limits.pids)),
        ("cpu", limits.cpu.as_ref().map(|limit| limit.value.to_string())),
        ("open-files", number(&limits.open_files)),
        ("file-size", number(&limits.file_size)),
        ("tmp", number(&limits.tmp)),
    ];
    let set = all.into_iter().filter_map(|(key, value)| Some(format!("limits.{key} {}", value?)));
    set.collect()
}
