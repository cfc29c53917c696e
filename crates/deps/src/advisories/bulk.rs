//! What a registry knows about packages: its bulk endpoint, as `npm audit` asks it.
//!
//! The names and versions of all packages go there, as they do with `npm audit`. An answer counts only
//! when it is one: another status, another type, too much or no JSON is an error and never "nothing
//! found". That a registry knows advisories at all cannot be seen from here: one that answers with
//! an empty object to everything looks like one that found nothing.

use super::version::Version;
use super::{Advisories, Advisory, Affected, End, Span, severity};
use crate::npmrc::Npmrc;
use flate2::Compression;
use flate2::write::GzEncoder;
use ringfence_guard::fetch::{Client, FetchError, Limits, Request, Trust};
use ringfence_guard::url::{Allowed, Range, UrlError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

/// Where the endpoint is below a registry.
const ENDPOINT: &str = "/-/npm/v1/security/advisories/bulk";
/// Time for everything, bytes of the answer. Every advisory of npm's registry is below 20 MiB.
const LIMITS: Limits =
    Limits { time: Duration::from_mins(1), headers: 32 << 10, body: 32 << 20, redirects: 0 };
/// Longest title that is kept, in characters.
const TITLE: usize = 200;

/// The versions that are asked about, by name.
pub type Asked = BTreeMap<String, Vec<String>>;

/// Why a registry gave no answer that counts.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The address is no registry that may be asked.
    #[error("the registry {url} is not asked: {why}")]
    Address {
        /// The address.
        url: String,
        /// Why not.
        why: &'static str,
    },
    /// The file with authorities cannot be read.
    #[error("cannot read {}, which `cafile` names", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There was no answer.
    #[error("the registry gives no answer")]
    Fetch(#[from] FetchError),
    /// It has another status than 200.
    #[error("the registry answers with status {status}{}", if *status == 404 { ": it has no advisories to ask for" } else { "" })]
    Status {
        /// The status.
        status: u16,
    },
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
    let trust = match config.authorities() {
        None => Trust::System,
        Some(path) => Trust::Only(
            std::fs::read(path)
                .map_err(|source| BulkError::Authorities { path: path.to_owned(), source })?,
        ),
    };
    let client = Client::new(allowed(registry)?, &trust, LIMITS)?;
    let mut request = Request::get(url.as_str())
        .with_method("POST")?
        .with_header("accept", "application/json")?
        .with_header("content-type", "application/json")?
        .with_header("content-encoding", "gzip")?
        .with_body(question(asked));
    if let Some(value) = config.authorization(&url) {
        request = request.with_header("authorization", &value)?;
    }
    let answer = client.fetch(request)?;
    if answer.status() != 200 {
        return Err(BulkError::Status { status: answer.status() });
    }
    read(&answer.bytes()?, asked)
}

/// The registry and nothing else: by https, or on this machine by http. Registries of a company lie in
/// private networks, and whoever configures one says so.
fn allowed(registry: &str) -> Result<Allowed, BulkError> {
    let refused = |why| BulkError::Address { url: registry.to_owned(), why };
    let (scheme, rest) = registry.split_once("://").ok_or(refused("it is no address"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err(refused("a password in it could be seen by others: use _authToken"));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, Some(port.parse::<u16>().map_err(|_| refused("its port is no number"))?))
        }
        _ => (authority, None),
    };
    let loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    let wrong = |_: UrlError| refused("it is no address");
    let allowed = match scheme {
        "https" => Allowed::nothing().host(host, port.unwrap_or(443)).map_err(wrong)?,
        "http" if loopback => {
            Allowed::nothing().plain_host(host, port.unwrap_or(80)).map_err(wrong)?
        }
        "http" => {
            return Err(refused("anybody on the way could change the answer: https is needed"));
        }
        _ => return Err(refused("it is neither https nor http")),
    };
    let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|text| text.parse::<Range>().ok());
    Ok(everywhere.fold(allowed, Allowed::range))
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
