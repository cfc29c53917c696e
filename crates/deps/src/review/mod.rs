//! The review of a lockfile change: signals, one file each, over what changed and what is known.
//!
//! A signal says what it found, and what it could not judge: a lockfile alone does not tell when a
//! version was published or what its tarball holds. Every code can be given another severity, and
//! single findings can be accepted, by the `[dependencies]` of the boundary file.

mod exotic_source;
#[cfg(test)]
mod incidents;
mod integrity_changed;
mod known_bad;
mod licence_changed;
mod maintainer_or_repository_changed;
mod native_addon;
mod new_dependency;
mod new_install_script;
mod odd_version;
#[cfg(test)]
mod ordinary;
mod outcome;
mod paths;
mod provenance_lost;
mod range_unsatisfied;
mod scope_burst;
mod similar_name;
mod source_changed;
#[cfg(test)]
mod staged;
#[cfg(test)]
mod testing;
mod transitive_bumps;
mod unreachable;
mod version_gone;
mod wrong_source;
mod young_version;

pub use known_bad::{KnownBad, KnownBadError};
pub use outcome::{Agreed, Outcome, Stale, Unknown};

use crate::change::{Change, Copies, Release};
use crate::evidence::{Evidence, Known, RegistryFacts, TarballFacts};
use crate::{Finding, Severity, similar};
use outcome::Drafts;
use paths::Paths;
use ringfence_policy::dependencies::Dependencies;
use ringfence_policy::time::DAY;
use ringfence_project::graph::{Package, Source};

/// Seconds after its first release after which a name is not new any more.
const OLD_NAME: u64 = 365 * DAY.unsigned_abs();

/// Seconds after its first release within which a name is new.
const NEW_NAME: u64 = 30 * DAY.unsigned_abs();

/// What a signal looks at.
pub struct Review<'a> {
    /// What changed.
    pub change: &'a Change<'a>,
    /// Where facts come from.
    pub evidence: &'a dyn Evidence,
    /// The clock, in seconds since 1970.
    pub now: u64,
    /// What the boundary file says of it.
    pub policy: &'a Dependencies,
    /// Versions that must not be installed.
    pub known_bad: &'a KnownBad,
}

/// A signal: what it is called, what a reviewer should ask, how much it matters, how it is found.
pub struct Signal {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// The manual's review question where it has one.
    pub question: &'static str,
    /// How much it matters where the boundary file does not say otherwise.
    pub severity: Severity,
    find: fn(&Review<'_>, &mut Found<'_>),
}

/// Every signal, in the order in which they are listed.
pub const SIGNALS: [Signal; 19] = [
    known_bad::SIGNAL,
    integrity_changed::SIGNAL,
    wrong_source::SIGNAL,
    similar_name::SIGNAL,
    new_install_script::SIGNAL,
    source_changed::SIGNAL,
    exotic_source::SIGNAL,
    new_dependency::SIGNAL,
    young_version::SIGNAL,
    version_gone::SIGNAL,
    odd_version::SIGNAL,
    unreachable::SIGNAL,
    range_unsatisfied::SIGNAL,
    native_addon::SIGNAL,
    maintainer_or_repository_changed::SIGNAL,
    provenance_lost::SIGNAL,
    licence_changed::SIGNAL,
    transitive_bumps::SIGNAL,
    scope_burst::SIGNAL,
];

/// Collects what one signal finds.
pub struct Found<'a> {
    signal: &'a Signal,
    drafts: &'a mut Drafts,
    path: &'a dyn Fn(&Package) -> Vec<String>,
}

impl Found<'_> {
    /// Adds a finding about a package of the newer lockfile.
    pub(crate) fn add(&mut self, package: &Package, message: String) {
        self.add_as(self.signal.severity, package, message);
    }

    /// The same, of another severity than the signal has.
    pub(crate) fn add_as(&mut self, severity: Severity, package: &Package, message: String) {
        let path = (self.path)(package);
        self.push(severity, package.label(), package.line, message, path);
    }

    /// Adds a finding about the lockfile as a whole.
    pub(crate) fn add_of_all(&mut self, message: String) {
        self.push(self.signal.severity, String::new(), 1, message, Vec::new());
    }

    /// Says that this could not be judged for a release, and why.
    pub(crate) fn unknown(&mut self, why: &str) {
        self.drafts.unknown(self.signal.code, why);
    }

    fn push(
        &mut self,
        severity: Severity,
        package: String,
        line: usize,
        message: String,
        path: Vec<String>,
    ) {
        let Signal { code, question, .. } = *self.signal;
        self.drafts.findings.push(Finding {
            code,
            severity,
            package,
            line,
            message,
            path,
            question,
        });
    }
}

impl Review<'_> {
    /// What the tarball of a release holds. Folders of the project itself have none.
    fn tarball(&self, release: &Release<'_>, package: &Package) -> Known<TarballFacts> {
        self.evidence.tarball(release, package)
    }

    /// What the registry says of a release that comes from one; of another one nothing is asked.
    fn registry(&self, release: &Release<'_>, package: &Package) -> Option<Known<RegistryFacts>> {
        let asked = matches!(package.source, Source::Registry { .. }) && !package.bundled;
        asked.then(|| self.evidence.registry(release))
    }

    /// Releases that are new in the newer file and lie in no folder of the project, first copies.
    fn added(&self) -> impl Iterator<Item = (&Release<'_>, &Copies<'_>)> {
        self.change.added().filter(|(_, copies)| {
            is_installed(copies.first()) && !copies.all().all(|one| self.stood(one))
        })
    }

    /// Whether a package without a registry came from the same address before, with the same hash as
    /// far as both files have one. npm 1 wrote no version there: the same thing has another release.
    fn stood(&self, package: &Package) -> bool {
        let fixed = match &package.source {
            Source::Git { commit, .. } => commit.is_some(),
            Source::Tarball { .. } => true,
            Source::File { .. } | Source::Link { .. } | Source::Registry { .. } => false,
        };
        let mut earlier = self.change.earlier(&package.name).flat_map(|(_, copies)| copies.all());
        fixed
            && earlier.any(|old| {
                old.source == package.source
                    && old.integrity.agrees(&package.integrity) != Some(false)
            })
    }

    /// Whether a name is one that people know: well known, or of a scope that is well known, that the
    /// older lockfile has, or that the project itself is of. Only the owner of a scope can publish in
    /// it; where a scope is nobody's at some registry, `internal` says where it has to come from.
    fn is_known(&self, name: &str) -> bool {
        let scope = name.split_once('/').map(|(scope, _)| scope);
        similar::is_well_known(name)
            || scope.is_some_and(|scope| self.change.has_scope(scope) || self.is_own(scope))
    }

    /// Whether the project, or a workspace of it, was of this scope.
    fn is_own(&self, scope: &str) -> bool {
        let names = self.change.old.importers.iter().filter_map(|one| one.name.as_deref());
        names.filter_map(|name| name.split_once('/')).any(|(own, _)| own == scope)
    }

    /// The first copy of the release that this one most likely took the place of.
    fn base<'b>(&'b self, release: &'b Release<'_>) -> Option<(&'b Release<'b>, &'b Package)> {
        self.change.base(release).map(|(release, copies)| (release, copies.first()))
    }
}

/// Whether it is a package, and not a folder of the project.
const fn is_installed(package: &Package) -> bool {
    !matches!(package.source, Source::Link { .. })
}

/// Everything that the signals find, the most severe first.
#[must_use]
pub fn review(review: &Review<'_>) -> Outcome {
    let mut drafts = Drafts::default();
    let paths = Paths::of(review.change.new);
    for signal in &SIGNALS {
        let path = |package: &Package| paths.to(package);
        (signal.find)(review, &mut Found { signal, drafts: &mut drafts, path: &path });
    }
    drafts.judge(review.policy, review.now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::dependencies::REVIEW_CODES;

    #[test]
    fn the_boundary_file_knows_every_code_and_no_other() {
        let codes: Vec<_> = SIGNALS.iter().map(|signal| signal.code).collect();
        assert_eq!(codes, REVIEW_CODES);
    }

    #[test]
    fn the_documentation_lists_every_code() {
        let page = include_str!("../../../../docs/deps.md");
        for signal in &SIGNALS {
            let row = format!("| `{}` | {} |", signal.code, signal.severity.id());
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn codes_questions_and_severities_are_frozen() {
        use std::fmt::Write as _;
        let mut table = String::new();
        for signal in &SIGNALS {
            let _ =
                writeln!(table, "{} {}: {}", signal.severity.id(), signal.code, signal.question);
        }
        insta::assert_snapshot!(table, @r"
        critical known-bad: was it installed anywhere, and what could it reach there?
        critical integrity-changed: who changed what this version is, and when?
        critical wrong-source: typo or dependency confusion?
        high similar-name: typo or dependency confusion?
        high new-install-script: why does install need code execution?
        high source-changed: registry or source changed?
        high exotic-source: registry or source changed?
        high new-dependency: why does an update of this size need another package?
        high young-version: can this wait until others had time to look?
        high version-gone: why was this version taken away?
        high odd-version: does this version follow the one before?
        high unreachable: who put a package here that nothing asks for?
        high range-unsatisfied: who put a version here that nothing asks for?
        moderate native-addon: are build tools and ABI stable?
        high maintainer-or-repository-changed: takeover or ownership transition?
        moderate provenance-lost: why was it published without the workflow that published the version before?
        moderate licence-changed: legal or distribution impact?
        moderate transitive-bumps: did a broad range update hide risk?
        low scope-burst: did the owner of this scope release all of this?
        ");
    }
}
