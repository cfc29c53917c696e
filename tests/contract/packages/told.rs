//! What the script in front of Node tells, and that a program does not notice it, on every Node here.

use ringfence_learn::recorder::script::{SCRIPT, VARIABLE};
use ringfence_tests::command::{self, Playground, Run};
use ringfence_tests::workspace;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The Nodes of every release line that are installed here, with their major versions.
fn nodes() -> Vec<(u32, PathBuf)> {
    let folder = std::env::var_os("RINGFENCE_TEST_NODES").map_or_else(
        || {
            let target = &workspace::metadata()["target_directory"];
            PathBuf::from(target.as_str().unwrap()).join("ringfence-nodes")
        },
        PathBuf::from,
    );
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let versions = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.split('.').next()?.parse().ok()?;
            let node = entry.path().join(format!("node_modules/node-linux-{machine}/bin/node"));
            node.is_file().then(|| (major, node.canonicalize().unwrap_or(node)))
        })
        .collect();
    found.sort();
    if found.is_empty() {
        ringfence_tests::not_run("no Node is there: cargo xtask setup");
    }
    found
}

fn source(name: &str) -> PathBuf {
    workspace::root().join("tests/node/learn").join(name)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A folder with the script, an empty record and a place to write.
fn prepared() -> Playground {
    Playground::new().with("script/learn.cjs", SCRIPT).with("record", "").with("scratch/x", "")
}

/// Runs a program, with the script in front of it or bare.
fn run(playground: &Playground, node: &Path, program: &Path, learn: bool) -> Run {
    let path = playground.path();
    let mut command = command::other(node.to_str().unwrap());
    command.arg(program).env("SCRATCH", path.join("scratch")).env("APP_SET", "1");
    command.env("HOME", &path).current_dir(&path);
    if learn {
        std::fs::write(path.join("record"), "").unwrap();
        let script = path.join("script/learn.cjs");
        command.env("NODE_OPTIONS", format!("--require={}", script.display()));
        command.env(VARIABLE, path.join("record"));
    }
    playground.finish(&mut command)
}

fn lines(playground: &Playground) -> Vec<Value> {
    let text = std::fs::read_to_string(playground.path().join("record")).unwrap();
    assert!(text.lines().all(|line| line.len() < 4096));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `capability resource package version`, with what is other in each run taken out.
fn uses(playground: &Playground, node: &Path) -> BTreeSet<String> {
    let folder = playground.path();
    let uses = lines(playground).into_iter().filter(|line| line["kind"] == "use");
    uses.map(|line| {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let resource = text(&line["resource"])
            .replace(node.to_str().unwrap(), "NODE")
            .replace(folder.to_str().unwrap(), "APP");
        let resource = match resource.rsplit_once(':') {
            Some((host, port)) if port != "0" && port.parse::<u16>().is_ok() => {
                format!("{host}:PORT")
            }
            _ => resource,
        };
        let place = text(&line["by"]["place"]);
        assert!(place.rsplitn(3, ':').take(2).all(|part| part.parse::<u32>().is_ok()), "{place}");
        let by = &line["by"];
        format!(
            "{} {resource} {} {}",
            text(&line["capability"]),
            text(&by["package"]),
            text(&by["version"])
        )
    })
    .collect()
}

const APPLICATION: &[&str] = &[
    "addon /nowhere/nested.node nested 0.0.1",
    "child /bin/sh - -",
    "child NODE - -",
    "child sh nested 0.0.1",
    "child true - -",
    "child true nested 0.0.1",
    "connect 127.0.0.1:PORT - -",
    "connect 127.0.0.1:PORT esm 3.0.0",
    "connect localhost:PORT - -",
    "connect localhost:PORT @scope/inner 2.0.0",
    "connect localhost:PORT plain 1.2.3",
    "connect mapped.example:PORT - -",
    "env * - -",
    "env APP_MISSING - -",
    "env APP_SET - -",
    "env CHILD_VARIABLE - -",
    "env ESM_VARIABLE esm 3.0.0",
    "env NESTED_VARIABLE nested 0.0.1",
    "env NODE_OPTIONS - -",
    "env OTHER_VARIABLE plain 1.2.3",
    "env RINGFENCE_LEARN - -",
    "env SCRATCH - -",
    "env SCRATCH plain 1.2.3",
    "fs-look /etc/absent-app - -",
    "fs-look /etc/absent-esm esm 3.0.0",
    "fs-look /etc/worker-absent - -",
    "fs-read /etc/hostname esm 3.0.0",
    "fs-read /etc/hostname plain 1.2.3",
    "fs-read APP plain 1.2.3",
    "fs-read APP/callback.txt plain 1.2.3",
    "fs-read APP/child-first.txt - -",
    "fs-read APP/child-second.txt - -",
    "fs-read APP/data.bin - -",
    "fs-read APP/data.txt - -",
    "fs-read APP/data.txt plain 1.2.3",
    "fs-read APP/promise.txt plain 1.2.3",
    "fs-write APP/scratch/app - -",
    "fs-write APP/scratch/appended plain 1.2.3",
    "fs-write APP/scratch/copied plain 1.2.3",
    "fs-write APP/scratch/flushed - -",
    "fs-write APP/scratch/made-XXXXXX plain 1.2.3",
    "fs-write APP/scratch/opened plain 1.2.3",
    "inspector session - -",
    "listen 127.0.0.1:0 - -",
    "lookup absent.invalid - -",
    "lookup localhost - -",
    "lookup localhost @scope/inner 2.0.0",
    "lookup mapped.example - -",
    "udp 127.0.0.1:0 - -",
    "udp 127.0.0.1:PORT - -",
    "unix APP/scratch/socket - -",
    "unix APP/scratch/socket @scope/inner 2.0.0",
    "wasi APP - -",
    "worker APP/worker.cjs - -",
];

fn application() -> Playground {
    let mut playground = prepared();
    for name in ["data.txt", "data.bin", "child-first.txt", "child-second.txt", "callback.txt"] {
        playground = playground.with(name, "x");
    }
    let path = playground.path();
    copy(&source("uses"), &path);
    let modules = path.join("node_modules");
    std::fs::rename(path.join("packages"), &modules).unwrap();
    std::fs::create_dir(modules.join("plain/node_modules")).unwrap();
    std::fs::rename(modules.join("plain/nested"), modules.join("plain/node_modules/nested"))
        .unwrap();
    playground
}

#[test]
fn every_use_is_told_with_the_package_nearest_to_it() {
    for (major, node) in nodes() {
        let playground = application();
        let run = run(&playground, &node, Path::new("app.mjs"), true);
        assert_eq!((run.code, run.stdout.as_str()), (0, "done\n"), "Node {major}: {run}");
        let found = uses(&playground, &node);
        let missing: Vec<_> = APPLICATION.iter().filter(|line| !found.contains(**line)).collect();
        assert!(missing.is_empty(), "Node {major} lacks {missing:#?}");
        // How Node copies a file is its own affair.
        let known = |line: &&String| {
            APPLICATION.contains(&line.as_str())
                || ["data.txt", "scratch", "copied"].iter().any(|name| {
                    line.starts_with("fs-look") && line.ends_with(&format!("{name} plain 1.2.3"))
                })
        };
        let more: Vec<_> = found.iter().filter(|line| !known(line)).collect();
        assert!(more.is_empty(), "Node {major} tells {more:#?}");
    }
}

#[test]
fn names_features_and_variables_are_told_beside() {
    for (major, node) in nodes() {
        let playground = application();
        run(&playground, &node, Path::new("app.mjs"), true);
        let lines = lines(&playground);
        assert_eq!(lines[0]["feature"], "told", "Node {major}");
        let of = |kind: &'static str| lines.iter().filter(move |line| line["kind"] == kind);
        let features: BTreeSet<_> =
            of("feature").filter_map(|line| line["feature"].as_str()).collect();
        let expected =
            ["inspector", "needs-no-flags", "told", "wasi", "whole-environment", "workers"];
        assert_eq!(features, BTreeSet::from(expected), "Node {major}");
        let told: BTreeSet<_> = of("feature")
            .filter(|line| line["feature"] == "told")
            .map(|line| line["pid"].as_u64())
            .collect();
        assert_eq!(told.len(), 3, "Node {major}: the program and both children");
        let addresses = |name: &str| {
            let found = of("resolved").find(|line| line["name"] == name);
            found.unwrap_or_else(|| panic!("Node {major}: {name}"))["addresses"].to_string()
        };
        assert_eq!(addresses("mapped.example"), "[\"127.0.0.1\"]");
        assert!(addresses("localhost").contains("127.0.0.1"));
        let present = |name: &str| {
            of("env").find(|line| line["name"] == name).map(|line| line["present"].clone())
        };
        assert_eq!(present("APP_SET"), Some(true.into()), "Node {major}");
        assert_eq!(present("APP_MISSING"), Some(false.into()), "Node {major}");
        // Going through all variables is not a use of each.
        assert_eq!(present("PATH"), None, "Node {major}");
    }
}

#[test]
fn a_program_does_not_notice_it() {
    let programs = ["unchanged.mjs", "patched.cjs", "frozen.cjs", "ending.cjs", "descriptors.cjs"];
    for (major, node) in nodes() {
        for name in programs {
            let playground = prepared();
            let program = source(name);
            let bare = run(&playground, &node, &program, false);
            let learned = run(&playground, &node, &program, true);
            assert!(!bare.stdout.is_empty(), "Node {major}: {bare}");
            let lines = |run: &Run| {
                let text = format!("{}\n{}\n{}", run.code, run.stdout, run.stderr);
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            };
            let (bare, learned) = (lines(&bare), lines(&learned));
            let differs = bare.iter().zip(&learned).find(|(bare, learned)| bare != learned);
            assert_eq!(differs, None, "Node {major}, {name}");
            assert_eq!(bare.len(), learned.len(), "Node {major}, {name}");
            let told = std::fs::read_to_string(playground.path().join("record")).unwrap();
            assert!(
                told.starts_with(r#"{"kind":"feature","feature":"told""#),
                "Node {major}, {name}"
            );
            assert!(told.lines().count() > 1, "Node {major}, {name}: {told}");
        }
    }
}

#[test]
fn without_a_record_the_program_runs_as_it_would() {
    for (major, node) in nodes() {
        let playground = prepared();
        let script = playground.path().join("script/learn.cjs");
        let mut command = command::other(node.to_str().unwrap());
        command.args(["-p", "require('fs').statSync.name"]);
        command.env("NODE_OPTIONS", format!("--require={}", script.display()));
        command.env(VARIABLE, playground.path().join("no/such/record"));
        let run = playground.finish(&mut command);
        assert_eq!((run.code, run.stdout.as_str()), (0, "statSync\n"), "Node {major}: {run}");
        let mut command = command::other(node.to_str().unwrap());
        command.args(["-p", "require('fs').statSync.name"]);
        command.env("NODE_OPTIONS", format!("--jitless --require={}", script.display()));
        command.env(VARIABLE, playground.path().join("record"));
        let run = playground.finish(&mut command);
        assert_eq!((run.code, run.stdout.as_str()), (0, "statSync\n"), "Node {major}: {run}");
    }
}

#[test]
fn two_recordings_of_the_same_program_keep_the_same_view() {
    let Some((_, node)) = nodes().pop() else { return };
    let playground = application().with("ringfence.toml", crate::SMALLEST);
    let folder = playground.path();
    let kept: Vec<String> = ["first.json", "second.json"]
        .into_iter()
        .map(|name| {
            std::fs::remove_dir_all(folder.join("scratch")).unwrap();
            std::fs::create_dir(folder.join("scratch")).unwrap();
            let mut learn = playground.command();
            learn.args(["learn", "--dry-run", "--"]).arg(&node).arg("app.mjs");
            learn.env("SCRATCH", folder.join("scratch")).env("APP_SET", "1");
            let run = playground.finish(&mut learn);
            assert_eq!(run.code, 0, "{run}");
            let records = folder.join(".ringfence/records");
            let record = std::fs::read_dir(&records)
                .unwrap()
                .flatten()
                .map(|entry| entry.path())
                .find(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
                .unwrap();
            let view = playground.run(["packages", record.to_str().unwrap(), "--format", "json"]);
            std::fs::rename(&record, folder.join(name)).unwrap();
            let told = folder.join(name).with_extension("told");
            std::fs::rename(record.with_extension("told"), told).unwrap();
            view.stdout
        })
        .collect();
    assert!(kept[0].contains("\"@scope/inner\""), "{}", kept[0]);
    assert_eq!(kept[0], kept[1]);
    let run = playground.run(["packages", "first.json", "second.json"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "every package used the same\n"));
}
