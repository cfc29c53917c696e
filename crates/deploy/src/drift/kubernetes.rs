//! Manifests of a cluster, compared with the boundary.
//!
//! What the boundary asks of a pod is what `render kubernetes` writes, so the two cannot disagree.
//! Objects of other services and of kinds that say nothing of the boundary are passed over; settings
//! that are stronger are no drift. Values that templates or variables fill in later are named by their
//! line and not guessed. What an admission controller adds to a pod is not seen here.

mod access;
mod check;
mod container;
mod environment;
mod network;
mod pod;
mod quantity;
mod structure;
mod unknown;
mod volumes;

use super::{Comparison, Deployed, Drift, DriftError};
use crate::render::kubernetes::{NAME_LABEL, audit, command, objects, policy};
use crate::render::{Entry, Order};
use check::Check;
use ringfence_project::yaml::{self, Document, Mistake, Node};

/// Kinds that make pods, each with the path of its pod's spec.
const WORKLOADS: [(&str, &[&str]); 9] = [
    ("Pod", &[]),
    ("Deployment", &["spec", "template"]),
    ("DeploymentConfig", &["spec", "template"]),
    ("ReplicationController", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
];
/// Kinds of a complete set besides the workload: two of them say that the file means to be one.
const SET: [&str; 3] = ["Namespace", "ServiceAccount", "NetworkPolicy"];

/// Kinds that lead from outside of the cluster to a Service.
const ROUTES: [&str; 9] = [
    "Ingress",
    "IngressRoute",
    "HTTPRoute",
    "GRPCRoute",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
    "Route",
    "VirtualService",
];

/// One object of the file.
#[derive(Clone, Copy)]
struct Found<'a> {
    document: &'a Document,
    node: &'a Node,
    kind: &'a str,
    name: &'a str,
}

impl<'a> Found<'a> {
    fn new(document: &'a Document, node: &'a Node) -> Option<Self> {
        let kind = node.get("kind")?.as_str()?;
        let name = node.path(["metadata", "name"]);
        let name = name.and_then(Node::as_str).unwrap_or("without a name");
        Some(Self { document, node, kind, name })
    }

    /// The metadata of its pods: its own, or that of its template.
    fn template(&self) -> Option<&'a Node> {
        let (_, path) = WORKLOADS.iter().find(|(kind, _)| *kind == self.kind)?;
        self.node.path(path.iter().copied())
    }

    /// Whether the object is the service's, or may be: its name is a template's.
    fn is_of(&self, service: &str) -> bool {
        let labelled = |metadata: Option<&Node>| {
            let labels = metadata.and_then(|metadata| metadata.get("labels"));
            [NAME_LABEL, "app", "k8s-app"].iter().any(|label| {
                labels.and_then(|labels| labels.get(label)).and_then(Node::as_str) == Some(service)
            })
        };
        let named = match self.node.path(["metadata", "name"]) {
            Some(name) => name.as_str() == Some(service) || name.is_template(),
            None => false,
        };
        let template = self.template();
        let account = template.and_then(|template| template.path(["spec", "serviceAccountName"]));
        named
            || labelled(self.node.get("metadata"))
            || labelled(template.and_then(|template| template.get("metadata")))
            || account.and_then(Node::as_str) == Some(service)
    }
}

/// Compares it.
///
/// # Errors
/// A document that cannot be read, or nothing that is of the service.
pub fn compare(order: &Order<'_>, deployed: Deployed<'_>) -> Result<Comparison, DriftError> {
    let mut comparison = Comparison::default();
    let documents = read(deployed, &mut comparison)?;
    let found: Vec<Found<'_>> = documents.iter().flat_map(flattened).collect();
    let mut judged = false;
    let entry = match entry(order, &found) {
        Some(entry) => entry,
        None => nearest(order, &found)?,
    };
    let set =
        found.iter().filter(|object| SET.contains(&object.kind) && object.is_of(order.name()));
    let complete = set.count() >= 2;
    for object in &found {
        judged |= judge(order, entry, *object, &found, &mut comparison)?;
    }
    let workload =
        found.iter().find(|object| object.template().is_some() && object.is_of(order.name()));
    if let Some(workload) = workload {
        network::reachable(order, *workload, &found, complete, &mut comparison);
        absent(order, &found, complete, &mut comparison);
    }
    if !judged {
        let mut names: Vec<String> = found.iter().map(|object| object.name.to_owned()).collect();
        names.sort();
        names.dedup();
        return Err(nothing(order, deployed, &comparison, names));
    }
    Ok(comparison)
}

/// The documents that can be read; templates that cannot are undecided.
fn read(deployed: Deployed<'_>, comparison: &mut Comparison) -> Result<Vec<Document>, DriftError> {
    let mut documents = Vec::new();
    for document in yaml::each(deployed.text) {
        match document {
            Ok(document) => documents.push(document),
            Err(error) if error.mistake == Mistake::Template => {
                comparison.undecided.push(format!("line {}: {}", error.line, error.what));
            }
            Err(error) => {
                return Err(DriftError::Malformed {
                    path: deployed.path.to_owned(),
                    line: error.line,
                    what: error.what,
                });
            }
        }
    }
    Ok(documents)
}

/// Objects of a document: itself, or the items of a list.
fn flattened(document: &Document) -> Vec<Found<'_>> {
    let list =
        document.root.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
    let items = document.root.get("items").and_then(Node::as_seq).filter(|_| list);
    match items {
        Some(items) => items.iter().filter_map(|item| Found::new(document, item)).collect(),
        None => Found::new(document, &document.root).into_iter().collect(),
    }
}

/// Who starts the service where no workload says it: whose objects these are more like.
fn nearest(order: &Order<'_>, found: &[Found<'_>]) -> Result<Entry, DriftError> {
    let mut counts = [0; 2];
    for (count, entry) in counts.iter_mut().zip([Entry::Node, Entry::Ringfence]) {
        let mut comparison = Comparison::default();
        for object in found {
            judge(order, entry, *object, found, &mut comparison)?;
        }
        *count = comparison.drifts.len();
    }
    Ok(if counts[1] < counts[0] { Entry::Ringfence } else { Entry::Node })
}

/// Who starts the service: as it is ordered, else as the file says.
fn entry(order: &Order<'_>, found: &[Found<'_>]) -> Option<Entry> {
    if let Some(entry) = order.entry {
        return Some(entry);
    }
    found.iter().find(|object| object.template().is_some() && object.is_of(order.name()))?;
    let by_ringfence = found.iter().filter(|object| object.is_of(order.name())).any(|object| {
        let containers =
            object.template().and_then(|template| template.path(["spec", "containers"]));
        containers.and_then(Node::as_seq).unwrap_or_default().iter().any(|container| {
            let word = container.path(["command", "0"]).and_then(Node::as_str);
            word.is_some_and(|word| word.rsplit('/').next() == Some("ringfence"))
        })
    });
    Some(if by_ringfence { Entry::Ringfence } else { Entry::Node })
}

/// Judges one object; says whether it is of the service.
fn judge(
    order: &Order<'_>,
    entry: Entry,
    object: Found<'_>,
    all: &[Found<'_>],
    comparison: &mut Comparison,
) -> Result<bool, DriftError> {
    let mut check = Check::new(object, comparison);
    let version = object.node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    match object.kind {
        "ValidatingAdmissionPolicy" | "ValidatingAdmissionPolicyBinding" => {
            let wanted = policy::objects(order, entry).map_err(|error| impossible(&error))?;
            return Ok(structure::compare(&mut check, &wanted, object));
        }
        "Policy" if version.starts_with("audit.k8s.io/") => {
            let wanted = audit::object(order).map_err(|error| impossible(&error))?;
            return Ok(structure::compare(&mut check, std::slice::from_ref(&wanted), object));
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            return Ok(access::binding(order, &mut check, object));
        }
        kind if ROUTES.contains(&kind) && is_near(order, object, all) => {
            return Ok(unknown::route(order, &mut check, object.node, ""));
        }
        "NetworkPolicy" if selects_ours(order, object, all) => {
            network::policy(order, &mut check, object, all);
        }
        "Service" if selects_ours(order, object, all) => network::service(&mut check, object),
        kind if kind.ends_with("NetworkPolicy") && kind != "NetworkPolicy" => {
            if has_ours(order, all) && is_near(order, object, all) {
                unknown::object(&mut check, object.node);
            }
            return Ok(false);
        }
        _ if !object.is_of(order.name()) => {
            if object.template().is_some() && is_near(order, object, all) {
                let secrets = objects(order, entry).map(|(wanted, _)| {
                    wanted.iter().flat_map(unknown::secrets).collect::<Vec<String>>()
                });
                unknown::uses(&mut check, (object.node, ""), &secrets.unwrap_or_default());
            }
            return Ok(false);
        }
        "Namespace" => access::namespace(&mut check, object),
        "ServiceAccount" => access::account(&mut check, object),
        "Role" | "ClusterRole" => access::role(&mut check, object),
        "NetworkPolicy" => network::policy(order, &mut check, object, all),
        "Service" => network::service(&mut check, object),
        _ => {
            if let Some(template) = object.template() {
                access::place(order, &mut check, object, all);
                let Ok((wanted, _)) = objects(order, entry) else { return Ok(true) };
                let allowed = command::allowed(order, entry);
                pod::judge(order, entry, &mut check, template, &wanted, &allowed);
            } else {
                let pods = [&["spec", "template", "spec"][..], &["template", "spec"]];
                if pods.iter().any(|path| object.node.path(path.iter().copied()).is_some()) {
                    unknown::object(&mut check, object.node);
                }
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The service's own workload.
fn own<'a>(order: &Order<'_>, all: &[Found<'a>]) -> Option<Found<'a>> {
    all.iter().copied().find(|object| object.template().is_some() && object.is_of(order.name()))
}

fn has_ours(order: &Order<'_>, all: &[Found<'_>]) -> bool {
    own(order, all).is_some()
}

/// Whether an object is in the namespace of the service's workload, as far as both say it.
fn is_near(order: &Order<'_>, object: Found<'_>, all: &[Found<'_>]) -> bool {
    let namespace = |object: Found<'_>| {
        object.node.path(["metadata", "namespace"]).and_then(Node::as_str).map(str::to_owned)
    };
    match (namespace(object), own(order, all).and_then(namespace)) {
        (Some(there), Some(here)) => there == here,
        _ => true,
    }
}

/// Whether a policy or a Service is for the pods of the service.
fn selects_ours(order: &Order<'_>, object: Found<'_>, all: &[Found<'_>]) -> bool {
    let Some(own) = own(order, all).filter(|_| is_near(order, object, all)) else { return false };
    let labels = own.template().and_then(|template| template.path(["metadata", "labels"]));
    if object.kind == "NetworkPolicy" {
        return network::selects(object.node, labels);
    }
    let selector = object.node.path(["spec", "selector"]).and_then(Node::as_map);
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(Node::shown);
    selector.is_some_and(|selector| {
        let mut pairs = selector.iter();
        !selector.is_empty() && pairs.all(|pair| label(&pair.key) == Some(pair.value.shown()))
    })
}

fn impossible(error: &crate::render::RenderError) -> DriftError {
    DriftError::Malformed { path: "boundary".into(), line: 1, what: error.to_string() }
}

/// Objects that a complete set has and this one does not.
fn absent(order: &Order<'_>, found: &[Found<'_>], complete: bool, comparison: &mut Comparison) {
    for (kind, why) in [
        ("Namespace", "without its labels weaker pods are admitted beside this one"),
        (
            "ServiceAccount",
            "the account then belongs to whoever makes it, with the rights they give it",
        ),
    ] {
        if found.iter().any(|object| object.kind == kind && object.is_of(order.name())) {
            continue;
        }
        if !complete {
            comparison.undecided.push(format!(
                "no {kind} is in this file: compare it together with the file that has it"
            ));
            continue;
        }
        comparison.compared += 1;
        comparison.drifts.push(Drift {
            code: "missing-object",
            place: format!("{kind} {}", order.name()),
            line: None,
            wanted: format!("a {kind}"),
            found: "nothing".to_owned(),
            why: why.to_owned(),
        });
    }
}

/// Nothing was judged: the file is somebody else's, or nothing but templates.
fn nothing(
    order: &Order<'_>,
    deployed: Deployed<'_>,
    comparison: &Comparison,
    found: Vec<String>,
) -> DriftError {
    match comparison.undecided.first() {
        None => {
            let (path, service) = (deployed.path.to_owned(), order.name().to_owned());
            DriftError::Foreign { path, service, found }
        }
        Some(first) => {
            let (line, what) = first.split_once(": ").unwrap_or(("line 1", first));
            DriftError::Malformed {
                path: deployed.path.to_owned(),
                line: line.trim_start_matches("line ").parse().unwrap_or(1),
                what: format!("nothing could be judged: {what}"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
