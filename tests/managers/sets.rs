//! The packages that are read from a lockfile are those that its manager reads from it.

use crate::listing::{difference, listed, plain, read};
use crate::manager::{Kind, Manager, of};
use crate::project::Project;
use ringfence_project::graph::{Need, Package};
use serde_json::json;
use std::fmt::Write as _;

/// Everything that makes a lockfile hard to read, but what is of one manager alone.
fn hard() -> Project {
    let manifest = json!({
        "name": "hard",
        "version": "1.0.0",
        "private": true,
        "dependencies": {
            "chalk": "4.1.2",
            // An alias of another version, with copies below it.
            "chalk-old": "npm:chalk@2.4.2",
            // Peers.
            "react": "18.3.1",
            "react-dom": "18.3.1",
            // Optional packages, one for each system.
            "esbuild": "0.25.5",
            // A folder that is no workspace.
            "folder": "file:./vendor/folder",
            "semver": "7.7.2"
        },
        "optionalDependencies": { "fsevents": "2.3.3" },
        "devDependencies": {
            "@testing-library/react": "16.3.0",
            "@testing-library/dom": "10.4.0",
            "rollup": "4.44.0",
            // One of its packages brings others inside its tarball.
            "@tailwindcss/oxide": "4.1.10",
            "semver5": "npm:semver@5.7.2"
        }
    });
    let a = json!({
        "name": "@ours/a",
        "version": "1.0.0",
        "dependencies": { "@ours/b": "1.0.0", "chalk": "3.0.0" },
        "devDependencies": { "debug": "4.4.1" }
    });
    let b = json!({
        "name": "@ours/b",
        "version": "1.0.0",
        "dependencies": { "debug": "3.2.7", "glob": "10.4.5" },
        "peerDependencies": { "react": "^18" }
    });
    let folder = json!({ "name": "folder", "version": "0.1.0", "dependencies": { "ms": "2.0.0" } });
    Project {
        manifests: vec![
            ("", manifest),
            ("packages/a", a),
            ("packages/b", b),
            ("vendor/folder", folder),
        ],
        overrides: vec![("ansi-regex", "5.0.1")],
        files: Vec::new(),
    }
}

/// Locks a project with each manager of a kind and compares; differences that are a manager's own are
/// `explained`: `name@version`, and whether ringfence is the one that has it.
fn compare(project: &Project, kind: Kind, explained: impl Fn(&Manager, &str, bool) -> bool) {
    let mut complaints = String::new();
    for manager in of(kind) {
        let Some(locked) = project.lock(manager) else { continue };
        let graph = locked.graph();
        let nobodys = graph.packages.iter().filter(|package| package.need == Need::Nobody);
        let nobodys: Vec<String> = nobodys.map(Package::label).collect();
        if !nobodys.is_empty() {
            let _ = writeln!(complaints, "{}: nobody asks for {nobodys:?}", manager.label());
        }
        let ways: &[bool] =
            if matches!(kind, Kind::Yarn | Kind::Bun) { &[false] } else { &[false, true] };
        let (workspaces, folders) = (project.own(true), project.own(false));
        for prod in ways {
            let Some(theirs) = listed(&locked, manager, *prod) else { continue };
            let theirs = plain(theirs, &workspaces, &folders);
            let ours = plain(read(&graph, manager, *prod), &workspaces, &folders);
            let mut told = difference(&ours, &theirs);
            for (side, names) in &mut told {
                names.retain(|name| !explained(manager, name, side.contains("ringfence")));
            }
            told.retain(|_, names| !names.is_empty());
            if !told.is_empty() {
                let who = manager.label();
                let _ = writeln!(complaints, "{who}, production alone: {prod}: {told:#?}");
            }
            assert!(theirs.len() > 20, "{}: {theirs:?}", manager.label());
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn npm_lists_what_is_read() {
    compare(&hard(), Kind::Npm, |_, _, _| false);
}

#[test]
fn pnpm_lists_what_is_read() {
    compare(&hard(), Kind::Pnpm, |_, _, _| false);
}

#[test]
fn yarn_1_lists_what_is_read() {
    compare(&hard(), Kind::Yarn1, |_, _, _| false);
}

#[test]
fn yarn_lists_what_is_read() {
    compare(&hard(), Kind::Yarn, |_, _, _| false);
}

#[test]
fn bun_lists_what_is_read() {
    compare(&hard(), Kind::Bun, |_, _, _| false);
}
