//! Software bills of materials: `CycloneDX` 1.6 and SPDX 2.3, as JSON.
//!
//! One component for each release, with its hash, licence, package URL and what it depends on. The
//! same graph gives the same bytes: the serial number is made of the content, and the time is the
//! caller's. A lockfile that a package manager finds fault with still has a bill: it says what is in
//! the file. What the file does not tell, such as licences in most forms, is left out and not guessed.

mod address;
mod cyclonedx;
mod licence;
mod purl;
mod spdx;

pub use cyclonedx::cyclonedx;
pub use purl::purl;
pub use spdx::spdx;

use crate::change::{Release, Releases, releases};
use ringfence_project::graph::{Algorithm, Edge, EdgeKind, Graph, Importer, Need, Package, Target};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What a bill is about, and when it was made.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Name of the project, where its lockfile does not tell.
    pub name: &'a str,
    /// When it was made, in seconds since 1970; `SOURCE_DATE_EPOCH` where builds are reproducible.
    pub made: i64,
    /// Leaves out what is needed to develop alone.
    pub omit_dev: bool,
}

/// Components and what each depends on, by a reference of its own.
struct Bill<'a> {
    project: &'a Importer,
    components: Releases<'a>,
    depends: BTreeMap<String, BTreeSet<(String, EdgeKind)>>,
}

/// How the project itself is referred to.
const PROJECT: &str = "project";

impl<'a> Bill<'a> {
    fn of(graph: &'a Graph, none: &'a Importer, subject: &Subject<'_>) -> Self {
        let mut components = releases(graph);
        if subject.omit_dev {
            components.retain(|_, copies| copies.all().any(|package| package.need != Need::Dev));
        }
        let mut bill = Self {
            project: graph.importers.iter().find(|one| one.folder.is_empty()).unwrap_or(none),
            components,
            depends: BTreeMap::new(),
        };
        let mut depends: BTreeMap<String, BTreeSet<(String, EdgeKind)>> = BTreeMap::new();
        for importer in &graph.importers {
            let mine = depends.entry(PROJECT.to_owned()).or_default();
            mine.extend(bill.ends(graph, &importer.edges));
        }
        for (release, copies) in &bill.components {
            let mine = depends.entry(reference(release)).or_default();
            for package in copies.all() {
                let edges: Vec<_> = bill.ends(graph, &package.edges);
                mine.extend(edges.into_iter().filter(|(to, _)| *to != reference(release)));
            }
        }
        bill.depends = depends;
        bill
    }

    /// Where edges lead: to components that are in the bill. A workspace is part of the project.
    fn ends(&self, graph: &'a Graph, edges: &[Edge]) -> Vec<(String, EdgeKind)> {
        let end = |edge: &Edge| match edge.to {
            Some(Target::Package(id)) => {
                let release = release_of(graph.package(id));
                self.components.contains_key(&release).then(|| (reference(&release), edge.kind))
            }
            Some(Target::Importer(_)) | None => None,
        };
        edges.iter().filter_map(end).collect()
    }

    /// The project and every component.
    fn references(&self) -> impl Iterator<Item = String> {
        std::iter::once(PROJECT.to_owned()).chain(self.components.keys().map(reference))
    }

    fn depends_on(&self, reference: &str) -> impl Iterator<Item = &(String, EdgeKind)> {
        self.depends.get(reference).into_iter().flatten()
    }
}

fn release_of(package: &Package) -> Release<'_> {
    Release { name: &package.name, version: package.version.as_deref().unwrap_or(&package.key) }
}

/// `name@version`
fn reference(release: &Release<'_>) -> String {
    format!("{}@{}", release.name, release.version)
}

/// A UUID of these bytes (RFC 9562, version 8), so that the same content has the same number.
fn uuid(bytes: &[u8]) -> String {
    let mut id = [0_u8; 16];
    let digest = Sha256::digest(bytes);
    for (to, from) in id.iter_mut().zip(digest) {
        *to = from;
    }
    id[6] = (id[6] & 0x0f) | 0x80;
    id[8] = (id[8] & 0x3f) | 0x80;
    let hex = hex(&id);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Keeps some bytes, and writes the others in two hexadecimal digits behind a mark.
fn encoded(text: &str, kept: impl Fn(u8) -> bool, mark: char) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len() + 8), |mut out, byte| {
        if kept(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "{mark}{byte:02X}");
        }
        out
    })
}

/// A long list of a bill: each of its entries is made when it is written, and let go of then.
type Entries<'a> = &'a dyn Fn() -> Box<dyn Iterator<Item = Value> + 'a>;

/// A bill: what stands before its number, and its lists.
struct Document<'a> {
    head: Value,
    /// The key of the number, which is a UUID of everything else.
    number: &'static str,
    lists: [(&'static str, Entries<'a>); 2],
}

/// One of the lists.
struct Listed<'a>(Entries<'a>);

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.head.as_object().into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry(self.number, NO_NUMBER)?;
        for (key, entries) in &self.lists {
            map.serialize_entry(key, &Listed(*entries))?;
        }
        map.end()
    }
}

const NO_NUMBER: &str = "urn:uuid:00000000-0000-0000-0000-000000000000";

impl Document<'_> {
    /// The bill as text, with its number.
    fn text(&self) -> String {
        // Nothing in it is anything that JSON could not say.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        let number = format!("urn:uuid:{}", uuid(text.as_bytes()));
        // A line break and two blanks: inside of a text of somebody else no line can break.
        let line = format!("\n  \"{}\": \"", self.number);
        if let Some(at) = text.find(&line) {
            let from = at + line.len();
            text.replace_range(from..from + NO_NUMBER.len(), &number);
        }
        text
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The hashes of a package: algorithm and hexadecimal digits. What is not as long as its algorithm's
/// hashes are is none.
fn hashes(package: &Package) -> Vec<(Algorithm, String)> {
    use base64::Engine as _;
    let length = |algorithm| match algorithm {
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
        Algorithm::Sha384 => 48,
        Algorithm::Sha512 => 64,
    };
    let decoded = |(algorithm, text): (Algorithm, &str)| {
        let bytes = base64::prelude::BASE64_STANDARD.decode(text).ok()?;
        (bytes.len() == length(algorithm)).then(|| (algorithm, hex(&bytes)))
    };
    package.integrity.hashes().filter_map(decoded).collect()
}

#[cfg(test)]
mod tests;
