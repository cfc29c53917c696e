//! What changed between two lockfiles: releases, not copies.
//!
//! A release is a name with a version; a lockfile may hold several copies of it. Two files by
//! different managers can be compared, since only releases, sources and hashes are.

use ringfence_project::graph::{Graph, Package, PackageId};
use std::collections::BTreeMap;

/// A name and a version; packages without a version are told apart by their key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release<'a> {
    /// The name in its source.
    pub name: &'a str,
    /// The version, or the key where there is none.
    pub version: &'a str,
}

/// The copies of a release in one lockfile; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies<'a> {
    graph: &'a Graph,
    ids: Vec<PackageId>,
}

impl<'a> Copies<'a> {
    /// The first copy, in the order of the file.
    #[must_use]
    pub fn first(&self) -> &'a Package {
        self.graph.package(self.ids[0])
    }

    /// Every copy.
    pub fn all(&self) -> impl Iterator<Item = &'a Package> + '_ {
        self.ids.iter().map(|id| self.graph.package(*id))
    }

    /// The ids of every copy.
    #[must_use]
    pub fn ids(&self) -> &[PackageId] {
        &self.ids
    }
}

/// The releases of a lockfile.
pub type Releases<'a> = BTreeMap<Release<'a>, Copies<'a>>;

/// The releases of a graph.
#[must_use]
pub fn releases(graph: &Graph) -> Releases<'_> {
    let mut releases = Releases::new();
    for (id, package) in graph.ids() {
        let version = package.version.as_deref().unwrap_or(&package.key);
        let release = Release { name: &package.name, version };
        releases.entry(release).or_insert_with(|| Copies { graph, ids: Vec::new() }).ids.push(id);
    }
    releases
}

/// Two lockfiles and the releases of each.
#[derive(Debug)]
pub struct Change<'a> {
    /// The older file.
    pub old: &'a Graph,
    /// The newer file.
    pub new: &'a Graph,
    /// The releases of the older file.
    pub before: Releases<'a>,
    /// The releases of the newer file.
    pub after: Releases<'a>,
}

impl<'a> Change<'a> {
    /// What changed from one graph to another.
    #[must_use]
    pub fn between(old: &'a Graph, new: &'a Graph) -> Self {
        Self { old, new, before: releases(old), after: releases(new) }
    }

    /// Releases that are in the newer file alone.
    pub fn added(&self) -> impl Iterator<Item = (&Release<'a>, &Copies<'a>)> {
        self.after.iter().filter(|(release, _)| !self.before.contains_key(release))
    }

    /// Releases that are in the older file alone.
    pub fn removed(&self) -> impl Iterator<Item = (&Release<'a>, &Copies<'a>)> {
        self.before.iter().filter(|(release, _)| !self.after.contains_key(release))
    }

    /// Releases that are in both: before and after.
    pub fn kept(&self) -> impl Iterator<Item = (&Release<'a>, &Copies<'a>, &Copies<'a>)> {
        self.after.iter().filter_map(|(release, after)| {
            self.before.get(release).map(|before| (release, before, after))
        })
    }

    /// The releases of a name in the older file: what an added release may be an update of.
    pub fn earlier<'b>(
        &'b self,
        name: &'b str,
    ) -> impl Iterator<Item = (&'b Release<'a>, &'b Copies<'a>)> {
        self.before.iter().filter(move |(release, _)| release.name == name)
    }

    /// Whether the older file has no release of this name.
    #[must_use]
    pub fn is_new_name(&self, name: &str) -> bool {
        self.earlier(name).next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(packages: &str) -> Graph {
        let text = format!("{{\"lockfileVersion\": 3, \"packages\": {{{packages}}}}}");
        Graph::read("package-lock.json", &text, &[]).unwrap()
    }

    #[test]
    fn releases_are_compared_and_not_copies() {
        let old = graph(
            r#""node_modules/a": {"version": "1.0.0"}, "node_modules/b": {"version": "1.0.0"}"#,
        );
        let new = graph(
            r#""node_modules/a": {"version": "1.0.1"}, "node_modules/b": {"version": "1.0.0"},
            "node_modules/c": {"version": "1.0.0"}, "node_modules/c/node_modules/b": {"version": "1.0.0"}"#,
        );
        let change = Change::between(&old, &new);
        let names = |release: &Release<'_>| format!("{}@{}", release.name, release.version);
        let added: Vec<_> = change.added().map(|(release, _)| names(release)).collect();
        let removed: Vec<_> = change.removed().map(|(release, _)| names(release)).collect();
        let kept: Vec<_> = change
            .kept()
            .map(|(release, _, copies)| (names(release), copies.ids().len()))
            .collect();
        assert_eq!(
            (added, removed),
            (vec!["a@1.0.1".to_owned(), "c@1.0.0".to_owned()], vec!["a@1.0.0".to_owned()])
        );
        assert_eq!(kept, [("b@1.0.0".to_owned(), 2)]);
        assert!(change.is_new_name("c") && !change.is_new_name("a"));
    }
}
