//! A name that is new in the lockfile and could be taken for another one.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::similar::Names;
use std::collections::BTreeSet;

pub(super) const SIGNAL: Signal = Signal {
    code: "similar-name",
    question: "typo or dependency confusion?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let added: Vec<_> = review
        .added()
        .filter(|(release, copies)| {
            !copies.first().bundled && review.change.is_new_name(release.name)
        })
        .collect();
    if added.is_empty() {
        return;
    }
    let known = Names::new(review.change.before.keys().map(|release| release.name));
    let mut told = BTreeSet::new();
    for (release, copies) in added {
        if let Some((other, why)) = known.similar(release.name)
            && told.insert(release.name)
        {
            found.add(copies.first(), format!("is similar to {other}: {}", why.words()));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::review::testing::codes;

    #[test]
    fn a_new_name_that_is_near_a_known_one_is_found() {
        let lock = |name: &str| format!(r#""node_modules/{name}": {{"version": "1.0.0"}}"#);
        let old = lock("our-own-helper");
        for (name, is_found) in [
            ("crossenv", true),
            ("our-own-helpers", true),
            ("cross-env", false),
            ("unheard-of", false),
        ] {
            assert_eq!(codes(&old, &lock(name)) == ["similar-name"], is_found, "{name}");
        }
    }

    #[test]
    fn a_name_that_was_there_before_is_not_looked_at() {
        let lock =
            |version: &str| format!(r#""node_modules/crossenv": {{"version": "{version}"}}"#);
        assert!(codes(&lock("1.0.0"), &lock("1.0.1")).is_empty());
    }
}
