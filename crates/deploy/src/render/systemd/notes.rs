//! What a unit cannot say, grant by grant, in the order of the boundary file.

use super::{files, network};
use crate::render::{Entry, Note, Order, grants};
use ringfence_policy::model::{Boundary, Delivery, SecretSource};
use std::path::Path;

/// The notes.
pub(super) fn notes(order: &Order<'_>, entry: Entry) -> Vec<Note> {
    let mut notes = Vec::new();
    match entry {
        Entry::Ringfence => around(order, &mut notes),
        Entry::Node => alone(order, &mut notes),
    }
    written(order, &mut notes);
    notes
}

fn note(notes: &mut Vec<Note>, grant: impl Into<String>, carried: &str) {
    notes.push(Note { grant: grant.into(), carried: carried.to_owned() });
}

/// Where the user that the manager makes cannot write.
fn written(order: &Order<'_>, notes: &mut Vec<Note>) {
    if order.boundary.identity.user.is_some() {
        return;
    }
    let name = order.name();
    for grant in &order.boundary.fs.write {
        let path = order.path(&grant.value);
        let own = ["/tmp", "/var/tmp"].iter().any(|tmp| Path::new(&path).starts_with(tmp));
        if !own && files::managed(order, &path).is_none() {
            let carried = format!(
                "DynamicUser=yes makes a user that owns nothing there, so it cannot write: set identity.user to the owner \
                 of the folder, or grant /var/lib/{name}, which the manager makes (StateDirectory=)"
            );
            note(notes, format!("fs.write {:?}", grant.value), &carried);
        }
    }
}

fn around(order: &Order<'_>, notes: &mut Vec<Note>) {
    let boundary = order.boundary;
    let by = "`ringfence run` enforces it inside the unit";
    for path in grants::paths(order.boundary) {
        if !path.starts_with("fs.write") {
            note(
                notes,
                path,
                &format!("a unit leaves everything readable that its user may read; {by}"),
            );
        }
    }
    for grant in grants::outbound(boundary) {
        note(notes, grant, &format!("{by}: its broker opens the connection"));
    }
    for grant in grants::listeners(boundary) {
        note(notes, grant, &format!("{by}: its broker opens the listener"));
    }
    for grant in grants::processes(boundary) {
        note(notes, grant, by);
    }
    for secret in &boundary.secrets {
        if let SecretSource::File(_) = &secret.from.value {
            let grant = format!("secrets.{} from", secret.name.value);
            note(
                notes,
                grant,
                "read by `ringfence run` as the unit's user: let this user, and nobody else, read the file",
            );
        }
    }
    if boundary.limits.tmp.is_some() {
        note(notes, "limits.tmp", &format!("PrivateTmp= has no size; {by}"));
    }
}

fn alone(order: &Order<'_>, notes: &mut Vec<Note>) {
    let boundary = order.boundary;
    for path in grants::paths(boundary) {
        if !path.starts_with("fs.write") {
            note(
                notes,
                path,
                "Node refuses other paths to JavaScript alone; native code, node:sqlite and WASI read what the unit's user may read: NOT enforced by the unit",
            );
        }
    }
    let addresses = network::addresses(boundary, Entry::Node).is_some();
    for grant in grants::outbound(boundary) {
        let carried = if addresses {
            "IPAddressAllow= knows the address and no port: every port of it can be reached"
        } else {
            "NOT enforced: Node's --allow-net grants every address, and IPAddressAllow= knows no names"
        };
        note(notes, grant, carried);
    }
    for grant in grants::listeners(boundary) {
        note(
            notes,
            grant,
            "SocketBindAllow= knows the port and no address: the program chooses the address",
        );
    }
    for path in &boundary.net.unix {
        note(
            notes,
            format!("net.unix {:?}", path.value),
            "NOT enforced: any socket that the unit's user may open can be reached",
        );
    }
    for grant in grants::processes(boundary) {
        note(
            notes,
            grant,
            "a switch inside Node: what runs there is held by the unit alone, whose limits are those of the whole service",
        );
    }
    secrets(boundary, notes);
    if boundary.limits.tmp.is_some() {
        note(notes, "limits.tmp", "NOT enforced: PrivateTmp= has no size");
    }
}

/// How secrets are delivered.
fn secrets(boundary: &Boundary, notes: &mut Vec<Note>) {
    for secret in &boundary.secrets {
        let grant = format!("secrets.{}", secret.name.value);
        match (&secret.from.value, &secret.delivery) {
            (SecretSource::File(_), Delivery::File(to)) => note(
                notes,
                grant,
                &format!(
                    "delivered as $CREDENTIALS_DIRECTORY/{}, not as {}: the program must look there",
                    secret.name.value, to.value
                ),
            ),
            _ => note(
                notes,
                grant,
                "delivered in the environment, from the environment file: readable in /proc by its user",
            ),
        }
    }
}
