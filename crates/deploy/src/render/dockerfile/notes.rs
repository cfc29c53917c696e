//! What an image does not say, and what carries it.

use super::super::{Entry, Note, Order};
use super::project::Project;
use ringfence_policy::model::SecretSource;

/// What an image does not say.
pub(super) fn of(order: &Order<'_>, entry: Entry, project: &Project) -> Vec<Note> {
    let boundary = order.boundary;
    let mut notes = Vec::new();
    let limits = &boundary.limits;
    let limited = limits.memory.is_some() || limits.pids.is_some() || limits.cpu.is_some();
    let mut note = |grant: String, carried: &str| {
        notes.push(Note { grant, carried: carried.to_owned() });
    };
    let inside = inside(entry);
    let net = &boundary.net;
    for (key, endpoints) in [("net.connect", &net.connect), ("net.udp", &net.udp)] {
        for endpoint in endpoints {
            note(format!("{key} \"{}\"", endpoint.value), inside);
        }
    }
    for endpoint in net.listen.iter().filter(|endpoint| endpoint.value.address.is_loopback()) {
        let carried = "loopback of a container is reached from inside of it only: grant 0.0.0.0 \
                       where others must reach it";
        note(format!("net.listen \"{}\"", endpoint.value), carried);
    }
    for path in &boundary.process.children {
        let carried = "copied from the stage that has Node's image, with its libraries; the build \
                       fails where that has no such program";
        note(format!("process.children \"{}\"", path.value), carried);
    }
    for secret in &boundary.secrets {
        let carried = match &secret.from.value {
            SecretSource::Environment(_) => "never in the image: set the variable where it runs",
            SecretSource::File(_) => "never in the image: mount it where it runs",
            _ => "never in the image: fetched where it runs",
        };
        note(format!("secrets.{}", secret.name.value), carried);
    }
    if limited {
        note("limits".to_owned(), "an image has no limits: `render compose` writes them");
    }
    if let Some(user) = &boundary.identity.user
        && user.value.parse::<u32>().is_err()
    {
        let carried = "an image needs a number: 10001, which has this service's name in it";
        note(format!("identity.user \"{}\"", user.value), carried);
    }
    if entry == Entry::Ringfence && order.needs_groups() {
        let carried = "a container cannot make control groups of its own, so `ringfence run` refuses \
                       to start in it: list the other layers in [require], and let the container \
                       carry the limits";
        note("require.layers".to_owned(), carried);
    }
    if !project.workspaces.is_empty() {
        let carried =
            "node_modules links to their folders: the image holds those that fs.read grants";
        note("workspaces".to_owned(), carried);
    }
    if !order.folder.join(&project.lockfile).is_file() {
        note("the lockfile".to_owned(), "there is none in the folder: the build fails without it");
    }
    notes
}

/// Who carries what only the inside can.
const fn inside(entry: Entry) -> &'static str {
    match entry {
        Entry::Ringfence => "an image cannot say it; `ringfence run` enforces it inside",
        Entry::Node => {
            "an image cannot say it and nothing in it enforces it: the place that runs it must"
        }
    }
}
