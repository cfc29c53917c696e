//! `CycloneDX` 1.6 (ECMA-424).

use super::address;
use super::licence::Licence;
use super::{Bill, Document, Listed, PROJECT, Subject, hashes, purl};
use ringfence_policy::time;
use ringfence_project::graph::{Algorithm, EdgeKind, Graph, Importer, Need, Source};
use serde::Serialize;
use serde_json::{Value, json};

/// A component; its keys in the order of their letters, as those of everything here.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    #[serde(rename = "bom-ref")]
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_references: Option<[External; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    licenses: Vec<Choice<'a>>,
    name: &'a str,
    purl: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

/// Where a component comes from.
#[derive(Serialize)]
struct External {
    r#type: &'static str,
    url: String,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

/// A licence: one of them, or an expression.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Choice<'a> {
    Expression(&'a str),
    License(Named<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Named<'a> {
    Id(&'static str),
    Name(&'a str),
}

/// What one of them depends on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<'a> {
    depends_on: Vec<&'a str>,
    r#ref: &'a str,
}

/// A bill of everything that a lockfile installs.
#[must_use]
pub fn cyclonedx(graph: &Graph, subject: &Subject<'_>) -> String {
    let none = Importer::default();
    let bill = Bill::of(graph, &none, subject);
    let head = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time::written(subject.made),
            "lifecycles": [{ "phase": "pre-build" }],
            "tools": { "components": [{
                "type": "application",
                "name": "ringfence",
                "version": env!("CARGO_PKG_VERSION"),
            }] },
            "component": project(bill.project, subject),
        },
    });
    let components = Listed(|| (0..bill.components.len()).map(|number| component(&bill, number)));
    let dependencies = Listed(|| bill.asking().map(|(from, ends)| dependency(&bill, from, ends)));
    let (first, second) = (("components", components), ("dependencies", dependencies));
    Document { head, number: "serialNumber", first, second }.text()
}

fn dependency<'b>(
    bill: &'b Bill<'_>,
    from: Option<usize>,
    ends: &[(usize, EdgeKind)],
) -> Dependency<'b> {
    let mut places: Vec<usize> = ends.iter().map(|(place, _)| *place).collect();
    places.dedup();
    Dependency {
        depends_on: places.iter().map(|place| bill.references[bill.at[*place]].as_str()).collect(),
        r#ref: from.map_or(PROJECT, |number| &bill.references[number]),
    }
}

fn project(importer: &Importer, subject: &Subject<'_>) -> Value {
    let name = importer.name.as_deref().unwrap_or(subject.name);
    let mut component = json!({ "type": "application", "bom-ref": PROJECT, "name": name });
    if let Some(version) = &importer.version {
        component["version"] = json!(version);
    }
    component
}

fn component<'b>(bill: &'b Bill<'_>, number: usize) -> Component<'b> {
    let (release, copies) = &bill.components[number];
    let package = copies.first();
    let (group, name) = match release.name.split_once('/') {
        Some((scope, name)) => (Some(scope), name),
        None => (None, release.name),
    };
    let needs = |any: &[Need]| copies.all().all(|copy| any.contains(&copy.need));
    let scope = if needs(&[Need::Dev]) {
        Some("excluded")
    } else {
        needs(&[Need::Dev, Need::DevOptional, Need::Optional]).then_some("optional")
    };
    let hash = |(algorithm, content)| Hash { alg: name_of(algorithm), content };
    let licence = package.licence.as_deref().and_then(Licence::of);
    let external = match &package.source {
        Source::Registry { url: Some(url) } | Source::Tarball { url } => {
            Some(External { r#type: "distribution", url: address::escaped(url) })
        }
        Source::Git { url, .. } => Some(External { r#type: "vcs", url: address::repository(url) }),
        Source::Registry { url: None } | Source::File { .. } | Source::Link { .. } => None,
    };
    Component {
        reference: &bill.references[number],
        external_references: external.map(|external| [external]),
        group,
        hashes: hashes(package).map(hash).collect(),
        licenses: licence.into_iter().map(choice).collect(),
        name,
        purl: purl(package),
        scope,
        r#type: "library",
        version: package.version.as_deref(),
    }
}

const fn choice(licence: Licence<'_>) -> Choice<'_> {
    match licence {
        Licence::Id(id) => Choice::License(Named::Id(id)),
        Licence::Expression(expression) => Choice::Expression(expression),
        Licence::Name(name) => Choice::License(Named::Name(name)),
    }
}

const fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha384 => "SHA-384",
        Algorithm::Sha512 => "SHA-512",
    }
}
