//! The version before could be traced to where it was built, and this one cannot.
//!
//! It is compared within a major version, as older lines are often published by hand. Provenance is
//! evidence of where something was built and not of what it does: two of the large incidents of 2026
//! had a valid one. Its loss is a hint.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::evidence::Known;
use crate::ranges::version;

pub(super) const SIGNAL: Signal = Signal {
    code: "provenance-lost",
    question: "why was it published without the workflow that published the version before?",
    severity: Severity::Moderate,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in review.added() {
        let package = copies.first();
        let Some((base, old)) = review.base(release) else { continue };
        let same = match (version(base.version), version(release.version)) {
            (Some(was), Some(is)) => was.major() == is.major() && was < is,
            _ => false,
        };
        let (true, Some(is)) = (same, review.registry(release, package)) else { continue };
        let is = match is {
            Known::Said(facts) => facts.provenance.ok_or("the registry does not say it".to_owned()),
            Known::Unknown(why) => Err(why),
        };
        match is {
            Ok(false) => {
                let was = review.registry(base, old);
                let told = match was.as_ref().and_then(Known::said) {
                    Some(facts) => facts.provenance,
                    None => None,
                };
                if told == Some(true) {
                    let message = format!("has no provenance, and {} had", base.version);
                    found.add(package, message);
                }
            }
            Ok(true) => {}
            Err(why) => found.unknown(&why),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::RegistryFacts;
    use crate::review::testing::{Told, codes_with, outcome};

    fn found(was: (&str, bool), is: (&str, bool)) -> bool {
        let lock = |version: &str| format!(r#""node_modules/a": {{"version": "{version}"}}"#);
        let facts = |has| RegistryFacts { provenance: Some(has), ..RegistryFacts::default() };
        let told = Told::default()
            .registry(&format!("a@{}", was.0), facts(was.1))
            .registry(&format!("a@{}", is.0), facts(is.1));
        codes_with(&lock(was.0), &lock(is.0), &told).contains(&"provenance-lost")
    }

    #[test]
    fn provenance_that_the_version_before_had_is_missed() {
        assert!(found(("1.0.0", true), ("1.0.1", false)));
        assert!(!found(("1.0.0", true), ("1.0.1", true)));
        assert!(!found(("1.0.0", false), ("1.0.1", false)));
        assert!(!found(("1.0.0", true), ("2.0.0", false)), "another major version");
        let lock = |version: &str| format!(r#""node_modules/a": {{"version": "{version}"}}"#);
        let unknown = outcome(&lock("1.0.0"), &lock("1.0.1")).unknown;
        assert!(unknown.iter().any(|one| one.code == "provenance-lost"));
    }
}
