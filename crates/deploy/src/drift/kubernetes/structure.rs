//! Objects of which every word counts: policies of the cluster.
//!
//! Everything that is wanted must be there as it is, and nothing beside it but what is known to make a
//! policy stricter, or to say nothing.

use super::Found;
use super::check::{Asked, Check};
use ringfence_project::yaml::{Kind, Node};
use serde_json::Value;

/// Keys that say nothing of what a policy does.
const SILENT: [&str; 9] = [
    "apiVersion",
    "metadata",
    "message",
    "messageExpression",
    "reason",
    "status",
    "omitStages",
    "omitManagedFields",
    "auditAnnotations",
];
/// Lists of which more items make a policy stricter.
const STRICTER: [&str; 2] = ["validations", "variables"];
/// What the cluster fills in where nothing is said.
const DEFAULTS: [(&str, &str); 3] =
    [("failurePolicy", "Fail"), ("matchPolicy", "Equivalent"), ("scope", "*")];
const WHY: &str = "the policy then lets pass, or does not record, what it was written for";

/// Compares an object with the one of its kind and name; says whether there is one.
pub(super) fn compare(check: &mut Check<'_>, wanted: &[Value], found: Found<'_>) -> bool {
    let named = |object: &&Value| {
        object["kind"] == found.kind
            && (object["metadata"]["name"] == found.name || found.kind == "Policy")
    };
    match wanted.iter().find(named) {
        Some(wanted) => {
            weaker(check, wanted, found.node, "");
            true
        }
        None => false,
    }
}

fn weaker(check: &mut Check<'_>, wanted: &Value, found: &Node, at: &str) {
    match (wanted, found.kind()) {
        (Value::Object(wanted), Kind::Map(entries)) => {
            for (key, wanted) in wanted.iter().filter(|(key, _)| !SILENT.contains(&key.as_str())) {
                let place = super::check::joined(at, key);
                match found.get(key) {
                    Some(value) => weaker(check, wanted, value, &place),
                    None if DEFAULTS
                        .iter()
                        .any(|(known, value)| known == key && wanted == value) =>
                    {
                        check.counted();
                    }
                    None => check.judge(found, &place, None, &asked(&shown(wanted)), |_| false),
                }
            }
            for entry in entries {
                let known = wanted.contains_key(&entry.key) || SILENT.contains(&entry.key.as_str());
                if !known && !entry.value.is_null() {
                    let place = super::check::joined(at, &entry.key);
                    check.report(&place, Some(entry.line), &asked("nothing"), entry.value.shown());
                }
            }
        }
        (Value::Array(wanted), Kind::Seq(items)) => lists(check, wanted, items, found, at),
        _ => check.judge(found, at, Some((found, found.line())), &asked(&shown(wanted)), |_| {
            same(wanted, found)
        }),
    }
}

/// Items that are equal are one; what is left is compared in its order.
fn lists(check: &mut Check<'_>, wanted: &[Value], items: &[Node], found: &Node, at: &str) {
    let mut free: Vec<(usize, &Node)> = items.iter().enumerate().collect();
    let mut left = Vec::new();
    for value in wanted {
        match free.iter().position(|(_, item)| same(value, item)) {
            Some(position) => {
                free.remove(position);
                check.counted();
            }
            None => left.push(value),
        }
    }
    let mut free = free.into_iter();
    for value in left {
        match free.next() {
            Some((index, item)) => weaker(check, value, item, &format!("{at}[{index}]")),
            None => check.judge(found, at, None, &asked(&shown(value)), |_| false),
        }
    }
    let key = at.rsplit('.').next().unwrap_or_default();
    if !STRICTER.contains(&key) {
        for (index, item) in free {
            check.report(
                &format!("{at}[{index}]"),
                Some(item.line()),
                &asked("nothing"),
                item.shown(),
            );
        }
    }
}

fn asked(wanted: &str) -> Asked<'_> {
    Asked { code: "policy", wanted, why: WHY }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let name =
                ["message", "name", "expression", "level"].iter().find_map(|key| map.get(*key));
            name.map_or_else(|| value.to_string(), shown)
        }
        other => other.to_string(),
    }
}

/// Whether a value is the same but for keys that say nothing.
fn same(wanted: &Value, found: &Node) -> bool {
    match (wanted, found.kind()) {
        (Value::Null, Kind::Null) => true,
        (Value::Bool(wanted), _) => found.as_bool() == Some(*wanted),
        (Value::Number(wanted), Kind::Int(found)) => wanted.as_i64() == Some(*found),
        (Value::String(wanted), Kind::Str(found)) => wanted.trim_end() == found.trim_end(),
        (Value::Array(wanted), Kind::Seq(found)) => {
            wanted.len() == found.len()
                && wanted.iter().zip(found).all(|(wanted, found)| same(wanted, found))
        }
        (Value::Object(wanted), Kind::Map(entries)) => {
            let counts = |key: &str| !SILENT.contains(&key);
            wanted
                .iter()
                .filter(|(key, _)| counts(key))
                .all(|(key, wanted)| found.get(key).is_some_and(|found| same(wanted, found)))
                && entries
                    .iter()
                    .filter(|entry| counts(&entry.key))
                    .all(|entry| wanted.contains_key(&entry.key))
        }
        _ => false,
    }
}
