//! SPDX 2.3 (ISO/IEC 5962 is its version 2.2.1).

use super::address;
use super::licence::Licence;
use super::{Bill, Document, Listed, PROJECT, Subject, encode, hashes, purl};
use ringfence_policy::time;
use ringfence_project::graph::{Algorithm, EdgeKind, Graph, Importer, Source};
use serde::Serialize;
use serde_json::json;
use std::borrow::Cow;

/// What is not told.
const NONE: &str = "NOASSERTION";

/// A package; its keys in the order of their letters, as those of everything here.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Element<'a> {
    #[serde(rename = "SPDXID")]
    id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyright_text: Option<&'static str>,
    download_location: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<[External; 1]>,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_concluded: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_declared: Option<&'a str>,
    name: &'a str,
    primary_package_purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

/// A package URL.
#[derive(Serialize)]
struct External {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: String,
    #[serde(rename = "referenceType")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Relationship<'a> {
    #[serde(rename = "relatedSpdxElement")]
    object: &'a str,
    #[serde(rename = "relationshipType")]
    word: &'static str,
    #[serde(rename = "spdxElementId")]
    subject: &'a str,
}

/// A bill of everything that a lockfile installs.
#[must_use]
pub fn spdx(graph: &Graph, subject: &Subject<'_>) -> String {
    let none = Importer::default();
    let bill = Bill::of(graph, &none, subject);
    let name = bill.project.name.as_deref().unwrap_or(subject.name);
    let head = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "creationInfo": {
            "created": time::written(subject.made),
            "creators": [concat!("Tool: ringfence-", env!("CARGO_PKG_VERSION"))],
        },
    });
    let own = id(PROJECT);
    let ids: Vec<String> = bill.references.iter().map(|reference| id(reference)).collect();
    let packages = Listed(|| {
        let all = (0..ids.len()).map(|number| element(&bill, number, &ids[number]));
        std::iter::once_with(|| project(&own, name, bill.project)).chain(all)
    });
    let relationships = Listed(|| {
        let about = Relationship { object: &own, word: "DESCRIBES", subject: "SPDXRef-DOCUMENT" };
        let all = bill.asking().flat_map(|(from, ends)| {
            let from = from.map_or(&own, |number| &ids[number]);
            // What is asked for twice is told by the stronger reason, which comes last.
            let last = ends.chunk_by(|one, two| one.0 == two.0).filter_map(<[_]>::last);
            last.map(|(place, kind)| relationship(from, &ids[bill.at[*place]], *kind))
        });
        std::iter::once(about).chain(all)
    });
    let (first, second) = (("packages", packages), ("relationships", relationships));
    Document { head, number: "documentNamespace", first, second }.text()
}

/// Letters, digits, `.` and `-` alone (SPDX 2.3, clause 7.2); what is another stays another.
fn id(reference: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    let mut out = String::with_capacity(reference.len() + 16);
    out.push_str("SPDXRef-");
    encode(&mut out, reference, kept, '-');
    out
}

fn project<'a>(id: &'a str, name: &'a str, importer: &'a Importer) -> Element<'a> {
    Element {
        id,
        checksums: Vec::new(),
        copyright_text: None,
        download_location: Cow::Borrowed(NONE),
        external_refs: None,
        files_analyzed: false,
        license_concluded: None,
        license_declared: None,
        name,
        primary_package_purpose: "APPLICATION",
        version_info: importer.version.as_deref(),
    }
}

fn element<'b>(bill: &'b Bill<'_>, number: usize, id: &'b str) -> Element<'b> {
    let (release, copies) = &bill.components[number];
    let first = copies.first();
    let download_location = match &first.source {
        Source::Registry { url: Some(url) } | Source::Tarball { url } => {
            Cow::Owned(address::escaped(url))
        }
        Source::Git { url, commit } => Cow::Owned(address::with_tool(url, commit.as_deref())),
        Source::Registry { url: None } | Source::File { .. } | Source::Link { .. } => {
            Cow::Borrowed(NONE)
        }
    };
    let declared = match first.licence.as_deref().and_then(Licence::of) {
        Some(Licence::Id(id)) => id,
        Some(Licence::Expression(expression)) => expression,
        Some(Licence::Name(_)) | None => NONE,
    };
    let checksum =
        |(algorithm, hex)| Checksum { algorithm: name_of(algorithm), checksum_value: hex };
    let address = External { category: "PACKAGE-MANAGER", locator: purl(first), kind: "purl" };
    Element {
        id,
        checksums: hashes(first).map(checksum).collect(),
        copyright_text: Some(NONE),
        download_location,
        external_refs: Some([address]),
        files_analyzed: false,
        license_concluded: Some(NONE),
        license_declared: Some(declared),
        name: release.name,
        primary_package_purpose: "LIBRARY",
        version_info: first.version.as_deref(),
    }
}

const fn relationship<'a>(from: &'a str, to: &'a str, kind: EdgeKind) -> Relationship<'a> {
    // SPDX says it the other way round for all but the usual case.
    let (subject, word, object) = match kind {
        EdgeKind::Production | EdgeKind::Peer => (from, "DEPENDS_ON", to),
        EdgeKind::Dev => (to, "DEV_DEPENDENCY_OF", from),
        EdgeKind::Optional | EdgeKind::PeerOptional => (to, "OPTIONAL_DEPENDENCY_OF", from),
    };
    Relationship { object, word, subject }
}

const fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "SHA1",
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha384 => "SHA384",
        Algorithm::Sha512 => "SHA512",
    }
}
