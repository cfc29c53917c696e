//! `ringfence deps provenance`

mod believed;
mod report;
mod shown;

use super::look::{OnlineTime, folder_of};
use super::source::{self, Side};
use super::{Omit, npm};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use believed::Believed;
use report::{Report, Since};
use ringfence_deps::change::{Change, Copies, Release, Releases, releases};
use ringfence_deps::evidence::each;
use ringfence_deps::provenance::{
    Remote, Source, Stored, Told, Trust, Verdict, judge, keys_of_scope,
};
use ringfence_project::graph::{Need, Package, Source as From};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Verify who built and who published the packages
///
/// Checks the registry's signatures and Sigstore's attestations against the hashes of the lockfile, with a
/// trusted root and keys that you have. What the registry says comes from it (--online) or from a folder
/// (--evidence). A valid attestation is evidence of where a package was built, and not that it is good.
/// Exits 1 when something is wrong, missing, lost or built elsewhere than before, and 2 when something
/// cannot be judged.
#[derive(Debug, clap::Args)]
pub(super) struct Provenance {
    /// The lockfile, or the folder it lies in
    #[arg(value_name = "LOCKFILE", default_value = ".", value_hint = clap::ValueHint::AnyPath)]
    lockfile: String,
    /// Only these packages: a name, or NAME@VERSION
    #[arg(value_name = "PACKAGE")]
    packages: Vec<String>,
    #[command(flatten)]
    believed: Believed,
    /// Ask the registry that npm is configured to use
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    time: OnlineTime,
    /// A folder with what the registry said, which --save wrote
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with = "online")]
    evidence: Option<PathBuf>,
    /// Keep what the registry says in a folder, for --evidence
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, requires = "online")]
    save: Option<PathBuf>,
    /// Compare with an older lockfile: a file, a folder, a git revision, or REVISION:PATH
    #[arg(long, value_name = "OLD")]
    since: Option<String>,
    /// Leave out what is needed to develop alone
    #[arg(long, value_name = "WHAT")]
    omit: Option<Omit>,
    /// Go on where something cannot be judged: it is told and does not fail
    #[arg(long)]
    allow_unknown: bool,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ProvenanceFormat,
}

/// For people, for machines, for code scanning, or for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ProvenanceFormat {
    Human,
    Json,
    Sarif,
    Markdown,
}

/// Most releases that are judged at the same time.
const THREADS: usize = 8;

impl Provenance {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        if !self.online && self.evidence.is_none() {
            let message = "no lockfile holds signatures, and nobody may be asked for them";
            let hint = "ask the registry with --online, or name a folder that --save wrote with --evidence";
            return Err(CommandError::new(Kind::Source, message).hint(hint));
        }
        let side = source::load(&self.lockfile, "").map_err(|error| match self.lockfile.as_str() {
            "." => error,
            _ => error.hint("packages stand behind the lockfile or its folder: `ringfence deps provenance . NAME`"),
        })?;
        let old = self.since.as_deref().map(|old| source::load(old, &side.path)).transpose()?;
        let folder = folder_of(Path::new(&self.lockfile));
        let (trust, found) = self.believed.read(&folder)?;
        let source = self.source(&folder, [Some(&side), old.as_ref()])?;
        let wanted = self.wanted(&side)?;
        let mut judging = Judging { source: source.as_ref(), trust: &trust, printer };
        let verdicts = judging.all(&wanted);
        let since = old.as_ref().map(|old| judging.compared(old, &side, &verdicts));
        printer.progress("");
        if let Some(folder) = &self.save {
            Self::keep_keys(folder, source.as_ref())?;
        }
        let report = Report::of(&side, verdicts, since, &trust, found);
        self.show(&report, printer)?;
        self.finish(&report)
    }

    fn show(&self, report: &Report, printer: &mut Printer) -> Result<(), CommandError> {
        match self.format {
            ProvenanceFormat::Human => printer.text(&shown::human(report, printer)),
            ProvenanceFormat::Json => crate::format::json(report, printer)?,
            ProvenanceFormat::Sarif => crate::format::json(&shown::sarif(report), printer)?,
            ProvenanceFormat::Markdown => printer.text(&shown::markdown(report)),
        }
        Ok(())
    }

    /// What can still be done, of what was not.
    fn advice(&self, may_go_on: bool) -> String {
        let mut all = self.believed.missing();
        if !self.online {
            all.push("ask the registry with --online");
        }
        if may_go_on {
            all.push("go on without with --allow-unknown");
        }
        match all.pop() {
            None => "what is missing is told above for each package".to_owned(),
            Some(only) if all.is_empty() => only.to_owned(),
            Some(last) => format!("{}, or {last}", all.join(", ")),
        }
    }

    fn finish(&self, report: &Report) -> Result<Finish, CommandError> {
        if !report.findings.is_empty() {
            return Ok(Finish::Findings);
        }
        if report.nothing_judged() {
            let message = "nothing could be judged";
            let error = CommandError::new(Kind::Source, message).hint(self.advice(false));
            return Err(if self.online {
                error.hint("mirrors often serve neither signatures nor attestations: `npm config get registry` says what was asked")
            } else {
                error
            });
        }
        if !report.unknown.is_empty() && !self.allow_unknown {
            let message = "not everything could be judged, and what could not may be anything";
            return Err(CommandError::new(Kind::Source, message).hint(self.advice(true)));
        }
        Ok(Finish::Clean)
    }

    /// Where what the registry says comes from.
    fn source(
        &self,
        folder: &Path,
        sides: [Option<&Side>; 2],
    ) -> Result<Box<dyn Asked>, CommandError> {
        if let Some(evidence) = &self.evidence {
            if !evidence.is_dir() {
                let message = format!("{} is no folder", evidence.display());
                return Err(CommandError::new(Kind::Source, message));
            }
            return Ok(Box::new(Stored::of(evidence)));
        }
        let (npmrc, _) = npm::configured(folder)?;
        let failed = |why| CommandError::new(Kind::Source, why);
        let packages = sides.into_iter().flatten().flat_map(|side| &side.graph.packages);
        let asked = packages.filter_map(|one| Some((one.name.as_str(), one.version.as_deref()?)));
        let remote = Remote::new(&npmrc, asked).map_err(failed)?;
        let remote = remote.with_time(self.time.online_for);
        Ok(match &self.save {
            None => Box::new(remote),
            Some(folder) => {
                Box::new(Keeping { remote, stored: Stored::of(folder), failed: Mutex::default() })
            }
        })
    }

    /// The releases that are judged.
    fn wanted<'a>(&self, side: &'a Side) -> Result<Releases<'a>, CommandError> {
        let omit = self.omit.is_some();
        let mut all = releases(&side.graph);
        all.retain(|_, copies| {
            copies.all().any(|one| is_judged(one) && !(omit && one.need == Need::Dev))
        });
        let is_meant = |word: &str, release: &Release<'_>| {
            word == release.name || word == format!("{}@{}", release.name, release.version)
        };
        for word in &self.packages {
            if !all.keys().any(|release| is_meant(word, release)) {
                let message = format!("{word} is not among the packages of {}", side.shown);
                return Err(CommandError::new(Kind::Usage, message));
            }
        }
        if !self.packages.is_empty() {
            all.retain(|release, _| self.packages.iter().any(|word| is_meant(word, release)));
        }
        Ok(all)
    }

    /// Writes the registry's keys beside what it said; a registry may have none.
    fn keep_keys(folder: &Path, source: &dyn Asked) -> Result<(), CommandError> {
        let failed = |why: String| {
            let message = format!("cannot keep what the registry said in {}", folder.display());
            CommandError::new(Kind::Output, message).caused_by(&std::io::Error::other(why))
        };
        if let Some(why) = source.failed() {
            return Err(failed(why));
        }
        for (file, keys) in source.keys() {
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(folder.join(file), keys))
                .map_err(|error| failed(error.to_string()))?;
        }
        Ok(())
    }
}

/// A source, and what is kept of it.
trait Asked: Source {
    /// The documents of the registries' keys, by the names of their files.
    fn keys(&self) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }

    /// Why something could not be kept.
    fn failed(&self) -> Option<String> {
        None
    }
}

impl Asked for Stored {}

impl Asked for Remote {}

/// A registry whose answers are kept.
struct Keeping {
    remote: Remote,
    stored: Stored,
    failed: Mutex<Option<String>>,
}

impl Source for Keeping {
    fn told(&self, name: &str, version: &str) -> Result<Told, String> {
        let told = self.remote.told(name, version)?;
        if let Err(error) = self.stored.keep(&told) {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
        Ok(told)
    }
}

impl Asked for Keeping {
    fn keys(&self) -> Vec<(String, Vec<u8>)> {
        // A registry may have none; what it did not tell of its keys is unknown of each package already.
        let told = |name: &str| self.remote.keys(name).ok().flatten();
        let usual = told("").map(|keys| ("keys.json".to_owned(), keys));
        let named = self.remote.scopes();
        let scoped = named.into_iter().filter_map(|(scope, name)| {
            let keys = keys_of_scope(&told(name)?, scope).ok()?;
            Some((format!("{scope}.keys.json"), keys.into_bytes()))
        });
        usual.into_iter().chain(scoped).collect()
    }

    fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Not what is the project's own, nor what came inside the tarball of another.
fn is_judged(package: &Package) -> bool {
    !matches!(package.source, From::Link { .. }) && !came_along(package)
}

/// Whether it came inside the tarball of another. That the lockfile says so is not enough: npm fetches what
/// the project itself bundles, and what is fetched has a hash or an address.
fn came_along(package: &Package) -> bool {
    let is_fetched =
        !package.integrity.is_empty() || !matches!(package.source, From::Registry { url: None });
    // Below no other package, in the folder of the project itself
    let is_own = package.key.matches("node_modules/").count() == 1;
    package.bundled && !is_fetched && !is_own
}

/// What is needed to judge.
struct Judging<'a> {
    source: &'a dyn Asked,
    trust: &'a Trust,
    printer: &'a mut Printer,
}

impl Judging<'_> {
    /// Judges every release, in the order of their names.
    fn all(&mut self, wanted: &Releases<'_>) -> Vec<Verdict> {
        let all: Vec<&Copies<'_>> = wanted.values().collect();
        let verdicts = Mutex::new(Vec::with_capacity(all.len()));
        let work = |copies: &&Copies<'_>| {
            let judged = copies.all().filter(|one| is_judged(one));
            if let Some(verdict) = judge(judged, self.source, self.trust) {
                verdicts.lock().unwrap_or_else(PoisonError::into_inner).push(verdict);
            }
        };
        each(&all, THREADS, work, &mut |done| {
            let what = "judging signatures and attestations";
            self.printer.progress(&format!("{what}: {done} of {}", all.len()));
        });
        let mut verdicts = verdicts.into_inner().unwrap_or_else(PoisonError::into_inner);
        verdicts.sort_by(|one, two| (&one.name, &one.version).cmp(&(&two.name, &two.version)));
        verdicts
    }

    /// What differs from the releases that those of the older lockfile were before.
    fn compared(&mut self, old: &Side, new: &Side, verdicts: &[Verdict]) -> Since {
        let mut change = Change::between(&old.graph, &new.graph);
        // What came inside another tarball is no version before: nothing is known of it.
        change.before.retain(|_, copies| copies.all().any(is_judged));
        let mut pairs = Vec::new();
        let mut before = Releases::new();
        let all: Vec<Release<'_>> =
            verdicts.iter().map(|one| Release { name: &one.name, version: &one.version }).collect();
        for release in all.iter().filter(|release| !change.before.contains_key(release)) {
            if let Some((base, copies)) = change.base(release) {
                before.insert(base.clone(), copies.clone());
                let label = |one: &Release<'_>| format!("{}@{}", one.name, one.version);
                pairs.push((label(release), label(base)));
            }
        }
        Since { old: old.shown.clone(), before: self.all(&before), pairs }
    }
}
