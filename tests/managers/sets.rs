//! The packages that are read from a lockfile are those that its manager reads from it.

use crate::listing::{Names, difference, listed, plain, read};
use crate::manager::{Kind, Manager, of};
use crate::project::{Project, registry};
use ringfence_project::graph::{Need, Package};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What makes a lockfile hard to read and is written the same way for every manager.
fn hard(_: &Manager) -> Project {
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
        ..Project::default()
    }
}

/// Other versions than are asked for, patches and tarballs, which every manager writes in its own way.
fn twisted(manager: &Manager) -> Project {
    const PATCH: &str = "diff --git a/added.txt b/added.txt
new file mode 100644
index 0000000..5626abf
--- /dev/null
+++ b/added.txt
@@ -0,0 +1 @@
+one
";
    let mut manifest = json!({
        "name": "twisted",
        "version": "1.0.0",
        "private": true,
        "dependencies": {
            "debug": "4.4.1",
            "express": "4.21.2",
            "wrap-ansi": "9.0.0",
            "@isaacs/cliui": "8.0.2",
            "is-odd": "3.0.1",
            "local": "file:./vendor/local-1.0.0.tgz",
            "remote": format!("{}is-number/-/is-number-6.0.0.tgz", registry()),
        },
        "devDependencies": { "eslint": "8.57.1" }
    });
    if manager.kind == Kind::Bun {
        // It takes the name from the manifest inside, which others do not look at.
        let remote = manifest["dependencies"]["remote"].take();
        manifest["dependencies"].as_object_mut().unwrap().remove("remote");
        manifest["dependencies"]["is-number"] = remote;
    }
    let yaml = twist(&mut manifest, manager);
    let files = vec![("patches/is-odd.patch", PATCH.into()), ("vendor/local-1.0.0.tgz", tarball())];
    Project { files, yaml, manifests: vec![("", manifest)] }
}

/// Asks for other versions and a patch as each manager wants it; what stands in pnpm's own file.
fn twist(manifest: &mut Value, manager: &Manager) -> String {
    let mut yaml = String::new();
    let patches = json!({ "is-odd@3.0.1": "patches/is-odd.patch" });
    match manager.kind {
        Kind::Npm => {
            manifest["overrides"] = json!({ "strip-ansi": { "ansi-regex": "5.0.1" }, "ms": "2.1.2", "cookie": "0.7.2" });
        }
        Kind::Yarn1 => {
            manifest["resolutions"] =
                json!({ "**/strip-ansi/ansi-regex": "5.0.1", "ms": "2.1.2", "cookie": "0.7.2" });
        }
        Kind::Yarn => {
            manifest["resolutions"] = json!({
                "strip-ansi/ansi-regex": "5.0.1",
                // Others get what they ask for, in the same words.
                "debug@npm:4.4.1/ms": "2.1.1",
                "ms@npm:^2.1.2": "2.1.2",
                "cookie": "npm:cookie@0.7.2",
            });
            manifest["dependencies"]["ms"] = json!("^2.1.3");
            manifest["dependencies"]["is-odd"] =
                json!("patch:is-odd@npm%3A3.0.1#./patches/is-odd.patch");
        }
        Kind::Bun => {
            manifest["overrides"] = json!({ "ms": "2.1.2", "cookie": "0.7.2" });
            manifest["patchedDependencies"] = patches;
        }
        Kind::Pnpm => {
            let overrides =
                json!({ "strip-ansi>ansi-regex": "5.0.1", "ms": "2.1.2", "cookie": "0.7.2" });
            if manager.major() < 11 {
                manifest["pnpm"] =
                    json!({ "overrides": overrides, "patchedDependencies": patches });
            } else {
                yaml = format!("overrides: {overrides}\npatchedDependencies: {patches}\n");
                // It stands in a document of its own.
                yaml += "configDependencies:\n  is-number: 7.0.0\n";
            }
        }
    }
    yaml
}

/// `local@1.0.0`, which asks for a package of the registry.
fn tarball() -> Vec<u8> {
    let manifest = r#"{"name": "local", "version": "1.0.0", "dependencies": {"ms": "2.0.0"}}"#;
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    let mut header = tar::Header::new_ustar();
    header.set_size(manifest.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "package/package.json", manifest.as_bytes()).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

/// Locks a project with each manager of a kind and compares; differences that are a manager's own are
/// `explained`: `name@version`, and whether ringfence is the one that has it.
fn compare(
    project: fn(&Manager) -> Project,
    kind: Kind,
    explained: impl Fn(&Manager, &str, bool) -> bool,
) {
    let mut complaints = String::new();
    for manager in of(kind) {
        let project = project(manager);
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
    compare(hard, Kind::Npm, |_, _, _| false);
}

#[test]
fn pnpm_lists_what_is_read() {
    compare(hard, Kind::Pnpm, |_, _, _| false);
}

#[test]
fn yarn_1_lists_what_is_read() {
    compare(hard, Kind::Yarn1, |_, _, _| false);
}

#[test]
fn yarn_lists_what_is_read() {
    compare(hard, Kind::Yarn, |_, _, _| false);
}

#[test]
fn bun_lists_what_is_read() {
    compare(hard, Kind::Bun, |_, _, _| false);
}

#[test]
fn npm_lists_what_is_read_with_other_versions_patches_and_tarballs() {
    compare(twisted, Kind::Npm, |_, _, _| false);
}

#[test]
fn pnpm_lists_what_is_read_with_other_versions_patches_and_tarballs() {
    // What it is configured with is installed too, and `pnpm ls` does not list it.
    compare(twisted, Kind::Pnpm, |manager, name, ours| {
        ours && manager.major() > 10 && name == "is-number@7.0.0"
    });
}

#[test]
fn yarn_1_lists_what_is_read_with_other_versions_patches_and_tarballs() {
    compare(twisted, Kind::Yarn1, |_, _, _| false);
}

#[test]
fn yarn_lists_what_is_read_with_other_versions_patches_and_tarballs() {
    compare(twisted, Kind::Yarn, |_, _, _| false);
}

#[test]
fn bun_lists_what_is_read_with_other_versions_patches_and_tarballs() {
    compare(twisted, Kind::Bun, |_, _, _| false);
}

/// The same versions wherever managers resolve the same way: no peers, no package that would do for
/// two ranges, and none that a compiler makes: for those Yarn asks for node-gyp besides.
fn same(_: &Manager) -> Project {
    let manifest = json!({
        "name": "same",
        "version": "1.0.0",
        "private": true,
        "dependencies": {
            "express": "4.21.2",
            "chalk": "4.1.2",
            "chalk-old": "npm:chalk@2.4.2",
            "glob": "10.4.5",
            "undici": "7.10.0",
            "fastify": "5.4.0"
        },
        "optionalDependencies": { "esbuild": "0.25.5" },
        "devDependencies": { "eslint": "8.57.1", "typescript": "5.8.3" }
    });
    Project { manifests: vec![("", manifest)], ..Project::default() }
}

#[test]
fn the_same_project_locked_by_six_managers_is_the_same_packages() {
    let names = [Kind::Npm, Kind::Pnpm, Kind::Yarn1, Kind::Yarn, Kind::Bun];
    let mut first: Option<(String, Names, Names)> = None;
    for manager in names.into_iter().flat_map(of) {
        let Some(locked) = same(manager).lock(manager) else { continue };
        let graph = locked.graph();
        let labels = |prod: bool| -> Names {
            let wanted = |package: &&Package| !prod || package.need != Need::Dev;
            graph.packages.iter().filter(wanted).map(Package::label).collect()
        };
        let (all, prod) = (labels(false), labels(true));
        assert!(prod.len() > 50 && all.len() > prod.len(), "{}", manager.label());
        let Some((who, first_all, first_prod)) = &first else {
            first = Some((manager.label(), all, prod));
            continue;
        };
        for (one, other) in [(&all, first_all), (&prod, first_prod)] {
            let told = difference(one, other);
            assert!(
                told.is_empty(),
                "ringfence by {}, the manager {who}: {told:#?}",
                manager.label()
            );
        }
    }
}
