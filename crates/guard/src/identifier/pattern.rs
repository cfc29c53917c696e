//! A pattern of one's own: an alphabet for each place, and two lengths.

use super::IdentifierError;

/// Longest identifier in bytes.
const LONGEST: usize = 1024;

/// A pattern that was checked when it was made: as a constant, when it is compiled.
///
/// ```
/// use ringfence_guard::identifier::Pattern;
/// use ringfence_guard::identifier_pattern;
///
/// // Order numbers such as `A-2026_17`: compiled only if it makes sense.
/// const ORDER: Pattern = identifier_pattern!("A-Z", "A-Z0-9_-", "0-9", 3..=20);
///
/// assert_eq!(ORDER.check("A-2026_17"), Ok("A-2026_17"));
/// assert!(ORDER.check("a-2026_17").is_err());
/// assert!(ORDER.check("\u{410}-2026_17").is_err(), "a Cyrillic A");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    first: u128,
    inner: u128,
    last: u128,
    shortest: usize,
    longest: usize,
}

/// Why a pattern makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// An alphabet is empty, has a letter that is not visible ASCII, or a range from right to left.
    #[error("an alphabet has visible letters of ASCII and ranges such as a-z")]
    Alphabet,
    /// The shortest is 0 or above the longest, or the longest is above 1024.
    #[error("lengths go from 1 or more to {LONGEST} or less")]
    Lengths,
}

impl Pattern {
    /// A pattern whose letters are of one alphabet: letters and ranges, such as `a-zA-Z0-9_-` (a `-` at
    /// the end or at the beginning is itself). Lengths are in characters.
    ///
    /// # Errors
    /// [`PatternError`].
    pub const fn new(
        alphabet: &str,
        shortest: usize,
        longest: usize,
    ) -> Result<Self, PatternError> {
        Self::with_ends(alphabet, alphabet, alphabet, shortest, longest)
    }

    /// A pattern with alphabets of their own for the first and the last letter. A text of one letter
    /// fits both.
    ///
    /// # Errors
    /// [`PatternError`].
    pub const fn with_ends(
        first: &str,
        inner: &str,
        last: &str,
        shortest: usize,
        longest: usize,
    ) -> Result<Self, PatternError> {
        if shortest == 0 || shortest > longest || longest > LONGEST {
            return Err(PatternError::Lengths);
        }
        match (letters(first.as_bytes()), letters(inner.as_bytes()), letters(last.as_bytes())) {
            (Some(first), Some(inner), Some(last)) => {
                Ok(Self { first, inner, last, shortest, longest })
            }
            _ => Err(PatternError::Alphabet),
        }
    }

    /// Whether a text fits; it comes back as it is.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn check<'a>(&self, text: &'a str) -> Result<&'a str, IdentifierError> {
        let (least, most) = (self.shortest, self.longest);
        // Bytes are counted: what has more than one for a letter is refused anyway.
        if !(least..=most).contains(&text.len()) {
            return Err(IdentifierError::Length { least, most });
        }
        let end = text.len() - 1;
        for (at, byte) in text.bytes().enumerate() {
            if !byte.is_ascii() {
                return Err(IdentifierError::NotAscii(at));
            }
            let letter = 1_u128 << byte;
            let starts = at > 0 || self.first & letter != 0;
            let ends = at < end || self.last & letter != 0;
            let within = at == 0 || at == end || self.inner & letter != 0;
            if !(starts && ends && within) {
                return Err(IdentifierError::Letter(at));
            }
        }
        Ok(text)
    }
}

/// The letters of an alphabet, a bit for each.
const fn letters(alphabet: &[u8]) -> Option<u128> {
    let (mut found, mut at) = (0_u128, 0);
    while at < alphabet.len() {
        let first = alphabet[at];
        let is_range = at + 2 < alphabet.len() && alphabet[at + 1] == b'-';
        let last = if is_range { alphabet[at + 2] } else { first };
        if first > last || !first.is_ascii_graphic() || !last.is_ascii_graphic() {
            return None;
        }
        let mut letter = first;
        while letter <= last {
            found |= 1 << letter;
            letter += 1;
        }
        at += if is_range { 3 } else { 1 };
    }
    if found == 0 { None } else { Some(found) }
}

/// A [`Pattern`] that is checked when it is compiled: `identifier_pattern!("a-z0-9", 1..=64)`, or with
/// the alphabets of the first, the inner and the last letter.
///
/// ```compile_fail
/// const NONE: ringfence_guard::identifier::Pattern = ringfence_guard::identifier_pattern!("z-a", 1..=4);
/// ```
#[macro_export]
macro_rules! identifier_pattern {
    ($alphabet:expr, $least:literal..=$most:literal) => {
        $crate::identifier_pattern!($alphabet, $alphabet, $alphabet, $least..=$most)
    };
    ($first:expr, $inner:expr, $last:expr, $least:literal..=$most:literal) => {
        const {
            match $crate::identifier::Pattern::with_ends($first, $inner, $last, $least, $most) {
                Ok(pattern) => pattern,
                Err(_) => ::core::panic!("this pattern makes no sense"),
            }
        }
    };
}
