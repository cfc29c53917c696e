//! Objects of a cluster: one file of documents that a namespace can be filled with.
//!
//! The pod is what `restricted` admits on any cluster: started by Node itself, because the default
//! seccomp filter and the masked `/proc` of a pod take away what `ringfence run` needs for a whole
//! boundary (measured with the settings of a pod under runc: `namespaces` is absent). What the pod
//! cannot express is in the notes. With `--entry ringfence` the pod asks the cluster for the three
//! things that bring everything back: user namespaces, an unmasked `/proc` within them, and a seccomp
//! profile that lets namespaces be made; `restricted` admits that too.
//!
//! Values of secrets are never written. Nothing here defends against whoever may change the objects:
//! that is what `kubernetes-policy` is for.

mod access;
pub mod audit;
pub(crate) mod command;
pub(crate) mod entry;
mod environment;
pub(crate) mod network;
mod pod;
pub mod policy;
pub(crate) mod volumes;

use super::{Entry, Note, Order, RenderError, Rendered, Target};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use ringfence_project::yaml::emit;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The label by which everything finds the pods of a service.
pub(crate) const NAME_LABEL: &str = "app.kubernetes.io/name";
/// The annotation that names the boundary by its hash.
const BOUNDARY_ANNOTATION: &str = "ringfence/boundary";
/// The version of the Pod Security Standards that is asked for.
pub(crate) const STANDARDS: &str = "v1.34";
/// The first one that admits an unmasked `/proc` in a user namespace without a feature gate.
const STANDARDS_OF_USER_NAMESPACES: &str = "v1.35";

/// Keys in the order of a person; the others follow by name.
const ORDER: [&str; 40] = [
    "apiVersion",
    "kind",
    "name",
    "metadata",
    "namespace",
    "labels",
    "annotations",
    "spec",
    "selector",
    "template",
    "serviceAccountName",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "runtimeClassName",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostUsers",
    "securityContext",
    "image",
    "command",
    "args",
    "workingDir",
    "containers",
    "ports",
    "env",
    "resources",
    "startupProbe",
    "volumeMounts",
    "volumes",
    "podSelector",
    "policyTypes",
    "ingress",
    "egress",
    "from",
    "to",
    "failurePolicy",
    "expression",
    "level",
    "message",
];

/// Sections of a boundary file in their order.
const SECTIONS: [&str; 8] =
    ["service", "fs", "net", "process", "env", "secrets", "limits", "identity"];

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    let entry = entry::decide(order)?;
    let (objects, notes) = objects(order, entry)?;
    Ok(Rendered {
        files: vec![(
            PathBuf::from("kubernetes.yaml"),
            text(order, Target::Kubernetes, &notes, &objects),
        )],
        notes,
    })
}

/// The documents of a file with their head.
fn text(order: &Order<'_>, target: Target, notes: &[Note], objects: &[Value]) -> String {
    let mut text = order.head("# ", target, notes);
    for object in objects {
        text.push_str("---\n");
        text.push_str(&emit::document(object, &ORDER));
    }
    text
}

/// All objects and what they do not say.
pub(crate) fn objects(
    order: &Order<'_>,
    entry: Entry,
) -> Result<(Vec<Value>, Vec<Note>), RenderError> {
    let mut notes = entry::notes(order, entry);
    let volumes = volumes::of(order, entry, &mut notes);
    let mut objects = access::objects(order, entry)?;
    objects.push(object(&pod::deployment(order, entry, volumes, &mut notes))?);
    if let Some(service) = network::service(order) {
        objects.push(object(&service)?);
    }
    objects.push(object(&network::policy(order, &mut notes))?);
    // As they stand in a boundary file; what is no key of it comes first.
    notes.sort_by_key(|note| {
        let section = note.grant.split('.').next().unwrap_or_default();
        SECTIONS.iter().position(|known| *known == section).map_or(0, |at| at + 1)
    });
    Ok((objects, notes))
}

/// A typed object as a value, without keys that say nothing.
fn object<T: Serialize>(typed: &T) -> Result<Value, RenderError> {
    serde_json::to_value(typed).map_err(|error| RenderError::Impossible {
        what: format!("an object cannot be written: {error}"),
        hint: "this is a fault of ringfence: report it".to_owned(),
    })
}

/// Metadata of an object in the namespace of the service.
fn metadata(order: &Order<'_>) -> ObjectMeta {
    ObjectMeta {
        name: Some(order.name().to_owned()),
        namespace: Some(order.name().to_owned()),
        labels: Some(labels(order)),
        ..ObjectMeta::default()
    }
}

pub(crate) fn labels(order: &Order<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([(NAME_LABEL.to_owned(), order.name().to_owned())])
}

fn annotations(order: &Order<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([(BOUNDARY_ANNOTATION.to_owned(), format!("sha256:{}", order.boundary_hash))])
}

/// Bytes as a quantity: in the largest unit that divides them.
pub(crate) fn bytes(count: u64) -> String {
    for (shift, unit) in [(30, "Gi"), (20, "Mi"), (10, "Ki")] {
        if count > 0 && count.trailing_zeros() >= shift {
            return format!("{}{unit}", count >> shift);
        }
    }
    count.to_string()
}

/// Cores as a quantity, in thousandths, rounded up so that it is never less than what is granted.
pub(crate) fn cores(count: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the parser bounds it"
    )]
    let thousandths = (count * 1000.0).ceil() as u64;
    if thousandths.is_multiple_of(1000) {
        (thousandths / 1000).to_string()
    } else {
        format!("{thousandths}m")
    }
}

#[cfg(test)]
mod tests;
