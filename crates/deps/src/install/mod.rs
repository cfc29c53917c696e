//! The frozen install of the project's own manager, in two phases and inside a boundary.
//!
//! First the manager fetches without running anything: it reaches the registries of npm's configuration
//! and writes the new tree and its cache. What it made is compared with the tarballs. Then each script that
//! the boundary file allows runs alone, without a network, seeing the project read-only and writing its own
//! package alone. The new tree takes the place of the old one only when all of it went well. What an
//! allowed script writes into its own package is told and not judged: the service will run it.

mod attempt;
mod bounds;
mod build;
mod changes;
mod error;
mod fetch;
mod left_out;
mod phase;
mod run;
mod scripts;
mod settings;
mod sources;
mod staging;
mod tools;

pub use attempt::{Attempt, Tried};
pub use changes::Changes;
pub use error::InstallError;
pub use left_out::LeftOut;
pub use run::{NotRun, ScriptEnd, ScriptRun};
pub use sources::Refused;

use crate::evidence::{Tarballs, pnpm_stores};
use crate::installed::{Kind as Deviates, Verification};
use crate::npmrc::{Npmrc, Variables};
use crate::scripts::{Allowed, allowed};
use bounds::Bounds;
use fetch::{Fetch, Stores};
use ringfence_boundary::resolve::Caller;
use ringfence_policy::dependencies::Dependencies;
use ringfence_project::graph::{Graph, Need, Package, PackageId, Source};
use ringfence_project::lockfile::Manager;
use run::Scripts;
use serde::Serialize;
use settings::Settings;
use sources::{Endpoint, Rules, Sources};
use staging::Staging;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use tools::{Kind, Tools};

/// Scripts of a project itself that its manager runs when it installs.
const OWN_SCRIPTS: [&str; 7] =
    ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];

/// How an install ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The new tree is in place.
    #[default]
    Installed,
    /// Nothing was done: the lockfile asks for what is not agreed, or a fetched package is not its tarball.
    Refused,
    /// A script or the build was stopped or failed. What was installed before is untouched.
    Stopped,
    /// Nothing was done, because only what would be done was asked for.
    WouldInstall,
}

/// What an install did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// How it ended.
    pub verdict: Verdict,
    /// `npm 11.2.0`
    pub manager: String,
    /// Folders of packages in the new tree.
    pub packages: usize,
    /// What the fetch could reach.
    pub reached: Vec<String>,
    /// What is not installed and why.
    pub refused: Vec<Refused>,
    /// Scripts that ran, in their order.
    pub scripts: Vec<ScriptRun>,
    /// Optional packages whose script failed: the install went on without them.
    pub left_out: Vec<LeftOut>,
    /// Scripts that may not run, and did not.
    pub not_run: Vec<NotRun>,
    /// The project's own build.
    pub build: Option<ScriptRun>,
    /// What else should be known, one sentence each.
    pub notes: Vec<String>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The project's folder, without links.
    pub folder: &'a Path,
    /// Its lockfile.
    pub graph: &'a Graph,
    /// npm's configuration, with a registry.
    pub npmrc: &'a Npmrc,
    /// Variables of the caller.
    pub variables: &'a Variables,
    /// What was agreed.
    pub policy: &'a Dependencies,
    /// Leave out what development alone needs.
    pub omit_dev: bool,
    /// A script of the project to be run at the end.
    pub build: Option<&'a str>,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Seconds since 1970.
    pub now: i64,
}

/// An install that is under way.
struct Install<'a> {
    folder: &'a Path,
    npmrc: &'a Npmrc,
    variables: &'a Variables,
    path: &'a OsStr,
    tools: &'a Tools,
    caller: &'a Caller,
}

impl Install<'_> {
    fn home(&self) -> &str {
        let home = self.variables.get("HOME").map(String::as_str);
        home.filter(|home| home.starts_with('/')).unwrap_or("/tmp")
    }

    fn bounds(&self) -> Bounds<'_> {
        Bounds { folder: self.folder, caller: self.caller, path: self.path }
    }
}

impl Wish<'_> {
    /// Installs. `progress` is told what is being done.
    ///
    /// # Errors
    /// [`InstallError`]; what was installed before is untouched.
    pub fn install(&self, progress: &mut dyn FnMut(&str)) -> Result<Report, InstallError> {
        let kind = match self.graph.format.manager() {
            Manager::Npm => Kind::Npm,
            Manager::Pnpm => Kind::Pnpm,
            Manager::Yarn => return Err(InstallError::Manager("Yarn")),
            Manager::Bun => return Err(InstallError::Manager("Bun")),
        };
        let path = self.variables.get("PATH").map(String::as_str).unwrap_or_default();
        let nodedir = self.variables.iter().find_map(|(name, value)| {
            name.eq_ignore_ascii_case("npm_config_nodedir").then(|| Path::new(value))
        });
        let tools = Tools::find(kind, path.as_ref(), nodedir)?;
        let caller = caller();
        let Wish { folder, npmrc, variables, .. } = *self;
        let install = Install {
            folder,
            npmrc,
            variables,
            path: path.as_ref(),
            tools: &tools,
            caller: &caller,
        };
        let manager = format!("{} {}", kind.name(), tools.manager.version);
        let mut report = Report { manager, ..Report::default() };
        let settings = Settings::read(&install);
        settings.check()?;
        let sources = self.sources(&install, &mut report)?;
        if let Some(script) = self.build {
            build::check(&install, script)?;
        }
        if !report.refused.is_empty() {
            report.verdict = Verdict::Refused;
        } else if self.dry_run {
            report.verdict = Verdict::WouldInstall;
        } else {
            self.carry_out(&install, &sources, &mut report, progress)?;
        }
        Ok(report)
    }

    /// What may be reached, and what is refused before anything is done.
    fn sources(&self, install: &Install<'_>, report: &mut Report) -> Result<Sources, InstallError> {
        if self.npmrc.registry("").is_none() {
            return Err(InstallError::NoRegistry);
        }
        let mut rules =
            Rules { npmrc: self.npmrc, replaced: None, accept: &self.policy.accept, now: self.now };
        let mut sources = rules.judge(self.graph);
        let of_registry = |refused: &Refused| {
            let package = self.graph.packages.iter().find(|package| package.line == refused.line);
            package.is_some_and(|package| matches!(package.source, Source::Registry { .. }))
        };
        if sources.refused.iter().any(of_registry) && install.tools.manager.kind == Kind::Npm {
            rules.replaced = install.tools.own_registry().as_deref().and_then(Endpoint::of);
            sources = rules.judge(self.graph);
        }
        for package in &self.graph.packages {
            if allowed(package, self.policy) == Allowed::OtherHash {
                let why =
                    "its scripts are allowed for another tarball: the hash is not the agreed one";
                let (package, line) = (package.label(), package.line);
                sources.refused.push(Refused { package, line, why: why.to_owned() });
            }
        }
        report.refused.clone_from(&sources.refused);
        report.reached = sources.reach.iter().map(ToString::to_string).collect();
        Ok(sources)
    }

    fn carry_out(
        &self,
        install: &Install<'_>,
        sources: &Sources,
        report: &mut Report,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(), InstallError> {
        let importers = self.importers();
        let stores = Stores::of(install)?;
        let staging = Staging::open(self.folder, &importers)?;
        let fetch = Fetch { install, staging: &staging, stores: &stores, importers: &importers };
        let done = self.fill(&fetch, sources, report, progress);
        match done {
            Ok(true) => {
                progress("putting the new tree in place");
                let owner = std::fs::metadata(self.folder).ok().filter(|_| install.caller.uid == 0);
                let owner = owner.map(|found| {
                    use std::os::unix::fs::MetadataExt as _;
                    (found.uid(), found.gid())
                });
                staging.exchange(&importers, owner)?;
                self.note_own_scripts(&importers, report);
                report.verdict = Verdict::Installed;
            }
            Ok(false) => staging.discard(),
            Err(error) => {
                staging.discard();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Fills the new tree; answers whether it may take the old one's place.
    fn fill(
        &self,
        fetch: &Fetch<'_>,
        sources: &Sources,
        report: &mut Report,
        progress: &mut dyn FnMut(&str),
    ) -> Result<bool, InstallError> {
        progress("fetching packages, without scripts");
        let early = self.omit_dev && self.build.is_none();
        let refused = fetch.run(&sources.reach, early)?;
        if !refused.is_empty() {
            let places = refused.join(", ");
            report.notes.push(format!("the manager asked for {places}, and was refused"));
        }
        progress("comparing what was fetched with the tarballs");
        let places = self.compare(fetch, report)?;
        report.packages = places.len();
        if !report.refused.is_empty() {
            report.verdict = Verdict::Refused;
            return Ok(false);
        }
        if let Some(place) = Settings::read(fetch.install).without_scripts() {
            report.notes.push(format!("no script ran: ignore-scripts is set in {place}"));
            return self.build_and_prune(fetch, report, progress);
        }
        let scripts = Scripts { fetch, graph: self.graph, places: &places, omit_dev: early };
        let root = fetch.staging.new_root();
        let wanted = scripts::wanted(&root, &places, self.graph, self.policy);
        if !scripts.run(&wanted, report, progress)? {
            report.verdict = Verdict::Stopped;
            return Ok(false);
        }
        let gone: usize = report.left_out.iter().map(|one| one.removed.len()).sum();
        report.packages = report.packages.saturating_sub(gone);
        self.build_and_prune(fetch, report, progress)
    }

    /// Names scripts of the project and its workspaces that a manager runs at an install, and this does not.
    fn note_own_scripts(&self, importers: &[String], report: &mut Report) {
        let mut own = Vec::new();
        for importer in importers {
            let path = self.folder.join(importer).join("package.json");
            let manifest = ringfence_project::walk::bytes(&path, 4 << 20).unwrap_or_default();
            let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
            let scripts = manifest.get("scripts").and_then(serde_json::Value::as_object);
            let names = scripts.into_iter().flat_map(|scripts| scripts.keys());
            let names = names.filter(|name| OWN_SCRIPTS.contains(&name.as_str()));
            own.extend(names.map(|name| match importer.as_str() {
                "" => name.clone(),
                folder => format!("{name} of {folder}"),
            }));
        }
        if !own.is_empty() {
            report.notes.push(format!(
                "the project's own scripts did not run: {}; --build runs one of the project's",
                own.join(", ")
            ));
        }
    }

    /// The project's own build, and what development needs taken out behind it.
    fn build_and_prune(
        &self,
        fetch: &Fetch<'_>,
        report: &mut Report,
        progress: &mut dyn FnMut(&str),
    ) -> Result<bool, InstallError> {
        if let Some(script) = self.build {
            progress("building, without a network");
            if !build::run(fetch, script, report)? {
                report.verdict = Verdict::Stopped;
                return Ok(false);
            }
            if self.omit_dev {
                progress("taking out what development needs");
                fetch.prune()?;
            }
        }
        Ok(true)
    }

    /// Compares each package with its tarball; answers which folder belongs to which package.
    fn compare(
        &self,
        fetch: &Fetch<'_>,
        report: &mut Report,
    ) -> Result<BTreeMap<String, PackageId>, InstallError> {
        let root = fetch.staging.new_root();
        let cache =
            (fetch.install.tools.manager.kind == Kind::Npm).then_some(fetch.stores.real.as_path());
        let mut stores = vec![fetch.stores.real.clone()];
        stores.extend(pnpm_stores(&root, None));
        let tarballs = Tarballs::new(self.folder, cache).with_stores(stores);
        let verification = Verification {
            graph: self.graph,
            folder: &root,
            project: self.folder,
            tarballs: &tarballs,
            // Nothing has run, so nothing can have been written by a script.
            may_run: &|_| Some(false),
            threads: std::thread::available_parallelism().map_or(1, usize::from).min(8),
        };
        let (found, places) = verification.run_with_places()?;
        // Of what the project does not need to run, the manager knows what is left out.
        let needed = self.graph.packages.iter().filter(|package| package.need == Need::Production);
        let needed: BTreeSet<String> = needed.map(Package::label).collect();
        let all = found.deviations.iter().chain(&found.script_outputs);
        for one in
            all.filter(|one| one.kind != Deviates::MissingPackage || needed.contains(&one.package))
        {
            let why = format!("{} is {} after the fetch: {}", one.path, one.kind.id(), one.message);
            let why = why.trim_end_matches([':', ' ']).to_owned();
            report.refused.push(Refused { package: one.package.clone(), line: 0, why });
        }
        if !found.unknown.is_empty() {
            let count = found.unknown.len();
            report.notes.push(format!(
                "{count} of the packages could not be compared again: the manager alone checked their hashes"
            ));
        }
        Ok(places)
    }

    /// Folders that have a `node_modules` of their own, below the project.
    fn importers(&self) -> Vec<String> {
        let own = self.graph.importers.iter().map(|importer| importer.folder.trim_matches('/'));
        let inside = own.filter(|folder| {
            !folder.split('/').any(|part| part == "..") && self.folder.join(folder).is_dir()
        });
        let mut all: Vec<String> = inside
            .map(|folder| folder.trim_start_matches("./").trim_end_matches('.').to_owned())
            .collect();
        all.push(String::new());
        all.sort();
        all.dedup();
        all
    }
}

/// Who runs this.
fn caller() -> Caller {
    let groups = rustix::process::getgroups().unwrap_or_default();
    Caller {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        groups: groups.into_iter().map(rustix::process::Gid::as_raw).collect(),
    }
}
