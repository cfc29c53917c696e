//! SPDX 2.3 (ISO/IEC 5962 is its version 2.2.1).

use super::address;
use super::licence::Licence;
use super::{Bill, PROJECT, Subject, encoded, hashes, numbered, purl, reference};
use crate::change::{Copies, Release};
use ringfence_policy::time;
use ringfence_project::graph::{Algorithm, EdgeKind, Graph, Importer, Source};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is not told.
const NONE: &str = "NOASSERTION";

/// A bill of everything that a lockfile installs.
#[must_use]
pub fn spdx(graph: &Graph, subject: &Subject<'_>) -> String {
    let none = Importer::default();
    let bill = Bill::of(graph, &none, subject);
    let name = bill.project.name.as_deref().unwrap_or(subject.name);
    let mut packages = vec![project(name, bill.project)];
    packages.extend(bill.components.iter().map(|(release, copies)| package(release, copies)));
    let mut relationships = vec![json!({
        "spdxElementId": "SPDXRef-DOCUMENT",
        "relationshipType": "DESCRIBES",
        "relatedSpdxElement": id(PROJECT),
    })];
    let refs = std::iter::once(PROJECT.to_owned()).chain(bill.components.keys().map(reference));
    for from in refs {
        let mut ends: BTreeMap<&str, EdgeKind> = BTreeMap::new();
        for (to, kind) in bill.depends_on(&from) {
            // What is asked for twice is told by the stronger reason, which comes last.
            ends.entry(to).and_modify(|known| *known = (*known).max(*kind)).or_insert(*kind);
        }
        relationships.extend(ends.into_iter().map(|(to, kind)| relationship(&from, to, kind)));
    }
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "creationInfo": {
            "created": time::written(subject.made),
            "creators": [concat!("Tool: ringfence-", env!("CARGO_PKG_VERSION"))],
        },
        "packages": packages,
        "relationships": relationships,
    });
    numbered(document, "documentNamespace")
}

/// Letters, digits, `.` and `-` alone (SPDX 2.3, clause 7.2); what is another stays another.
fn id(reference: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    format!("SPDXRef-{}", encoded(reference, kept, '-'))
}

fn project(name: &str, importer: &Importer) -> Value {
    let mut package = json!({
        "SPDXID": id(PROJECT),
        "name": name,
        "downloadLocation": NONE,
        "filesAnalyzed": false,
        "primaryPackagePurpose": "APPLICATION",
    });
    if let Some(version) = &importer.version {
        package["versionInfo"] = json!(version);
    }
    package
}

fn package(release: &Release<'_>, copies: &Copies<'_>) -> Value {
    let first = copies.first();
    let location = match &first.source {
        Source::Registry { url: Some(url) } | Source::Tarball { url } => address::escaped(url),
        Source::Git { url, commit } => address::with_tool(url, commit.as_deref()),
        Source::Registry { url: None } | Source::File { .. } | Source::Link { .. } => {
            NONE.to_owned()
        }
    };
    let declared = match first.licence.as_deref().and_then(Licence::of) {
        Some(Licence::Id(id)) => id.to_owned(),
        Some(Licence::Expression(expression)) => expression,
        Some(Licence::Name(_)) | None => NONE.to_owned(),
    };
    let mut package = json!({
        "SPDXID": id(&reference(release)),
        "name": release.name,
        "downloadLocation": location,
        "filesAnalyzed": false,
        "licenseConcluded": NONE,
        "licenseDeclared": declared,
        "copyrightText": NONE,
        "primaryPackagePurpose": "LIBRARY",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": purl(first),
        }],
    });
    if let Some(version) = &first.version {
        package["versionInfo"] = json!(version);
    }
    let all = hashes(first);
    if !all.is_empty() {
        let one =
            |(algorithm, hex)| json!({ "algorithm": name_of(algorithm), "checksumValue": hex });
        package["checksums"] = all.into_iter().map(one).collect();
    }
    package
}

fn relationship(from: &str, to: &str, kind: EdgeKind) -> Value {
    // SPDX says it the other way round for all but the usual case.
    let (subject, word, object) = match kind {
        EdgeKind::Production | EdgeKind::Peer => (from, "DEPENDS_ON", to),
        EdgeKind::Dev => (to, "DEV_DEPENDENCY_OF", from),
        EdgeKind::Optional | EdgeKind::PeerOptional => (to, "OPTIONAL_DEPENDENCY_OF", from),
    };
    json!({
        "spdxElementId": id(subject),
        "relationshipType": word,
        "relatedSpdxElement": id(object),
    })
}

const fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "SHA1",
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha384 => "SHA384",
        Algorithm::Sha512 => "SHA512",
    }
}
