//! A version that promises no more than repairs asks for a package that was not there before.
//!
//! This is how flatmap-stream (2018), peacenotwar (2022), plain-crypto-js and easy-day-js (2026) came.
//! Patches that do so fail a review. Minor versions add dependencies in good order, so they are told
//! and do not; neither does a package of the same scope, of a well-known name, of a scope that is
//! known, one that others ask for too, or one that the registry has had for a year. Versions before a
//! release are counted as minor ones.

use super::{Found, NEW_NAME, OLD_NAME, Review, Signal};
use crate::Severity;
use crate::change::Release;
use crate::evidence::Known;
use crate::ranges::version;
use ringfence_project::graph::{Edge, EdgeKind, Package, Target};
use std::collections::BTreeSet;

pub(super) const SIGNAL: Signal = Signal {
    code: "new-dependency",
    question: "why does an update of this size need another package?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in review.added() {
        let Some((base, _)) = review.base(release) else { continue };
        let (Some(was), Some(is)) = (version(base.version), version(release.version)) else {
            continue;
        };
        if was.major() != is.major() || is < was {
            continue;
        }
        // What comes before a release promises nothing.
        let patch = was.minor() == is.minor() && !was.is_prerelease() && !is.is_prerelease();
        let package = copies.first();
        for edge in package.edges.iter().filter(|edge| is_needed(edge)) {
            let (name, target) = end(review, edge);
            if asked_before(review, release.name, edge) || !review.change.is_new_name(name) {
                continue;
            }
            let severity = severity(review, package, name, target, patch);
            let message = format!(
                "asks for {name}, which was not there before; {} did not ask for it",
                base.version
            );
            found.add_as(severity, package, message);
        }
    }
}

fn is_needed(edge: &Edge) -> bool {
    matches!(edge.kind, EdgeKind::Production | EdgeKind::Optional)
}

/// The real name at the end of an edge, and the package where the lockfile has it.
fn end<'a>(review: &Review<'a>, edge: &'a Edge) -> (&'a str, Option<&'a Package>) {
    match edge.to {
        Some(Target::Package(id)) => {
            let package = review.change.new.package(id);
            (&package.name, Some(package))
        }
        Some(Target::Importer(_)) | None => (&edge.name, None),
    }
}

/// How many scopes, or packages without one, ask for a name: what one of them was made to ask for,
/// the others do not.
fn askers(review: &Review<'_>, name: &str) -> usize {
    let asking = review.change.new.packages.iter().filter(|package| {
        package.edges.iter().any(|edge| is_needed(edge) && end(review, edge).0 == name)
    });
    let owners = asking.map(|package| package.name.split('/').next().unwrap_or_default());
    owners.collect::<BTreeSet<_>>().len()
}

fn asked_before(review: &Review<'_>, name: &str, edge: &Edge) -> bool {
    let copies = review.change.earlier(name).flat_map(|(_, copies)| copies.all());
    copies.into_iter().flat_map(|old| &old.edges).any(|old| old.name == edge.name)
}

fn severity(
    review: &Review<'_>,
    package: &Package,
    name: &str,
    target: Option<&Package>,
    patch: bool,
) -> Severity {
    let scope = |name: &str| name.split_once('/').map(|(scope, _)| scope.to_owned());
    if scope(name).is_some() && scope(name) == scope(&package.name) {
        return Severity::Low;
    }
    let known = review.is_known(name) || askers(review, name) > 1;
    let first = target.and_then(|target| match review.registry(&Release::of(target), target) {
        Some(Known::Said(facts)) => facts.first_published,
        _ => None,
    });
    let age = first.map(|first| review.now.saturating_sub(first));
    match age {
        Some(age) if age < NEW_NAME => Severity::High,
        Some(age) if age > OLD_NAME => Severity::Moderate,
        _ if known || !patch => Severity::Moderate,
        _ => Severity::High,
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::RegistryFacts;
    use crate::review::testing::{NOW, Told, outcome, outcome_with};

    fn lock(name: &str, version: &str, needs: &str) -> String {
        let needed = format!(r#", "node_modules/{needs}": {{"version": "1.0.0"}}"#);
        let (edge, needed) = match needs {
            "" => (String::new(), String::new()),
            _ => (format!(r#", "dependencies": {{"{needs}": "^1.0.0"}}"#), needed),
        };
        format!(r#""node_modules/{name}": {{"version": "{version}"{edge}}}{needed}"#)
    }

    fn severity(name: &str, version: &str, needs: &str) -> Option<&'static str> {
        let found = outcome(&lock(name, "1.4.0", ""), &lock(name, version, needs)).findings;
        found.iter().find(|one| one.code == "new-dependency").map(|one| one.severity.id())
    }

    #[test]
    fn a_patch_that_asks_for_a_new_package_is_found() {
        assert_eq!(severity("a", "1.4.1", "plain-helper-x"), Some("high"));
        assert_eq!(severity("a", "1.5.0", "plain-helper-x"), Some("moderate"));
        assert_eq!(severity("a", "1.4.1", "debug"), Some("moderate"), "a well-known name");
        assert_eq!(severity("@s/a", "1.4.1", "@s/b"), Some("low"), "its own scope");
    }

    #[test]
    fn what_others_ask_for_too_and_what_comes_before_a_release_does_not_fail() {
        let others = r#", "node_modules/c": {"version": "1.0.0", "dependencies": {"b": "^1.0.0"}}"#;
        let new = format!("{}{others}", lock("a", "1.4.1", "b"));
        let found = outcome(&lock("a", "1.4.0", ""), &new).findings;
        assert_eq!((found[0].code, found[0].severity.id()), ("new-dependency", "moderate"));
        let found = outcome(&lock("a", "1.4.0-rc.1", ""), &lock("a", "1.4.0-rc.2", "b")).findings;
        assert_eq!((found[0].code, found[0].severity.id()), ("new-dependency", "moderate"));
    }

    #[test]
    fn new_majors_and_known_packages_are_left_alone() {
        assert_eq!(severity("a", "2.0.0", "plain-helper-x"), None);
        assert_eq!(severity("a", "1.4.1", ""), None);
        let old =
            format!(r#"{}, "node_modules/b": {{"version": "1.0.0"}}"#, lock("a", "1.4.0", ""));
        assert!(outcome(&old, &lock("a", "1.4.1", "b")).findings.is_empty(), "it was there before");
    }

    #[test]
    fn the_age_of_the_name_decides_where_it_is_known() {
        let (old, new) = (lock("a", "1.4.0", ""), lock("a", "1.5.0", "b"));
        for (days, severity) in [(1, "high"), (100, "moderate"), (1000, "moderate")] {
            let first_published = Some(NOW - days * 86_400);
            let told = Told::default()
                .registry("b@1.0.0", RegistryFacts { first_published, ..RegistryFacts::default() });
            let found = outcome_with(&old, &new, &told).findings;
            let own = found.iter().find(|one| one.code == "new-dependency").unwrap();
            assert_eq!(own.severity.id(), severity, "{days}");
        }
    }
}
