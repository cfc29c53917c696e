//! The hash of a release changed, and its version did not: registries never change a release. Or the
//! hash is gone, or a weaker one took its place, so that another tarball would pass.

use super::{Found, Review, Signal};
use crate::Severity;
use ringfence_project::graph::{Package, Source};

pub(super) const SIGNAL: Signal = Signal {
    code: "integrity-changed",
    question: "who changed what this version is, and when?",
    severity: Severity::Critical,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (_, before, after) in review.change.kept() {
        // Without a version nobody says that it is the same release.
        for package in after.all().filter(|package| package.version.is_some()) {
            let other =
                before.all().find(|old| old.integrity.agrees(&package.integrity) == Some(false));
            if let Some(old) = other {
                let message = format!("was {} and is {}", old.integrity, package.integrity);
                found.add(package, message);
                break;
            }
            // Of several copies each is held against itself.
            let same = before.all().find(|old| old.key == package.key);
            if let Some(message) = weaker(same.unwrap_or(before.first()), package) {
                found.add_as(Severity::High, package, message);
                break;
            }
        }
    }
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

/// What a newer copy of the same source lost.
fn weaker(old: &Package, new: &Package) -> Option<String> {
    let registry =
        |package: &Package| matches!(package.source, Source::Registry { .. }) && !package.bundled;
    if !registry(old) || !registry(new) || old.checksum.is_some() || new.checksum.is_some() {
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
    use crate::review::testing::{codes, outcome};

    fn lock(version: &str, hash: &str) -> String {
        format!(r#""node_modules/a": {{"version": "{version}", "integrity": "{hash}"}}"#)
    }

    #[test]
    fn another_hash_of_the_same_release_is_found_and_a_new_release_is_not() {
        let old = lock("1.0.0", "sha512-x");
        assert_eq!(codes(&old, &lock("1.0.0", "sha512-y")), ["integrity-changed"]);
        assert!(codes(&old, &lock("1.0.1", "sha512-y")).is_empty());
        assert!(codes(&old, &old).is_empty());
    }

    #[test]
    fn what_has_no_version_is_no_release_that_could_have_changed() {
        let lock = |hash: &str| format!(r#""node_modules/a": {{"integrity": "{hash}"}}"#);
        assert!(codes(&lock("sha512-x"), &lock("sha512-y")).is_empty());
    }

    #[test]
    fn a_hash_that_is_lost_or_weaker_is_found() {
        let old = lock("1.0.0", "sha512-x");
        for (new, severity) in [
            (lock("1.0.0", ""), "high"),
            (lock("1.0.0", "sha1-z"), "high"),
            (lock("1.0.1", ""), "moderate"),
        ] {
            let found = outcome(&old, &new).findings;
            assert_eq!((found[0].code, found[0].severity.id()), ("integrity-changed", severity));
        }
        assert!(codes(&lock("1.0.0", "sha1-z"), &lock("1.0.1", "sha512-x")).is_empty(), "stronger");
    }
}
