//! The registry does not have this version any more: malicious versions are taken away.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::evidence::Known;

pub(super) const SIGNAL: Signal = Signal {
    code: "version-gone",
    question: "why was this version taken away?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in review.added() {
        match review.registry(release, copies.first()) {
            None => {}
            Some(Known::Unknown(why)) => found.unknown(&why),
            Some(Known::Said(facts)) => match facts.is_there {
                Some(false) => {
                    let message = "the registry does not have this version any more";
                    found.add(copies.first(), message.to_owned());
                }
                Some(true) => {}
                None => found.unknown("the registry does not say it"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::RegistryFacts;
    use crate::review::testing::{Told, codes_with, outcome};

    #[test]
    fn a_version_that_was_taken_away_is_found() {
        let lock = |version: &str| format!(r#""node_modules/a": {{"version": "{version}"}}"#);
        for (is_there, is_found) in [(Some(false), true), (Some(true), false), (None, false)] {
            let facts = RegistryFacts { is_there, ..RegistryFacts::default() };
            let told = Told::default().registry("a@1.0.1", facts);
            let found = codes_with(&lock("1.0.0"), &lock("1.0.1"), &told);
            assert_eq!(found.contains(&"version-gone"), is_found);
        }
        let unknown = outcome(&lock("1.0.0"), &lock("1.0.1")).unknown;
        assert!(unknown.iter().any(|one| one.code == "version-gone"));
    }
}
