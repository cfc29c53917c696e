//! What an install leaves out, leaves alone or refuses: optional packages whose script fails, scripts that are
//! denied on purpose, settings of the managers that ask for another install.

use super::{Project, dependencies, differing, ordinary, script, tree, with};
use crate::registry::Published;
use serde_json::json;
use std::fs;

/// A project with an optional package whose script fails, one below that cannot do without it, and what
/// only those need.
fn with_failing() -> Vec<Published> {
    let bin = json!({"scripts": {"postinstall": "exit 7"}, "hasInstallScript": true,
        "bin": {"broken": "cli.js"}, "dependencies": {"below": "1.0.0", "plain": "1.0.0"}});
    let mut packages = ordinary();
    packages.push(Published::new("broken", "1.0.0", bin).with("cli.js", b"#!/usr/bin/env node\n"));
    packages.push(Published::new("below", "1.0.0", json!({})).with("index.js", b""));
    packages
}

#[test]
fn an_optional_package_whose_script_fails_is_left_out_as_npm_leaves_it_out() {
    let project = Project::new(&with_failing(), &dependencies(&["plain", "maker"]));
    let mut manifest = project.json("package.json");
    manifest["optionalDependencies"] = json!({"broken": "1.0.0"});
    fs::write(project.path("package.json"), manifest.to_string()).unwrap();
    let Some(project) = project.locked() else { return };
    project.allow(&["maker", "broken"]);
    let (run, report) = project.told(&[]);
    assert_eq!(run.code, 0, "{run}");
    let left_out = json!([{"package": "broken@1.0.0", "script": "postinstall", "code": 7,
        "removed": ["node_modules/below", "node_modules/broken"]}]);
    assert_eq!((&report["verdict"], &report["left_out"]), (&json!("installed"), &left_out));
    let ours = tree(&project.path("node_modules"));
    assert_eq!(differing(&ours, &project.by_npm(&[])), Vec::<&String>::new());
    let human = project.install(&[]);
    assert!(human.stdout.contains("broken@1.0.0 is optional, and its postinstall failed with code 7: left out: node_modules/below, node_modules/broken"), "{human}");
    // What is needed is not left out.
    manifest["dependencies"]["broken"] = json!("1.0.0");
    manifest.as_object_mut().unwrap().remove("optionalDependencies");
    fs::write(project.path("package.json"), manifest.to_string()).unwrap();
    let project = project.locked().unwrap();
    assert_eq!(project.install(&[]).code, 1);
}

#[test]
fn an_optional_package_whose_script_is_stopped_ends_the_install() {
    let hostile =
        script("hostile", "require('dns').lookup('collect.evil.invalid', () => process.exit(1))");
    let project = Project::new(&with(hostile), &dependencies(&["plain"]));
    let mut manifest = project.json("package.json");
    manifest["optionalDependencies"] = json!({"hostile": "1.0.0"});
    fs::write(project.path("package.json"), manifest.to_string()).unwrap();
    let Some(project) = project.locked() else { return };
    project.allow(&["hostile"]);
    let (run, report) = project.told(&[]);
    assert_eq!((run.code, &report["verdict"]), (1, &json!("stopped")), "{run}");
    assert!(!project.path("node_modules").exists());
}

#[test]
fn a_script_that_is_denied_on_purpose_does_not_run_and_is_told_with_its_reason() {
    let project = Project::new(&ordinary(), &dependencies(&["maker", "plain"]));
    let Some(project) = project.locked() else { return };
    let text = "[dependencies]\ndenied-scripts = [{ package = \"maker\", version = \"1.0.0\", reason = \"made elsewhere\" }]\n";
    fs::write(project.path("ringfence.toml"), text).unwrap();
    let run = project.install(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("Not run: denied in the boundary file"), "{run}");
    assert!(run.stdout.contains("made elsewhere"), "{run}");
    assert!(!project.path("node_modules/maker/made.txt").exists());
    let (run, report) = project.told(&[]);
    assert_eq!(report["not_run"][0]["reason"], "made elsewhere", "{run}");
}

#[test]
fn a_setting_that_asks_for_another_install_is_refused_by_name_or_obeyed() {
    let project = Project::new(&ordinary(), &dependencies(&["maker", "plain"]));
    let Some(project) = project.locked() else { return };
    project.allow(&["maker"]);
    fs::create_dir_all(project.path("node_modules/old")).unwrap();
    for (line, key) in [
        ("global=true", "global"),
        ("global", "global"),
        ("location=global", "location"),
        ("install-strategy=linked", "install-strategy"),
        ("global-style=true", "global-style"),
        ("script-shell=/bin/bash", "script-shell"),
        ("node-options=--no-warnings", "node-options"),
    ] {
        fs::write(project.path(".npmrc"), format!("{line}\n")).unwrap();
        let run = project.install(&[]);
        assert_eq!(run.code, 2, "{line} {run}");
        assert!(run.stderr.contains(&format!(".npmrc sets {key} to ")), "{line} {run}");
        assert!(run.stderr.contains("hint: take the setting out"), "{line} {run}");
        assert!(project.path("node_modules/old").exists(), "{line} {run}");
    }
    // The control: without any, scripts run; and the manager's own word for none is obeyed.
    fs::write(project.path(".npmrc"), "ignore-scripts=true\n").unwrap();
    let run = project.install(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("no script ran: ignore-scripts is set in"), "{run}");
    let ours = tree(&project.path("node_modules"));
    assert_eq!(differing(&ours, &project.by_npm(&[])), Vec::<&String>::new());
    fs::remove_file(project.path(".npmrc")).unwrap();
    let run = project.install(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(project.path("node_modules/maker/made.txt").exists());
}

#[test]
fn the_projects_own_scripts_are_named_because_they_do_not_run() {
    let project = Project::new(&ordinary(), &dependencies(&["plain"]));
    let mut manifest = project.json("package.json");
    manifest["scripts"]["prepare"] = json!("touch prepared");
    fs::write(project.path("package.json"), manifest.to_string()).unwrap();
    let Some(project) = project.locked() else { return };
    let run = project.install(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("the project's own scripts did not run: prepare;"), "{run}");
    assert!(!project.path("prepared").exists());
}
