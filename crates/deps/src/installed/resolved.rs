//! What Node finds by a name, from each folder that asks for it: it must be what the lockfile says.
//!
//! Folders and links can each be what they claim to be and still stand in the wrong place: a copy of
//! another version where its neighbour looks first, a package under the name of another one, a link that
//! was taken away so that something further up is found. npm's lockfile names every folder, and there is
//! nothing left to ask; elsewhere the lockfile says who gets what, and names are looked up as Node does.

use super::discover::{Found, followed};
use super::places::Places;
use super::stores::split;
use super::{Kind, Report, Verification};
use ringfence_project::graph::{Edge, EdgeKind, Graph, Need, PackageId, Target};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What a package asks for: labels of what may be found, by name.
type Asked<'a> = BTreeMap<&'a str, BTreeSet<String>>;

pub(super) fn check(
    verification: &Verification<'_>,
    found: &Found,
    places: &Places,
    report: &mut Report,
) {
    if places.by_npm {
        return;
    }
    let graph = verification.graph;
    let installed: HashSet<String> =
        places.of.values().map(|id| graph.package(*id).label()).collect();
    let is_dev = |id: &PackageId| graph.package(*id).need == Need::Dev;
    let lookup = Lookup { verification, found, places, installed };
    let has_dev = places.of.values().any(is_dev);
    for importer in &graph.importers {
        let edges = importer.edges.iter().filter(|edge| has_dev || edge.kind != EdgeKind::Dev);
        lookup.asks(&importer.folder, "", &asked(graph, edges), report);
    }
    let asked = of_all(graph);
    for (folder, id) in &places.of {
        let label = graph.package(*id).label();
        if let Some(asked) = asked.get(&label) {
            lookup.asks(folder, &label, asked, report);
        }
    }
}

/// What each release asks for in all of its copies: which copy a folder is, peers tell, and folders do not
/// always.
fn of_all(graph: &Graph) -> HashMap<String, Asked<'_>> {
    let mut all: HashMap<String, Asked<'_>> = HashMap::new();
    for package in &graph.packages {
        let own = asked(graph, package.edges.iter());
        match all.get_mut(&package.label()) {
            None => drop(all.insert(package.label(), own)),
            Some(before) => {
                before.retain(|name, _| own.contains_key(name));
                for (name, labels) in own {
                    if let Some(before) = before.get_mut(name) {
                        before.extend(labels);
                    }
                }
            }
        }
    }
    all
}

/// What must be found: nothing that an install may leave out, and nothing that the lockfile leaves open.
fn asked<'a>(graph: &'a Graph, edges: impl Iterator<Item = &'a Edge>) -> Asked<'a> {
    let must = edges.filter(|edge| matches!(edge.kind, EdgeKind::Production | EdgeKind::Dev));
    let told = must.filter_map(|edge| match edge.to {
        Some(Target::Package(id)) if !graph.package(id).bundled => {
            Some((edge.name.as_str(), BTreeSet::from([graph.package(id).label()])))
        }
        _ => None,
    });
    told.collect()
}

struct Lookup<'a> {
    verification: &'a Verification<'a>,
    found: &'a Found,
    places: &'a Places,
    /// Labels of what is installed somewhere: what is nowhere was told already, or may be left out.
    installed: HashSet<String>,
}

/// What lies where a name is looked up.
enum At {
    Nothing,
    Package(PackageId),
    /// Something that is told elsewhere.
    Other,
}

impl Lookup<'_> {
    fn asks(&self, folder: &str, asker: &str, wishes: &Asked<'_>, report: &mut Report) {
        // A workspace beside the project has folders above it that nobody looked into.
        if folder.starts_with("..") {
            return;
        }
        for (name, labels) in wishes {
            if !labels.iter().any(|label| self.installed.contains(label)) {
                continue;
            }
            let wanted = labels.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
            let told = match self.first(folder, name) {
                // Where it leads was looked at.
                Some((At::Package(_), path)) if self.is_own_link(folder, &path) => continue,
                None => format!("{wanted} is not found by this name"),
                Some((At::Package(id), _)) => {
                    let label = self.verification.graph.package(id).label();
                    if labels.contains(&label) {
                        continue;
                    }
                    format!("{label} is found by this name, and the lockfile has {wanted}")
                }
                Some(_) => continue,
            };
            let kind = if self.found.virtual_store { Kind::Link } else { Kind::VersionDiffers };
            report.deviates(asker, kind, &Self::beside(folder, name), told);
        }
    }

    /// Where a name should be for a folder: beside it in a store, in it elsewhere.
    fn beside(folder: &str, name: &str) -> String {
        let part = split(folder).map(|inside| inside.store);
        match part.and_then(|part| folder.find(part).map(|at| &folder[..at + part.len()])) {
            Some(part) => format!("{part}/node_modules/{name}"),
            None if folder.is_empty() => format!("node_modules/{name}"),
            None => format!("{folder}/node_modules/{name}"),
        }
    }

    fn is_own_link(&self, folder: &str, path: &str) -> bool {
        let name = path.rsplit_once("node_modules/").map_or(path, |(_, name)| name);
        self.found.links.contains_key(path) && path == Self::beside(folder, name)
    }

    /// The first thing of a name, in the folder itself and in those above it (Node.js, "Loading from
    /// `node_modules` folders").
    fn first(&self, folder: &str, name: &str) -> Option<(At, String)> {
        let mut at = folder;
        loop {
            if at != "node_modules" && !at.ends_with("/node_modules") {
                let path = if at.is_empty() {
                    format!("node_modules/{name}")
                } else {
                    format!("{at}/node_modules/{name}")
                };
                match self.at(&path) {
                    At::Nothing => {}
                    found => return Some((found, path)),
                }
            }
            if at.is_empty() {
                return None;
            }
            at = at.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }

    fn at(&self, path: &str) -> At {
        if let Some(id) = self.places.of.get(path) {
            return At::Package(*id);
        }
        if let Some(target) = self.found.links.get(path) {
            let to = followed(self.verification.folder, path, target);
            return to
                .and_then(|to| self.places.of.get(&to))
                .map_or(At::Other, |id| At::Package(*id));
        }
        if self.found.packages.contains(path) { At::Other } else { At::Nothing }
    }
}
