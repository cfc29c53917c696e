//! A package that nothing leads to from the project: no manager writes it, somebody put it there.

use super::{Found, Review, Signal};
use crate::Severity;
use ringfence_project::graph::{Graph, Need};
use std::collections::BTreeSet;

pub(super) const SIGNAL: Signal = Signal {
    code: "unreachable",
    question: "who put a package here that nothing asks for?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let mut loose = None;
    for (_, copies) in review.added() {
        let nobody = |need: Need| need == Need::Nobody;
        if copies.all().all(|package| nobody(package.need) && !package.bundled) {
            let package = copies.first();
            let loose = loose.get_or_insert_with(|| loose_ends(review.change.new));
            if loose.contains(package.name.as_str()) {
                found.unknown("something asks for this name and the lockfile leads it nowhere");
            } else {
                found.add(package, "nothing that the project asks for leads to it".to_owned());
            }
        }
        if copies.all().any(|package| package.need == Need::Unknown) {
            found.unknown(
                "the lockfile does not tell what the project asks for, and no package.json did",
            );
        }
    }
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
    fn where_nobody_says_who_asks_it_is_unknown() {
        let lock = |version: &str| format!(r#""node_modules/a": {{"version": "{version}"}}"#);
        let unknown = outcome(&lock("1.0.0"), &lock("1.0.1")).unknown;
        assert!(unknown.iter().any(|one| one.code == "unreachable"));
    }
}
