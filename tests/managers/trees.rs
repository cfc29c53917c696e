//! Trees that managers really install: nothing is said of them that is not so, and each change is found.

use crate::manager::{ALL, Kind, Manager, done};
use crate::registry::{Published, Registry};
use ringfence_tests::command::{Playground, Run};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Packages with all that installs do to files.
pub(crate) fn registry() -> Registry {
    let inner = json!({"name": "inside", "version": "1.0.0"}).to_string();
    Registry::of(&[
        Published::new("plain", "1.0.0", json!({"dependencies": {"@scope/deep": "^1.0.0"}}))
            .with("index.js", b"module.exports = 1\n")
            .with("lib/deep/x.js", b"x"),
        Published::new("@scope/deep", "1.2.0", json!({}))
            .with(".gitignore", b"build\n")
            .with("sub/.npmignore", b"a")
            .with("sub/.gitignore", b"b")
            .with("index.js", b""),
        Published::new("@scope/deep", "2.0.0", json!({})).with("index.js", b"2"),
        Published::new(
            "command",
            "2.0.0",
            json!({"bin": {"command": "./cli.js"}, "dependencies": {"plain": "1.0.0", "@scope/deep": "^2.0.0"}}),
        )
        .with("cli.js", b"#!/usr/bin/env node\r\nconsole.log(1)\r\n"),
        Published::new(
            "script",
            "1.0.0",
            json!({"scripts": {"postinstall": "node write.js"}, "hasInstallScript": true}),
        )
        .with("write.js", b"require('fs').writeFileSync('made.txt', 'x')\n"),
        Published::new(
            "bundle",
            "1.0.0",
            json!({"dependencies": {"inside": "1.0.0"}, "bundleDependencies": ["inside"]}),
        )
        .with("node_modules/inside/package.json", inner.as_bytes())
        .with("node_modules/inside/index.js", b"inside"),
        Published::new("inside", "1.0.0", json!({})).with("index.js", b"inside"),
        Published::new("only-mac", "1.0.0", json!({"os": ["darwin"]})),
        Published::new("peered", "1.0.0", json!({"peerDependencies": {"plain": "1"}}))
            .with("index.js", b"p"),
        Published::new("tool", "1.0.0", json!({"bin": "t.js"}))
            .with("t.js", b"#!/usr/bin/env node\n"),
    ])
}

const MANIFEST: &str = r#"{
  "name": "app",
  "version": "1.0.0",
  "private": true,
  "workspaces": ["packages/own"],
  "dependencies": { "plain": "^1.0.0", "command": "*", "script": "1", "bundle": "1", "peered": "1", "other-name": "npm:plain@1.0.0" },
  "optionalDependencies": { "only-mac": "1" },
  "devDependencies": { "tool": "1" }
}
"#;

const OWN: &str = r#"{ "name": "own", "version": "1.0.0", "dependencies": { "@scope/deep": "^2.0.0" } }
"#;

/// A project in which a manager installs from a registry of its own.
pub(crate) fn project(registry: &Registry, manager: &Manager, more: &str) -> Playground {
    let url = registry.url();
    let mut playground = Playground::new()
        .with("package.json", MANIFEST)
        .with("packages/own/package.json", OWN)
        .with(".npmrc", &format!("registry={url}\n"));
    if manager.kind == Kind::Pnpm {
        let text = format!("packages: [packages/own]\n{more}");
        playground = playground.with("pnpm-workspace.yaml", &text);
    }
    if manager.kind == Kind::Yarn {
        let text = format!("npmRegistryServer: \"{url}\"\nenableGlobalCache: false\n{more}");
        playground = playground.with(".yarnrc.yml", &text).with("yarn.lock", "");
    }
    playground
}

/// Runs a manager in a project with its registry; `None`, and said by name, where it cannot be had.
pub(crate) fn install(
    registry: &Registry,
    playground: &Playground,
    manager: &Manager,
    arguments: &[&str],
) -> Option<Run> {
    let mut command = manager.command(&playground.path())?;
    command.env("HOME", playground.path().join("home"));
    for name in ["npm_config_registry", "YARN_REGISTRY", "BUN_CONFIG_REGISTRY"] {
        command.env(name, registry.url());
    }
    Some(done(command.args(arguments)))
}

/// What deviates, as `kind path`, and the exit code.
fn told(run: &Run) -> (i32, Vec<String>) {
    let output: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let deviations = output["deviations"].as_array().into_iter().flatten();
    let unknown = output["unknown"].as_array().into_iter().flatten();
    let deviations = deviations.map(|one| format!("{} {}", text(one, "kind"), text(one, "path")));
    let unknown =
        unknown.map(|one| format!("unknown {} {}", text(one, "package"), text(one, "why")));
    (run.code, deviations.chain(unknown).collect())
}

/// The folder that a name leads to, from the project.
fn folder(playground: &Playground, name: &str) -> PathBuf {
    let path = playground.path().join("node_modules").join(name).canonicalize().unwrap();
    path.strip_prefix(playground.path()).unwrap().to_path_buf()
}

/// Verifies a tree, changes it in each way, sees that this is found, and puts it back.
fn each_change_is_found(registry: &Registry, playground: &Playground) -> Result<(), String> {
    let verify = || {
        told(&registry.ringfence(playground, &["deps", "verify", "--online", "--format", "json"]))
    };
    let is = |what: &str, expected: (i32, Vec<String>)| {
        let seen = verify();
        if seen == expected { Ok(()) } else { Err(format!("{what}: {seen:#?}")) }
    };
    is("as it was installed", (0, Vec::new()))?;
    let folder = folder(playground, "plain");
    let at = playground.path().join(&folder);
    // Files may be links to those of a store: what is changed here must be changed here alone.
    for name in ["index.js", "lib/deep/x.js"] {
        let bytes = fs::read(at.join(name)).unwrap();
        fs::remove_file(at.join(name)).unwrap();
        fs::write(at.join(name), bytes).unwrap();
    }
    let shown = |kind: &str, name: &str| vec![format!("{kind} {}", folder.join(name).display())];
    let before = fs::read(at.join("index.js")).unwrap();
    let mut flipped = before.clone();
    flipped[3] ^= 1;
    fs::write(at.join("index.js"), &flipped).unwrap();
    is("a flipped bit", (1, shown("changed", "index.js")))?;
    fs::remove_file(at.join("index.js")).unwrap();
    is("a file less", (1, shown("missing", "index.js")))?;
    fs::write(at.join("index.js"), &before).unwrap();
    fs::write(at.join("lib/evil.js"), "x").unwrap();
    is("a file more", (1, shown("added", "lib/evil.js")))?;
    fs::remove_file(at.join("lib/evil.js")).unwrap();
    fs::create_dir_all(playground.path().join("node_modules/evil")).unwrap();
    fs::write(playground.path().join("node_modules/evil/package.json"), "{}").unwrap();
    is("a package more", (1, vec!["extra-package node_modules/evil".to_owned()]))?;
    fs::remove_dir_all(playground.path().join("node_modules/evil")).unwrap();
    is("as it was", (0, Vec::new()))
}

/// Installs with every manager of some kinds, each in the ways it knows.
fn verified(kinds: &[Kind]) {
    let registry = registry();
    let mut complaints = Vec::new();
    for manager in ALL.iter().filter(|manager| kinds.contains(&manager.kind)) {
        let ways: &[(&str, &[&str])] = match manager.kind {
            Kind::Npm => &[
                ("", &["install", "--no-audit"]),
                ("", &["install", "--no-audit", "--install-strategy=linked"]),
            ],
            Kind::Pnpm => &[
                ("strictDepBuilds: false\n", &["install", "--no-frozen-lockfile"]),
                (
                    "strictDepBuilds: false\nnodeLinker: hoisted\n",
                    &["install", "--no-frozen-lockfile"],
                ),
            ],
            Kind::Yarn1 => &[("", &["install", "--non-interactive"])],
            Kind::Yarn => &[
                ("nodeLinker: node-modules\n", &["install", "--no-immutable"]),
                ("nodeLinker: pnpm\n", &["install", "--no-immutable"]),
            ],
            Kind::Bun => &[
                ("", &["install", "--linker", "hoisted"]),
                ("", &["install", "--linker", "isolated"]),
            ],
        };
        for (more, arguments) in ways {
            let playground = project(&registry, manager, more);
            if manager.major() < 10 && more.contains("hoisted") {
                let npmrc = format!("registry={}\nnode-linker=hoisted\n", registry.url());
                fs::write(playground.path().join(".npmrc"), npmrc).unwrap();
            }
            if install(&registry, &playground, manager, arguments).is_none() {
                continue;
            }
            assert!(Path::new(&playground.path().join("node_modules/plain/index.js")).is_file());
            if let Err(why) = each_change_is_found(&registry, &playground) {
                complaints.push(format!("{} {more}{arguments:?}: {why}", manager.label()));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn trees_of_npm_are_verified_and_each_change_is_found() {
    verified(&[Kind::Npm]);
}

#[test]
fn trees_of_pnpm_are_verified_and_each_change_is_found() {
    verified(&[Kind::Pnpm]);
}

#[test]
fn trees_of_yarn_are_verified_and_each_change_is_found() {
    verified(&[Kind::Yarn1, Kind::Yarn]);
}

#[test]
fn trees_of_bun_are_verified_and_each_change_is_found() {
    verified(&[Kind::Bun]);
}

#[test]
fn what_yarn_keeps_in_zip_files_is_refused() {
    let registry = registry();
    for manager in ALL.iter().filter(|manager| manager.kind == Kind::Yarn) {
        let playground = project(&registry, manager, "nodeLinker: pnp\n");
        if install(&registry, &playground, manager, &["install", "--no-immutable"]).is_none() {
            continue;
        }
        let run = registry.ringfence(&playground, &["deps", "verify", "--online"]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("Plug'n'Play"), "{run}");
    }
}
