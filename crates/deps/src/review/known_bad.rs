//! A version that stands on a list of the user's: lines of `name@version`, or advisories in the OSV
//! format. Every package is looked at, not only what is new.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::advisories::{Advisory, Affected, Verdict, documents};
use crate::ranges::version;
use ringfence_policy::display::quoted;
use std::collections::HashMap;

pub(super) const SIGNAL: Signal = Signal {
    code: "known-bad",
    question: "was it installed anywhere, and what could it reach there?",
    severity: Severity::Critical,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in &review.change.after {
        let package = copies.first();
        match review.known_bad.judge(release.name, package.version.as_deref()) {
            None | Some((_, Verdict::Unaffected)) => {}
            Some((id, Verdict::Affected)) => {
                let message = format!("is on the list of what must not be installed: {id}");
                found.add(package, message);
            }
            Some((id, Verdict::Unknown)) => {
                let why = format!("its version cannot be compared with those that {id} names");
                found.unknown(&why);
            }
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
    affected: Affected,
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

impl KnownBad {
    /// Adds a list: lines of `name@version` or `name` with `#` before comments, or an advisory (or a
    /// list of them) where the text begins as JSON does. `file` is its name in findings.
    ///
    /// # Errors
    /// A line that is no package, or what is no advisory. Nothing of such a list is kept.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), KnownBadError> {
        let entries = match text.trim_start().chars().next() {
            Some('{' | '[') => advisories(text)?,
            _ => lines(file, text)?,
        };
        for (name, entry) in entries {
            self.entries.entry(name).or_default().push(entry);
        }
        Ok(())
    }

    /// The list or advisory that says most of a version, and what it says; nothing where none names the
    /// package.
    #[must_use]
    pub fn judge(&self, name: &str, version: Option<&str>) -> Option<(&str, Verdict)> {
        let judged = self.entries.get(name)?.iter().map(|entry| {
            let verdict = match version {
                Some(version) => entry.affected.judge(version),
                None if entry.affected.is_nothing() => Verdict::Affected,
                None => Verdict::Unknown,
            };
            (entry.id.as_str(), verdict)
        });
        judged.min_by_key(|(_, verdict)| match verdict {
            Verdict::Affected => 0,
            Verdict::Unknown => 1,
            Verdict::Unaffected => 2,
        })
    }

    /// Whether nothing is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

type Entries = Vec<(String, Entry)>;

/// Lines of `name@version`, or a name alone for every version.
fn lines(file: &str, text: &str) -> Result<Entries, KnownBadError> {
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
        let mut affected = Affected::default();
        let at = content.char_indices().skip(1).find(|(_, mark)| *mark == '@');
        let name = match at {
            None => content,
            Some((at, _)) => {
                let found = &content[at + 1..];
                version(found).ok_or_else(wrong)?;
                affected.versions.push(found.to_owned());
                &content[..at]
            }
        };
        entries.push((name.to_owned(), Entry { id: format!("{file}:{line}"), affected }));
    }
    Ok(entries)
}

/// Advisories that nobody took back. One that names no version is about all of them.
fn advisories(text: &str) -> Result<Entries, KnownBadError> {
    let osv = |message: String| KnownBadError::Osv { message };
    let documents = documents(text.as_bytes()).map_err(|error| osv(error.to_string()))?;
    let mut entries = Vec::new();
    for document in documents.into_iter().filter(|document| !document.is_withdrawn()) {
        let about = document.about().map_err(|why| osv(why.to_owned()))?;
        let entry = |one: Advisory| Entry { id: one.id, affected: one.affected };
        entries.extend(about.into_iter().map(|(name, one)| (name, entry(one))));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::{KnownBad, KnownBadError};
    use crate::advisories::Verdict;
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
            let told = known.judge("b", Some(version));
            assert_eq!(told, Some(("MAL-2026-1", Verdict::Affected)), "{version}");
        }
        for version in ["1.2.0", "2.1.1", "3.0.1"] {
            let told = known.judge("b", Some(version));
            assert_eq!(told, Some(("MAL-2026-1", Verdict::Unaffected)), "{version}");
        }
        for version in [None, Some("1.x")] {
            assert_eq!(known.judge("b", version), Some(("MAL-2026-1", Verdict::Unknown)));
        }
        assert_eq!(known.judge("a", Some("1.0.0")), None, "another ecosystem");
        let every =
            r#"{"id": "MAL-1", "affected": [{"package": {"ecosystem": "npm", "name": "c"}}]}"#;
        known.add("c.json", every).unwrap();
        let told = known.judge("c", Some("1.0.0"));
        assert_eq!(told, Some(("MAL-1", Verdict::Affected)), "it names no version");
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
