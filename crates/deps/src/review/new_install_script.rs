//! A package runs something when it is installed, and no earlier version of it did.
//!
//! npm's newer lockfiles say so themselves, the tarball says what it is, and the registry says
//! whether. `binding.gyp` at the root of a tarball makes npm run a compiler without any script: only
//! the tarball tells, so without it a `no` of the lockfile is not taken for one. New packages that many
//! have run for long (well known, of a known scope, a year in the registry) are told and do not fail.
//! Versions that `scripts` or `denied-scripts` of `[dependencies]` lists are not told: somebody decided.

use super::{Found, NEW_NAME, OLD_NAME, Review, Signal};
use crate::Severity;
use crate::change::Release;
use crate::evidence::Known;
use ringfence_policy::dependencies::Script;
use ringfence_project::graph::{Algorithm, Package};

pub(super) const SIGNAL: Signal = Signal {
    code: "new-install-script",
    question: "why does install need code execution?",
    severity: Severity::High,
    find,
};

/// What is known of it.
enum Runs {
    /// It runs something: what, as far as that is known.
    Yes(String),
    No,
    /// Nobody said it.
    Unknown(String),
}

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in review.added() {
        let package = copies.first();
        if review.policy.decided_scripts().any(|one| is_about(one, release, package)) {
            continue;
        }
        match runs(review, release, package) {
            Runs::Yes(what) => judge(review, release, package, &what, found),
            Runs::Unknown(why) => found.unknown(&why),
            Runs::No => {}
        }
    }
    for (release, before, after) in review.change.kept() {
        let (was, is) = (before.first().install_script, after.first().install_script);
        let is_decided =
            || review.policy.decided_scripts().any(|one| is_about(one, release, after.first()));
        if (was, is) == (Some(false), Some(true)) && !is_decided() {
            let message = "runs something when it is installed, and the same version did not";
            found.add_as(Severity::Critical, after.first(), message.to_owned());
        }
    }
}

fn judge(
    review: &Review<'_>,
    release: &Release<'_>,
    package: &Package,
    what: &str,
    found: &mut Found<'_>,
) {
    let mut unknown = false;
    for (earlier, copies) in review.change.earlier(release.name) {
        match runs(review, earlier, copies.first()) {
            Runs::Yes(was) if was == *what => return,
            Runs::Yes(_) => {
                found.add_as(Severity::Moderate, package, format!("now {what}"));
                return;
            }
            Runs::Unknown(_) if copies.first().install_script.is_none() => unknown = true,
            Runs::Unknown(_) | Runs::No => {}
        }
    }
    match review.base(release) {
        None => {
            let severity = of_new(review, release, package);
            found.add_as(severity, package, format!("is new and {what}"));
        }
        Some((base, _)) if unknown => {
            let message = format!("{what}; whether {} did is not known", base.version);
            found.add_as(Severity::Moderate, package, message);
        }
        Some((base, _)) => found.add(package, format!("{what}; {} did not", base.version)),
    }
}

/// How much it matters that a new package runs something: less where many have run it for long.
fn of_new(review: &Review<'_>, release: &Release<'_>, package: &Package) -> Severity {
    let first = match review.registry(release, package) {
        Some(Known::Said(facts)) => facts.first_published,
        _ => None,
    };
    match first.map(|first| review.now.saturating_sub(first)) {
        Some(age) if age < NEW_NAME => Severity::High,
        Some(age) if age > OLD_NAME => Severity::Moderate,
        _ if review.is_known(release.name) => Severity::Moderate,
        _ => Severity::High,
    }
}

fn runs(review: &Review<'_>, release: &Release<'_>, package: &Package) -> Runs {
    const WHAT: &str = "runs something when it is installed";
    let why = match review.tarball(release, package) {
        Known::Said(facts) => {
            return match facts.scripts.first() {
                Some((name, command)) => Runs::Yes(format!("runs {name} at install: {command}")),
                None if facts.gyp => Runs::Yes(
                    "runs a compiler at install: its tarball has a binding.gyp".to_owned(),
                ),
                None => Runs::No,
            };
        }
        Known::Unknown(why) => why,
    };
    if package.install_script == Some(true) {
        return Runs::Yes(WHAT.to_owned());
    }
    match review.registry(release, package) {
        Some(Known::Said(facts)) if facts.install_script == Some(true) => {
            Runs::Yes(WHAT.to_owned())
        }
        _ => Runs::Unknown(format!("{why}, and a binding.gyp needs no script")),
    }
}

/// Whether the boundary file lets this version run something.
fn is_about(script: &Script, release: &Release<'_>, package: &Package) -> bool {
    let version = script.version.as_ref().is_none_or(|version| version.value == release.version);
    let hash = script.sha512.as_ref().is_none_or(|wanted| {
        let mut hashes = package.integrity.hashes();
        hashes.any(|(algorithm, hash)| algorithm == Algorithm::Sha512 && hash == wanted.value)
    });
    script.package.value == release.name && version && hash
}

#[cfg(test)]
mod tests {
    use crate::evidence::{LockfileAlone, TarballFacts};
    use crate::review::KnownBad;
    use crate::review::testing::{Told, codes, codes_with, outcome, outcome_by, policy};

    fn lock(version: &str, script: bool) -> String {
        format!(r#""node_modules/a": {{"version": "{version}", "hasInstallScript": {script}}}"#)
    }

    #[test]
    fn a_script_that_was_not_there_before_is_found() {
        let code = ["new-install-script"];
        assert_eq!(codes(&lock("1.0.0", false), &lock("1.0.1", true)), code);
        assert_eq!(codes(r#""node_modules/b": {"version": "1.0.0"}"#, &lock("1.0.1", true)), code);
        let same = outcome(&lock("1.0.0", false), &lock("1.0.0", true)).findings;
        assert_eq!((same[0].code, same[0].severity.id()), (code[0], "critical"));
    }

    #[test]
    fn a_script_that_was_there_before_is_not() {
        assert!(codes(&lock("1.0.0", true), &lock("1.0.1", true)).is_empty());
        assert!(codes(&lock("1.0.0", true), &lock("1.0.1", false)).is_empty());
    }

    #[test]
    fn a_gyp_file_is_a_script_that_no_lockfile_tells() {
        let gyp = |gyp| TarballFacts { gyp, ..TarballFacts::default() };
        let told = Told::default().tarball("a@1.0.0", gyp(false)).tarball("a@1.0.1", gyp(true));
        let found = codes_with(&lock("1.0.0", false), &lock("1.0.1", false), &told);
        assert!(found.contains(&"new-install-script"), "{found:?}");
        let unknown = outcome(&lock("1.0.0", false), &lock("1.0.1", false)).unknown;
        let own = unknown.iter().find(|one| one.code == "new-install-script").unwrap();
        assert_eq!(own.why, "no tarball was looked at, and a binding.gyp needs no script");
    }

    #[test]
    fn a_new_package_of_the_projects_own_scope_does_not_fail() {
        let lock = |name: &str, version: &str| {
            format!(
                r#""": {{"name": "{name}", "dependencies": {{"@pear/cli": "*"}}}},
                "node_modules/@pear/cli": {{"version": "{version}", "hasInstallScript": true}}"#
            )
        };
        let severity = |name: &str| {
            let old =
                format!(r#""": {{"name": "{name}"}}, "node_modules/b": {{"version": "1.0.0"}}"#);
            let found = outcome(&old, &lock(name, "1.0.0")).findings;
            found.iter().find(|one| one.code == "new-install-script").unwrap().severity.id()
        };
        assert_eq!((severity("@pear/app"), severity("app")), ("moderate", "high"));
    }

    #[test]
    fn what_the_boundary_file_lists_is_let_through() {
        for (lines, count) in [
            ("scripts = [{ package = \"a\", version = \"1.0.1\" }]", 0),
            ("scripts = [{ package = \"a\" }]", 0),
            ("scripts = [{ package = \"a\", version = \"1.0.2\" }]", 1),
        ] {
            let policy = policy(lines);
            let (old, new) = (lock("1.0.0", false), lock("1.0.1", true));
            let outcome = outcome_by(&old, &new, &LockfileAlone, &policy, &KnownBad::default());
            assert_eq!(outcome.findings.len(), count, "{lines}");
        }
    }
}
