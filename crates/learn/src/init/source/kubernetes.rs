//! Kubernetes manifests: the first container of the first workload.

use super::super::facts::{Fact, Facts, Limit, Mount, Mounted, Origin, SecretFile};
use super::values::{self, Sizes};
use super::{dockerfile, environment};
use ringfence_policy::display::quoted;
use ringfence_project::yaml::{Document, Node};

/// Where the pod stands in each kind of workload.
const WORKLOADS: [(&str, &[&str]); 7] = [
    ("CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
    ("DaemonSet", &["spec", "template", "spec"]),
    ("Deployment", &["spec", "template", "spec"]),
    ("Job", &["spec", "template", "spec"]),
    ("Pod", &["spec"]),
    ("ReplicaSet", &["spec", "template", "spec"]),
    ("StatefulSet", &["spec", "template", "spec"]),
];

pub(super) fn read(file: &str, document: &Document, facts: &mut Facts) {
    let root = &document.root;
    let kind = root.get("kind").map(Node::shown).unwrap_or_default();
    let Some((_, path)) = WORKLOADS.iter().find(|(name, _)| *name == kind) else { return };
    let at = |node: &Node| Origin::new(file, node.line());
    let Some(pod) = root.path(path.iter().copied()) else {
        return facts.note(format!("{}: the {kind} has no pod in it", at(root)));
    };
    let Some(containers) = pod.get("containers").and_then(Node::as_seq) else {
        return facts.note(format!("{}: the {kind} has no containers that can be read", at(pod)));
    };
    let named = root.path(["metadata", "name"]);
    if let Some(first) = &facts.workload {
        let this = named.map(Node::shown).unwrap_or_default();
        return facts.note(format!(
            "{}: {} is a second workload after {first}: only the first is read",
            at(root),
            quoted(&this)
        ));
    }
    let Some(container) = containers.first() else { return };
    facts.workload = Some(at(root).to_string());
    if containers.len() > 1 {
        facts.note(format!(
            "{}: the pod has {} containers, only the first is read",
            at(pod),
            containers.len()
        ));
    }
    if let Some(name) = named.and_then(|name| Some((values::text(name)?, at(name)))) {
        facts.names.push(Fact::new(name.0, name.1));
    }
    let one = Container { file, pod, node: container };
    one.start(facts);
    one.ports(facts);
    one.mounts(facts);
    one.limits(facts);
    one.identity(facts);
    if let Some(env) = container.get("env") {
        environment::read(file, env, facts);
    }
    if let Some(from) = container.get("envFrom") {
        facts.note(format!(
            "{}: the variables of envFrom are not known here: list them in env.pass",
            at(from)
        ));
    }
    if let Some(grace) = pod.get("terminationGracePeriodSeconds")
        && let Some(seconds) = values::seconds(&grace.shown())
    {
        facts.grace.push(Fact::new(seconds, at(grace)));
    }
}

struct Container<'a> {
    file: &'a str,
    pod: &'a Node,
    node: &'a Node,
}

impl Container<'_> {
    fn at(&self, node: &Node) -> Origin {
        Origin::new(self.file, node.line())
    }

    fn start(&self, facts: &mut Facts) {
        if let Some(folder) = self.node.get("workingDir")
            && let Some(path) = values::text(folder)
        {
            facts.roots.insert(0, Fact::new(path, self.at(folder)));
        }
        let list = |key: &str| self.node.get(key).and_then(Node::as_seq);
        let Some(command) = list("command").filter(|list| !list.is_empty()) else {
            if let Some(arguments) = self.node.get("args") {
                facts.note(format!(
                    "{}: arguments without a command: they belong to the image's entry point",
                    self.at(arguments)
                ));
            }
            return;
        };
        let words = command.iter().chain(list("args").unwrap_or_default()).map(values::text);
        let Some(words) = words.collect::<Option<Vec<_>>>() else {
            return facts.note(format!("{}: its command has variables in it", self.at(self.node)));
        };
        let root = facts.roots.first().map(|root| root.value.clone());
        if let (Some(start), Some(first)) =
            (dockerfile::tidy(words, Vec::new(), root.as_deref(), "command"), command.first())
        {
            facts.starts.push(Fact::new(start, self.at(first)));
        }
    }

    fn ports(&self, facts: &mut Facts) {
        for entry in self.node.get("ports").and_then(Node::as_seq).unwrap_or_default() {
            let Some(number) = entry.get("containerPort") else { continue };
            let protocol = entry.get("protocol").map_or("TCP".to_owned(), Node::shown);
            if let Some(port) = dockerfile::port(&format!("{}/{protocol}", number.shown())) {
                facts.ports.push(Fact::new(port, self.at(number)));
            }
        }
    }

    fn mounts(&self, facts: &mut Facts) {
        let volumes = self.pod.get("volumes").and_then(Node::as_seq).unwrap_or_default();
        for entry in self.node.get("volumeMounts").and_then(Node::as_seq).unwrap_or_default() {
            let (Some(name), Some(at)) = (entry.get("name"), entry.get("mountPath")) else {
                continue;
            };
            let Some(at) = values::text(at) else { continue };
            let name = name.shown();
            let is_it = |one: &&Node| one.get("name").is_some_and(|own| own.shown() == name);
            let Some(volume) = volumes.iter().find(is_it) else { continue };
            let origin = self.at(entry);
            if volume.get("secret").is_some() {
                let sub = entry.get("subPath").is_some();
                let name = if sub { name } else { format!("{name}-files") };
                facts.secret_files.push(Fact::new(SecretFile { name, source: None, at }, origin));
                continue;
            }
            let read_only = entry.get("readOnly").and_then(Node::as_bool).unwrap_or(false);
            let (what, read_only) = if let Some(scratch) = volume.get("emptyDir") {
                let size = scratch.get("sizeLimit").map(Node::shown);
                let size = size.and_then(|size| values::size(&size, Sizes::Kubernetes));
                (Mounted::Scratch(size), read_only)
            } else if let Some(path) = volume.path(["hostPath", "path"]).and_then(values::text) {
                (Mounted::Bind(path), read_only)
            } else {
                let fixed = ["configMap", "projected", "downwardAPI"];
                (Mounted::Data, read_only || fixed.iter().any(|key| volume.get(key).is_some()))
            };
            facts.mounts.push(Fact::new(Mount { at, what, read_only }, origin));
        }
    }

    fn limits(&self, facts: &mut Facts) {
        let limit = |key: &str| self.node.path(["resources", "limits", key]);
        if let Some(node) = limit("memory")
            && let Some(bytes) = values::size(&node.shown(), Sizes::Kubernetes)
        {
            facts.limits.push(Fact::new(Limit::Memory(bytes), self.at(node)));
        }
        if let Some(node) = limit("cpu")
            && let Some(cores) = values::cores(&node.shown())
        {
            facts.limits.push(Fact::new(Limit::Cpu(cores), self.at(node)));
        }
    }

    fn identity(&self, facts: &mut Facts) {
        let own = self.node.get("securityContext");
        let pods = self.pod.get("securityContext");
        let of = |key: &str| [own, pods].into_iter().flatten().find_map(|one| one.get(key));
        if let Some(user) = of("runAsUser") {
            let group = of("runAsGroup").map(|group| format!(":{}", group.shown()));
            let text = format!("{}{}", user.shown(), group.unwrap_or_default());
            facts.users.push(Fact::new(text, self.at(user)));
        }
        if own.and_then(|own| own.get("privileged")).and_then(Node::as_bool) == Some(true) {
            facts.note(format!(
                "{}: a privileged container may do more than a boundary ever grants",
                self.at(self.node)
            ));
        }
    }
}
