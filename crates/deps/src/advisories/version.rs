//! Versions in the order of Semantic Versioning 2.0.0, clause 11.
//!
//! This is all that the events of an advisory need: no ranges. Versions are read a little more widely
//! than the standard writes them (`v1.2`, `1`), as databases do.

use std::cmp::Ordering;

/// A version that can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version<'a> {
    numbers: [u64; 3],
    /// Identifiers behind the first `-`, without what stands behind `+`.
    prerelease: Option<&'a str>,
}

impl<'a> Version<'a> {
    /// Reads a version; `None` for what has no place in the order.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['v', '=']);
        let text = text.split('+').next().unwrap_or(text);
        let (core, prerelease) = match text.split_once('-') {
            Some((core, prerelease)) => (core, Some(prerelease)),
            None => (text, None),
        };
        let mut numbers = [0; 3];
        let mut parts = core.split('.');
        for (index, number) in numbers.iter_mut().enumerate() {
            match parts.next() {
                Some(part) if part.bytes().all(|byte| byte.is_ascii_digit()) => {
                    *number = part.parse().ok()?;
                }
                None if index > 0 => {}
                _ => return None,
            }
        }
        let identifier = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let fits =
            parts.next().is_none() && prerelease.is_none_or(|all| all.split('.').all(identifier));
        fits.then_some(Self { numbers, prerelease })
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.prerelease, other.prerelease) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(two)) => prereleases(one, two),
        })
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers as numbers and before words, words by their bytes, fewer before more.
fn prereleases(one: &str, two: &str) -> Ordering {
    let (mut one, mut two) = (one.split('.'), two.split('.'));
    loop {
        let order = match (one.next(), two.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(two)) => match (number(one), number(two)) {
                // Numbers of any length: without zeros in front, the longer is the larger.
                (Some(one), Some(two)) => one.len().cmp(&two.len()).then_with(|| one.cmp(two)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => one.cmp(two),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn number(text: &str) -> Option<&str> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_one_of_the_standard() {
        let ordered = [
            "0",
            "0.0.1-0",
            "0.0.1",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-beta.99999999999999999999999",
            "1.0.0-rc.1",
            "1.0.0-x-y",
            "1.0.0",
            "1.0.1",
            "1.2",
            "1.10.0",
            "v2",
            "2.1.0-0",
            "2.1.0",
        ];
        let read = ordered.map(|text| Version::parse(text).unwrap());
        for (index, pair) in read.windows(2).enumerate() {
            assert!(pair[0] < pair[1], "{} < {}", ordered[index], ordered[index + 1]);
        }
        assert_eq!(Version::parse("1.0.0+build").unwrap(), Version::parse("=1.0.0").unwrap());
    }

    #[test]
    fn what_has_no_place_in_the_order_is_no_version() {
        for text in [
            "",
            "x",
            "1.2.3.4",
            "1..2",
            "1.x",
            "1.0.0-",
            "1.0.0-a..b",
            "1.0.0-a_b",
            "-1",
            "1.-2",
            "99999999999999999999.0.0",
        ] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }
}
