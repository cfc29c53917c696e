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

use crate::change::{Held, Release, listed};
use crate::tarball::hex;
use ringfence_policy::display::ascii_json;
use ringfence_project::graph::{
    Algorithm, Edge, EdgeKind, Graph, Importer, Need, Package, PackageId, Target,
};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

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

/// Components and what each depends on.
///
/// Components stand in the order of names and versions, what is depended on in the order of references,
/// which is another one: a component has a place in each.
struct Bill<'a> {
    project: &'a Importer,
    components: Vec<Held<'a>>,
    /// How each component is referred to.
    references: Vec<String>,
    /// The place of each component among the references.
    places: Vec<usize>,
    /// The component at each place.
    at: Vec<usize>,
    /// What the project asks for.
    asked: Ends,
    /// What is asked for by the component at each place.
    depends: Vec<Ends>,
}

/// Where edges lead: places among the references, in order, each with why.
type Ends = Vec<(usize, EdgeKind)>;

/// How the project itself is referred to.
const PROJECT: &str = "project";

impl<'a> Bill<'a> {
    fn of(graph: &'a Graph, none: &'a Importer, subject: &Subject<'_>) -> Self {
        let mut components = listed(graph);
        if subject.omit_dev {
            components.retain(|(_, copies)| copies.all().any(|package| package.need != Need::Dev));
        }
        let references: Vec<String> =
            components.iter().map(|(release, _)| reference(release)).collect();
        let (places, at) = ordered(&references);
        let mut ends_at = vec![None; graph.packages.len()];
        for ((_, copies), place) in components.iter().zip(&places) {
            for id in copies.ids() {
                ends_at[id.place()] = Some(*place);
            }
        }
        let mut asked = Ends::new();
        for importer in &graph.importers {
            asked.extend(ends(&importer.edges, &ends_at));
        }
        let mut depends = vec![Ends::new(); at.len()];
        for ((_, copies), place) in components.iter().zip(&places) {
            for package in copies.all() {
                let others = ends(&package.edges, &ends_at).filter(|(to, _)| to != place);
                depends[*place].extend(others);
            }
        }
        for all in depends.iter_mut().chain([&mut asked]) {
            all.sort_unstable();
            all.dedup();
        }
        let project = graph.importers.iter().find(|one| one.folder.is_empty()).unwrap_or(none);
        Self { project, components, references, places, at, asked, depends }
    }

    /// The project and every component: its number, where it is one, and what it asks for.
    fn asking(&self) -> impl Iterator<Item = (Option<usize>, &Ends)> {
        let components = self.places.iter().enumerate();
        let components = components.map(|(number, place)| (Some(number), &self.depends[*place]));
        std::iter::once((None, &self.asked)).chain(components)
    }
}

/// The place of each text in their order, and the text at each place; the same texts share one.
fn ordered(texts: &[String]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by(|one, two| texts[*one].cmp(&texts[*two]));
    let mut places = vec![0; texts.len()];
    let mut at: Vec<usize> = Vec::with_capacity(texts.len());
    for number in order {
        if at.last().is_none_or(|last| texts[*last] != texts[number]) {
            at.push(number);
        }
        places[number] = at.len() - 1;
    }
    (places, at)
}

/// Where edges lead: to components that are in the bill. A workspace is part of the project.
fn ends<'a>(
    edges: &'a [Edge],
    ends_at: &'a [Option<usize>],
) -> impl Iterator<Item = (usize, EdgeKind)> + 'a {
    let place = |id: PackageId| ends_at.get(id.place()).copied().flatten();
    edges.iter().filter_map(move |edge| match edge.to {
        Some(Target::Package(id)) => place(id).map(|place| (place, edge.kind)),
        Some(Target::Importer(_)) | None => None,
    })
}

/// `name@version`
fn reference(release: &Release<'_>) -> String {
    [release.name, "@", release.version].concat()
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

/// Writes a text behind another: keeps some bytes, and puts the others as two hexadecimal digits behind
/// a mark.
fn encode(out: &mut String, text: &str, kept: impl Fn(u8) -> bool, mark: char) {
    // What is kept is ASCII, and so what lies between is cut out of the text at whole characters.
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !kept(byte) {
            out.push_str(text.get(from..at).unwrap_or_default());
            let digit = |four: u8| char::from(b"0123456789ABCDEF"[usize::from(four)]);
            out.extend([mark, digit(byte >> 4), digit(byte & 15)]);
            from = at + 1;
        }
    }
    out.push_str(text.get(from..).unwrap_or_default());
}

/// A bill: what stands before its number, and its lists, whose entries are written as they are made.
struct Document<A, B> {
    head: Value,
    /// The key of the number, which is a UUID of everything else.
    number: &'static str,
    first: (&'static str, A),
    second: (&'static str, B),
}

/// A list by what makes its entries.
struct Listed<F>(F);

impl<F, I> Serialize for Listed<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

impl<A: Serialize, B: Serialize> Serialize for Document<A, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.head.as_object().into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry(self.number, NO_NUMBER)?;
        map.serialize_entry(self.first.0, &self.first.1)?;
        map.serialize_entry(self.second.0, &self.second.1)?;
        map.end()
    }
}

const NO_NUMBER: &str = "urn:uuid:00000000-0000-0000-0000-000000000000";

impl<A: Serialize, B: Serialize> Document<A, B> {
    /// The bill as text, with its number.
    fn text(&self) -> String {
        // Nothing in it is anything that JSON could not say.
        let mut text = ascii_json(serde_json::to_string_pretty(self).unwrap_or_default());
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

/// The hashes of a package: algorithm and hexadecimal digits. What is not as long as its algorithm's
/// hashes are is none.
fn hashes(package: &Package) -> impl Iterator<Item = (Algorithm, String)> {
    use base64::Engine as _;
    let length = |algorithm| match algorithm {
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
        Algorithm::Sha384 => 48,
        Algorithm::Sha512 => 64,
    };
    package.integrity.hashes().filter_map(move |(algorithm, text)| {
        // Room for the longest: what does not fit is too long for any of them.
        let mut bytes = [0_u8; 66];
        let read = base64::prelude::BASE64_STANDARD.decode_slice(text, &mut bytes).ok()?;
        (read == length(algorithm)).then(|| (algorithm, hex(&bytes[..read])))
    })
}

#[cfg(test)]
mod tests;
