//! `ringfence deps inspect`: a tarball, or a package before it is added.

use crate::registry::{Published, Registry};
use ringfence_tests::command::Playground;
use serde_json::{Value, json};
use std::fs;

fn published() -> Published {
    let manifest = json!({
        "license": "MIT", "bin": {"x": "x.js"}, "repository": {"url": "git+https://code.example/x.git"},
        "scripts": {"install": "node-gyp rebuild \u{1b}[2J"}, "dependencies": {"left": "^1.0.0"},
    });
    Published::new("expres", "1.1.0", manifest)
        .with("binding.gyp", b"{}")
        .with("lib/a.node", b"\x7fELF....")
        .with("bin/tool", b"\x7fELF....")
        .with("LICENSE", b"MIT")
        .told(json!({
            "maintainers": [{"name": "somebody"}], "_npmUser": {"name": "somebody"},
            "deprecated": "use another",
        }))
}

#[test]
fn a_tarball_is_told_and_not_unpacked() {
    let playground = Playground::new();
    fs::write(playground.path().join("x.tgz"), published().tarball()).unwrap();
    let run = playground.run(["deps", "inspect", "x.tgz"]);
    assert_eq!(run.code, 0, "{run}");
    for line in [
        "name             expres",
        "hash             not checked: no hash was given",
        "licence          MIT",
        "install scripts  install: node-gyp rebuild \\u{1b}[2J",
        "binding.gyp      yes, and its own script runs in place of npm's node-gyp rebuild",
        "native code      lib/a.node",
        "programs         bin/tool",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{run}");
    }
    let names: Vec<_> = fs::read_dir(playground.path()).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "nothing was written");
}

#[test]
fn a_package_is_told_before_it_is_added() {
    let older = Published::new("expres", "1.0.0", json!({}));
    let registry = Registry::of(&[older, published()]);
    let playground = Playground::new();
    let offline = registry.ringfence(&playground, &["deps", "inspect", "expres@^1.0.0"]);
    assert_eq!(offline.code, 2, "{offline}");
    let arguments = ["deps", "inspect", "expres@^1.1.0", "--online", "--format", "json"];
    let run = registry.ringfence(&playground, &arguments);
    assert_eq!(run.code, 0, "{run}");
    let seen: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(seen["version"], "1.1.0");
    assert_eq!(seen["facts"]["gyp"], true);
    assert_eq!(seen["registry"]["deprecated"], "use another");
    assert_eq!(seen["registry"]["maintainers"], json!(["somebody"]));
    assert_eq!(seen["registry"]["versions"], 2);
    assert_eq!(seen["registry"]["similar"][0], "express");
    // A range takes the version that is not deprecated, where there is one.
    let run = registry.ringfence(&playground, &["deps", "inspect", "expres@1", "--online"]);
    assert!(run.stdout.contains("version          1.0.0"), "{run}");
    for missing in ["expres@9", "nobody"] {
        let run = registry.ringfence(&playground, &["deps", "inspect", missing, "--online"]);
        assert_eq!(run.code, 2, "{run}");
    }
}

#[test]
fn what_is_no_whole_tarball_or_another_is_refused() {
    let playground = Playground::new();
    let whole = published().tarball();
    let path = |name: &str| playground.path().join(name);
    fs::write(path("cut.tgz"), &whole[..whole.len() / 2]).unwrap();
    fs::write(path("whole.tgz"), &whole).unwrap();
    fs::write(path("text.tgz"), "no archive").unwrap();
    for name in ["cut.tgz", "text.tgz", "missing.tgz"] {
        let run = playground.run(["deps", "inspect", name]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    }
    assert_eq!(playground.run(["deps", "inspect", "whole.tgz"]).code, 0);
    let other = format!("sha512-{}==", "A".repeat(86));
    let run = playground.run(["deps", "inspect", "whole.tgz", "--integrity", &other]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    assert!(run.stderr.contains("its hash is not"), "{run}");
}
