//! `[dependencies]`: how a change of the packages is judged, and what was agreed about single ones.
//!
//! None of it is something that the service may do, so no layer looks at it. The codes of findings
//! are listed here because the file names them; what each means is the business of crate `deps`,
//! where a test holds its table to this one.

use crate::source::Located;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How much a finding matters, in the words of `npm audit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, no more.
    Info,
    /// Look at it when there is time.
    Low,
    /// Look at it before the change is taken.
    Moderate,
    /// Do not take the change before somebody answered the question.
    High,
    /// Do not install it.
    Critical,
}

impl Severity {
    /// All, the least first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Moderate, Self::High, Self::Critical];

    /// As it is written.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of an id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.id() == id)
    }
}

/// The codes of what a review of a lockfile finds, in the order in which they are documented.
pub const REVIEW_CODES: [&str; 19] = [
    "known-bad",
    "integrity-changed",
    "wrong-source",
    "similar-name",
    "new-install-script",
    "source-changed",
    "exotic-source",
    "new-dependency",
    "young-version",
    "version-gone",
    "odd-version",
    "unreachable",
    "range-unsatisfied",
    "native-addon",
    "maintainer-or-repository-changed",
    "provenance-lost",
    "licence-changed",
    "transitive-bumps",
    "scope-burst",
];

/// The codes of what is found before a package is published, in the order in which they are documented.
pub const PUBLISH_CODES: [&str; 25] = [
    "secret-shipped",
    "missing-target",
    "contents-differ",
    "own-install-script",
    "program-shipped",
    "link-left-out",
    "hard-link",
    "stray-file",
    "sources-shipped",
    "large-file",
    "incomplete-manifest",
    "built-on-publish",
    "untrusted-checkout",
    "long-lived-token",
    "no-trusted-publishing",
    "no-provenance",
    "old-npm",
    "unpinned-action",
    "wide-permissions",
    "shared-cache",
    "unfrozen-install",
    "install-scripts-on",
    "no-environment",
    "unprotected-workflow",
    "local-publish",
];

/// Beginnings of the names of advisories, which can be accepted like codes.
pub const ADVISORIES: [&str; 3] = ["GHSA-", "CVE-", "MAL-"];

/// `[dependencies]`
#[derive(Debug, Clone, Default)]
pub struct Dependencies {
    /// The least severity that fails a review; high where it is not said.
    pub fail_on: Option<Located<Severity>>,
    /// Severities that are other than the table of codes has them.
    pub severity: BTreeMap<String, Located<Severity>>,
    /// How old a version has to be; three days where it is not said.
    pub minimum_age: Option<Located<Duration>>,
    /// Names that are published by the owner of this file alone, and where each comes from.
    pub internal: Vec<Internal>,
    /// Lists of versions that must not be installed: files or folders, relative ones against the
    /// folder of the boundary file.
    pub known_bad: Vec<Located<String>>,
    /// Findings that somebody agreed to.
    pub accept: Vec<Accepted>,
    /// Versions that may run something when they are installed.
    pub scripts: Vec<Script>,
    /// Versions that shall not, on purpose; none of them is in `scripts` too.
    pub denied_scripts: Vec<DeniedScript>,
}

/// What an unset `minimum-age` is: most of the incidents on record were over within it.
pub const MINIMUM_AGE: Duration = Duration::from_hours(72);

impl Dependencies {
    /// The least severity that fails.
    #[must_use]
    pub fn fails_on(&self) -> Severity {
        self.fail_on.as_ref().map_or(Severity::High, |severity| severity.value)
    }

    /// Entries about which somebody decided, one way or the other.
    pub fn decided_scripts(&self) -> impl Iterator<Item = &Script> {
        self.scripts.iter().chain(self.denied_scripts.iter().map(|one| &one.script))
    }

    /// How old a version has to be.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.minimum_age.as_ref().map_or(MINIMUM_AGE, |age| age.value)
    }
}

/// Packages that come from one registry and from nowhere else.
#[derive(Debug, Clone)]
pub struct Internal {
    /// A scope (`@acme`), a name, or the beginning of names (`acme-*`).
    pub name: Located<String>,
    /// Beginning of the addresses they come from, without a `/` at its end.
    pub registry: Located<String>,
}

/// A finding that somebody agreed to.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Its code, or the name of an advisory.
    pub code: Located<String>,
    /// `name`, `name@version`, or `@scope/*`; a path for what is found before publishing.
    pub package: Located<String>,
    /// Why.
    pub reason: Located<String>,
    /// The first moment at which it does not hold any more, in seconds since 1970.
    pub until: Option<Located<i64>>,
}

impl Accepted {
    /// Whether it is about this `name@version`.
    #[must_use]
    pub fn is_about(&self, package: &str) -> bool {
        matches_package(&self.package.value, package)
    }
}

/// A version that may run something when it is installed.
#[derive(Debug, Clone)]
pub struct Script {
    /// npm package name.
    pub package: Located<String>,
    /// Its version; every version where it is not said.
    pub version: Option<Located<String>>,
    /// SHA-512 of its tarball in base64, without `sha512-` in front.
    pub sha512: Option<Located<String>>,
}

impl Script {
    /// Whether there could be a tarball that this and another entry are both about.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let meet = |one: &Option<Located<String>>, two: &Option<Located<String>>| match (one, two) {
            (Some(one), Some(two)) => one.value == two.value,
            _ => true,
        };
        self.package.value == other.package.value
            && meet(&self.version, &other.version)
            && meet(&self.sha512, &other.sha512)
    }
}

/// A version that shall not run anything when it is installed, and why.
#[derive(Debug, Clone)]
pub struct DeniedScript {
    /// Which.
    pub script: Script,
    /// Why it does without.
    pub reason: Located<String>,
}

/// Whether a pattern (`name`, `name@version`, `@scope`, `@scope/*`, `prefix*`) is about a
/// `name@version`.
#[must_use]
pub fn matches_package(pattern: &str, package: &str) -> bool {
    if pattern == package {
        return true;
    }
    let at = package.char_indices().skip(1).find(|(_, mark)| *mark == '@').map(|(at, _)| at);
    let name = at.map_or(package, |at| &package[..at]);
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None if pattern.starts_with('@') && !pattern.contains('/') => {
            name.split_once('/').is_some_and(|(scope, _)| scope == pattern)
        }
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_what_it_names_and_nothing_beside() {
        for (pattern, package) in [
            ("a", "a@1.0.0"),
            ("a@1.0.0", "a@1.0.0"),
            ("@s", "@s/a@1.0.0"),
            ("@s/*", "@s/a@1.0.0"),
            ("@s/a", "@s/a"),
            ("acme-*", "acme-x@2.0.0"),
            ("*", "a@1.0.0"),
            ("*", ""),
        ] {
            assert!(matches_package(pattern, package), "{pattern} {package}");
        }
        for (pattern, package) in [
            ("a", "ab@1.0.0"),
            ("a@1.0.0", "a@1.0.1"),
            ("@s", "@sx/a@1.0.0"),
            ("@s/*", "@s-x/a@1.0.0"),
            ("acme-*", "acme@2.0.0"),
        ] {
            assert!(!matches_package(pattern, package), "{pattern} {package}");
        }
    }
}
