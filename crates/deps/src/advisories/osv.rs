//! Documents of the OSV schema (version 1), as far as an audit of npm packages needs them.

use super::version::Version;
use super::{Advisory, Affected, End, Span, severity};
use crate::Severity;
use ringfence_policy::time;
use serde::Deserialize;
use std::collections::HashMap;

/// Longest summary that is kept, in characters.
const SUMMARY: usize = 200;
/// Most pairs of a span and a version that are compared.
const PAIRS: usize = 1_000_000;
/// The ecosystem that is kept.
const ECOSYSTEM: &str = "npm";

/// Reads one document, or a list of them.
pub(crate) fn documents(bytes: &[u8]) -> serde_json::Result<Vec<Document>> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => serde_json::from_slice(bytes),
        _ => serde_json::from_slice(bytes).map(|one| vec![one]),
    }
}

/// A document.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    id: String,
    #[serde(default)]
    modified: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    severity: Option<Vec<Rating>>,
    #[serde(default)]
    affected: Option<Vec<About>>,
    #[serde(default)]
    database_specific: Option<Database>,
}

#[derive(Debug, Deserialize)]
struct Rating {
    #[serde(default)]
    score: String,
}

#[derive(Debug, Deserialize)]
struct About {
    #[serde(default)]
    package: Option<Named>,
    #[serde(default)]
    severity: Option<Vec<Rating>>,
    #[serde(default)]
    ranges: Option<Vec<Range>>,
    #[serde(default)]
    versions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Named {
    ecosystem: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

/// One of the four, by the schema.
#[derive(Debug, Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Database {
    #[serde(default)]
    severity: serde_json::Value,
}

/// What became of a document.
pub(super) struct Read {
    /// Its name.
    pub(super) id: String,
    /// When it was last changed, in seconds since 1970.
    pub(super) modified: i64,
    /// Taken back by its authors.
    pub(super) withdrawn: bool,
    /// An advisory for each npm package that it is about.
    pub(super) about: Vec<(String, Advisory)>,
}

impl Document {
    /// What is kept of it; an error says which field is wrong.
    pub(super) fn read(self) -> Result<Read, &'static str> {
        let modified =
            time::read(&self.modified).ok_or("`modified` is no time of RFC 3339 in UTC")?;
        let (id, withdrawn) = (self.id.clone(), self.is_withdrawn());
        Ok(Read { id, modified, withdrawn, about: self.about()? })
    }

    /// Whether its authors took it back.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.as_ref().is_some_and(|text| !text.is_empty())
    }

    /// An advisory for each npm package that it is about.
    pub(crate) fn about(self) -> Result<Vec<(String, Advisory)>, &'static str> {
        if self.id.is_empty() || !self.id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("`id` is no identifier");
        }
        let aliases = self.aliases.clone().unwrap_or_default();
        let malicious = std::iter::once(&self.id).chain(&aliases).any(|id| id.starts_with("MAL-"));
        let summary = self.summary();
        let word = self.database_specific.as_ref().and_then(|own| own.severity.as_str());
        let word = word.and_then(severity::of_word);
        let mut about: Vec<(String, Advisory)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for one in self.affected.unwrap_or_default() {
            let Some(Named { ecosystem, name }) = &one.package else { continue };
            if ecosystem != ECOSYSTEM || !is_name(name) {
                continue;
            }
            let vectors =
                || worst(one.severity.as_deref()).or_else(|| worst(self.severity.as_deref()));
            let severity = if malicious { Some(Severity::Critical) } else { word.or_else(vectors) };
            let affected = one.versions();
            // A package may be named once for each line of versions.
            if let Some((_, advisory)) = places.get(name).and_then(|at| about.get_mut(*at)) {
                advisory.affected.spans.extend(affected.spans);
                advisory.affected.versions.extend(affected.versions);
                advisory.severity = advisory.severity.max(severity);
            } else {
                places.insert(name.clone(), about.len());
                about.push((
                    name.clone(),
                    Advisory {
                        id: self.id.clone(),
                        aliases: aliases.clone(),
                        severity,
                        summary: summary.clone(),
                        affected,
                    },
                ));
            }
        }
        Ok(about)
    }

    /// The summary, else the first line of the details.
    fn summary(&self) -> String {
        let texts = [self.summary.as_deref(), self.details.as_deref()];
        let lines = texts.into_iter().flatten().flat_map(str::lines);
        let mut lines = lines.map(|line| line.trim_start_matches(['#', ' ']));
        let line = lines.find(|line| !line.is_empty());
        line.unwrap_or_default().chars().take(SUMMARY).collect()
    }
}

impl About {
    /// The affected versions: single ones, and what the events say.
    fn versions(&self) -> Affected {
        let ranges = self.ranges.iter().flatten();
        // Commits of git are of no use for packages of a registry.
        let spans =
            ranges.filter(|range| range.kind != "GIT").flat_map(|range| spans(&range.events));
        let mut spans: Vec<Span> = spans.collect();
        if spans.is_empty() && self.versions.as_ref().is_none_or(Vec::is_empty) {
            // Nobody said which versions: all.
            spans.push(Span { from: "0".to_owned(), to: None });
        }
        let mut versions = self.versions.clone().unwrap_or_default();
        // Databases list every version beside the span; the span says it shorter. Where there are too many
        // of both to look at, both stay.
        if spans.len().saturating_mul(versions.len()) > PAIRS {
            return Affected { spans, versions, ranges: Vec::new() };
        }
        versions.retain(|version| {
            let parsed = Version::parse(version);
            parsed.is_none_or(|version| !spans.iter().any(|span| span.holds(&version)))
        });
        Affected { spans, versions, ranges: Vec::new() }
    }
}

/// What happened at a version, in the order in which things at one version count: what ends before what
/// begins, so that a version in which something was fixed and broken again is a broken one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Fixed,
    Introduced,
    LastAffected,
}

/// The spans of events, which may stand in any order. Versions that cannot be compared begin and end
/// nothing, so that a span with one holds more and not less.
fn spans(events: &[Event]) -> Vec<Span> {
    let mut sorted: Vec<(Option<Version<'_>>, What, &str)> = Vec::new();
    for event in events {
        for (what, text) in [
            (What::Introduced, &event.introduced),
            (What::Fixed, &event.fixed),
            (What::LastAffected, &event.last_affected),
        ] {
            let Some(text) = text else { continue };
            match Version::parse(text) {
                Some(_) if what == What::Introduced && text == "0" => {
                    sorted.push((None, what, text));
                }
                Some(version) => sorted.push((Some(version), what, text)),
                None if what == What::Introduced => sorted.push((None, what, "0")),
                None => {}
            }
        }
    }
    sorted.sort_by(|one, two| (&one.0, one.1).cmp(&(&two.0, two.1)));
    let mut spans: Vec<Span> = Vec::new();
    let mut open: Option<&str> = None;
    for (_, what, text) in sorted {
        let end = match what {
            What::Introduced => {
                open = open.or(Some(text));
                continue;
            }
            What::Fixed => End::Before(text.to_owned()),
            What::LastAffected => End::Through(text.to_owned()),
        };
        if let Some(from) = open.take() {
            spans.push(Span { from: from.to_owned(), to: Some(end) });
        }
    }
    if let Some(from) = open {
        spans.push(Span { from: from.to_owned(), to: None });
    }
    limited(spans, events)
}

/// Nothing counts from the last limit on (OSV, `limit`).
fn limited(mut spans: Vec<Span>, events: &[Event]) -> Vec<Span> {
    let limits: Vec<&str> = events.iter().filter_map(|event| event.limit.as_deref()).collect();
    let parsed: Option<Vec<Version<'_>>> = limits.iter().map(|text| Version::parse(text)).collect();
    // `*`, or what cannot be compared, limits nothing.
    let Some(last) = parsed.and_then(|all| all.into_iter().max()) else { return spans };
    let text = limits.iter().find(|text| Version::parse(text).is_some_and(|one| one == last));
    let Some(text) = text else { return spans };
    spans.retain(|span| {
        span.from == "0" || Version::parse(&span.from).is_none_or(|from| from < last)
    });
    for span in &mut spans {
        let beyond = match &span.to {
            None => true,
            Some(End::Before(end)) => Version::parse(end).is_none_or(|end| end > last),
            Some(End::Through(end)) => Version::parse(end).is_none_or(|end| end >= last),
        };
        if beyond {
            span.to = Some(End::Before((*text).to_owned()));
        }
    }
    spans
}

/// The worst of the vectors that can be read.
fn worst(ratings: Option<&[Rating]>) -> Option<Severity> {
    ratings?.iter().filter_map(|rating| severity::of_vector(&rating.score)).max()
}

/// Names without blanks and control characters: all that a registry has, and then some.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 500
        && name.chars().all(|one| !one.is_whitespace() && !one.is_control())
}
