//! `keyring create`, `list`, `rotate`, `retire` and `jwks`.

use super::{crypto, playground, refused, ring};
use ringfence_tests::command::{Playground, Run};
use serde_json::Value;
use std::fs;

fn keyring(playground: &Playground, verb: &str, more: &[&str]) -> Run {
    crypto(playground, &[&["keyring", verb, "--keyring", "ring"][..], more].concat(), "")
}

fn states(playground: &Playground) -> Vec<(String, String)> {
    let run = keyring(playground, "list", &["--format", "json"]);
    let listed: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keys = listed["keys"].as_array().unwrap();
    keys.iter().map(|key| (text(&key["kid"]), text(&key["state"]))).collect()
}

/// A ring whose steps follow at once.
fn quick(playground: &Playground, kind: &str) {
    // Less than a second counts as none.
    let none = ["--token-life", "1h", "--skew", "1ms", "--cache", "1ms"];
    let create = ["--key", "key", "--name", "test", "--kind", kind];
    let run = keyring(playground, "create", &[&create[..], &none].concat());
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_ring_is_made_once_with_a_key_in_use() {
    let playground = playground();
    ring(&playground, "ring", "es256");
    let listed = states(&playground);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].0, "test-1");
    let before = fs::read(playground.path().join("ring")).unwrap();
    let again = keyring(&playground, "create", &["--key", "key", "--name", "x", "--kind", "eddsa"]);
    refused(&again, 2, &[]);
    assert_eq!(fs::read(playground.path().join("ring")).unwrap(), before);
}

#[test]
fn a_step_that_would_break_verification_is_refused_with_its_time_and_changes_nothing() {
    let playground = playground();
    ring(&playground, "ring", "eddsa");
    let run = keyring(&playground, "rotate", &["--key", "key"]);
    assert!(run.code == 0 && run.stdout.starts_with("published: test-2\n"), "{run}");
    let before = fs::read(playground.path().join("ring")).unwrap();
    for (verb, more) in [("rotate", &["--key", "key"][..]), ("retire", &["test-1", "--key", "key"])]
    {
        let run = keyring(&playground, verb, more);
        refused(&run, 2, &[]);
        assert_eq!(fs::read(playground.path().join("ring")).unwrap(), before, "{verb}");
    }
    let run = keyring(&playground, "rotate", &["--key", "key"]);
    assert!(run.stderr.contains("hint: possible in "), "{run}");
}

#[test]
fn what_the_older_key_signed_verifies_until_it_is_retired() {
    let playground = playground();
    quick(&playground, "eddsa");
    let sign = ["sign", "--keyring", "ring", "--key", "key"];
    let signed = crypto(&playground, &sign, "payload").stdout;
    for state in ["published: test-2\n", "in use: test-2\n"] {
        let run = keyring(&playground, "rotate", &["--key", "key"]);
        assert!(run.code == 0 && run.stdout.starts_with(state), "{run}");
    }
    let verify = ["verify", "--keyring", "ring"];
    assert_eq!(crypto(&playground, &verify, &signed).code, 0, "it overlaps");
    let run = keyring(&playground, "retire", &["test-1", "--key", "key", "--destroy"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "retired: test-1\n"), "{run}");
    assert_eq!(crypto(&playground, &verify, &signed).code, 1);
    let newer = crypto(&playground, &sign, "payload").stdout;
    assert_eq!(crypto(&playground, &verify, &newer).code, 0, "control");
    let jwks: Value = serde_json::from_str(&keyring(&playground, "jwks", &[]).stdout).unwrap();
    let kids: Vec<_> = jwks["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids, ["test-2"]);
}

#[test]
fn with_another_key_no_step_is_taken() {
    let playground = playground();
    quick(&playground, "eddsa");
    let before = fs::read(playground.path().join("ring")).unwrap();
    refused(&keyring(&playground, "rotate", &["--key", "other.key"]), 2, &[]);
    assert_eq!(fs::read(playground.path().join("ring")).unwrap(), before);
    assert_eq!(keyring(&playground, "rotate", &["--key", "key"]).code, 0, "control");
}

#[test]
fn a_key_that_is_not_there_or_still_in_use_is_not_retired() {
    let playground = playground();
    quick(&playground, "eddsa");
    for kid in ["test-1", "test-9", "", "\u{202e}"] {
        let run = keyring(&playground, "retire", &[kid, "--key", "key"]);
        refused(&run, 2, &["\u{202e}"]);
    }
    assert_eq!(states(&playground).len(), 1);
}

#[test]
fn a_ring_that_somebody_broke_is_refused_by_every_verb_and_left_as_it_is() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    let path = playground.path().join("ring");
    let whole = fs::read_to_string(&path).unwrap();
    let unknown = whole.replacen("\"schema\": ", "\"schema\": 9", 1);
    assert_ne!(unknown, whole);
    for broken in ["", "{}", "null", "\u{202e}", &whole[..whole.len() / 2], &unknown] {
        fs::write(&path, broken).unwrap();
        for (verb, more) in [
            ("list", &[][..]),
            ("jwks", &[]),
            ("rotate", &["--key", "key"]),
            ("retire", &["test-1", "--key", "key"]),
        ] {
            refused(&keyring(&playground, verb, more), 2, &["\u{202e}"]);
        }
        refused(&crypto(&playground, &["seal", "--keyring", "ring", "--key", "key"], "x"), 2, &[]);
        assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(keyring(&playground, "list", &[]).code, 0, "control");
}
