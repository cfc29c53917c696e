//! Links between packages: each must lead to what the lockfile says.

use super::discover::{Found, followed};
use super::named::manifest;
use super::places::Places;
use super::stores::{NAMES, split};
use super::{Kind, Report, Verification};
use ringfence_project::graph::{Edge, EdgeKind, Graph, ImporterId, Package, Target};
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
        .filter_map(|(folder, id)| Some((split(folder)?.store, graph.package(*id).label())))
        .collect();
    let mut edges: HashMap<String, Vec<&Edge>> = HashMap::new();
    for package in &graph.packages {
        edges.entry(package.label()).or_default().extend(&package.edges);
    }
    let links = Links { verification, places, owners, edges };
    for (link, target) in &found.links {
        // Told already: a package should be there.
        if keys.contains(link.as_str()) && !found.virtual_store {
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
        split(link).and_then(|inside| self.owners.get(inside.store))
    }

    fn problem(&self, link: &str, target: &str) -> Option<String> {
        let graph = self.verification.graph;
        let name = name_in(link);
        let Some(at) = followed(self.verification.folder, link, target) else {
            return Some(format!("it leads to {target}, out of the project"));
        };
        if let Some(number) = graph.importers.iter().position(|one| one.folder == at) {
            return (!self.is_importers(number, name)).then(|| {
                format!("it leads to the workspace {at}, which nobody asks for by this name")
            });
        }
        let Some(id) = self.places.of.get(&at) else {
            if self.places.stand_ins.contains(&at) {
                return None;
            }
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
            let own = own.filter(|_| !is_in_store(link));
            own.flat_map(|one| &one.edges).filter(|edge| edge.name == name).collect()
        };
        if asked.iter().any(|edge| leads_to(graph, edge, package)) {
            return None;
        }
        // Yarn lets a package find itself.
        let own = self.owner(link).is_some_and(|owner| *owner == package.label());
        if own && asked.is_empty() && name == package.name {
            return None;
        }
        // A peer is whoever the project has by that name, where the lockfile does not say it.
        let is_peer = |edge: &&Edge| {
            matches!(edge.kind, EdgeKind::Peer | EdgeKind::PeerOptional) && edge.to.is_none()
        };
        if asked.iter().any(is_peer) && is_called(graph, package, name) {
            return None;
        }
        let hoisted =
            asked.is_empty() && self.owner(link).is_none() && is_called(graph, package, name);
        (!hoisted).then(|| {
            format!("it leads to {}, which the lockfile does not have here", package.label())
        })
    }

    /// Whether a workspace is called so by itself or by somebody who asks for it.
    fn is_importers(&self, number: usize, name: &str) -> bool {
        let graph = self.verification.graph;
        let importer = &graph.importers[number];
        let is_it = |id: ImporterId| graph.importer(id).folder == importer.folder;
        let importers = graph.importers.iter().flat_map(|one| &one.edges);
        let mut edges = importers.chain(graph.packages.iter().flat_map(|one| &one.edges));
        if edges.any(|edge| {
            edge.name == name && matches!(edge.to, Some(Target::Importer(id)) if is_it(id))
        }) {
            return true;
        }
        match &importer.name {
            Some(own) => own == name,
            // The lockfile does not tell, and its manifest is no package's but the project's own.
            None => manifest(self.verification.project, &importer.folder)
                .is_some_and(|(own, _)| own.as_deref() == Some(name)),
        }
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

/// Whether a link is in a store, and so nobody's but a package's.
fn is_in_store(link: &str) -> bool {
    NAMES.iter().any(|name| link.starts_with(&format!("node_modules/{name}/")))
}
