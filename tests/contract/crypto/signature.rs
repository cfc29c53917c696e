//! `sign` and `verify`.

use super::{crypto, playground, refused, ring, silent};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ringfence_tests::command::{Playground, Run};
use std::fs;

fn sign(playground: &Playground, ring: &str, payload: impl AsRef<[u8]>) -> Run {
    crypto(playground, &["sign", "--keyring", ring, "--key", "key", "--type", "JWT"], payload)
}

fn verify(playground: &Playground, ring: &str, signed: impl AsRef<[u8]>) -> Run {
    crypto(playground, &["verify", "--keyring", ring], signed)
}

/// The public keys in a file.
fn jwks(playground: &Playground, ring: &str) -> String {
    let run = crypto(playground, &["keyring", "jwks", "--keyring", ring], "");
    assert_eq!(run.code, 0, "{run}");
    let name = format!("{ring}.jwks");
    fs::write(playground.path().join(&name), &run.stdout).unwrap();
    name
}

#[test]
fn what_is_signed_verifies_with_the_ring_and_with_its_public_keys_alone() {
    let playground = playground();
    for kind in ["eddsa", "es256", "ps256"] {
        ring(&playground, kind, kind);
        let signed = sign(&playground, kind, "{\"sub\":\"ada\"}");
        assert_eq!((signed.code, signed.stderr.as_str()), (0, ""), "{signed}");
        let run = verify(&playground, kind, &signed.stdout);
        assert_eq!((run.code, run.stdout.as_str()), (0, "{\"sub\":\"ada\"}"), "{run}");
        let public = jwks(&playground, kind);
        let run = crypto(&playground, &["verify", "--jwks", &public], &signed.stdout);
        assert_eq!((run.code, run.stdout.as_str()), (0, "{\"sub\":\"ada\"}"), "{run}");
    }
}

#[test]
fn the_private_half_is_in_no_public_set_and_in_no_ring_as_it_is() {
    let playground = playground();
    ring(&playground, "ring", "eddsa");
    let public: serde_json::Value = serde_json::from_slice(
        &fs::read(playground.path().join(jwks(&playground, "ring"))).unwrap(),
    )
    .unwrap();
    let key = public["keys"][0].as_object().unwrap();
    for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(!key.contains_key(private), "{private}");
    }
    let kept = fs::read_to_string(playground.path().join("ring")).unwrap();
    assert!(!kept.contains("PRIVATE") && !kept.contains("\"d\""), "{kept}");
}

#[test]
fn another_key_payload_signature_or_algorithm_is_refused_with_1_and_nothing_is_printed() {
    let playground = playground();
    for (name, kind) in [("ring", "eddsa"), ("other", "eddsa"), ("curve", "es256")] {
        ring(&playground, name, kind);
    }
    let signed = sign(&playground, "ring", "SECRET").stdout.trim_end().to_owned();
    assert_eq!(verify(&playground, "ring", &signed).code, 0, "control");
    for other in ["other", "curve"] {
        refused(&verify(&playground, other, &signed), 1, &["SECRET"]);
    }
    let parts: Vec<&str> = signed.split('.').collect();
    let header = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let with =
        |header: &str, payload: &str, signature: &str| format!("{header}.{payload}.{signature}");
    let kid = "test-1";
    for broken in [
        with(&header(&format!("{{\"alg\":\"none\",\"kid\":\"{kid}\"}}")), parts[1], ""),
        with(&header(&format!("{{\"alg\":\"none\",\"kid\":\"{kid}\"}}")), parts[1], parts[2]),
        with(&header(&format!("{{\"alg\":\"HS256\",\"kid\":\"{kid}\"}}")), parts[1], parts[2]),
        with(&header(&format!("{{\"alg\":\"RS256\",\"kid\":\"{kid}\"}}")), parts[1], parts[2]),
        with(&header(&format!("{{\"alg\":\"ES256\",\"kid\":\"{kid}\"}}")), parts[1], parts[2]),
        with(&header("{\"alg\":\"EdDSA\",\"kid\":\"\u{202e}\"}"), parts[1], parts[2]),
        with(parts[0], &header("other"), parts[2]),
        with(parts[0], parts[1], &parts[2][..40]),
        with(parts[0], parts[1], ""),
        format!("{signed}.AAAA"),
        signed[..signed.len() - 2].to_owned(),
        String::new(),
        "..".to_owned(),
        "\u{202e}SECRET".to_owned(),
    ] {
        refused(&verify(&playground, "ring", &broken), 1, &["SECRET", "\u{202e}"]);
    }
}

#[test]
fn a_jws_that_is_too_long_or_no_text_is_refused() {
    let playground = playground();
    ring(&playground, "ring", "eddsa");
    let long = verify(&playground, "ring", "SECRET.".repeat(400_000));
    assert!(long.code == 1 || long.code == 2, "{long}");
    assert_eq!(long.stdout, "");
    silent(&long, &["SECRET"]);
    refused(&verify(&playground, "ring", b"\xff\xfe"), 2, &[]);
}

#[test]
fn a_key_for_envelopes_signs_nothing_and_with_another_key_nothing_is_signed() {
    let playground = playground();
    ring(&playground, "seals", "a256gcm");
    refused(&sign(&playground, "seals", "SECRET"), 2, &["SECRET"]);
    ring(&playground, "ring", "eddsa");
    let other = ["sign", "--keyring", "ring", "--key", "other.key"];
    refused(&crypto(&playground, &other, "SECRET"), 2, &["SECRET"]);
    assert_eq!(sign(&playground, "ring", "SECRET").code, 0, "control");
}
