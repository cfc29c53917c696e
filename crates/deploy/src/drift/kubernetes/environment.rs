//! The environment of the container.

use super::check::{Asked, Check, items, locate};
use crate::render::{Entry, Order};
use ringfence_policy::environment;
use ringfence_project::yaml::Node;
use serde_json::Value;

/// What a variable may be.
enum Granted<'a> {
    /// Exactly this value.
    Fixed(&'a str),
    /// Any value that is no secret.
    Passed,
    /// From a Secret.
    Secret,
}

pub(super) fn judge(
    order: &Order<'_>,
    entry: Entry,
    check: &mut Check<'_>,
    here: (&Node, &str),
    wanted: &Value,
) {
    for (source, place) in items(here.0, here.1, "envFrom") {
        let secret = source.get("secretRef").is_some();
        let asked = Asked {
            code: if secret { "secret-variable" } else { "variable" },
            wanted: "single variables",
            why: "whatever is put into the object becomes a variable of the service",
        };
        check.judge(here.0, &place, Some((source, source.line())), &asked, |_| false);
    }
    for (variable, place) in items(here.0, here.1, "env") {
        let Some(name) = variable.get("name") else { continue };
        let Some(text) = name.as_str() else {
            check.undecided(name.line(), &format!("{place}.name is `{}`", name.shown()));
            continue;
        };
        match granted(order, entry, wanted, text) {
            Some(granted) => value(check, variable, &place, &granted),
            None => ungranted(entry, check, variable, &place, text),
        }
    }
}

fn granted<'a>(
    order: &Order<'_>,
    entry: Entry,
    wanted: &'a Value,
    name: &str,
) -> Option<Granted<'a>> {
    let variables = wanted["env"].as_array()?;
    let variable = variables.iter().find(|variable| variable["name"] == name)?;
    if let Some(value) = variable["value"].as_str() {
        return Some(Granted::Fixed(value));
    }
    let passed = order.boundary.env.pass.iter().any(|passed| passed.value == name);
    let _ = entry;
    Some(if passed { Granted::Passed } else { Granted::Secret })
}

fn from_secret(variable: &Node) -> bool {
    variable.path(["valueFrom", "secretKeyRef"]).is_some()
}

fn value(check: &mut Check<'_>, variable: &Node, place: &str, granted: &Granted<'_>) {
    match granted {
        Granted::Fixed(wanted) => {
            let asked = Asked { code: "variable", wanted, why: "the boundary fixes the value" };
            let key = if variable.get("valueFrom").is_some() { "valueFrom" } else { "value" };
            check.value((variable, place), key, &asked, |found| {
                let shown = found.map_or_else(String::new, Node::shown);
                key == "value" && (shown == *wanted || found.is_none() && wanted.is_empty())
            });
        }
        Granted::Passed => {
            let asked = Asked {
                code: "secret-variable",
                wanted: "no secret",
                why: "every process of the container can read a variable",
            };
            check.value((variable, place), "valueFrom", &asked, |found| {
                let known = ["configMapKeyRef", "fieldRef", "resourceFieldRef"];
                let keys = found.map(|found| found.as_map().unwrap_or_default());
                keys.is_none_or(|keys| keys.iter().all(|key| known.contains(&key.key.as_str())))
            });
        }
        Granted::Secret => {
            let asked = Asked {
                code: "secret-in-manifest",
                wanted: "a reference to a Secret",
                why: "whoever reads the file reads the secret",
            };
            check.value((variable, place), "value", &asked, |found| {
                found.is_none_or(|found| found.as_str() == Some(""))
            });
        }
    }
}

fn ungranted(entry: Entry, check: &mut Check<'_>, variable: &Node, place: &str, name: &str) {
    let secret = from_secret(variable);
    let code = if secret { "secret-variable" } else { "variable" };
    let why = "the boundary gives the service no such variable";
    let asked = Asked { code, wanted: "no such variable", why };
    let line = locate(variable, "name").1.unwrap_or(variable.line());
    // `ringfence run` passes on what the boundary lists, whatever its own environment is; but some
    // variables decide what it itself loads and starts.
    let starts = environment::refused(name).is_some()
        || name == "PATH"
        || ["LD_", "RINGFENCE_"].iter().any(|prefix| name.starts_with(prefix));
    if entry == Entry::Ringfence && !secret && !starts {
        check.counted();
    } else {
        check.report(place, Some(line), &asked, name.to_owned());
    }
}
