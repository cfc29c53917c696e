//! NetworkPolicies and Services.
//!
//! Policies add up: the pods may do what any policy that selects them allows, and everything in a
//! direction that no policy names. Every rule must lie within one that the boundary gives.

use super::Found;
use super::check::{Asked, Check, items, joined, locate};
use crate::drift::{Comparison, Drift};
use crate::render::Order;
use crate::render::kubernetes::NAME_LABEL;
use crate::render::kubernetes::network::{contains, wanted_policy};
use ringfence_project::yaml::Node;
use serde_json::Value;

const WHY: &str = "the pods can then be reached, or reach, beyond the boundary";

/// Judges the rules of one policy, if it selects the service's pods.
pub(super) fn policy(
    order: &Order<'_>,
    check: &mut Check<'_>,
    object: Found<'_>,
    all: &[Found<'_>],
) {
    if object.is_of(order.name()) {
        super::access::place(order, check, object, all);
    }
    let Some(spec) = object.node.get("spec") else { return };
    let Ok(wanted) = wanted_policy(order) else { return };
    for (key, peers) in [("ingress", "from"), ("egress", "to")] {
        let wanted: Vec<&Value> = wanted["spec"][key].as_array().into_iter().flatten().collect();
        for (rule, place) in items(spec, "spec", key) {
            judge_rule(check, (rule, &place), peers, &wanted);
        }
    }
}

/// Whether each direction is held by a policy that selects the pods.
pub(super) fn reachable(
    order: &Order<'_>,
    workload: Found<'_>,
    all: &[Found<'_>],
    complete: bool,
    comparison: &mut Comparison,
) {
    let labels = workload.template().and_then(|template| template.path(["metadata", "labels"]));
    let policies: Vec<&Found<'_>> =
        all.iter().filter(|object| object.kind == "NetworkPolicy").collect();
    let selecting: Vec<&Found<'_>> =
        policies.iter().copied().filter(|policy| selects(policy.node, labels)).collect();
    let Some(first) = selecting.first() else {
        comparison.compared += 1;
        match policies.iter().find(|policy| policy.is_of(order.name())) {
            Some(policy) => unselected(order, **policy, workload, comparison),
            None if complete => comparison.drifts.push(Drift {
                code: "missing-object",
                place: format!("NetworkPolicy {}", order.name()),
                line: None,
                wanted: "a NetworkPolicy".to_owned(),
                found: "nothing".to_owned(),
                why: WHY.to_owned(),
            }),
            None => comparison.undecided.push(
                "no NetworkPolicy is in this file: compare it together with the file that has it"
                    .to_owned(),
            ),
        }
        return;
    };
    for direction in ["Ingress", "Egress"] {
        let held = selecting.iter().any(|policy| names(policy.node, direction));
        let mut check = Check::new(**first, comparison);
        let asked = Asked { code: "network-policy", wanted: direction, why: WHY };
        let (node, line) = locate(first.node, "spec.policyTypes");
        check.judge(first.node, "spec.policyTypes", node.zip(line), &asked, |_| held);
    }
}

/// The service's own policy selects other pods: its selector or the labels of the pods are to blame.
fn unselected(
    order: &Order<'_>,
    policy: Found<'_>,
    workload: Found<'_>,
    comparison: &mut Comparison,
) {
    let own = policy.node.path(["spec", "podSelector", "matchLabels", NAME_LABEL]);
    let (object, path) = if own.and_then(Node::as_str) == Some(order.name()) {
        let pod = Check::new(workload, comparison).pod_path();
        (workload, format!("{}metadata.labels", pod.trim_end_matches("spec")))
    } else {
        (policy, "spec.podSelector".to_owned())
    };
    let mut check = Check::new(object, comparison);
    let wanted = format!("{NAME_LABEL}: {}", order.name());
    let asked = Asked { code: "network-policy", wanted: &wanted, why: WHY };
    let (node, line) = locate(object.node, &path);
    check.judge(object.node, &path, node.zip(line), &asked, |_| false);
}

/// Whether a policy holds a direction. Without `policyTypes` it holds what comes in, and what goes out
/// when it has a rule for it.
fn names(policy: &Node, direction: &str) -> bool {
    if let Some(types) = policy.path(["spec", "policyTypes"]).and_then(Node::as_seq) {
        return types.iter().any(|kind| kind.as_str() == Some(direction));
    }
    let rules = policy.path(["spec", "egress"]).and_then(Node::as_seq).unwrap_or_default();
    direction == "Ingress" || !rules.is_empty()
}

pub(super) fn selects(policy: &Node, labels: Option<&Node>) -> bool {
    let Some(selector) = policy.path(["spec", "podSelector"]) else { return true };
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(Node::shown);
    let matched = selector.get("matchLabels").and_then(Node::as_map).unwrap_or_default();
    let expressions = selector.get("matchExpressions").and_then(Node::as_seq).unwrap_or_default();
    matched
        .iter()
        .all(|wanted| label(&wanted.key).is_some_and(|value| value == wanted.value.shown()))
        && expressions.iter().all(|expression| {
            let key = expression.get("key").map(Node::shown).unwrap_or_default();
            let values = expression.get("values").and_then(Node::as_seq).unwrap_or_default();
            let is_in =
                label(&key).is_some_and(|found| values.iter().any(|value| value.shown() == found));
            match expression.get("operator").and_then(Node::as_str) {
                Some("In") => is_in,
                Some("NotIn") => !is_in,
                Some("Exists") => label(&key).is_some(),
                Some("DoesNotExist") => label(&key).is_none(),
                _ => false,
            }
        })
}

/// A rule must lie within the rules that are wanted.
fn judge_rule(check: &mut Check<'_>, (rule, at): (&Node, &str), key: &str, wanted: &[&Value]) {
    let ports = items(rule, at, "ports");
    let peers = items(rule, at, key);
    if ports.is_empty() {
        let open = wanted.iter().any(|wanted| wanted["ports"].as_array().is_none_or(Vec::is_empty));
        let asked = Asked { code: "network-policy", wanted: "the ports of the boundary", why: WHY };
        check.value((rule, at), "ports", &asked, |_| open);
        return;
    }
    let mut told: Vec<String> = Vec::new();
    for (port, place) in &ports {
        let port = (*port, place.as_str());
        let fitting: Vec<&Value> = wanted
            .iter()
            .copied()
            .filter(|wanted| {
                list(&wanted["ports"]).iter().any(|wanted| covers_port(wanted, port.0))
            })
            .collect();
        if fitting.is_empty() {
            judge_port(check, port, wanted);
            continue;
        }
        if peers.is_empty() {
            let open = fitting.iter().any(|wanted| list(&wanted[key]).is_empty());
            if told.is_empty() {
                let asked = Asked {
                    code: "network-policy",
                    wanted: "the addresses of the boundary",
                    why: WHY,
                };
                check.value((rule, at), key, &asked, |_| open);
                told.push(at.to_owned());
            }
            continue;
        }
        for (peer, place) in &peers {
            let open = |wanted: &&Value| {
                let granted = list(&wanted[key]);
                granted.is_empty() || granted.iter().any(|wanted| covers_peer(wanted, peer))
            };
            check.counted();
            if !fitting.iter().any(open) && !told.contains(place) {
                told.push(place.clone());
                if port.0.get("protocol").is_none() {
                    judge_port(check, port, wanted);
                    continue;
                }
                let granted: Vec<&Value> =
                    fitting.iter().flat_map(|wanted| list(&wanted[key])).collect();
                judge_peer(check, (peer, place), &granted);
            }
        }
    }
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map(|items| items.iter().collect()).unwrap_or_default()
}

/// First and last port of a rule; every port without one; `None` for a port by its name.
fn range(port: &Node) -> Option<(i64, i64)> {
    let Some(first) = port.get("port") else { return Some((0, i64::MAX)) };
    let first = first.as_int()?;
    Some((first, port.get("endPort").and_then(Node::as_int).unwrap_or(first)))
}

fn protocol(port: &Node) -> &str {
    port.get("protocol").and_then(Node::as_str).unwrap_or("TCP")
}

fn covers_port(wanted: &Value, port: &Node) -> bool {
    let Some((first, last)) = range(port) else { return false };
    let low = wanted["port"].as_i64().unwrap_or_default();
    let high = wanted["endPort"].as_i64().unwrap_or(low);
    wanted["protocol"] == protocol(port) && low <= first && last <= high
}

/// A port that no rule of the boundary has: says which key is to blame.
fn judge_port(check: &mut Check<'_>, here: (&Node, &str), wanted: &[&Value]) {
    let granted: Vec<&Value> = wanted.iter().flat_map(|wanted| list(&wanted["ports"])).collect();
    let shown: Vec<String> = granted
        .iter()
        .map(|port| format!("{} {}", port["protocol"].as_str().unwrap_or_default(), port["port"]))
        .collect();
    let words = if shown.is_empty() { "no port".to_owned() } else { shown.join(", ") };
    let asked = Asked { code: "network-policy", wanted: &words, why: WHY };
    // What a name of our own pods stands for is in the file; a name of others is theirs to choose.
    if range(here.0).is_none() && !here.1.contains("egress") {
        let line = here.0.get("port").map_or(here.0.line(), Node::line);
        check.undecided(line, &format!("{} is a name", joined(here.1, "port")));
        return;
    }
    let number = |port: &&&Value| {
        range(here.0).is_some_and(|(first, _)| port["port"].as_i64() == Some(first))
    };
    let key = if granted.iter().any(|port| number(&port)) { "protocol" } else { "port" };
    check.value(here, key, &asked, |_| false);
}

fn selector(node: &Node, key: &str) -> Option<Vec<(String, String)>> {
    let labels = node.get(key)?.get("matchLabels").and_then(Node::as_map).unwrap_or_default();
    Some(labels.iter().map(|label| (label.key.clone(), label.value.shown())).collect())
}

fn wanted_selector(value: &Value, key: &str) -> Option<Vec<(String, String)>> {
    let labels = value.get(key)?.get("matchLabels").and_then(Value::as_object);
    let pair = |(key, value): (&String, &Value)| {
        (key.clone(), value.as_str().unwrap_or_default().to_owned())
    };
    Some(labels.into_iter().flatten().map(pair).collect())
}

/// Whether a selector lies within another: it asks for the same labels and perhaps more.
fn narrower(found: Option<&Vec<(String, String)>>, wanted: Option<&Vec<(String, String)>>) -> bool {
    match (found, wanted) {
        (None, None) => true,
        (Some(found), Some(wanted)) => wanted.iter().all(|label| found.contains(label)),
        _ => false,
    }
}

fn covers_peer(wanted: &Value, peer: &Node) -> bool {
    let block = &wanted["ipBlock"];
    match (peer.get("ipBlock"), block.is_object()) {
        (Some(found), true) => covers_block(block, found),
        (Some(_), false) => false,
        (None, true) => {
            // Pods by their labels are fewer than every address; they may have an excepted one.
            let some = ["podSelector", "namespaceSelector"]
                .iter()
                .any(|key| selector(peer, key).is_some_and(|labels| !labels.is_empty()));
            some && block["cidr"] == "0.0.0.0/0" && list(&block["except"]).is_empty()
        }
        (None, false) => ["podSelector", "namespaceSelector"].iter().all(|key| {
            let (found, wanted) = (selector(peer, key), wanted_selector(wanted, key));
            narrower(found.as_ref(), wanted.as_ref())
                || *key == "podSelector"
                    && wanted.as_ref().is_some_and(Vec::is_empty)
                    && found.is_some()
        }),
    }
}

fn covers_block(wanted: &Value, found: &Node) -> bool {
    let cidr = found.get("cidr").and_then(Node::as_str).unwrap_or_default();
    if !contains(wanted["cidr"].as_str().unwrap_or_default(), cidr) {
        return false;
    }
    let excepted = found.get("except").and_then(Node::as_seq).unwrap_or_default();
    list(&wanted["except"]).iter().filter_map(|except| except.as_str()).all(|except| {
        let disjoint = !contains(cidr, except) && !contains(except, cidr);
        disjoint
            || excepted.iter().any(|found| contains(found.as_str().unwrap_or_default(), except))
    })
}

/// A peer that no fitting rule has: says which key is to blame.
fn judge_peer(check: &mut Check<'_>, (peer, at): (&Node, &str), granted: &[&Value]) {
    let block = peer.get("ipBlock");
    let cidr = block.map(|block| block.get("cidr").and_then(Node::as_str).unwrap_or_default());
    let around = cidr.and_then(|cidr| {
        granted
            .iter()
            .find(|wanted| contains(wanted["ipBlock"]["cidr"].as_str().unwrap_or_default(), cidr))
    });
    let (key, words) = match (cidr, around) {
        (_, Some(wanted)) => ("ipBlock.except", strings(&wanted["ipBlock"]["except"])),
        (Some(_), None) => {
            let all: Vec<String> = granted
                .iter()
                .filter_map(|wanted| wanted["ipBlock"]["cidr"].as_str().map(str::to_owned))
                .collect();
            ("ipBlock.cidr", all.join(", "))
        }
        (None, None) => {
            let key = ["namespaceSelector", "podSelector"].into_iter().find(|key| {
                granted.iter().filter(|wanted| !wanted["ipBlock"].is_object()).all(|wanted| {
                    !narrower(selector(peer, key).as_ref(), wanted_selector(wanted, key).as_ref())
                })
            });
            let key = key.unwrap_or("podSelector");
            let selectors = granted.iter().filter(|wanted| wanted[key].is_object());
            let wanted: Vec<String> = selectors.map(|wanted| wanted[key].to_string()).collect();
            (key, wanted.join(", "))
        }
    };
    let asked = Asked { code: "network-policy", wanted: &words, why: WHY };
    check.value((peer, at), key, &asked, |_| false);
}

fn strings(value: &Value) -> String {
    list(value).iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) fn service(check: &mut Check<'_>, object: Found<'_>) {
    let why =
        "a port of the nodes or of a load balancer opens the service to more than the cluster";
    let asked = Asked { code: "exposed", wanted: "ClusterIP", why };
    check.value((object.node, ""), "spec.type", &asked, |found| {
        found.is_none_or(|found| found.as_str() == Some("ClusterIP"))
    });
    let asked = Asked { code: "exposed", wanted: "none", why };
    check.value((object.node, ""), "spec.externalIPs", &asked, |found| {
        found.is_none_or(|found| found.as_seq().is_some_and(<[Node]>::is_empty))
    });
}
