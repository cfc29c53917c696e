//! Project Wycheproof's vectors: each is accepted or refused as it is labelled.
//!
//! They are not part of this repository. Sets of primitives that nothing here offers by itself
//! (ChaCha20-Poly1305, HKDF, DER signatures) are not read.

use ringfence_crypto::Secret;
use ringfence_crypto::envelope::{self, Key};
use ringfence_crypto::signature::{self, Jwk, KeySet, VerifyingKey, Window};
use ringfence_tests::{not_run, workspace};
use serde_json::{Value, json};

/// The groups of a set, or `None` where the vectors are not.
fn groups(file: &str) -> Option<Vec<Value>> {
    let path = workspace::root().join("../shared/corpora/wycheproof").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        not_run(&format!("Wycheproof's vectors are not at {}", path.display()));
        return None;
    };
    let set: Value = serde_json::from_str(&text).unwrap();
    Some(set["testGroups"].as_array().unwrap().clone())
}

fn tests(group: &Value) -> &[Value] {
    group["tests"].as_array().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn is_valid(test: &Value) -> bool {
    test["result"] == "valid"
}

#[test]
fn aes_256_gcm_opens_what_is_valid_and_nothing_else() {
    let Some(groups) = groups("aes_gcm_test.json") else { return };
    let (mut opened, mut refused) = (0, 0);
    for (group, test) in groups.iter().flat_map(|g| tests(g).iter().map(move |test| (g, test))) {
        let usual = group["ivSize"] == 96 && group["keySize"] == 256;
        let Ok(key) = Key::new("vector", &Secret::new(bytes(&test["key"])), 0) else {
            assert_ne!(group["keySize"], 256, "{test}");
            continue;
        };
        let found = envelope::open_manual(&key, &bytes(&test["aad"]), &older_form(test));
        match found {
            Ok(found) => {
                assert!(usual && is_valid(test), "{test}");
                assert_eq!(found.expose(), bytes(&test["msg"]), "{test}");
                opened += 1;
            }
            Err(why) => {
                assert!(!(usual && is_valid(test)), "{why}: {test}");
                refused += 1;
            }
        }
    }
    assert!(opened > 15 && refused > 30, "{opened} opened, {refused} refused");
}

/// A vector in the form that carries additional data as the caller gives it.
fn older_form(test: &Value) -> String {
    use base64::Engine as _;
    let part = |name: &str| base64::engine::general_purpose::STANDARD.encode(bytes(&test[name]));
    json!({ "iv": part("iv"), "ciphertext": part("ct"), "tag": part("tag") }).to_string()
}

/// Tries every signature of a set; returns how many fit and how many did not.
fn signatures(groups: &[Value], key: impl Fn(&Value) -> Option<Value>) -> (usize, usize) {
    let (mut fit, mut refused) = (0, 0);
    for group in groups {
        let Some(mut jwk) = key(group) else { continue };
        jwk["kid"] = "vector".into();
        let jwk: Jwk = serde_json::from_value(jwk).unwrap();
        let key = VerifyingKey::from_jwk(&jwk).unwrap();
        for test in tests(group) {
            let verified = key.verify(&bytes(&test["msg"]), &bytes(&test["sig"]));
            assert_eq!(verified.is_ok(), is_valid(test), "{test}");
            *(if verified.is_ok() { &mut fit } else { &mut refused }) += 1;
        }
    }
    (fit, refused)
}

#[test]
fn ed25519_signatures_verify_as_labelled() {
    let Some(groups) = groups("ed25519_test.json") else { return };
    let (fit, refused) = signatures(&groups, |group| Some(group["publicKeyJwk"].clone()));
    assert!(fit > 20 && refused > 20, "{fit} fit, {refused} refused");
}

#[test]
fn p_256_signatures_verify_as_labelled() {
    let Some(groups) = groups("ecdsa_secp256r1_sha256_p1363_test.json") else { return };
    let jwk = |group: &Value| group.get("publicKeyJwk").cloned();
    let (fit, refused) = signatures(&groups, jwk);
    assert!(fit > 20 && refused > 20, "{fit} fit, {refused} refused");
}

#[test]
fn rsa_pss_signatures_verify_as_labelled() {
    for bits in [2048, 3072, 4096] {
        let Some(groups) = groups(&format!("rsa_pss_{bits}_sha256_mgf1_32_test.json")) else {
            return;
        };
        let (fit, refused) = signatures(&groups, |group| group.get("publicKeyJwk").cloned());
        assert!(fit > 5 && refused > 5, "{bits}: {fit} fit, {refused} refused");
    }
}

#[test]
fn signed_texts_verify_as_labelled_where_their_algorithm_is_accepted() {
    for file in ["json_web_signature_test.json", "json_web_crypto_test.json"] {
        let Some(groups) = groups(file) else { return };
        for group in &groups {
            let key = group.get("public").or_else(|| group.get("private")).unwrap();
            for test in tests(group) {
                // A symmetric or another key never becomes one: then nothing of its group verifies.
                let jws = test["jws"].as_str().unwrap_or_default();
                let verified = verify(key, jws);
                let accepted = matches!(key["alg"].as_str(), Some("ES256" | "PS256" | "EdDSA"));
                if is_valid(test) && accepted && names_its_own(key, jws) {
                    verified.unwrap_or_else(|why| panic!("{file} {}: {why}", test["tcId"]));
                } else {
                    verified.expect_err(&format!("{file} {}", test["tcId"]));
                }
            }
        }
    }
}

fn verify(key: &Value, jws: &str) -> Result<(), signature::SignatureError> {
    let jwk: Jwk = serde_json::from_value(key.clone())
        .map_err(|_| signature::SignatureError::Malformed("no key"))?;
    let mut keys = KeySet::new();
    keys.add(VerifyingKey::from_jwk(&jwk)?, Window::default())?;
    signature::verify(&keys, jws, 0).map(|_| ())
}

/// Whether the header names the algorithm that its key is for. Two vectors are signed with PS384
/// under a key for PS256 and labelled valid: here a key has one algorithm.
fn names_its_own(key: &Value, jws: &str) -> bool {
    use base64::Engine as _;
    let header = jws.split('.').next().unwrap_or_default();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header);
    let header = header.ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    header.is_some_and(|header| header["alg"] == key["alg"])
}
