//! Another person published a version than those who did before, all maintainers are others, or the
//! source is said to lie in another repository. The registry has to be asked: no lockfile tells.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::evidence::{Known, RegistryFacts};
use ringfence_project::graph::Package;

pub(super) const SIGNAL: Signal = Signal {
    code: "maintainer-or-repository-changed",
    question: "takeover or ownership transition?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in review.added() {
        let Some((earlier, old)) = review.base(release) else { continue };
        let package = copies.first();
        let (Some(before), Some(after)) =
            (review.registry(earlier, old), review.registry(release, package))
        else {
            continue;
        };
        match (before, after) {
            (Known::Said(before), Known::Said(after)) => compare(&before, &after, package, found),
            (_, Known::Unknown(why)) | (Known::Unknown(why), _) => found.unknown(&why),
        }
    }
}

fn compare(
    before: &RegistryFacts,
    after: &RegistryFacts,
    package: &Package,
    found: &mut Found<'_>,
) {
    let told = [publisher(before, after), maintainers(before, after), repository(before, after)];
    if told.iter().all(|answer| matches!(answer, Answer::Unsaid)) {
        found.unknown("the registry does not say who published it");
    }
    let [publisher, maintainers, repository] = told;
    match (publisher, maintainers) {
        (Answer::Other(message), _) | (_, Answer::Other(message)) => found.add(package, message),
        _ => {}
    }
    if let Answer::Other(message) = repository {
        found.add_as(Severity::Moderate, package, message);
    }
}

/// What the registry's two answers say together.
enum Answer {
    /// Nobody said it of one of the two.
    Unsaid,
    /// The same, or in order.
    Same,
    /// Another: what changed.
    Other(String),
}

impl Answer {
    fn of(changed: bool, message: impl FnOnce() -> String) -> Self {
        if changed { Self::Other(message()) } else { Self::Same }
    }
}

/// A publisher who could not have published the version before.
fn publisher(before: &RegistryFacts, after: &RegistryFacts) -> Answer {
    let Some(is) = after.publisher.as_ref() else { return Answer::Unsaid };
    let was = before.publisher.as_ref();
    let could = before.maintainers.as_ref();
    if was.is_none() && could.is_none() {
        return Answer::Unsaid;
    }
    // Only maintainers can name a workflow to the registry.
    let known =
        after.by_workflow || was == Some(is) || could.is_some_and(|could| could.contains(is));
    let was = was.map_or("somebody else", String::as_str);
    Answer::of(!known, || format!("was published by {is}, and the version before by {was}"))
}

/// Not one of those who could publish the version before is left.
fn maintainers(before: &RegistryFacts, after: &RegistryFacts) -> Answer {
    let (Some(was), Some(is)) = (before.maintainers.as_ref(), after.maintainers.as_ref()) else {
        return Answer::Unsaid;
    };
    let left = was.iter().any(|one| is.contains(one));
    Answer::of(!left && !was.is_empty() && !is.is_empty(), || {
        format!("was maintained by {} and is maintained by {}", was.join(", "), is.join(", "))
    })
}

fn repository(before: &RegistryFacts, after: &RegistryFacts) -> Answer {
    let Some(was) = before.repository.as_ref() else { return Answer::Unsaid };
    let Some(is) = after.repository.as_ref() else {
        return Answer::Other(format!("named its repository, {was}, and names none"));
    };
    Answer::of(plain(was) != plain(is), || format!("its repository was {was} and is {is}"))
}

/// The place, whatever way there is written in front and behind.
fn plain(address: &str) -> String {
    let address = address.trim().to_ascii_lowercase();
    let address = address.strip_prefix("git+").unwrap_or(&address);
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let address = address.strip_prefix("git@").unwrap_or(address).replace(':', "/");
    let address = address
        .strip_prefix("github/")
        .map_or(address.clone(), |rest| format!("github.com/{rest}"));
    let address = address.split('#').next().unwrap_or_default().trim_end_matches('/');
    address.strip_suffix(".git").unwrap_or(address).to_owned()
}

#[cfg(test)]
mod tests {
    use super::plain;
    use crate::evidence::RegistryFacts;
    use crate::review::testing::{Told, codes_with, outcome};

    fn lock(version: &str) -> String {
        format!(r#""node_modules/a": {{"version": "{version}"}}"#)
    }

    fn facts(publisher: &str, maintainers: &[&str], repository: &str) -> RegistryFacts {
        RegistryFacts {
            publisher: Some(publisher.to_owned()),
            maintainers: Some(maintainers.iter().map(ToString::to_string).collect()),
            repository: Some(repository.to_owned()),
            published: Some(0),
            is_there: Some(true),
            provenance: Some(false),
            ..RegistryFacts::default()
        }
    }

    fn codes(after: RegistryFacts) -> Vec<&'static str> {
        let before = facts("ann", &["ann", "bob"], "git+https://code.example/o/a.git");
        let told = Told::default().registry("a@1.0.0", before).registry("a@1.0.1", after);
        codes_with(&lock("1.0.0"), &lock("1.0.1"), &told)
    }

    #[test]
    fn another_publisher_maintainer_or_repository_is_found() {
        let code = ["maintainer-or-repository-changed"];
        let place = "https://code.example/o/a";
        assert_eq!(codes(facts("eve", &["ann", "bob", "eve"], place)), code);
        assert_eq!(codes(facts("eve", &["eve"], place)), code);
        assert_eq!(codes(facts("ann", &["ann", "bob"], "https://code.example/e/a")), code);
    }

    #[test]
    fn who_could_publish_before_may_publish_now() {
        let place = "https://code.example/o/a";
        assert!(codes(facts("ann", &["ann", "bob"], place)).is_empty());
        assert!(codes(facts("bob", &["ann", "bob", "carl"], place)).is_empty());
        let unknown = outcome(&lock("1.0.0"), &lock("1.0.1")).unknown;
        let own =
            unknown.iter().find(|one| one.code == "maintainer-or-repository-changed").unwrap();
        assert_eq!(own.why, "no registry was asked");
    }

    #[test]
    fn a_repository_is_the_same_however_it_is_written() {
        for address in [
            "git+https://github.com/o/a.git",
            "git@github.com:o/a.git",
            "github:o/a",
            "https://github.com/O/a/",
        ] {
            assert_eq!(plain(address), "github.com/o/a", "{address}");
        }
    }
}
