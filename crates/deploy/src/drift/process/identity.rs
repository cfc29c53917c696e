//! Who the process is, what it may, and what it shares with the host.

use super::{Judge, Weaker};
use ringfence_policy::layer::Layer;
use std::fs;

impl Judge<'_> {
    pub(super) fn identity(&mut self) {
        let ids = |text: Option<&str>| -> Vec<u32> {
            let words = text.unwrap_or_default().split_whitespace();
            words.filter_map(|word| word.parse().ok()).collect()
        };
        let (users, groups, more) = (
            ids(self.facts.status("Uid")),
            ids(self.facts.status("Gid")),
            ids(self.facts.status("Groups")),
        );
        self.compared();
        let identity = &self.order.boundary.identity;
        let named = |name: &Option<ringfence_policy::source::Located<String>>, file: &str| {
            name.as_ref().and_then(|name| number(&name.value, file))
        };
        let (user, group) =
            (named(&identity.user, "/etc/passwd"), named(&identity.group, "/etc/group"));
        self.id("Uid", "root-user", "other-user", &users, user);
        self.id("Gid", "root-group", "other-group", &groups, group);
        let granted: Vec<u32> =
            identity.groups.iter().filter_map(|name| number(&name.value, "/etc/group")).collect();
        let extra: Vec<String> = more
            .iter()
            .filter(|gid| !granted.contains(gid) && !groups.contains(gid))
            .map(u32::to_string)
            .collect();
        if extra.is_empty() {
            return;
        }
        if self.enforced && !users.contains(&0) {
            let groups = extra.join(", ");
            self.undecided(format!(
                "groups {groups} are those of whoever started it: without root they cannot be given up"
            ));
            return;
        }
        self.weaker(Weaker {
            code: "extra-group",
            layer: Layer::Identity,
            place: self.place("status: Groups"),
            wanted: "the groups of identity.groups",
            found: extra.join(", "),
            why: "files of these groups are open to the service",
        });
    }

    fn id(
        &mut self,
        key: &str,
        root: &'static str,
        other: &'static str,
        ids: &[u32],
        wanted: Option<u32>,
    ) {
        let found = || {
            let mut ids: Vec<String> = ids.iter().map(u32::to_string).collect();
            ids.dedup();
            ids.join(", ")
        };
        let text = wanted.map_or_else(|| "not 0".to_owned(), |wanted| wanted.to_string());
        let (code, why) = if ids.contains(&0) && wanted != Some(0) {
            (root, "one fault of the kernel is between the service and the host")
        } else if wanted.is_some_and(|wanted| ids.iter().any(|id| *id != wanted)) {
            (other, "files of somebody else are open to the service")
        } else {
            return;
        };
        let place = self.place(&format!("status: {key}"));
        let found = found();
        self.weaker(Weaker { code, layer: Layer::Identity, place, wanted: &text, found, why });
    }

    pub(super) fn privileges(&mut self) {
        let facts = self.facts;
        let none = |text: Option<&str>| {
            text.is_none_or(|text| u64::from_str_radix(text, 16).is_ok_and(|bits| bits == 0))
        };
        for key in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            self.compared();
            let found =
                self.each(|status| status.get(key).filter(|text| !none(Some(text))).cloned());
            if let Some(found) = found {
                self.weaker(Weaker {
                    code: "capabilities",
                    layer: Layer::Identity,
                    place: self.place(&format!("status: {key}")),
                    wanted: "none",
                    found,
                    why: "the process may do what only root may",
                });
            }
        }
        self.compared();
        let open =
            self.each(|status| status.get("NoNewPrivs").filter(|value| *value != "1").cloned());
        if open.is_some() {
            let bounds = facts.status("CapBnd").unwrap_or("unknown");
            self.weaker(Weaker {
                code: "new-privileges",
                layer: Layer::Seccomp,
                place: self.place("status: NoNewPrivs"),
                wanted: "1",
                found: format!("0, and the bounding set is {bounds}"),
                why: "a set-user-id file makes it another user",
            });
        }
        self.compared();
        let open = self.each(|status| status.get("Seccomp").filter(|value| *value != "2").cloned());
        if let Some(found) = open {
            self.weaker(Weaker {
                code: "seccomp",
                layer: Layer::Seccomp,
                place: self.place("status: Seccomp"),
                wanted: "2, a filter",
                found,
                why: "every call of the kernel is open to native code",
            });
        }
    }

    /// The first of the process and its threads for which something is found.
    fn each<T>(
        &self,
        find: impl Fn(&std::collections::BTreeMap<String, String>) -> Option<T>,
    ) -> Option<T> {
        std::iter::once(&self.facts.status).chain(&self.facts.threads).find_map(find)
    }

    pub(super) fn namespaces(&mut self) {
        let facts = self.facts;
        for (name, (theirs, ours)) in &facts.namespaces {
            let theirs = match theirs {
                Ok(theirs) => theirs,
                Err(why) => {
                    let place = self.place(&format!("ns/{name}"));
                    self.undecided(format!("{place} cannot be read: {why}"));
                    continue;
                }
            };
            self.compared();
            if Some(theirs) != ours.as_ref() {
                continue;
            }
            let why = match *name {
                "net" => "every address of this host is open to it, loopback too",
                "mnt" => "it sees all files of this host that its user may read",
                "pid" => "it sees and may signal processes of its user",
                "ipc" => "it shares memory and queues with processes of its user",
                "cgroup" => "it sees the host's control groups",
                _ => "it sees the host's name",
            };
            self.weaker(Weaker {
                code: "host-namespace",
                layer: Layer::Namespaces,
                place: self.place(&format!("ns/{name}")),
                wanted: "a namespace of its own",
                found: format!("that of ringfence drift itself, {theirs}"),
                why,
            });
        }
    }
}

/// A number, or that of a name in a file of accounts of this host.
fn number(name: &str, file: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let accounts = fs::read_to_string(file).ok()?;
    let mut lines = accounts.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?)
}
