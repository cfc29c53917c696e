//! `ringfence deps scripts`: what is denied on purpose is no finding, and no age is written that nobody
//! said.

use crate::registry::{Published, Registry};
use ringfence_tests::command::Playground;
use serde_json::{Value, json};
use std::fs;

fn registry() -> Registry {
    let scripts = json!({"scripts": {"postinstall": "node x"}, "hasInstallScript": true});
    Registry::of(&[
        Published::new("noisy", "1.0.0", scripts).with("x.js", b""),
        Published::new("plain", "1.0.0", json!({})),
    ])
}

/// A project that npm locked; `None` where npm is missing.
fn locked(registry: &Registry) -> Option<Playground> {
    let manifest = "{\n  \"name\": \"app\",\n  \"dependencies\": {\"noisy\": \"1.0.0\", \"plain\": \"1.0.0\"}\n}\n";
    let playground = Playground::new().with("package.json", manifest);
    let run = registry.npm(&playground, &["install", "--ignore-scripts"])?;
    assert_eq!(run.code, 0, "{run}");
    Some(playground)
}

#[test]
fn what_is_denied_on_purpose_is_no_finding_and_is_written_as_npm_has_it() {
    let registry = registry();
    let Some(playground) = locked(&registry) else { return };
    let scripts =
        |more: &[&str]| registry.ringfence(&playground, &[&["deps", "scripts"], more].concat());
    let boundary = |entries: &str| {
        let text = format!("[dependencies]\ndenied-scripts = [\n{entries}\n]\n");
        fs::write(playground.path().join("ringfence.toml"), text).unwrap();
    };
    // The control: nobody decided.
    let run = scripts(&[]);
    assert_eq!(run.code, 1, "{run}");
    let line = run.stdout.lines().find(|line| line.contains("package = \"noisy\"")).unwrap();
    let entry = line.replace(" },", ", reason = \"it prints an advertisement\" },");

    boundary(&format!(
        "{entry}\n{{ package = \"gone\", version = \"1.0.0\", reason = \"x\" }},\n{{ package = \"plain\", version = \"1.0.0\", reason = \"x\" }},"
    ));
    let run = scripts(&["--write"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("denied  noisy@1.0.0"), "{run}");
    assert!(run.stdout.contains("shall not: it prints an advertisement"), "{run}");
    assert!(run.stdout.contains("denied, and it is not in the lockfile: gone@1.0.0"), "{run}");
    assert!(run.stdout.contains("denied, and it runs nothing at install: plain@1.0.0"), "{run}");
    assert!(run.stdout.contains("note: no minimum age is written"), "{run}");
    let path = |name: &str| playground.path().join(name);
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(path("package.json")).unwrap()).unwrap();
    assert_eq!(manifest["allowScripts"], json!({"noisy@1.0.0": false, "plain@1.0.0": false}));
    assert!(!path(".npmrc").exists(), "nobody said an age");
    let again = scripts(&["--write"]);
    assert!(!again.stdout.contains("wrote"), "{again}");
    let run = scripts(&["--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["verdict"], "decided", "{run}");
    assert_eq!(told["wishes"][0]["reason"], "it prints an advertisement", "{run}");

    // Another tarball than the one that was read is a finding again.
    let other = format!("{}==", "A".repeat(86));
    boundary(&format!(
        "{{ package = \"noisy\", version = \"1.0.0\", sha512 = \"{other}\", reason = \"x\" }}"
    ));
    let run = scripts(&[]);
    assert_eq!(run.code, 1, "{run}");
    assert!(
        run.stdout.contains("denied, and the lockfile has another tarball of it: noisy@1.0.0"),
        "{run}"
    );
}
