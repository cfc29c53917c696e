//! A package that comes from no registry: a tarball of somebody's own, git; or one that asks for such
//! a package, whether or not this lockfile has it.
//!
//! What is told and does not fail: what comes from an owner of repositories from whom the older lockfile
//! took something, and a new tarball with its hash that the project's own manifest names by its address.
//! An owner's address may name a commit of somebody's fork: hosts of repositories serve both alike.

use super::{Found, Review, Signal};
use crate::Severity;
use ringfence_project::graph::{Algorithm, EdgeKind, Package, Source};
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};

pub(super) const SIGNAL: Signal = Signal {
    code: "exotic-source",
    question: "registry or source changed?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let known = OnceCell::new();
    let known = || known.get_or_init(|| owners(&review.change.old.packages));
    for (release, copies) in review.added() {
        if let Some(package) = copies.all().find(|package| address(package).is_some()) {
            let earlier = review.change.earlier(release.name).flat_map(|(_, copies)| copies.all());
            let mut earlier = earlier.peekable();
            if earlier.peek().is_none() && is_vouched_for(review, package) {
                let message = message(package).unwrap_or_default();
                found.add_as(
                    Severity::Moderate,
                    package,
                    format!("{message}, as the project asks"),
                );
            } else {
                judge(package, earlier, &known, found);
            }
        }
        asks(review, copies.first(), &known, found);
    }
    // A version says nothing of what comes from no registry: another commit can have the same.
    for (_, before, after) in review.change.kept() {
        let same: HashSet<_> = before.all().filter_map(address).map(content).collect();
        let other = |package: &&Package| {
            address(package).is_some_and(|address| !same.contains(&content(address)))
        };
        if let Some(package) = after.all().filter(other).find(|package| !review.stood(package)) {
            judge(package, before.all(), &known, found);
        }
    }
}

/// Tells a package that comes from no registry.
fn judge<'a>(
    package: &Package,
    mut earlier: impl Iterator<Item = &'a Package>,
    known: &impl Fn() -> &'a BTreeSet<String>,
    found: &mut Found<'_>,
) {
    let (Some((place, _)), Some(message)) = (address(package), message(package)) else { return };
    if earlier.any(|old| is_of(old, place)) {
        found.add_as(Severity::Moderate, package, format!("{message}, as before"));
    } else if owner(place).is_some_and(|owner| known().contains(&owner)) {
        let message = format!("{message}, whose owner was trusted before");
        found.add_as(Severity::Moderate, package, message);
    } else {
        found.add(package, message);
    }
}

fn message(package: &Package) -> Option<String> {
    let (place, commit) = address(package)?;
    Some(match (&package.source, commit) {
        (Source::Git { .. }, Some(commit)) => format!("comes from git: {place} at {commit}"),
        (Source::Git { .. }, None) => format!("comes from git, and no commit is named: {place}"),
        _ => format!("comes from an address of its own: {place}"),
    })
}

/// Whether the project's own manifest names this very address of a tarball, and the lockfile its hash.
///
/// Who can write that manifest can ask for any package of the registry too, and the manifest's change
/// shows the address. Git is left out: its `prepare` runs at install, and no lockfile says so.
fn is_vouched_for(review: &Review<'_>, package: &Package) -> bool {
    let Source::Tarball { url } = &package.source else { return false };
    let mut edges = review.change.new.importers.iter().flat_map(|importer| &importer.edges);
    package.integrity.strongest() > Some(Algorithm::Sha1)
        && url.starts_with("https://")
        && edges.any(|edge| edge.range.split('#').next() == Some(url))
}

/// The address of what comes from no registry, and the commit where it names one.
fn address(package: &Package) -> Option<(&str, Option<&str>)> {
    match &package.source {
        Source::Git { url, commit } => Some((url, commit.as_deref())),
        Source::Tarball { url } => Some((url, None)),
        Source::File { .. } | Source::Link { .. } | Source::Registry { .. } => None,
    }
}

/// What tells the content of an address: a commit is the same wherever it is fetched.
fn content<'a>((url, commit): (&'a str, Option<&'a str>)) -> &'a str {
    commit.unwrap_or(url)
}

/// Owners of repositories that something came from.
fn owners(packages: &[Package]) -> BTreeSet<String> {
    packages.iter().filter_map(address).filter_map(|(url, _)| owner(url)).collect()
}

/// The host and the first folder of an address, as hosts of repositories name their owners.
pub(super) fn owner(address: &str) -> Option<String> {
    let address = address.split('#').next()?.to_ascii_lowercase();
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let rest = rest.rsplit('@').next()?.replace(':', "/");
    let mut parts = rest.split('/').filter(|part| !part.is_empty());
    let (host, owner) = (parts.next()?, parts.next()?);
    parts.next()?;
    let host = host.strip_prefix("codeload.").unwrap_or(host);
    let host = match host {
        "github" | "gitlab" => format!("{host}.com"),
        "bitbucket" => format!("{host}.org"),
        _ => host.to_owned(),
    };
    Some(format!("{host}/{owner}"))
}

/// Whether it came from this repository.
fn is_of(package: &Package, place: &str) -> bool {
    matches!(&package.source, Source::Git { url, .. } if url == place)
}

/// What the package asks for that is in no registry, and that no earlier version asked for.
fn asks<'a>(
    review: &Review<'_>,
    package: &Package,
    known: &impl Fn() -> &'a BTreeSet<String>,
    found: &mut Found<'_>,
) {
    let exotic = package.edges.iter().filter(|edge| {
        is_exotic(&edge.range) && !matches!(edge.kind, EdgeKind::Peer | EdgeKind::PeerOptional)
    });
    for edge in exotic {
        let earlier = review.change.earlier(&package.name).flat_map(|(_, copies)| copies.all());
        let asked =
            earlier.into_iter().flat_map(|old| &old.edges).any(|old| old.range == edge.range);
        if !asked {
            let trusted = owner(&edge.range).is_some_and(|owner| known().contains(&owner));
            let severity = if trusted { Severity::Moderate } else { SIGNAL.severity };
            let message = format!("asks for {} from {}", edge.name, edge.range);
            found.add_as(severity, package, message);
        }
    }
}

/// Whether a range is an address of something that is in no registry.
fn is_exotic(range: &str) -> bool {
    const STARTS: [&str; 10] = [
        "git:",
        "git+",
        "git@",
        "github:",
        "gitlab:",
        "bitbucket:",
        "gist:",
        "http:",
        "https:",
        "ssh:",
    ];
    let short = |range: &str| {
        let path = range.split('#').next().unwrap_or(range);
        path.split_once('/').is_some_and(|(owner, name)| {
            !owner.is_empty()
                && !name.contains('/')
                && !range.contains([':', ' '])
                && !range.starts_with(['.', '/', '~', '@'])
        })
    };
    STARTS.iter().any(|start| range.starts_with(start)) || short(range)
}

#[cfg(test)]
mod tests {
    use super::owner;
    use crate::review::testing::{codes, graph, outcome, outcome_between};
    use ringfence_project::graph::Graph;

    #[test]
    fn an_owner_is_the_same_however_the_address_is_written() {
        for address in [
            "git+https://github.com/Acme/a.git#main",
            "git+ssh://git@github.com/acme/b.git",
            "git@github.com:acme/b.git",
            "github:acme/c#0123abc",
            "https://github.com/acme/d/archive/v1.tar.gz",
            "https://codeload.github.com/acme/e/tar.gz/0123abc",
        ] {
            assert_eq!(owner(address).as_deref(), Some("github.com/acme"), "{address}");
        }
        assert_eq!(owner("https://files.example/a.tgz"), None);
    }

    #[test]
    fn what_comes_from_an_owner_who_was_trusted_before_matters_less() {
        let one = r#""node_modules/a": {"version": "1.0.0", "resolved": "git+https://code.example/acme/a.git#main"}"#;
        let with = |owner: &str| {
            format!(
                r#"{one}, "node_modules/b": {{"version": "1.0.0", "resolved": "git+https://code.example/{owner}/b.git#main"}}"#
            )
        };
        let severity = |owner: &str| outcome(one, &with(owner)).findings[0].severity.id();
        assert_eq!((severity("acme"), severity("eve")), ("moderate", "high"));
    }

    #[test]
    fn what_comes_from_no_registry_is_found() {
        let lock = |resolved: &str| {
            format!(r#""node_modules/a": {{"version": "1.0.0", "resolved": "{resolved}"}}"#)
        };
        let none = r#""node_modules/b": {"version": "1.0.0"}"#;
        assert!(codes(none, &lock("https://registry.example/a/-/a-1.0.0.tgz")).is_empty());
        for exotic in ["git+https://code.example/a.git#main", "https://files.example/a.tgz"] {
            assert_eq!(codes(none, &lock(exotic)), ["exotic-source"]);
        }
    }

    #[test]
    fn what_asks_for_git_is_found_though_the_lockfile_has_no_such_package() {
        let lock = |version: &str, asked: &str| {
            format!(
                r#""node_modules/a": {{"version": "{version}", "optionalDependencies": {{"b": "{asked}"}}}}"#
            )
        };
        let old = lock("1.0.0", "^1.0.0");
        for asked in ["github:o/b#0123abc", "o/b", "git+ssh://git@code.example/b.git"] {
            assert!(codes(&old, &lock("1.0.1", asked)).contains(&"exotic-source"), "{asked}");
        }
        assert!(codes(&old, &lock("1.0.1", "^1.0.1")).is_empty());
        let same = lock("1.0.0", "o/b");
        assert!(codes(&same, &lock("1.0.1", "o/b")).is_empty(), "it did before");
    }

    #[test]
    fn another_content_of_the_same_version_is_found_and_another_way_to_it_is_not() {
        let lock =
            |resolved: &str| format!(r#""node_modules/a": {{"version": "1.0.0"{resolved}}}"#);
        let git = |way: &str, commit: char| {
            let commit = commit.to_string().repeat(40);
            lock(&format!(r#", "resolved": "{way}github.com/acme/a.git#{commit}""#))
        };
        let old = git("git+https://", 'a');
        let own = |old: &str, new: &str| {
            let found = outcome(old, new).findings;
            let own = found.iter().find(|one| one.code == "exotic-source");
            own.map(|one| one.severity.id())
        };
        assert_eq!(own(&old, &git("git+https://", 'b')), Some("moderate"), "another commit");
        assert_eq!(own(&old, &git("git+ssh://git@", 'a')), None, "the same commit");
        assert_eq!(own(&old, &git("git+https://eve@evil.example/", 'c')), Some("high"));
        let plain = lock("");
        assert_eq!(own(&plain, &git("git+https://", 'a')), Some("high"), "it was in a registry");
        let tarball = |owner: &str| {
            let address = format!("https://codeload.github.com/{owner}/a/tar.gz/0123");
            lock(&format!(r#", "resolved": "{address}""#))
        };
        assert_eq!(own(&plain, &tarball("eve")), Some("high"));
        assert_eq!(own(&tarball("acme"), &tarball("eve")), Some("high"));
        assert_eq!(own(&tarball("acme"), &tarball("acme")), None);
    }

    #[test]
    fn a_tarball_with_its_hash_that_the_project_names_does_not_fail() {
        let lock = |asked: &str, from: &str, hash: &str| {
            format!(
                r#""": {{"dependencies": {{"a": "{asked}"}}}},
                "node_modules/a": {{"version": "1.0.0", "resolved": "{from}"{hash}}}"#
            )
        };
        let severity = |asked: &str, from: &str, hash: &str| {
            let old = r#""node_modules/b": {"version": "1.0.0"}"#;
            let found = outcome(old, &lock(asked, from, hash)).findings;
            found.iter().find(|one| one.code == "exotic-source").unwrap().severity.id()
        };
        let (one, other) = ("https://files.example/a.tgz", "https://evil.example/a.tgz");
        let hash = r#", "integrity": "sha512-x""#;
        assert_eq!(severity(one, one, hash), "moderate");
        assert_eq!(severity("^1.0.0", one, hash), "high", "the lockfile alone says it");
        assert_eq!(severity(one, other, hash), "high", "another address than is asked for");
        assert_eq!(severity(one, one, ""), "high", "whatever lies there");
        let git = "git+https://code.example/acme/a.git#0123456789012345678901234567890123456789";
        assert_eq!(severity(git, git, ""), "high", "git runs something");
        let registry = "https://registry.example/a/-/a-0.9.0.tgz";
        let old = format!(r#""node_modules/a": {{"version": "0.9.0", "resolved": "{registry}"}}"#);
        let found = outcome(&old, &lock(one, one, hash)).findings;
        assert_eq!(found[0].severity.id(), "high", "it was in a registry");
    }

    #[test]
    fn the_same_address_in_a_file_that_names_no_version_is_not_new() {
        let hash = |hash: &str| format!(r#", "integrity": "sha512-{hash}""#);
        let found = |before: &str, after: &str| {
            let entry = format!(r#""a": {{"version": "https://files.example/a.tgz"{before}}}"#);
            let old = format!(r#"{{"lockfileVersion": 1, "dependencies": {{{entry}}}}}"#);
            let old = Graph::read("package-lock.json", &old, &[]).unwrap();
            let new = graph(&format!(
                r#""node_modules/a": {{"version": "1.0.0-acme.1", "resolved": "https://files.example/a.tgz"{after}}}"#
            ));
            let found = outcome_between(&old, &new).findings;
            found.iter().map(|one| one.code).collect::<Vec<_>>()
        };
        assert!(found("", &hash("x")).is_empty());
        assert!(found(&hash("x"), &hash("x")).is_empty());
        assert!(found(&hash("x"), &hash("y")).contains(&"exotic-source"));
        // Nor is it where another copy of the same version comes from a registry.
        let both = |own: &str| {
            let own = format!(r#""a": {{"version": {own}}}"#);
            let nested =
                r#""b": {"version": "1.0.0", "dependencies": {"a": {"version": "1.0.0"}}}"#;
            let text = format!(r#"{{"lockfileVersion": 1, "dependencies": {{{own}, {nested}}}}}"#);
            Graph::read("package-lock.json", &text, &[]).unwrap()
        };
        let new = graph(
            r#""node_modules/a": {"version": "1.0.0", "resolved": "https://files.example/a.tgz", "integrity": "sha512-x"},
            "node_modules/b": {"version": "1.0.0"}, "node_modules/b/node_modules/a": {"version": "1.0.0"}"#,
        );
        let loud = |own: &str| {
            let found = outcome_between(&both(own), &new).findings;
            found.into_iter().any(|one| one.severity.id() == "high")
        };
        assert!(!loud(r#""https://files.example/a.tgz""#));
        assert!(loud(r#""0.9.0""#), "the control: it came from a registry");
    }

    #[test]
    fn another_commit_of_a_known_repository_matters_less() {
        let lock = |commit: &str| {
            format!(
                r#""node_modules/a": {{"resolved": "git+https://code.example/a.git#{commit}", "version": "1.0.{}"}}"#,
                commit.len() % 7
            )
        };
        let found = outcome(&lock(&"a".repeat(40)), &lock(&"b".repeat(64))).findings;
        assert_eq!((found[0].code, found[0].severity.id()), ("exotic-source", "moderate"));
    }
}
