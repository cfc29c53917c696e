//! SPDX 2.3 (ISO/IEC 5962 is its version 2.2.1).

use super::address;
use super::licence::Licence;
use super::{Bill, Document, PROJECT, Subject, encoded, hashes, purl, reference};
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
    let bill = &bill;
    let packages = || -> Box<dyn Iterator<Item = Value> + '_> {
        let all = bill.components.iter().map(|(release, copies)| package(release, copies));
        Box::new(std::iter::once_with(|| project(name, bill.project)).chain(all))
    };
    let relationships = || -> Box<dyn Iterator<Item = Value> + '_> {
        let about = json!({
            "spdxElementId": "SPDXRef-DOCUMENT",
            "relationshipType": "DESCRIBES",
            "relatedSpdxElement": id(PROJECT),
        });
        let all = bill.references().flat_map(|from| relationships_of(bill, &from));
        Box::new(std::iter::once(about).chain(all))
    };
    let lists: [(_, super::Entries<'_>); 2] =
        [("packages", &packages), ("relationships", &relationships)];
    Document { head, number: "documentNamespace", lists }.text()
}

/// What one of them asks for.
fn relationships_of(bill: &Bill<'_>, from: &str) -> Vec<Value> {
    let mut ends: BTreeMap<&str, EdgeKind> = BTreeMap::new();
    for (to, kind) in bill.depends_on(from) {
        // What is asked for twice is told by the stronger reason, which comes last.
        ends.entry(to).and_modify(|known| *known = (*known).max(*kind)).or_insert(*kind);
    }
    ends.into_iter().map(|(to, kind)| relationship(from, to, kind)).collect()
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
