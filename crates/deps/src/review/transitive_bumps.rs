//! Many packages that nobody asked for got another version: more than a reviewer reads.

use super::{Found, Review, Signal};
use crate::Severity;
use ringfence_project::graph::{Graph, Importer, Target};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const SIGNAL: Signal = Signal {
    code: "transitive-bumps",
    question: "did a broad range update hide risk?",
    severity: Severity::Moderate,
    find,
};

/// Bumps that are read whatever caused them.
const READ: usize = 20;

/// Bumps that one change of what the project asks for may bring.
const PER_CHANGE: usize = 15;

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let change = review.change;
    if change.new.importers.iter().all(|importer| importer.edges.is_empty()) {
        if review.added().next().is_none() {
            return;
        }
        found.unknown(
            "the lockfile does not tell what the project asks for, and no package.json did",
        );
        return;
    }
    let (old, new) = (direct(change.old), direct(change.new));
    let changes = new.iter().filter(|(name, asked)| old.get(*name) != Some(*asked)).count();
    let bumped: BTreeSet<&str> = review
        .added()
        .map(|(release, _)| release.name)
        .filter(|name| !change.is_new_name(name) && !new.contains_key(name))
        .collect();
    if bumped.len() > READ + PER_CHANGE * changes {
        found.add_of_all(format!(
            "{} packages that the project does not ask for have new versions, with {changes} changes \
             of what it asks for",
            bumped.len()
        ));
    }
}

/// What the project asks for: by name, the ranges and what was found.
fn direct(graph: &Graph) -> BTreeMap<&str, BTreeSet<(&str, Option<&str>)>> {
    let mut all: BTreeMap<&str, BTreeSet<(&str, Option<&str>)>> = BTreeMap::new();
    let edges = |importer: &'_ Importer| importer.edges.len();
    for importer in graph.importers.iter().filter(|importer| edges(importer) > 0) {
        for edge in &importer.edges {
            let Some(Target::Package(id)) = edge.to else { continue };
            let package = graph.package(id);
            let asked = (edge.range.as_str(), package.version.as_deref());
            all.entry(&package.name).or_default().insert(asked);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::review::testing::codes;

    fn lock(direct: &str, below: usize, version: &str) -> String {
        let one = |n| format!(r#""node_modules/p{n}": {{"version": "{version}"}}"#);
        let needs: Vec<_> = (0..below).map(|n| format!(r#""p{n}": "^1.0.0""#)).collect();
        let below: Vec<_> = (0..below).map(one).collect();
        format!(
            r#""": {{"dependencies": {{"a": "^1.0.0"}}}},
            "node_modules/a": {{"version": "{direct}", "dependencies": {{{}}}}}, {}"#,
            needs.join(", "),
            below.join(", ")
        )
    }

    #[test]
    fn more_than_the_bound_is_told_once() {
        assert_eq!(
            codes(&lock("1.0.0", 30, "1.0.0"), &lock("1.0.0", 30, "1.0.1")),
            ["transitive-bumps"]
        );
        assert_eq!(
            codes(&lock("1.0.0", 40, "1.0.0"), &lock("1.0.1", 40, "1.0.1")),
            ["transitive-bumps"]
        );
    }

    #[test]
    fn what_one_change_brings_is_in_order() {
        assert!(codes(&lock("1.0.0", 30, "1.0.0"), &lock("1.0.1", 30, "1.0.1")).is_empty());
        assert!(codes(&lock("1.0.0", 10, "1.0.0"), &lock("1.0.0", 10, "1.0.1")).is_empty());
    }
}
