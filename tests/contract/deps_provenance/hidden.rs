//! What a tree or a lockfile could do so that something is not judged, or is judged by its own word.

use super::{Case, lockfile, made, made_for, sha512};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};
use std::fs;

/// Writes a lockfile with packages by their folders.
fn write(case: &Case, file: &str, packages: &Value) {
    let text = json!({"name": "p", "lockfileVersion": 3, "packages": packages}).to_string();
    fs::write(case.playground.path().join(file), text).unwrap();
}

fn integrity() -> String {
    format!("sha512-{}", BASE64.encode(sha512()))
}

#[test]
fn what_the_project_bundles_or_a_lockfile_calls_bundled_is_judged_all_the_same() {
    let Some(made) = made("built") else { return };
    let case = Case::of("built", &made);
    case.say(&json!({"signatures": made["signatures"]["good"], "attestations": []}));
    let good = json!({"version": "1.0.0", "integrity": integrity()});
    let other = |more: Value| {
        let mut one = json!({"version": "1.0.0", "inBundle": true});
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one
    };
    let address = "https://registry.example/other/-/other-1.0.0.tgz";
    let cases = [
        ("node_modules/other", json!({"integrity": integrity()}), 2),
        ("node_modules/other", json!({"resolved": address}), 2),
        ("node_modules/other", json!({}), 2),
        ("node_modules/built/node_modules/other", json!({"integrity": integrity()}), 2),
        ("node_modules/built/node_modules/other", json!({"resolved": address}), 2),
        // That alone came inside the tarball of another.
        ("node_modules/built/node_modules/other", json!({}), 0),
    ];
    for (folder, more, code) in cases {
        let packages = json!({"": {}, "node_modules/built": good, folder: other(more.clone())});
        write(&case, "package-lock.json", &packages);
        let run = case.run(&[]);
        assert_eq!(run.code, code, "{folder} {more}\n{run}");
    }
}

#[test]
fn a_bundled_copy_does_not_stand_in_for_the_version_before() {
    let (Some(made), Some(old)) = (made("built"), made_for("built", "0.9.0")) else { return };
    let case = Case::of("built", &made);
    case.say(&json!({"signatures": made["signatures"]["good"], "attestations": []}));
    let before = json!({"name": "built", "version": "0.9.0", "attestations": old["cases"]["good"],
        "signatures": old["signatures"]["good"]});
    let folder = case.playground.path().join("said");
    fs::write(folder.join("built@0.9.0.json"), before.to_string()).unwrap();
    let mut keys = made["keys"].clone();
    keys["keys"].as_array_mut().unwrap().extend(old["keys"]["keys"].as_array().unwrap().clone());
    fs::write(case.playground.path().join("keys.json"), keys.to_string()).unwrap();
    let mut root = made["root"].clone();
    for part in ["tlogs", "certificateAuthorities", "ctlogs"] {
        let more = old["root"][part].as_array().unwrap().clone();
        root[part].as_array_mut().unwrap().extend(more);
    }
    fs::write(case.playground.path().join("root.json"), root.to_string()).unwrap();
    for bundled in [None, Some("0.9.5"), Some("1.0.0")] {
        let text = lockfile("built", "0.9.0", &sha512());
        let mut packages = serde_json::from_str::<Value>(&text).unwrap()["packages"].clone();
        if let Some(version) = bundled {
            packages["node_modules/x"] = json!({"version": "1.0.0", "integrity": integrity()});
            packages["node_modules/x/node_modules/built"] =
                json!({"version": version, "inBundle": true});
        }
        write(&case, "old.json", &packages);
        let run = case.run(&["--since", "old.json"]);
        assert_eq!(run.code, 1, "{bundled:?}\n{run}");
        assert!(run.stdout.contains("provenance-lost"), "{bundled:?}\n{run}");
    }
}

#[cfg(unix)]
#[test]
fn a_root_of_the_tree_is_named_as_such_when_a_package_there_calls_itself_npm() {
    let Some(made) = made("built") else { return };
    let case = Case::of("built", &made);
    case.say(&json!({"signatures": made["signatures"]["good"], "attestations": []}));
    let tree = case.playground.path();
    let modules = tree.join("node_modules");
    let (seeds, program) = (modules.join("@sigstore/tuf"), modules.join("evil/bin/npm-cli.js"));
    let bin = modules.join(".bin");
    for folder in [&seeds, &bin, &modules.join("evil/bin")] {
        fs::create_dir_all(folder).unwrap();
    }
    let targets = json!({"trusted_root.json": BASE64.encode(made["root"].to_string()),
        "host.example%2Fkeys.json": BASE64.encode(made["keys"].to_string())});
    fs::write(seeds.join("seeds.json"), json!({"x": {"targets": targets}}).to_string()).unwrap();
    fs::write(&program, "").unwrap();
    std::os::unix::fs::symlink("../evil/bin/npm-cli.js", bin.join("npm")).unwrap();
    fs::create_dir_all(tree.join("tools")).unwrap();
    std::os::unix::fs::symlink(&program, tree.join("tools/npm")).unwrap();
    for path in [bin, tree.join("tools"), "node_modules/.bin".into(), "tools".into()] {
        let mut command = case.playground.command();
        command.env("PATH", &path);
        let arguments = ["deps", "provenance", "--evidence", "said", "--find-root"];
        let run = case.playground.finish(command.args(arguments));
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stdout.contains("lies in the tree that is judged"), "{path:?}\n{run}");
    }
}
