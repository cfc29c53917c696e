//! Settings of a pod that nothing else here judges: what is not known to be harmless or stricter is
//! told.

use super::check::{Asked, Check, items, joined};
use crate::render::Order;
use ringfence_policy::paths::normal;
use ringfence_project::yaml::Node;
use serde_json::Value;

const UNKNOWN: &str = "not known to be harmless";

/// Keys of a pod that are judged by themselves.
const POD_JUDGED: &[&str] = &[
    "serviceAccountName",
    "serviceAccount",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostUsers",
    "shareProcessNamespace",
    "runtimeClassName",
    "securityContext",
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
    "hostAliases",
    "dnsConfig",
    "dnsPolicy",
];
/// Keys of a pod that say where and when it runs and not what it may do.
const POD_HARMLESS: &[&str] = &[
    "activeDeadlineSeconds",
    "affinity",
    "hostname",
    "imagePullSecrets",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "schedulerName",
    "schedulingGates",
    "subdomain",
    "setHostnameAsFQDN",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
];
/// Keys of a container that are judged by themselves.
const CONTAINER_JUDGED: &[&str] = &[
    "name",
    "image",
    "command",
    "args",
    "env",
    "envFrom",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
];
/// Keys of a container that give it nothing.
const CONTAINER_HARMLESS: &[&str] =
    &["imagePullPolicy", "resizePolicy", "terminationMessagePolicy"];
/// Keys of security contexts, those of pods with those of containers.
const CONTEXT: &[&str] = &[
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "fsGroup",
    "fsGroupChangePolicy",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxChangePolicy",
    "seLinuxOptions",
    "seccompProfile",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
    "windowsOptions",
];
/// Keys within objects of a pod or of a container, by their path below it.
const NESTED: &[(&str, &[&str])] = &[
    ("securityContext", CONTEXT),
    ("securityContext.seccompProfile", &["type", "localhostProfile"]),
    ("securityContext.appArmorProfile", &["type"]),
    ("securityContext.seLinuxOptions", &["type", "level"]),
    ("securityContext.windowsOptions", &["hostProcess"]),
    ("securityContext.capabilities", &["add", "drop"]),
    ("resources", &["limits", "requests"]),
];
const MOUNT: &[&str] =
    &["name", "mountPath", "mountPropagation", "readOnly", "recursiveReadOnly", "subPath"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
/// Annotations that some runtime takes for a setting of the pod.
const ANNOTATIONS: [&str; 4] = [
    "container.apparmor.security.beta.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
    "io.kubernetes.cri-o.",
];

/// Keys of an object that are in no list.
fn keys(check: &mut Check<'_>, (node, at): (&Node, &str), known: &[&[&str]]) {
    for entry in node.as_map().unwrap_or_default() {
        check.counted();
        if known.iter().any(|list| list.contains(&entry.key.as_str())) || entry.value.is_null() {
            continue;
        }
        let asked = Asked { code: "unknown-setting", wanted: "nothing", why: UNKNOWN };
        check.report(&joined(at, &entry.key), Some(entry.line), &asked, entry.value.shown());
    }
}

fn nested(check: &mut Check<'_>, (node, at): (&Node, &str)) {
    for (path, known) in NESTED {
        if let Some(found) = node.path(path.split('.')) {
            keys(check, (found, &joined(at, path)), &[known]);
        }
    }
}

/// What a runtime reads out of annotations.
pub(super) fn annotations(check: &mut Check<'_>, template: &Node) {
    let annotations = template.path(["metadata", "annotations"]).and_then(Node::as_map);
    for entry in annotations.unwrap_or_default() {
        let setting = ANNOTATIONS.iter().any(|prefix| entry.key.starts_with(prefix));
        if !setting || entry.value.as_str() == Some("runtime/default") {
            continue;
        }
        let asked = Asked { code: "unknown-setting", wanted: "no such annotation", why: UNKNOWN };
        let place = format!("metadata.annotations.{}", entry.key);
        check.report(&place, Some(entry.line), &asked, entry.value.shown());
    }
}

/// Keys of the pod, and who answers its questions for names.
pub(super) fn pod(check: &mut Check<'_>, here: (&Node, &str), wanted: &Value) {
    keys(check, here, &[POD_JUDGED, POD_HARMLESS]);
    nested(check, here);
    for (alias, place) in items(here.0, here.1, "hostAliases") {
        let ip = alias.get("ip").map(Node::shown).unwrap_or_default();
        let names = alias.get("hostnames").and_then(Node::as_seq).unwrap_or_default();
        let given = wanted["hostAliases"].as_array().into_iter().flatten();
        let mut given = given.filter(|given| given["ip"] == ip.as_str());
        // The API server refuses an alias without an address.
        let known = ip.is_empty()
            || given.any(|given| {
                let all = given["hostnames"].as_array();
                all.is_some_and(|all| {
                    names.iter().all(|name| all.iter().any(|one| *one == name.shown()))
                })
            });
        let asked = Asked {
            code: "host-alias",
            wanted: "addresses of net.hosts",
            why: "the name then leads to an address that the boundary does not give it",
        };
        check.judge(here.0, &place, Some((alias, alias.line())), &asked, |_| known);
    }
    let asked = Asked {
        code: "dns",
        wanted: "the resolver of the cluster",
        why: "another resolver decides which addresses names have",
    };
    for key in ["dnsConfig.nameservers", "dnsConfig.searches"] {
        check.value(here, key, &asked, |found| {
            found.is_none_or(|found| found.as_seq().is_some_and(<[Node]>::is_empty))
        });
    }
    check.value(here, "dnsPolicy", &asked, |found| {
        found
            .is_none_or(|found| found.as_str().is_some_and(|word| word.starts_with("ClusterFirst")))
    });
}

/// Keys of the service's own container.
pub(super) fn container(check: &mut Check<'_>, here: (&Node, &str), wanted: &Value) {
    keys(check, here, &[CONTAINER_JUDGED, CONTAINER_HARMLESS]);
    nested(check, here);
    for (mount, place) in items(here.0, here.1, "volumeMounts") {
        keys(check, (mount, &place), &[MOUNT]);
        let asked = Asked { code: "unknown-setting", wanted: "None", why: UNKNOWN };
        check.value((mount, &place), "mountPropagation", &asked, |found| {
            found.is_none_or(|found| found.as_str() == Some("None"))
        });
    }
    let asked = Asked { code: "unknown-setting", wanted: "false", why: UNKNOWN };
    for key in ["stdin", "stdinOnce", "tty"] {
        check.value(here, key, &asked, |found| {
            found.is_none_or(|found| found.as_bool() == Some(false))
        });
    }
    let asked = Asked { code: "unknown-setting", wanted: "/dev/termination-log", why: UNKNOWN };
    check.value(here, "terminationMessagePath", &asked, |found| {
        found.is_none_or(|found| {
            found.as_str().is_some_and(|path| normal(path).starts_with("/dev/"))
        })
    });
    let folder = wanted["workingDir"].as_str().unwrap_or_default();
    let asked = Asked {
        code: "working-dir",
        wanted: folder,
        why: "relative names of programs and modules are then looked for elsewhere",
    };
    check.value(here, "workingDir", &asked, |found| {
        found.is_none_or(|found| found.as_str().is_some_and(|path| normal(path) == normal(folder)))
    });
    probes(check, here);
    for (port, place) in items(here.0, here.1, "ports") {
        let known: &[&str] = &["name", "containerPort", "protocol", "hostPort"];
        keys(check, (port, &place), &[known]);
    }
}

/// What is asked from outside whether the service lives.
fn probes(check: &mut Check<'_>, here: (&Node, &str)) {
    let hooks = ["lifecycle.postStart", "lifecycle.preStop"];
    for path in PROBES.into_iter().chain(hooks) {
        if here.0.path(path.split('.')).is_none() {
            continue;
        }
        let why = "the kubelet then starts another program in the container";
        if PROBES.contains(&path) {
            let asked = Asked { code: "other-program", wanted: "none", why };
            check.value(here, &format!("{path}.exec"), &asked, |found| found.is_none());
        }
        let why = "the kubelet then asks another host, from the network of the node";
        let asked = Asked { code: "unknown-setting", wanted: "the pod itself", why };
        for kind in ["httpGet", "tcpSocket"] {
            check.value(here, &format!("{path}.{kind}.host"), &asked, |found| found.is_none());
        }
    }
}

/// Containers beside the service's own.
pub(super) fn beside(check: &mut Check<'_>, containers: &[(&Node, String)], main: Option<&str>) {
    for (node, place) in containers {
        check.counted();
        if Some(place.as_str()) == main {
            continue;
        }
        let asked = Asked {
            code: "other-container",
            wanted: "the service's container alone",
            why: "it shares the network, the account and the volumes of the service",
        };
        let name = node.get("name").map(Node::shown).unwrap_or_default();
        check.report(place, Some(node.line()), &asked, name);
    }
}

/// Secrets of the service that another workload takes: their names.
pub(super) fn secrets(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if ["secret", "secretKeyRef"].contains(&key.as_str()) {
                    let name = value["secretName"].as_str().or(value["name"].as_str());
                    found.extend(name.map(str::to_owned));
                }
                found.extend(secrets(value));
            }
        }
        Value::Array(all) => found.extend(all.iter().flat_map(secrets)),
        _ => {}
    }
    found
}

/// Places where another workload refers to one of these Secrets.
pub(super) fn uses(check: &mut Check<'_>, (node, at): (&Node, &str), names: &[String]) -> bool {
    let mut used = false;
    for entry in node.as_map().unwrap_or_default() {
        let place = joined(at, &entry.key);
        if ["secret", "secretKeyRef", "secretRef"].contains(&entry.key.as_str()) {
            let name = entry.value.get("secretName").or_else(|| entry.value.get("name"));
            if let Some(name) = name.filter(|name| names.contains(&name.shown())) {
                let asked = Asked {
                    code: "other-secret-user",
                    wanted: "the service alone",
                    why: "another program then holds a secret of the service",
                };
                check.report(&place, Some(name.line()), &asked, name.shown());
                used = true;
            }
        }
        used |= uses(check, (&entry.value, &place), names);
    }
    for (index, item) in node.as_seq().unwrap_or_default().iter().enumerate() {
        used |= uses(check, (item, &format!("{at}[{index}]")), names);
    }
    used
}

/// A route from outside of the cluster to the service.
pub(super) fn route(order: &Order<'_>, check: &mut Check<'_>, node: &Node, at: &str) -> bool {
    let mut found = false;
    for entry in node.as_map().unwrap_or_default() {
        let place = joined(at, &entry.key);
        let text = entry.value.as_str().unwrap_or_default();
        let names = ["name", "serviceName", "host"].contains(&entry.key.as_str());
        if names && text.split('.').next() == Some(order.name()) {
            let asked = Asked {
                code: "exposed",
                wanted: "no route",
                why: "whoever reaches the entrance of the cluster reaches the service",
            };
            check.report(&place, Some(entry.line), &asked, text.to_owned());
            found = true;
        }
        found |= route(order, check, &entry.value, &place);
    }
    for (index, item) in node.as_seq().unwrap_or_default().iter().enumerate() {
        found |= route(order, check, item, &format!("{at}[{index}]"));
    }
    found
}

/// An object that makes pods or opens networks in a way that is not known here.
pub(super) fn object(check: &mut Check<'_>, node: &Node) {
    let asked = Asked { code: "unknown-setting", wanted: "no such object", why: UNKNOWN };
    let found = node.get("kind").map(Node::shown).unwrap_or_default();
    check.counted();
    check.report("kind", Some(node.line()), &asked, found);
}
