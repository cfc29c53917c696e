//! What changed between two lockfiles: releases, not copies.
//!
//! A release is a name with a version; a lockfile may hold several copies of it. Two files by
//! different managers can be compared, since only releases, sources and hashes are.

use crate::ranges::version;
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

impl<'a> Release<'a> {
    /// The release that a package is a copy of.
    #[must_use]
    pub fn of(package: &'a Package) -> Self {
        Self { name: &package.name, version: package.version.as_deref().unwrap_or(&package.key) }
    }
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
    // Sorted first, the map is made in one piece: most lockfiles are nearly in this order.
    listed(graph).into_iter().collect()
}

/// The same as a list, for those who go through all of them.
pub(crate) fn listed(graph: &Graph) -> Vec<Held<'_>> {
    let mut all: Vec<_> = graph.ids().map(|(id, package)| (Release::of(package), id)).collect();
    all.sort();
    let mut held: Vec<Held<'_>> = Vec::with_capacity(all.len());
    for (release, id) in all {
        match held.last_mut() {
            Some((last, copies)) if *last == release => copies.ids.push(id),
            _ => held.push((release, Copies { graph, ids: vec![id] })),
        }
    }
    held
}

/// A release with its copies in one file.
pub type Held<'a> = (Release<'a>, Copies<'a>);

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
    added: Vec<Held<'a>>,
}

impl<'a> Change<'a> {
    /// What changed from one graph to another.
    #[must_use]
    pub fn between(old: &'a Graph, new: &'a Graph) -> Self {
        let (before, after) = (releases(old), releases(new));
        let added = beside(&after, &before).filter(|(.., old)| old.is_none());
        let added = added.map(|(release, copies, _)| (release.clone(), copies.clone())).collect();
        Self { old, new, before, after, added }
    }

    /// Releases that are in the newer file alone.
    pub fn added(&self) -> impl Iterator<Item = (&Release<'a>, &Copies<'a>)> {
        self.added.iter().map(|(release, copies)| (release, copies))
    }

    /// Releases that are in the older file alone.
    pub fn removed(&self) -> impl Iterator<Item = (&Release<'a>, &Copies<'a>)> {
        let gone = beside(&self.before, &self.after).filter(|(.., new)| new.is_none());
        gone.map(|(release, copies, _)| (release, copies))
    }

    /// Releases that are in both: before and after.
    pub fn kept(&self) -> impl Iterator<Item = (&Release<'a>, &Copies<'a>, &Copies<'a>)> {
        beside(&self.after, &self.before)
            .filter_map(|(release, after, before)| before.map(|before| (release, before, after)))
    }

    /// Whether a release is in the newer file alone.
    #[must_use]
    pub fn is_added(&self, package: &Package) -> bool {
        !self.before.contains_key(&Release::of(package))
    }

    /// The releases of a name in the older file: what an added release may be an update of.
    pub fn earlier<'b>(
        &'b self,
        name: &'b str,
    ) -> impl Iterator<Item = (&'b Release<'b>, &'b Copies<'b>)> {
        named(&self.before, name)
    }

    /// The release that an added one most likely took the place of: the highest one below it, else
    /// the highest one of its name.
    #[must_use]
    pub fn base<'b>(
        &'b self,
        release: &'b Release<'_>,
    ) -> Option<(&'b Release<'b>, &'b Copies<'b>)> {
        let own = version(release.version);
        let all = self.earlier(release.name).map(|held| (version(held.0.version), held));
        all.max_by(|(one, _), (two, _)| {
            let fits = |version: &Option<_>| version <= &own;
            (fits(one), one).cmp(&(fits(two), two))
        })
        .map(|(_, held)| held)
    }

    /// Whether the older file has a package of this scope, which begins with `@`.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        let start = format!("{scope}/");
        let from = Release { name: &start, version: "" };
        self.before.range(from..).next().is_some_and(|(first, _)| first.name.starts_with(&start))
    }

    /// Whether the older file has no release of this name.
    #[must_use]
    pub fn is_new_name(&self, name: &str) -> bool {
        self.earlier(name).next().is_none()
    }
}

/// The releases of one file, each with its copies in another. Both are in the same order, and several
/// signals look at all of them: they are walked together, and nothing is searched for.
fn beside<'b, 'a>(
    new: &'b Releases<'a>,
    old: &'b Releases<'a>,
) -> impl Iterator<Item = (&'b Release<'a>, &'b Copies<'a>, Option<&'b Copies<'a>>)> {
    let mut others = old.iter().peekable();
    new.iter().map(move |(release, copies)| {
        while others.next_if(|(other, _)| *other < release).is_some() {}
        let found = others.next_if(|(other, _)| *other == release);
        (release, copies, found.map(|(_, copies)| copies))
    })
}

/// The releases of one name.
fn named<'b>(
    all: &'b Releases<'b>,
    name: &'b str,
) -> impl Iterator<Item = (&'b Release<'b>, &'b Copies<'b>)> {
    let from = Release { name, version: "" };
    all.range(from..).take_while(move |(release, _)| release.name == name)
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
