//! What a container starts, as an argument vector.

use super::super::{Entry, Order, node};

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
        Entry::Node => {
            let grants = node::wanted(order, node::Place::Target);
            node::argv(order, version, program(order), &grants)
        }
    }
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
