//! What a container starts, as an argument vector.

use super::super::{Entry, Order};
use ringfence_boundary::node::flags::{self, Grants};
use std::ffi::OsString;
use std::path::PathBuf;

/// Absolute path of the program that the service starts.
pub(crate) fn program(order: &Order<'_>) -> String {
    let service = &order.boundary.service;
    let written = service.start.first().map_or("node", |word| word.value.as_str());
    if !written.contains('/') {
        return format!("/usr/local/bin/{written}");
    }
    order.path(&in_folder(&service.cwd.value, written))
}

/// A path that counts from the working directory.
fn in_folder(cwd: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") }
}

/// The argument vector for an entry.
pub(crate) fn command(order: &Order<'_>, entry: Entry, version: [u64; 3]) -> Vec<String> {
    match entry {
        Entry::Ringfence => order.ringfence_command(),
        Entry::Node => node(order, version),
    }
}

fn node(order: &Order<'_>, version: [u64; 3]) -> Vec<String> {
    let process = &order.boundary.process;
    let flags: Vec<OsString> = if process.node_flags {
        flags::flags(version, &grants(order)).0
    } else {
        flags::without_permissions(version, process.ffi)
    };
    let words = order.boundary.service.start.iter().skip(1).map(|word| word.value.clone());
    std::iter::once(program(order))
        .chain(flags.into_iter().map(|flag| flag.to_string_lossy().into_owned()))
        .chain(words)
        .collect()
}

/// The boundary in the terms of Node's flags, with the paths of the image.
fn grants(order: &Order<'_>) -> Grants {
    let (fs, net, process) = (&order.boundary.fs, &order.boundary.net, &order.boundary.process);
    let absolute = |path: &str| PathBuf::from(order.path(path));
    let write: Vec<PathBuf> =
        fs.write.iter().map(|path| absolute(&path.value)).chain([PathBuf::from("/tmp")]).collect();
    let secrets = order.boundary.secrets.iter().filter_map(|secret| match &secret.delivery {
        ringfence_policy::model::Delivery::File(to) => Some(PathBuf::from(&to.value)),
        _ => None,
    });
    let read = fs.read.iter().chain(&fs.optional).chain(&fs.droppable);
    let read = read.map(|path| absolute(&path.value)).chain(secrets).chain(write.iter().cloned());
    let mut grants = Grants {
        read: read.collect(),
        write,
        net: !(net.connect.is_empty()
            && net.listen.is_empty()
            && net.udp.is_empty()
            && net.udp_listen.is_empty()
            && net.unix.is_empty()),
        child_process: !process.children.is_empty(),
        workers: process.workers,
        addons: !process.addons.is_empty(),
        wasi: process.wasi,
        ffi: process.ffi,
        inspector: process.inspector,
        read_only_inside_writable: false,
    };
    grants.tidy();
    grants
}

/// Name of a signal, as Docker and Compose write it.
pub(crate) fn signal(number: i32) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        10 => "SIGUSR1",
        12 => "SIGUSR2",
        15 => "SIGTERM",
        18 => "SIGCONT",
        28 => "SIGWINCH",
        other => return other.to_string(),
    };
    name.to_owned()
}
