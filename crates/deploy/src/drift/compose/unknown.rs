//! Settings of a service that nothing else here judges: what is not known to be harmless or stricter
//! is told.

use super::{Judge, Said, items};
use crate::render::{Entry, Order};
use ringfence_policy::model::SecretSource;
use ringfence_policy::paths::normal;
use ringfence_project::yaml::{self, Node};

const UNKNOWN: &str = "not known to be harmless";

/// Keys that are judged by themselves.
const JUDGED: &[&str] = &[
    "build",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "cpus",
    "deploy",
    "device_cgroup_rules",
    "devices",
    "entrypoint",
    "env_file",
    "environment",
    "extends",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "image",
    "ipc",
    "mem_limit",
    "memswap_limit",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "pid",
    "pids_limit",
    "ports",
    "privileged",
    "read_only",
    "secrets",
    "security_opt",
    "tmpfs",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
];
/// Keys that say when and where it runs and not what it may do.
const HARMLESS: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_shares",
    "cpuset",
    "depends_on",
    "domainname",
    "expose",
    "hostname",
    "init",
    "label_file",
    "labels",
    "logging",
    "mem_reservation",
    "mem_swappiness",
    "platform",
    "profiles",
    "pull_policy",
    "restart",
    "scale",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
];
const BUILD: &[&str] = &[
    "additional_contexts",
    "context",
    "dockerfile",
    "labels",
    "no_cache",
    "platforms",
    "provenance",
    "pull",
    "sbom",
    "tags",
];
const DEPLOY: &[&str] = &[
    "endpoint_mode",
    "labels",
    "mode",
    "placement",
    "replicas",
    "resources",
    "restart_policy",
    "rollback_config",
    "update_config",
];
const NETWORK: &[&str] = &["driver", "driver_opts", "enable_ipv6", "internal", "ipam", "labels"];
const ULIMITS: &[&str] = &["core", "fsize", "nofile", "nproc"];

impl Judge<'_> {
    /// Keys that are in no list, and what the rendered service has otherwise.
    pub(super) fn unknown(&mut self) {
        self.keys(self.service, "", &[JUDGED, HARMLESS]);
        for (path, known) in [
            ("build", BUILD),
            ("deploy", DEPLOY),
            ("deploy.resources", &["limits", "reservations"]),
            ("deploy.resources.limits", &["cpus", "memory", "pids"]),
            ("deploy.resources.reservations", &["cpus", "memory"]),
            ("ulimits", ULIMITS),
            ("build.additional_contexts", &[crate::render::dockerfile::CONTEXT]),
        ] {
            if let Some(node) = self.service.path(path.split('.')) {
                self.keys(node, path, &[known]);
            }
        }
        self.context();
        self.places();
        self.names();
        self.own_networks();
        self.sources();
        self.others();
        self.arguments();
        self.volumes();
    }

    fn keys(&mut self, node: &Node, at: &str, known: &[&[&str]]) {
        for entry in node.as_map().unwrap_or_default() {
            self.compared();
            let empty = entry.value.is_null()
                || entry.value.as_bool() == Some(false)
                || entry.value.as_seq().is_some_and(<[Node]>::is_empty);
            let key = entry.key.as_str();
            if known.iter().any(|list| list.contains(&key)) || empty || key.starts_with("x-") {
                continue;
            }
            let key = if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
            self.not_known(&key, entry.line, &entry.value.shown());
        }
    }

    fn not_known(&mut self, key: &str, line: usize, found: &str) {
        let said = Said { wanted: "nothing", found, why: UNKNOWN };
        self.weaker("unknown-setting", key, Some(line), said);
    }

    /// What is built must lie on this machine.
    fn context(&mut self) {
        let Some(build) = self.service.get("build") else { return };
        let Some(context) = build.get("context").or(Some(build)) else { return };
        let Some(text) = context.as_str() else { return };
        self.compared();
        let elsewhere = text.starts_with('/') && std::path::Path::new(text) != self.order.folder;
        if text.contains("://") || text.starts_with("git@") || elsewhere {
            self.not_known("build.context", context.line(), text);
        }
    }

    /// Where it starts, and what asks whether it lives.
    fn places(&mut self) {
        self.compared();
        let folder = self.order.path(&self.order.boundary.service.cwd.value);
        if let Some(node) = self.value("working_dir")
            && normal(&node.shown()) != normal(&folder)
        {
            let said = Said {
                wanted: &folder,
                found: &node.shown(),
                why: "relative names of programs and modules are then looked for elsewhere",
            };
            self.weaker("working-dir", "working_dir", Some(node.line()), said);
        }
        let Some(test) = self.service.path(["healthcheck", "test"]) else { return };
        let off = items(test).first().is_some_and(|word| word.shown() == "NONE");
        let words = |node: &Node| items(node).into_iter().map(Node::shown).collect::<Vec<_>>();
        let wanted = rendered(self.order, self.entry.unwrap_or(Entry::Ringfence), self.name);
        let wanted = wanted.as_ref().and_then(|wanted| wanted.path(["healthcheck", "test"]));
        if !off && wanted.map(words) != Some(words(test)) {
            let said = Said {
                wanted: "the check that `ringfence render compose` writes",
                found: &test.shown(),
                why: "the engine starts another program in the container, again and again",
            };
            self.weaker("other-program", "healthcheck.test", Some(test.line()), said);
        }
    }

    /// Fixed addresses of names.
    fn names(&mut self) {
        let Some(node) = self.value("extra_hosts").filter(|node| !node.is_null()) else { return };
        let pairs: Vec<(String, String, usize)> = match node.as_map() {
            Some(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.shown(), entry.line))
                .collect(),
            None => items(node)
                .into_iter()
                .map(|item| {
                    let text = item.shown();
                    let (name, to) = text.split_once(['=', ':']).unwrap_or((&text, ""));
                    (name.to_owned(), to.to_owned(), item.line())
                })
                .collect(),
        };
        for (name, address, line) in pairs {
            self.compared();
            let hosts = &self.order.boundary.net.hosts;
            let known = hosts.iter().any(|(host, to)| {
                host.to_string() == name && to.value.to_string() == address.trim_matches(['[', ']'])
            });
            if !known {
                let said = Said {
                    wanted: "names and addresses of net.hosts",
                    found: &address,
                    why: "the name then leads to an address that the boundary does not give it",
                };
                self.weaker("host-alias", &format!("extra_hosts {name}"), Some(line), said);
            }
        }
    }

    /// The networks that the service is in.
    fn own_networks(&mut self) {
        let Some(node) = self.service.get("networks") else { return };
        let names: Vec<String> = match node.as_map() {
            Some(entries) => entries.iter().map(|entry| entry.key.clone()).collect(),
            None => items(node).into_iter().map(Node::shown).collect(),
        };
        for entry in node.as_map().unwrap_or_default() {
            let known: &[&str] = &["aliases", "ipv4_address", "ipv6_address", "priority"];
            self.keys(&entry.value, &format!("networks.{}", entry.key), &[known]);
        }
        for name in names {
            if name == "host" {
                self.not_known("networks host", node.line(), "host");
            }
            let Some(network) = self.root.path(["networks", name.as_str()]) else { continue };
            let at = format!("networks {name}");
            self.keys(network, &at, &[NETWORK]);
            if let Some(driver) = network.get("driver").filter(|driver| driver.shown() != "bridge")
            {
                self.not_known(&format!("{at}.driver"), driver.line(), &driver.shown());
            }
            let known = "com.docker.network.bridge.enable_ip_masquerade";
            if let Some(options) = network.get("driver_opts") {
                self.keys(options, &format!("{at}.driver_opts"), &[&[known]]);
            }
        }
    }

    /// Where the service's secrets come from.
    fn sources(&mut self) {
        for secret in &self.order.boundary.secrets {
            let name = secret.name.value.as_str();
            let Some(node) = self.root.path(["secrets", name]) else { continue };
            self.compared();
            let text = |key: &str| node.get(key).map(Node::shown);
            let file = text("file").map(|file| normal(&file));
            let good = match &secret.from.value {
                SecretSource::File(path) => {
                    let other = self.order.folder.join(path);
                    text("environment").is_none()
                        && file.is_none_or(|file| {
                            file == normal(path) || std::path::Path::new(&file) == other
                        })
                }
                SecretSource::Environment(variable) => {
                    file.is_none() && text("environment").is_none_or(|found| found == *variable)
                }
                _ => true,
            };
            if !good || node.get("content").is_some() {
                let said = Said {
                    wanted: "the source that the boundary names",
                    found: &node.shown(),
                    why: "another file or text is given to the service as its secret",
                };
                self.weaker("secret-source", &format!("secrets {name}"), Some(node.line()), said);
            }
        }
    }

    /// Words that `command` puts behind the rendered `entrypoint`.
    fn arguments(&mut self) {
        self.compared();
        let Some(entrypoint) = self.service.get("entrypoint") else { return };
        let Some(more) = self.service.get("command").filter(|more| !more.is_null()) else { return };
        let words = |node: &Node| items(node).into_iter().map(Node::shown).collect::<Vec<_>>();
        let wanted = rendered(self.order, self.entry.unwrap_or(Entry::Ringfence), self.name);
        let wanted = wanted.as_ref().and_then(|wanted| wanted.get("entrypoint")).map(words);
        if wanted == Some(words(entrypoint)) && !words(more).is_empty() {
            self.not_known("command", more.line(), &more.shown());
        }
    }

    /// Volumes that are more than a volume of the engine.
    fn volumes(&mut self) {
        for volume in self.root.get("volumes").and_then(Node::as_map).unwrap_or_default() {
            let at = format!("volumes {}", volume.key);
            self.keys(&volume.value, &at, &[&["external", "labels", "name"]]);
        }
    }

    /// Services beside it that share what is its own.
    fn others(&mut self) {
        let services = self.root.get("services").and_then(Node::as_map).unwrap_or_default();
        let own = format!("service:{}", self.name);
        let name = self.name;
        for other in services.iter().filter(|other| other.key != name) {
            self.compared();
            let mut told: Vec<(&str, &Node)> = Vec::new();
            for key in ["pid", "network_mode", "ipc"] {
                told.extend(
                    other.value.get(key).filter(|node| node.shown() == own).map(|one| (key, one)),
                );
            }
            for (key, names) in [
                ("volumes_from", vec![self.name]),
                (
                    "secrets",
                    self.order.boundary.secrets.iter().map(|one| one.name.value.as_str()).collect(),
                ),
            ] {
                for item in other.value.get(key).map(items).unwrap_or_default() {
                    let shown = item.get("source").unwrap_or(item).shown();
                    let name = shown.split(':').next().unwrap_or_default();
                    if names.contains(&name) {
                        told.push((key, item));
                    }
                }
            }
            for (key, node) in told {
                let said = Said {
                    wanted: "nothing",
                    found: &node.shown(),
                    why: "another program has what is the service's own",
                };
                let key = format!("(of {}) {key}", other.key);
                self.weaker("other-service", &key, Some(node.line()), said);
            }
        }
    }
}

/// The service as it is rendered.
fn rendered(order: &Order<'_>, entry: Entry, name: &str) -> Option<Node> {
    let mut order = order.clone();
    order.entry = Some(entry);
    let rendered = crate::render::compose::render(&order).ok()?;
    let (_, text) = rendered.files.first()?;
    let document = yaml::documents(text).ok()?.into_iter().next()?;
    let services = document.root.get("services")?;
    services.get(name).or_else(|| services.get(order.name())).cloned()
}
