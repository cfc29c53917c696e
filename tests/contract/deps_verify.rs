//! `ringfence deps verify` and `deps scripts`, over trees that npm and pnpm really install.

use crate::registry::{Published, Registry};
use ringfence_tests::command::{self, Playground, Run};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Packages with all that installs do to files.
fn registry() -> Registry {
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
        Published::new(
            "command",
            "2.0.0",
            json!({"bin": {"command": "./cli.js"}, "dependencies": {"plain": "1.0.0"}}),
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
        Published::new("only-mac", "1.0.0", json!({"os": ["darwin"]})),
        Published::new("tool", "1.0.0", json!({"bin": "t.js"}))
            .with("t.js", b"#!/usr/bin/env node\n"),
    ])
}

const MANIFEST: &str = r#"{
  "name": "app",
  "version": "1.0.0",
  "private": true,
  "dependencies": { "plain": "^1.0.0", "command": "*", "script": "1", "bundle": "1", "other-name": "npm:plain@1.0.0" },
  "optionalDependencies": { "only-mac": "1" },
  "devDependencies": { "tool": "1" }
}
"#;

fn done(run: &Run) {
    assert_eq!(run.code, 0, "{run}");
}

/// What deviates, as `kind path`.
fn told(run: &Run) -> Vec<String> {
    let output: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let all = output["deviations"].as_array().unwrap_or_else(|| unreachable!("{run}"));
    let one = |one: &Value| {
        format!("{} {}", one["kind"].as_str().unwrap(), one["path"].as_str().unwrap())
    };
    all.iter().map(one).collect()
}

/// Changes a tree in each way, sees that it is found, and puts it back, which is the control.
fn each_change_is_found(registry: &Registry, playground: &Playground, folder: &str) {
    let verify = || registry.ringfence(playground, &["deps", "verify", "--format", "json"]);
    let at = playground.path().join(folder);
    let clean = |run: &Run| {
        assert_eq!((run.code, told(run).len()), (0, 0), "{run}");
    };
    clean(&verify());
    let file = at.join("index.js");
    let before = fs::read(&file).unwrap();
    let mut flipped = before.clone();
    flipped[3] ^= 1;
    let differs = |what: &str, path: &str| {
        let run = verify();
        assert_eq!(run.code, 1, "{run}");
        assert_eq!(told(&run), [format!("{what} {folder}/{path}")]);
    };
    fs::write(&file, &flipped).unwrap();
    differs("changed", "index.js");
    fs::remove_file(&file).unwrap();
    differs("missing", "index.js");
    fs::write(&file, &before).unwrap();
    fs::write(at.join("lib/evil.js"), "x").unwrap();
    differs("added", "lib/evil.js");
    fs::remove_file(at.join("lib/evil.js")).unwrap();
    clean(&verify());
}

#[test]
fn a_tree_of_npm_is_verified_and_each_change_is_found() {
    let registry = registry();
    let playground = Playground::new().with("package.json", MANIFEST);
    let Some(run) = registry.npm(&playground, &["install"]) else { return };
    done(&run);
    let run = registry.ringfence(&playground, &["deps", "verify"]);
    done(&run);
    assert!(run.stdout.contains("7 packages compared"), "{run}");
    assert!(run.stdout.contains("made.txt"), "what a script wrote is told: {run}");
    let denied = registry.ringfence(&playground, &["deps", "verify", "--deny-script-output"]);
    assert_eq!(denied.code, 1, "{denied}");
    each_change_is_found(&registry, &playground, "node_modules/plain");

    // Without what is needed to develop, as for production.
    done(&registry.npm(&playground, &["ci", "--omit=dev", "--ignore-scripts"]).unwrap());
    done(&registry.ringfence(&playground, &["deps", "verify"]));
    fs::remove_dir_all(playground.path().join("node_modules/bundle/node_modules")).unwrap();
    let run = registry.ringfence(&playground, &["deps", "verify", "--format", "json"]);
    assert_eq!(
        told(&run),
        [
            "missing node_modules/bundle/node_modules/inside/index.js",
            "missing node_modules/bundle/node_modules/inside/package.json",
        ]
    );
}

#[test]
fn a_tree_of_pnpm_is_verified_and_each_change_is_found() {
    let registry = registry();
    let playground = Playground::new().with("package.json", MANIFEST);
    let Some(run) = registry.pnpm(&playground, &["install"]) else { return };
    done(&run);
    // pnpm keeps no tarballs: its own list stands in, or the registry is asked.
    let run = registry.ringfence(&playground, &["deps", "verify"]);
    done(&run);
    assert!(run.stdout.contains("from pnpm's own list, which is no tarball"), "{run}");
    let run = registry.ringfence(&playground, &["deps", "verify", "--online"]);
    done(&run);
    assert!(run.stdout.contains("from the registry"), "{run}");
    // Files of pnpm are shared with its store, so a change must break the link first.
    let folder = "node_modules/.pnpm/plain@1.0.0/node_modules/plain";
    for name in ["index.js", "lib/deep/x.js"] {
        let path = playground.path().join(folder).join(name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    each_change_is_found(&registry, &playground, folder);

    let link = playground.path().join("node_modules/.pnpm/command@2.0.0/node_modules/plain");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("../../script@1.0.0/node_modules/script", &link).unwrap();
    let command = playground.path().join("node_modules/.bin/command");
    let text = fs::read_to_string(&command).unwrap();
    fs::write(&command, text.replace("exec node", "curl evil; exec node")).unwrap();
    let run = registry.ringfence(&playground, &["deps", "verify", "--format", "json"]);
    assert_eq!(
        told(&run),
        [
            "command-changed node_modules/.bin/command",
            "link node_modules/.pnpm/command@2.0.0/node_modules/plain",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_unknown() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    if !fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0) {
        ringfence_tests::not_run("a file of another user's needs root and setpriv");
        return;
    }
    let registry = registry();
    let playground = Playground::new().with("package.json", MANIFEST);
    let Some(run) = registry.npm(&playground, &["install", "--ignore-scripts"]) else { return };
    done(&run);
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&playground.path(), 0o755);
    let verify = || {
        let mut command = command::other("setpriv");
        command.args(["--reuid=4242", "--regid=4242", "--clear-groups"]).arg(command::binary());
        command.args(["deps", "verify", "--online", "--format", "json"]);
        command.current_dir(playground.path()).env("HOME", playground.path());
        playground.finish(command.env("npm_config_registry", registry.url()))
    };
    let control = verify();
    assert_eq!((control.code, told(&control).len()), (0, 0), "{control}");
    let file = playground.path().join("node_modules/plain/index.js");
    mode(&file, 0o000);
    let run = verify();
    assert_eq!((run.code, told(&run).len()), (2, 0), "{run}");
    let output: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(output["verdict"], "unknown");
    assert_eq!(output["unknown"][0]["package"], "plain@1.0.0", "{run}");
}

#[test]
fn what_deviates_and_who_may_not_run_is_told_to_code_scanning_and_in_pull_requests() {
    let registry = registry();
    let playground = Playground::new().with("package.json", MANIFEST);
    let Some(run) = registry.npm(&playground, &["install", "--ignore-scripts"]) else { return };
    done(&run);
    let evil = "node_modules/plain/a|<b>\u{1b}.js";
    fs::write(playground.path().join(evil), "x").unwrap();
    for (verb, code, package) in
        [("verify", "added", "plain@1.0.0"), ("scripts", "script-not-allowed", "script@1.0.0")]
    {
        let run = registry.ringfence(&playground, &["deps", verb, "--format", "sarif"]);
        assert_eq!(run.code, 1, "{run}");
        let log: Value = serde_json::from_str(&run.stdout).unwrap();
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], code);
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][rule]["id"], code);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "package-lock.json");
        let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
        let lock = fs::read_to_string(playground.path().join("package-lock.json")).unwrap();
        let name = package.split('@').next().unwrap();
        assert!(lock.lines().nth(line - 1).unwrap().contains(&format!("node_modules/{name}\"")));
        let run = registry.ringfence(&playground, &["deps", verb, "--format", "markdown"]);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stdout.contains(&format!("| **{code}** | {package} |")), "{run}");
        assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains("<b>"), "{run}");
    }
}

#[test]
fn what_cannot_be_compared_is_never_clean() {
    let registry = registry();
    let playground = Playground::new().with("package.json", MANIFEST);
    let nothing = registry.ringfence(&playground, &["deps", "verify"]);
    assert_eq!(nothing.code, 2, "{nothing}");
    let Some(run) = registry.npm(&playground, &["install", "--ignore-scripts"]) else { return };
    done(&run);
    registry.forget();
    let run = registry.ringfence(&playground, &["deps", "verify"]);
    assert_eq!(run.code, 2, "{run}");
    let all = registry.ringfence(&playground, &["deps", "verify", "--allow-unknown"]);
    assert_eq!(all.code, 2, "nothing at all was compared: {all}");
    done(&registry.ringfence(&playground, &["deps", "verify", "--online"]));

    // Another tarball than the lockfile names is not used.
    let lock = playground.path().join("package-lock.json");
    let text = fs::read_to_string(&lock).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    let other = value["packages"]["node_modules/command"]["integrity"].clone();
    value["packages"]["node_modules/plain"]["integrity"] = other;
    fs::write(&lock, value.to_string()).unwrap();
    let run = registry.ringfence(&playground, &["deps", "verify", "--online"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stdout.contains("its hash is not"), "{run}");
    let run = registry.ringfence(&playground, &["deps", "verify", "--online", "--allow-unknown"]);
    done(&run);
}

#[test]
fn who_wants_to_run_is_told_and_who_may_is_written() {
    let registry = registry();
    let playground = Playground::new().with("package.json", MANIFEST);
    let Some(run) = registry.npm(&playground, &["install", "--ignore-scripts"]) else { return };
    done(&run);
    let run = registry.ringfence(&playground, &["deps", "scripts"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("not allowed  script@1.0.0  postinstall: node write.js"), "{run}");
    let entry = run.stdout.lines().find(|line| line.contains("package = \"script\"")).unwrap();

    let boundary = format!(
        "schema = 1\n[service]\nname = \"app\"\nstart = [\"/bin/true\"]\n[dependencies]\nminimum-age = \"36h\"\nscripts = [\n{entry}\n]\n"
    );
    fs::write(playground.path().join("ringfence.toml"), boundary).unwrap();
    let shown = registry.ringfence(&playground, &["deps", "scripts"]);
    done(&shown);
    assert!(shown.stdout.contains("+    \"script@1.0.0\": true"), "{shown}");
    let path = |name: &str| playground.path().join(name);
    assert_eq!(fs::read_to_string(path("package.json")).unwrap(), MANIFEST, "only shown");
    assert!(!path(".npmrc").exists());

    let written = registry.ringfence(&playground, &["deps", "scripts", "--write"]);
    done(&written);
    assert_eq!(fs::read_to_string(path(".npmrc")).unwrap(), "min-release-age=2\n");
    let manifest = fs::read_to_string(path("package.json")).unwrap();
    let added = ",\n  \"allowScripts\": {\n    \"script@1.0.0\": true\n  }\n}";
    assert_eq!(manifest, MANIFEST.replace("\n}", added), "every other byte stays");
    let again = registry.ringfence(&playground, &["deps", "scripts", "--write"]);
    assert!(!again.stdout.contains("wrote"), "{again}");

    // Another tarball of the same version is another agreement.
    let text = fs::read_to_string(path("ringfence.toml")).unwrap();
    let at = text.find("sha512 = \"").unwrap() + "sha512 = \"".len();
    let first = if text[at..].starts_with('A') { "B" } else { "A" };
    fs::write(path("ringfence.toml"), format!("{}{first}{}", &text[..at], &text[at + 1..]))
        .unwrap();
    let run = registry.ringfence(&playground, &["deps", "scripts"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("other hash"), "{run}");
}

#[test]
fn hostile_names_are_shown_escaped() {
    use std::os::unix::ffi::OsStrExt as _;
    let registry = registry();
    let playground = Playground::new().with("package.json", MANIFEST);
    let Some(run) = registry.npm(&playground, &["install", "--ignore-scripts"]) else { return };
    done(&run);
    let folder = playground.path().join("node_modules/plain");
    fs::write(folder.join("a\u{1b}[2Jb"), "x").unwrap();
    fs::write(folder.join(Path::new(std::ffi::OsStr::from_bytes(b"\xff"))), "x").unwrap();
    let run = registry.ringfence(&playground, &["deps", "verify"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("a\\u{1b}[2Jb") && !run.stdout.contains('\u{1b}'), "{run}");
}
