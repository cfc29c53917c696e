//! A `ValidatingAdmissionPolicy` that refuses a weaker pod, whoever writes it and whatever makes it.
//!
//! It is bound to the namespace of the service, so no label can be left away to get past it, and looks
//! at pods and at everything that makes pods. Every expression holds where keys are missing: what is
//! not said is refused as the default that it means. It needs Kubernetes 1.30. It does not see what a
//! node does with an admitted pod, nor anything in other namespaces.

mod rules;

use super::{entry, labels, object, text};
use crate::render::{Entry, Note, Order, RenderError, Rendered, Target};
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
    ValidatingAdmissionPolicySpec, Variable,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    let mut notes = Vec::new();
    if order.image.is_none_or(|image| !image.contains('@')) {
        notes.push(Note {
            grant: "service.start".to_owned(),
            carried: "any image is admitted: give --image with its digest to admit that one alone"
                .to_owned(),
        });
    }
    if order.runtime_class.is_none() {
        notes.push(Note {
            grant: "--runtime-class".to_owned(),
            carried: "any runtime class is admitted: none was given".to_owned(),
        });
    }
    let objects = objects(order, entry::decide(order)?)?;
    let text = text(order, Target::KubernetesPolicy, &notes, &objects);
    Ok(Rendered { files: vec![(PathBuf::from("kubernetes-policy.yaml"), text)], notes })
}

/// The policy and its binding as values.
pub(crate) fn objects(order: &Order<'_>, entry: Entry) -> Result<Vec<Value>, RenderError> {
    let (manifests, _) = super::objects(order, entry)?;
    let pod = manifests
        .iter()
        .find(|object| object["kind"] == "Deployment")
        .map_or(&Value::Null, |object| &object["spec"]["template"]["spec"]);
    let name = format!("ringfence-{}", order.name());
    let metadata = || ObjectMeta {
        name: Some(name.clone()),
        labels: Some(labels(order)),
        ..ObjectMeta::default()
    };
    let policy = ValidatingAdmissionPolicy {
        metadata: metadata(),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_constraints: Some(MatchResources {
                match_policy: Some("Equivalent".to_owned()),
                resource_rules: Some(matched()),
                ..MatchResources::default()
            }),
            match_conditions: Some(vec![MatchCondition {
                name: "stays".to_owned(),
                expression: "!has(object.metadata.deletionTimestamp)".to_owned(),
            }]),
            variables: Some(variables()),
            validations: Some(rules::validations(order, entry, pod)),
            ..ValidatingAdmissionPolicySpec::default()
        }),
        status: None,
    };
    let namespace =
        BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), order.name().to_owned())]);
    let binding = ValidatingAdmissionPolicyBinding {
        metadata: metadata(),
        spec: Some(ValidatingAdmissionPolicyBindingSpec {
            policy_name: Some(name.clone()),
            validation_actions: Some(vec!["Deny".to_owned(), "Audit".to_owned()]),
            match_resources: Some(MatchResources {
                namespace_selector: Some(LabelSelector {
                    match_labels: Some(namespace),
                    ..LabelSelector::default()
                }),
                ..MatchResources::default()
            }),
            ..ValidatingAdmissionPolicyBindingSpec::default()
        }),
    };
    Ok(vec![object(&policy)?, object(&binding)?])
}

/// Pods, and everything that makes them.
fn matched() -> Vec<NamedRuleWithOperations> {
    let rule = |group: &str, resources: &[&str], operations: &[&str]| {
        let list = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        NamedRuleWithOperations {
            api_groups: list(&[group]),
            api_versions: list(&["v1"]),
            operations: list(operations),
            resources: list(resources),
            ..NamedRuleWithOperations::default()
        }
    };
    vec![
        rule("", &["pods"], &["CREATE", "UPDATE"]),
        rule("", &["pods/ephemeralcontainers"], &["UPDATE"]),
        rule(
            "apps",
            &["deployments", "statefulsets", "daemonsets", "replicasets"],
            &["CREATE", "UPDATE"],
        ),
        rule("batch", &["jobs", "cronjobs"], &["CREATE", "UPDATE"]),
    ]
}

fn variables() -> Vec<Variable> {
    let variable = |name: &str, expression: &str| Variable {
        name: name.to_owned(),
        expression: expression.to_owned(),
    };
    vec![
        variable(
            "pod",
            "object.kind == 'Pod' ? object.spec : (object.kind == 'CronJob' ? \
             object.spec.jobTemplate.spec.template.spec : object.spec.template.spec)",
        ),
        variable(
            "containers",
            "variables.pod.containers + (has(variables.pod.initContainers) ? variables.pod.initContainers : [])",
        ),
    ]
}

#[cfg(test)]
mod tests;
