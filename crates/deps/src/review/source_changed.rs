//! A package comes from elsewhere than before: another registry, or git instead of a registry. And a
//! new package that comes from a host where nothing came from before.
//!
//! What is told and does not fail:
//! - the same version with the same hash: a manager takes no other bytes from the new host;
//! - a lockfile that moves to another registry as a whole with its hashes, and what is new from there;
//! - leaving git for the registry that most packages come from;
//! - a well-known name that comes back to that registry from another one. A name that people do not
//!   know may be an internal one, which somebody registered where all the others come from.

use super::{Found, Review, Signal, exotic_source};
use crate::Severity;
use crate::change::{Change, Release};
use crate::similar::is_well_known;
use ringfence_project::graph::{Algorithm, Graph, Package, Source};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const SIGNAL: Signal = Signal {
    code: "source-changed",
    question: "registry or source changed?",
    severity: Severity::High,
    find,
};

/// How many moves between the same two places are told one by one.
const ONE_BY_ONE: usize = 10;

/// Where something came from whose address the lockfile left to npm's configuration.
const UNNAMED: &str = "where the lockfile did not say";

/// Where something comes from, and where it came from.
type Moves<'a> = BTreeMap<(String, String), Vec<&'a Package>>;

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let mut moves = Moves::new();
    let served = Served::of(review.change);
    let mirrors = mirrors(review);
    for (_, before, after) in review.change.kept() {
        let earlier = Earlier::of(before.all());
        // Several copies of one release are told once.
        let mut others = after.all().filter(|package| !review.stood(package));
        let _ = others.any(|package| earlier.note(package, &served, &mut moves));
    }
    for (release, copies) in review.added() {
        let earlier = review.change.earlier(release.name).flat_map(|(_, copies)| copies.all());
        let earlier = Earlier::of(earlier);
        if !earlier.is_new() {
            let _ = copies.all().any(|package| earlier.note(package, &served, &mut moves));
            continue;
        }
        let mut hosts = copies.all().filter_map(|package| Some((package, registry_host(package)?)));
        let strange = |(_, host): &(_, String)| served.is_strange(host) && !mirrors.contains(host);
        if let Some((package, host)) = hosts.find(strange) {
            found.add(package, format!("comes from {host}, and nothing came from there before"));
        }
    }
    let main = served.hosts.iter().max_by_key(|(_, count)| **count).map(|(host, _)| host);
    for ((from, to), packages) in moves {
        let home = from != UNNAMED && Some(&to) == main;
        let expected = home && !served.hosts.contains_key(&from) || mirrors.contains(&to);
        let (quiet, loud): (Vec<_>, Vec<_>) = packages.into_iter().partition(|package| {
            expected || home && is_well_known(&package.name) || is_same(review, package)
        });
        tell(&from, &to, &quiet, Severity::Moderate, found);
        tell(&from, &to, &loud, SIGNAL.severity, found);
    }
}

/// Whether every copy of this release had the one hash that it has, of an algorithm that nobody forges.
/// A further hash would let something else in.
fn is_same(review: &Review<'_>, package: &Package) -> bool {
    let Some(before) = review.change.before.get(&Release::of(package)) else { return false };
    package.integrity.strongest() > Some(Algorithm::Sha1)
        && before.all().all(|old| old.integrity == package.integrity)
}

/// The registries of the older file.
struct Served {
    /// Those that it names, and how many packages come from each.
    hosts: BTreeMap<String, usize>,
    /// Whether both files leave addresses to the manager's configuration: another host is strange then
    /// where none was named before. Another manager, or all at once, is how a file is written.
    unnamed: bool,
}

impl Served {
    fn of(change: &Change<'_>) -> Self {
        let unnamed = |graph: &Graph| {
            let silent = Source::Registry { url: None };
            graph.packages.iter().any(|package| package.source == silent && !package.bundled)
        };
        let mut hosts = BTreeMap::new();
        for host in change.old.packages.iter().filter_map(registry_host) {
            *hosts.entry(host).or_insert(0) += 1;
        }
        let same = change.old.format.manager() == change.new.format.manager();
        Self { hosts, unnamed: same && unnamed(change.old) && unnamed(change.new) }
    }

    fn is_strange(&self, host: &str) -> bool {
        !self.hosts.contains_key(host) && (self.unnamed || !self.hosts.is_empty())
    }
}

/// The host of a package that comes from a registry, where the lockfile names one.
fn registry_host(package: &Package) -> Option<String> {
    match package.source {
        Source::Registry { .. } => package.source.host(),
        _ => None,
    }
}

/// Hosts that most of what stayed moved to, with the hashes it had.
fn mirrors(review: &Review<'_>) -> BTreeSet<String> {
    let (mut moved, mut all) = (BTreeMap::<String, usize>::new(), 0);
    for (_, before, after) in review.change.kept() {
        let (old, new) = (before.first(), after.first());
        let (Some(from), Some(to)) = (registry_host(old), registry_host(new)) else { continue };
        all += 1;
        if from != to && old.integrity.agrees(&new.integrity) == Some(true) {
            *moved.entry(to).or_default() += 1;
        }
    }
    let most = |count: &usize| *count > ONE_BY_ONE && *count * 2 > all;
    moved.into_iter().filter(|(_, count)| most(count)).map(|(host, _)| host).collect()
}

/// Where the earlier copies of a name, or of a release, came from.
struct Earlier<'a> {
    places: BTreeSet<String>,
    /// One of those of which the lockfile names no place.
    unnamed: Option<&'a Package>,
}

impl<'a> Earlier<'a> {
    fn of(copies: impl Iterator<Item = &'a Package>) -> Self {
        let mut earlier = Self { places: BTreeSet::new(), unnamed: None };
        for package in copies {
            match place(package) {
                Some(place) => drop(earlier.places.insert(place)),
                None => earlier.unnamed = Some(package),
            }
        }
        earlier
    }

    fn is_new(&self) -> bool {
        self.places.is_empty() && self.unnamed.is_none()
    }

    /// Notes a package that comes from where no earlier copy came from; whether it did.
    fn note<'b>(&self, package: &'b Package, served: &Served, moves: &mut Moves<'b>) -> bool {
        let Some(to) = place(package).filter(|to| !self.places.contains(to)) else { return false };
        let from = match (self.unnamed, self.places.last()) {
            (Some(old), _) if !is_elsewhere(old, package, served) => return false,
            (Some(_), _) => UNNAMED.to_owned(),
            (None, Some(place)) => place.clone(),
            (None, None) => return false,
        };
        moves.entry((from, to)).or_default().push(package);
        true
    }
}

/// Whether a package that had no address comes from elsewhere now that it has one. The same hash is the
/// same package wherever it lies, and addresses of no registry are told by `exotic-source`.
fn is_elsewhere(old: &Package, new: &Package, served: &Served) -> bool {
    let other = match &new.source {
        Source::Registry { .. } => {
            served.unnamed && new.source.host().is_some_and(|host| served.is_strange(&host))
        }
        Source::File { .. } => true,
        Source::Git { .. } | Source::Link { .. } | Source::Tarball { .. } => false,
    };
    other && old.integrity.agrees(&new.integrity) != Some(true)
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
    fn the_same_hash_from_elsewhere_does_not_fail() {
        let with = |host: &str, hash: &str| {
            lock("a", "1.0.0", host).replace('}', &format!(r#", "integrity": "{hash}"}}"#))
        };
        let severity = |before: &str, after: &str| {
            let (old, new) = (with("registry.example", before), with("other.example", after));
            let found = outcome(&old, &new).findings;
            found.iter().find(|one| one.code == "source-changed").unwrap().severity.id()
        };
        assert_eq!(severity("sha512-x", "sha512-x"), "moderate");
        for (before, after) in [
            ("sha512-x", "sha512-y"),
            ("sha512-x", "sha512-x sha512-y"),
            ("sha1-x", "sha1-x"),
            ("sha1-x", "sha1-x sha512-y"),
        ] {
            assert_eq!(severity(before, after), "high", "{before} {after}");
        }
    }

    #[test]
    fn a_well_known_name_that_comes_back_does_not_fail_and_an_internal_one_does() {
        let others = (0..5).map(|n| lock(&format!("p{n}"), "1.0.0", "registry.example"));
        let others = others.collect::<Vec<_>>().join(", ");
        let with = |name: &str, version: &str, host: &str| {
            format!("{others}, {}", lock(name, version, host))
        };
        let severity = |name: &str, from: &str, to: &str| {
            let found = outcome(&with(name, "1.0.0", from), &with(name, "1.0.1", to)).findings;
            found.iter().find(|one| one.code == "source-changed").unwrap().severity.id()
        };
        assert_eq!(severity("lodash", "mirror.example", "registry.example"), "moderate");
        assert_eq!(severity("lodash", "registry.example", "mirror.example"), "high");
        assert_eq!(severity("our-own", "npm.acme.example", "registry.example"), "high");
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
        assert_eq!(codes(&old, git), ["exotic-source", "source-changed"]);
    }

    #[test]
    fn an_address_where_the_file_had_none_is_found() {
        let plain = |name: &str, version: &str| {
            format!(
                r#""node_modules/{name}": {{"version": "{version}", "integrity": "sha512-{name}"}}"#
            )
        };
        let old = [plain("a", "1.0.0"), plain("b", "1.0.0"), plain("c", "1.0.0")].join(", ");
        let with =
            |package: &str| format!("{}, {}, {package}", plain("b", "1.0.0"), plain("c", "1.0.0"));
        let found = |package: &str| codes(&old, &with(package)).contains(&"source-changed");
        assert!(found(&lock("a", "1.0.1", "other.example")), "a new version");
        assert!(found(&lock("a", "1.0.0", "other.example")), "the same version");
        assert!(found(&lock("unheard-of", "1.0.0", "other.example")), "a new name");
        assert!(!found(&plain("a", "1.0.1")), "the configured registry, as before");
        let same =
            lock("a", "1.0.0", "other.example").replace('}', r#", "integrity": "sha512-a"}"#);
        assert!(!found(&same), "the same bytes");
    }

    #[test]
    fn addresses_that_all_packages_get_at_once_are_how_the_file_is_written() {
        let plain = |name: &str| format!(r#""node_modules/{name}": {{"version": "1.0.0"}}"#);
        let old = ["a", "b", "c"].map(plain).join(", ");
        let named = |name| lock(name, "1.0.0", "registry.example");
        let new = [named("a"), named("b"), named("c"), named("unheard-of")].join(", ");
        assert!(!codes(&old, &new).contains(&"source-changed"));
    }

    #[test]
    fn every_copy_of_a_release_is_looked_at() {
        let copies = |host: &str| {
            let first = lock("a", "1.0.0", "registry.example");
            let second = lock("a", "1.0.0", host).replacen(
                "node_modules/a",
                "node_modules/b/node_modules/a",
                1,
            );
            format!("{first}, {second}")
        };
        let old = copies("registry.example");
        assert_eq!(codes(&old, &copies("other.example")), ["source-changed"]);
        assert!(codes(&old, &old).is_empty());
    }
}
