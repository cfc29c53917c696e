//! What somebody who owns the tree does to hide in it. Each tree is as it should be before it is changed.

use super::{MANIFEST, Tree, lines, tree};
use crate::evidence::Tarballs;
use crate::installed::{Report, Verification};
use ringfence_project::graph::Graph;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

const B: &[u8] = br#"{"name": "b", "version": "1.0.0"}"#;

/// What one change of a tree is told as.
fn told(change: impl Fn(&Tree)) -> Vec<String> {
    let tree = tree();
    assert_eq!(tree.told(), [""; 0], "the control");
    change(&tree);
    tree.told()
}

#[test]
fn a_link_deep_in_a_package_is_told_whatever_its_folder_is_called() {
    let told = told(|tree| {
        tree.write("elsewhere/b/package.json", B);
        fs::create_dir(tree.at("node_modules/a/lib/node_modules")).unwrap();
        symlink("/nowhere/b", tree.at("node_modules/a/lib/node_modules/b")).unwrap();
        tree.write("node_modules/a/lib/node_modules/.bin/x", b"#!/bin/sh\n");
    });
    assert_eq!(
        told,
        ["added node_modules/a/lib/node_modules/.bin/x", "link node_modules/a/lib/node_modules/b"]
    );
}

#[test]
fn a_name_that_is_no_text_is_told_and_hides_behind_no_other() {
    let told = told(|tree| {
        for (folder, twin) in [("node_modules/a", "e"), ("node_modules", "@e")] {
            fs::create_dir(tree.at(folder).join(format!("{twin}\u{fffd}"))).unwrap();
            let name = [twin.as_bytes(), b"\xff"].concat();
            let odd = tree.at(folder).join(OsStr::from_bytes(&name));
            fs::create_dir(&odd).unwrap();
            fs::write(odd.join("evil.js"), "x").unwrap();
        }
        fs::write(tree.at("node_modules/.bin").join(OsStr::from_bytes(b"x\xff")), "x").unwrap();
    });
    assert_eq!(
        told,
        [
            "added node_modules/@e\u{fffd}",
            "command-changed node_modules/.bin/x\u{fffd}",
            "added node_modules/a/e\u{fffd}",
        ]
    );
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_added_where_no_tarball_has_it() {
    let told = told(|tree| {
        let deep = format!("node_modules/a/{}", "e/".repeat(210));
        tree.write(&format!("{deep}evil.js"), b"x");
    });
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("added node_modules/a/e/e/e/"), "{told:?}");
}

#[test]
fn the_modules_of_a_workspace_are_a_folder_of_its_own() {
    let more = r#", "node_modules/w": {"resolved": "packages/w", "link": true}, "packages/w": {"name": "w", "version": "0.0.1"}"#;
    let tree = tree();
    tree.write("packages/w/package.json", br#"{"name": "w"}"#);
    symlink("../packages/w", tree.at("node_modules/w")).unwrap();
    assert_eq!(lines(&tree.verify_with(more, None).unwrap()), [""; 0], "the control");
    tree.write("elsewhere/b/package.json", B);
    symlink("../../elsewhere", tree.at("packages/w/node_modules")).unwrap();
    assert_eq!(lines(&tree.verify_with(more, None).unwrap()), ["link packages/w/node_modules"]);
}

#[test]
fn a_command_starts_a_file_of_a_package_that_was_looked_at() {
    for target in [
        "../../elsewhere/node_modules/a/cli.js",
        "../../../outside/node_modules/a/cli.js",
        "../.cache/node_modules/a/cli.js",
        "../.cache/out/../../a/cli.js",
    ] {
        let told = told(|tree| {
            for place in [
                "elsewhere/node_modules/a",
                "../outside/node_modules/a",
                "node_modules/.cache/node_modules/a",
            ] {
                tree.write(&format!("{place}/package.json"), MANIFEST);
                tree.write(&format!("{place}/cli.js"), b"evil");
            }
            symlink("/tmp", tree.at("node_modules/.cache/out")).unwrap();
            fs::remove_file(tree.at("node_modules/.bin/a")).unwrap();
            symlink(target, tree.at("node_modules/.bin/a")).unwrap();
        });
        assert_eq!(told, ["command-changed node_modules/.bin/a"], "{target}");
    }
}

fn run(tree: &Tree, file: &str, lock: &str) -> Report {
    let manifest = r#"{"dependencies": {"a": "1", "b": "1", "c": "1"}}"#;
    let manifest = ringfence_project::graph::Manifest { folder: "", text: manifest };
    let graph = Graph::read(file, lock, &[manifest]).unwrap();
    let (project, cache) = (tree.path("project"), tree.path("npm"));
    let tarballs = Tarballs::new(&project, Some(&cache));
    let verification = Verification {
        graph: &graph,
        folder: &project,
        project: &project,
        tarballs: &tarballs,
        may_run: &|_| None,
        threads: 1,
    };
    verification.run().unwrap()
}

/// The hash of a package in the lockfile of a tree.
fn integrity<'a>(tree: &'a Tree, key: &str) -> &'a str {
    let after = tree.lock.split_once(&format!("\"{key}\":")).unwrap().1;
    after.split_once("\"integrity\": \"").unwrap().1.split_once('"').unwrap().0
}

#[test]
fn a_link_that_is_missing_in_a_store_is_told() {
    let (a, b) =
        ("node_modules/.pnpm/a@1.0.0/node_modules/a", "node_modules/.pnpm/b@1.0.0/node_modules/b");
    let made = || {
        let tree = Tree::new()
            .with(a, "1.0.0", &[("package.json", MANIFEST), ("cli.js", b"#!/usr/bin/env node\n")])
            .with(b, "1.0.0", &[("package.json", B)]);
        fs::create_dir_all(tree.at("node_modules/.pnpm/node_modules")).unwrap();
        for name in ["a", "b"] {
            let store = format!("{name}@1.0.0/node_modules/{name}");
            symlink(format!(".pnpm/{store}"), tree.at("node_modules").join(name)).unwrap();
            let hoisted = tree.at("node_modules/.pnpm/node_modules").join(name);
            symlink(format!("../{store}"), hoisted).unwrap();
        }
        let beside = tree.at("node_modules/.pnpm/a@1.0.0/node_modules/b");
        symlink("../../b@1.0.0/node_modules/b", beside).unwrap();
        let lock = format!(
            "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      a:\n        specifier: '1'\n        \
             version: 1.0.0\n      b:\n        specifier: '1'\n        version: 1.0.0\n\npackages:\n\n  a@1.0.0:\n    \
             resolution: {{integrity: {}}}\n  b@1.0.0:\n    resolution: {{integrity: {}}}\n\nsnapshots:\n\n  a@1.0.0:\n    \
             dependencies:\n      b: 1.0.0\n\n  b@1.0.0: {{}}\n",
            integrity(&tree, a),
            integrity(&tree, b)
        );
        (tree, lock)
    };
    let (tree, lock) = made();
    assert_eq!(lines(&run(&tree, "pnpm-lock.yaml", &lock)), [""; 0], "the control");
    fs::remove_file(tree.at("node_modules/a")).unwrap();
    assert_eq!(lines(&run(&tree, "pnpm-lock.yaml", &lock)), ["link node_modules/a"]);
    let (tree, lock) = made();
    fs::remove_file(tree.at("node_modules/.pnpm/a@1.0.0/node_modules/b")).unwrap();
    fs::remove_file(tree.at("node_modules/.pnpm/node_modules/b")).unwrap();
    fs::remove_file(tree.at("node_modules/b")).unwrap();
    assert_eq!(
        lines(&run(&tree, "pnpm-lock.yaml", &lock)),
        ["link node_modules/b", "link node_modules/.pnpm/a@1.0.0/node_modules/b"]
    );
    // Into a folder that is a link and out again: the system comes out elsewhere.
    let (tree, lock) = made();
    fs::remove_file(tree.at("node_modules/b")).unwrap();
    fs::create_dir(tree.at("node_modules/.cache")).unwrap();
    symlink("/tmp", tree.at("node_modules/.cache/out")).unwrap();
    let around = ".cache/out/../../.pnpm/b@1.0.0/node_modules/b";
    symlink(around, tree.at("node_modules/b")).unwrap();
    assert_eq!(lines(&run(&tree, "pnpm-lock.yaml", &lock)), ["link node_modules/b"]);
}

#[test]
fn a_package_under_the_name_of_another_one_is_told() {
    let made = || {
        let tree = Tree::new()
            .with("node_modules/b", "1.0.0", &[("package.json", B)])
            .with(
                "node_modules/c",
                "1.0.0",
                &[("package.json", br#"{"name": "c", "version": "1.0.0"}"#)],
            )
            .with(
                "node_modules/c/node_modules/b",
                "2.0.0",
                &[("package.json", br#"{"name": "b", "version": "2.0.0"}"#)],
            );
        let lock = format!(
            r#"{{"lockfileVersion": 1, "workspaces": {{"": {{"name": "app", "dependencies": {{"b": "1", "c": "1"}}}}}}, "packages": {{
            "b": ["b@1.0.0", "", {{}}, "{}"],
            "c": ["c@1.0.0", "", {{"dependencies": {{"b": "2"}}}}, "{}"],
            "c/b": ["b@2.0.0", "", {{}}, "{}"]}}}}"#,
            integrity(&tree, "node_modules/b"),
            integrity(&tree, "node_modules/c"),
            integrity(&tree, "node_modules/c/node_modules/b")
        );
        (tree, lock)
    };
    let (tree, lock) = made();
    assert_eq!(lines(&run(&tree, "bun.lock", &lock)), [""; 0], "the control");
    // Each copy is whole, and in the other's place.
    let (one, two) = ("node_modules/b", "node_modules/c/node_modules/b");
    fs::rename(tree.at(one), tree.at("kept")).unwrap();
    fs::rename(tree.at(two), tree.at(one)).unwrap();
    fs::rename(tree.at("kept"), tree.at(two)).unwrap();
    assert_eq!(
        lines(&run(&tree, "bun.lock", &lock)),
        ["version-differs node_modules/b", "version-differs node_modules/c/node_modules/b"]
    );
    let (tree, lock) = made();
    tree.write("node_modules/c/node_modules/x/package.json", B);
    assert_eq!(
        lines(&run(&tree, "bun.lock", &lock)),
        ["extra-package node_modules/c/node_modules/x"]
    );
}
