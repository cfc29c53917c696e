//! Who the service is in the cluster: a namespace of its own and an account that may do nothing.

use super::{STANDARDS, STANDARDS_OF_USER_NAMESPACES, labels, metadata, object};
use crate::render::{Entry, Order, RenderError};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

pub(super) fn objects(order: &Order<'_>, entry: Entry) -> Result<Vec<Value>, RenderError> {
    Ok(vec![
        object(&namespace(order, entry))?,
        object(&account(order))?,
        object(&role(order))?,
        object(&binding(order))?,
    ])
}

fn namespace(order: &Order<'_>, entry: Entry) -> Namespace {
    let version = match entry {
        Entry::Node => STANDARDS,
        Entry::Ringfence => STANDARDS_OF_USER_NAMESPACES,
    };
    let mut all = labels(order);
    for mode in ["enforce", "audit", "warn"] {
        all.insert(format!("pod-security.kubernetes.io/{mode}"), "restricted".to_owned());
        all.insert(format!("pod-security.kubernetes.io/{mode}-version"), version.to_owned());
    }
    Namespace {
        metadata: ObjectMeta {
            name: Some(order.name().to_owned()),
            labels: Some(all),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}

fn account(order: &Order<'_>) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(order),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

/// A role without rules: what is added to it later is seen as a change of this object.
fn role(order: &Order<'_>) -> Role {
    Role { metadata: metadata(order), rules: Some(Vec::new()) }
}

fn binding(order: &Order<'_>) -> RoleBinding {
    RoleBinding {
        metadata: metadata(order),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: order.name().to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: order.name().to_owned(),
            namespace: Some(order.name().to_owned()),
            ..Subject::default()
        }]),
    }
}
