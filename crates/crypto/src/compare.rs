//! Comparing secrets without telling by time where they differ.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

/// Whether two secrets are equal, of any lengths.
///
/// Both are hashed first, so the time depends on the lengths alone: not on the place of the first
/// difference, and not on whether the lengths are equal. (`timingSafeEqual` of Node throws at
/// different lengths, which callers turn into an early return.)
#[must_use]
pub fn secret_equals(left: &[u8], right: &[u8]) -> bool {
    let (left, right) = (digest(&SHA256, left), digest(&SHA256, right));
    verify_slices_are_equal(left.as_ref(), right.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_and_unequal_secrets_of_any_lengths_are_told_apart() {
        assert!(secret_equals(b"", b""));
        assert!(secret_equals(b"abc", b"abc"));
        for other in [&b""[..], b"ab", b"abcd", b"abd", b"xbc", b"abc\0"] {
            assert!(!secret_equals(b"abc", other), "{other:?}");
        }
    }
}
