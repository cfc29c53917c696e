//! The hash of a release changed, and its version did not: registries never change a release.

use super::{Found, Review, Signal};
use crate::Severity;

pub(super) const SIGNAL: Signal = Signal {
    code: "integrity-changed",
    question: "who changed what this version is, and when?",
    severity: Severity::Critical,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (_, before, after) in review.change.kept() {
        for package in after.all() {
            let other =
                before.all().find(|old| old.integrity.agrees(&package.integrity) == Some(false));
            if let Some(old) = other {
                let message = format!("was {} and is {}", old.integrity, package.integrity);
                found.add(package.label(), package.line, message);
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::review::testing::codes;

    #[test]
    fn another_hash_of_the_same_release_is_found_and_a_new_release_is_not() {
        let lock = |version: &str, hash: &str| {
            format!(r#""node_modules/a": {{"version": "{version}", "integrity": "{hash}"}}"#)
        };
        let old = lock("1.0.0", "sha512-x");
        assert_eq!(codes(&old, &lock("1.0.0", "sha512-y")), ["integrity-changed"]);
        assert!(codes(&old, &lock("1.0.1", "sha512-y")).is_empty());
        assert!(codes(&old, &lock("1.0.0", "sha1-z")).is_empty(), "no hash is shared");
    }
}
