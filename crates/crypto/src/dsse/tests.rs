//! Statements that verify, and all the ways in which they must not.

use super::*;
use crate::signature::{Algorithm, JwkSet, SigningKey, Window};
use serde_json::{Value, json};

fn set(keys: &[&SigningKey]) -> KeySet {
    let mut set = KeySet::new();
    for key in keys {
        set.add(key.public().unwrap(), Window::default()).unwrap();
    }
    set
}

fn key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::EdDsa, kid).unwrap()
}

#[test]
fn the_example_of_the_protocol_verifies() {
    let pae = pae("http://example.com/HelloWorld", b"hello world");
    assert_eq!(pae, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    let jwks = json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "kid": "example",
        "x": "Z805D3eqNZywjCI19lInBJOp7YMrCrzAH3CVTAOQ0jg",
        "y": "DHgr1U4mkSWkT0Qzr_FDLOlOErynOqZ6yAzqEmCN33Q",
    }] });
    let mut keys = KeySet::new();
    let public = JwkSet::parse(&jwks.to_string()).unwrap().remove(0);
    keys.add(public, Window::default()).unwrap();
    let envelope = r#"{"payload": "aGVsbG8gd29ybGQ=",
        "payloadType": "http://example.com/HelloWorld",
        "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"#;
    let verified = verify(&keys, 1, "http://example.com/HelloWorld", envelope, 0).unwrap();
    assert_eq!((verified.payload.as_slice(), verified.kids.len()), (&b"hello world"[..], 1));
    // Verifiers take either alphabet.
    let url_safe = envelope.replace('+', "-");
    verify(&keys, 1, "http://example.com/HelloWorld", &url_safe, 0).unwrap();
}

#[test]
fn what_was_signed_verifies_with_each_algorithm_and_as_its_own_type_only() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm, "a").unwrap();
        let envelope = sign(&[&key], IN_TOTO, b"{}").unwrap();
        assert_eq!(verify(&set(&[&key]), 1, IN_TOTO, &envelope, 0).unwrap().payload, b"{}");
        let other = verify(&set(&[&key]), 1, "application/json", &envelope, 0);
        assert_eq!(other, Err(DsseError::PayloadType));
        let stranger = super::tests::key("a");
        assert_eq!(
            verify(&set(&[&stranger]), 1, IN_TOTO, &envelope, 0),
            Err(DsseError::Threshold { found: 0, needed: 1 })
        );
    }
}

#[test]
fn neither_type_nor_payload_nor_signature_may_change() {
    let key = key("a");
    let (keys, envelope) = (set(&[&key]), sign(&[&key], IN_TOTO, b"{\"a\":1}").unwrap());
    verify(&keys, 1, IN_TOTO, &envelope, 0).unwrap();
    let with = |path: &str, value: Value| {
        let mut json: Value = serde_json::from_str(&envelope).unwrap();
        *json.pointer_mut(path).unwrap() = value;
        json.to_string()
    };
    let unsigned = Err(DsseError::Threshold { found: 0, needed: 1 });
    assert_eq!(verify(&keys, 1, "x", &with("/payloadType", json!("x")), 0), unsigned);
    assert_eq!(verify(&keys, 1, IN_TOTO, &with("/payload", json!("e30=")), 0), unsigned);
    assert_eq!(verify(&keys, 1, IN_TOTO, &with("/signatures/0/sig", json!("AAAA")), 0), unsigned);
    assert_eq!(
        verify(&keys, 1, IN_TOTO, &with("/signatures", json!([])), 0),
        Err(DsseError::Unsigned)
    );
    // A hint decides nothing.
    verify(&keys, 1, IN_TOTO, &with("/signatures/0/keyid", json!("b")), 0).unwrap();
    let many = vec![json!({ "sig": "AAAA" }); MOST_SIGNATURES + 1];
    for broken in [
        with("/signatures", many.into()),
        with("/payload", json!("***")),
        String::new(),
        "[]".to_owned(),
        envelope[..envelope.len() - 1].to_owned(),
    ] {
        let refused = verify(&keys, 1, IN_TOTO, &broken, 0).unwrap_err();
        assert!(matches!(refused, DsseError::Malformed(_)), "{refused}");
    }
    let bare = r#"{"_type":"https://in-toto.io/Statement/v1"}"#;
    assert_eq!(verify(&keys, 1, IN_TOTO, bare, 0), Err(DsseError::Unsigned));
    let long = " ".repeat(LONGEST + 1);
    assert_eq!(verify(&keys, 1, IN_TOTO, &long, 0), Err(DsseError::TooLong));
}

#[test]
fn a_threshold_counts_each_key_once_and_only_in_its_window() {
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let keys = set(&[&a, &b, &c]);
    let both = sign(&[&a, &b], IN_TOTO, b"{}").unwrap();
    assert_eq!(verify(&keys, 2, IN_TOTO, &both, 0).unwrap().kids, ["a", "b"]);
    let missing = Err(DsseError::Threshold { found: 2, needed: 3 });
    assert_eq!(verify(&keys, 3, IN_TOTO, &both, 0), missing);
    let twice = sign(&[&a, &a], IN_TOTO, b"{}").unwrap();
    let once = Err(DsseError::Threshold { found: 1, needed: 2 });
    assert_eq!(verify(&keys, 2, IN_TOTO, &twice, 0), once);
    let mut again = a.public().unwrap().to_jwk();
    again.kid = Some("alias".to_owned());
    let mut aliased = set(&[&a]);
    aliased
        .add(crate::signature::VerifyingKey::from_jwk(&again).unwrap(), Window::default())
        .unwrap();
    assert_eq!(verify(&aliased, 2, IN_TOTO, &both, 0), once, "one key under two names");
    for threshold in [0, 4] {
        let refused = verify(&keys, threshold, IN_TOTO, &both, 0);
        assert_eq!(refused, Err(DsseError::NoThreshold));
    }
    let mut ended = KeySet::new();
    ended.add(a.public().unwrap(), Window { from: None, until: Some(100) }).unwrap();
    verify(&ended, 1, IN_TOTO, &both, 99).unwrap();
    verify(&ended, 1, IN_TOTO, &both, 100).unwrap_err();
    assert_eq!(sign(&[], IN_TOTO, b"{}"), Err(DsseError::Unsigned));
}

#[test]
fn a_statement_is_about_what_was_asked_for() {
    let hash = "ab".repeat(32);
    let statement = |changes: &[(&str, Value)]| {
        let mut json = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                { "name": "ringfence.toml", "digest": { "sha256": hash },
                  "annotations": { "role": "boundary" } },
                { "name": "x", "digest": { "sha256": "00".repeat(32) } },
            ],
            "predicateType": "https://a.test/v1",
            "predicate": { "service": "orders" },
        });
        for (path, value) in changes {
            *json.pointer_mut(path).unwrap() = value.clone();
        }
        json.to_string().into_bytes()
    };
    let read =
        |changes: &[(&str, Value)]| Statement::read(&statement(changes), "https://a.test/v1");
    let good = read(&[]).unwrap();
    good.check_subject("boundary", &hash).unwrap();
    assert_eq!(good.of_role("boundary").unwrap().name, "ringfence.toml");
    for (role, digest) in [("boundary", "00".repeat(32)), ("lockfile", hash.clone())] {
        assert_eq!(good.check_subject(role, &digest), Err(StatementError::Subject));
    }
    let two = read(&[(
        "/subject/1",
        json!({
        "digest": { "sha256": hash }, "annotations": { "role": "boundary" } }),
    )]);
    assert_eq!(two.unwrap().check_subject("boundary", &hash), Err(StatementError::Subject));
    assert_eq!(
        Statement::read(&statement(&[]), "https://a.test/v2"),
        Err(StatementError::Predicate)
    );
    for changes in [
        [("/_type", json!("https://in-toto.io/Statement/v0.1"))],
        [("/subject", json!([]))],
        [("/subject/0/digest", json!({}))],
        [("/subject/0/digest/sha256", json!("AB".repeat(32)))],
        [("/predicateType", Value::Null)],
    ] {
        assert!(matches!(read(&changes), Err(StatementError::Malformed(_))), "{changes:?}");
    }
}
