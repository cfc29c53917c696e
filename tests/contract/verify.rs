//! `ringfence prove --attest --sign-with` and `ringfence verify`: who signed what about which boundary.

use crate::TRUE;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use ringfence_tests::not_run;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The claims that a program without Node leaves unproven.
const LEFT: [&str; 4] = ["process-ffi", "process-inspector", "process-wasi", "process-workers"];

/// A folder with two keyrings and their public keys.
fn playground() -> Playground {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    for name in ["a", "b"] {
        let ring = format!("{name}.json");
        let create = ["crypto", "keyring", "create", "--keyring", &ring, "--key", "key"];
        let run = playground.run([&create[..], &["--name", name, "--kind", "eddsa"]].concat());
        assert_eq!(run.code, 0, "{run}");
        let jwks = playground.run(["crypto", "keyring", "jwks", "--keyring", &ring]);
        fs::write(playground.path().join(format!("{name}.jwks")), jwks.stdout).unwrap();
    }
    playground
}

/// Signs a whole proof with these keyrings; `None`, and said by name, where no boundary can be had.
fn prove(playground: &Playground, rings: &[&str]) -> Option<()> {
    let signs: Vec<&str> = rings.iter().flat_map(|ring| ["--sign-with", ring]).collect();
    let attest = ["prove", "--attest", "proof", "--sign-key", "key"];
    let run = playground.run(attest.iter().chain(&signs));
    if run.code == 3 && run.stdout.is_empty() {
        not_run("this host cannot enforce a boundary");
        return None;
    }
    assert_eq!(run.code, 0, "{run}");
    Some(())
}

fn verify(playground: &Playground, options: &[&str]) -> Run {
    let accepted: Vec<&str> = LEFT.iter().flat_map(|claim| ["--accept", claim]).collect();
    playground.run(["verify", "proof"].iter().chain(options).chain(&accepted))
}

/// What was refused, by its code.
fn codes(run: &Run) -> Vec<String> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["accepted"], run.code == 0, "{run}");
    let refused = report["refused"].as_array().unwrap();
    refused.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

/// Signs any payload as if it were a proof.
fn signed(playground: &Playground, payload_type: &str, payload: &str) {
    use ringfence_crypto::{dsse, envelope::Key, keyring::Keyring};
    let read = |name: &str| fs::read_to_string(playground.path().join(name)).unwrap();
    let digits = read("key");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let wrap: Vec<u8> = (0..32).map(|index| byte(2 * index)).collect();
    let wrap = Key::new("wrap", &wrap.into(), 0).unwrap();
    let key = Keyring::open(&read("a.json"), &wrap).unwrap().signing_key(&wrap).unwrap();
    let text = dsse::sign(&[&key], payload_type, payload.as_bytes()).unwrap();
    fs::write(playground.path().join("proof"), text).unwrap();
}

#[test]
fn a_signed_proof_is_accepted_for_its_boundary_and_its_signers_only() {
    let playground = playground();
    if prove(&playground, &["a.json"]).is_none() {
        return;
    }
    let good = ["--keys", "a.jwks", "--boundary", "ringfence.toml", "--max-age", "1h"];
    let run = verify(&playground, &good);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("signed by  a-1") && run.stdout.ends_with("accepted\n"), "{run}");
    assert_eq!(verify(&playground, &["--keys", "a.json", "--key", "key"]).code, 0);
    let json = ["--format", "json"];
    let refused = |options: &[&str], code: &str| {
        let run = verify(&playground, &[options, &json].concat());
        assert_eq!((run.code, codes(&run)), (1, vec![code.to_owned()]), "{run}");
    };
    refused(&["--keys", "b.jwks"], "signature");
    refused(&["--keys", "a.jwks", "--keys", "b.jwks", "--threshold", "2"], "signature");
    refused(&["--keys", "a.jwks", "--boundary", "key"], "boundary");
    refused(&["--keys", "a.jwks", "--boundary", &"0".repeat(64)], "boundary");
    let bare = playground.run(["verify", "proof", "--keys", "a.jwks", "--format", "json"]);
    assert_eq!((bare.code, codes(&bare)), (1, vec!["not-proven".to_owned()]), "{bare}");
}

#[test]
fn several_signers_are_counted_against_the_threshold() {
    let playground = playground();
    if prove(&playground, &["a.json", "b.json"]).is_none() {
        return;
    }
    let both = ["--keys", "a.jwks", "--keys", "b.json", "--threshold", "2"];
    let run = verify(&playground, &both);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("signed by  a-1, b-1"), "{run}");
    assert_eq!(verify(&playground, &["--keys", "b.jwks"]).code, 0);
    for threshold in ["0", "3"] {
        let run = verify(&playground, &[&both[..5], &[threshold]].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    }
}

#[test]
fn a_changed_proof_is_not_signed_any_more_and_is_an_event() {
    let playground = playground();
    if prove(&playground, &["a.json"]).is_none() {
        return;
    }
    let path = playground.path().join("proof");
    let text = fs::read_to_string(&path).unwrap();
    let mut envelope: Value = serde_json::from_str(&text).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let changed = String::from_utf8(payload).unwrap().replace("\"partial\"", "\"proven\"");
    envelope["payload"] = STANDARD.encode(changed).into();
    fs::write(&path, envelope.to_string()).unwrap();
    let run = verify(&playground, &["--keys", "a.jwks", "--events", "events"]);
    assert_eq!(run.code, 1, "{run}");
    assert_snapshot!(run.stdout, @"refused: 0 of 1 needed keys have signed it (signature)");
    let events = fs::read_to_string(playground.path().join("events")).unwrap();
    let event: Value = serde_json::from_str(&events).unwrap();
    assert_eq!(
        (&event["kind"], &event["action"]),
        (&json!("authentication-failed"), &json!("verify"))
    );
    // The control: as it was, it verifies and is no event.
    fs::write(&path, &text).unwrap();
    let run = verify(&playground, &["--keys", "a.jwks", "--events", "events"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fs::read_to_string(playground.path().join("events")).unwrap(), events);
}

#[test]
fn a_signature_under_something_else_proves_no_boundary() {
    const IN_TOTO: &str = "application/vnd.in-toto+json";
    let playground = playground();
    let statement = |changes: &[(&str, Value)]| {
        let mut statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{
                "name": "ringfence.toml", "digest": { "sha256": "0".repeat(64) },
                "annotations": { "role": "boundary" },
            }],
            "predicateType": "https://ringfence.dev/attestation/boundary-proof/v1",
            "predicate": {
                "service": "true",
                "result": { "verdict": "proven", "exitCode": 0, "notProven": [] },
                "made": {
                    "ended": "2026-01-01T00:00:00Z", "host": "h", "kernel": "k", "ringfence": "0",
                },
            },
        });
        for (path, value) in changes {
            *statement.pointer_mut(path).unwrap() = value.clone();
        }
        statement.to_string()
    };
    let verified = |payload_type: &str, payload: &str| {
        signed(&playground, payload_type, payload);
        let run = playground.run(["verify", "proof", "--keys", "a.jwks", "--format", "json"]);
        (run.code, codes(&run))
    };
    assert_eq!(verified(IN_TOTO, &statement(&[])), (0, vec![]), "the control");
    let old = ["verify", "proof", "--keys", "a.jwks", "--max-age", "1h", "--format", "json"];
    assert_eq!(codes(&playground.run(old)), ["age"]);
    let refused = |code: &str| (1, vec![code.to_owned()]);
    assert_eq!(verified("application/json", &statement(&[])), refused("payload-type"));
    for (path, value, code) in [
        ("/predicateType", json!("https://slsa.dev/provenance/v1"), "predicate"),
        ("/_type", json!("https://in-toto.io/Statement/v0.1"), "predicate"),
        ("/predicate/result", json!({}), "predicate"),
        ("/predicate/result/verdict", json!("broken"), "broken"),
        ("/predicate/result/verdict", json!("undecided"), "not-proven"),
        ("/predicate/result/notProven", json!(["files-read"]), "not-proven"),
        ("/predicate/made/ended", json!("2999-01-01T00:00:00Z"), "age"),
        ("/predicate/made/ended", json!("yesterday"), "age"),
        ("/subject/0/annotations/role", json!("lockfile"), "boundary"),
    ] {
        assert_eq!(verified(IN_TOTO, &statement(&[(path, value)])), refused(code), "{path}");
    }
    assert_eq!(verified(IN_TOTO, "nonsense"), refused("predicate"));
    // What it says of itself cannot drive a terminal.
    signed(&playground, IN_TOTO, &statement(&[("/predicate/service", json!("\u{1b}[2J"))]));
    let run = playground.run(["verify", "proof", "--keys", "a.jwks"]);
    assert!(run.code == 0 && !run.stdout.contains('\u{1b}'), "{run}");
}

#[test]
fn what_is_no_attestation_or_no_key_is_an_error_and_a_bare_statement_is_refused() {
    let playground = playground().with("proof", "{}").with("none", "{}");
    for (options, says) in [
        (vec!["proof", "--keys", "a.jwks"], "is no signed statement"),
        (vec!["missing", "--keys", "a.jwks"], "cannot read missing"),
        (vec!["proof", "--keys", "none"], "cannot be used"),
        (vec!["proof", "--keys", "a.jwks", "--keys", "a.json"], "kid is there already"),
        (vec!["proof", "--keys", "a.jwks", "--boundary", "missing"], "cannot read missing"),
        (vec!["proof"], "--keys"),
    ] {
        let run = playground.run(["verify"].iter().chain(&options));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.contains(says), "{says}: {run}");
    }
    fs::write(playground.path().join("proof"), "{\"_type\":\"https://in-toto.io/Statement/v1\"}")
        .unwrap();
    let run = playground.run(["verify", "proof", "--keys", "a.jwks", "--format", "json"]);
    assert_eq!((run.code, codes(&run)), (1, vec!["signature".to_owned()]), "{run}");
}

#[test]
fn a_key_that_cannot_sign_is_told_before_anything_is_attacked() {
    let playground = playground().with("other", &"0".repeat(64));
    fs::set_permissions(playground.path().join("other"), fs::Permissions::from_mode(0o600))
        .unwrap();
    let attest = ["prove", "--attest", "proof"];
    for (options, says) in [
        (vec!["--sign-with", "a.json"], "--sign-key"),
        (vec!["--sign-with", "a.json", "--sign-key", "other"], "another key-encryption key"),
        (vec!["--sign-with", "missing", "--sign-key", "key"], "cannot read missing"),
        (vec!["--sign-with", "aws-kms:x"], "aws-kms:ARN"),
    ] {
        let run = playground.run(attest.iter().chain(&options));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.contains(says), "{says}: {run}");
    }
    assert!(!playground.path().join("proof").exists());
    let run = playground.run(["prove", "--sign-with", "a.json", "--sign-key", "key"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
}
