//! SARIF of every `deps` verb that writes it: by the official schema, and as GitHub's code scanning
//! takes it.

use ringfence_tests::command::{Playground, Run, other};
use ringfence_tests::{not_run, workspace};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

/// Judges logs by the schema: reads `schema`, then paths, and prints what is wrong.
const VALIDATE: &str = r#"
import json, sys
import jsonschema_rs
schema, *paths = sys.argv[1:]
with open(schema, encoding="utf-8") as file:
    # One of its patterns has a bracket that closes nothing, which this validator does not take.
    text = file.read().replace("{2}]?$", "{2}\\\\]?$")
    validator = jsonschema_rs.Draft7Validator(json.loads(text), validate_formats=True)
for path in paths:
    with open(path, encoding="utf-8") as file:
        log = json.load(file)
    for error in validator.iter_errors(log):
        print(path, error.instance_path, error.message)
"#;

/// Names and texts that try to be something else where they are shown.
const HOSTILE: &str = "a\u{202e}b\n::error::x\u{1b}[31m|<b>";

const OLD: &str = r#"{"lockfileVersion": 3, "packages": {
  "": {"dependencies": {"pear": "^1.0.0"}},
  "node_modules/pear": {"version": "1.0.0", "resolved": "https://registry.example/pear/-/pear-1.0.0.tgz", "integrity": "sha512-a", "license": "MIT"}
}}"#;

fn new() -> String {
    let new = json!({"lockfileVersion": 3, "packages": {
        "": {"dependencies": {"pear": "^1.0.0", HOSTILE: "1"}},
        "node_modules/pear": {"version": "1.0.1", "license": "ISC", "dependencies": {"plum": "1"},
            "resolved": "https://registry.example/pear/-/pear-1.0.1.tgz", "integrity": "sha512-b"},
        "node_modules/plum": {"version": "1.0.0", "hasInstallScript": true, "integrity": "sha512-c",
            "resolved": "git+https://code.example/plum.git#0123456789abcdef0123456789abcdef01234567"},
        format!("node_modules/{HOSTILE}"): {"version": "1.0.0", "hasInstallScript": true},
    }});
    serde_json::to_string_pretty(&new).unwrap()
}

fn advisories() -> String {
    let one = |id: &str, name: &str, summary: &str| {
        json!({"id": id, "modified": "2026-11-20T10:00:00Z", "summary": summary,
            "affected": [{"package": {"ecosystem": "npm", "name": name},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]})
    };
    let long = "long ".repeat(1000);
    json!([
        one("GHSA-aaaa-bbbb-cccc", "pear", HOSTILE),
        one("GHSA-dddd-eeee-ffff", "pear", &long),
        one("MAL-2026-1", "plum", ""),
        one("GHSA-gggg-hhhh-iiii", HOSTILE, "is odd"),
    ])
    .to_string()
}

const BOUNDARY: &str = "[service]\nname = \"app\"\nstart = [\"node\", \"a.js\"]\n[dependencies]\naccept = [\n  { code = \"exotic-source\", package = \"plum\", reason = \"ours\" },\n  { code = \"MAL-2026-1\", package = \"plum\", reason = \"ours\" },\n]\n";

fn project() -> Playground {
    let playground = Playground::new()
        .with("old/package-lock.json", OLD)
        .with("new/package-lock.json", &new())
        .with(
            "new/package.json",
            r#"{"name": "app", "version": "1.0.0", "scripts": {"install": "x"}}"#,
        )
        .with("new/.env", "TOKEN=x")
        .with("new/node_modules/pear/package.json", r#"{"name": "pear", "version": "9.0.0"}"#)
        .with("evidence/README", "")
        .with("ringfence.toml", BOUNDARY)
        .with("package/package.json", r#"{"name": "pear", "main": "gone\u202e.js"}"#)
        .with("osv.json", &advisories());
    let run = playground.run(["deps", "advisories", "import", "osv.json"]);
    assert_eq!(run.code, 0, "{run}");
    playground
}

/// A verb, what it is given, and how many results it must have at least.
const CASES: &[(&str, &[&str], usize)] = &[
    ("audit", &["old"], 2),
    ("audit", &["new"], 3),
    ("audit", &["new", "--level", "critical"], 3),
    ("audit", &["[DIR]/new/package-lock.json"], 3),
    ("provenance", &["new", "--evidence", "evidence", "--allow-unknown"], 0),
    ("publish-check", &["new"], 0),
    ("review", &["old", "new"], 4),
    ("review", &["new", "old"], 1),
    ("review", &["old", "old"], 0),
    ("review", &["[DIR]/old", "[DIR]/new"], 4),
    ("publish-check", &["package"], 2),
    ("scripts", &["new", "--allow-unknown"], 2),
    ("verify", &["new", "--allow-unknown"], 2),
];

/// The verbs whose help speaks of SARIF.
fn verbs(playground: &Playground) -> BTreeSet<String> {
    let run = playground.run(["deps", "--help"]);
    let listed = run.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("    "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let writes = |name: &&str| {
        let help = playground.run(["deps", name, "--help"]);
        help.stdout.contains("sarif")
    };
    names.filter(writes).map(str::to_owned).collect()
}

fn logs(playground: &Playground) -> Vec<(String, Value)> {
    let dir = playground.path().to_string_lossy().into_owned();
    let one = |(verb, given, least): &(&str, &[&str], usize)| {
        let given: Vec<String> = given.iter().map(|word| word.replace("[DIR]", &dir)).collect();
        let mut command = playground.command();
        command.args(["deps", verb]).args(&given).args(["--format", "sarif"]);
        let run: Run = playground.finish(&mut command);
        let what = format!("{verb} {given:?}");
        // Where nothing could be judged, the log says so, and the code is 2.
        assert!(matches!(run.code, 0..=2), "{what}: {run}");
        let log: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        assert!(log.is_object(), "{what}: {run}");
        let results = log["runs"][0]["results"].as_array().map_or(0, Vec::len);
        assert!(results >= *least, "{what}: {run}");
        (what, log)
    };
    CASES.iter().map(one).collect()
}

#[test]
fn every_verb_that_writes_sarif_is_judged() {
    let playground = project();
    let judged: BTreeSet<String> = CASES.iter().map(|(verb, ..)| (*verb).to_owned()).collect();
    assert_eq!(verbs(&playground), judged, "a verb that writes SARIF is a line in CASES");
}

#[test]
fn logs_are_valid_by_the_official_schema() {
    let schema = workspace::root().join("target/sarif-schema/lib/schemas/sarif-2.1.0-rtm.5.json");
    let python = workspace::root().join("target/bill-validators/bin/python");
    if !(schema.is_file() && python.is_file()) {
        return not_run("no SARIF schema and no validator: .ci/run puts both below target");
    }
    let playground = project();
    let mut command = other(&python.to_string_lossy());
    command.args(["-c", VALIDATE]).arg(&schema);
    // The control: a validator that takes everything would not do.
    let wrong = playground.path().join("wrong.sarif");
    fs::write(&wrong, r#"{"version": "2.1.0", "runs": [{"tool": {}, "results": [{}]}]}"#).unwrap();
    command.arg(&wrong);
    for (number, (_, log)) in logs(&playground).into_iter().enumerate() {
        let path = playground.path().join(format!("{number}.sarif"));
        fs::write(&path, log.to_string()).unwrap();
        command.arg(path);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (control, said): (Vec<&str>, Vec<&str>) =
        said.lines().partition(|line| line.contains("wrong.sarif"));
    assert!(control.len() >= 2, "{control:?}");
    assert!(said.is_empty(), "{said:#?}");
}

/// What "SARIF support for code scanning" of GitHub's manual asks for, and its bounds.
#[test]
fn logs_are_as_code_scanning_takes_them() {
    let playground = project();
    for (what, log) in logs(&playground) {
        assert_eq!((log["version"].as_str(), &log["runs"][1]), (Some("2.1.0"), &Value::Null));
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut known = BTreeSet::new();
        for rule in rules {
            let id = text(&rule["id"]);
            for (key, most) in
                [("shortDescription", 1024), ("fullDescription", 1024), ("help", 1 << 16)]
            {
                let said = text(&rule[key]["text"]);
                assert!(!said.is_empty() && said.len() <= most, "{what}: {key} of {id}: {said:?}");
                assert!(is_plain(&said), "{what}: {said:?}");
            }
            let level = text(&rule["defaultConfiguration"]["level"]);
            assert!(["error", "warning", "note"].contains(&level.as_str()), "{what}: {id}");
            assert!(known.insert(id.clone()), "{what}: {id} is there twice");
        }
        let mut prints = BTreeSet::new();
        for result in run["results"].as_array().unwrap() {
            assert!(known.contains(&text(&result["ruleId"])), "{what}: {result}");
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"], "{what}");
            assert!(["error", "warning", "note"].contains(&text(&result["level"]).as_str()));
            let message = text(&result["message"]["text"]);
            assert!(!message.is_empty() && is_plain(&message), "{what}: {message:?}");
            let place = &result["locations"][0]["physicalLocation"];
            let uri = text(&place["artifactLocation"]["uri"]);
            let outside =
                uri.starts_with('/') || uri.contains(':') || uri.split('/').any(|p| p == "..");
            assert!(!uri.is_empty() && !outside && uri.is_ascii(), "{what}: {uri}");
            assert!(place["region"]["startLine"].as_u64() > Some(0), "{what}: {result}");
            let print = result["partialFingerprints"].as_object().unwrap();
            let print: Vec<String> =
                print.iter().map(|(key, one)| format!("{key}={one}")).collect();
            assert!(print.iter().all(|one| is_plain(one)), "{what}: {print:?}");
            assert!(prints.insert(print.join(" ")), "{what}: two results are one: {print:?}");
        }
        let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
        assert!(notes.iter().all(|note| is_plain(&text(&note["message"]["text"]))), "{what}");
    }
}

/// Neither a mark of direction nor one that moves a cursor, and no line of its own.
fn is_plain(text: &str) -> bool {
    text.chars().all(|one| !one.is_control() && !matches!(one, '\u{202a}'..='\u{202e}'))
}
