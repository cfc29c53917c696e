//! Links between packages: each must lead to what the lockfile says.

use super::discover::{Found, followed};
use super::places::Places;
use super::pnpm::split;
use super::{Kind, Report, Verification};
use ringfence_project::graph::{Edge, Graph, ImporterId, Package, Target};
use std::collections::{BTreeMap, HashMap, HashSet};

pub(super) fn check(
    verification: &Verification<'_>,
    found: &Found,
    places: &Places,
    report: &mut Report,
) {
    let graph = verification.graph;
    let keys: HashSet<&str> = graph.packages.iter().map(|package| package.key.as_str()).collect();
    // The package that each folder of pnpm's store is for.
    let owners: BTreeMap<&str, String> = places
        .of
        .iter()
        .filter_map(|(folder, id)| Some((split(folder)?.0, graph.package(*id).label())))
        .collect();
    let mut edges: HashMap<String, Vec<&Edge>> = HashMap::new();
    for package in &graph.packages {
        edges.entry(package.label()).or_default().extend(&package.edges);
    }
    let links = Links { verification, places, owners, edges };
    for (link, target) in &found.links {
        // Told already: a package should be there.
        if keys.contains(link.as_str()) {
            continue;
        }
        if let Some(message) = links.problem(link, target) {
            let package = links.owner(link).cloned().unwrap_or_default();
            report.deviates(&package, Kind::Link, link, message);
        }
    }
    for other in &found.others {
        report.deviates("", Kind::Added, other, "no package manager writes this here");
    }
    for folder in &found.unreadable {
        report.unknown("", format!("{folder} cannot be read"));
    }
}

struct Links<'a> {
    verification: &'a Verification<'a>,
    places: &'a Places,
    owners: BTreeMap<&'a str, String>,
    /// What the copies of a release ask for.
    edges: HashMap<String, Vec<&'a Edge>>,
}

impl Links<'_> {
    fn owner(&self, link: &str) -> Option<&String> {
        split(link).and_then(|(store, _)| self.owners.get(store))
    }

    fn problem(&self, link: &str, target: &str) -> Option<String> {
        let graph = self.verification.graph;
        let name = name_in(link);
        let Some(at) = followed(self.verification.folder, link, target) else {
            return Some(format!("it leads to {target}, out of the project"));
        };
        if let Some(number) = graph.importers.iter().position(|one| one.folder == at) {
            return (!is_importers(graph, number, name)).then(|| {
                format!("it leads to the workspace {at}, which nobody asks for by this name")
            });
        }
        let Some(id) = self.places.of.get(&at) else {
            return Some(format!("it leads to {target}, which is no package of the lockfile"));
        };
        let package = graph.package(*id);
        let asked: Vec<&Edge> = if let Some(owner) = self.owner(link) {
            let own = self.edges.get(owner).into_iter().flatten();
            own.copied().filter(|edge| edge.name == name).collect()
        } else {
            let above = link.split("/node_modules/").next().unwrap_or_default();
            let above = if link.starts_with("node_modules/") { "" } else { above };
            let own = graph.importers.iter().filter(|one| one.folder == above);
            let own = own.filter(|_| !link.starts_with("node_modules/.pnpm/"));
            own.flat_map(|one| &one.edges).filter(|edge| edge.name == name).collect()
        };
        if asked.iter().any(|edge| leads_to(graph, edge, package)) {
            return None;
        }
        let hoisted =
            asked.is_empty() && self.owner(link).is_none() && is_called(graph, package, name);
        (!hoisted).then(|| {
            format!("it leads to {}, which the lockfile does not have here", package.label())
        })
    }
}

/// The name that a link in a `node_modules` folder has.
fn name_in(link: &str) -> &str {
    link.rsplit_once("node_modules/").map_or(link, |(_, name)| name)
}

fn leads_to(graph: &Graph, edge: &Edge, package: &Package) -> bool {
    matches!(edge.to, Some(Target::Package(id)) if graph.package(id).label() == package.label())
}

/// Whether a package is called so by itself or by somebody who asks for it.
fn is_called(graph: &Graph, package: &Package, name: &str) -> bool {
    let importers = graph.importers.iter().flat_map(|one| &one.edges);
    let mut edges = importers.chain(graph.packages.iter().flat_map(|one| &one.edges));
    package.name == name || edges.any(|edge| edge.name == name && leads_to(graph, edge, package))
}

/// Whether a workspace is called so by itself or by somebody who asks for it.
fn is_importers(graph: &Graph, number: usize, name: &str) -> bool {
    let folder = &graph.importers[number].folder;
    let is_it = |id: ImporterId| graph.importer(id).folder == *folder;
    let importers = graph.importers.iter().flat_map(|one| &one.edges);
    let mut edges = importers.chain(graph.packages.iter().flat_map(|one| &one.edges));
    graph.importers[number].name.as_deref() == Some(name)
        || edges.any(|edge| {
            edge.name == name && matches!(edge.to, Some(Target::Importer(id)) if is_it(id))
        })
}
