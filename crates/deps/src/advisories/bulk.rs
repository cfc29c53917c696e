//! What a registry knows about packages: its bulk endpoint, as `npm audit` asks it.
//!
//! The names and versions of all packages go there, as they do with `npm audit`. An answer counts only
//! when it is one: another status, another type, too much or no JSON is an error and never "nothing
//! found". That a registry knows advisories at all cannot be seen from here: one that answers with
//! an empty object to everything looks like one that found nothing.

use super::version::Version;
use super::{Advisories, Advisory, Affected, End, Span, severity};
use crate::http::{AskError, Bounds, Registries};
use crate::npmrc::Npmrc;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

/// Where the endpoint is below a registry.
const ENDPOINT: &str = "/-/npm/v1/security/advisories/bulk";
/// Every advisory of npm's registry is below 20 MiB.
const BOUNDS: Bounds = Bounds { time: Duration::from_mins(1), bytes: 32 << 20 };
/// Longest title that is kept, in characters.
const TITLE: usize = 200;

/// The versions that are asked about, by name.
pub type Asked = BTreeMap<String, Vec<String>>;

/// Why a registry gave no answer that counts.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// It could not be asked, or answered with an error.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It has no such endpoint.
    #[error("the registry answers with status 404: it has no advisories to ask for")]
    NoEndpoint,
    /// It is not of the form that it should have.
    #[error("the registry's answer is not understood: {0}")]
    Answer(String),
}

/// Asks a registry about these versions.
///
/// # Errors
/// [`BulkError`].
pub fn ask(registry: &str, config: &Npmrc, asked: &Asked) -> Result<Advisories, BulkError> {
    let url = format!("{registry}{ENDPOINT}");
    let question = question(asked);
    let answer = Registries::new(config)?.send(&url, BOUNDS, |request| {
        let request = request.with_method("POST")?.with_header("accept", "application/json")?;
        let request = request.with_header("content-type", "application/json")?;
        Ok(request.with_header("content-encoding", "gzip")?.with_body(question.clone()))
    });
    match answer {
        Ok(bytes) => read(&bytes, asked),
        Err(AskError::Status(404)) => Err(BulkError::NoEndpoint),
        Err(error) => Err(error.into()),
    }
}

/// The body of the request. Writing to memory does not fail.
fn question(asked: &Asked) -> Vec<u8> {
    let json = serde_json::to_vec(asked).unwrap_or_default();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let _ = packed.write_all(&json);
    packed.finish().unwrap_or_default()
}

/// One advisory of an answer.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    id: serde_json::Value,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    severity: Option<String>,
    vulnerable_versions: String,
}

/// Reads an answer; what was not asked for is left out.
///
/// # Errors
/// [`BulkError::Answer`].
pub fn read(bytes: &[u8], asked: &Asked) -> Result<Advisories, BulkError> {
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if start == Some(&b'<') {
        return Err(BulkError::Answer("it is a page for people (HTML)".to_owned()));
    }
    let answer: Result<BTreeMap<String, Vec<Told>>, _> = serde_json::from_slice(bytes);
    let answer = answer.map_err(|error| BulkError::Answer(error.to_string()))?;
    let known =
        answer.into_iter().filter(|(name, told)| asked.contains_key(name) && !told.is_empty());
    Ok(known.map(|(name, told)| (name, told.into_iter().map(advisory).collect())).collect())
}

fn advisory(told: Told) -> Advisory {
    let number = match &told.id {
        serde_json::Value::Number(number) => format!("npm:{number}"),
        serde_json::Value::String(text) => text.clone(),
        _ => "npm:?".to_owned(),
    };
    // Names that people look for stand in the address.
    let last = told.url.as_deref().and_then(|url| url.trim_end_matches('/').rsplit('/').next());
    let named = last.filter(|name| {
        ["GHSA-", "CVE-", "MAL-"].iter().any(|start| name.starts_with(start))
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    let severity = told.severity.as_deref().and_then(severity::of_word);
    let (id, aliases) = match named {
        Some(name) => (name.to_owned(), vec![number]),
        None => (number, Vec::new()),
    };
    let summary = told.title.unwrap_or_default().chars().take(TITLE).collect();
    Advisory { id, aliases, severity, summary, affected: affected(&told.vulnerable_versions) }
}

/// Ranges as advisories have them (`>=1.0.0 <1.2.3 || ...`), which hold for versions before a release
/// too, as spans; what is written otherwise stays as it is.
fn affected(text: &str) -> Affected {
    let mut affected = Affected::default();
    for part in text.split("||") {
        match span(part) {
            Some(span) => affected.spans.push(span),
            None => affected.ranges.push(part.trim().to_owned()),
        }
    }
    affected
}

/// The version right behind another: nothing can come between them.
fn next(version: &str) -> Option<String> {
    let version = version.split('+').next().unwrap_or(version);
    if version.contains('-') {
        return Some(format!("{version}.0"));
    }
    let (front, patch) = version.rsplit_once('.')?;
    Some(format!("{front}.{}-0", patch.parse::<u64>().ok()?.checked_add(1)?))
}

/// `None` for what is no simple range.
fn span(part: &str) -> Option<Span> {
    let part = part.replace(',', " ");
    let mut words = part.split_whitespace();
    let mut span = Span { from: "0".to_owned(), to: None };
    let mut bounded = false;
    while let Some(word) = words.next() {
        if word == "*" {
            bounded = true;
            continue;
        }
        let at = word.find(|mark| !"<>=".contains(mark)).unwrap_or(word.len());
        let (operator, version) = word.split_at(at);
        let version = if version.is_empty() { words.next()? } else { version };
        // `1.x` and `1` are ranges themselves.
        let whole =
            version.split(['-', '+']).next().is_some_and(|core| core.split('.').count() == 3);
        if !whole || Version::parse(version).is_none() {
            return None;
        }
        let version = version.to_owned();
        match operator {
            ">=" if span.from == "0" => span.from = version,
            ">" if span.from == "0" => span.from = next(&version)?,
            "<" if span.to.is_none() => span.to = Some(End::Before(version)),
            "<=" if span.to.is_none() => span.to = Some(End::Through(version)),
            "=" | "" if span.from == "0" && span.to.is_none() => {
                span = Span { from: version.clone(), to: Some(End::Through(version)) };
            }
            _ => return None,
        }
        bounded = true;
    }
    bounded.then_some(span)
}
