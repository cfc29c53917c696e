//! A package that nothing leads to from the project.
//!
//! No manager installs it, but npm writes such entries after some updates (and calls them extraneous),
//! and a package with a shrinkwrap of its own brings some. So only what looks like a hand fails a
//! review: a few names that are nowhere else, in a file that had nothing of the kind.

use super::{Found, Review, Signal};
use crate::Severity;
use ringfence_project::graph::{Graph, Need, Package};
use std::collections::BTreeSet;

pub(super) const SIGNAL: Signal = Signal {
    code: "unreachable",
    question: "who put a package here that nothing asks for?",
    severity: Severity::High,
    find,
};

/// Packages that a person adds by hand, at most.
const BY_HAND: usize = 3;

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let (mut loose, mut stray) = (None, Vec::new());
    for (_, copies) in review.added() {
        if copies.all().all(is_stray) {
            let package = copies.first();
            let loose = loose.get_or_insert_with(|| loose_ends(review.change.new));
            if loose.contains(package.name.as_str()) {
                found.unknown("something asks for this name and the lockfile leads it nowhere");
            } else {
                stray.push(package);
            }
        }
        if copies.all().any(|package| package.need == Need::Unknown) {
            found.unknown(
                "the lockfile does not tell what the project asks for, and no package.json did",
            );
        }
    }
    tell(review, &stray, found);
}

fn tell(review: &Review<'_>, stray: &[&Package], found: &mut Found<'_>) {
    const MESSAGE: &str = "nothing that the project asks for leads to it";
    let before = || review.change.old.packages.iter().any(is_stray);
    if stray.len() > BY_HAND || !stray.is_empty() && before() {
        if let Some((first, others)) = stray.split_first() {
            let message = match others.len() {
                0 => MESSAGE.to_owned(),
                count => format!("{MESSAGE}, nor to {count} more"),
            };
            found.add_as(Severity::Moderate, first, message);
        }
        return;
    }
    for package in stray {
        let elsewhere = review
            .change
            .new
            .packages
            .iter()
            .any(|other| other.name == package.name && !is_stray(other));
        // What has no version cannot be fetched.
        let severity = if elsewhere || package.version.is_none() {
            Severity::Moderate
        } else {
            Severity::High
        };
        found.add_as(severity, package, MESSAGE.to_owned());
    }
}

fn is_stray(package: &Package) -> bool {
    package.need == Need::Nobody && !package.bundled
}

/// Names that something asks for without an end, as where a resolution of Yarn changed the range.
fn loose_ends(graph: &Graph) -> BTreeSet<&str> {
    let importers = graph.importers.iter().map(|importer| &importer.edges);
    let packages = graph.packages.iter().map(|package| &package.edges);
    let edges = importers.chain(packages).flatten().filter(|edge| edge.to.is_none());
    edges.map(|edge| edge.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use crate::review::testing::{codes, outcome};

    #[test]
    fn what_nothing_leads_to_is_found() {
        let lock = |asked: &str, rest: &str| {
            format!(
                r#""": {{"dependencies": {{{asked}}}}}, "node_modules/a": {{"version": "1.0.0"}}{rest}"#
            )
        };
        let old = lock(r#""a": "1.0.0""#, "");
        let extra = r#", "node_modules/b": {"version": "1.0.0"}"#;
        assert_eq!(codes(&old, &lock(r#""a": "1.0.0""#, extra)), ["unreachable"]);
        assert!(codes(&old, &lock(r#""a": "1.0.0", "b": "1.0.0""#, extra)).is_empty());
    }

    #[test]
    fn what_tools_leave_behind_does_not_fail() {
        let lock = |version: &str, left: &[&str]| {
            let left =
                left.iter().map(|key| format!(r#", "node_modules/{key}": {{"version": "3.0.0"}}"#));
            let left: String = left.collect();
            format!(
                r#""": {{"dependencies": {{"a": "^1.0.0"}}}}, "node_modules/a": {{"version": "{version}"}}{left}"#
            )
        };
        let severities = |before: &[&str], after: &[&str]| {
            let found = outcome(&lock("1.0.0", before), &lock("1.0.1", after)).findings;
            found.iter().map(|one| one.severity.id()).collect::<Vec<_>>()
        };
        assert_eq!(severities(&[], &["b", "c"]), ["high", "high"]);
        assert_eq!(severities(&["b"], &["b", "c"]), ["moderate"], "it had such before");
        assert_eq!(severities(&[], &["b", "c", "d", "e"]), ["moderate"], "too many for a hand");
        assert_eq!(
            severities(&[], &["b/node_modules/a"]),
            ["moderate"],
            "the name is needed elsewhere"
        );
    }

    #[test]
    fn where_nobody_says_who_asks_it_is_unknown() {
        let lock = |version: &str| format!(r#""node_modules/a": {{"version": "{version}"}}"#);
        let unknown = outcome(&lock("1.0.0"), &lock("1.0.1")).unknown;
        assert!(unknown.iter().any(|one| one.code == "unreachable"));
    }
}
