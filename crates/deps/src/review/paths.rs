//! Who brings a package in: the shortest way to each package from the project.

use ringfence_project::graph::{Graph, Package, PackageId, Target};
use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};

/// The shortest way to each package, found when it is first asked for.
pub(super) struct Paths<'a> {
    graph: &'a Graph,
    ways: OnceCell<Ways<'a>>,
}

/// Where one came from.
#[derive(Clone, Copy)]
enum From {
    Importer(usize),
    Package(PackageId),
}

struct Ways<'a> {
    from: HashMap<PackageId, From>,
    by_key: HashMap<(&'a str, usize), PackageId>,
}

impl<'a> Paths<'a> {
    pub(super) const fn of(graph: &'a Graph) -> Self {
        Self { graph, ways: OnceCell::new() }
    }

    /// `name@version` of each step, the package itself last; empty where nobody leads to it. A way
    /// that begins in a workspace begins with its folder.
    pub(super) fn to(&self, package: &Package) -> Vec<String> {
        let ways = self.ways.get_or_init(|| ways(self.graph));
        let Some(mut id) = ways.by_key.get(&(package.key.as_str(), package.line)).copied() else {
            return Vec::new();
        };
        let mut path = Vec::new();
        while let Some(from) = ways.from.get(&id) {
            path.push(self.graph.package(id).label());
            match from {
                From::Package(above) => id = *above,
                From::Importer(index) => {
                    let folder = self.graph.importers.get(*index).map(|one| one.folder.clone());
                    path.extend(folder.filter(|folder| !folder.is_empty()));
                    break;
                }
            }
        }
        path.reverse();
        path
    }
}

fn ways(graph: &Graph) -> Ways<'_> {
    let mut from = HashMap::with_capacity(graph.packages.len());
    let mut open = VecDeque::new();
    let ends = |edges: &[ringfence_project::graph::Edge]| {
        let ends = edges.iter().filter_map(|edge| edge.to);
        ends.filter_map(|to| if let Target::Package(id) = to { Some(id) } else { None })
            .collect::<Vec<_>>()
    };
    for (index, importer) in graph.importers.iter().enumerate() {
        for id in ends(&importer.edges) {
            from.entry(id).or_insert_with(|| {
                open.push_back(id);
                From::Importer(index)
            });
        }
    }
    while let Some(above) = open.pop_front() {
        for id in ends(&graph.package(above).edges) {
            from.entry(id).or_insert_with(|| {
                open.push_back(id);
                From::Package(above)
            });
        }
    }
    let by_key = graph.ids().map(|(id, one)| ((one.key.as_str(), one.line), id)).collect();
    Ways { from, by_key }
}
