//! A version that the range asking for it does not include: no manager chooses that by itself.
//!
//! `overrides` and `resolutions` do it below other packages, so only what the project itself asks for
//! fails a review, and not where the same version stood there before: the manifest changed without the
//! lockfile then. Ranges that are no ranges (tags, addresses) are not judged, peers are not either.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::change::Change;
use crate::ranges::satisfies;
use ringfence_project::graph::{Edge, EdgeKind, Format, Package, Target};

pub(super) const SIGNAL: Signal = Signal {
    code: "range-unsatisfied",
    question: "who put a version here that nothing asks for?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let change = review.change;
    for importer in &change.new.importers {
        for edge in &importer.edges {
            let Some((package, version)) = broken(change, edge, true) else { continue };
            let message = format!("the project asks for {} {}", edge.name, edge.range);
            match asked_before(change, &importer.folder, edge, version) {
                // `resolutions` of Yarn hold for the project too: what stood there is not told again.
                Some(range) if range == edge.range => {}
                // The manifest was changed, and the lockfile was not: nobody put that version there.
                Some(_) => {
                    let message = format!("{message}, and it stayed as it was");
                    found.add_as(Severity::Moderate, package, message);
                }
                // npm 1 wrote no ranges of the project, and a file that is shipped leaves out what is
                // for development: another copy lies where that one would.
                None if edge.kind == EdgeKind::Dev && change.new.format == Format::Npm(1) => {
                    found.add_as(Severity::Moderate, package, message);
                }
                None => found.add(package, message),
            }
        }
    }
    for asking in &change.new.packages {
        let is_new = change.is_added(asking);
        for edge in &asking.edges {
            let Some((package, version)) = broken(change, edge, is_new) else { continue };
            if !broken_before(change, asking, edge, version) {
                let message = format!("{} asks for {} {}", asking.label(), edge.name, edge.range);
                found.add_as(Severity::Moderate, package, message);
            }
        }
    }
}

/// The package that an edge must not lead to, where the edge or the package is new.
fn broken<'a>(change: &Change<'a>, edge: &Edge, is_new: bool) -> Option<(&'a Package, &'a str)> {
    if matches!(edge.kind, EdgeKind::Peer | EdgeKind::PeerOptional) {
        return None;
    }
    let Some(Target::Package(id)) = edge.to else { return None };
    let package = change.new.package(id);
    let version = package.version.as_deref()?;
    // Managers take a version before a release for `*` where there is no other, whatever a range means.
    let any = matches!(edge.range.as_str(), "" | "*" | "x");
    if any {
        return None;
    }
    if !is_new && !change.is_added(package) || edge.range == version {
        return None;
    }
    (satisfies(&edge.range, version) == Some(false)).then_some((package, version))
}

/// The range by which the same workspace got the same in the older file.
fn asked_before<'a>(
    change: &Change<'a>,
    folder: &str,
    edge: &Edge,
    version: &str,
) -> Option<&'a str> {
    let importers = change.old.importers.iter().filter(|importer| importer.folder == folder);
    let same = |old: &&Edge| match old.to {
        Some(Target::Package(id)) => {
            old.name == edge.name && change.old.package(id).version.as_deref() == Some(version)
        }
        Some(Target::Importer(_)) | None => false,
    };
    let ranges = importers.flat_map(|importer| &importer.edges).filter(same).map(|old| &*old.range);
    // Where it asks twice, for development too, the same range decides.
    ranges.max_by_key(|range| *range == edge.range)
}

/// Whether the same was so for the same reason in the older file.
fn broken_before(change: &Change<'_>, asking: &Package, edge: &Edge, version: &str) -> bool {
    let earlier = change.earlier(&asking.name).flat_map(|(_, copies)| copies.all());
    let edges = earlier.into_iter().flat_map(|old| &old.edges);
    edges.filter(|old| old.name == edge.name).any(|old| match old.to {
        Some(Target::Package(id)) => {
            let was = change.old.package(id).version.as_deref();
            was.is_some_and(|was| satisfies(&old.range, was) == Some(false) || was == version)
        }
        Some(Target::Importer(_)) | None => false,
    })
}

#[cfg(test)]
mod tests {
    use crate::review::testing::{outcome, outcome_between};
    use ringfence_project::graph::{Graph, Manifest};

    fn lock(asked: &str, below: &str, version: &str) -> String {
        format!(
            r#""": {{"dependencies": {{"a": "^1.0.0", "b": "{asked}"}}}},
            "node_modules/a": {{"version": "1.0.0", "dependencies": {{"b": "{below}"}}}},
            "node_modules/b": {{"version": "{version}"}}"#
        )
    }

    fn severities(new: &str) -> Vec<(&'static str, &'static str)> {
        let found = outcome(&lock("^1.0.0", "^1.0.0", "1.0.0"), new).findings;
        let own = found.iter().filter(|one| one.code == "range-unsatisfied");
        own.map(|one| (one.code, one.severity.id())).collect()
    }

    #[test]
    fn a_version_that_nobody_asked_for_is_found() {
        assert_eq!(severities(&lock("^1.0.0", "^1.0.0", "2.0.0")).len(), 2);
        let below = severities(&lock("^2.0.0", "^1.0.0", "2.0.0"));
        assert_eq!(below, [("range-unsatisfied", "moderate")]);
    }

    #[test]
    fn a_version_within_its_ranges_is_not() {
        assert!(severities(&lock("^1.0.0", "^1.0.0", "1.9.0")).is_empty());
        assert!(severities(&lock("latest", "*", "2.0.0")).is_empty());
    }

    #[test]
    fn a_file_of_npm_1_without_what_is_for_development_does_not_fail() {
        let read = |version: &str, key: &str| {
            let text = format!(
                r#"{{"lockfileVersion": 1, "dependencies": {{"b": {{"version": "{version}"}}}}}}"#
            );
            let manifest = format!(r#"{{"{key}": {{"b": "^1.0.0"}}}}"#);
            let manifests = [Manifest { folder: "", text: &manifest }];
            Graph::read("npm-shrinkwrap.json", &text, &manifests).unwrap()
        };
        let severity = |key: &str| {
            let found = outcome_between(&read("1.0.0", key), &read("0.9.0", key)).findings;
            found.iter().find(|one| one.code == "range-unsatisfied").unwrap().severity.id()
        };
        assert_eq!((severity("devDependencies"), severity("dependencies")), ("moderate", "high"));
    }

    #[test]
    fn what_was_so_before_is_not_told_again() {
        let (old, new) = (lock("^2.0.0", "^1.0.0", "2.0.0"), lock("^2.0.0", "^1.0.0", "2.0.1"));
        assert!(outcome(&old, &new).findings.is_empty());
        let forced = lock("^1.0.0", "^1.0.0", "2.0.0");
        assert!(outcome(&forced, &forced).findings.is_empty());
        let found = severities(&lock("^1.1.0", "^1.0.0", "1.0.0"));
        assert_eq!(found, [("range-unsatisfied", "moderate")], "the manifest alone changed");
    }
}
