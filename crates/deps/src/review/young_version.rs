//! A version that is younger than `minimum-age`: of the incidents on record nearly all were found out
//! within days.
//!
//! A review as of an earlier moment (`--now`) may meet versions that the registry got after it, as a
//! mirror does: how old they were then is not known.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::evidence::Known;

pub(super) const SIGNAL: Signal = Signal {
    code: "young-version",
    question: "can this wait until others had time to look?",
    severity: Severity::High,
    find,
};

/// Seconds by which clocks differ.
const SKEW: u64 = 3600;

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let age = review.policy.age().as_secs();
    for (release, copies) in review.added() {
        match review.registry(release, copies.first()) {
            None => {}
            Some(Known::Unknown(why)) => found.unknown(&why),
            Some(Known::Said(facts)) => match facts.published {
                Some(published) if published > review.now + SKEW => {
                    found.unknown("the registry says that it was published after this review");
                }
                Some(published) if review.now.saturating_sub(published) < age => {
                    let old = words(review.now.saturating_sub(published));
                    let message = format!("was published {old} ago; {} is asked for", words(age));
                    found.add(copies.first(), message);
                }
                Some(_) => {}
                None => found.unknown("the registry does not say when it was published"),
            },
        }
    }
}

/// A duration as people say it.
fn words(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{end}")
}

#[cfg(test)]
mod tests {
    use crate::evidence::RegistryFacts;
    use crate::review::KnownBad;
    use crate::review::testing::{NOW, Told, outcome, outcome_by, outcome_with, policy};

    fn lock(version: &str) -> String {
        format!(r#""node_modules/a": {{"version": "{version}"}}"#)
    }

    #[test]
    fn a_version_younger_than_the_boundary_file_asks_is_found() {
        for (hours, lines, is_found) in [
            (1, "", true),
            (71, "", true),
            (73, "", false),
            (100, "minimum-age = \"7d\"", true),
            (100, "minimum-age = \"4d\"", false),
        ] {
            let published = Some(NOW - hours * 3600);
            let facts = RegistryFacts { published, ..RegistryFacts::default() };
            let told = Told::default().registry("a@1.0.1", facts);
            let policy = policy(lines);
            let outcome =
                outcome_by(&lock("1.0.0"), &lock("1.0.1"), &told, &policy, &KnownBad::default());
            let found = outcome.findings.iter().any(|one| one.code == "young-version");
            assert_eq!(found, is_found, "{hours} {lines}");
        }
    }

    #[test]
    fn what_was_published_after_the_review_has_no_age() {
        let facts = RegistryFacts { published: Some(NOW + 86_400), ..RegistryFacts::default() };
        let told = Told::default().registry("a@1.0.1", facts);
        let outcome = outcome_with(&lock("1.0.0"), &lock("1.0.1"), &told);
        assert!(outcome.findings.iter().all(|one| one.code != "young-version"));
        let unknown = outcome.unknown.iter().find(|one| one.code == "young-version").unwrap();
        assert_eq!(unknown.why, "the registry says that it was published after this review");
    }

    #[test]
    fn an_age_that_nobody_said_is_unknown() {
        let unknown = outcome(&lock("1.0.0"), &lock("1.0.1")).unknown;
        let own = unknown.iter().find(|one| one.code == "young-version").unwrap();
        assert_eq!((own.why.as_str(), own.releases), ("no registry was asked", 1));
    }
}
