//! `ringfence status`

use ringfence_tests::command::{self, Playground};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::io::{Read as _, Write as _};
use std::process::Stdio;

#[test]
fn every_layer_is_told_and_the_code_says_whether_one_is_absent() {
    let run = Playground::new().run(["status", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    let layers = report["layers"].as_array().unwrap();
    let ids: Vec<&str> = layers.iter().map(|layer| layer["layer"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        [
            "environment",
            "identity",
            "namespaces",
            "cgroup",
            "rlimits",
            "landlock",
            "seccomp",
            "broker",
            "node-flags"
        ]
    );
    let absent = layers.iter().any(|layer| layer["answer"]["state"] == "absent");
    assert_eq!(run.code, if absent { 3 } else { 0 }, "{run}");
}

#[test]
fn what_is_missing_comes_with_what_to_change() {
    let run = Playground::new().run(["status", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    for layer in report["layers"].as_array().unwrap() {
        if layer["answer"]["state"] == "absent" {
            let probes = layer["probes"].as_array().unwrap();
            let remedies = |probe: &Value| !probe["remedies"].as_array().unwrap().is_empty();
            assert!(probes.iter().any(remedies), "{layer}");
        }
    }
}

#[test]
fn the_table_fits_80_columns() {
    let run = Playground::new().run(["status"]);
    let table: Vec<&str> =
        run.stdout.lines().take_while(|line| *line != "what to change").collect();
    assert!(table.iter().all(|line| line.chars().count() <= 80), "{run}");
    assert!(table.len() > 9);
}

#[test]
fn the_native_modules_of_a_running_service_are_listed() {
    // A process of this test alone: what other tests have started has modules of its own.
    let mut service = command::other("cat");
    let mut service = service.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    service.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    service.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let pid = service.id().to_string();
    let run = Playground::new().run(["status", "--format", "json", "--pid", &pid]);
    drop(service.stdin.take());
    service.wait().unwrap();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["service"]["native_modules"].as_array().map(Vec::len), Some(0), "{run}");
}

#[test]
fn a_native_module_is_listed_with_the_hash_of_what_is_mapped() {
    let playground = Playground::new();
    let module = playground.path().join("addon.node");
    std::fs::copy(library(), &module).unwrap();
    let mut service = command::other("cat");
    service.env("LD_PRELOAD", &module).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut service = service.spawn().unwrap();
    // What it echoes shows that it has been loaded.
    service.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    service.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let pid = service.id().to_string();
    let run = playground.run(["status", "--format", "json", "--pid", &pid]);
    drop(service.stdin.take());
    service.wait().unwrap();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let modules = report["service"]["native_modules"].as_array().unwrap();
    let hash = Sha256::digest(std::fs::read(&module).unwrap());
    let hex = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hash: String = hex.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    assert_eq!(modules.len(), 1, "{run}");
    assert_eq!(modules[0]["path"], "[DIR]/addon.node");
    assert_eq!(modules[0]["sha256"], hash.as_str());
}

/// Some shared library of this very process.
fn library() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut paths = maps.lines().filter_map(|line| Some(&line[line.find('/')?..]));
    paths.find(|path| path.contains("libgcc_s.so")).unwrap().to_owned()
}

#[test]
fn a_process_that_is_not_there_is_an_error() {
    let run = Playground::new().run(["status", "--pid", "4194305"]);
    insta::assert_snapshot!(run, @"
    exit: 2
    --- stdout
    --- stderr
    error: cannot look at the service
      caused by: no process has the id 4194305
    hint: `pgrep -a node` lists the running services
    ---
    ");
}

#[test]
fn a_limit_on_user_namespaces_is_named_with_its_remedy() {
    let takes_away = "echo 0 > /proc/sys/user/max_user_namespaces";
    let Some(run) = Playground::new().without(takes_away, &["status"]) else {
        return ringfence_tests::not_run("no user namespace can be made to take something away in");
    };
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stdout.contains("namespaces   absent    user.max_user_namespaces is 0"), "{run}");
    assert!(run.stdout.contains("sysctl -w user.max_user_namespaces="), "{run}");
}

#[test]
fn a_masked_proc_is_named_with_its_remedy() {
    let takes_away = "mount -t tmpfs tmpfs /proc/tty";
    let Some(run) = Playground::new().without(takes_away, &["status"]) else {
        return ringfence_tests::not_run("no user namespace can be made to take something away in");
    };
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stdout.contains("/proc is masked here (/proc/tty)"), "{run}");
    assert!(run.stdout.contains("procMount: Unmasked"), "{run}");
}
