//! Folders that belong to packages of the lockfile.

use super::{Kind, Report, Verification};
use ringfence_project::graph::{Edge, EdgeKind, Graph, Need, Package, PackageId, Target};
use std::collections::{BTreeMap, BTreeSet};

/// Which folder belongs to which package of the lockfile.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Folder, from the project's, and package.
    pub(super) of: BTreeMap<String, PackageId>,
    /// Folders of packages that came inside a tarball, by the lockfile.
    pub(super) bundled: BTreeSet<String>,
    /// Folders that stand for packages of other systems, and have nothing of them.
    pub(super) stand_ins: BTreeSet<String>,
    /// Whether npm's own rules hold for where packages are.
    pub(super) by_npm: bool,
    /// Whether npm wrote the files: it renames `.gitignore`.
    pub(super) renames: bool,
    /// Whether modes are npm's: pnpm's files share theirs with other projects.
    pub(super) has_own_modes: bool,
}

impl Places {
    /// The innermost place that a path lies in.
    pub(super) fn around(&self, path: &str) -> Option<(&str, PackageId)> {
        let mut at = path;
        while let Some((above, _)) = at.rsplit_once('/') {
            if let Some((folder, id)) = self.of.get_key_value(above) {
                return Some((folder, *id));
            }
            at = above;
        }
        None
    }
}

/// Says of packages of the lockfile that are nowhere whether that is in order. `listed` is what the
/// manager wrote down as installed, where it did.
pub(super) fn tell_missing(
    verification: &Verification<'_>,
    missing: &[(String, &Package)],
    listed: Option<&BTreeSet<String>>,
    report: &mut Report,
) {
    let is_dev = |package: &Package| matches!(package.need, Need::Dev | Need::DevOptional);
    let all = verification.graph.packages.iter();
    let dev = all.filter(|package| is_dev(package) && !package.bundled).count();
    let no_dev = missing.iter().filter(|(_, package)| is_dev(package)).count() == dev;
    let needed = needed(verification.graph);
    for (key, package) in missing {
        let written_down = listed.map(|listed| listed.contains(key));
        let may_be_left_out = match (package.need, written_down) {
            (_, Some(true)) => false,
            (Need::Optional | Need::DevOptional, _) | (Need::Dev, Some(false)) => true,
            (Need::Dev, None) if is_for_some(package) || !needed.contains(package.key.as_str()) => {
                true
            }
            (Need::Dev, None) => no_dev,
            // Without a manifest nobody knows who needs what.
            _ => is_for_some(package),
        };
        if may_be_left_out {
            report.left_out += 1;
        } else {
            report.deviates(&package.label(), Kind::MissingPackage, key, "");
        }
    }
}

/// Keys of the packages that an install cannot do without: edges that are not optional lead to them. A
/// package's [`Need`] does not tell what is optional of what development needs, and Yarn 1 names no
/// systems.
fn needed(graph: &Graph) -> BTreeSet<&str> {
    let strict = |edge: &&Edge| !matches!(edge.kind, EdgeKind::Optional | EdgeKind::PeerOptional);
    let edges = graph.importers.iter().flat_map(|importer| &importer.edges);
    let mut open: Vec<Target> = edges.filter(strict).filter_map(|edge| edge.to).collect();
    let mut seen = BTreeSet::new();
    while let Some(target) = open.pop() {
        // What a workspace asks for is among the first.
        let Target::Package(id) = target else { continue };
        if seen.insert(id) {
            let edges = &graph.package(id).edges;
            open.extend(edges.iter().filter(strict).filter_map(|edge| edge.to));
        }
    }
    seen.into_iter().map(|id| graph.package(id).key.as_str()).collect()
}

/// Whether it is for some systems alone: an install leaves it out elsewhere.
pub(super) fn is_for_some(package: &Package) -> bool {
    !package.os.is_empty() || !package.cpu.is_empty() || !package.libc.is_empty()
}
