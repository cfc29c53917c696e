//! What a bundle cannot say, grant by grant, in the order of the boundary file.

use super::mounts;
use crate::render::{Entry, Note, Order, grants};
use ringfence_policy::model::SecretSource;

const OPEN_FILES: &str =
    "everything in rootfs is readable; Node refuses other paths to JavaScript alone";
const OPEN_NETWORK: &str = "NOT enforced: the bundle shares the network of the host, whole; give it \
                            a network namespace with a firewall";
const OPEN_SOCKETS: &str =
    "the folder of this socket is mounted: its other sockets can be reached too";
const OPEN_PROCESSES: &str = "a switch inside Node: what runs there is held by the container alone";

/// The notes.
pub(super) fn notes(order: &Order<'_>, entry: Entry) -> Vec<Note> {
    let boundary = order.boundary;
    let mut notes = grants_of(order, entry);
    if !boundary.env.pass.is_empty() {
        let carried = "a bundle has fixed values alone: add NAME=value to process.env";
        notes.push(note("env.pass".to_owned(), carried));
    }
    for secret in &boundary.secrets {
        let name = &secret.name.value;
        let carried = match &secret.from.value {
            SecretSource::File(_) => format!(
                "mounted from secrets/{name} beside config.json: put it there, readable by the user \
                 of the bundle alone"
            ),
            SecretSource::Environment(name) => format!("add {name}=value to process.env"),
            _ => "bring it to the bundle yourself".to_owned(),
        };
        notes.push(note(format!("secrets.{name}"), &carried));
    }
    let identity = [("user", &boundary.identity.user), ("group", &boundary.identity.group)];
    for (key, name) in identity {
        let Some(name) = name.as_ref().filter(|name| name.value.parse::<u32>().is_err()) else {
            continue;
        };
        let (uid, gid) = order.user();
        let id = if key == "user" { uid } else { gid };
        let carried = format!(
            "a bundle has numbers alone: {id} is written, and rootfs/etc must give that number \
             this name"
        );
        notes.push(note(format!("identity.{key} {:?}", name.value), &carried));
    }
    if entry == Entry::Ringfence && order.needs_groups() {
        let carried = "the limits of memory, processes and processor are the container's, because \
                       control groups cannot be written inside: leave `cgroup` out of require.layers \
                       in the boundary file of the image";
        notes.push(note("require.layers".to_owned(), carried));
    }
    notes
}

/// Files, network and processes.
fn grants_of(order: &Order<'_>, entry: Entry) -> Vec<Note> {
    let boundary = order.boundary;
    let by = |open: &'static str| match entry {
        Entry::Ringfence => "`ringfence run` enforces it inside",
        Entry::Node => open,
    };
    let files = grants::paths(boundary).into_iter().filter(|path| !path.starts_with("fs.write"));
    let mut notes: Vec<Note> = files.map(|grant| note(grant, by(OPEN_FILES))).collect();
    for path in &boundary.fs.write {
        let source = mounts::source(order, &path.value);
        let carried = format!(
            "mounted from {source}, which must be there and belong to the user of the bundle"
        );
        notes.push(note(format!("fs.write {:?}", path.value), &carried));
    }
    let network = grants::outbound(boundary).into_iter().chain(grants::listeners(boundary));
    notes.extend(network.map(|grant| note(grant, by(OPEN_NETWORK))));
    let sockets = boundary.net.unix.iter().map(|path| format!("net.unix {:?}", path.value));
    notes.extend(sockets.map(|grant| note(grant, by(OPEN_SOCKETS))));
    let processes = grants::processes(boundary).into_iter();
    notes.extend(processes.map(|grant| note(grant, by(OPEN_PROCESSES))));
    notes
}

fn note(grant: String, carried: &str) -> Note {
    Note { grant, carried: carried.to_owned() }
}
