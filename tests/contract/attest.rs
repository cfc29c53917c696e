//! `ringfence prove --attest`: the statement has the published shape, says what the proof said, and
//! is there as a whole or not at all.

use crate::TRUE;
use insta::assert_snapshot;
use ringfence_tests::command::{self, Playground, Run};
use ringfence_tests::not_run;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::process::Stdio;

/// Proves in a folder with these options; `None`, and said by name, where no boundary can be had.
fn prove(playground: &Playground, options: &[&str]) -> Option<Run> {
    let run = playground.run(["prove"].iter().chain(options));
    if run.code == 3 && run.stdout.is_empty() {
        not_run("this host cannot enforce a boundary");
        return None;
    }
    Some(run)
}

fn read(playground: &Playground, name: &str) -> Value {
    let text = fs::read_to_string(playground.path().join(name)).unwrap();
    assert!(text.ends_with("}\n"), "{text}");
    serde_json::from_str(&text).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The published form: in-toto attestation framework, Statement v1 and its `ResourceDescriptor`.
fn check_statement(statement: &Value) {
    let keys: Vec<&str> = statement.as_object().unwrap().keys().map(String::as_str).collect();
    let known = ["_type", "predicate", "predicateType", "subject"];
    assert!(keys.iter().all(|key| known.contains(key)), "{keys:?}");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let uri = statement["predicateType"].as_str().unwrap();
    assert!(uri.starts_with("https://") && !uri.contains(char::is_whitespace), "{uri}");
    assert!(statement["predicate"].is_object());
    let subject = statement["subject"].as_array().unwrap();
    assert!(!subject.is_empty());
    let descriptor =
        ["name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"];
    let mut names = Vec::new();
    for entry in subject {
        let entry = entry.as_object().unwrap();
        assert!(entry.keys().all(|key| descriptor.contains(&key.as_str())), "{entry:?}");
        assert!(entry["annotations"].is_object());
        let digest: &Map<String, Value> = entry["digest"].as_object().unwrap();
        assert!(!digest.is_empty());
        for value in digest.values() {
            let hex = value.as_str().unwrap();
            assert!(hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{hex}");
        }
        names.push(entry["name"].as_str().unwrap());
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name is unique among the subjects: {names:?}");
}

/// As much of JSON Schema as ours uses: references, types, required and unknown fields, constants.
fn check_schema(root: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return check_schema(root, &root["$defs"][name], value, place);
    }
    if let Some(either) = schema["anyOf"].as_array() {
        let nothing = either.iter().any(|one| one["type"] == "null");
        if nothing && value.is_null() {
            return;
        }
        let other = either.iter().find(|one| one["type"] != "null").unwrap();
        return check_schema(root, other, value, place);
    }
    if let Some(words) = schema["oneOf"].as_array() {
        assert!(words.iter().any(|one| one["const"] == *value), "{place}: {value}");
        return;
    }
    if let Some(expected) = schema.get("const") {
        assert_eq!(expected, value, "{place}");
    }
    let types =
        schema["type"].as_array().map_or_else(|| vec![schema["type"].clone()], Clone::clone);
    let kind = match value {
        Value::Array(_) => "array",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
        Value::Number(_) => "integer",
        Value::Object(_) => "object",
        Value::String(_) => "string",
    };
    assert!(types.iter().any(|one| one == kind), "{place}: {kind} is none of {types:?}");
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            check_schema(root, &schema["items"], item, &format!("{place}[{index}]"));
        }
    }
    let Some(fields) = value.as_object() else { return };
    for needed in schema["required"].as_array().into_iter().flatten() {
        assert!(fields.contains_key(needed.as_str().unwrap()), "{place} has no {needed}");
    }
    for (key, field) in fields {
        let known = &schema["properties"][key];
        assert!(known.is_object(), "{place}.{key} is not in the schema");
        check_schema(root, known, field, &format!("{place}.{key}"));
    }
}

#[test]
fn the_statement_has_the_published_shape_and_names_the_file_by_its_hash() {
    let playground = Playground::new()
        .with("ringfence.toml", TRUE)
        .with("package-lock.json", "{}\n")
        .with("old.json", "old");
    let options = ["--only", "environment", "--format", "json", "--attest", "old.json"];
    let Some(run) = prove(&playground, &options) else { return };
    let statement = read(&playground, "old.json");
    check_statement(&statement);
    let schema = playground.run(["schema", "--attestation"]);
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    check_schema(&schema, &schema, &statement, "statement");
    let subject = statement["subject"].as_array().unwrap();
    let named: Vec<_> =
        subject.iter().map(|entry| (&entry["name"], &entry["digest"]["sha256"])).collect();
    let expected =
        [("ringfence.toml", sha256(TRUE.as_bytes())), ("package-lock.json", sha256(b"{}\n"))]
            .map(|(name, hash)| (Value::from(name), Value::from(hash)));
    assert_eq!(named, expected.iter().map(|(name, hash)| (name, hash)).collect::<Vec<_>>());
    let printed = run.stdout.replace("[DIR]", &playground.path().to_string_lossy());
    assert_eq!(
        statement["predicate"]["evidence"]["digest"]["sha256"],
        sha256(printed.as_bytes()),
        "the evidence is what was printed"
    );
    let left: Vec<_> = fs::read_dir(playground.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "nothing but the statement is left: {left:?}");
}

#[test]
fn every_verdict_is_the_one_that_the_proof_gave() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let Some(run) = prove(&playground, &["--format", "json", "--attest", "proof.json"]) else {
        return;
    };
    let proof: Value = serde_json::from_str(&run.stdout).unwrap();
    let statement = read(&playground, "proof.json");
    let predicate = &statement["predicate"];
    assert_eq!(predicate["result"]["exitCode"], run.code);
    assert_eq!(predicate["made"]["ended"], proof["evidence"]["time"]);
    assert!(predicate["made"]["started"].as_str() <= predicate["made"]["ended"].as_str());
    let claims = predicate["claims"].as_array().unwrap();
    let mut probes = 0;
    for (told, claim) in claims.iter().zip(proof["claims"].as_array().unwrap()) {
        assert_eq!((&told["claim"], &told["state"]), (&claim["claim"], &claim["state"]));
        let own = |probe: &&Value| probe["claim"] == claim["claim"];
        let own: Vec<_> = proof["probes"].as_array().unwrap().iter().filter(own).collect();
        probes += own.len();
        for (told, probe) in told["probes"].as_array().unwrap().iter().zip(own) {
            assert_eq!((&told["probe"], &told["verdict"]), (&probe["probe"], &probe["verdict"]));
        }
    }
    assert_eq!(claims.len(), proof["claims"].as_array().unwrap().len());
    assert!(probes > 50, "{probes}");
    let proven = |claim: &&Value| ["proven", "not-claimed"].iter().all(|s| claim["state"] != *s);
    let left: Vec<&Value> = claims.iter().filter(proven).map(|claim| &claim["claim"]).collect();
    let listed: Vec<&Value> = predicate["result"]["notProven"].as_array().unwrap().iter().collect();
    assert_eq!(listed, left);
    assert_eq!(predicate["result"]["verdict"] == "proven", left.is_empty());
}

#[test]
fn a_proof_of_some_classes_is_partial() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let Some(run) = prove(&playground, &["--only", "limits", "--attest", "proof.json"]) else {
        return;
    };
    assert_eq!(run.code, 0, "{run}");
    let statement = read(&playground, "proof.json");
    assert_eq!(statement["predicate"]["result"]["verdict"], "partial");
    assert_eq!(statement["predicate"]["options"]["only"], serde_json::json!(["limits"]));
}

#[test]
fn a_mistake_in_the_path_is_told_before_anything_is_attacked() {
    let playground = Playground::new().with("ringfence.toml", TRUE).with("folder/kept", "");
    assert_snapshot!(playground.run(["prove", "--attest", "folder"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: cannot write the attestation: folder
      caused by: is a directory
    hint: name a file, in a folder that is there and may be written
    ---
    ");
    for device in ["/dev/full", "/dev/null"] {
        let run = playground.run(["prove", "--attest", device]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        assert!(fs::metadata(device).unwrap().file_type().is_char_device());
    }
    let run = playground.run(["prove", "--attest", "missing/proof.json"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    let run = playground.run(["prove", "--attest", "same", "--report", "./same"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    assert!(run.stderr.contains("name the same file"), "{run}");
}

#[test]
fn what_proves_something_else_is_refused_with_it() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    for other in ["--self-test", "--compare"] {
        let run = playground.run(["prove", other, "--attest", "proof.json"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.contains("--attest") && run.stderr.contains(other), "{run}");
    }
    assert!(!playground.path().join("proof.json").exists());
}

#[test]
fn a_boundary_that_cannot_be_attacked_is_not_attested() {
    let playground = Playground::new()
        .with("ringfence.toml", &TRUE.replace("/bin/true", "/bin/no-such-program"))
        .with("proof.json", "old");
    let run = playground.run(["prove", "--attest", "proof.json"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    assert_eq!(fs::read_to_string(playground.path().join("proof.json")).unwrap(), "old");
}

#[test]
fn on_a_full_disk_the_file_that_was_there_is_kept_and_the_result_is_printed() {
    let playground = Playground::new().with("ringfence.toml", TRUE).with("small/mark", "");
    let script = "mount -t tmpfs -o size=16k tmpfs small && echo old > small/proof.json || exit 77\n\
                  \"$0\" prove --only limits --attest small/proof.json; code=$?\n\
                  echo; ls -A small; cat small/proof.json; exit $code";
    let mut command = command::other("unshare");
    if is_root() {
        command.arg("--mount");
    } else {
        command.args(["--user", "--map-current-user", "--keep-caps", "--mount"]);
    }
    command.args(["sh", "-c", script]).arg(command::binary()).current_dir(playground.path());
    let run = playground.finish(command.stdin(Stdio::null()));
    if run.code == 77 || run.stderr.starts_with("unshare:") {
        not_run("this host allows no mounts, so no disk can be made full");
        return;
    }
    if run.code == 3 {
        not_run("this host cannot enforce a boundary");
        return;
    }
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("cannot write the attestation: small/proof.json"), "{run}");
    assert!(run.stderr.contains("No space left on device"), "{run}");
    assert!(run.stderr.contains("hint: the result itself is printed above"), "{run}");
    assert!(run.stdout.contains("limits-open-files"), "{run}");
    assert!(run.stdout.ends_with("\nproof.json\nold\n"), "nothing half-written is left: {run}");
}

#[test]
fn without_rights_to_the_folder_the_result_is_printed_and_nothing_is_written() {
    if !is_root() {
        not_run("a folder of another user's needs root");
        return;
    }
    let playground = Playground::new().with("ringfence.toml", TRUE);
    fs::set_permissions(playground.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = command::other("setpriv");
    command.args(["--reuid=4242", "--regid=4242", "--clear-groups"]).arg(command::binary());
    command.args(["prove", "--only", "limits", "--attest", "proof.json"]);
    let run = playground.finish(command.current_dir(playground.path()).stdin(Stdio::null()));
    if run.code == 3 && run.stdout.is_empty() {
        not_run("this host cannot enforce a boundary as another user");
        return;
    }
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("Permission denied"), "{run}");
    assert!(run.stdout.contains("limits-open-files"), "{run}");
    assert!(!playground.path().join("proof.json").exists());
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}
