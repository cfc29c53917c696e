//! Random bytes and identifiers out of the operating system's generator (by aws-lc).

use crate::text;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::{Builder, Uuid};

/// Least entropy of [`token`] in bits.
pub const LEAST_ENTROPY: u16 = 128;
/// Most entropy of [`token`] in bits.
pub const MOST_ENTROPY: u16 = 4096;

/// Why there is no random value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RandomError {
    /// The generator failed: nothing random can be made.
    #[error("the system's random generator failed")]
    Generator,
    /// The entropy asked for is outside the bounds.
    #[error("entropy must be from {LEAST_ENTROPY} to {MOST_ENTROPY} bits: {0}")]
    Entropy(u16),
}

/// Fills `target` with random bytes.
///
/// # Errors
/// [`RandomError::Generator`].
pub fn fill(target: &mut [u8]) -> Result<(), RandomError> {
    aws_lc_rs::rand::fill(target).map_err(|_| RandomError::Generator)
}

/// Random bytes.
///
/// # Errors
/// [`RandomError::Generator`].
pub fn bytes<const LENGTH: usize>() -> Result<[u8; LENGTH], RandomError> {
    let mut bytes = [0; LENGTH];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// A random UUID, version 4 (RFC 9562 section 5.4): 122 random bits.
///
/// # Errors
/// [`RandomError::Generator`].
pub fn uuid_v4() -> Result<Uuid, RandomError> {
    Ok(Builder::from_random_bytes(bytes()?).into_uuid())
}

/// A UUID that sorts by time, version 7 (RFC 9562 section 5.7): milliseconds since 1970 and 74
/// random bits. It tells when it was made: not for what must not be known.
///
/// # Errors
/// [`RandomError::Generator`].
pub fn uuid_v7() -> Result<Uuid, RandomError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    Ok(Builder::from_unix_timestamp_millis(milliseconds, &bytes()?).into_uuid())
}

/// A random text of at least `bits` bits of entropy in the letters of base64url: safe in URLs,
/// headers and file names.
///
/// # Errors
/// [`RandomError`].
pub fn token(bits: u16) -> Result<String, RandomError> {
    if !(LEAST_ENTROPY..=MOST_ENTROPY).contains(&bits) {
        return Err(RandomError::Entropy(bits));
    }
    let mut bytes = vec![0; usize::from(bits.div_ceil(8))];
    fill(&mut bytes)?;
    Ok(text::encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn identifiers_are_of_their_version_and_differ() {
        let made: BTreeSet<_> = (0..1000).map(|_| uuid_v4().unwrap()).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|uuid| uuid.get_version_num() == 4));
        let (first, second) = (uuid_v7().unwrap(), uuid_v7().unwrap());
        assert_eq!((first.get_version_num(), second.get_version_num()), (7, 7));
        assert!(first.as_bytes()[..6] <= second.as_bytes()[..6], "they sort by time");
        assert_ne!(first, second);
    }

    #[test]
    fn a_token_has_the_entropy_that_was_asked_for() {
        assert_eq!(token(128).unwrap().len(), 22);
        assert_eq!(token(256).unwrap().len(), 43);
        assert_eq!(token(129).unwrap().len(), 23);
        assert!(
            token(256).unwrap().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
        assert_eq!(token(127), Err(RandomError::Entropy(127)));
        assert_eq!(token(4097), Err(RandomError::Entropy(4097)));
    }
}
