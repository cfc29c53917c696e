//! The pod: its identity, what it shares with the node, and what holds for all of its containers.

use super::check::{Asked, Check, items, locate};
use super::{container, unknown, volumes};
use crate::render::kubernetes::entry;
use crate::render::{Entry, Order};
use ringfence_project::yaml::Node;
use serde_json::Value;

/// Says whether a value is strong enough; `None` is a missing one.
type Judge = Box<dyn Fn(Option<&Node>) -> bool>;

/// A setting that a container may override.
struct Setting {
    key: &'static str,
    code: &'static str,
    wanted: String,
    why: &'static str,
    ok: Judge,
}

pub(super) fn judge(
    order: &Order<'_>,
    entry: Entry,
    check: &mut Check<'_>,
    template: &Node,
    wanted: &[Value],
    allowed: &[String],
) {
    let Some(spec) = template.get("spec") else {
        check.undecided(template.line(), "it has no spec");
        return;
    };
    let deployment = wanted.iter().find(|object| object["kind"] == "Deployment");
    let pod = deployment.map_or(&Value::Null, |object| &object["spec"]["template"]["spec"]);
    let at = check.pod_path();
    let here = (spec, at.as_str());
    shared(order, check, here, pod);
    unknown::annotations(check, template);
    unknown::pod(check, here, pod);
    let containers: Vec<(&Node, String)> = ["containers", "initContainers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|key| items(spec, &at, key))
        .collect();
    for setting in settings(order, pod) {
        effective(check, here, &containers, &setting);
    }
    let main = main(order, spec, &at);
    unknown::beside(check, &containers, main.as_ref().map(|(_, place)| place.as_str()));
    for (node, place) in &containers {
        container::every(entry, check, (node, place));
    }
    if let Some((node, place)) = &main {
        container::main(order, entry, check, (node, place), &pod["containers"][0], allowed);
        unknown::container(check, (node, place), &pod["containers"][0]);
    }
    volumes::judge(order, entry, check, here, &containers, pod);
}

/// The container that runs the service: of its name, else the only or first one.
fn main<'n>(order: &Order<'_>, spec: &'n Node, at: &str) -> Option<(&'n Node, String)> {
    let all = items(spec, at, "containers");
    let named = all
        .iter()
        .position(|(node, _)| node.get("name").and_then(Node::as_str) == Some(order.name()));
    all.into_iter().nth(named.unwrap_or(0))
}

/// What the pod shares with its node and with the cluster.
fn shared(order: &Order<'_>, check: &mut Check<'_>, here: (&Node, &str), wanted: &Value) {
    let name = order.name();
    let account =
        if here.0.get("serviceAccountName").is_some() || here.0.get("serviceAccount").is_none() {
            "serviceAccountName"
        } else {
            "serviceAccount"
        };
    check.value(
        here,
        account,
        &Asked {
            code: "service-account",
            wanted: name,
            why: "the account of the namespace is everybody's",
        },
        |found| found.and_then(Node::as_str) == Some(name),
    );
    let is_false = |found: Option<&Node>| found.and_then(Node::as_bool) == Some(false);
    check.value(
        here,
        "automountServiceAccountToken",
        &Asked {
            code: "service-account-token",
            wanted: "false",
            why: "the pod then holds a token for the cluster's API",
        },
        is_false,
    );
    check.value(
        here,
        "enableServiceLinks",
        &Asked {
            code: "service-links",
            wanted: "false",
            why: "every Service of the namespace then writes variables into the environment",
        },
        is_false,
    );
    namespaces(order, check, here, wanted);
    groups(order, check, here);
}

/// Namespaces and the kernel that the pod runs in.
fn namespaces(order: &Order<'_>, check: &mut Check<'_>, here: (&Node, &str), wanted: &Value) {
    let not_true = |found: Option<&Node>| found.is_none_or(|found| found.as_bool() == Some(false));
    let is_false = |found: Option<&Node>| found.and_then(Node::as_bool) == Some(false);
    for key in ["hostIPC", "hostNetwork", "hostPID", "shareProcessNamespace"] {
        let why = "the pod is then in a namespace with processes that are not the service's";
        check.value(here, key, &Asked { code: "shared-namespace", wanted: "false", why }, not_true);
    }
    if wanted["hostUsers"] == false {
        let why = "without a user namespace the pod's unmasked /proc is the node's";
        check.value(
            here,
            "hostUsers",
            &Asked { code: "host-users", wanted: "false", why },
            is_false,
        );
    }
    if let Some(class) = order.runtime_class {
        check.value(
            here,
            "runtimeClassName",
            &Asked {
                code: "runtime-class",
                wanted: class,
                why: "the pod then runs on the node's own kernel",
            },
            |found| found.and_then(Node::as_str) == Some(class),
        );
    }
}

fn groups(order: &Order<'_>, check: &mut Check<'_>, here: (&Node, &str)) {
    let asked = Asked {
        code: "sysctls",
        wanted: "none",
        why: "settings of the kernel are not the service's",
    };
    check.value(here, "securityContext.sysctls", &asked, |found| {
        found.is_none_or(|found| found.as_seq().is_some_and(<[Node]>::is_empty))
    });
    let granted: Vec<i64> = order
        .boundary
        .identity
        .groups
        .iter()
        .filter_map(|group| group.value.parse().ok())
        .collect();
    let asked = Asked {
        code: "groups",
        wanted: &format!("{granted:?}"),
        why: "each group opens the files that belong to it",
    };
    check.value(here, "securityContext.supplementalGroups", &asked, |found| {
        found.is_none_or(|found| {
            let groups = found.as_seq().unwrap_or_default();
            groups.iter().all(|group| group.as_int().is_some_and(|group| granted.contains(&group)))
        })
    });
    let asked = Asked {
        code: "groups",
        wanted: "not 0",
        why: "the group of root opens files of the system",
    };
    check.value(here, "securityContext.fsGroup", &asked, |found| {
        found.is_none_or(|found| found.as_int().is_some_and(|group| group != 0))
    });
}

/// Settings of the pod that containers inherit.
#[expect(clippy::too_many_lines, reason = "a table")]
fn settings(order: &Order<'_>, wanted: &Value) -> Vec<Setting> {
    let profile = wanted["securityContext"]["seccompProfile"]["localhostProfile"].as_str();
    let profile = profile.map_or_else(|| entry::profile(order), str::to_owned);
    let identity = &order.boundary.identity;
    let number = |named: bool, number: u32| -> Judge {
        let number = i64::from(number);
        Box::new(move |found| {
            found
                .and_then(Node::as_int)
                .is_some_and(|found| if named { found == number } else { found != 0 })
        })
    };
    let numeric = |value: &Option<ringfence_policy::source::Located<String>>| {
        value.as_ref().is_some_and(|value| value.value.parse::<u32>().is_ok())
    };
    let (user, group) = order.user();
    let setting = |key, code, wanted: &str, why, ok| Setting {
        key,
        code,
        wanted: wanted.to_owned(),
        why,
        ok,
    };
    vec![
        setting(
            "runAsNonRoot",
            "run-as-root",
            "true",
            "the kubelet then starts images whose user is root",
            Box::new(|found| found.and_then(Node::as_bool) == Some(true)),
        ),
        setting(
            "runAsUser",
            "user",
            &user.to_string(),
            "the image or somebody else then decides who the service is",
            number(numeric(&identity.user), user),
        ),
        setting(
            "runAsGroup",
            "group",
            &group.to_string(),
            "without it the service is in the group of root",
            number(numeric(&identity.group), group),
        ),
        setting(
            "seccompProfile.type",
            "seccomp",
            "RuntimeDefault or Localhost",
            "every system call of the kernel is then open",
            Box::new(|found| {
                found
                    .and_then(Node::as_str)
                    .is_some_and(|kind| ["RuntimeDefault", "Localhost"].contains(&kind))
            }),
        ),
        setting(
            "seccompProfile.localhostProfile",
            "seccomp",
            &profile.clone(),
            "nobody has compared that profile with the boundary",
            Box::new(move |found| {
                found.is_none_or(|found| found.as_str() == Some(profile.as_str()))
            }),
        ),
        setting(
            "appArmorProfile.type",
            "apparmor",
            "RuntimeDefault",
            "the node's own profile is then switched off",
            Box::new(|found| found.is_none_or(|found| found.as_str() == Some("RuntimeDefault"))),
        ),
        setting(
            "seLinuxOptions.type",
            "selinux",
            "a type of containers",
            "another type may do what containers may not",
            Box::new(|found| {
                found.is_none_or(|found| {
                    let kinds = [
                        "",
                        "container_t",
                        "container_init_t",
                        "container_kvm_t",
                        "container_engine_t",
                    ];
                    found.as_str().is_some_and(|kind| kinds.contains(&kind))
                })
            }),
        ),
        setting(
            "windowsOptions.hostProcess",
            "privileged",
            "false",
            "the container is then a process of the node",
            Box::new(|found| found.is_none_or(|found| found.as_bool() == Some(false))),
        ),
    ]
}

/// Judges a setting where it counts: an override in a container, else the pod's own.
fn effective(
    check: &mut Check<'_>,
    (spec, at): (&Node, &str),
    containers: &[(&Node, String)],
    setting: &Setting,
) {
    let asked = Asked { code: setting.code, wanted: &setting.wanted, why: setting.why };
    let path = format!("securityContext.{}", setting.key);
    let (own, _) = locate(spec, &path);
    let mut inherited = containers.is_empty();
    for (node, place) in containers {
        match locate(node, &path).0 {
            None => inherited = true,
            Some(_) => check.value((*node, place), &path, &asked, &setting.ok),
        }
    }
    if inherited || own.is_some_and(|own| (setting.ok)(Some(own))) {
        check.value((spec, at), &path, &asked, &setting.ok);
    }
}
