//! The life of keys, step by step, and the steps that are refused.

use super::*;
use crate::envelope::{self, Key};
use crate::secret::Secret;
use crate::signature;

const DAY: u64 = 86_400;

fn wrap(byte: u8) -> Key {
    Key::new("wrap", &Secret::new(vec![byte; 32]), 0).unwrap()
}

fn ring(kind: Kind) -> Keyring {
    Keyring::create("jwt", kind, Policy::default(), &wrap(1), 0).unwrap()
}

fn signed(ring: &Keyring) -> String {
    signature::sign(&ring.signing_key(&wrap(1)).unwrap(), None, b"x").unwrap()
}

#[test]
fn what_was_signed_verifies_through_a_whole_rotation_until_it_can_be_valid_no_more() {
    let mut ring = ring(Kind::Eddsa);
    let by_first = signed(&ring);
    let verifies = |ring: &Keyring, jws: &str, now| {
        signature::verify(&ring.verifying_keys().unwrap(), jws, now).is_ok()
    };
    assert_eq!(
        ring.rotate(&wrap(1), 0).unwrap(),
        Step::Published { kid: "jwt-2".to_owned(), takes_over_from: 3660 }
    );
    assert_eq!(ring.jwks().keys.len(), 2, "verifiers see both");
    let early = ring.rotate(&wrap(1), 3659).unwrap_err();
    assert!(matches!(early, KeyringError::Refused { possible_from: Some(3660), .. }), "{early:?}");
    assert!(verifies(&ring, &signed(&ring), 3659) && signed(&ring).len() == by_first.len());
    let step = ring.rotate(&wrap(1), 4000).unwrap();
    let retires = 4000 + DAY + 60;
    let before = Some(("jwt-1".to_owned(), retires));
    assert_eq!(step, Step::TookOver { kid: "jwt-2".to_owned(), before });
    let by_second = signed(&ring);
    assert!(verifies(&ring, &by_first, retires - 1) && verifies(&ring, &by_second, retires - 1));
    assert!(!verifies(&ring, &by_first, retires), "its window is over");
    let early = ring.retire("jwt-1", retires - 1).unwrap_err();
    assert!(
        matches!(early, KeyringError::Refused { possible_from: Some(at), .. } if at == retires)
    );
    ring.retire("jwt-2", retires).unwrap_err();
    ring.retire("jwt-1", retires).unwrap();
    ring.retire("jwt-1", retires).unwrap_err();
    assert_eq!(ring.jwks().keys.len(), 1);
    assert!(verifies(&ring, &by_second, retires));
}

#[test]
fn a_compromised_key_is_destroyed_at_once_but_never_the_one_in_use() {
    let mut ring = ring(Kind::Es256);
    let stolen = signed(&ring);
    ring.rotate(&wrap(1), 0).unwrap();
    ring.rotate(&wrap(1), DAY).unwrap();
    ring.destroy("jwt-1", DAY).unwrap();
    signature::verify(&ring.verifying_keys().unwrap(), &stolen, DAY).unwrap_err();
    ring.destroy("jwt-2", DAY).unwrap_err();
    assert_eq!(ring.destroy("jwt-9", DAY), Err(KeyringError::Unknown("jwt-9".to_owned())));
}

#[test]
fn the_file_holds_no_private_key_and_opens_with_its_wrapping_key_only() {
    let mut ring = ring(Kind::Eddsa);
    let text = ring.to_json(&wrap(1)).unwrap();
    assert_eq!(Keyring::open(&text, &wrap(1)).unwrap(), ring);
    assert_eq!(Keyring::open(&text, &wrap(2)), Err(KeyringError::Sealed));
    assert_eq!(ring.signing_key(&wrap(2)).unwrap_err(), KeyringError::Sealed);
    let private = ring.signing_key(&wrap(1)).unwrap().to_pkcs8().unwrap();
    assert!(!text.contains(&crate::text::encode(private.expose())));
    ring.rewrap(&wrap(1), &wrap(2)).unwrap();
    ring.signing_key(&wrap(1)).unwrap_err();
    ring.signing_key(&wrap(2)).unwrap();
    ring.rewrap(&wrap(1), &wrap(3)).unwrap_err();
    ring.signing_key(&wrap(2)).unwrap();
}

#[test]
fn a_private_half_cannot_be_moved_to_another_name() {
    let mut ring = ring(Kind::A256gcm);
    ring.rotate(&wrap(1), 0).unwrap();
    let mut json: serde_json::Value =
        serde_json::from_str(&ring.to_json(&wrap(1)).unwrap()).unwrap();
    let moved = json["keys"][0]["private"].clone();
    json["keys"][1]["private"] = moved;
    let ring = Keyring::from_json(&json.to_string()).unwrap();
    assert_eq!(ring.opening_keys(&wrap(1)).unwrap_err(), KeyringError::Sealed);
}

#[test]
fn seals_are_counted_in_the_file_and_run_out() {
    let mut ring = ring(Kind::A256gcm);
    let key = ring.sealing_key(&wrap(1)).unwrap();
    let sealed = envelope::seal(&key, b"row 1", b"data").unwrap();
    assert_eq!(ring.keys()[0].seals, 1 << 16);
    let keys = ring.opening_keys(&wrap(1)).unwrap();
    let keys: Vec<_> = keys.iter().collect();
    assert_eq!(envelope::open(&keys, b"row 1", &sealed).unwrap().expose(), b"data");
    envelope::seal(keys[0], b"", b"x").unwrap_err();
    ring.keys[0].seals = envelope::SEALS_AT_MOST;
    assert!(matches!(ring.sealing_key(&wrap(1)), Err(KeyringError::Envelope(_))));
    ring.rotate(&wrap(1), 0).unwrap();
    ring.rotate(&wrap(1), DAY).unwrap();
    ring.sealing_key(&wrap(1)).unwrap();
    assert_eq!(envelope::open(&keys, b"row 1", &sealed).unwrap().expose(), b"data");
    let refused = ring.retire("jwt-1", 10 * DAY).unwrap_err();
    assert!(matches!(refused, KeyringError::Refused { possible_from: None, .. }));
    ring.destroy("jwt-1", 10 * DAY).unwrap();
}

#[test]
fn rings_that_are_none_are_refused() {
    let text = ring(Kind::Eddsa).to_json(&wrap(1)).unwrap();
    let with = |path: &str, value: serde_json::Value| {
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        *json.pointer_mut(path).unwrap() = value;
        json.to_string()
    };
    for broken in [
        String::new(),
        with("/schema", 1.into()),
        with("/schema", 3.into()),
        with("/proof", 3.into()),
        with("/kind", "hs256".into()),
        with("/keys", serde_json::json!([])),
        with("/keys/0/state", "retired".into()),
        with("/keys/0/state", "published".into()),
        with("/keys/0/private", serde_json::Value::Null),
    ] {
        assert!(matches!(Keyring::from_json(&broken), Err(KeyringError::Malformed(_))), "{broken}");
    }
    for name in ["", "a b", "ä", &"a".repeat(65)] {
        Keyring::create(name, Kind::Eddsa, Policy::default(), &wrap(1), 0).unwrap_err();
    }
}

#[test]
fn nothing_in_the_file_can_be_changed_without_its_key() {
    let mut ring = ring(Kind::Eddsa);
    ring.rotate(&wrap(1), 0).unwrap();
    let text = ring.to_json(&wrap(1)).unwrap();
    Keyring::open(&text, &wrap(1)).unwrap();
    let other = super::tests::ring(Kind::Eddsa).keys()[0].public.clone().unwrap();
    let earlier = super::tests::ring(Kind::Eddsa).to_json(&wrap(1)).unwrap();
    let earlier: serde_json::Value = serde_json::from_str(&earlier).unwrap();
    for (path, value) in [
        ("/keys/0/public/x", other.x.into()),
        ("/keys/0/published", 1.into()),
        ("/keys/1/state", "retiring".into()),
        ("/policy/skew", 0.into()),
        ("/name", "other".into()),
        ("/proof", earlier["proof"].clone()),
    ] {
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        *json.pointer_mut(path).unwrap() = value;
        let changed = json.to_string();
        Keyring::from_json(&changed).unwrap();
        assert_eq!(Keyring::open(&changed, &wrap(1)), Err(KeyringError::Sealed), "{path}");
    }
}

#[test]
fn an_older_file_is_taken_over_once_when_its_halves_fit_and_by_nothing_else() {
    let ring = ring(Kind::Es256);
    let older = |changes: &[(&str, serde_json::Value)]| {
        let text = ring.to_json(&wrap(1)).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json.as_object_mut().unwrap().remove("proof");
        json["schema"] = 1.into();
        for (path, value) in changes {
            *json.pointer_mut(path).unwrap() = value.clone();
        }
        json.to_string()
    };
    assert_eq!(Keyring::open(&older(&[]), &wrap(1)), Err(KeyringError::Older));
    let taken = Keyring::migrate(&older(&[]), &wrap(1)).unwrap();
    assert_eq!(taken, ring);
    let written = taken.to_json(&wrap(1)).unwrap();
    Keyring::open(&written, &wrap(1)).unwrap();
    assert!(matches!(
        Keyring::migrate(&written, &wrap(1)),
        Err(KeyringError::Refused { possible_from: None, .. })
    ));
    assert_eq!(Keyring::migrate(&older(&[]), &wrap(2)), Err(KeyringError::Sealed));
    let other = super::tests::ring(Kind::Es256).keys()[0].public.clone();
    let replaced = older(&[("/keys/0/public", serde_json::to_value(other).unwrap())]);
    assert_eq!(Keyring::migrate(&replaced, &wrap(1)), Err(KeyringError::Sealed));
}

#[test]
fn keys_that_wrap_are_rotated_and_do_nothing_else() {
    let mut ring = ring(Kind::A256gcmkw);
    let first = ring.wrapping_key(&wrap(1)).unwrap();
    let sealed = envelope::seal_wrapped(&first, b"row 1", b"data").unwrap();
    assert_eq!(ring.keys()[0].seals, 1 << 16);
    ring.sealing_key(&wrap(1)).unwrap_err();
    ring.opening_keys(&wrap(1)).unwrap_err();
    ring.signing_key(&wrap(1)).unwrap_err();
    super::tests::ring(Kind::A256gcm).wrapping_key(&wrap(1)).unwrap_err();
    ring.rotate(&wrap(1), 0).unwrap();
    ring.rotate(&wrap(1), DAY).unwrap();
    let second = ring.wrapping_key(&wrap(1)).unwrap();
    let keys = ring.unwrapping_keys(&wrap(1)).unwrap();
    let keys: Vec<&dyn envelope::Wrapping> = keys.iter().map(|key| key as _).collect();
    let rewrapped = envelope::rewrap(&keys, &second, &sealed).unwrap();
    assert_eq!(envelope::wrapping_of(&rewrapped).unwrap().1, "jwt-2");
    ring.destroy("jwt-1", DAY).unwrap();
    let keys = ring.unwrapping_keys(&wrap(1)).unwrap();
    let keys: Vec<&dyn envelope::Wrapping> = keys.iter().map(|key| key as _).collect();
    assert_eq!(envelope::open_wrapped(&keys, b"row 1", &rewrapped).unwrap().expose(), b"data");
    envelope::open_wrapped(&keys, b"row 1", &sealed).unwrap_err();
}
