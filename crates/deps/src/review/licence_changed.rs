//! The licence of a package is another one than that of the version before.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::change::Release;
use crate::evidence::Known;
use ringfence_project::graph::Package;

pub(super) const SIGNAL: Signal = Signal {
    code: "licence-changed",
    question: "legal or distribution impact?",
    severity: Severity::Moderate,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in review.added() {
        let Some((earlier, old)) = review.base(release) else { continue };
        let package = copies.first();
        match (licence(review, earlier, old), licence(review, release, package)) {
            (Known::Said(was), Known::Said(is)) if plain(&was) != plain(&is) => {
                found.add(package, format!("was {was} and is {is}"));
            }
            (Known::Said(_), Known::Said(_)) => {}
            (_, Known::Unknown(why)) | (Known::Unknown(why), _) => found.unknown(&why),
        }
    }
}

/// What the lockfile says, else what the tarball says.
fn licence(review: &Review<'_>, release: &Release<'_>, package: &Package) -> Known<String> {
    if let Some(licence) = &package.licence {
        return Known::Said(licence.clone());
    }
    match review.tarball(release, package) {
        Known::Said(facts) => match facts.licence {
            Some(licence) => Known::Said(licence),
            None => Known::Said("no licence".to_owned()),
        },
        Known::Unknown(why) => Known::Unknown(why),
    }
}

/// The same expression is the same licence, however it is set.
fn plain(licence: &str) -> String {
    let kept = licence.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')'));
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use crate::evidence::TarballFacts;
    use crate::review::testing::{Told, codes, codes_with, outcome};

    #[test]
    fn another_licence_is_found_and_the_same_one_is_not() {
        let lock = |version: &str, licence: &str| {
            format!(r#""node_modules/a": {{"version": "{version}", "license": "{licence}"}}"#)
        };
        let old = lock("1.0.0", "MIT");
        assert_eq!(codes(&old, &lock("2.0.0", "BUSL-1.1")), ["licence-changed"]);
        assert!(codes(&old, &lock("2.0.0", "MIT")).is_empty());
        let two = lock("1.0.0", "(MIT OR Apache-2.0)");
        assert!(codes(&two, &lock("2.0.0", "mit or apache-2.0")).is_empty());
    }

    #[test]
    fn a_tarball_says_it_where_the_lockfile_does_not() {
        let lock = |version: &str| format!(r#""node_modules/a": {{"version": "{version}"}}"#);
        let facts = |licence: &str| TarballFacts {
            licence: Some(licence.to_owned()),
            ..TarballFacts::default()
        };
        let told =
            Told::default().tarball("a@1.0.0", facts("MIT")).tarball("a@1.1.0", facts("GPL-3.0"));
        assert_eq!(codes_with(&lock("1.0.0"), &lock("1.1.0"), &told), ["licence-changed"]);
        let unknown = outcome(&lock("1.0.0"), &lock("1.1.0")).unknown;
        assert!(unknown.iter().any(|one| one.code == "licence-changed" && one.releases == 1));
    }
}
