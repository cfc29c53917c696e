//! `ringfence render`: what is written where, and what is never overwritten.

use insta::assert_snapshot;
use ringfence_tests::command::{Playground, other};
use ringfence_tests::{not_run, workspace};
use serde_json::Value;
use std::fs;

fn playground() -> Playground {
    Playground::new().with("ringfence.toml", crate::SMALLEST)
}

#[test]
fn one_file_is_written_as_it_is_and_notes_go_to_standard_error() {
    let run = playground().run(["render", "systemd", "--entry", "node"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("# written by ringfence "), "{run}");
    assert!(run.stdout.contains("\n[Service]\n"), "{run}");
    assert!(run.stderr.contains("note: fs.read \"./\": Node refuses other paths"), "{run}");
}

#[test]
fn of_several_files_each_stands_behind_its_name() {
    let run = playground().run(["render", "node"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("# start.sh\n#!/bin/sh\n"), "{run}");
    assert!(run.stdout.contains("\n\n// package.scripts.json\n{\n"), "{run}");
}

#[test]
fn json_holds_files_and_notes() {
    let run = playground().run(["render", "oci", "--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&told["schema"], &told["target"]), (&1.into(), &"oci".into()));
    assert_eq!(told["files"][0]["path"], "config.json");
    assert_eq!(told["boundary"].as_str().unwrap().len(), 64);
    assert!(told["notes"][0]["grant"].as_str().unwrap().starts_with("fs.read"));
}

#[test]
fn a_file_of_somebody_else_is_not_overwritten_without_force() {
    let playground = playground().with("out/orders.service", "[Service]\nExecStart=mine\n");
    let kept = || fs::read_to_string(playground.path().join("out/orders.service")).unwrap();
    let run = playground.run(["render", "systemd", "--out", "out"]);
    assert_snapshot!(run, @r"
    exit: 2
    --- stdout
    --- stderr
    error: out/orders.service was not written by ringfence
    hint: name another folder with --out DIR, or overwrite it with --force
    ---
    ");
    assert!(kept().contains("mine"));
    let run = playground.run(["render", "systemd", "--out", "out", "--force"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "out/orders.service\n"), "{run}");
    assert!(!kept().contains("mine"));
    // Its own file it knows again, and leaves nothing else beside it.
    let run = playground.run(["render", "systemd", "--out", "out", "--entry", "node"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(kept().contains("--entry node"));
    assert_eq!(fs::read_dir(playground.path().join("out")).unwrap().count(), 1);
}

#[test]
fn a_program_that_is_not_node_has_no_flags_of_node() {
    let playground = Playground::new().with("ringfence.toml", crate::TRUE);
    let run = playground.run(["render", "node"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    assert!(run.stderr.contains("service.start does not begin with Node itself"), "{run}");
    assert!(run.stderr.contains("hint: "), "{run}");
    assert_eq!(playground.run(["render", "systemd"]).code, 0);
}

#[test]
fn an_unknown_target_and_a_place_that_is_none_are_usage_errors() {
    let run = playground().run(["render", "nomad"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("kubernetes-policy"), "{run}");
    let run = playground().run(["render", "systemd", "--place", "app"]);
    assert_eq!(run.code, 2, "{run}");
    let run = playground().run(["render", "systemd", "--socket-activation"]);
    assert!(run.stderr.contains("net.listen has none"), "{run}");
}

/// The number that `systemd-analyze security` ends with.
fn exposure(unit: &std::path::Path) -> f64 {
    let mut analyze = other("systemd-analyze");
    let output =
        analyze.args(["security", "--offline=true", "--no-pager"]).arg(unit).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default();
    let number = last.split("service: ").nth(1).and_then(|rest| rest.split(' ').next());
    let number = number.and_then(|number| number.parse().ok());
    assert!(number.is_some(), "{text}");
    number.unwrap_or(f64::INFINITY)
}

#[test]
fn units_are_valid_and_leave_little_exposed() {
    if other("systemd-analyze").arg("--version").output().is_err() {
        not_run("systemd-analyze is not installed");
        return;
    }
    let examples = workspace::root().join("examples/orders/ringfence.toml");
    let full = workspace::root().join("crates/deploy/testdata/full.toml");
    // Around `ringfence run` systemd counts the namespaces, mounts and calls by which ringfence takes
    // more away than systemd could; it cannot see what that leaves to the service.
    for (entry, file, most) in [
        ("node", &examples, 2.0),
        ("node", &full, 2.0),
        ("ringfence", &examples, 2.3),
        ("ringfence", &full, 2.6),
    ] {
        let playground = Playground::new();
        let mut command = playground.command();
        command.args(["render", "systemd", "--entry", entry, "--socket-activation", "--notify"]);
        let run = playground.finish(command.args(["--out", "units", "--config"]).arg(file));
        assert_eq!(run.code, 0, "{run}");
        for path in run.stdout.lines().map(|line| playground.path().join(line)) {
            // The programs of the target are not on this machine.
            let text = fs::read_to_string(&path).unwrap();
            let line = text.lines().find(|line| line.starts_with("ExecStart="));
            let text =
                line.map_or_else(|| text.clone(), |line| text.replace(line, "ExecStart=/bin/true"));
            fs::write(&path, text).unwrap();
            let output = other("systemd-analyze").arg("verify").arg(&path).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                output.status.success() && said.is_empty(),
                "{entry} {}: {said}",
                path.display()
            );
            if path.extension().is_some_and(|kind| kind == "service") {
                let is = exposure(&path);
                assert!(is <= most, "{entry}: {is} is more than {most}");
            }
        }
    }
}
