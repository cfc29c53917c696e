//! Readers of crate `crypto`. Each is given what it knows: keys of which the seeds were made.
//!
//! Every text that is refused may hold a secret, and the seeds do: `hunter2` must not be in an error.

use ringfence_crypto::Secret;
use ringfence_crypto::dsse;
use ringfence_crypto::envelope::{self, Key, WrappingKey};
use ringfence_crypto::keyring::Keyring;
use ringfence_crypto::password::{Bounds, Encoded, Form};
use ringfence_crypto::signature::{self, Jwk, JwkSet, KeySet, VerifyingKey, Window};
use ringfence_crypto::token::{Locator, Token};
use std::fmt::Debug;

/// The seeds were made then, in seconds since 1970.
const NOW: u64 = 1_760_000_000;
/// What the seeds seal and sign.
const SEALED: &[u8] = b"hunter2";

/// A DSSE envelope: what verifies is what was signed, whatever else stands beside it.
pub fn dsse(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match dsse::verify(&key_set(), 1, "text/plain", &text, NOW) {
        Ok(verified) => assert_eq!(verified.payload, SEALED),
        Err(error) => says_nothing(&error),
    }
}

/// An envelope in each of its forms: what opens is what was sealed, under the context it was sealed in.
pub fn jwe(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let key = wrap();
    match envelope::open(&[&key], b"orders/7", &text) {
        Ok(opened) => {
            assert_eq!(opened.expose(), SEALED);
            assert_eq!(envelope::key_id(&text).as_deref(), Ok("k-1"));
            assert!(envelope::open(&[&key], b"orders/8", &text).is_err());
        }
        Err(error) => says_nothing(&error),
    }
    match envelope::open_manual(&key, b"orders/7", &text) {
        Ok(opened) => assert_eq!(opened.expose(), SEALED),
        Err(error) => says_nothing(&error),
    }
    let wrapping = WrappingKey::new(wrap());
    match envelope::open_wrapped(&[&wrapping], b"orders/7", &text) {
        Ok(opened) => assert_eq!(opened.expose(), SEALED),
        Err(error) => says_nothing(&error),
    }
}

/// A key and a set of keys: one that is accepted is public, and is written as it is read again.
pub fn jwk(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match JwkSet::parse(&text) {
        Ok(keys) => {
            let set = JwkSet { keys: keys.iter().map(VerifyingKey::to_jwk).collect() };
            let written = serde_json::to_string(&set).unwrap_or_default();
            assert!(!written.contains("\"d\"") && !written.contains("\"k\""), "{written}");
            assert_eq!(JwkSet::parse(&written), Ok(keys));
        }
        Err(error) => says_nothing(&error),
    }
    let Ok(one) = serde_json::from_str::<Jwk>(&text) else { return };
    assert!(!format!("{one:?}").contains("hunter2"));
    if let Err(error) = VerifyingKey::from_jwk(&one) {
        says_nothing(&error);
    }
}

/// A signed text: only what was signed verifies, letter by letter.
pub fn jws(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match signature::verify(&key_set(), &text, NOW) {
        Ok(verified) => {
            assert_eq!((verified.kid.as_str(), verified.payload.as_slice()), ("k-1", SEALED));
            // Ed25519 has one signature for one text, and base64url one text for one signature.
            assert_eq!(text, include_str!("../../corpus/jws/valid"));
        }
        Err(error) => says_nothing(&error),
    }
}

/// A file of keys: one that opens is what was written, but for its spaces.
pub fn keyring(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Keyring::from_json(&text) {
        Ok(ring) => assert!(!ring.keys().is_empty() && !format!("{:?}", ring.jwks()).is_empty()),
        Err(error) => says_nothing(&error),
    }
    match Keyring::open(&text, &wrap()) {
        Ok(ring) => {
            let written = ring.to_json(&wrap()).unwrap_or_default();
            assert_eq!(Keyring::open(&written, &wrap()), Ok(ring));
        }
        Err(error) => says_nothing(&error),
    }
}

/// A stored password hash: one that is read asks for no more than is allowed and has one form as PHC.
pub fn phc(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Encoded::parse(&text, &Bounds::default()) {
        Ok(encoded) => {
            assert!(encoded.scheme.memory() <= u64::from(Bounds::default().memory));
            let written = encoded.to_string();
            let again = Encoded::parse(&written, &Bounds::default());
            assert_eq!(again.as_ref().map(ToString::to_string), Ok(written.clone()));
            assert!(encoded.form == Form::Dollars || written == text, "{written} {text}");
        }
        Err(error) => says_nothing(&error),
    }
}

/// A token that is presented, and what is stored of one.
pub fn token(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Token::parse(&text) {
        Ok(token) => {
            assert_eq!(token.expose(), text);
            assert!(text.is_ascii() && text.starts_with(token.prefix()));
            assert!(!format!("{token:?}").contains(&text[token.prefix().len() + 1..]));
        }
        Err(error) => says_nothing(&error),
    }
    if let Some(locator) = Locator::from_hex(&text) {
        assert_eq!(locator.to_hex(), text);
    }
}

/// An error that can be shown anywhere.
fn says_nothing(error: &(impl Debug + ToString)) {
    let shown = format!("{} {error:?}", error.to_string());
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// The key that seals the seeds and wraps the keys of their ring.
fn wrap() -> Key {
    let made = Key::new("k-1", &Secret::new(vec![7; 32]), 0);
    made.unwrap_or_else(|error| panic!("a key of 32 bytes is one: {error}"))
}

/// The public key of RFC 8037 appendix A, whose private half signed the seeds.
fn key_set() -> KeySet {
    let jwk = serde_json::from_value::<Jwk>(serde_json::json!({
        "kty": "OKP", "kid": "k-1", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }));
    let key = jwk.map(|jwk| VerifyingKey::from_jwk(&jwk));
    let Ok(Ok(key)) = key else { panic!("the key of RFC 8037 is one: {key:?}") };
    let mut keys = KeySet::new();
    assert!(keys.add(key, Window::default()).is_ok());
    keys
}
