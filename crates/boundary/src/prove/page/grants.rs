//! What the service may do, sorted as the picture shows it: what it is given on one side, where it
//! reaches the world on the other.

use ringfence_policy::model::{Boundary, Delivery};
use ringfence_policy::source::Located;
use std::fmt::Display;

/// One kind of grant: a gate in the ring, open when it has entries.
#[derive(Debug)]
pub(super) struct Gate {
    /// What the service does through it: `reads`.
    pub(super) verb: &'static str,
    /// What is said when there is none: `reads nothing`.
    pub(super) none: &'static str,
    /// Which way things move.
    pub(super) direction: Direction,
    /// Each grant in a few words, not escaped.
    pub(super) entries: Vec<String>,
}

/// Which way things move through a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Into the service.
    In,
    /// Out of it.
    Out,
}

/// What the service is given: files, secrets, variables.
pub(super) fn given(boundary: &Boundary) -> Vec<Gate> {
    let fs = &boundary.fs;
    let mut reads = shown(&fs.read, "");
    reads.extend(shown(&fs.optional, " (may be missing)"));
    reads.extend(shown(&fs.droppable, " (can be dropped)"));
    let secrets = boundary.secrets.iter().map(|secret| match &secret.delivery {
        Delivery::Environment(_) => format!("{} (as a variable)", secret.name.value),
        Delivery::Descriptor => format!("{} (as a descriptor)", secret.name.value),
        Delivery::File(_) => format!("{} (as a file)", secret.name.value),
        Delivery::Socket => format!("{} (on request)", secret.name.value),
    });
    let mut variables = shown(&boundary.env.pass, "");
    variables.extend(boundary.env.set.keys().map(|name| format!("{name} (fixed)")));
    vec![
        gate("reads", "reads nothing of its own", Direction::In, reads),
        gate("writes", "writes nothing", Direction::Out, shown(&fs.write, "")),
        gate("knows the secrets", "knows no secrets", Direction::In, secrets.collect()),
        gate("knows the variables", "is passed no variables", Direction::In, variables),
    ]
}

/// Where the service reaches the world: sockets, programs, what runs inside it.
pub(super) fn reaching(boundary: &Boundary) -> Vec<Gate> {
    let net = &boundary.net;
    let mut reaches = shown(&net.connect, "");
    reaches.extend(shown(&net.udp, " (UDP)"));
    reaches.extend(shown(&net.unix, " (unix socket)"));
    let mut listens = shown(&net.listen, "");
    listens.extend(shown(&net.udp_listen, " (UDP)"));
    let process = &boundary.process;
    let addons = process.addons.iter().map(|addon| format!("addon {}", addon.package.value));
    let switches = [
        (process.workers, "worker threads"),
        (process.wasi, "WASI"),
        (process.ffi, "foreign functions"),
        (process.inspector, "the inspector"),
        (!process.node_flags, "whatever Node's own flags would refuse"),
    ];
    let allowed = switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned());
    vec![
        gate("reaches", "reaches nothing", Direction::Out, reaches),
        gate("is reached at", "is not reachable", Direction::In, listens),
        gate("starts", "starts no program", Direction::Out, shown(&process.children, "")),
        gate(
            "runs within itself",
            "runs no addons, no workers",
            Direction::In,
            addons.chain(allowed).collect(),
        ),
    ]
}

fn gate(
    verb: &'static str,
    none: &'static str,
    direction: Direction,
    entries: Vec<String>,
) -> Gate {
    Gate { verb, none, direction, entries }
}

fn shown<T: Display>(grants: &[Located<T>], after: &str) -> Vec<String> {
    grants.iter().map(|grant| format!("{}{after}", grant.value)).collect()
}
