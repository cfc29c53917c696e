//! What is known to be wrong with versions of packages: advisories, and where they are kept.
//!
//! Advisories come in the form of OSV and are kept in an [`Index`], so that an audit asks nobody; or
//! the registry is asked, which gives [`bulk`] answers of its own form. Both become an [`Advisory`] for
//! each package. Which versions are affected is decided as OSV says (its "Evaluation"), by Semantic
//! Versioning's order. Texts in an advisory are somebody else's: whoever shows them escapes them.

pub mod bulk;
mod import;
mod index;
mod osv;
mod severity;
mod version;

pub use import::{Import, ImportError, Imported};
pub use index::{Index, IndexError, write};
pub(crate) use osv::documents;

use crate::Severity;
use crate::ranges;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use version::Version;

/// Something that is wrong with versions of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// Its name in its database: `GHSA-...`, `CVE-...`, `MAL-...`.
    pub id: String,
    /// Its names in others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How bad; `None` where nobody said.
    #[serde(default, deserialize_with = "severity::read", skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What it is about, in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The versions.
    #[serde(default, skip_serializing_if = "Affected::is_nothing")]
    pub affected: Affected,
}

/// The advisories of packages, by name.
pub type Advisories = BTreeMap<String, Vec<Advisory>>;

/// Versions that are affected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// From one version to another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
    /// Single versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Ranges as npm writes them: only registries say it so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<String>,
}

/// From one version to another, or to all that come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first affected version; `0` is before every version.
    pub from: String,
    /// Where it ends.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub to: Option<End>,
}

/// Where a span ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The first version that is not affected any more.
    Before(String),
    /// The last affected version.
    Through(String),
}

/// Whether a version is affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Affected,
    /// It cannot be told: the version, or what the advisory says, has no place in any order.
    Unknown,
    /// It is not.
    Unaffected,
}

impl Affected {
    /// Whether it names no version at all.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.spans.is_empty() && self.versions.is_empty() && self.ranges.is_empty()
    }

    /// Whether a version is affected. An advisory that names no version at all is about every version.
    #[must_use]
    pub fn judge(&self, version: &str) -> Verdict {
        let single = self.versions.iter().any(|one| one == version);
        if single || self.is_nothing() {
            return Verdict::Affected;
        }
        let mut verdict = Verdict::Unaffected;
        let parsed = Version::parse(version);
        let in_span = |span: &Span| parsed.as_ref().map(|version| span.holds(version));
        let in_range = |range: &String| is_in(range, version);
        let all = self.spans.iter().map(in_span).chain(self.ranges.iter().map(in_range));
        for one in all {
            match one {
                Some(true) => return Verdict::Affected,
                Some(false) => {}
                None => verdict = Verdict::Unknown,
            }
        }
        verdict
    }

    /// Versions with which a span ends and which it does not hold any more: where a fix may be.
    pub fn fixes(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().filter_map(|span| match &span.to {
            Some(End::Before(version)) => Some(version.as_str()),
            Some(End::Through(_)) | None => None,
        })
    }
}

impl Span {
    /// What cannot be compared does not bound: a version that nobody can place is no reason to call
    /// others safe.
    fn holds(&self, version: &Version<'_>) -> bool {
        let after =
            Version::parse(&self.from).is_none_or(|from| self.from == "0" || *version >= from);
        after
            && match &self.to {
                None => true,
                Some(End::Before(end)) => Version::parse(end).is_none_or(|end| *version < end),
                Some(End::Through(end)) => Version::parse(end).is_none_or(|end| *version <= end),
            }
    }
}

/// Whether a version is in a range of npm's. One before a release counts as the release too: npm's ranges
/// leave such versions out, and a vulnerable one is no better for its name.
fn is_in(range: &str, version: &str) -> Option<bool> {
    let release = version.split('-').next().unwrap_or(version);
    let own = ranges::satisfies(range, version)?;
    Some(own || ranges::satisfies(range, release)?)
}

/// Whether one version comes before another; `false` where one has no place in the order.
#[must_use]
pub(crate) fn is_before(one: &str, two: &str) -> bool {
    Version::parse(one).zip(Version::parse(two)).is_some_and(|(one, two)| one < two)
}

/// Reads arbitrary bytes as an advisory, an index and an answer of a registry: whether what came of it
/// keeps its promises. For fuzzing.
#[doc(hidden)]
#[must_use]
pub fn fuzz_advisory(bytes: &[u8]) -> bool {
    let mut import = Import::default();
    let mut kept = true;
    if import.read_json("fuzz.json", bytes).is_ok() {
        let (text, imported) = import.into_index();
        kept = Index::parse(text.into_bytes()).is_ok_and(|index| {
            index.packages() == imported.packages && index.entries() == imported.entries
        });
    }
    if let Ok(index) = Index::parse(bytes.to_vec()) {
        for name in ["a", "@s/a", "lodash"] {
            for advisory in index.of(name).unwrap_or_default() {
                let _ = advisory.affected.judge("1.2.3-rc.1");
            }
        }
    }
    let asked = BTreeMap::from([("a".to_owned(), vec!["1.0.0".to_owned()])]);
    if let Ok(answer) = bulk::read(bytes, &asked) {
        kept &= answer.keys().all(|name| asked.contains_key(name));
    }
    kept
}

#[cfg(test)]
mod tests;
