//! A version that stands on a list of the user's: lines of `name@version`, or advisories in the OSV
//! format. Every package is looked at, not only what is new.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::ranges::version;
use nodejs_semver::Version;
use ringfence_policy::display::quoted;
use serde::Deserialize;
use std::collections::HashMap;

pub(super) const SIGNAL: Signal = Signal {
    code: "known-bad",
    question: "was it installed anywhere, and what could it reach there?",
    severity: Severity::Critical,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in &review.change.after {
        if let Some(id) = review.known_bad.names(release.name, release.version) {
            found
                .add(copies.first(), format!("is on the list of what must not be installed: {id}"));
        }
    }
}

/// Versions that must not be installed.
#[derive(Debug, Default, Clone)]
pub struct KnownBad {
    entries: HashMap<String, Vec<Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// Where it stands, or the name of the advisory.
    id: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Every,
    Versions(Vec<String>),
    /// From a version, up to one that is not included, or up to one that is.
    Range {
        from: Option<Version>,
        below: Option<Version>,
        last: Option<Version>,
    },
}

/// Why a list is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnownBadError {
    /// A line is no package.
    #[error("line {line}: name@version is expected: {}", quoted(text))]
    Line {
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// It is no advisory in the OSV format.
    #[error("not an advisory in the OSV format: {message}")]
    Osv {
        /// What the reader said.
        message: String,
    },
}

/// An advisory, as far as it is needed (OSV 1.7).
#[derive(Deserialize)]
struct Advisory {
    id: String,
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Deserialize)]
struct Affected {
    package: Option<Named>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    ranges: Vec<Range>,
}

#[derive(Deserialize)]
struct Named {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    events: Vec<Event>,
    r#type: String,
}

#[derive(Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

impl KnownBad {
    /// Adds a list: lines of `name@version` or `name` with `#` before comments, or an advisory (or a
    /// list of them) where the text begins as JSON does. `file` is its name in findings.
    ///
    /// # Errors
    /// A line that is no package, or what is no advisory. Nothing of such a list is kept.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), KnownBadError> {
        let osv = |error: &serde_json::Error| KnownBadError::Osv { message: error.to_string() };
        match text.trim_start().chars().next() {
            Some('{') => {
                let advisory = serde_json::from_str(text).map_err(|error| osv(&error))?;
                self.advisory(advisory);
            }
            Some('[') => {
                let all: Vec<Advisory> = serde_json::from_str(text).map_err(|error| osv(&error))?;
                for advisory in all {
                    self.advisory(advisory);
                }
            }
            _ => self.lines(file, text)?,
        }
        Ok(())
    }

    fn lines(&mut self, file: &str, text: &str) -> Result<(), KnownBadError> {
        let mut entries = Vec::new();
        for (line, raw) in (1..).zip(text.lines()) {
            let content = raw.split('#').next().unwrap_or(raw).trim();
            if content.is_empty() {
                continue;
            }
            let wrong = || KnownBadError::Line { line, text: content.to_owned() };
            if content.contains(char::is_whitespace) {
                return Err(wrong());
            }
            let at = content.char_indices().skip(1).find(|(_, mark)| *mark == '@');
            let (name, what) = match at {
                None => (content, What::Every),
                Some((at, _)) => {
                    let found = &content[at + 1..];
                    version(found).ok_or_else(wrong)?;
                    (&content[..at], What::Versions(vec![found.to_owned()]))
                }
            };
            entries.push((name.to_owned(), Entry { id: format!("{file}:{line}"), what }));
        }
        for (name, entry) in entries {
            self.entries.entry(name).or_default().push(entry);
        }
        Ok(())
    }

    fn advisory(&mut self, advisory: Advisory) {
        if advisory.withdrawn.is_some() {
            return;
        }
        for affected in advisory.affected {
            let Some(package) = affected.package.filter(|one| one.ecosystem == "npm") else {
                continue;
            };
            let entries = self.entries.entry(package.name).or_default();
            let mut add = |what| entries.push(Entry { id: advisory.id.clone(), what });
            if !affected.versions.is_empty() {
                add(What::Versions(affected.versions));
            }
            for range in affected.ranges.iter().filter(|range| range.r#type != "GIT") {
                spans(&range.events).into_iter().for_each(&mut add);
            }
        }
    }

    /// The list or advisory that names a release.
    #[must_use]
    pub fn names(&self, name: &str, release: &str) -> Option<&str> {
        let entries = self.entries.get(name)?;
        let is = version(release);
        let hit = |entry: &&Entry| match &entry.what {
            What::Every => true,
            What::Versions(versions) => versions.iter().any(|one| one == release),
            What::Range { from, below, last } => is.as_ref().is_some_and(|is| {
                from.as_ref().is_none_or(|from| is >= from)
                    && below.as_ref().is_none_or(|below| is < below)
                    && last.as_ref().is_none_or(|last| is <= last)
            }),
        };
        entries.iter().find(hit).map(|entry| entry.id.as_str())
    }

    /// Whether nothing is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The spans between events, in their order.
fn spans(events: &[Event]) -> Vec<What> {
    let mut spans = Vec::new();
    let mut open = None;
    for event in events {
        if let Some(from) = &event.introduced {
            open = Some(version(from));
        }
        let below = event.fixed.as_deref().and_then(version);
        let last = event.last_affected.as_deref().and_then(version);
        if below.is_some() || last.is_some() {
            let from = open.take().flatten();
            spans.push(What::Range { from, below, last });
        }
    }
    if let Some(from) = open {
        spans.push(What::Range { from, below: None, last: None });
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::{KnownBad, KnownBadError};
    use crate::evidence::LockfileAlone;
    use crate::review::testing::outcome_by;
    use ringfence_policy::dependencies::Dependencies;

    const OSV: &str = r#"{"id": "MAL-2026-1", "affected": [
      {"package": {"ecosystem": "npm", "name": "b"}, "versions": ["3.0.0"],
       "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}, {"introduced": "2.0.0"}, {"last_affected": "2.1.0"}]}]},
      {"package": {"ecosystem": "PyPI", "name": "a"}, "versions": ["1.0.0"]}]}"#;

    #[test]
    fn what_is_on_a_list_is_found_though_it_was_there_before() {
        let lock = r#""node_modules/a": {"version": "1.0.0"}"#;
        for (list, count) in [("# from a friend\na@1.0.0\n", 1), ("a", 1), ("a@1.0.1\n", 0)] {
            let mut known = KnownBad::default();
            known.add("bad.txt", list).unwrap();
            let found =
                outcome_by(lock, lock, &LockfileAlone, &Dependencies::default(), &known).findings;
            assert_eq!(found.len(), count, "{list}");
            assert!(found.iter().all(|one| one.code == "known-bad"));
        }
    }

    #[test]
    fn advisories_name_versions_and_spans_of_them() {
        let mut known = KnownBad::default();
        known.add("MAL-2026-1.json", OSV).unwrap();
        for version in ["0.1.0", "1.1.9", "2.0.0", "2.1.0", "3.0.0"] {
            assert_eq!(known.names("b", version), Some("MAL-2026-1"), "{version}");
        }
        for version in ["1.2.0", "2.1.1", "3.0.1"] {
            assert_eq!(known.names("b", version), None, "{version}");
        }
        assert_eq!(known.names("a", "1.0.0"), None, "another ecosystem");
        let mut none = KnownBad::default();
        none.add(
            "x.json",
            &OSV.replacen("{\"id\"", "{\"withdrawn\": \"2026-01-01T00:00:00Z\", \"id\"", 1),
        )
        .unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn what_is_no_list_is_an_error_with_its_line() {
        let add = |text: &str| KnownBad::default().add("x", text).unwrap_err();
        assert_eq!(
            add("a@1.0.0\nb 1.0.0\n"),
            KnownBadError::Line { line: 2, text: "b 1.0.0".to_owned() }
        );
        assert!(matches!(add("a@*"), KnownBadError::Line { line: 1, .. }));
        assert!(matches!(add("{\"id\": 1}"), KnownBadError::Osv { .. }));
    }
}
