//! A package comes from elsewhere than before: another registry, or git instead of a registry. And a
//! new package that comes from a host where nothing came from before.
//!
//! Where a lockfile moves to another registry as a whole, and the hashes stayed what they were, the new
//! host has the same bytes: that is told and does not fail, and neither does it to leave git for the
//! registry that most packages come from.

use super::{Found, Review, Signal, exotic_source};
use crate::Severity;
use ringfence_project::graph::{Package, Source};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const SIGNAL: Signal = Signal {
    code: "source-changed",
    question: "registry or source changed?",
    severity: Severity::High,
    find,
};

/// How many moves between the same two places are told one by one.
const ONE_BY_ONE: usize = 10;

/// Where something comes from, and where it came from.
type Moves<'a> = BTreeMap<(String, String), Vec<&'a Package>>;

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let mut moves = Moves::new();
    let hosts = hosts(&review.change.old.packages);
    let mirrors = mirrors(review);
    for (_, before, after) in review.change.kept() {
        note(before.all(), after.first(), &mut moves);
    }
    for (release, copies) in review.added() {
        let package = copies.first();
        let earlier: Vec<&Package> =
            review.change.earlier(release.name).flat_map(|(_, copies)| copies.all()).collect();
        let is_new = earlier.is_empty();
        note(earlier.into_iter(), package, &mut moves);
        if let (true, Source::Registry { .. }, Some(host)) =
            (is_new && !hosts.is_empty(), &package.source, package.source.host())
            && !hosts.contains_key(&host)
            && !mirrors.contains(&host)
        {
            found.add(package, format!("comes from {host}, and nothing came from there before"));
        }
    }
    let main = hosts.iter().max_by_key(|(_, count)| **count).map(|(host, _)| host);
    for ((from, to), packages) in moves {
        let left_git = !hosts.contains_key(&from) && Some(&to) == main;
        let expected = left_git || mirrors.contains(&to);
        let severity = if expected { Severity::Moderate } else { SIGNAL.severity };
        tell(&from, &to, &packages, severity, found);
    }
}

/// The hosts of registries, and how many packages come from each.
fn hosts(packages: &[Package]) -> BTreeMap<String, usize> {
    let mut hosts = BTreeMap::new();
    let registry = |package: &&Package| matches!(package.source, Source::Registry { .. });
    for host in packages.iter().filter(registry).filter_map(|package| package.source.host()) {
        *hosts.entry(host).or_insert(0) += 1;
    }
    hosts
}

/// Hosts that most of what stayed moved to, with the hashes it had.
fn mirrors(review: &Review<'_>) -> BTreeSet<String> {
    let (mut moved, mut all) = (BTreeMap::<String, usize>::new(), 0);
    for (_, before, after) in review.change.kept() {
        let (old, new) = (before.first(), after.first());
        let registry = |package: &Package| match package.source {
            Source::Registry { .. } => package.source.host(),
            _ => None,
        };
        let (Some(from), Some(to)) = (registry(old), registry(new)) else { continue };
        all += 1;
        if from != to && old.integrity.agrees(&new.integrity) == Some(true) {
            *moved.entry(to).or_default() += 1;
        }
    }
    let most = |count: &usize| *count > ONE_BY_ONE && *count * 2 > all;
    moved.into_iter().filter(|(_, count)| most(count)).map(|(host, _)| host).collect()
}

/// Notes a package that came from elsewhere in every earlier copy.
fn note<'a>(
    earlier: impl Iterator<Item = &'a Package>,
    package: &'a Package,
    moves: &mut Moves<'a>,
) {
    let Some(to) = place(package) else { return };
    let mut from = None;
    for old in earlier {
        match place(old) {
            Some(place) if place != to => from = Some(place),
            // The same, or nobody said it.
            _ => return,
        }
    }
    if let Some(from) = from {
        moves.entry((from, to)).or_default().push(package);
    }
}

fn tell(from: &str, to: &str, packages: &[&Package], severity: Severity, found: &mut Found<'_>) {
    let message = format!("came from {from} and comes from {to}");
    if packages.len() <= ONE_BY_ONE {
        for package in packages {
            found.add_as(severity, package, message.clone());
        }
    } else if let Some(first) = packages.first() {
        let message = format!("{message}, as {} packages do", packages.len());
        found.add_as(severity, first, message);
    }
}

/// The kind of a source and its host; nothing where the lockfile names no address, which leaves it
/// to npm's configuration.
fn place(package: &Package) -> Option<String> {
    if package.bundled {
        return None;
    }
    match &package.source {
        Source::Registry { url: None } => None,
        Source::Registry { url: Some(_) } => package.source.host(),
        Source::Git { url, .. } => {
            let owner = exotic_source::owner(url);
            let host = owner.and_then(|owner| Some(owner.split('/').next()?.to_owned()));
            host.or_else(|| package.source.host()).map(|host| format!("git at {host}"))
        }
        Source::Tarball { .. } => package.source.host().map(|host| format!("a tarball at {host}")),
        Source::File { .. } => Some("a file of this machine".to_owned()),
        Source::Link { .. } => Some("a folder of the project".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::review::testing::{codes, outcome};

    fn lock(name: &str, version: &str, host: &str) -> String {
        let address = format!("https://{host}/{name}/-/{name}-{version}.tgz");
        format!(r#""node_modules/{name}": {{"version": "{version}", "resolved": "{address}"}}"#)
    }

    #[test]
    fn another_registry_for_the_same_name_is_found() {
        let old = lock("a", "1.0.0", "registry.example");
        for version in ["1.0.0", "1.0.1"] {
            assert_eq!(codes(&old, &lock("a", version, "other.example")), ["source-changed"]);
            assert!(codes(&old, &lock("a", version, "registry.example")).is_empty());
        }
    }

    #[test]
    fn a_new_name_from_a_place_nothing_came_from_is_found() {
        let old = lock("a", "1.0.0", "registry.example");
        let with = |host: &str| format!("{old}, {}", lock("unheard-of", "1.0.0", host));
        assert_eq!(codes(&old, &with("other.example")), ["source-changed"]);
        assert!(codes(&old, &with("registry.example")).is_empty());
    }

    #[test]
    fn a_move_of_everything_is_told_once() {
        let all = |host: &str| {
            let one = |n| lock(&format!("p{n}"), "1.0.0", host);
            (0..30).map(one).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(codes(&all("registry.example"), &all("mirror.example")), ["source-changed"]);
    }

    #[test]
    fn a_move_to_a_mirror_does_not_fail_and_one_with_other_hashes_does() {
        let all = |host: &str, hash: &str| {
            let one = |n| {
                lock(&format!("p{n}"), "1.0.0", host)
                    .replace('}', &format!(r#", "integrity": "sha512-{n}{hash}"}}"#))
            };
            (0..30).map(one).collect::<Vec<_>>().join(", ")
        };
        let severities = |new: &str| {
            let found = outcome(&all("registry.example", ""), new).findings;
            let own = found.iter().filter(|one| one.code == "source-changed");
            own.map(|one| one.severity.id()).collect::<Vec<_>>()
        };
        assert_eq!(severities(&all("mirror.example", "")), ["moderate"]);
        let new =
            format!("{}, {}", all("mirror.example", ""), lock("q", "1.0.0", "mirror.example"));
        assert_eq!(severities(&new), ["moderate"], "what is new comes from the mirror too");
        assert_eq!(severities(&all("mirror.example", "x")), ["high"]);
    }

    #[test]
    fn a_registry_instead_of_git_does_not_fail() {
        let git = r#""node_modules/a": {"version": "1.0.0", "resolved": "git+https://code.example/a.git#main"}"#;
        let old = format!("{git}, {}", lock("b", "1.0.0", "registry.example"));
        let new = |host: &str| {
            format!("{}, {}", lock("a", "1.0.1", host), lock("b", "1.0.0", "registry.example"))
        };
        let severity = |host: &str| outcome(&old, &new(host)).findings[0].severity.id();
        assert_eq!(severity("registry.example"), "moderate");
        assert_eq!(severity("other.example"), "high");
    }

    #[test]
    fn git_instead_of_a_registry_is_found() {
        let old = lock("a", "1.0.0", "registry.example");
        let git = r#""node_modules/a": {"version": "1.0.0", "resolved": "git+https://code.example/a.git#main"}"#;
        assert_eq!(codes(&old, git), ["source-changed"]);
    }
}
