//! Envelopes that open, and all the ways in which they must not.

use super::*;

fn key(id: &str) -> Key {
    Key::new(id, &Secret::new(vec![id.as_bytes()[0]; 32]), 0).unwrap()
}

#[test]
fn what_was_sealed_opens_with_its_key_and_context_only() {
    let (a, b) = (key("a"), key("b"));
    let envelope = seal(&a, b"orders/17", b"card 4242").unwrap();
    assert_eq!(open(&[&b, &a], b"orders/17", &envelope).unwrap().expose(), b"card 4242");
    assert_eq!(key_id(&envelope).unwrap(), "a");
    assert_eq!(open(&[&b], b"orders/17", &envelope).unwrap_err(), EnvelopeError::UnknownKey);
    for context in [&b""[..], b"orders/18", b"orders/1"] {
        let refused = open(&[&a], context, &envelope).unwrap_err();
        assert_eq!(refused, EnvelopeError::Authentication);
    }
    let same_name = Key::new("a", &Secret::new(vec![9; 32]), 0).unwrap();
    let refused = open(&[&same_name], b"orders/17", &envelope).unwrap_err();
    assert_eq!(refused, EnvelopeError::Authentication);
}

#[test]
fn no_letter_of_an_envelope_may_change() {
    let a = key("a");
    let envelope = seal(&a, b"", b"data").unwrap();
    assert_eq!(open(&[&a], b"", &envelope).unwrap().expose(), b"data");
    open(&[&a], b"x", &envelope).unwrap_err();
    for at in 0..envelope.len() {
        let mut other = envelope.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(open(&[&a], b"", &other).is_err(), "letter {at}");
    }
    for end in 0..envelope.len() {
        assert!(open(&[&a], b"", &envelope[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn other_algorithms_are_refused_by_name() {
    let a = key("a");
    for header in [
        r#"{"alg":"none","enc":"A256GCM","kid":"a"}"#,
        r#"{"alg":"A256KW","enc":"A256GCM","kid":"a"}"#,
        r#"{"alg":"dir","enc":"A128GCM","kid":"a"}"#,
        r#"{"alg":"dir","enc":"A128CBC-HS256","kid":"a"}"#,
    ] {
        let envelope = format!("{}..AAAA.AAAA.AAAA", text::encode(header.as_bytes()));
        assert_eq!(open(&[&a], b"", &envelope).unwrap_err(), EnvelopeError::Algorithm);
    }
    for header in [
        r#"{"alg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"a","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"a","crit":["exp"]}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"a","kid":"b"}"#,
        "[]",
    ] {
        let envelope = format!("{}..AAAA.AAAA.AAAA", text::encode(header.as_bytes()));
        let refused = open(&[&a], b"", &envelope).unwrap_err();
        assert!(matches!(refused, EnvelopeError::Malformed(_)), "{header}");
    }
}

#[test]
fn a_key_refuses_before_random_nonces_may_repeat() {
    let used = Key::new("a", &Secret::new(vec![1; 32]), SEALS_AT_MOST - 1).unwrap();
    let last = seal(&used, b"", b"x").unwrap();
    assert_eq!(seal(&used, b"", b"x"), Err(EnvelopeError::Exhausted));
    assert_eq!(used.sealed(), SEALS_AT_MOST);
    open(&[&used], b"", &last).unwrap();
}

#[test]
fn keys_of_another_length_and_names_that_are_none_are_refused() {
    for length in [0, 16, 24, 31, 33] {
        let refused = Key::new("a", &Secret::new(vec![1; length]), 0).unwrap_err();
        assert_eq!(refused, EnvelopeError::KeyLength(length));
    }
    for id in ["", "a b", "ä", &"a".repeat(129)] {
        assert_eq!(Key::new(id, &Secret::new(vec![1; 32]), 0).unwrap_err(), EnvelopeError::Kid);
    }
}

#[test]
fn the_older_form_opens_with_whole_tags_only() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let a = key("a");
    let mut data = br#"{"card":"4242"}"#.to_vec();
    let nonce = [5; NONCE];
    let tag = a
        .cipher()
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(b"orders/17"),
            &mut data,
        )
        .unwrap();
    let written = |tag: &[u8]| {
        serde_json::json!({
            "iv": STANDARD.encode(nonce),
            "ciphertext": STANDARD.encode(&data),
            "tag": STANDARD.encode(tag),
        })
        .to_string()
    };
    let envelope = written(tag.as_ref());
    assert_eq!(open_manual(&a, b"orders/17", &envelope).unwrap().expose(), br#"{"card":"4242"}"#);
    let refused = open_manual(&a, b"orders/18", &envelope).unwrap_err();
    assert_eq!(refused, EnvelopeError::Authentication);
    for length in [0, 4, 8, 12, 15] {
        let refused = open_manual(&a, b"orders/17", &written(&tag.as_ref()[..length])).unwrap_err();
        assert_eq!(refused, EnvelopeError::Malformed("its tag has 16 bytes"));
    }
}
