//! A Compose file: the service that is built from this folder, and the others beside it.

use super::super::facts::{
    Fact, Facts, Limit, Mount, Mounted, Neighbour, Origin, Port, SecretFile,
};
use super::values::{self, Sizes};
use super::{dockerfile, environment};
use ringfence_policy::display::quoted;
use ringfence_project::command;
use ringfence_project::yaml::{Document, Node};

/// Ports that images usually answer on, by a part of the image's name.
const IMAGES: [(&str, u16); 18] = [
    ("postgres", 5432),
    ("postgis", 5432),
    ("timescale", 5432),
    ("redis", 6379),
    ("valkey", 6379),
    ("mysql", 3306),
    ("mariadb", 3306),
    ("mongo", 27017),
    ("rabbitmq", 5672),
    ("nats", 4222),
    ("memcached", 11211),
    ("elasticsearch", 9200),
    ("opensearch", 9200),
    ("kafka", 9092),
    ("minio", 9000),
    ("vault", 8200),
    ("mailhog", 1025),
    ("mailpit", 1025),
];

pub(super) fn read(file: &str, document: &Document, facts: &mut Facts) {
    let Some(services) = document.root.get("services").and_then(Node::as_map) else { return };
    let named = facts.package.as_ref().and_then(|(_, package)| package.name.as_ref());
    let named = named.map(|name| name.value.clone()).unwrap_or_default();
    let built_here = |service: &Node| {
        let build = service.get("build");
        let context = build.and_then(|build| build.get("context")).or(build);
        context.and_then(Node::as_str).is_some_and(|path| matches!(path, "." | "./"))
    };
    let own = services
        .iter()
        .find(|one| one.key == named && one.value.get("build").is_some())
        .or_else(|| services.iter().find(|one| built_here(&one.value)))
        .or_else(|| services.iter().find(|one| one.key == named))
        .or_else(|| services.iter().find(|one| one.value.get("build").is_some()))
        .or_else(|| services.first().filter(|_| services.len() == 1));
    let Some(own) = own else {
        return facts.note(format!(
            "{}: no service is built from this folder or named like it, so none is read",
            quoted(file)
        ));
    };
    let at = |line: usize| Origin::new(file, line);
    facts.names.push(Fact::new(own.key.clone(), at(own.line)));
    let service = Service { file, node: &own.value };
    service.start(facts);
    service.ports(facts);
    service.mounts(facts);
    service.limits(facts);
    service.rest(facts);
    service.secrets(&document.root, facts);
    if let Some(env) = own.value.get("environment") {
        environment::read(file, env, facts);
    }
    for name in values::names(own.value.get("depends_on")) {
        let other = services.iter().find(|one| one.key == name.value);
        let port = other.and_then(|other| port_of(&other.value));
        facts.neighbours.push(Fact::new(Neighbour { name: name.value, port }, at(name.line)));
    }
}

/// The port another service answers on: what it exposes, else what its image usually does.
fn port_of(service: &Node) -> Option<u16> {
    let exposed = service.get("expose").and_then(Node::as_seq).and_then(<[Node]>::first);
    let exposed = exposed.and_then(|port| dockerfile::port(&port.shown())).map(|port| port.number);
    let published = service.get("ports").and_then(Node::as_seq).and_then(<[Node]>::first);
    let image = service.get("image").and_then(Node::as_str).unwrap_or_default();
    let image = image.split(['@', ':']).next().unwrap_or_default();
    let image = image.rsplit('/').next().unwrap_or_default();
    let usual = IMAGES.iter().find(|(name, _)| image.contains(name)).map(|(_, port)| *port);
    exposed.or(usual).or_else(|| published.and_then(inside_port).map(|port| port.number))
}

/// The port inside the container of an entry of `ports`.
fn inside_port(entry: &Node) -> Option<Port> {
    if let Some(target) = entry.get("target") {
        let udp = entry.get("protocol").and_then(Node::as_str) == Some("udp");
        return dockerfile::port(&target.shown()).map(|port| Port { udp, ..port });
    }
    let text = values::expanded(&entry.shown())?;
    dockerfile::port(text.rsplit(':').next()?)
}

struct Service<'a> {
    file: &'a str,
    node: &'a Node,
}

impl Service<'_> {
    fn at(&self, node: &Node) -> Origin {
        Origin::new(self.file, node.line())
    }

    fn start(&self, facts: &mut Facts) {
        if let Some(folder) = self.node.get("working_dir")
            && let Some(path) = values::text(folder)
        {
            facts.roots.insert(0, Fact::new(path, self.at(folder)));
        }
        let (entry, command) = (self.node.get("entrypoint"), self.node.get("command"));
        let Some(first) = command.or(entry).filter(|node| !node.is_null()) else { return };
        let mut words = Vec::new();
        for node in [entry, command].into_iter().flatten().filter(|node| !node.is_null()) {
            match words_of(node) {
                Ok(more) => words.extend(more),
                Err(why) => {
                    return facts.note(format!(
                        "{}: its command cannot be started without a shell: {why}",
                        self.at(node)
                    ));
                }
            }
        }
        let root = facts.roots.first().map(|root| root.value.clone());
        if let Some(start) = dockerfile::tidy(words, Vec::new(), root.as_deref(), "command") {
            facts.starts.push(Fact::new(start, self.at(first)));
        }
    }

    fn ports(&self, facts: &mut Facts) {
        for key in ["ports", "expose"] {
            for entry in self.node.get(key).and_then(Node::as_seq).unwrap_or_default() {
                match inside_port(entry) {
                    Some(port) => facts.ports.push(Fact::new(port, self.at(entry))),
                    None => facts.note(format!("{}: not one port", self.at(entry))),
                }
            }
        }
    }

    fn mounts(&self, facts: &mut Facts) {
        for entry in self.node.get("volumes").and_then(Node::as_seq).unwrap_or_default() {
            if let Some(mount) = mount_of(entry) {
                facts.mounts.push(Fact::new(mount, self.at(entry)));
            }
        }
        for entry in values::names(self.node.get("tmpfs")) {
            let (at, options) = entry.value.split_once(':').unwrap_or((&entry.value, ""));
            let size = options.split(',').find_map(|option| option.strip_prefix("size="));
            let what = Mounted::Scratch(size.and_then(|size| values::size(size, Sizes::Compose)));
            let mount = Mount { at: at.to_owned(), what, read_only: false };
            facts.mounts.push(Fact::new(mount, Origin::new(self.file, entry.line)));
        }
    }

    fn limits(&self, facts: &mut Facts) {
        let deployed = |key: &str| self.node.path(["deploy", "resources", "limits", key]);
        let plain = |key: &str| self.node.get(key);
        for node in [deployed("memory"), plain("mem_limit")].into_iter().flatten() {
            if let Some(bytes) = values::size(&node.shown(), Sizes::Compose) {
                facts.limits.push(Fact::new(Limit::Memory(bytes), self.at(node)));
            }
        }
        for node in [deployed("cpus"), plain("cpus")].into_iter().flatten() {
            if let Ok(cores) = node.shown().parse::<f64>() {
                facts.limits.push(Fact::new(Limit::Cpu(cores), self.at(node)));
            }
        }
        for node in [deployed("pids"), plain("pids_limit")].into_iter().flatten() {
            if let Some(pids) = node.as_int().and_then(|pids| u64::try_from(pids).ok()) {
                facts.limits.push(Fact::new(Limit::Pids(pids), self.at(node)));
            }
        }
        if let Some(node) = self.node.path(["ulimits", "nofile"]) {
            let number = node.get("hard").or_else(|| node.get("soft")).unwrap_or(node);
            if let Some(files) = number.as_int().and_then(|files| u64::try_from(files).ok()) {
                facts.limits.push(Fact::new(Limit::OpenFiles(files), self.at(node)));
            }
        }
    }

    fn rest(&self, facts: &mut Facts) {
        if let Some(node) = self.node.get("user") {
            facts.users.push(Fact::new(node.shown(), self.at(node)));
        }
        if let Some(node) = self.node.get("stop_signal") {
            facts.signals.push(Fact::new(node.shown(), self.at(node)));
        }
        if let Some(node) = self.node.get("stop_grace_period")
            && let Some(seconds) = values::seconds(&node.shown())
        {
            facts.grace.push(Fact::new(seconds, self.at(node)));
        }
        for key in ["privileged", "network_mode", "pid", "cap_add", "devices"] {
            if let Some(node) = self.node.get(key).filter(|node| node.as_bool() != Some(false)) {
                facts.note(format!(
                    "{}: `{key}` gives the container more than a boundary ever does; it is left out",
                    self.at(node)
                ));
            }
        }
    }

    fn secrets(&self, root: &Node, facts: &mut Facts) {
        for entry in self.node.get("secrets").and_then(Node::as_seq).unwrap_or_default() {
            let name = entry.get("source").unwrap_or(entry).shown();
            let target = entry.get("target").map_or_else(|| name.clone(), Node::shown);
            let at =
                if target.starts_with('/') { target } else { format!("/run/secrets/{target}") };
            let source = root.path(["secrets", name.as_str(), "file"]).and_then(values::text);
            facts.secret_files.push(Fact::new(SecretFile { name, source, at }, self.at(entry)));
        }
    }
}

fn words_of(node: &Node) -> Result<Vec<String>, String> {
    let text = |node| values::text(node).ok_or_else(|| "a variable is in it".to_owned());
    if let Some(items) = node.as_seq() {
        return items.iter().map(text).collect();
    }
    command::split(&text(node)?).map(|plain| plain.words).map_err(|error| error.to_string())
}

/// `source:target:ro`, `target`, or the long form.
fn mount_of(entry: &Node) -> Option<Mount> {
    if let Some(target) = entry.get("target") {
        let kind = entry.get("type").map(Node::shown).unwrap_or_default();
        let source = entry.get("source").and_then(values::text);
        let what = match (kind.as_str(), source) {
            ("tmpfs", _) => {
                let size = entry.path(["tmpfs", "size"]).map(Node::shown);
                Mounted::Scratch(size.and_then(|size| values::size(&size, Sizes::Compose)))
            }
            ("bind", Some(source)) => Mounted::Bind(source),
            _ => Mounted::Data,
        };
        let read_only = entry.get("read_only").and_then(Node::as_bool).unwrap_or(false);
        return Some(Mount { at: values::text(target)?, what, read_only });
    }
    let text = values::text(entry)?;
    let mut parts = text.split(':');
    let first = parts.next()?.to_owned();
    let Some(at) = parts.next() else {
        return Some(Mount { at: first, what: Mounted::Data, read_only: false });
    };
    let read_only = parts.next().is_some_and(|options| options.split(',').any(|one| one == "ro"));
    let what =
        if first.starts_with(['/', '.', '~']) { Mounted::Bind(first) } else { Mounted::Data };
    Some(Mount { at: at.to_owned(), what, read_only })
}
