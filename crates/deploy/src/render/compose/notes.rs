//! What a Compose file does not say.

use super::super::dockerfile::looks_secret;
use super::super::{Entry, Note, Order};
use ringfence_policy::model::{Delivery, SecretSource};

/// Notes in the order of the boundary file.
pub(super) fn of(order: &Order<'_>, entry: Entry) -> Vec<Note> {
    let mut notes = Notes { entry, all: Vec::new() };
    notes.files(order);
    notes.network(order);
    notes.process(order);
    notes.secrets(order);
    notes.limits(order);
    notes.rest(order);
    notes.all
}

struct Notes {
    entry: Entry,
    all: Vec<Note>,
}

impl Notes {
    fn say(&mut self, grant: String, carried: &str) {
        self.all.push(Note { grant, carried: carried.to_owned() });
    }

    /// One sentence for each entry.
    fn by_entry(&mut self, grant: String, ringfence: &str, node: &str) {
        match self.entry {
            Entry::Ringfence => self.say(grant, ringfence),
            Entry::Node => self.say(grant, node),
        }
    }

    fn files(&mut self, order: &Order<'_>) {
        let fs = &order.boundary.fs;
        for (key, path) in fs
            .read
            .iter()
            .map(|path| ("fs.read", path))
            .chain(fs.optional.iter().map(|path| ("fs.optional", path)))
            .filter(|(_, path)| looks_secret(order, &path.value))
        {
            let bound = super::mounts::is_bound(order, &path.value);
            let carried = if bound {
                "looks like a secret: mounted from this host, where it must be readable by the \
                 container's user: make it a [secrets] entry"
            } else {
                "looks like a secret: never in the image and not mounted: make it a [secrets] entry or \
                 mount it where it runs"
            };
            self.say(format!("{key} \"{}\"", path.value), carried);
        }
        for path in fs.read.iter().filter(|path| !looks_secret(order, &path.value)) {
            self.by_entry(
                format!("fs.read \"{}\"", path.value),
                "the container sees the whole image; `ringfence run` shows the service only this",
                "the container sees the whole image; Node's --allow-fs-read holds JavaScript to it",
            );
        }
        for path in &order.boundary.fs.write {
            let grant = format!("fs.write \"{}\"", path.value);
            self.say(
                grant,
                "mounted from this host; the folder must be there and belong to the user",
            );
        }
        for path in &order.boundary.fs.droppable {
            self.by_entry(
                format!("fs.droppable \"{}\"", path.value),
                "mounted read-only; `ringfence run` can take it away",
                "mounted read-only; nothing takes it away while the service runs",
            );
        }
    }

    fn network(&mut self, order: &Order<'_>) {
        let net = &order.boundary.net;
        for (key, endpoints) in [("net.connect", &net.connect), ("net.udp", &net.udp)] {
            for endpoint in endpoints {
                self.by_entry(
                    format!("{key} \"{}\"", endpoint.value),
                    "Compose knows no destinations; `ringfence run` enforces it inside",
                    "Compose knows no destinations: nothing enforces it, so put a proxy or a firewall \
                     in front",
                );
            }
        }
        for (key, endpoints) in [("net.listen", &net.listen), ("net.udp-listen", &net.udp_listen)] {
            for endpoint in endpoints.iter().filter(|one| one.value.address.is_loopback()) {
                let carried = "loopback of a container is not what is published: grant \
                               0.0.0.0 for the container and let `ports` narrow it";
                self.say(format!("{key} \"{}\"", endpoint.value), carried);
            }
        }
        for (name, address) in &net.hosts {
            if address.value.is_loopback() {
                let carried = "loopback of the container, and not of this host";
                self.say(format!("net.hosts \"{name}\""), carried);
            }
        }
        if net.connect.is_empty() && net.udp.is_empty() && !net.listen.is_empty() {
            let carried = "the network does not translate addresses, so answers do not come back; \
                           single packets may still leave";
            self.say("net.connect []".to_owned(), carried);
        }
    }

    fn process(&mut self, order: &Order<'_>) {
        let process = &order.boundary.process;
        if process.children.is_empty() {
            self.by_entry(
                "process.children []".to_owned(),
                "`ringfence run` refuses every other program",
                "the image has no other program; one that is written to a mount could be started \
                 where that is not noexec",
            );
        }
    }

    fn secrets(&mut self, order: &Order<'_>) {
        for secret in &order.boundary.secrets {
            let grant = format!("secrets.{}", secret.name.value);
            match (&secret.from.value, &secret.delivery) {
                (
                    SecretSource::File(_),
                    Delivery::Environment(_) | Delivery::Descriptor | Delivery::Socket,
                ) if self.entry == Entry::Node => {
                    self.say(grant, "Compose mounts files only: nothing delivers it in this way");
                }
                (SecretSource::File(_), _) => {
                    let carried = "mounted from its file: Compose ignores owner and mode there, so \
                                   the file itself must belong to the user, with that mode";
                    self.say(grant, carried);
                }
                (SecretSource::Environment(_), Delivery::File(_)) if self.entry == Entry::Node => {
                    self.say(grant, "Compose writes the variable's value into a file");
                }
                (SecretSource::Environment(_), _) => {
                    let carried = "handed over as a variable, which `docker inspect` shows";
                    self.say(grant, carried);
                }
                _ => self.by_entry(
                    grant,
                    "fetched by `ringfence run`",
                    "Compose cannot fetch it: nothing delivers it",
                ),
            }
        }
    }

    fn limits(&mut self, order: &Order<'_>) {
        let limits = &order.boundary.limits;
        if self.entry == Entry::Ringfence {
            if limits.memory.is_some() || limits.pids.is_some() {
                let carried = "for the whole container: 16 MiB and 16 processes more than the \
                               boundary says are ringfence's own";
                self.say("limits.memory, limits.pids".to_owned(), carried);
            }
            if limits.open_files.is_some() || limits.file_size.is_some() {
                let grant = "limits.open-files, limits.file-size".to_owned();
                self.say(grant, "set by `ringfence run` for the service alone");
            }
        }
    }

    fn rest(&mut self, order: &Order<'_>) {
        let identity = &order.boundary.identity;
        for (key, name) in [("user", &identity.user), ("group", &identity.group)] {
            if let Some(name) = name.as_ref().filter(|name| name.value.parse::<u32>().is_err()) {
                let carried = "a container needs a number: 10001";
                self.say(format!("identity.{key} \"{}\"", name.value), carried);
            }
        }
        if self.entry == Entry::Ringfence {
            let carried = "to make namespaces inside, `ringfence run` needs a filter that lets it \
                           (seccomp.json), all of /proc, and on hosts with AppArmor a profile that \
                           allows mounts";
            self.say("require.layers".to_owned(), carried);
            if order.needs_groups() {
                let carried = "a container cannot make control groups, so `ringfence run` refuses to \
                               start: list the other layers, and let mem_limit and pids_limit carry it";
                self.say("require.layers".to_owned(), carried);
            }
        }
    }
}
