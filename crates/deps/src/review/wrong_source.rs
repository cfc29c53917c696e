//! A name that `[dependencies]` calls internal comes from somewhere else than it should.
//!
//! Every package is looked at, not only what is new: the question is whether the lockfile may be
//! installed at all. Where the lockfile names no address, npm's configuration decides, and that is
//! said and not called clean.

use super::{Found, Review, Signal, is_installed};
use crate::Severity;
use ringfence_policy::dependencies::{Internal, matches_package};
use ringfence_project::graph::{Package, Source};

pub(super) const SIGNAL: Signal = Signal {
    code: "wrong-source",
    question: "typo or dependency confusion?",
    severity: Severity::Critical,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let internal = &review.policy.internal;
    if internal.is_empty() {
        return;
    }
    for (release, copies) in &review.change.after {
        let about = |one: &&Internal| matches_package(&one.name.value, release.name);
        let Some(rule) = internal.iter().find(about) else { continue };
        for package in copies.all().filter(|package| is_installed(package) && !package.bundled) {
            match comes_from(package, &rule.registry.value) {
                Some(true) => {}
                Some(false) => {
                    let place = package.source.host().unwrap_or_else(|| "elsewhere".to_owned());
                    let wanted = &rule.registry.value;
                    found.add(package, format!("comes from {place} and has to come from {wanted}"));
                    break;
                }
                None => {
                    found.unknown("the lockfile names no address, so npm's configuration decides");
                    break;
                }
            }
        }
    }
}

/// Whether a package comes from a registry; `None` where its lockfile does not tell.
fn comes_from(package: &Package, registry: &str) -> Option<bool> {
    match &package.source {
        Source::Registry { url: None } => None,
        Source::Registry { url: Some(url) } => {
            let rest = url.strip_prefix(registry);
            Some(rest.is_some_and(|rest| rest.starts_with('/')))
        }
        // A file or a folder is no registry, and nothing that a stranger could publish.
        Source::File { .. } | Source::Link { .. } => Some(true),
        Source::Git { .. } | Source::Tarball { .. } => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::LockfileAlone;
    use crate::review::testing::{outcome_by, policy};
    use crate::review::{KnownBad, Outcome};

    fn outcome(resolved: &str) -> Outcome {
        let policy = policy(
            "internal = [{ name = \"@acme\", registry = \"https://npm.acme.example/private/\" }]",
        );
        let lock = format!(
            r#""node_modules/@acme/a": {{"version": "1.0.0"{resolved}}}, "node_modules/b": {{"version": "1.0.0", "resolved": "https://registry.example/b/-/b-1.0.0.tgz"}}"#
        );
        outcome_by(&lock, &lock, &LockfileAlone, &policy, &KnownBad::default())
    }

    #[test]
    fn an_internal_name_from_elsewhere_is_found_though_nothing_changed() {
        for host in
            ["registry.example", "npm.acme.example.evil.example/private", "npm.acme.example/public"]
        {
            let resolved = format!(r#", "resolved": "https://{host}/@acme/a/-/a-1.0.0.tgz""#);
            let found = outcome(&resolved).findings;
            assert_eq!((found.len(), found[0].code), (1, "wrong-source"), "{host}");
        }
    }

    #[test]
    fn the_right_registry_is_clean_and_none_is_unknown() {
        let right = r#", "resolved": "https://npm.acme.example/private/@acme/a/-/a-1.0.0.tgz""#;
        assert_eq!(outcome(right), Outcome::default());
        let silent = outcome("");
        assert!(silent.findings.is_empty());
        assert_eq!(silent.unknown[0].code, "wrong-source");
    }
}
