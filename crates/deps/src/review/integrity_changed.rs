//! The hash of a release changed, and its version did not: registries never change a release. Or the
//! hash is gone, or a weaker one took its place, so that another tarball would pass. Yarn 2 and later
//! has a hash of its own zip instead, which changes with the form of these zips too; the cache key in
//! front of it names that form.
//!
//! npm itself loses hashes: together with the address, so that its own registry is asked, or those of
//! many packages at once. That is told and does not fail.

use super::{Found, Review, Signal};
use crate::Severity;
use ringfence_project::graph::{Integrity, Package, Source};
use std::mem::discriminant;

pub(super) const SIGNAL: Signal = Signal {
    code: "integrity-changed",
    question: "who changed what this version is, and when?",
    severity: Severity::Critical,
    find,
};

/// How many lost hashes are told one by one.
const ONE_BY_ONE: usize = 10;

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let mut lost = Vec::new();
    for (_, before, after) in review.change.kept() {
        // Without a version nobody says that it is the same release.
        for package in after.all().filter(|package| package.version.is_some()) {
            if let Some(old) = before.all().find(|old| is_other(&old.integrity, &package.integrity))
            {
                let message = format!("was {} and is {}", old.integrity, package.integrity);
                found.add(package, message);
                break;
            }
            if before.all().all(|old| package.integrity.adds_to(&old.integrity)) {
                let was = &before.first().integrity;
                let message =
                    format!("was {was} and may be something else too: {}", package.integrity);
                found.add(package, message);
                break;
            }
            if let Some(message) = other_zip(before.first(), package) {
                found.add(package, message);
                break;
            }
            // Of several copies each is held against itself.
            let same = before.all().find(|old| old.key == package.key);
            if let Some(message) = weaker(same.unwrap_or(before.first()), package) {
                lost.push((package, message));
                break;
            }
        }
    }
    tell(&lost, found);
    // Another manager writes other hashes, or none.
    if review.change.old.format.manager() != review.change.new.format.manager() {
        return;
    }
    for (release, copies) in review.added() {
        let Some((_, old)) = review.base(release) else { continue };
        if let Some(message) = weaker(old, copies.first()) {
            found.add_as(Severity::Moderate, copies.first(), message);
        }
    }
}

/// Whether another tarball would pass. One of several hashes of the same algorithm is enough for a
/// manager, so a further one lets something else in beside what was there.
fn is_other(old: &Integrity, new: &Integrity) -> bool {
    match old.agrees(new) {
        None => false,
        Some(false) => true,
        Some(true) => new.hashes().any(|(algorithm, hash)| {
            let mut same = old.hashes().filter(|(other, _)| *other == algorithm).peekable();
            same.peek().is_some() && same.all(|(_, other)| other != hash)
        }),
    }
}

/// What Yarn made of another tarball: both are the registry's, unpatched, and of one form of zip.
fn other_zip(old: &Package, new: &Package) -> Option<String> {
    let zip = |package: &Package| {
        let plain = matches!(package.source, Source::Registry { .. }) && package.patch.is_none();
        package.checksum.clone().filter(|_| plain)
    };
    let (was, is) = (zip(old)?, zip(new)?);
    let form = |checksum: &str| checksum.split_once('/').map(|(form, _)| form.to_owned());
    let told = form(&was).is_some() && form(&was) == form(&is) && was != is;
    told.then(|| format!("Yarn's zip was {was} and is {is}"))
}

fn tell(lost: &[(&Package, String)], found: &mut Found<'_>) {
    if lost.len() > ONE_BY_ONE {
        if let Some((package, message)) = lost.first() {
            let message = format!("{message}, as {} packages", lost.len());
            found.add_as(Severity::Moderate, package, message);
        }
        return;
    }
    for (package, message) in lost {
        let address = !matches!(package.source, Source::Registry { url: None });
        let severity = if address { Severity::High } else { Severity::Moderate };
        found.add_as(severity, package, message.clone());
    }
}

/// What a newer copy from the same kind of source lost.
fn weaker(old: &Package, new: &Package) -> Option<String> {
    let same = discriminant(&old.source) == discriminant(&new.source);
    let silent = |package: &Package| package.bundled || package.checksum.is_some();
    if !same || silent(old) || silent(new) {
        return None;
    }
    match (old.integrity.strongest(), new.integrity.strongest()) {
        (Some(_), None) => Some("had a hash and has none".to_owned()),
        (Some(was), Some(is)) if is < was => {
            Some(format!("had a {} and has only a {}", was.id(), is.id()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::review::testing::{codes, outcome, outcome_between};
    use ringfence_project::graph::Graph;

    fn lock(version: &str, hash: &str) -> String {
        format!(r#""node_modules/a": {{"version": "{version}", "integrity": "{hash}"}}"#)
    }

    #[test]
    fn another_hash_of_the_same_release_is_found_and_a_new_release_is_not() {
        let old = lock("1.0.0", "sha512-x");
        assert_eq!(codes(&old, &lock("1.0.0", "sha512-y")), ["integrity-changed"]);
        assert!(codes(&old, &lock("1.0.1", "sha512-y")).is_empty());
        assert!(codes(&old, &old).is_empty());
        let two = lock("1.0.0", "sha512-x sha512-y");
        assert_eq!(codes(&old, &two), ["integrity-changed"], "another tarball would pass");
        assert!(codes(&two, &two).is_empty() && codes(&two, &old).is_empty());
    }

    #[test]
    fn a_second_hash_beside_the_first_is_found() {
        let (one, both) = (lock("1.0.0", "sha512-x"), lock("1.0.0", "sha512-x sha512-y"));
        assert_eq!(codes(&one, &both), ["integrity-changed"]);
        assert!(codes(&both, &one).is_empty(), "one of two is left");
        assert!(codes(&one, &lock("1.0.0", "sha1-z sha512-x")).is_empty(), "of another algorithm");
    }

    #[test]
    fn hashes_that_are_lost_by_the_dozen_are_told_once() {
        let all = |hash: &str| {
            let one = |n| {
                let address = format!("https://registry.example/p{n}/-/p{n}-1.0.0.tgz");
                format!(
                    r#""node_modules/p{n}": {{"version": "1.0.0", "resolved": "{address}", "integrity": "{hash}"}}"#
                )
            };
            (0..12).map(one).collect::<Vec<_>>().join(", ")
        };
        let found = outcome(&all("sha512-x"), &all("sha1-x")).findings;
        let severities: Vec<_> = found.iter().map(|one| one.severity.id()).collect();
        assert_eq!(severities, ["moderate"]);
    }

    #[test]
    fn another_zip_of_yarns_is_found_unless_its_form_changed_or_it_is_patched() {
        let lock = |resolution: &str, checksum: &str| {
            let text = format!(
                "__metadata:\n  version: 8\n\n\"app@workspace:.\":\n  version: 0.0.0-use.local\n  \
                 resolution: \"app@workspace:.\"\n  dependencies:\n    a: \"npm:1.0.0\"\n\n\
                 \"a@npm:1.0.0\":\n  version: 1.0.0\n  resolution: \"a@{resolution}\"\n  checksum: {checksum}\n"
            );
            Graph::read("yarn.lock", &text, &[]).unwrap()
        };
        let found = |old: &Graph, new: &Graph| -> Vec<_> {
            outcome_between(old, new).findings.iter().map(|finding| finding.code).collect()
        };
        let old = lock("npm:1.0.0", "10c0/aa");
        assert_eq!(found(&old, &lock("npm:1.0.0", "10c0/ab")), ["integrity-changed"]);
        assert!(found(&old, &old).is_empty());
        assert!(found(&old, &lock("npm:1.0.0", "11/ab")).is_empty(), "another form of zip");
        let patched = |checksum| lock("patch:a@npm%3A1.0.0#./a.patch", checksum);
        assert!(found(&patched("10c0/aa"), &patched("10c0/ab")).is_empty());
    }

    #[test]
    fn what_has_no_version_is_no_release_that_could_have_changed() {
        let lock = |hash: &str| format!(r#""node_modules/a": {{"integrity": "{hash}"}}"#);
        assert!(codes(&lock("sha512-x"), &lock("sha512-y")).is_empty());
    }

    #[test]
    fn a_hash_that_is_lost_or_weaker_is_found() {
        let old = lock("1.0.0", "sha512-x");
        let with_address = |hash: &str| {
            let address = "https://registry.example/a/-/a-1.0.0.tgz";
            lock("1.0.0", hash).replace('}', &format!(r#", "resolved": "{address}"}}"#))
        };
        for (new, severity) in [
            (with_address(""), "high"),
            (with_address("sha1-z"), "high"),
            (lock("1.0.0", ""), "moderate"),
            (lock("1.0.1", ""), "moderate"),
        ] {
            let found = outcome(&old, &new).findings;
            assert_eq!((found[0].code, found[0].severity.id()), ("integrity-changed", severity));
        }
        assert!(codes(&lock("1.0.0", "sha1-z"), &lock("1.0.1", "sha512-x")).is_empty(), "stronger");
        let own = |hash: &str| {
            format!(
                r#""node_modules/a": {{"version": "1.0.0", "resolved": "file:a.tgz", "integrity": "{hash}"}}"#
            )
        };
        assert_eq!(codes(&own("sha512-x"), &own("")), ["integrity-changed"], "a file of its own");
    }
}
