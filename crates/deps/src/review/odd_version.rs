//! A version that does not follow the one before: lower, very far ahead, or with a word behind it
//! that no release has.
//!
//! A name that several registries have resolves to the highest version, so an attacker takes a very
//! high one; colors `1.4.44-liberty` had a word that was no stage of a release. Projects take up the
//! numbers of something else (`chromedriver` those of Chrome) or of the year, and put a letter behind a
//! build: that is told and does not fail. Neither does a word that another package asks for by name, as
//! where a last version says that it is a placeholder: no range takes such a version by itself. Who can
//! write what that package asks for could as well ask for a package of another name.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::ranges::version;
use nodejs_semver::{Identifier, Version};
use ringfence_project::graph::Target;
use std::ops::RangeInclusive;

pub(super) const SIGNAL: Signal = Signal {
    code: "odd-version",
    question: "does this version follow the one before?",
    severity: Severity::High,
    find,
};

/// Major numbers ahead that no project skips.
const AHEAD: u64 = 20;

/// Major numbers above which years and builds are counted.
const COUNTED: u64 = 90;

/// Major numbers that are years.
const YEARS: RangeInclusive<u64> = 2000..=2100;

/// Letters of the shortest word that says something; what is shorter counts builds.
const WORD: usize = 4;

/// What stands behind versions before a release, in front of numbers.
#[rustfmt::skip]
const STAGES: [&str; 42] = [
    "a", "alpha", "b", "beta", "build", "c", "canary", "dev", "develop", "draft", "edge",
    "experimental", "feat", "feature", "final", "fix", "fork", "hotfix", "insiders", "internal",
    "legacy", "lts", "m", "main", "master", "milestone", "next", "nightly", "patch", "post", "pr",
    "pre", "prerelease", "preview", "rc", "release", "security", "snapshot", "stable", "test",
    "trunk", "unstable",
];

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in review.added() {
        let Some(is) = version(release.version) else { continue };
        let package = copies.first();
        let earlier: Vec<Version> = review
            .change
            .earlier(release.name)
            .filter_map(|(release, _)| version(release.version))
            .collect();
        let Some(highest) = earlier.iter().max() else {
            if (COUNTED..1900).contains(&is.major()) {
                let message = "a new name with a very high version".to_owned();
                found.add_as(Severity::Moderate, package, message);
            }
            continue;
        };
        if let Some(word) = odd_word(&is).filter(|word| !earlier.iter().any(|old| has(old, word))) {
            let message = format!("has a word behind it that no release has: {word}");
            let asked = is_asked_for(review, release.name, &word);
            let severity = if asked { Severity::Moderate } else { SIGNAL.severity };
            found.add_as(severity, package, message);
        } else if is.major() > highest.major() + AHEAD && highest.major() < COUNTED {
            let severity = if is.major() < COUNTED || YEARS.contains(&is.major()) {
                Severity::Moderate
            } else {
                Severity::High
            };
            found.add_as(severity, package, format!("is very far ahead of {highest}"));
        } else if is_back(review, release.name, &is, &earlier) {
            found.add_as(Severity::Moderate, package, format!("is lower than {highest} was"));
        } else if is.is_prerelease() && earlier.iter().all(|old| !old.is_prerelease()) {
            let message = format!("is a version before a release, and {highest} was a release");
            found.add_as(Severity::Low, package, message);
        }
    }
}

/// Whether another package asks for a version of this name with this very word.
fn is_asked_for(review: &Review<'_>, name: &str, word: &str) -> bool {
    let new = review.change.new;
    let others = new.packages.iter().filter(|other| other.name != name);
    others.flat_map(|other| &other.edges).any(|edge| {
        let leads = matches!(edge.to, Some(Target::Package(id)) if new.package(id).name == name);
        leads && edge.range.contains(word)
    })
}

/// Below everything that was there, none of which is left.
fn is_back(review: &Review<'_>, name: &str, is: &Version, earlier: &[Version]) -> bool {
    let gone = review.change.earlier(name).all(|(old, _)| !review.change.after.contains_key(old));
    gone && earlier.iter().all(|old| is < old)
}

/// The first word behind the version that is no stage of a release. A build names its commit, and the
/// words beside it are those of a branch.
fn odd_word(version: &Version) -> Option<String> {
    let commit = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        part.len() >= 7
            && part.bytes().all(|b| b.is_ascii_hexdigit())
            && (1..part.len()).contains(&digits)
    };
    if version.to_string().split(['-', '.', '_', '+']).any(commit) {
        return None;
    }
    let words = version.pre_release().iter().filter_map(|one| match one {
        Identifier::AlphaNumeric(text) => Some(text.clone()),
        Identifier::Numeric(_) => None,
    });
    words.into_iter().find(|text| {
        let stage = |part: &str| {
            let letters = part.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
            STAGES.contains(&letters.as_str())
        };
        // Dates, builds and hashes begin with a digit or are hexadecimal.
        let built = text.starts_with(|c: char| c.is_ascii_digit())
            || text.len() >= 7 && text.chars().all(|c| c.is_ascii_hexdigit());
        let letters = text.chars().filter(char::is_ascii_alphabetic).count();
        !built && letters >= WORD && !text.split(['-', '_']).any(stage)
    })
}

fn has(version: &Version, word: &str) -> bool {
    odd_word(version).as_deref() == Some(word)
}

#[cfg(test)]
mod tests {
    use crate::review::testing::outcome;

    fn severity(old: &str, new: &str) -> Option<&'static str> {
        let lock = |version: &str| format!(r#""node_modules/a": {{"version": "{version}"}}"#);
        let found = outcome(&lock(old), &lock(new)).findings;
        found.iter().find(|one| one.code == "odd-version").map(|one| one.severity.id())
    }

    #[test]
    fn versions_that_do_not_follow_are_found() {
        assert_eq!(severity("1.4.0", "1.4.44-liberty-2"), Some("high"));
        assert_eq!(severity("1.2.0", "99.99.99"), Some("high"));
        assert_eq!(severity("2.44.1", "77.0.0"), Some("moderate"), "the numbers of something else");
        assert_eq!(severity("4.2.0", "2026.1.0"), Some("moderate"), "years");
        assert_eq!(severity("1.2.0", "1.1.9"), Some("moderate"));
        assert_eq!(severity("1.2.0", "1.3.0-rc.1"), Some("low"));
        assert_eq!(severity("3.4.17", "3.4.20-somebranch.1.60e7a2e"), Some("low"), "a build");
        assert_eq!(severity("4.2.1", "5.0.0-security.0"), Some("low"), "a repair");
    }

    #[test]
    fn a_word_that_another_package_asks_for_does_not_fail() {
        let lock = |version: &str, mine: &str, others: &str| {
            format!(
                r#""": {{"dependencies": {{"a": "{mine}", "b": "1.0.0"}}}},
                "node_modules/a": {{"version": "{version}"}},
                "node_modules/b": {{"version": "1.0.0", "dependencies": {{"a": "{others}"}}}}"#
            )
        };
        let word = "1.4.1-placeholder-for-env.2";
        let severity = |mine: &str, others: &str| {
            let found = outcome(&lock("1.4.0", "*", "*"), &lock(word, mine, others)).findings;
            found.iter().find(|one| one.code == "odd-version").map(|one| one.severity.id())
        };
        assert_eq!(severity("*", word), Some("moderate"));
        assert_eq!(severity("*", "*"), Some("high"));
        assert_eq!(severity(word, "*"), Some("high"), "a tool may have written that");
    }

    #[test]
    fn versions_that_follow_are_not() {
        for (old, new) in [
            ("1.2.0", "1.2.1"),
            ("1.2.0", "2.0.0"),
            ("9.2.0", "14.0.0"),
            ("1.2.0-rc.1", "1.2.0-rc.2"),
            ("18.0.0-canary-0123abcd-20260101", "19.0.0-canary-4567abcd-20260201"),
            ("1.0.0-liberty", "1.0.1-liberty"),
            ("2024.1.0", "2026.1.0"),
            ("0.25.0-2", "0.26.0-d"),
        ] {
            assert_eq!(severity(old, new), None, "{old} {new}");
        }
    }
}
