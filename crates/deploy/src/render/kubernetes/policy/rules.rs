//! The validations: one expression of CEL for each thing that the boundary asks of a pod, with what it
//! must be as its message. Every expression holds where keys are missing.

use crate::render::{Entry, Order};
use k8s_openapi::api::admissionregistration::v1::Validation;
use serde_json::Value;

/// Collects validations.
struct Rules {
    service: String,
    all: Vec<Validation>,
}

impl Rules {
    fn add(&mut self, expression: impl Into<String>, must: &str) {
        self.all.push(Validation {
            expression: expression.into(),
            message: Some(format!("weaker than the boundary of {}: {must}", self.service)),
            ..Validation::default()
        });
    }

    /// Every container, init containers too.
    fn every(&mut self, condition: &str, must: &str) {
        self.add(format!("variables.containers.all(c, {condition})"), must);
    }

    /// A setting that containers inherit from the pod; `condition` is about `VALUE`.
    fn inherited(&mut self, path: &str, condition: &str, must: &str) {
        let own = has("c", path);
        let pods = has("variables.pod", path);
        let at = |root: &str| condition.replace("VALUE", &format!("{root}.{path}"));
        self.every(&format!("{own} ? {} : ({pods} && {})", at("c"), at("variables.pod")), must);
    }
}

/// `has(root.a) && has(root.a.b)`: every step of a path is there.
fn has(root: &str, path: &str) -> String {
    let mut whole = root.to_owned();
    let mut steps = Vec::new();
    for key in path.split('.') {
        whole = format!("{whole}.{key}");
        steps.push(format!("has({whole})"));
    }
    format!("({})", steps.join(" && "))
}

/// A literal of CEL, which takes JSON's strings, numbers and lists.
fn literal(value: &Value) -> String {
    value.to_string()
}

/// All of them, for the pod's spec as it is rendered.
pub(super) fn validations(order: &Order<'_>, entry: Entry, pod: &Value) -> Vec<Validation> {
    let mut rules = Rules { service: order.name().to_owned(), all: Vec::new() };
    shared(order, &mut rules, pod);
    identity(order, &mut rules, pod);
    confined(entry, &mut rules);
    mounted(&mut rules, pod);
    started(order, entry, &mut rules, &pod["containers"][0]);
    limited(&mut rules, &pod["containers"][0]);
    rules.all
}

fn shared(order: &Order<'_>, rules: &mut Rules, pod: &Value) {
    for key in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
        rules.add(
            format!("!(has(variables.pod.{key}) && variables.pod.{key})"),
            &format!("{key} must not be true"),
        );
    }
    if pod["hostUsers"] == false {
        rules.add(
            "has(variables.pod.hostUsers) && !variables.pod.hostUsers",
            "hostUsers must be false",
        );
    }
    let name = literal(&order.name().into());
    rules.add(
        format!(
            "has(variables.pod.serviceAccountName) && variables.pod.serviceAccountName == {name}"
        ),
        &format!("serviceAccountName must be {}", order.name()),
    );
    for key in ["automountServiceAccountToken", "enableServiceLinks"] {
        rules.add(
            format!("has(variables.pod.{key}) && !variables.pod.{key}"),
            &format!("{key} must be false"),
        );
    }
    if let Some(class) = order.runtime_class {
        let wanted = literal(&class.into());
        rules.add(
            format!(
                "has(variables.pod.runtimeClassName) && variables.pod.runtimeClassName == {wanted}"
            ),
            &format!("runtimeClassName must be {class}"),
        );
    }
    rules.add(
        "!has(variables.pod.ephemeralContainers) || variables.pod.ephemeralContainers.size() == 0",
        "ephemeralContainers must not be added",
    );
}

fn identity(order: &Order<'_>, rules: &mut Rules, pod: &Value) {
    let context = &pod["securityContext"];
    let identity = &order.boundary.identity;
    let numeric = |value: &Option<ringfence_policy::source::Located<String>>| {
        value.as_ref().is_some_and(|value| value.value.parse::<u32>().is_ok())
    };
    rules.inherited("securityContext.runAsNonRoot", "VALUE", "runAsNonRoot must be true");
    for (key, named) in
        [("runAsUser", numeric(&identity.user)), ("runAsGroup", numeric(&identity.group))]
    {
        let (condition, must) = if named {
            (format!("VALUE == {}", context[key]), format!("{key} must be {}", context[key]))
        } else {
            ("VALUE != 0".to_owned(), format!("{key} must be a number other than 0"))
        };
        rules.inherited(&format!("securityContext.{key}"), &condition, &must);
    }
    rules.inherited(
        "securityContext.seccompProfile.type",
        "VALUE in ['RuntimeDefault', 'Localhost']",
        "seccompProfile.type must be RuntimeDefault or Localhost",
    );
    let security = has("variables.pod", "securityContext");
    let groups = literal(context.get("supplementalGroups").unwrap_or(&Value::Array(Vec::new())));
    for (key, condition, must) in [
        ("fsGroup", "VALUE != 0".to_owned(), "fsGroup must not be 0"),
        (
            "supplementalGroups",
            format!("VALUE.all(g, g in {groups})"),
            "supplementalGroups must be granted",
        ),
        ("sysctls", "VALUE.size() == 0".to_owned(), "sysctls must not be set"),
    ] {
        let value = format!("variables.pod.securityContext.{key}");
        let condition = condition.replace("VALUE", &value);
        rules.add(format!("!{security} || !has({value}) || {condition}"), must);
    }
}

fn confined(entry: Entry, rules: &mut Rules) {
    let no = |key: &str| {
        format!("{} && !c.securityContext.{key}", has("c", &format!("securityContext.{key}")))
    };
    let yes = |key: &str| {
        format!("{} && c.securityContext.{key}", has("c", &format!("securityContext.{key}")))
    };
    rules.every(&no("allowPrivilegeEscalation"), "allowPrivilegeEscalation must be false");
    rules.every(&yes("readOnlyRootFilesystem"), "readOnlyRootFilesystem must be true");
    rules.every(&format!("!({})", yes("privileged")), "privileged must not be true");
    rules.every(
        &format!(
            "{} && 'ALL' in c.securityContext.capabilities.drop",
            has("c", "securityContext.capabilities.drop")
        ),
        "capabilities.drop must hold ALL",
    );
    rules.every(
        &format!(
            "!{} || c.securityContext.capabilities.add.size() == 0",
            has("c", "securityContext.capabilities.add")
        ),
        "capabilities.add must be empty",
    );
    if entry == Entry::Node {
        rules.every(
            &format!(
                "!{} || c.securityContext.procMount == 'Default'",
                has("c", "securityContext.procMount")
            ),
            "procMount must be Default",
        );
    }
    rules.every(
        "!has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0)",
        "hostPort must not be set",
    );
    rules.every(
        "!has(c.volumeDevices) || c.volumeDevices.size() == 0",
        "volumeDevices must not be set",
    );
    rules.every(
        "!has(c.lifecycle) || (!(has(c.lifecycle.postStart) && has(c.lifecycle.postStart.exec)) && \
         !(has(c.lifecycle.preStop) && has(c.lifecycle.preStop.exec)))",
        "lifecycle must start no other program",
    );
}

/// Names of Secrets and paths of mounts as the rendered pod has them.
fn mounted(rules: &mut Rules, pod: &Value) {
    let empty = Vec::new();
    let volumes = pod["volumes"].as_array().unwrap_or(&empty);
    let sources = volumes
        .iter()
        .flat_map(|volume| volume["projected"]["sources"].as_array().unwrap_or(&empty));
    let secrets: Value = sources.map(|source| source["secret"]["name"].clone()).collect();
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap_or(&empty);
    let paths: Value = mounts.iter().map(|mount| mount["mountPath"].clone()).collect();
    let secrets = literal(&secrets);
    let every = |condition: &str| {
        format!("!has(variables.pod.volumes) || variables.pod.volumes.all(v, {condition})")
    };
    rules.add(every("!has(v.hostPath)"), "volumes must not be a hostPath");
    let kinds = [
        "configMap",
        "downwardAPI",
        "emptyDir",
        "hostPath",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    let known: Vec<String> = kinds.iter().map(|kind| format!("has(v.{kind})")).collect();
    rules.add(every(&known.join(" || ")), "volumes must be of a kind that the boundary knows");
    rules.add(
        every("!has(v.emptyDir) || has(v.emptyDir.sizeLimit)"),
        "an emptyDir must have a sizeLimit",
    );
    rules.add(
        every(&format!(
            "!has(v.secret) || (has(v.secret.secretName) && v.secret.secretName in {secrets})"
        )),
        "a secret volume must be of a Secret of the service",
    );
    rules.add(
        every(&format!(
            "!has(v.projected) || !has(v.projected.sources) || v.projected.sources.all(s, \
             !has(s.secret) || s.secret.name in {secrets})"
        )),
        "a projected Secret must be one of the service",
    );
    rules.add(
        every(
            "!has(v.projected) || !has(v.projected.sources) || v.projected.sources.all(s, \
             !has(s.serviceAccountToken))",
        ),
        "a volume must not hold a service account token",
    );
    rules.every(
        &format!(
            "!has(c.volumeMounts) || c.volumeMounts.all(m, m.mountPath in {})",
            literal(&paths)
        ),
        "volumeMounts must be at granted paths",
    );
}

fn started(order: &Order<'_>, entry: Entry, rules: &mut Rules, container: &Value) {
    let name = literal(&order.name().into());
    let mine = format!("variables.pod.containers.filter(c, c.name == {name})");
    rules.add(
        format!("{mine}.size() == 1"),
        &format!("one container must be named {}", order.name()),
    );
    let mut main =
        |condition: &str, must: &str| rules.add(format!("{mine}.all(c, {condition})"), must);
    if let Some(image) = order.image.filter(|image| image.contains('@')) {
        main(
            &format!("has(c.image) && c.image == {}", literal(&image.into())),
            &format!("the image must be {image}"),
        );
    }
    for key in ["command", "args"] {
        if container[key].is_array() {
            main(
                &format!("has(c.{key}) && c.{key} == {}", literal(&container[key])),
                &format!("{key} must be that of the boundary"),
            );
        }
    }
    let empty = Vec::new();
    let variables = container["env"].as_array().unwrap_or(&empty);
    let names: Value = variables.iter().map(|variable| variable["name"].clone()).collect();
    let of_secrets: Value = variables
        .iter()
        .filter_map(|variable| variable["valueFrom"]["secretKeyRef"]["name"].as_str())
        .map(Value::from)
        .collect();
    if entry == Entry::Node {
        main(
            &format!("!has(c.env) || c.env.all(e, e.name in {})", literal(&names)),
            "env must hold granted variables only",
        );
        for variable in variables {
            let (Some(name), Some(value)) = (variable["name"].as_str(), variable["value"].as_str())
            else {
                continue;
            };
            let fixed = format!(
                "!has(c.env) || c.env.all(e, e.name != {} || (!has(e.valueFrom) && (has(e.value) ? e.value : '') == {}))",
                literal(&name.into()),
                literal(&value.into())
            );
            main(&fixed, &format!("the variable {name} must have the boundary's value"));
        }
        main("!has(c.envFrom) || c.envFrom.size() == 0", "envFrom must not be used");
    }
    rules.every(
        &format!(
            "!has(c.env) || c.env.all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef) || \
             e.valueFrom.secretKeyRef.name in {})",
            literal(&of_secrets)
        ),
        "a variable must not come from another Secret",
    );
}

fn limited(rules: &mut Rules, container: &Value) {
    let Some(limits) = container["resources"]["limits"].as_object() else { return };
    for (name, most) in limits {
        let (key, most) = (literal(&name.as_str().into()), literal(most));
        rules.every(
            &format!(
                "{} && {key} in c.resources.limits && \
                 quantity(string(c.resources.limits[{key}])).compareTo(quantity({most})) <= 0",
                has("c", "resources.limits")
            ),
            &format!("the limit of {name} must be at most {}", most.trim_matches('"')),
        );
    }
}
