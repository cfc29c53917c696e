//! Who brings a package in: ways from the project to it, walked from their end.

use ringfence_project::graph::{Edge, EdgeKind, Format, Graph, PackageId, Target};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// The edges of a lockfile, the other way round.
pub(super) struct Ways<'a> {
    graph: &'a Graph,
    asked: HashMap<PackageId, Vec<(Asker, &'a Edge)>>,
}

/// Who asks for a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// The project, or a workspace of it, by its place among the importers.
    Importer(usize),
    /// Another package.
    Package(PackageId),
}

/// How a package gets there.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// What the project asks for itself, `name@version` each, in the order of the names.
    pub(super) direct: Vec<String>,
    /// From there to the package, which is the last; empty where nobody leads to it.
    pub(super) shortest: Vec<String>,
}

impl<'a> Ways<'a> {
    /// The ways of a lockfile; with `omit_dev` without what is asked for to develop.
    pub(super) fn of(graph: &'a Graph, omit_dev: bool) -> Self {
        let mut asked: HashMap<PackageId, Vec<(Asker, &'a Edge)>> = HashMap::new();
        let mut add = |asker: Asker, edges: &'a [Edge]| {
            for edge in edges.iter().filter(|edge| !(omit_dev && edge.kind == EdgeKind::Dev)) {
                if let Some(Target::Package(id)) = edge.to {
                    asked.entry(id).or_default().push((asker, edge));
                }
            }
        };
        for (index, importer) in graph.importers.iter().enumerate() {
            add(Asker::Importer(index), &importer.edges);
        }
        for (id, package) in graph.ids() {
            add(Asker::Package(id), &package.edges);
        }
        Self { graph, asked }
    }

    /// Who asks for a package, and how.
    pub(super) fn askers(&self, id: PackageId) -> &[(Asker, &'a Edge)] {
        self.asked.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether the lockfile says which range an edge asks for: pnpm's does not between packages.
    pub(super) fn tells_range(&self, edge: &Edge) -> bool {
        !(edge.range.is_empty() && matches!(self.graph.format, Format::Pnpm(_)))
    }

    /// What whoever asks is called.
    pub(super) fn name_of(&self, asker: Asker) -> String {
        match asker {
            Asker::Package(id) => self.graph.package(id).label(),
            Asker::Importer(index) => {
                let importer = self.graph.importers.get(index);
                let folder = importer.map(|one| one.folder.as_str()).unwrap_or_default();
                let place = if folder.is_empty() { "." } else { folder };
                importer.and_then(|one| one.name.clone()).unwrap_or_else(|| place.to_owned())
            }
        }
    }

    /// How these copies of one release get there.
    pub(super) fn to(&self, copies: &[PackageId]) -> Way {
        let mut next: HashMap<PackageId, PackageId> = HashMap::new();
        let mut seen: HashSet<PackageId> = copies.iter().copied().collect();
        let mut open: VecDeque<PackageId> = copies.iter().copied().collect();
        let mut direct = BTreeSet::new();
        let mut nearest = None;
        // The first one found is the nearest.
        while let Some(id) = open.pop_front() {
            for (asker, _) in self.askers(id) {
                match asker {
                    Asker::Importer(_) => {
                        nearest = nearest.or(Some(id));
                        direct.insert(self.graph.package(id).label());
                    }
                    Asker::Package(above) => {
                        if seen.insert(*above) {
                            next.insert(*above, id);
                            open.push_back(*above);
                        }
                    }
                }
            }
        }
        let mut shortest = Vec::new();
        let mut at = nearest;
        while let Some(id) = at {
            shortest.push(self.graph.package(id).label());
            at = next.get(&id).copied();
        }
        Way { direct: direct.into_iter().collect(), shortest }
    }
}
