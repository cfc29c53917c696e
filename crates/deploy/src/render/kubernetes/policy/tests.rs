//! The admission policy as an API server would evaluate it.

use super::*;
use crate::render::{Order, Target, render};
use cel::extractors::This;
use cel::{Context, Program, Value as Cel};
use ringfence_project::yaml;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

fn quantity(text: &str) -> f64 {
    let (number, factor) = match text {
        text if text.ends_with("Gi") => (&text[..text.len() - 2], 1_073_741_824.0),
        text if text.ends_with("Mi") => (&text[..text.len() - 2], 1_048_576.0),
        text if text.ends_with('m') => (&text[..text.len() - 1], 0.001),
        text => (text, 1.0),
    };
    number.parse::<f64>().unwrap() * factor
}

/// The library of an API server that these expressions use.
fn context() -> Context<'static, 'static> {
    let mut context = Context::default();
    context.add_function("quantity", |text: Arc<String>| quantity(&text)).unwrap();
    context
        .add_function("compareTo", |This(left): This<f64>, right: f64| -> i64 {
            left.partial_cmp(&right).map_or(0, |order| order as i64)
        })
        .unwrap();
    context
}

struct Case {
    policy: Value,
    deployment: Value,
}

impl Case {
    fn new(file: &str, entry: Option<Entry>) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(path).unwrap();
        Self::of(&text, entry)
    }

    fn of(text: &str, entry: Option<Entry>) -> Self {
        let boundary = ringfence_policy::parse("ringfence.toml", text).unwrap();
        let mut order = Order::new(&boundary, "00ff", "ringfence.toml", Path::new("/srv/app"));
        order.image = Some("registry.example/it@sha256:00ff");
        order.runtime_class = entry.is_none().then_some("gvisor");
        order.entry = entry;
        let objects = super::super::objects(&order, entry.unwrap_or(Entry::Node)).unwrap().0;
        let deployment = objects.into_iter().find(|object| object["kind"] == "Deployment").unwrap();
        let policy = objects_of(&order);
        // What is written is what is evaluated.
        let text = render(Target::KubernetesPolicy, &order).unwrap().files[0].1.clone();
        assert_eq!(yaml::documents(&text).unwrap().len(), 2);
        Self { policy, deployment }
    }

    fn pod(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"},
            "spec": self.deployment["spec"]["template"]["spec"],
        })
    }

    /// Messages of what refuses an object.
    fn refused(&self, object: &Value) -> Vec<String> {
        let spec = &self.policy["spec"];
        let mut variables = serde_json::Map::new();
        for variable in spec["variables"].as_array().unwrap() {
            let value = evaluate(variable["expression"].as_str().unwrap(), object, &variables);
            let value = value.unwrap().json().unwrap();
            variables.insert(variable["name"].as_str().unwrap().to_owned(), value);
        }
        let rules = spec["validations"].as_array().unwrap().iter();
        rules
            .filter(|rule| {
                let expression = rule["expression"].as_str().unwrap();
                let admitted = evaluate(expression, object, &variables);
                // An error refuses: failurePolicy is Fail.
                let admitted = admitted.unwrap_or_else(|error| panic!("{expression}: {error}"));
                admitted != Cel::Bool(true)
            })
            .map(|rule| rule["message"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn objects_of(order: &Order<'_>) -> Value {
    objects(order, entry::decide(order).unwrap()).unwrap().remove(0)
}

fn evaluate(
    expression: &str,
    object: &Value,
    variables: &serde_json::Map<String, Value>,
) -> Result<Cel, String> {
    let mut context = context();
    context.add_variable("object", object).map_err(|error| error.to_string())?;
    context.add_variable("variables", variables).map_err(|error| error.to_string())?;
    let program = Program::compile(expression).map_err(|error| format!("{error:?}"))?;
    program.execute(&context).map_err(|error| error.to_string())
}

/// Every kind of object that makes pods, with this pod in it.
fn makers(spec: &Value) -> Vec<Value> {
    let template = json!({"template": {"spec": spec}});
    let mut all: Vec<Value> = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"]
        .iter()
        .map(|kind| json!({"kind": kind, "metadata": {"name": "x"}, "spec": template}))
        .collect();
    all.push(json!({"kind": "Pod", "metadata": {"name": "x"}, "spec": spec}));
    all.push(
        json!({"kind": "CronJob", "metadata": {}, "spec": {"jobTemplate": {"spec": template}}}),
    );
    all
}

fn cases() -> [Case; 2] {
    [
        Case::new("testdata/full.toml", None),
        Case::of(
            "schema = 1\n[service]\nname = \"billing\"\nstart = [\"node\", \"a.mjs\"]\n[fs]\nread = [\"./\"]\n\
             write = [\"/var/lib/billing\"]\n[net]\nlisten = [\"0.0.0.0:8080\"]\n[env]\npass = [\"TZ\"]\n\
             [secrets.key]\nfrom = \"file:/run/sources/key\"\nas = \"file\"\nto = \"/run/secrets/key\"\n[limits]\ntmp = \"1MiB\"\n",
            Some(Entry::Ringfence),
        ),
    ]
}

#[test]
fn the_rendered_pod_is_admitted_whatever_makes_it() {
    for case in cases() {
        for object in makers(&case.pod()["spec"]) {
            assert_eq!(case.refused(&object), Vec::<String>::new(), "{}", object["kind"]);
        }
    }
}

/// A change of the pod's spec at a JSON pointer (`null` takes it away), and words of the message.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn weaker() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/hostNetwork", json!(true), "hostNetwork"),
        ("/hostPID", json!(true), "hostPID"),
        ("/hostIPC", json!(true), "hostIPC"),
        ("/shareProcessNamespace", json!(true), "shareProcessNamespace"),
        ("/serviceAccountName", Value::Null, "serviceAccountName"),
        ("/serviceAccountName", json!("default"), "serviceAccountName"),
        ("/automountServiceAccountToken", Value::Null, "automountServiceAccountToken"),
        ("/automountServiceAccountToken", json!(true), "automountServiceAccountToken"),
        ("/enableServiceLinks", Value::Null, "enableServiceLinks"),
        ("/ephemeralContainers", json!([{"name": "debug"}]), "ephemeralContainers"),
        ("/securityContext/runAsNonRoot", Value::Null, "runAsNonRoot"),
        ("/containers/0/securityContext/runAsNonRoot", json!(false), "runAsNonRoot"),
        ("/securityContext/runAsUser", json!(0), "runAsUser"),
        ("/securityContext/runAsGroup", Value::Null, "runAsGroup"),
        ("/securityContext/seccompProfile", Value::Null, "seccompProfile"),
        (
            "/containers/0/securityContext/seccompProfile",
            json!({"type": "Unconfined"}),
            "seccompProfile",
        ),
        ("/securityContext/fsGroup", json!(0), "fsGroup"),
        ("/securityContext/supplementalGroups", json!([0]), "supplementalGroups"),
        ("/securityContext/sysctls", json!([{"name": "a", "value": "b"}]), "sysctls"),
        (
            "/containers/0/securityContext/allowPrivilegeEscalation",
            Value::Null,
            "allowPrivilegeEscalation",
        ),
        (
            "/containers/0/securityContext/allowPrivilegeEscalation",
            json!(true),
            "allowPrivilegeEscalation",
        ),
        (
            "/containers/0/securityContext/readOnlyRootFilesystem",
            json!(false),
            "readOnlyRootFilesystem",
        ),
        ("/containers/0/securityContext/privileged", json!(true), "privileged"),
        ("/containers/0/securityContext/capabilities", Value::Null, "capabilities.drop"),
        (
            "/containers/0/securityContext/capabilities/add",
            json!(["SYS_ADMIN"]),
            "capabilities.add",
        ),
        ("/containers/0/ports", json!([{"containerPort": 1, "hostPort": 1}]), "hostPort"),
        (
            "/containers/0/volumeDevices",
            json!([{"name": "x", "devicePath": "/dev/x"}]),
            "volumeDevices",
        ),
        (
            "/containers/0/lifecycle",
            json!({"postStart": {"exec": {"command": ["sh"]}}}),
            "lifecycle",
        ),
        ("/volumes/0", json!({"name": "tmp", "hostPath": {"path": "/"}}), "hostPath"),
        ("/volumes/0", json!({"name": "tmp", "nfs": {"server": "a", "path": "/"}}), "of a kind"),
        ("/volumes/0/emptyDir", json!({}), "sizeLimit"),
        ("/volumes/0", json!({"name": "tmp", "secret": {"secretName": "other"}}), "secret volume"),
        (
            "/volumes/0",
            json!({"name": "tmp", "projected": {"sources": [{"secret": {"name": "other"}}]}}),
            "projected Secret",
        ),
        (
            "/volumes/0",
            json!({"name": "tmp", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
            "account token",
        ),
        ("/containers/0/volumeMounts/0/mountPath", json!("/usr"), "volumeMounts"),
        ("/containers/0/name", json!("other"), "must be named"),
        ("/containers/0/image", json!("registry.example/it:latest"), "image"),
        ("/containers/0/command", json!(["sh"]), "command"),
        ("/containers/0/args", Value::Null, "args"),
        (
            "/containers/0/env",
            json!([{"name": "TZ", "valueFrom": {"secretKeyRef": {"name": "other", "key": "k"}}}]),
            "another Secret",
        ),
        ("/containers/0/resources/limits/ephemeral-storage", json!("900Gi"), "ephemeral-storage"),
        ("/containers/0/resources", Value::Null, "limit of"),
    ]
}

fn changed(spec: &Value, pointer: &str, value: &Value) -> Value {
    let mut spec = spec.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match spec.pointer_mut(parent).unwrap() {
        Value::Object(map) if value.is_null() => drop(map.remove(key)),
        Value::Object(map) => drop(map.insert(key.to_owned(), value.clone())),
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
        _ => unreachable!("{pointer}"),
    }
    spec
}

#[test]
fn each_weaker_pod_is_refused_with_its_message_whatever_makes_it() {
    for case in cases() {
        let spec = case.pod()["spec"].clone();
        for (pointer, value, words) in weaker() {
            for object in makers(&changed(&spec, pointer, &value)) {
                let refused = case.refused(&object);
                assert!(
                    refused.iter().any(|message| message.contains(words)),
                    "{} {pointer} {value}: {refused:?}",
                    object["kind"]
                );
            }
        }
    }
}

#[test]
fn what_only_one_entry_asks_for_is_refused_too() {
    let [node, inside] = cases();
    let spec = node.pod()["spec"].clone();
    for (pointer, value, words) in [
        ("/runtimeClassName", json!("runc"), "runtimeClassName"),
        ("/containers/0/securityContext/procMount", json!("Unmasked"), "procMount"),
        ("/containers/0/envFrom", json!([{"secretRef": {"name": "all"}}]), "envFrom"),
        (
            "/containers/0/env",
            json!([{"name": "NODE_OPTIONS", "value": "-r x"}]),
            "granted variables",
        ),
        ("/containers/0/env", json!([{"name": "NODE_ENV", "value": "development"}]), "NODE_ENV"),
        ("/containers/0/resources/limits/memory", json!("2Gi"), "limit of memory"),
        ("/containers/0/resources/limits/cpu", Value::Null, "limit of cpu"),
    ] {
        let refused = node.refused(&makers(&changed(&spec, pointer, &value))[0]);
        assert!(refused.iter().any(|message| message.contains(words)), "{pointer}: {refused:?}");
    }
    let spec = inside.pod()["spec"].clone();
    let refused = inside.refused(&makers(&changed(&spec, "/hostUsers", &Value::Null))[0]);
    assert!(refused.iter().any(|message| message.contains("hostUsers")), "{refused:?}");
}

#[test]
fn a_container_beside_the_service_is_held_to_the_same() {
    let [case, _] = cases();
    for list in ["containers", "initContainers"] {
        let mut spec = case.pod()["spec"].clone();
        let mut beside = spec["containers"][0].clone();
        beside["name"] = json!("beside");
        beside["securityContext"]["privileged"] = json!(true);
        let mut all = spec[list].as_array().cloned().unwrap_or_default();
        all.push(beside);
        spec[list] = json!(all);
        let refused = case.refused(&makers(&spec)[0]);
        assert_eq!(refused.len(), 1, "{list}: {refused:?}");
        assert!(refused[0].contains("privileged"));
    }
}
