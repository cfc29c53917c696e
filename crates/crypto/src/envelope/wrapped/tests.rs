//! Data keys that are rewrapped while the data stay, and wrapped keys that must not fit.

use super::*;
use crate::envelope::Key;
use serde_json::{Value, json};

fn key(id: &str) -> WrappingKey {
    let secret = Secret::new(vec![id.as_bytes()[0]; 32]);
    WrappingKey::new(Key::new(id, &secret, 0).unwrap())
}

fn changed(envelope: &str, path: &str, value: Value) -> String {
    let mut json: Value = serde_json::from_str(envelope).unwrap();
    *json.pointer_mut(path).unwrap() = value;
    json.to_string()
}

fn at(envelope: &str, path: &str) -> Value {
    serde_json::from_str::<Value>(envelope).unwrap().pointer(path).unwrap().clone()
}

#[test]
fn what_was_sealed_opens_with_its_key_and_context_only() {
    let (a, b) = (key("a"), key("b"));
    let envelope = seal_wrapped(&a, b"orders/17", b"card 4242").unwrap();
    let opened = open_wrapped(&[&b, &a], b"orders/17", &envelope).unwrap();
    assert_eq!(opened.expose(), b"card 4242");
    assert_eq!(wrapping_of(&envelope).unwrap(), ("A256GCMKW".to_owned(), "a".to_owned()));
    assert_eq!(
        open_wrapped(&[&b], b"orders/17", &envelope).unwrap_err(),
        EnvelopeError::UnknownKey
    );
    for context in [&b""[..], b"orders/18"] {
        let refused = open_wrapped(&[&a], context, &envelope).unwrap_err();
        assert_eq!(refused, EnvelopeError::Authentication);
    }
    let none = seal_wrapped(&a, b"", b"").unwrap();
    assert_eq!(open_wrapped(&[&a], b"", &none).unwrap().expose(), b"");
    open_wrapped(&[&a], b"x", &none).unwrap_err();
}

#[test]
fn rewrapping_changes_the_wrapped_key_and_no_byte_of_the_sealed_data() {
    let (old, new) = (key("old"), key("new"));
    let before = seal_wrapped(&old, b"orders/17", b"card 4242").unwrap();
    let after = rewrap(&[&old], &new, &before).unwrap();
    for same in ["/protected", "/iv", "/ciphertext", "/tag"] {
        assert_eq!(at(&before, same), at(&after, same), "{same}");
    }
    for other in ["/encrypted_key", "/header/kid", "/header/iv", "/header/tag"] {
        assert_ne!(at(&before, other), at(&after, other), "{other}");
    }
    assert_eq!(open_wrapped(&[&new], b"orders/17", &after).unwrap().expose(), b"card 4242");
    open_wrapped(&[&old], b"orders/17", &after).unwrap_err();
    rewrap(&[&old], &new, &after).unwrap_err();
}

#[test]
fn a_wrapped_key_of_another_envelope_does_not_fit_and_is_not_carried_on() {
    let (a, b) = (key("a"), key("b"));
    let one = seal_wrapped(&a, b"", b"one").unwrap();
    let two = seal_wrapped(&a, b"", b"two").unwrap();
    let swapped = changed(&one, "/header", at(&two, "/header"));
    let swapped = changed(&swapped, "/encrypted_key", at(&two, "/encrypted_key"));
    let refused = open_wrapped(&[&a], b"", &swapped).unwrap_err();
    assert_eq!(refused, EnvelopeError::Authentication);
    assert_eq!(rewrap(&[&a], &b, &swapped).unwrap_err(), EnvelopeError::Authentication);
}

#[test]
fn the_unprotected_header_chooses_neither_another_key_nor_another_algorithm() {
    let (a, b) = (key("a"), key("b"));
    let envelope = seal_wrapped(&a, b"", b"data").unwrap();
    let other = changed(&envelope, "/header/kid", json!("b"));
    assert_eq!(open_wrapped(&[&a, &b], b"", &other).unwrap_err(), EnvelopeError::Authentication);
    for algorithm in ["dir", "none", "A128GCMKW", "RSA1_5", "https://ringfence.dev/jwe/aws-kms"] {
        let other = changed(&envelope, "/header/alg", json!(algorithm));
        assert_eq!(open_wrapped(&[&a], b"", &other).unwrap_err(), EnvelopeError::Algorithm);
        rewrap(&[&a], &b, &other).unwrap_err();
    }
}

#[test]
fn no_letter_of_an_envelope_may_change() {
    let a = key("a");
    let envelope = seal_wrapped(&a, b"", b"data").unwrap();
    open_wrapped(&[&a], b"", &envelope).unwrap();
    for at in 0..envelope.len() {
        let mut other = envelope.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(open_wrapped(&[&a], b"", &other).is_err(), "letter {at}");
    }
    for end in 0..envelope.len() {
        assert!(open_wrapped(&[&a], b"", &envelope[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn headers_with_anything_else_are_refused() {
    let a = key("a");
    let envelope = seal_wrapped(&a, b"", b"data").unwrap();
    let protected =
        |json: &str| changed(&envelope, "/protected", json!(text::encode(json.as_bytes())));
    assert_eq!(
        open_wrapped(&[&a], b"", &protected(r#"{"enc":"A128GCM"}"#)).unwrap_err(),
        EnvelopeError::Algorithm
    );
    for other in [
        protected(r#"{"enc":"A256GCM"}"#),
        protected(r#"{"enc":"A256GCM","kcm":"AA","zip":"DEF"}"#),
        protected(r#"{"enc":"A256GCM","kcm":"AA","crit":["exp"]}"#),
        protected(r#"{"alg":"dir","enc":"A256GCM","kcm":"AA"}"#),
        changed(&envelope, "/header/tag", json!(null)),
        changed(&envelope, "/header", json!({"alg":"A256GCMKW","kid":"a","jku":"https://x.test"})),
        envelope.replace("\"iv\":", "\"aad\":\"x\",\"iv\":"),
        envelope.replacen("\"protected\":", "\"unprotected\":{},\"protected\":", 1),
    ] {
        let refused = open_wrapped(&[&a], b"", &other).unwrap_err();
        assert!(matches!(refused, EnvelopeError::Malformed(_)), "{other}: {refused}");
    }
}

#[test]
fn a_wrapped_key_is_no_envelope_of_the_older_form() {
    // The control: as bare bytes the same key would give the data key away.
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let a = key("a");
    let envelope = seal_wrapped(&a, b"", b"data").unwrap();
    let again =
        |path: &str| STANDARD.encode(text::decode(at(&envelope, path).as_str().unwrap()).unwrap());
    let older = json!({
        "iv": again("/header/iv"), "ciphertext": again("/encrypted_key"), "tag": again("/header/tag"),
    });
    let same = Key::new("a", &Secret::new(vec![b'a'; 32]), 0).unwrap();
    assert_eq!(super::super::open_manual(&same, b"", &older.to_string()).unwrap().len(), 32);
}
