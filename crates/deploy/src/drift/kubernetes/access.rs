//! The namespace, the account, and what the account may do.

use super::Found;
use super::check::{Asked, Check, items};
use crate::render::Order;
use crate::render::kubernetes::STANDARDS;
use ringfence_project::yaml::Node;

pub(super) fn namespace(check: &mut Check<'_>, object: Found<'_>) {
    let label = "pod-security.kubernetes.io/enforce";
    let labels = object.node.path(["metadata", "labels"]);
    let found = labels.and_then(|labels| labels.entry(label));
    check.judge(
        object.node,
        &format!("metadata.labels.{label}"),
        found.map(|entry| (&entry.value, entry.line)),
        &Asked {
            code: "pod-security",
            wanted: "restricted",
            why: "the cluster then admits weaker pods into the namespace",
        },
        |found| found.and_then(Node::as_str) == Some("restricted"),
    );
    let key = "pod-security.kubernetes.io/enforce-version";
    let minor = |version: &str| version.strip_prefix("v1.")?.parse::<u32>().ok();
    let found = labels.and_then(|labels| labels.entry(key));
    check.judge(
        object.node,
        &format!("metadata.labels.{key}"),
        found.map(|entry| (&entry.value, entry.line)),
        &Asked {
            code: "pod-security",
            wanted: STANDARDS,
            why: "older versions of the standard ask for less",
        },
        |found| {
            found.is_none_or(|found| {
                let version = found.shown();
                version == "latest" || minor(&version) >= minor(STANDARDS)
            })
        },
    );
}

pub(super) fn account(check: &mut Check<'_>, object: Found<'_>) {
    check.value(
        (object.node, ""),
        "automountServiceAccountToken",
        &Asked {
            code: "service-account-token",
            wanted: "false",
            why: "every pod of the account then holds a token for the cluster's API",
        },
        |found| found.and_then(Node::as_bool) == Some(false),
    );
}

pub(super) fn role(check: &mut Check<'_>, object: Found<'_>) {
    let asked = Asked {
        code: "cluster-rights",
        wanted: "no rules",
        why: "the service asks the cluster's API for nothing",
    };
    check.value((object.node, ""), "rules", &asked, |found| {
        found.is_none_or(|rules| rules.as_seq().is_some_and(<[Node]>::is_empty))
    });
    check.value((object.node, ""), "aggregationRule", &asked, |found| found.is_none());
}

/// A binding that gives the service's account rights; says whether it is of the service.
pub(super) fn binding(order: &Order<'_>, check: &mut Check<'_>, object: Found<'_>) -> bool {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let ours = |subject: &Node| {
        let kind = text(subject, "kind");
        let name = text(subject, "name");
        let user = name.as_deref().and_then(|name| name.strip_prefix("system:serviceaccount:"));
        let user = user.and_then(|user| user.rsplit(':').next()) == Some(order.name());
        let groups = [
            "system:authenticated".to_owned(),
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{}", order.name()),
        ];
        kind.as_deref() == Some("ServiceAccount") && name.as_deref() == Some(order.name())
            || kind.as_deref() == Some("User") && user
            || kind.as_deref() == Some("Group") && name.is_some_and(|name| groups.contains(&name))
    };
    let subjects = items(object.node, "", "subjects");
    let named = object.is_of(order.name());
    if !named && !subjects.iter().any(|(subject, _)| ours(subject)) {
        return false;
    }
    let asked = Asked {
        code: "cluster-rights",
        wanted: &format!("Role {}", order.name()),
        why: "the role gives the account rights that the boundary does not know of",
    };
    for (key, wanted) in [("roleRef.kind", "Role"), ("roleRef.name", order.name())] {
        check.value((object.node, ""), key, &asked, |found| {
            found.is_none_or(|found| found.as_str() == Some(wanted))
        });
    }
    let asked = Asked {
        code: "cluster-rights",
        wanted: &format!("ServiceAccount {}", order.name()),
        why: "others get what the service's role gives",
    };
    for (subject, place) in subjects {
        let shown = text(subject, "name").unwrap_or_default();
        if ours(subject)
            || subject.as_map().is_none()
            || text(subject, "kind").is_none()
            || shown.is_empty()
        {
            check.counted();
        } else {
            check.report(&place, Some(subject.line()), &asked, shown);
        }
    }
    true
}

/// An object that counts only in the service's namespace must name it.
pub(super) fn place(
    order: &Order<'_>,
    check: &mut Check<'_>,
    object: Found<'_>,
    all: &[Found<'_>],
) {
    let made = all.iter().any(|other| other.kind == "Namespace" && other.name == order.name());
    if !made {
        return;
    }
    let entry = object.node.get("metadata").and_then(|metadata| metadata.entry("namespace"));
    check.judge(
        object.node,
        "metadata.namespace",
        entry.map(|entry| (&entry.value, entry.line)),
        &Asked {
            code: "namespace",
            wanted: order.name(),
            why: "in another namespace neither its Pod Security labels nor its NetworkPolicy hold",
        },
        |found| found.and_then(Node::as_str) == Some(order.name()),
    );
}
