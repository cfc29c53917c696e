//! Many packages of one scope got a new version at once. Projects release together in good order; so
//! does somebody who got hold of the scope.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::change::{Copies, Release};
use crate::evidence::Known;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const SIGNAL: Signal = Signal {
    code: "scope-burst",
    question: "did the owner of this scope release all of this?",
    severity: Severity::Low,
    find,
};

/// Packages of a scope from which on they are many.
const MANY: usize = 8;

/// Seconds within which they were published at once.
const AT_ONCE: u64 = 3600;

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let mut scopes: BTreeMap<&str, Vec<(&Release<'_>, &Copies<'_>)>> = BTreeMap::new();
    for (release, copies) in review.added() {
        let Some((scope, _)) = release.name.split_once('/') else { continue };
        if !review.change.is_new_name(release.name) {
            scopes.entry(scope).or_default().push((release, copies));
        }
    }
    for (scope, releases) in scopes {
        let names: BTreeSet<&str> = releases.iter().map(|(release, _)| release.name).collect();
        let Some((_, first)) = releases.first().filter(|_| names.len() >= MANY) else { continue };
        let message = format!("{} packages of {scope} have new versions", names.len());
        if at_once(review, &releases) {
            let message = format!("{message}, all published within an hour, not long ago");
            found.add_as(Severity::High, first.first(), message);
        } else {
            found.add(first.first(), message);
        }
    }
}

/// Whether the registry says that all are young and of one hour.
fn at_once(review: &Review<'_>, releases: &[(&Release<'_>, &Copies<'_>)]) -> bool {
    let times: Option<Vec<u64>> = releases
        .iter()
        .map(|(release, copies)| match review.registry(release, copies.first())? {
            Known::Said(facts) => facts.published,
            Known::Unknown(_) => None,
        })
        .collect();
    let Some(times) = times else { return false };
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else { return false };
    last - first <= AT_ONCE && review.now.saturating_sub(*first) < review.policy.age().as_secs()
}

#[cfg(test)]
mod tests {
    use crate::review::testing::codes;

    fn lock(count: usize, version: &str) -> String {
        let one = |n| format!(r#""node_modules/@s/p{n}": {{"version": "{version}"}}"#);
        (0..count).map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn many_packages_of_a_scope_are_told_once() {
        assert_eq!(codes(&lock(10, "1.0.0"), &lock(10, "1.0.1")), ["scope-burst"]);
        assert!(codes(&lock(3, "1.0.0"), &lock(3, "1.0.1")).is_empty());
    }
}
