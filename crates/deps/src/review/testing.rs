//! Two lockfiles in a line each, for tests of signals.

use super::{KnownBad, Outcome, Review, review};
use crate::change::{Change, Release};
use crate::evidence::{Evidence, Known, LockfileAlone, RegistryFacts, TarballFacts};
use ringfence_policy::dependencies::Dependencies;
use ringfence_project::graph::{Graph, Package};
use std::collections::HashMap;

/// When reviews of tests take place, in seconds since 1970.
pub(crate) const NOW: u64 = 1_795_398_000;

/// The packages of a `package-lock.json` of version 3.
pub(crate) fn graph(packages: &str) -> Graph {
    let text = format!("{{\"lockfileVersion\": 3, \"packages\": {{{packages}}}}}");
    Graph::read("package-lock.json", &text, &[]).unwrap()
}

/// What is found between two of them, with nothing known but the files.
pub(crate) fn outcome(old: &str, new: &str) -> Outcome {
    outcome_with(old, new, &LockfileAlone)
}

/// The same with evidence.
pub(crate) fn outcome_with(old: &str, new: &str, evidence: &dyn Evidence) -> Outcome {
    outcome_by(old, new, evidence, &Dependencies::default(), &KnownBad::default())
}

/// The same with everything.
pub(crate) fn outcome_by(
    old: &str,
    new: &str,
    evidence: &dyn Evidence,
    policy: &Dependencies,
    known_bad: &KnownBad,
) -> Outcome {
    between(&graph(old), &graph(new), evidence, policy, known_bad)
}

fn between(
    old: &Graph,
    new: &Graph,
    evidence: &dyn Evidence,
    policy: &Dependencies,
    known_bad: &KnownBad,
) -> Outcome {
    let change = Change::between(old, new);
    review(&Review { change: &change, evidence, now: NOW, policy, known_bad })
}

/// What is found between two graphs of whatever form, with nothing known but the files.
pub(crate) fn outcome_between(old: &Graph, new: &Graph) -> Outcome {
    between(old, new, &LockfileAlone, &Dependencies::default(), &KnownBad::default())
}

/// The codes of what is found between two of them, with nothing known but the files.
pub(crate) fn codes(old: &str, new: &str) -> Vec<&'static str> {
    outcome(old, new).findings.iter().map(|finding| finding.code).collect()
}

/// The codes, with evidence.
pub(crate) fn codes_with(old: &str, new: &str, evidence: &dyn Evidence) -> Vec<&'static str> {
    outcome_with(old, new, evidence).findings.iter().map(|finding| finding.code).collect()
}

/// The policy of a boundary file with these lines in `[dependencies]`.
pub(crate) fn policy(lines: &str) -> Dependencies {
    let text =
        format!("[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n[dependencies]\n{lines}\n");
    ringfence_policy::parse("ringfence.toml", &text).unwrap().dependencies
}

/// Evidence by `name@version`.
#[derive(Default)]
pub(crate) struct Told {
    tarballs: HashMap<String, TarballFacts>,
    registry: HashMap<String, RegistryFacts>,
}

impl Told {
    pub(crate) fn tarball(mut self, release: &str, facts: TarballFacts) -> Self {
        self.tarballs.insert(release.to_owned(), facts);
        self
    }

    pub(crate) fn registry(mut self, release: &str, facts: RegistryFacts) -> Self {
        self.registry.insert(release.to_owned(), facts);
        self
    }
}

fn known<T: Clone>(all: &HashMap<String, T>, release: &Release<'_>) -> Known<T> {
    let key = format!("{}@{}", release.name, release.version);
    let nobody = || Known::Unknown("nobody said it".to_owned());
    all.get(&key).map_or_else(nobody, |facts| Known::Said(facts.clone()))
}

impl Evidence for Told {
    fn tarball(&self, release: &Release<'_>, _: &Package) -> Known<TarballFacts> {
        known(&self.tarballs, release)
    }

    fn registry(&self, release: &Release<'_>) -> Known<RegistryFacts> {
        known(&self.registry, release)
    }
}
