//! Who the container is and what it may do to its host.

use super::{Judge, Said, items};
use crate::render::Entry;
use ringfence_project::yaml::Node;

/// The way out of a container that each of these opens.
const HOST: &str = "the container shares this with the host";

impl Judge<'_> {
    pub(super) fn privileges(&mut self) {
        self.user();
        let true_ = |node: &Node| node.as_bool() == Some(true) || node.shown() == "true";
        // Compose takes these words for true where a text stands.
        let perhaps = |node: &Node| {
            let word = node.shown().to_lowercase();
            true_(node) || ["1", "on", "y", "yes", "true"].contains(&word.as_str())
        };
        self.must(
            "writable-root",
            "read_only",
            "true",
            "whoever takes the service over can change its files",
            true_,
        );
        self.must_not(
            "privileged",
            "privileged",
            "every device and right of the host is in it",
            perhaps,
        );
        self.capabilities();
        self.security();
        for (key, weak) in [
            ("pid", &["host", "service:", "container:"][..]),
            ("ipc", &["host", "service:", "container:", "shareable"]),
            ("uts", &["host"]),
            ("userns_mode", &["host"]),
            ("cgroup", &["host"]),
        ] {
            self.must_not("host-namespace", key, HOST, |node| {
                weak.iter().any(|word| node.shown().starts_with(word))
            });
        }
        let some = |node: &Node| !items(node).is_empty() && !node.is_null();
        self.must_not("device", "devices", "a device of the host is in the container", some);
        self.must_not("device", "device_cgroup_rules", "devices of the host can be opened", some);
        self.must_not("device", "gpus", "devices of the host are in the container", some);
        self.must_not(
            "host-control",
            "use_api_socket",
            "who reaches the engine is root on the host",
            true_,
        );
        self.must_not("other-cgroup", "cgroup_parent", "limits are those of another group", some);
        self.groups();
    }

    fn user(&mut self) {
        self.compared();
        let (user, group) = self.order.user();
        let wanted = format!("\"{user}:{group}\"");
        let why =
            "without it the image decides, and root is one fault of the kernel away from the host";
        if self.is_missing("user") {
            let said = Said { wanted: &wanted, found: "nothing", why };
            self.weaker("root-user", "user", None, said);
            return;
        }
        let Some(node) = self.value("user") else { return };
        let found = node.shown();
        let (name, gid) = found.split_once(':').unwrap_or((&found, ""));
        let named = self.order.boundary.identity.user.as_ref();
        let named = named.and_then(|name| name.value.parse::<u32>().ok());
        let line = Some(node.line());
        if matches!(name, "0" | "root" | "") {
            self.weaker("root-user", "user", line, Said { wanted: &wanted, found: &found, why });
        } else if matches!(gid, "0" | "root") {
            let why = "files that root's group may write are open to the service";
            self.weaker("root-group", "user", line, Said { wanted: &wanted, found: &found, why });
        } else if let (Some(named), Ok(number)) = (named, name.parse::<u32>())
            && named != number
        {
            let why = "another user's files are open to the service";
            self.weaker("other-user", "user", line, Said { wanted: &wanted, found: &found, why });
        }
    }

    fn groups(&mut self) {
        let Some(node) = self.value("group_add") else { return };
        for group in items(node) {
            self.compared();
            let shown = group.shown();
            let granted = self.order.boundary.identity.groups.iter().any(|one| one.value == shown);
            if !granted {
                let said = Said {
                    wanted: "a group of identity.groups",
                    found: &shown,
                    why: "files of that group are open to the service",
                };
                self.weaker("extra-group", "group_add", Some(group.line()), said);
            }
        }
    }

    fn capabilities(&mut self) {
        let all = |node: &Node| items(node).iter().any(|one| one.shown().to_uppercase() == "ALL");
        self.must(
            "capabilities",
            "cap_drop",
            "ALL",
            "a container keeps fourteen capabilities of root when none are dropped",
            all,
        );
        let Some(node) = self.value("cap_add") else { return };
        for capability in items(node) {
            self.compared();
            let shown = capability.shown();
            let said = Said {
                wanted: "nothing",
                found: &shown,
                why: "the service needs no capability: every grant works without",
            };
            self.weaker("capabilities", "cap_add", Some(capability.line()), said);
        }
    }

    fn security(&mut self) {
        self.compared();
        let node = self.value("security_opt");
        if node.is_none() && self.service.get("security_opt").is_some() {
            return;
        }
        let options = node.map(items).unwrap_or_default();
        let line = node.map(Node::line);
        // Of an option that stands twice, the engine takes the last.
        let new = options.iter().rfind(|one| text(one).starts_with("no-new-privileges"));
        let at_new = new.map(|one| one.line());
        let off = new.is_some_and(|one| {
            !["no-new-privileges", "no-new-privileges:true"].contains(&text(one).as_str())
        });
        if (new.is_none() && !self.inherits) || off {
            let said = Said {
                wanted: "no-new-privileges:true",
                found: if off { "false" } else { "nothing" },
                why: "a set-user-id file makes the service another user",
            };
            self.weaker("new-privileges", "security_opt", at_new.or(line), said);
        }
        self.filter(&options, line);
        self.opened(&options);
    }

    /// The filter of system calls.
    fn filter(&mut self, options: &[&Node], line: Option<usize>) {
        let filter = options.iter().rfind(|one| text(one).starts_with("seccomp:"));
        let at_filter = filter.map(|one| one.line());
        match filter.map(|one| text(one)) {
            Some(found) if found == "seccomp:unconfined" => {
                let said = Said {
                    wanted: "seccomp=./seccomp.json",
                    found: "unconfined",
                    why: "every call of the kernel is open to native code",
                };
                self.weaker("seccomp", "security_opt", at_filter, said);
            }
            Some(found) => {
                let file = found.trim_start_matches("seccomp:").to_owned();
                // Its content is compared by itself.
                if file != "./seccomp.json" {
                    let line = at_filter.unwrap_or_default();
                    self.undecided(
                        line,
                        &format!("the filter is in {file}: compare that file too"),
                    );
                }
            }
            None if !self.inherits => {
                let said = Said {
                    wanted: "seccomp=./seccomp.json",
                    found: "nothing",
                    why: "the engine's own filter lets more calls through than the service needs",
                };
                self.weaker("seccomp", "security_opt", line, said);
            }
            None => {}
        }
    }

    /// What an engine closes and these options open.
    fn opened(&mut self, options: &[&Node]) {
        for one in options {
            let found = text(one);
            let unmasked = found == "systempaths:unconfined" && self.entry == Some(Entry::Node);
            let off = matches!(found.as_str(), "apparmor:unconfined" | "label:disable")
                && self.entry == Some(Entry::Node);
            let known = ["no-new-privileges", "seccomp:"]
                .iter()
                .any(|word| found.starts_with(word))
                || found == "apparmor:docker-default"
                || self.entry != Some(Entry::Node)
                    && (found.starts_with("apparmor:")
                        || ["systempaths:unconfined", "label:disable"].contains(&found.as_str()));
            if !(known || unmasked || off) {
                let said = Said {
                    wanted: "nothing",
                    found: &one.shown(),
                    why: "not known to be harmless",
                };
                self.weaker("unknown-setting", "security_opt", Some(one.line()), said);
            }
            if unmasked || off {
                let said = Said {
                    wanted: "nothing",
                    found: &one.shown(),
                    why: "only `ringfence run` needs it, which closes inside what it opens",
                };
                self.weaker("unconfined", "security_opt", Some(one.line()), said);
            }
        }
    }
}

/// An option with a colon, as older files have it, or an equals sign.
fn text(option: &Node) -> String {
    option.shown().replacen('=', ":", 1)
}
