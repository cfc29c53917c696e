//! `net.unix`: sockets of the host that the run connected to.

use super::{Drafting, Facts, Note, Proposed, Why};
use crate::record::{Capability, FileKind};
use std::path::Path;

/// Sockets through which a program becomes the host.
const POWERFUL: [&str; 7] = [
    "containerd.sock",
    "crio.sock",
    "docker.sock",
    "podman.sock",
    "system_bus_socket",
    "libvirt-sock",
    "buildkitd.sock",
];

pub(super) fn draft(drafting: &mut Drafting<'_>) {
    let (record, facts) = (drafting.record, drafting.facts);
    for (path, seen) in &record.unix {
        // Abstract sockets stay inside, and so does what the run bound itself.
        if path.starts_with('@') || path.is_empty() {
            if seen.connected && !seen.bound {
                let text =
                    format!("{path} is an abstract socket of the host: those cannot be granted");
                drafting.note(Note::finding("abstract-socket", text));
            }
            continue;
        }
        if seen.bound || !seen.connected || Facts::is_runtime_socket(path) {
            continue;
        }
        let asked = record.uses.contains_key(&(Capability::Unix, path.clone()));
        let there = facts.disk.kind(Path::new(path)) == Some(FileKind::Socket);
        if !there && !asked {
            continue;
        }
        let mut why = Why::at(seen.at, 1);
        why.asked_for(record, Capability::Unix, path);
        if POWERFUL.iter().any(|name| path.ends_with(name)) {
            why = why.remark("whoever reaches it controls the host");
            drafting.note(Note::finding(
                "socket-controls-host",
                format!("{path} controls the host: a service that may connect to it is not held by its boundary"),
            ));
        }
        let granted = facts.boundary.and_then(|boundary| {
            let absolute = |written: &str| super::files_tidy(&facts.folder.join(written));
            let grant =
                boundary.net.unix.iter().find(|grant| absolute(&grant.value) == Path::new(path));
            grant.map(|grant| grant.value.clone())
        });
        if let Some(grant) = granted {
            drafting.draft.proposed.push(Proposed::entry("net.unix", grant, why).granted());
        } else {
            let written = facts.written(Path::new(path), false);
            drafting.propose(Proposed::entry("net.unix", written, why));
        }
    }
}
