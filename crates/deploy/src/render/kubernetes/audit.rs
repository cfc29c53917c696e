//! An audit policy of a cluster: who touched what belongs to the service.
//!
//! It answers the manual's questions about the cluster boundary: who read the service's secrets, who
//! went into its pods, who changed its rights, its network or its policies, and whether its own
//! account, which has no business with the API, asked for anything. Bodies of secrets are never
//! recorded. An API server has one policy, so these rules are to be put before the cluster's own.

use super::text;
use crate::render::{Note, Order, RenderError, Rendered, Target};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;

/// `audit.k8s.io/v1` Policy, which is a file of the API server and no object of the API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    api_version: &'static str,
    kind: &'static str,
    omit_managed_fields: bool,
    omit_stages: Vec<&'static str>,
    rules: Vec<Rule>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    level: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    namespaces: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resources>,
}

#[derive(Debug, Serialize)]
struct Resources {
    group: &'static str,
    resources: Vec<&'static str>,
}

const CHANGES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    let notes = vec![Note {
        grant: "service.name".to_owned(),
        carried: "the API server reads one policy (--audit-policy-file), and the first rule that fits counts: put \
                  these rules before the cluster's own"
            .to_owned(),
    }];
    let policy = object(order)?;
    let text = text(order, Target::KubernetesAudit, &notes, &[policy]);
    Ok(Rendered { files: vec![(PathBuf::from("kubernetes-audit.yaml"), text)], notes })
}

/// The policy as a value.
pub(crate) fn object(order: &Order<'_>) -> Result<Value, RenderError> {
    super::object(&Policy {
        api_version: "audit.k8s.io/v1",
        kind: "Policy",
        omit_managed_fields: true,
        omit_stages: vec!["RequestReceived"],
        rules: rules(order.name()),
    })
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rules(name: &str) -> Vec<Rule> {
    let namespaces = || vec![name.to_owned()];
    let of = |group, resources: &[&'static str]| Resources { group, resources: resources.to_vec() };
    vec![
        // A list names no secret, so the rule is for all of the namespace.
        Rule {
            level: "Metadata",
            namespaces: namespaces(),
            resources: vec![of("", &["secrets", "configmaps", "serviceaccounts/token"])],
            ..Rule::default()
        },
        Rule {
            level: "Metadata",
            users: vec![format!("system:serviceaccount:{name}:{name}")],
            ..Rule::default()
        },
        Rule {
            level: "Request",
            namespaces: namespaces(),
            resources: vec![of(
                "",
                &[
                    "pods/exec",
                    "pods/attach",
                    "pods/portforward",
                    "pods/proxy",
                    "pods/ephemeralcontainers",
                    "services/proxy",
                ],
            )],
            ..Rule::default()
        },
        Rule {
            level: "Request",
            verbs: CHANGES.to_vec(),
            namespaces: namespaces(),
            resources: vec![
                of("", &["serviceaccounts", "services", "pods"]),
                of("apps", &["deployments", "statefulsets", "daemonsets", "replicasets"]),
                of("batch", &["jobs", "cronjobs"]),
                of("networking.k8s.io", &["networkpolicies", "ingresses"]),
                of("rbac.authorization.k8s.io", &["roles", "rolebindings"]),
            ],
            ..Rule::default()
        },
        Rule {
            level: "Request",
            verbs: CHANGES.to_vec(),
            resources: vec![
                of("", &["namespaces"]),
                of(
                    "admissionregistration.k8s.io",
                    &["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
                ),
                of("node.k8s.io", &["runtimeclasses"]),
                of("rbac.authorization.k8s.io", &["clusterroles", "clusterrolebindings"]),
            ],
            ..Rule::default()
        },
        Rule {
            level: "Metadata",
            verbs: CHANGES.to_vec(),
            namespaces: namespaces(),
            ..Rule::default()
        },
    ]
}
