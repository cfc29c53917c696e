//! `CycloneDX` 1.6 (ECMA-424).

use super::address;
use super::licence::Licence;
use super::{Bill, Document, PROJECT, Subject, hashes, purl, reference};
use crate::change::{Copies, Release};
use ringfence_policy::time;
use ringfence_project::graph::{Algorithm, Graph, Importer, Need, Source};
use serde_json::{Value, json};

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
    let bill = &bill;
    let components = || -> Box<dyn Iterator<Item = Value> + '_> {
        Box::new(bill.components.iter().map(|(release, copies)| component(release, copies)))
    };
    let dependencies = || -> Box<dyn Iterator<Item = Value> + '_> {
        Box::new(bill.references().map(|from| {
            let mut to: Vec<_> = bill.depends_on(&from).map(|(to, _)| to).collect();
            to.dedup();
            json!({ "ref": from, "dependsOn": to })
        }))
    };
    let lists: [(_, super::Entries<'_>); 2] =
        [("components", &components), ("dependencies", &dependencies)];
    Document { head, number: "serialNumber", lists }.text()
}

fn project(importer: &Importer, subject: &Subject<'_>) -> Value {
    let name = importer.name.as_deref().unwrap_or(subject.name);
    let mut component = json!({ "type": "application", "bom-ref": PROJECT, "name": name });
    if let Some(version) = &importer.version {
        component["version"] = json!(version);
    }
    component
}

fn component(release: &Release<'_>, copies: &Copies<'_>) -> Value {
    let package = copies.first();
    let (group, name) = match release.name.split_once('/') {
        Some((scope, name)) => (Some(scope), name),
        None => (None, release.name),
    };
    let mut component = json!({ "type": "library", "bom-ref": reference(release), "name": name });
    if let Some(group) = group {
        component["group"] = json!(group);
    }
    if let Some(version) = &package.version {
        component["version"] = json!(version);
    }
    let needs = |any: &[Need]| copies.all().all(|copy| any.contains(&copy.need));
    if needs(&[Need::Dev]) {
        component["scope"] = json!("excluded");
    } else if needs(&[Need::Dev, Need::DevOptional, Need::Optional]) {
        component["scope"] = json!("optional");
    }
    let all = hashes(package);
    if !all.is_empty() {
        let hash = |(algorithm, hex)| json!({ "alg": name_of(algorithm), "content": hex });
        component["hashes"] = all.into_iter().map(hash).collect();
    }
    component["licenses"] = match package.licence.as_deref().and_then(Licence::of) {
        Some(Licence::Id(id)) => json!([{ "license": { "id": id } }]),
        Some(Licence::Expression(expression)) => json!([{ "expression": expression }]),
        Some(Licence::Name(name)) => json!([{ "license": { "name": name } }]),
        None => json!([]),
    };
    component["purl"] = json!(purl(package));
    let reference = match &package.source {
        Source::Registry { url: Some(url) } | Source::Tarball { url } => {
            Some(("distribution", address::escaped(url)))
        }
        Source::Git { url, .. } => Some(("vcs", address::repository(url))),
        Source::Registry { url: None } | Source::File { .. } | Source::Link { .. } => None,
    };
    if let Some((kind, url)) = reference {
        component["externalReferences"] = json!([{ "type": kind, "url": url }]);
    }
    component
}

const fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha384 => "SHA-384",
        Algorithm::Sha512 => "SHA-512",
    }
}
