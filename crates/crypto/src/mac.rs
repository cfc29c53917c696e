//! Message authentication: HMAC-SHA256 (RFC 2104, FIPS 198-1) under a shared secret.
//!
//! For what two sides that hold the same secret tell one another, such as webhooks. Who only verifies
//! could have signed it too: where that matters, [`crate::signature`] is meant.

use crate::secret::Secret;
use aws_lc_rs::hmac;
use std::fmt;

/// Bytes of a tag.
pub const TAG: usize = 32;

/// A shared secret.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl MacKey {
    /// Takes a secret over; `None` when it is empty, which would let everybody sign. As strong as the
    /// secret is: 32 random bytes are meant, and what others chose is taken as it is.
    #[must_use]
    pub fn new(secret: &Secret) -> Option<Self> {
        (!secret.is_empty()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose())))
    }

    /// The tag of a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(hmac::sign(&self.0, message).as_ref());
        tag
    }

    /// Whether `tag` is that of `message`, in time that depends on the message's length alone. Tags
    /// that were cut short are refused.
    #[must_use]
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// RFC 4231 sections 4.2, 4.3 and 4.7 (a secret longer than a block).
    #[test]
    fn the_vectors_of_rfc_4231_are_met() {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        for (secret, message, tag) in [
            (
                vec![0x0b; 20],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let key = MacKey::new(&Secret::new(secret)).unwrap();
            assert_eq!(hex(&key.sign(message)), tag);
            assert!(key.verify(message, &key.sign(message)));
        }
    }

    #[test]
    fn another_message_another_secret_and_a_short_tag_are_refused() {
        let key = MacKey::new(&Secret::new(b"secret".to_vec())).unwrap();
        let tag = key.sign(b"message");
        assert!(!key.verify(b"messagf", &tag));
        assert!(!key.verify(b"message", &tag[..31]));
        assert!(!key.verify(b"message", b""));
        let other = MacKey::new(&Secret::new(b"secreu".to_vec())).unwrap();
        assert!(!other.verify(b"message", &tag));
        assert!(MacKey::new(&Secret::new(Vec::new())).is_none());
        assert_eq!(format!("{key:?}"), "[redacted]");
    }
}
