//! Evidence from where a machine has it: what was learnt before, npm's cache, pnpm's store, files, and,
//! where somebody asks for it, the registry.
//!
//! Only what a review needs is looked for, once each. Where the registry is asked, everything is
//! asked for ahead by several threads, and of its documents no more is kept than the facts. It also
//! keeps where each answer came from, because they are worth different things: a list of pnpm's is
//! not covered by a hash of the lockfile, and what was learnt before is as good as the user's own cache.

use super::{
    Evidence, Known, Origin, Packument, RegistryFacts, Remote, TarballFacts, Tarballs, each,
};
use crate::cache::Cache;
use crate::change::{Change, Release};
use crate::http::same_origin;
use ringfence_project::graph::{Integrity, Package, Source};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Threads that ask a registry: as many as its servers are used to from one client.
const ASKING: usize = 8;

/// Threads that read tarballs here; each holds one in memory.
const READING: usize = 2;

/// How long tarballs of this machine are unpacked before a review goes on with what it has: tens of
/// thousands of ordinary size. What was learnt until then is kept, so that the next run goes on.
const PATIENCE: Duration = Duration::from_mins(1);

/// Looks for facts, and keeps those of tarballs for the next time.
#[derive(Debug)]
pub struct Looked<'a> {
    tarballs: Tarballs<'a>,
    cache: Option<Cache>,
    /// Whether anything was learnt before.
    learnt: bool,
    remote: Option<&'a Remote>,
    patience: Duration,
    begun: OnceLock<Instant>,
    held: Mutex<Held>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Held {
    /// By `name@version` and hash.
    tarballs: BTreeMap<(String, String), Result<(Place, TarballFacts), Lack>>,
    /// By name and version.
    registry: BTreeMap<(String, String), Result<Told, String>>,
}

/// Why there is no tarball, and whether a registry was asked for it.
#[derive(Debug, Clone)]
struct Lack {
    why: String,
    asked: bool,
}

/// What a registry said of a release.
#[derive(Debug, Clone)]
struct Told {
    facts: RegistryFacts,
    tarball: Option<String>,
    integrity: Option<String>,
}

impl Told {
    fn of(packument: Option<&Packument>, version: &str) -> Self {
        let Some(packument) = packument else {
            let facts = RegistryFacts { is_there: Some(false), ..RegistryFacts::default() };
            return Self { facts, tarball: None, integrity: None };
        };
        let one = packument.versions.get(version);
        Self {
            facts: packument.facts(version),
            tarball: one.and_then(|one| one.tarball.clone()),
            integrity: one.and_then(|one| one.integrity.clone()),
        }
    }
}

/// Where the facts of a tarball came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A file of this machine, which the lockfile names.
    File,
    /// What was learnt of the same hash before.
    Learnt,
    /// npm's cache.
    NpmCache,
    /// pnpm's store: its own list, which no hash of the lockfile covers.
    PnpmStore,
    /// The registry.
    Registry,
}

impl Place {
    /// In words, as in `2 tarballs FROM npm's cache`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::File => "files of this machine",
            Self::Learnt => "what was learnt before",
            Self::NpmCache => "npm's cache",
            Self::PnpmStore => "pnpm's store",
            Self::Registry => "the registry",
        }
    }
}

impl From<Origin> for Place {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::File => Self::File,
            Origin::NpmCache => Self::NpmCache,
            Origin::PnpmStore => Self::PnpmStore,
            Origin::Registry | Origin::RegistryAlone => Self::Registry,
        }
    }
}

/// Where evidence came from, and what there was none of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sources {
    /// How many tarballs were looked at, by where they were.
    pub tarballs: BTreeMap<Place, usize>,
    /// Releases whose tarball could not be had.
    pub tarballs_missing: Vec<Lacking>,
    /// Whether a registry was asked.
    pub registry_asked: bool,
    /// Releases of which the registry said something.
    pub registry: usize,
    /// Releases of which it gave no answer.
    pub registry_missing: Vec<Lacking>,
}

/// A release of which something is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lacking {
    /// `name@version`
    pub package: String,
    /// Why: lower case, no period.
    pub why: String,
    /// Whether a registry was asked and did not give it: an error, and not something that is nowhere.
    pub asked: bool,
}

impl Sources {
    /// How many releases a registry was asked about without giving an answer that counts.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        let missing = self.tarballs_missing.iter().chain(&self.registry_missing);
        let asked: BTreeSet<&str> =
            missing.filter(|one| one.asked).map(|one| one.package.as_str()).collect();
        asked.len()
    }
}

impl<'a> Looked<'a> {
    /// Looks for tarballs there, and into this cache of facts first.
    #[must_use]
    pub fn new(tarballs: Tarballs<'a>, cache: Option<Cache>) -> Self {
        let learnt = cache.as_ref().is_some_and(Cache::is_there);
        let (begun, held) = (OnceLock::new(), Mutex::default());
        Self { tarballs, cache, learnt, remote: None, patience: PATIENCE, begun, held }
    }

    /// Asks the registry what it says of a release.
    #[must_use]
    pub const fn with_registry(mut self, remote: Option<&'a Remote>) -> Self {
        self.remote = remote;
        self
    }

    /// Looks ahead for what a review of this change asks, with several threads; `done` hears what is
    /// going on, how much of it is done, and how much there is.
    pub fn look_ahead(&self, change: &Change<'_>, done: &mut dyn FnMut(&str, usize, usize)) {
        // What was there in another version comes first: there may not be time for all of it.
        let (mut added, names): (Vec<_>, Vec<_>) =
            change.added().partition(|(release, _)| !change.is_new_name(release.name));
        added.extend(names);
        let added: Vec<&Package> = added.into_iter().map(|(_, copies)| copies.first()).collect();
        if let Some(remote) = self.remote {
            let names = added.iter().filter(|package| is_served(package));
            let names: BTreeSet<&str> = names.map(|package| package.name.as_str()).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let ask = |name: &&str| {
                let is_wanted = |version: &str| {
                    let release = Release { name, version };
                    change.after.contains_key(&release) || change.before.contains_key(&release)
                };
                self.keep(name, change, &remote.ask(name, &is_wanted));
            };
            each(&names, ASKING, ask, &mut |count| done("asking the registry", count, names.len()));
        }
        let threads = if self.remote.is_some() { ASKING } else { READING };
        // Where nothing can be found, each is answered when a signal asks for it.
        if !self.learnt && self.remote.is_none() && self.tarballs.are_nowhere() {
            return;
        }
        let mut look = |packages: &[&Package]| {
            let one = |package: &&Package| drop(self.tarball_of(package));
            each(packages, threads, one, &mut |count| {
                done("looking into tarballs", count, packages.len());
            });
        };
        look(&added);
        // What runs something or is native is held against the versions before it, and so are licences
        // that the lockfile does not tell.
        let compared = added.iter().filter(|package| match self.tarball_of(package) {
            Ok((_, facts)) => {
                facts.runs_at_install() || !facts.native.is_empty() || package.licence.is_none()
            }
            Err(_) => package.install_script == Some(true),
        });
        let earlier = compared.flat_map(|package| change.earlier(&package.name));
        let earlier: Vec<&Package> = earlier.map(|(_, copies)| copies.first()).collect();
        look(&earlier);
    }

    /// Where everything came from so far.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let held = self.held();
        let registry_asked = self.remote.is_some();
        let mut sources = Sources { registry_asked, ..Sources::default() };
        for ((label, _), answer) in &held.tarballs {
            match answer {
                Ok((place, _)) => *sources.tarballs.entry(*place).or_default() += 1,
                Err(Lack { why, asked }) => {
                    let (package, why, asked) = (label.clone(), why.clone(), *asked);
                    sources.tarballs_missing.push(Lacking { package, why, asked });
                }
            }
        }
        for ((name, version), answer) in &held.registry {
            match answer {
                Ok(_) => sources.registry += 1,
                Err(why) => {
                    let (package, why) = (format!("{name}@{version}"), why.clone());
                    sources.registry_missing.push(Lacking { package, why, asked: true });
                }
            }
        }
        sources
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what the registry says of the versions of a name that either lockfile has.
    fn keep(&self, name: &str, change: &Change<'_>, answer: &Result<Option<Packument>, String>) {
        let after = change.after.range(Release { name, version: "" }..);
        let after = after.map(|(release, _)| release).take_while(|release| release.name == name);
        let before = change.earlier(name).map(|(release, _)| release);
        let mut held = self.held();
        for release in after.chain(before) {
            let told = match answer {
                Ok(packument) => Ok(Told::of(packument.as_ref(), release.version)),
                Err(why) => Err(why.clone()),
            };
            held.registry.insert((name.to_owned(), release.version.to_owned()), told);
        }
    }

    /// What the registry says of a version: what it said already, or asked now.
    fn told(&self, name: &str, version: &str) -> Result<Told, String> {
        let Some(remote) = self.remote else { return Err("no registry was asked".to_owned()) };
        let key = (name.to_owned(), version.to_owned());
        if let Some(told) = self.held().registry.get(&key) {
            return told.clone();
        }
        let answer = remote.packument(name);
        let told = answer.map(|packument| Told::of(packument.as_deref(), version));
        self.held().registry.entry(key).or_insert(told).clone()
    }

    fn tarball_of(&self, package: &Package) -> Result<(Place, TarballFacts), Lack> {
        let key = (package.label(), package.integrity.to_string());
        if let Some(answer) = self.held().tarballs.get(&key) {
            return answer.clone();
        }
        let asked = self.remote.is_some() && is_served(package);
        let answer = self.look_at(package).map_err(|why| Lack { why, asked });
        self.held().tarballs.entry(key).or_insert(answer).clone()
    }

    fn look_at(&self, package: &Package) -> Result<(Place, TarballFacts), String> {
        if package.bundled {
            return Err("it came inside the tarball of another package".to_owned());
        }
        let cache = self.cache.as_ref();
        let before = cache.filter(|_| self.learnt);
        let learnt = |package: &Package| before.and_then(|cache| cache.load(&package.integrity));
        if let Some(facts) = learnt(package) {
            return Ok((Place::Learnt, facts));
        }
        let served = self.as_served(package);
        let package = served.as_ref().unwrap_or(package);
        if let Some(facts) = served.as_ref().and_then(learnt) {
            return Ok((Place::Learnt, facts));
        }
        let begun = self.begun.get_or_init(Instant::now);
        if self.remote.is_none() && begun.elapsed() >= self.patience {
            return Err(format!(
                "reading other tarballs took {} seconds: what was learnt is kept, and the next review goes on",
                self.patience.as_secs()
            ));
        }
        let had = self.tarballs.of(package).map_err(|missing| missing.0)?;
        let facts = had.tarball.facts(matches!(package.source, Source::Git { .. }));
        // A list of pnpm's says less than a tarball, and is not kept for one.
        if let Some(cache) = cache.filter(|_| had.origin != Origin::PnpmStore) {
            cache.store(&package.integrity, &facts);
        }
        Ok((had.origin.into(), facts))
    }

    /// The package with the address that the registry gives its tarball, and with the registry's hash
    /// where the lockfile has none (Yarn 2 and later): what is served now, and so asked about.
    fn as_served(&self, package: &Package) -> Option<Package> {
        self.remote?;
        if !is_served(package) {
            return None;
        }
        let told = self.told(&package.name, package.version.as_deref()?).ok()?;
        let mut served = package.clone();
        let given = told.tarball?;
        match &package.source {
            Source::Registry { url: Some(url) } if same_origin(url, &given) => {}
            _ => served.source = Source::Registry { url: Some(given) },
        }
        if package.integrity.is_empty() {
            served.integrity = Integrity::parse(&told.integrity?);
        }
        Some(served)
    }
}

impl Evidence for Looked<'_> {
    fn tarball(&self, _: &Release<'_>, package: &Package) -> Known<TarballFacts> {
        match self.tarball_of(package) {
            Ok((_, facts)) => Known::Said(facts),
            Err(lack) => Known::Unknown(lack.why),
        }
    }

    fn registry(&self, release: &Release<'_>) -> Known<RegistryFacts> {
        match self.told(release.name, release.version) {
            Ok(told) => Known::Said(told.facts),
            Err(why) => Known::Unknown(why),
        }
    }

    fn served(&self, package: &Package) -> Option<Integrity> {
        self.as_served(package).map(|served| served.integrity)
    }
}

/// Whether a registry has it under its own name.
const fn is_served(package: &Package) -> bool {
    matches!(package.source, Source::Registry { .. }) && !package.bundled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tarball::packed;
    use ringfence_project::graph::Graph;

    #[test]
    fn what_there_was_no_time_for_is_not_known_and_the_next_review_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = packed(&[("package/package.json", br#"{"name": "a", "version": "1.0.0"}"#)]);
        std::fs::write(folder.path().join("a.tgz"), bytes).unwrap();
        let text = r#"{"lockfileVersion": 3, "packages": {
            "node_modules/a": {"version": "1.0.0", "resolved": "file:a.tgz"}}}"#;
        let graph = Graph::read("package-lock.json", text, &[]).unwrap();
        let package = &graph.packages[0];
        let looked = |patience| {
            let mut looked = Looked::new(Tarballs::new(folder.path(), None), None);
            looked.patience = patience;
            looked.tarball(&Release::of(package), package)
        };
        let Known::Unknown(why) = looked(Duration::ZERO) else { panic!("there was time") };
        assert!(why.contains("the next review goes on"), "{why}");
        assert!(looked(PATIENCE).said().is_some());
    }
}
