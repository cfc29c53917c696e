//! Containers: what each of them may, and what the service's own one starts with.

use super::check::{Asked, Check, items};
use super::{environment, quantity};
use crate::render::{Entry, Order};
use ringfence_project::yaml::Node;
use serde_json::Value;

/// What every container of the pod must keep to: a container beside the service's shares its network
/// and its volumes.
pub(super) fn every(entry: Entry, check: &mut Check<'_>, here: (&Node, &str)) {
    let is =
        |wanted: bool| move |found: Option<&Node>| found.and_then(Node::as_bool) == Some(wanted);
    let asked = |code, wanted, why| Asked { code, wanted, why };
    check.value(
        here,
        "securityContext.allowPrivilegeEscalation",
        &asked(
            "privilege-escalation",
            "false",
            "programs with set-user-id bits then give more rights",
        ),
        is(false),
    );
    check.value(
        here,
        "securityContext.readOnlyRootFilesystem",
        &asked("writable-root", "true", "the program can then change its own code"),
        is(true),
    );
    check.value(
        here,
        "securityContext.privileged",
        &asked("privileged", "false", "nothing holds a privileged container"),
        |found| found.is_none_or(|found| found.as_bool() == Some(false)),
    );
    check.value(
        here,
        "securityContext.capabilities.drop",
        &asked("capabilities", "[ALL]", "the container runtime gives some capabilities by default"),
        |found| {
            let list = found.and_then(Node::as_seq).unwrap_or_default();
            list.iter().any(|item| item.as_str() == Some("ALL"))
        },
    );
    check.value(
        here,
        "securityContext.capabilities.add",
        &asked("capabilities", "none", "a capability is a part of what root may"),
        |found| found.is_none_or(|found| found.as_seq().is_some_and(<[Node]>::is_empty)),
    );
    if entry == Entry::Node {
        masked(check, here);
    }
    outside(check, here);
}

fn masked(check: &mut Check<'_>, here: (&Node, &str)) {
    let asked = Asked {
        code: "proc-mount",
        wanted: "Default",
        why: "parts of /proc that show and change the node are masked",
    };
    check.value(here, "securityContext.procMount", &asked, |found| {
        found.is_none_or(|found| found.as_str() == Some("Default"))
    });
}

/// What a container takes from its node, and what is started in it beside its own program.
fn outside(check: &mut Check<'_>, here: (&Node, &str)) {
    let asked = |code, wanted, why| Asked { code, wanted, why };
    check.value(
        here,
        "volumeDevices",
        &asked("block-device", "none", "a disk is read below its file system"),
        |found| found.is_none_or(|found| found.as_seq().is_some_and(<[Node]>::is_empty)),
    );
    for (port, place) in items(here.0, here.1, "ports") {
        check.value(
            (port, &place),
            "hostPort",
            &asked(
                "host-port",
                "none",
                "NetworkPolicies do not hold what comes in by a port of the node",
            ),
            |found| found.is_none_or(|found| found.as_int() == Some(0)),
        );
    }
    for hook in ["postStart", "preStop"] {
        check.value(
            here,
            &format!("lifecycle.{hook}.exec"),
            &asked(
                "other-program",
                "none",
                "the kubelet then starts another program in the container",
            ),
            |found| found.is_none(),
        );
    }
}

/// What the service's own container must be.
pub(super) fn main(
    order: &Order<'_>,
    entry: Entry,
    check: &mut Check<'_>,
    here: (&Node, &str),
    wanted: &Value,
    allowed: &[String],
) {
    image(order, check, here);
    command(entry, check, here, wanted, allowed);
    limits(check, here, wanted);
    environment::judge(order, entry, check, here, wanted);
}

/// Only an image with a digest is one image.
fn image(order: &Order<'_>, check: &mut Check<'_>, here: (&Node, &str)) {
    let Some(image) = order.image.filter(|image| image.contains('@')) else { return };
    let asked = Asked { code: "image", wanted: image, why: "another image is another program" };
    check.value(here, "image", &asked, |found| found.and_then(Node::as_str) == Some(image));
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map(|items| items.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

fn command(
    entry: Entry,
    check: &mut Check<'_>,
    here: (&Node, &str),
    wanted: &Value,
    allowed: &[String],
) {
    let program = strings(&wanted["command"]).first().copied().unwrap_or_default();
    let asked = Asked {
        code: "command",
        wanted: program,
        why: "the image or somebody else decides what runs",
    };
    let found = items(here.0, here.1, "command");
    match found.first() {
        None => check.value(here, "command", &asked, |_| false),
        Some((word, place)) => {
            let whole = program.contains('/');
            check.judge(here.0, place, Some((word, word.line())), &asked, |found| {
                found.and_then(Node::as_str).is_some_and(|found| {
                    found == program || !whole && found.rsplit('/').next() == Some(program)
                })
            });
        }
    }
    let words: Vec<(&Node, String)> =
        found.into_iter().skip(1).chain(items(here.0, here.1, "args")).collect();
    let wanted = strings(&wanted["args"]);
    for (word, place) in &words {
        let text = word.shown();
        let flag = text.starts_with('-');
        let known = allowed.contains(&text) || wanted.contains(&text.as_str());
        let asked = Asked {
            code: if flag { "node-flag" } else { "command" },
            wanted: "nothing more than the boundary grants",
            why: "the word changes what runs or what Node allows",
        };
        check.judge(here.0, place, Some((word, word.line())), &asked, |_| known);
    }
    let has = |text: &str| words.iter().any(|(word, _)| word.shown() == text);
    let place = format!("{}.args", here.1);
    let permission = |word: &&&str| word.ends_with("-permission");
    let script = |word: &&&str| !word.starts_with('-');
    let needed: Vec<&str> = match entry {
        Entry::Ringfence => wanted,
        Entry::Node => {
            let permission = wanted.iter().find(permission);
            permission.into_iter().chain(wanted.iter().find(script)).copied().collect()
        }
    };
    for word in needed {
        let present = has(word)
            || word.ends_with("-permission")
                && (has("--permission") || has("--experimental-permission"));
        let why = "without it something else starts, or without its permissions";
        let asked = Asked {
            code: if word.starts_with('-') { "node-flag" } else { "command" },
            wanted: word,
            why,
        };
        check.judge(here.0, &place, None, &asked, |_| present);
    }
}

fn limits(check: &mut Check<'_>, here: (&Node, &str), wanted: &Value) {
    let Some(limits) = wanted["resources"]["limits"].as_object() else { return };
    for (name, wanted) in limits {
        let wanted = wanted.as_str().unwrap_or_default();
        let most = quantity::parse(wanted);
        let asked = Asked {
            code: "limit",
            wanted: &format!("at most {wanted}"),
            why: "the service can then take what its neighbours on the node need",
        };
        check.value(here, &format!("resources.limits.{name}"), &asked, |found| {
            match (found.and_then(quantity::of), most) {
                // Nothing at all is no limit for some runtimes.
                (Some(found), Some(most)) => found > 0.0 && found <= most,
                _ => false,
            }
        });
    }
}
