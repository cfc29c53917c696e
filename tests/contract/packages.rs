//! `ringfence packages`: what each npm package used, and what it gained since.

#[cfg(target_os = "linux")]
mod told;

use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use serde_json::Value;

const BEGIN: &str = r#"{"kind":"begin","version":1,"ringfence":"0.1.0","command":["node","server.js"],"cwd":"/srv/shop","started":1700000000,"environment":["PATH"],"boundary":null,"blind":[]}"#;
const TOLD: &str = r#"{"kind":"feature","feature":"told","pid":7}"#;
const END: &str = r#"{"kind":"end","code":0,"at":900,"calls":31,"left_out":0,"untold":0}"#;

/// A line that says that a package used something.
fn used(capability: &str, resource: &str, package: &str, version: &str) -> String {
    let place = format!("/srv/shop/node_modules/{package}/index.js:4:18");
    let by = serde_json::json!({ "package": package, "version": version, "place": place });
    let kind = "use";
    serde_json::json!({ "kind": kind, "capability": capability, "resource": resource, "by": by, "pid": 7 })
        .to_string()
}

fn record(lines: &[String]) -> String {
    let lines = lines.iter().map(String::as_str);
    let all: Vec<&str> = [BEGIN, TOLD].into_iter().chain(lines).chain([END]).collect();
    all.join("\n") + "\n"
}

fn old() -> Vec<String> {
    vec![
        used("connect", "db.internal:5432", "pg", "8.11.0"),
        used("env", "PGHOST", "pg", "8.11.0"),
        used("child", "/bin/sh", "open", "9.1.0"),
    ]
}

fn new() -> Vec<String> {
    vec![
        used("connect", "db.internal:5432", "pg", "8.12.0"),
        used("env", "PGHOST", "pg", "8.12.0"),
        used("env", "AWS_SECRET_ACCESS_KEY", "pg", "8.12.0"),
        used("child", "/usr/bin/curl", "pg", "8.12.0"),
        used("connect", "collect.example:443", "left-pad", "1.4.0"),
    ]
}

fn playground() -> Playground {
    Playground::new().with("old.jsonl", &record(&old())).with("new.jsonl", &record(&new()))
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn each_package_is_told_with_what_it_used() {
    assert_snapshot!(playground().run(["packages", "old.jsonl"]), @r"
    exit: 0
    --- stdout
    open 9.1.0
      starts            /bin/sh
    pg 8.11.0
      connects to       db.internal:5432
      environment       PGHOST
    --- stderr
    ---
    ");
}

#[test]
fn what_a_package_gained_is_a_finding_with_a_code_of_its_own() {
    let since = playground().run(["packages", "new.jsonl", "--since", "old.jsonl"]);
    assert_snapshot!(since, @r"
    exit: 1
    --- stdout
    new-package-with-capability left-pad
      connects to       collect.example:443
    new-child pg
      starts            /usr/bin/curl
    new-environment pg
      environment       AWS_SECRET_ACCESS_KEY
    not used any more
      open: starts /bin/sh
    other versions
      pg: 8.11.0 -> 8.12.0

    3 gained, 1 lost, 1 other version
    --- stderr
    ---
    ");
    let two = playground().run(["packages", "old.jsonl", "new.jsonl"]);
    assert_eq!((two.code, two.stdout), (1, since.stdout));
}

#[test]
fn what_is_lost_alone_is_no_finding() {
    let lines = old();
    let less = record(lines.get(..2).unwrap());
    let run = playground().with("less.jsonl", &less).run(["packages", "old.jsonl", "less.jsonl"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("open: starts /bin/sh"), "{run}");
    let run = playground().run(["packages", "old.jsonl", "old.jsonl"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "every package used the same\n"));
}

#[test]
fn a_kept_view_is_compared_with_and_has_nothing_of_the_run_in_it() {
    let playground = playground();
    let run = playground.run(["packages", "old.jsonl", "--write", "packages.json"]);
    assert_eq!(run.code, 0, "{run}");
    let kept = std::fs::read_to_string(playground.path().join("packages.json")).unwrap();
    assert!(!kept.contains("/srv/shop") && !kept.contains("1700000000"), "{kept}");
    let shown = playground.run(["packages", "old.jsonl", "--format", "json"]);
    assert_eq!(shown.stdout, kept);
    let same = playground.run(["packages", "old.jsonl", "--since", "packages.json"]);
    assert_eq!(same.code, 0, "{same}");
    let widened =
        playground.run(["packages", "new.jsonl", "--since", "packages.json", "--format", "json"]);
    assert_eq!(widened.code, 1, "{widened}");
    let told = json(&widened);
    assert_eq!(told["schema"], 1);
    let codes: Vec<&str> =
        told["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["new-package-with-capability", "new-child", "new-environment"]);
    assert_eq!(told["findings"][1]["gained"]["children"][0], "/usr/bin/curl");
    assert_eq!(told["versions"][0]["new"][0], "8.12.0");
    // What is written may be what was compared with: it is read first.
    let both = ["packages", "new.jsonl", "--since", "packages.json", "--write", "packages.json"];
    assert_eq!(playground.run(both).code, 1);
    assert_eq!(playground.run(["packages", "new.jsonl", "--since", "packages.json"]).code, 0);
}

#[test]
fn without_a_name_the_newest_record_of_the_project_is_meant() {
    let playground = Playground::new()
        .with("ringfence.toml", super::SMALLEST)
        .with("sub/x", "")
        .with(".ringfence/records/learn.cjs", "")
        .with(".ringfence/records/a.jsonl", &record(&new()));
    let older = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
    let first = playground.path().join(".ringfence/records/b.jsonl");
    std::fs::write(&first, record(&old())).unwrap();
    std::fs::File::options().write(true).open(&first).unwrap().set_modified(older).unwrap();
    let mut command = playground.command();
    command.arg("packages").current_dir(playground.path().join("sub"));
    let run = playground.finish(&mut command);
    assert!(run.stdout.contains("left-pad 1.4.0"), "{run}");
}

#[test]
fn what_is_no_record_says_what_to_do() {
    let playground = playground().with("text", "hello\n").with("newer.json", "{\"schema\":9}");
    assert_snapshot!(playground.run(["packages", "text"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: neither a record nor a kept view of packages: text
    hint: name a record of `ringfence learn`, or what `ringfence packages --write` kept
    ---
    ");
    for (name, said) in [
        ("missing", "cannot read missing"),
        (".", "neither a record"),
        ("newer.json", "the view has schema 9"),
    ] {
        let run = playground.run(["packages", name]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(said) && run.stderr.contains("hint:"), "{run}");
    }
    let none = playground.run(["packages"]);
    assert_eq!(none.code, 2, "{none}");
    assert!(
        none.stderr.contains("no records") && none.stderr.contains("ringfence learn"),
        "{none}"
    );
    let both = playground.run(["packages", "old.jsonl", "new.jsonl", "--since", "old.jsonl"]);
    assert_eq!(both.code, 2, "{both}");
}

#[test]
fn a_run_that_was_cut_short_is_shown_with_a_note_and_not_kept() {
    let whole = record(&old());
    let torn = whole.get(..whole.len() - 30).unwrap();
    let playground = Playground::new().with("torn.jsonl", torn);
    let run = playground.run(["packages", "torn.jsonl"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("note: the run was cut short"), "{run}");
    let kept = playground.run(["packages", "torn.jsonl", "--write", "kept.json"]);
    assert_eq!(kept.code, 2, "{kept}");
    assert!(!playground.path().join("kept.json").exists());
}

#[test]
fn names_that_a_package_chose_are_shown_as_text() {
    let hostile = vec![used("env", "A\u{1b}[2J|B", "pg", "1.0.0")];
    let playground = Playground::new().with("r.jsonl", &record(&hostile));
    let run = playground.run(["packages", "r.jsonl"]);
    assert!(run.stdout.contains("A\\u{1b}[2J|B"), "{run}");
    let run = playground.run(["packages", "r.jsonl", "--format", "markdown"]);
    assert!(run.stdout.contains("\\|B") && !run.stdout.contains('\u{1b}'), "{run}");
}
