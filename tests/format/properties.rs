//! Properties of the readers of crate `crypto`, over texts nobody thought of: never a panic, what is
//! written is read again, what is accepted has one form, one changed letter is one too many, and no
//! error holds the text it refuses.

#[path = "../../fuzz/src/entries/crypto.rs"]
#[expect(unreachable_pub, reason = "the same file is a library for libFuzzer")]
mod entries;

use proptest::collection::vec;
use proptest::prelude::*;
use ringfence_crypto::Secret;
use ringfence_crypto::envelope::{self, Key};
use ringfence_crypto::keyring::{Keyring, Kind, Policy};
use ringfence_crypto::password::{Bounds, Encoded, Scheme};
use ringfence_crypto::signature::{self, Algorithm, JwkSet, KeySet, SigningKey, Window};
use ringfence_crypto::token::Token;
use std::sync::LazyLock;

/// Texts of any kind, and such that look like what is read.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,5}",
        "[{}\\[\\]\":,a-z0-9 ]{0,80}",
        "(\\$argon2id\\$v=19|scrypt|\\$scrypt)?[$,=a-zA-Z0-9+/]{0,80}",
        "[a-z]{2,8}_[0-9A-Za-z]{36}",
    ]
}

/// The text with one letter replaced by another.
fn changed(text: &str, at: prop::sample::Index, letter: char) -> Option<String> {
    let mut letters: Vec<char> = text.chars().collect();
    let at = at.index(letters.len());
    let other = letters[at] != letter;
    letters[at] = letter;
    other.then(|| letters.into_iter().collect())
}

fn key(byte: u8) -> Key {
    Key::new("k-1", &Secret::new(vec![byte; 32]), 0).unwrap()
}

static SIGNER: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa, "k-1").unwrap());

fn trusted() -> KeySet {
    let mut keys = KeySet::new();
    keys.add(SIGNER.public().unwrap(), Window::default()).unwrap();
    keys
}

static RING: LazyLock<String> = LazyLock::new(|| {
    let ring = Keyring::create("orders", Kind::Eddsa, Policy::default(), &key(1), 1_760_000_000);
    ring.unwrap().to_json(&key(1)).unwrap()
});

proptest! {
    #[test]
    fn any_text_is_read_or_refused_by_every_reader(text in texts()) {
        entries::dsse(text.as_bytes());
        entries::jwe(text.as_bytes());
        entries::jwk(text.as_bytes());
        entries::jws(text.as_bytes());
        entries::keyring(text.as_bytes());
        entries::phc(text.as_bytes());
        entries::token(text.as_bytes());
    }

    #[test]
    fn no_error_holds_the_text_that_was_refused(secret in "[A-Z][a-z0-9]{14}[A-Z]", text in texts(), at: prop::sample::Index) {
        let at = text.char_indices().map(|(at, _)| at).nth(at.index(text.len().max(1))).unwrap_or(0);
        let text = format!("{}{secret}{}", &text[..at], &text[at..]);
        let mut shown = vec![
            format!("{:?}", envelope::open(&[&key(1)], b"", &text).unwrap_err()),
            format!("{:?}", envelope::open_manual(&key(1), b"", &text).unwrap_err()),
            format!("{:?}", signature::verify(&trusted(), &text, 0).unwrap_err()),
            format!("{:?}", JwkSet::parse(&text).unwrap_err()),
            format!("{:?}", Keyring::from_json(&text).unwrap_err()),
        ];
        shown.extend(Encoded::parse(&text, &Bounds::default()).err().map(|error| error.to_string()));
        shown.extend(Token::parse(&text).err().map(|error| error.to_string()));
        prop_assert!(shown.iter().all(|one| !one.contains(&secret)), "{:?}", shown);
    }

    #[test]
    fn what_is_sealed_opens_under_its_key_and_context_alone(
        data in vec(any::<u8>(), 0..200), context in vec(any::<u8>(), 0..20),
        other in vec(any::<u8>(), 0..20), at: prop::sample::Index, letter in "[A-Za-z0-9_.-]",
    ) {
        let sealed = envelope::seal(&key(1), &context, &data).unwrap();
        let opened = envelope::open(&[&key(1)], &context, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), data);
        prop_assert!(envelope::open(&[&key(2)], &context, &sealed).is_err());
        prop_assert_eq!(envelope::open(&[&key(1)], &other, &sealed).is_ok(), other == context);
        let letter = letter.chars().next().unwrap_or('A');
        if let Some(changed) = changed(&sealed, at, letter) {
            prop_assert!(envelope::open(&[&key(1)], &context, &changed).is_err(), "{}", changed);
        }
    }

    #[test]
    fn what_is_signed_verifies_and_no_other_text_does(
        data in vec(any::<u8>(), 0..200), at: prop::sample::Index, letter in "[A-Za-z0-9_.-]",
    ) {
        let signed = signature::sign(&*SIGNER, Some("JWT"), &data).unwrap();
        prop_assert_eq!(signature::verify(&trusted(), &signed, 0).unwrap().payload, data);
        let letter = letter.chars().next().unwrap_or('A');
        if let Some(changed) = changed(&signed, at, letter) {
            prop_assert!(signature::verify(&trusted(), &changed, 0).is_err(), "{}", changed);
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_issued_and_with_no_letter_changed(
        prefix in "[a-z][a-z0-9]{1,15}", at: prop::sample::Index, letter in "[A-Za-z0-9_]",
    ) {
        let token = Token::issue(&prefix).unwrap();
        let read = Token::parse(token.expose()).unwrap();
        prop_assert_eq!((read.expose(), read.prefix()), (token.expose(), prefix.as_str()));
        let letter = letter.chars().next().unwrap_or('A');
        if let Some(changed) = changed(token.expose(), at, letter) {
            // One letter is at most 8 bits: CRC32 finds every change of so few in a row.
            prop_assert!(Token::parse(&changed).is_err());
        }
    }

    #[test]
    fn a_stored_hash_is_written_as_it_is_read(
        memory in 8_u32..=262_144, passes in 1_u32..=4, log_n in 1_u8..=16,
        salt in vec(any::<u8>(), 8..=48), hash in vec(any::<u8>(), 16..=64),
    ) {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
        let (s, h) = (STANDARD_NO_PAD.encode(&salt), STANDARD_NO_PAD.encode(&hash));
        let n = 1_u32 << log_n;
        for (text, scheme) in [
            (
                format!("$argon2id$v=19$m={memory},t={passes},p=1${s}${h}"),
                Scheme::Argon2id { memory, passes, lanes: 1 },
            ),
            (format!("$scrypt$ln={log_n},r=8,p=1${s}${h}"), Scheme::Scrypt { log_n, r: 8, p: 1 }),
        ] {
            let read = Encoded::parse(&text, &Bounds::default()).unwrap();
            prop_assert_eq!(read.scheme, scheme);
            prop_assert_eq!(read.to_string(), text);
        }
        let older = format!("scrypt${n}$8$1${}${}", STANDARD.encode(&salt), STANDARD.encode(&hash));
        let read = Encoded::parse(&older, &Bounds::default()).unwrap();
        prop_assert_eq!(read.to_string(), format!("$scrypt$ln={log_n},r=8,p=1${s}${h}"));
    }
}

proptest! {
    // Each case opens and writes a ring.
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_keyring_with_one_letter_changed_is_none_or_the_same(
        at: prop::sample::Index, letter in "[A-Za-z0-9 ]",
    ) {
        let ring = Keyring::open(&RING, &key(1)).unwrap();
        prop_assert!(Keyring::open(&RING, &key(2)).is_err());
        let letter = letter.chars().next().unwrap_or('A');
        if let Some(changed) = changed(&RING, at, letter)
            && let Ok(other) = Keyring::open(&changed, &key(1))
        {
            prop_assert_eq!(other, ring, "only its spaces may differ");
        }
    }
}
