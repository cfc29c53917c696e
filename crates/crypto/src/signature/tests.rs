//! Signatures that fit, and all the ways in which they must not.

use super::*;
use crate::secret::Secret;
use std::time::Duration;

fn set(keys: &[&SigningKey]) -> KeySet {
    let mut set = KeySet::new();
    for key in keys {
        set.add(key.public().unwrap(), Window::default()).unwrap();
    }
    set
}

#[test]
fn what_was_signed_verifies_with_each_algorithm_after_a_journey_as_pkcs8_and_jwk() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm, "2026-11").unwrap();
        let der = key.to_pkcs8().unwrap();
        let key = SigningKey::from_pkcs8(algorithm, "2026-11", &der).unwrap();
        let jws = sign(&key, Some("JWT"), b"paid").unwrap();
        let json = serde_json::to_string(&JwkSet { keys: vec![key.public().unwrap().to_jwk()] });
        let public = JwkSet::parse(&json.unwrap()).unwrap().remove(0);
        assert_eq!(public, key.public().unwrap());
        let mut keys = KeySet::new();
        keys.add(public, Window::default()).unwrap();
        let verified = verify(&keys, &jws, 0).unwrap();
        assert_eq!(verified.payload, b"paid");
        assert_eq!((verified.kid.as_str(), verified.kind.as_deref()), ("2026-11", Some("JWT")));
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            SigningKey::from_pkcs8(other, "x", &der).unwrap_err();
        }
    }
}

#[test]
fn no_letter_of_a_signed_text_may_change() {
    let key = SigningKey::generate(Algorithm::EdDsa, "a").unwrap();
    let (keys, jws) = (set(&[&key]), sign(&key, None, b"paid").unwrap());
    verify(&keys, &jws, 0).unwrap();
    for at in 0..jws.len() {
        let mut other = jws.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        assert!(verify(&keys, &String::from_utf8(other).unwrap(), 0).is_err(), "letter {at}");
        assert!(verify(&keys, &jws[..at], 0).is_err(), "cut at {at}");
    }
}

#[test]
fn the_header_never_chooses_the_algorithm() {
    let key = SigningKey::generate(Algorithm::Es256, "a").unwrap();
    let keys = set(&[&key]);
    let jws = sign(&key, None, b"paid").unwrap();
    let rest = jws.split_once('.').unwrap().1;
    for (header, refused) in [
        (r#"{"alg":"none","kid":"a"}"#, SignatureError::Algorithm),
        (r#"{"alg":"HS256","kid":"a"}"#, SignatureError::Algorithm),
        (r#"{"alg":"es256","kid":"a"}"#, SignatureError::Algorithm),
        (r#"{"alg":"EdDSA","kid":"a"}"#, SignatureError::Algorithm),
        (r#"{"alg":"ES256","kid":"b"}"#, SignatureError::UnknownKey),
    ] {
        let forged = format!("{}.{rest}", text::encode(header.as_bytes()));
        assert_eq!(verify(&keys, &forged, 0).unwrap_err(), refused, "{header}");
    }
    for header in [
        r#"{"alg":"ES256","kid":"a","crit":["b64"],"b64":false}"#,
        r#"{"alg":"ES256","kid":"a","jwk":{}}"#,
        r#"{"alg":"ES256","kid":"a","kid":"a"}"#,
        "{}",
        "[]",
    ] {
        let forged = format!("{}.{rest}", text::encode(header.as_bytes()));
        let refused = verify(&keys, &forged, 0).unwrap_err();
        assert!(matches!(refused, SignatureError::Malformed(_)), "{header}: {refused}");
    }
}

#[test]
fn two_keys_overlap_and_a_key_outside_its_window_does_not_verify() {
    let old = SigningKey::generate(Algorithm::EdDsa, "old").unwrap();
    let new = SigningKey::generate(Algorithm::EdDsa, "new").unwrap();
    let mut keys = KeySet::new();
    keys.add(old.public().unwrap(), Window { from: None, until: Some(200) }).unwrap();
    keys.add(new.public().unwrap(), Window { from: Some(100), until: None }).unwrap();
    keys.add(new.public().unwrap(), Window::default()).unwrap_err();
    let (by_old, by_new) = (sign(&old, None, b"x").unwrap(), sign(&new, None, b"x").unwrap());
    for (now, old_counts, new_counts) in [(99, true, false), (150, true, true), (200, false, true)]
    {
        assert_eq!(verify(&keys, &by_old, now).is_ok(), old_counts, "{now}");
        assert_eq!(verify(&keys, &by_new, now).is_ok(), new_counts, "{now}");
    }
    assert_eq!(verify(&keys, &by_old, 200), Err(SignatureError::OutsideWindow));
}

#[test]
fn sets_with_private_symmetric_double_or_foreign_keys_are_refused() {
    let key = SigningKey::generate(Algorithm::Es256, "a").unwrap().public().unwrap().to_jwk();
    let json = serde_json::to_value(key).unwrap();
    let with = |changes: &[(&str, serde_json::Value)]| {
        let mut key = json.clone();
        for (name, value) in changes {
            key[*name] = value.clone();
        }
        serde_json::json!({ "keys": [key] }).to_string()
    };
    JwkSet::parse(&with(&[])).unwrap();
    for changes in [
        vec![("d", "AAAA".into())],
        vec![("k", "AAAA".into())],
        vec![("kty", "oct".into())],
        vec![("alg", "HS256".into())],
        vec![("alg", "none".into())],
        vec![("crv", "P-384".into())],
        vec![("use", "enc".into())],
        vec![("kid", serde_json::Value::Null)],
        vec![("x", "AAAA".into())],
        vec![("x", json["y"].clone())],
    ] {
        assert!(JwkSet::parse(&with(&changes)).is_err(), "{changes:?}");
    }
    JwkSet::parse(&serde_json::json!({ "keys": [json, json] }).to_string()).unwrap_err();
    JwkSet::parse(r#"{"keys":[]}"#).unwrap_err();
    SigningKey::from_pkcs8(Algorithm::EdDsa, "a", &Secret::new(vec![0; 48])).unwrap_err();
}

#[test]
fn claims_count_for_their_audience_and_time_only() {
    let expected = Expected {
        issuer: "https://id.example",
        audience: "orders",
        skew: Duration::from_secs(30),
        life: Duration::from_hours(1),
    };
    let claims = |changes: &[(&str, serde_json::Value)]| {
        let mut claims = serde_json::json!({
            "iss": "https://id.example", "aud": "orders", "iat": 1000, "exp": 1600, "sub": "alice",
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        claims.to_string().into_bytes()
    };
    let good = Claims::check(&claims(&[]), &expected, 1200).unwrap();
    assert_eq!(good.sub.as_deref(), Some("alice"));
    Claims::check(&claims(&[("aud", serde_json::json!(["x", "orders"]))]), &expected, 1200)
        .unwrap();
    Claims::check(&claims(&[]), &expected, 1629).unwrap();
    Claims::check(&claims(&[]), &expected, 970).unwrap();
    for (changes, now) in [
        (vec![], 1630),
        (vec![], 969),
        (vec![("iss", "https://id.example/".into())], 1200),
        (vec![("aud", "order".into())], 1200),
        (vec![("aud", serde_json::json!([]))], 1200),
        (vec![("nbf", 1231.into())], 1200),
        (vec![("exp", 4601.into())], 1200),
        (vec![("exp", serde_json::Value::Null)], 1200),
        (vec![("exp", "1600".into())], 1200),
    ] {
        assert!(Claims::check(&claims(&changes), &expected, now).is_err(), "{changes:?} {now}");
    }
}

/// The fourteen encodings of points of small order, in hexadecimal (libsodium's list, with either sign).
fn points_of_small_order() -> Vec<[u8; 32]> {
    let eight = [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let ends =
        |lowest: &str, rest: &str, highest: &str| format!("{lowest}{}{highest}", rest.repeat(30));
    let mut all: Vec<String> = eight.into_iter().map(str::to_owned).collect();
    all.extend([ends("00", "00", "00"), ends("01", "00", "00")]);
    all.extend(["ec", "ed", "ee"].map(|lowest| ends(lowest, "ff", "7f")));
    let point = |hex: &String| -> [u8; 32] {
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    };
    let plain: Vec<_> = all.iter().map(point).collect();
    let signed = plain.iter().map(|point| {
        let mut point = *point;
        point[31] |= 0x80;
        point
    });
    signed.chain(plain.iter().copied()).collect()
}

#[test]
fn a_key_under_which_anything_verifies_is_refused_however_it_is_written() {
    let read = |point: &[u8]| {
        let x = crate::text::encode(point);
        let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"a","x":"{x}"}}"#);
        JwkSet::parse(&format!(r#"{{"keys":[{key}]}}"#))
    };
    let points = points_of_small_order();
    assert_eq!(points.len(), 14);
    for point in points {
        let refused = read(&point).unwrap_err();
        assert!(refused.to_string().contains("small order"), "{point:02x?}: {refused}");
    }
    // The danger itself: R the neutral point and S zero, with no private key at all.
    let mut neutral = [0_u8; 32];
    neutral[0] = 1;
    let forged = [neutral, [0; 32]].concat();
    let bare =
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, neutral);
    bare.verify(b"whatever", &forged).unwrap();
    // The control: a key that somebody has.
    let key = SigningKey::generate(Algorithm::EdDsa, "a").unwrap();
    let x = crate::text::decode(key.public().unwrap().to_jwk().x.as_deref().unwrap()).unwrap();
    read(&x).unwrap()[0].verify(b"paid", &key.sign(b"paid").unwrap()).unwrap();
}
