//! Hashes of tarballs, as Subresource Integrity writes them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use std::fmt;

/// Hash functions of Subresource Integrity, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-1: in old lockfiles; no protection against somebody who makes two tarballs.
    Sha1,
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl Algorithm {
    /// As Subresource Integrity names it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// Hashes of one tarball: `sha512-...`, several with spaces between them (W3C Subresource Integrity).
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Integrity {
    hashes: Vec<(Algorithm, String)>,
}

impl Integrity {
    /// Reads the hashes whose algorithm is known; options after `?` are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let hashes = text.split_ascii_whitespace().filter_map(|one| {
            let (name, rest) = one.split_once('-')?;
            let all = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
            let algorithm = all.into_iter().find(|algorithm| algorithm.id() == name)?;
            let hash = rest.split('?').next().unwrap_or(rest);
            (!hash.is_empty()).then(|| (algorithm, hash.to_owned()))
        });
        Self { hashes: hashes.collect() }
    }

    /// A SHA-1.
    pub(super) fn of_sha1(hash: &[u8]) -> Self {
        Self { hashes: vec![(Algorithm::Sha1, BASE64.encode(hash))] }
    }

    /// Whether nothing in it is a hash.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The algorithms and their hashes in base64, in the order of the text.
    pub fn hashes(&self) -> impl Iterator<Item = (Algorithm, &str)> {
        self.hashes.iter().map(|(algorithm, hash)| (*algorithm, hash.as_str()))
    }

    /// The strongest algorithm.
    #[must_use]
    pub fn strongest(&self) -> Option<Algorithm> {
        self.hashes.iter().map(|(algorithm, _)| *algorithm).max()
    }

    /// Whether both say the same of the strongest algorithm they share; `None` where they share none,
    /// so that nothing can be said.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> Option<bool> {
        let of = |one: &Self, algorithm| {
            let own = one.hashes.iter().filter(|(name, _)| *name == algorithm);
            own.map(|(_, hash)| hash.clone()).collect::<Vec<_>>()
        };
        let shared = self.hashes.iter().map(|(algorithm, _)| *algorithm);
        let shared = shared.filter(|algorithm| !of(other, *algorithm).is_empty()).max()?;
        let theirs = of(other, shared);
        Some(of(self, shared).iter().any(|hash| theirs.contains(hash)))
    }

    /// Whether it has a hash beside those that an older one has of the same algorithm: managers take a
    /// tarball that has any of them, so that another one would pass.
    #[must_use]
    pub fn adds_to(&self, older: &Self) -> bool {
        let knows = |algorithm| older.hashes.iter().any(|(known, _)| *known == algorithm);
        self.hashes.iter().any(|hash| knows(hash.0) && !older.hashes.contains(hash))
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (algorithm, hash)) in self.hashes.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(out, "{space}{}-{hash}", algorithm.id())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_hash_that_both_have_decides() {
        let of = Integrity::parse;
        assert_eq!(of("sha1-a sha512-b").agrees(&of("sha512-b")), Some(true));
        assert_eq!(of("sha1-a sha512-b").agrees(&of("sha1-a sha512-c")), Some(false));
        assert_eq!(of("sha1-a").agrees(&of("sha512-b")), None, "nothing is shared");
        assert!(of("sha512-b sha512-c").adds_to(&of("sha512-b")), "either would pass");
        assert!(!of("sha512-b").adds_to(&of("sha512-b sha512-c")));
        assert!(!of("sha1-a sha512-b").adds_to(&of("sha1-a")), "a stronger one");
        assert_eq!(of("md5-x sha512-").hashes().count(), 0, "unknown or empty");
        assert_eq!(of("sha512-b?x").to_string(), "sha512-b");
    }
}
