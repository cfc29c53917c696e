//! What is measured: comparisons of ours, and one that tells where the first difference is.

use crate::Failure;
use ringfence_crypto::token::{ServerKey, Standing, Store, Token};
use ringfence_crypto::{Secret, random, secret_equals};
use ringfence_guard::webhook::{Headers, Memory, Scheme, Verifier, WebhookSecret};
use std::hint::black_box;

/// Where an input differs first from what is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// In the first byte that is secret.
    First,
    /// In the last.
    Last,
}

/// Something that compares.
pub(crate) trait Subject {
    /// Makes the input of the next call; nothing of it is measured.
    fn prepare(&mut self, class: Class, chance: u64);
    /// Compares, and says whether it accepted.
    fn call(&self) -> bool;
}

/// A subject by its name.
pub(crate) fn find(name: &str) -> Result<Box<dyn Subject>, Failure> {
    Ok(match name {
        "control" => Box::new(Bytes::new(leaves_early)?),
        "secret-equals" => Box::new(Bytes::new(secret_equals)?),
        "token" => Box::new(Tokens::new()?),
        "webhook" => Box::new(Webhook::new()?),
        _ => return Err(format!("there is no subject {name}").into()),
    })
}

/// The mistake: it returns at the first difference.
fn leaves_early(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    for (left, right) in left.iter().zip(right) {
        if black_box(*left) != *right {
            return false;
        }
    }
    true
}

/// Bytes of a secret: those of a token or a tag in hexadecimal.
const LENGTH: usize = 64;

/// Two secrets.
struct Bytes {
    equal: fn(&[u8], &[u8]) -> bool,
    right: [u8; LENGTH],
    given: [u8; LENGTH],
}

impl Bytes {
    fn new(equal: fn(&[u8], &[u8]) -> bool) -> Result<Self, Failure> {
        let right = random::bytes()?;
        Ok(Self { equal, right, given: right })
    }
}

impl Subject for Bytes {
    fn prepare(&mut self, class: Class, chance: u64) {
        self.given = self.right;
        let at = if class == Class::First { 0 } else { LENGTH - 1 };
        self.given[at] ^= change(chance);
    }

    fn call(&self) -> bool {
        (self.equal)(&self.given, &self.right)
    }
}

/// A table of tokens, and one that is in it but for a letter.
struct Tokens {
    key: ServerKey,
    store: Store,
    issued: Vec<String>,
    given: String,
}

impl Tokens {
    fn new() -> Result<Self, Failure> {
        let key = ServerKey::new(&Secret::new(random::bytes::<32>()?.to_vec()))?;
        let (mut store, mut issued) = (Store::new(), Vec::new());
        // So many that hardly any input comes twice: the time of one alone says nothing about its class.
        for _ in 0..16_384 {
            let (token, _) = store.issue(&key, "bench", "", 0, None)?;
            issued.push(token.expose().to_owned());
        }
        let given = issued.first().cloned().unwrap_or_default();
        Ok(Self { key, store, issued, given })
    }
}

impl Subject for Tokens {
    fn prepare(&mut self, class: Class, chance: u64) {
        const LETTERS: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let part = |bits: u32| usize::try_from(chance >> bits & 0xffff).unwrap_or_default();
        let (number, issued) = (part(8), &self.issued[part(32) % self.issued.len()]);
        let mut bytes = issued.as_bytes()[..issued.len() - 6].to_vec();
        let at = if class == Class::First { "bench_".len() } else { bytes.len() - 1 };
        let old = bytes[at];
        let other = |place: usize| LETTERS[(number + place) % LETTERS.len()];
        bytes[at] = if other(0) == old { other(1) } else { other(0) };
        let mut sum = crc32fast::hash(&bytes);
        let mut tail = [b'0'; 6];
        for letter in tail.iter_mut().rev() {
            *letter = LETTERS[usize::try_from(sum % 62).unwrap_or_default()];
            sum /= 62;
        }
        bytes.extend(tail);
        // In the same memory for every input.
        self.given.clear();
        self.given.push_str(&String::from_utf8_lossy(&bytes));
    }

    fn call(&self) -> bool {
        // One that is refused before it is looked up would measure nothing.
        let Ok(token) = Token::parse(&self.given) else { return true };
        let standing = self.store.look_up(&self.key, &token, 0);
        !matches!(standing, Standing::Unknown)
    }
}

/// A message of a sender, with a signature that differs in one digit.
struct Webhook {
    verifier: Verifier,
    seen: Memory,
    right: String,
    given: String,
}

/// What is signed.
const BODY: &[u8] = br#"{"action":"opened","number":17,"sender":{"id":1}}"#;
/// Before the digits of the signature.
const BEFORE: &str = "sha256=";

impl Webhook {
    fn new() -> Result<Self, Failure> {
        let secret = WebhookSecret::new(&random::bytes::<32>()?)?;
        let headers = Scheme::GitHub.sign(&secret, "17", 0, BODY)?;
        let signature = headers.into_iter().find(|(_, value)| value.starts_with(BEFORE));
        let (_, right) = signature.ok_or("the signer wrote no signature")?;
        let verifier = Verifier::new(Scheme::GitHub, vec![secret])?;
        Ok(Self { verifier, seen: Memory::new(16), given: right.clone(), right })
    }
}

impl Subject for Webhook {
    fn prepare(&mut self, class: Class, chance: u64) {
        let mut bytes = self.right.clone().into_bytes();
        let at = if class == Class::First { BEFORE.len() } else { bytes.len() - 1 };
        let digit = char::from(bytes[at]).to_digit(16).unwrap_or_default();
        let other = digit ^ u32::from(change(chance) & 15).max(1);
        bytes[at] = char::from_digit(other & 15, 16).map_or(b'0', |digit| digit as u8);
        self.given.clear();
        self.given.push_str(&String::from_utf8_lossy(&bytes));
    }

    fn call(&self) -> bool {
        let headers = [("x-hub-signature-256", self.given.as_str())];
        self.verifier.verify(&Headers::new(&headers), BODY, &self.seen, 0).is_ok()
    }
}

/// A change of a byte that changes it.
fn change(chance: u64) -> u8 {
    chance.to_le_bytes()[2].max(1)
}
