//! npm's versions and ranges, where they can be read.
//!
//! What cannot be read (a tag, an address, a range of a form that nobody writes) is not judged:
//! [`satisfies`] says `None` and neither yes nor no.

use nodejs_semver::{Range, Version};

/// A version by npm's rules; `None` of anything else.
#[must_use]
pub fn version(text: &str) -> Option<Version> {
    // Versions are short; a long one is an attempt at the reader.
    (text.len() <= 256).then(|| Version::parse(text).ok()).flatten()
}

/// Whether a version is what a range asks for, by npm's rules for versions before a release.
///
/// The range may have an alias or a protocol of Yarn in front (`npm:other@^1.0.0`, `npm:^1.0.0`).
#[must_use]
pub fn satisfies(range: &str, found: &str) -> Option<bool> {
    let range = plain(range)?;
    if range.len() > 512 {
        return None;
    }
    // Nothing before or behind `||` is every release.
    let all = range.split("||").any(|one| one.trim().is_empty());
    let range = Range::parse(if all { "*" } else { range.trim() }).ok()?;
    Some(range.satisfies(&version(found)?))
}

/// The range behind an alias; `None` where it is an address or another protocol.
fn plain(range: &str) -> Option<&str> {
    let Some(rest) = range.strip_prefix("npm:") else {
        return (!range.contains([':', '/'])).then_some(range);
    };
    let at = rest.char_indices().skip(1).find(|(_, mark)| *mark == '@').map(|(at, _)| at);
    match at {
        Some(at) => Some(&rest[at + 1..]),
        None if rest.starts_with(|c: char| c.is_ascii_digit() || "^~*<>=x".contains(c)) => {
            Some(rest)
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_what_npm_says_it_has() {
        for (range, has, has_not) in [
            ("^1.2.3", "1.9.0", "2.0.0"),
            ("^0.2.3", "0.2.9", "0.3.0"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("~1.2.3", "1.2.9", "1.3.0"),
            ("~1", "1.9.9", "2.0.0"),
            ("1.x", "1.0.0", "2.0.0"),
            ("", "4.5.6", "4.5.6-rc.1"),
            ("*", "4.5.6", "4.5.6-rc.1"),
            (">=1.0.0 <2.0.0", "1.5.0", "2.0.0"),
            ("1.0.0 - 2.0.0", "2.0.0", "2.0.1"),
            ("1.0 - 2", "2.9.9", "3.0.0"),
            ("^1.0.0 || ^3.0.0", "3.1.0", "2.0.0"),
            ("^1.0.0 ||", "3.1.0", "3.1.0-rc.1"),
            ("=1.2.3", "1.2.3", "1.2.4"),
            ("<=2", "2.9.9", "3.0.0"),
            (">1.2", "1.3.0", "1.2.9"),
            ("^1.2.3-beta.2", "1.2.3-beta.4", "1.2.4-beta.2"),
            ("npm:other@^1.0.0", "1.2.0", "2.0.0"),
            ("npm:@s/other@^1.0.0", "1.2.0", "2.0.0"),
            ("npm:^1.0.0", "1.2.0", "2.0.0"),
            (">= 1.0.0", "1.0.0", "0.9.0"),
        ] {
            assert_eq!(satisfies(range, has), Some(true), "{range} {has}");
            assert_eq!(satisfies(range, has_not), Some(false), "{range} {has_not}");
        }
    }

    #[test]
    fn what_is_no_range_is_not_judged() {
        for range in [
            "latest",
            "github:a/b",
            "a/b",
            "file:../a",
            "workspace:^",
            "catalog:",
            "https://files.example/a.tgz",
            "npm:other",
        ] {
            assert_eq!(satisfies(range, "1.0.0"), None, "{range}");
        }
        assert_eq!(satisfies("^1.0.0", "not a version"), None);
        assert_eq!(satisfies(&"1 || ".repeat(1000), "1.0.0"), None);
    }
}
