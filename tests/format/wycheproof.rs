//! Project Wycheproof's vectors: each is accepted or refused as it is labelled.
//!
//! They are not part of this repository. [`SETS`] names every file, and why one is not run.

use ringfence_crypto::Secret;
use ringfence_crypto::envelope::{self, EnvelopeError, Key};
use ringfence_crypto::mac::MacKey;
use ringfence_crypto::signature::{self, Jwk, JwkSet, KeySet, VerifyingKey, Window};
use ringfence_tests::{not_run, workspace};
use serde_json::{Value, json};

/// Every set that lies there, and why it is not run where it is not.
const SETS: [(&str, Option<&str>); 16] = [
    ("aes_gcm_test.json", None),
    ("chacha20_poly1305_test.json", Some("envelopes are sealed with A256GCM alone")),
    ("ecdsa_secp256r1_sha256_p1363_test.json", None),
    ("ecdsa_secp256r1_sha256_test.json", Some("JWS has signatures of 64 bytes and never DER")),
    ("ed25519_test.json", None),
    ("hkdf_sha256_test.json", Some("no key is derived from another")),
    ("hmac_sha256_test.json", None),
    ("json_web_crypto_test.json", None),
    ("json_web_encryption_test.json", None),
    ("json_web_key_test.json", None),
    ("json_web_signature_test.json", None),
    ("rsa_pss_2048_sha256_mgf1_32_params_test.json", None),
    ("rsa_pss_2048_sha256_mgf1_32_test.json", None),
    ("rsa_pss_3072_sha256_mgf1_32_params_test.json", None),
    ("rsa_pss_3072_sha256_mgf1_32_test.json", None),
    ("rsa_pss_4096_sha256_mgf1_32_test.json", None),
];

#[test]
fn every_set_that_lies_there_is_run_or_left_out_for_a_reason() {
    let folder = workspace::root().join("../shared/corpora/wycheproof");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return not_run(&format!("Wycheproof's vectors are not at {}", folder.display()));
    };
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut there: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    there.sort();
    assert_eq!(there, SETS.map(|(name, _)| name));
    let own = include_str!("wycheproof.rs");
    for (name, left_out) in SETS {
        // Named here, and once more where it is run: those of RSA by their sizes.
        let run = own.matches(&format!("\"{name}\"")).count() > 1 || name.starts_with("rsa_pss_");
        assert_eq!(run, left_out.is_none(), "{name}");
    }
}

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

/// The key of a group: as JSON where the set has it, else out of its numbers.
fn public_key(group: &Value) -> Value {
    use base64::Engine as _;
    if let Some(jwk) = group.get("publicKeyJwk") {
        return jwk.clone();
    }
    let key = &group["publicKey"];
    let number = |name: &str| {
        let bytes = bytes(&key[name]);
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or_default();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes[first..])
    };
    if group["type"] == "EcdsaP1363Verify" {
        return json!({ "kty": "EC", "crv": "P-256", "x": number("wx"), "y": number("wy") });
    }
    json!({ "kty": "RSA", "alg": "PS256", "n": number("modulus"), "e": number("publicExponent") })
}

/// Tries every signature of a set; returns how many fit and how many did not.
fn signatures(groups: &[Value]) -> (usize, usize) {
    let (mut fit, mut refused) = (0, 0);
    for group in groups {
        let mut jwk = public_key(group);
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
    let (fit, refused) = signatures(&groups);
    assert!(fit > 20 && refused > 20, "{fit} fit, {refused} refused");
}

#[test]
fn p_256_signatures_verify_as_labelled() {
    let Some(groups) = groups("ecdsa_secp256r1_sha256_p1363_test.json") else { return };
    let (fit, refused) = signatures(&groups);
    assert!(fit > 20 && refused > 20, "{fit} fit, {refused} refused");
}

#[test]
fn rsa_pss_signatures_verify_as_labelled() {
    for set in ["2048", "2048_params", "3072", "3072_params", "4096"] {
        let (bits, params) = set.split_once('_').unwrap_or((set, ""));
        let params = if params.is_empty() { "" } else { "_params" };
        let file = format!("rsa_pss_{bits}_sha256_mgf1_32{params}_test.json");
        let Some(groups) = groups(&file) else { return };
        let (fit, refused) = signatures(&groups);
        assert!(fit > 5 && refused > 5, "{set}: {fit} fit, {refused} refused");
    }
}

#[test]
fn tags_of_hmac_sha256_verify_as_labelled_and_short_ones_never() {
    let Some(groups) = groups("hmac_sha256_test.json") else { return };
    let (mut fit, mut refused) = (0, 0);
    for (group, test) in groups.iter().flat_map(|g| tests(g).iter().map(move |test| (g, test))) {
        let key = MacKey::new(&Secret::new(bytes(&test["key"]))).unwrap();
        let verified = key.verify(&bytes(&test["msg"]), &bytes(&test["tag"]));
        // Tags of 128 bits are labelled valid where they are the beginning of one: here they are none.
        assert_eq!(verified, is_valid(test) && group["tagSize"] == 256, "{test}");
        *(if verified { &mut fit } else { &mut refused }) += 1;
    }
    assert!(fit > 15 && refused > 50, "{fit} fit, {refused} refused");
}

/// None of them is `dir` with A256GCM under a key of 256 bits: what is valid elsewhere is told as
/// another algorithm, and what is broken is not opened in passing.
#[test]
fn sealed_texts_of_other_algorithms_are_not_opened() {
    let mut asked = 0;
    for file in ["json_web_encryption_test.json", "json_web_crypto_test.json"] {
        let Some(groups) = groups(file) else { return };
        for (group, test) in groups.iter().flat_map(|g| tests(g).iter().map(move |t| (g, t))) {
            let Some(jwe) = test.get("jwe").and_then(Value::as_str) else { continue };
            let kid = group["private"]["kid"].as_str().unwrap_or("vector");
            let key = Key::new(kid, &Secret::new(vec![7; 32]), 0).unwrap();
            let refused = envelope::open(&[&key], b"", jwe).unwrap_err();
            if is_valid(test) {
                assert_eq!(refused, EnvelopeError::Algorithm, "{file} {}", test["tcId"]);
            }
            asked += 1;
        }
    }
    assert!(asked > 80, "{asked}");
}

/// Sets of keys: none has a key that is accepted and a text that is valid, so nothing verifies. Those
/// labelled valid are RS256 and HS512.
#[test]
fn sets_of_keys_verify_nothing_that_is_not_of_an_accepted_key() {
    let Some(groups) = groups("json_web_key_test.json") else { return };
    for group in &groups {
        let set = group.get("public").or_else(|| group.get("private")).unwrap();
        let keys = JwkSet::parse(&set.to_string());
        for test in tests(group) {
            let verified = keys.as_ref().map_err(Clone::clone).and_then(|keys| {
                let mut known = KeySet::new();
                for key in keys {
                    known.add(key.clone(), Window::default())?;
                }
                signature::verify(&known, test["jws"].as_str().unwrap(), 0)
            });
            verified.expect_err(&format!("{}", test["tcId"]));
        }
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
