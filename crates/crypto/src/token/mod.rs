//! API tokens: a prefix that scanners know, random letters, and a checksum; stored as a keyed hash.
//!
//! `orders_` + 30 letters of base62 (178 bits) + the CRC32 of what stands before it as 6 letters of
//! base62: the layout that secret scanners can check without asking anybody. The checksum finds
//! typing errors and false alarms; it proves nothing. What is stored is HMAC-SHA256 under a key of the
//! server, so a stolen table alone tells no token, and a token is found by that value.

mod store;

pub use store::{Entry, Standing, Store};

use crate::random::{self, RandomError};
use crate::secret::Secret;
use aws_lc_rs::hmac;
use ringfence_policy::display::hex;
use std::fmt;
use zeroize::Zeroizing;

/// Letters of the random part: 30 of 62, 178 bits.
const RANDOM: usize = 30;
/// Letters of the checksum.
const CHECKSUM: usize = 6;
/// Least bytes of a server's key.
pub const LEAST_KEY: usize = 32;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Why there is no token. No variant holds any of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A prefix has 2 to 16 letters `a-z` and digits, and begins with a letter.
    #[error("a prefix is 2 to 16 letters a-z and digits that begin with a letter")]
    Prefix,
    /// The text is no token: another length, other letters, or a checksum that does not fit.
    #[error("it is no token: {0}")]
    Malformed(&'static str),
    /// The server's key is too short.
    #[error("the server's key must have at least {LEAST_KEY} bytes: {0}")]
    ShortKey(usize),
    /// No random letters.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// A token. It has no `Display`: [`Token::expose`] is the one way to its text.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_[redacted]", self.prefix())
    }
}

impl Token {
    /// A new token.
    ///
    /// # Errors
    /// [`TokenError::Prefix`], [`TokenError::Random`].
    pub fn issue(prefix: &str) -> Result<Self, TokenError> {
        check_prefix(prefix)?;
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + 1 + RANDOM + CHECKSUM));
        text.push_str(prefix);
        text.push('_');
        while text.len() < prefix.len() + 1 + RANDOM {
            let byte = random::bytes::<1>()?[0] & 63;
            // 62 and 63 are drawn again: every letter is as likely as another.
            if let Some(letter) = BASE62.get(usize::from(byte)) {
                text.push(char::from(*letter));
            }
        }
        let checksum = checksum(text.as_bytes());
        text.extend(checksum.iter().map(|letter| char::from(*letter)));
        Ok(Self(text))
    }

    /// Reads a token that somebody presents: without looking it up, whether it can be one at all.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let (prefix, rest) =
            text.rsplit_once('_').ok_or(TokenError::Malformed("it has no prefix"))?;
        check_prefix(prefix).map_err(|_| TokenError::Malformed("its prefix is none"))?;
        if rest.len() != RANDOM + CHECKSUM {
            return Err(TokenError::Malformed("it has another length"));
        }
        if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(TokenError::Malformed("it has other letters"));
        }
        let (body, sum) = text.as_bytes().split_at(text.len() - CHECKSUM);
        if checksum(body) != sum {
            return Err(TokenError::Malformed("its checksum does not fit"));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text: every use of it is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What stands before the `_`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.0.rsplit_once('_').map_or("", |(prefix, _)| prefix)
    }
}

/// A server's key, under which tokens are stored.
#[derive(Clone)]
pub struct ServerKey(hmac::Key);

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl ServerKey {
    /// Takes a key.
    ///
    /// # Errors
    /// [`TokenError::ShortKey`].
    pub fn new(key: &Secret) -> Result<Self, TokenError> {
        if key.len() < LEAST_KEY {
            return Err(TokenError::ShortKey(key.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// What is stored for a token, and what it is found by.
    #[must_use]
    pub fn locate(&self, token: &Token) -> Locator {
        let tag = hmac::sign(&self.0, token.expose().as_bytes());
        let mut locator = [0; 32];
        locator.copy_from_slice(tag.as_ref());
        Locator(locator)
    }
}

/// HMAC-SHA256 of a token under the server's key. It may be stored and compared by `==`: whoever
/// presents a token cannot choose it without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locator([u8; 32]);

impl Locator {
    /// Lower-case hexadecimal.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// Reads what [`Locator::to_hex`] wrote.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut locator = [0; 32];
        for (byte, at) in locator.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(Self(locator))
    }
}

fn check_prefix(prefix: &str) -> Result<(), TokenError> {
    let letters = prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let begins = prefix.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if letters && begins && (2..=16).contains(&prefix.len()) {
        Ok(())
    } else {
        Err(TokenError::Prefix)
    }
}

/// CRC32 (ISO-HDLC, that of zip) in base62, six letters, the highest first.
fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(body);
    let mut letters = [b'0'; CHECKSUM];
    for letter in letters.iter_mut().rev() {
        let digit = usize::try_from(rest % 62).unwrap_or_default();
        *letter = BASE62[digit];
        rest /= 62;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_issued_and_no_letter_may_change() {
        let token = Token::issue("orders").unwrap();
        let text = token.expose();
        assert_eq!(text.len(), 6 + 1 + 30 + 6);
        assert_eq!(Token::parse(text).unwrap().prefix(), "orders");
        for at in 0..text.len() {
            let mut other = text.as_bytes().to_vec();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            let other = String::from_utf8(other).unwrap();
            assert!(Token::parse(&other).is_err(), "{at}");
        }
        assert_eq!(format!("{token:?}"), "orders_[redacted]");
    }

    #[test]
    fn texts_that_are_no_tokens_are_refused_and_not_repeated() {
        for text in ["", "_", "orders_", "hunter2", "Orders_x", "ö_x", &"a_".repeat(5000)] {
            let error = Token::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"));
        }
        for prefix in ["", "a", "1a", "A", "a_b", "a-b", "abcdefghijklmnopq"] {
            assert_eq!(Token::issue(prefix).unwrap_err(), TokenError::Prefix);
        }
    }

    #[test]
    fn a_token_is_found_by_the_same_key_only() {
        let key = |byte| ServerKey::new(&Secret::new(vec![byte; 32])).unwrap();
        let token = Token::issue("orders").unwrap();
        let found = key(1).locate(&token);
        assert_eq!(found, key(1).locate(&Token::parse(token.expose()).unwrap()));
        assert_ne!(found, key(2).locate(&token));
        assert_eq!(Locator::from_hex(&found.to_hex()), Some(found));
        let short = ServerKey::new(&Secret::new(vec![1; 31])).unwrap_err();
        assert_eq!(short, TokenError::ShortKey(31));
    }
}
