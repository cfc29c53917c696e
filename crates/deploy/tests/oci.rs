//! Bundles and seccomp profiles: what is rendered drifts nowhere, and each key that holds something
//! is missed by name.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a test ends where it cannot go on"
)]

mod boundaries;

use boundaries::{Known, both, full};
use ringfence_deploy::drift::{Deployed, Drift, DriftError, compare};
use ringfence_deploy::render::{Entry, Target};
use serde_json::{Value, json};
use std::path::Path;

fn value(known: &Known, target: Target, entry: Entry) -> Value {
    serde_json::from_str(&known.render(target, Some(entry)).files[0].1).unwrap()
}

fn drifts(known: &Known, entry: Entry, value: &Value) -> Vec<Drift> {
    let text = serde_json::to_string_pretty(value).unwrap();
    let deployed = Deployed { path: Path::new("config.json"), text: &text };
    compare(&known.order(Some(entry)), deployed).unwrap().drifts
}

/// Pointers to every key and item below a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('/', "~1"), value)).collect()
        }
        Value::Array(list) => {
            list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        let pointer = format!("{at}/{key}");
        found.push(pointer.clone());
        pointers(child, &pointer, found);
    }
}

fn without(value: &Value, pointer: &str) -> Value {
    let mut changed = value.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match changed.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.remove(&key.replace("~1", "/"))),
        Value::Array(list) => drop(list.remove(key.parse().unwrap())),
        _ => {}
    }
    changed
}

/// What is named when a key of a bundle is not there; `None` when nothing must be, and an empty text
/// when the key is not about what is held (the command itself, or half a mount).
fn named(pointer: &str, value: &Value) -> Option<&'static str> {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let text = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match parts.as_slice() {
        ["process" | "linux" | "mounts" | "ociVersion"]
        | ["process", "args", ..]
        | ["process", "rlimits"]
        | ["process", "capabilities", _]
        | ["linux", "resources" | "namespaces" | "maskedPaths" | "readonlyPaths"]
        | ["linux", "resources", "memory" | "devices"]
        | ["mounts", _, "destination" | "type" | "source" | "options"]
        | ["linux", "seccomp", "syscalls"] => Some(""),
        ["process", "user"] | ["process", "user", "uid"] => Some("process.user.uid"),
        ["process", "capabilities"] => Some("process.capabilities.bounding"),
        ["process", "noNewPrivileges"] => Some("process.noNewPrivileges"),
        ["process", "rlimits", _] | ["process", "rlimits", _, "hard" | "type"] => {
            Some("process.rlimits")
        }
        ["root"] | ["root", "readonly"] => Some("root.readonly"),
        ["mounts", _, "options", _]
            if ["ro", "nosuid", "nodev", "noexec"].contains(&text) || text.starts_with("size=") =>
        {
            Some("mounts")
        }
        ["linux", "resources", "memory", "limit"] => Some("linux.resources.memory.limit"),
        ["linux", "resources", "memory", "swap"] => Some("linux.resources.memory.swap"),
        ["linux", "resources", "pids"] | ["linux", "resources", "pids", "limit"] => {
            Some("linux.resources.pids.limit")
        }
        ["linux", "resources", "cpu"] | ["linux", "resources", "cpu", "quota"] => {
            Some("linux.resources.cpu.quota")
        }
        ["linux", "resources", "devices", "0"]
        | ["linux", "resources", "devices", "0", "access"] => Some("linux.resources.devices"),
        ["linux", "namespaces", _] | ["linux", "namespaces", _, "type"] => Some("linux.namespaces"),
        ["linux", "maskedPaths", _] => Some("linux.maskedPaths"),
        ["linux", "readonlyPaths", _] => Some("linux.readonlyPaths"),
        ["linux", "seccomp"] => Some("linux.seccomp"),
        ["linux", "seccomp", "defaultAction"] => Some("linux.seccomp.defaultAction"),
        ["linux", "seccomp", "syscalls", index, rest @ ..] => {
            seccomp(&value["linux"]["seccomp"]["syscalls"][index.parse::<usize>().unwrap()], rest)
        }
        _ => None,
    }
}

fn seccomp(entry: &Value, rest: &[&str]) -> Option<&'static str> {
    match rest {
        // One drift for each name of the list.
        ["action"] if entry["action"] == "SCMP_ACT_ERRNO" => Some(""),
        // Engines read a missing second value as 0.
        ["args", index, "valueTwo"]
            if entry["args"][index.parse::<usize>().unwrap()]["valueTwo"] == 0 =>
        {
            None
        }
        ["args", ..] => Some("linux.seccomp.syscalls"),
        _ => None,
    }
}

#[test]
fn a_rendered_bundle_has_no_drift_and_misses_exactly_the_key_that_is_taken_out() {
    for known in both() {
        for entry in [Entry::Ringfence, Entry::Node] {
            let config = value(&known, Target::Oci, entry);
            assert_eq!(drifts(&known, entry, &config), [], "{entry:?}");
            let mut all = Vec::new();
            pointers(&config, "", &mut all);
            for pointer in all.into_iter().filter(|pointer| {
                // The calls of the filter are gone through one by one below.
                pointer != "/ociVersion" && !pointer.starts_with("/linux/seccomp/syscalls/")
            }) {
                let found = drifts(&known, entry, &without(&config, &pointer));
                match named(&pointer, &config) {
                    Some("") => {}
                    Some(place) => {
                        assert_eq!(found.len(), 1, "{entry:?}: without {pointer}: {found:?}");
                        assert!(found[0].place.starts_with(place), "{pointer}: {found:?}");
                    }
                    None => assert_eq!(found, [], "{entry:?}: without {pointer}"),
                }
            }
        }
    }
}

#[test]
fn a_rendered_profile_has_no_drift_and_misses_exactly_the_key_that_is_taken_out() {
    let known = full();
    for entry in [Entry::Ringfence, Entry::Node] {
        let profile = value(&known, Target::Seccomp, entry);
        assert_eq!(drifts(&known, entry, &profile), [], "{entry:?}");
        let mut all = Vec::new();
        pointers(&profile, "", &mut all);
        for pointer in
            all.iter().filter(|pointer| *pointer != "/syscalls" && !pointer.starts_with("/~1~1"))
        {
            let parts: Vec<&str> = pointer.split('/').skip(1).collect();
            if parts == ["defaultAction"] {
                // Without it no engine reads the file as a profile.
                continue;
            }
            let found = drifts(&known, entry, &without(&profile, pointer));
            let expected = match parts.as_slice() {
                ["syscalls", index, rest @ ..] => {
                    seccomp(&profile["syscalls"][index.parse::<usize>().unwrap()], rest)
                }
                _ => None,
            };
            match expected {
                Some("") => assert!(!found.is_empty(), "{pointer}"),
                Some(_) => assert_eq!(found.len(), 1, "{entry:?}: without {pointer}: {found:?}"),
                None => assert_eq!(found, [], "{entry:?}: without {pointer}"),
            }
        }
    }
}

#[test]
fn a_weaker_value_is_found() {
    let known = full();
    let config = value(&known, Target::Oci, Entry::Node);
    let tmp = config["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .position(|mount| mount["destination"] == "/tmp")
        .unwrap();
    for (pointer, to, code) in [
        ("/process/user/uid", json!(0), "runs-as-root"),
        ("/process/user/additionalGids", json!([0]), "more-groups"),
        ("/process/noNewPrivileges", json!(false), "new-privileges"),
        ("/process/capabilities/effective", json!(["CAP_SYS_ADMIN"]), "more-capabilities"),
        ("/process/capabilities/ambient", json!(["CAP_NET_ADMIN"]), "more-capabilities"),
        ("/process/args", json!(["/bin/sh", "-c", "node dist/server.mjs"]), "not-enforced"),
        ("/root/readonly", json!(false), "writable-root"),
        ("/linux/resources/memory/limit", json!(1_u64 << 40), "more-memory"),
        ("/linux/resources/memory/limit", json!(-1), "more-memory"),
        ("/linux/resources/pids/limit", json!(0x1000), "more-processes"),
        ("/linux/resources/cpu/quota", json!(400_000), "more-cpu"),
        ("/linux/resources/cpu/period", json!(1000), "more-cpu"),
        ("/linux/resources/devices/0/allow", json!(true), "visible-devices"),
        (
            "/linux/namespaces/3",
            json!({ "type": "pid", "path": "/proc/1/ns/pid" }),
            "shared-namespace",
        ),
        ("/linux/seccomp/defaultAction", json!("SCMP_ACT_ALLOW"), "open-filter"),
        ("/linux/seccomp/syscalls/0/names/0", json!("bpf"), "more-system-calls"),
        ("/linux/seccomp/architectures/0", json!("SCMP_ARCH_X32"), "foreign-calls"),
        ("/hooks", json!({ "prestart": [] }), "hooks"),
    ] {
        let mut changed = config.clone();
        match changed.pointer_mut(pointer) {
            Some(place) => *place = to.clone(),
            None => changed[&pointer[1..]] = to.clone(),
        }
        let found = drifts(&known, Entry::Node, &changed);
        assert!(!found.is_empty(), "{pointer}");
        assert!(
            found.iter().all(|drift| drift.code == code || code == "visible-devices"),
            "{pointer}: {found:?}"
        );
        assert!(found.iter().all(|drift| drift.line.is_some()), "{pointer}: {found:?}");
    }
    let mut changed = config.clone();
    changed["mounts"].as_array_mut().unwrap().push(
        json!({ "destination": "/etc", "type": "bind", "source": "/etc", "options": ["rbind"] }),
    );
    assert_eq!(drifts(&known, Entry::Node, &changed)[0].code, "more-writable-paths");
    let mut changed = config.clone();
    changed["process"]["env"].as_array_mut().unwrap().push(json!("NODE_OPTIONS=--no-permission"));
    assert_eq!(drifts(&known, Entry::Node, &changed)[0].code, "code-from-environment");
    let mut changed = config;
    changed["mounts"][tmp]["options"] =
        json!(["nosuid", "noexec", "nodev", "mode=1777", "size=8g"]);
    assert_eq!(drifts(&known, Entry::Node, &changed)[0].code, "larger-limits");
}

#[test]
fn more_hardening_and_other_keys_are_no_drift() {
    let known = full();
    let mut config = value(&known, Target::Oci, Entry::Ringfence);
    config["process"]["apparmorProfile"] = json!("orders");
    config["process"]["oomScoreAdj"] = json!(100);
    config["linux"]["maskedPaths"] = json!(["/proc/kcore"]);
    config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({ "type": "network" }));
    config["linux"]["resources"]["memory"]["limit"] = json!(100_000_000);
    config["mounts"].as_array_mut().unwrap().insert(0, json!({ "destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"] }));
    assert_eq!(drifts(&known, Entry::Ringfence, &config), []);
}

#[test]
fn what_is_no_bundle_of_this_service_is_said_to_be_none() {
    let known = full();
    let of =
        |text: &str| compare(&known.order(None), Deployed { path: Path::new("config.json"), text });
    let foreign = "{\"ociVersion\": \"1.0.2\", \"process\": {\"args\": [\"sh\"], \"cwd\": \"/\"}}";
    assert!(matches!(of(foreign), Err(DriftError::Foreign { .. })));
    let broken = "{\"ociVersion\": \"1.0.2\", \"ociVersion\": 1}";
    assert!(matches!(of(broken), Err(DriftError::Malformed { line: 1, .. })));
    assert!(matches!(of("{\"a\": 1}"), Err(DriftError::Unknown { .. })));
}

#[test]
fn the_profile_around_node_refuses_more_than_the_one_around_ringfence() {
    let known = full();
    let mut profile = value(&known, Target::Seccomp, Entry::Ringfence);
    profile["//"] = json!([]);
    let found = drifts(&known, Entry::Node, &profile);
    for call in ["pivot_root", "unshare", "seccomp", "clone", "setsockopt"] {
        assert!(found.iter().any(|drift| drift.place == format!("syscalls: {call}")), "{call}");
    }
}
