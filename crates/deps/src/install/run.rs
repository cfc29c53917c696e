//! The second phase: each allowed script alone, in a boundary of its own.

use super::attempt::{self, Attempt};
use super::bounds::{Access, Room, Secrets};
use super::changes::{self, Changes, Files};
use super::error::InstallError;
use super::fetch::Fetch;
use super::left_out::{self, LeftOut};
use super::phase::{self, End, Ran, Watch};
use super::scripts::{Environment, Wanted};
use super::{Report, staging};
use crate::scripts::Allowed;
use ringfence_project::graph::{Graph, PackageId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time of one script.
const DEADLINE: Duration = Duration::from_mins(15);
/// Most characters of its output that are kept for a report.
const SAID: usize = 4_000;

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptEnd {
    /// With exit code 0, and nothing was tried that ends an install.
    Done,
    /// With another exit code.
    Failed,
    /// It was stopped at what it tried.
    Stopped,
    /// It was stopped at its deadline.
    TimedOut,
}

/// A script that ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScriptRun {
    /// `name@version`; of the project's own build, the project's name.
    pub package: String,
    /// Its folder, from the project's.
    pub folder: String,
    /// `preinstall`, `install`, `postinstall`, or the project's script.
    pub script: String,
    /// The command. From outside: show it escaped.
    pub command: String,
    /// How it ended.
    pub end: ScriptEnd,
    /// Its exit code; 128 and a number for a signal; nothing where it was stopped.
    pub code: Option<i32>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// What it tried and was refused.
    pub attempts: Vec<Attempt>,
    /// What it did to files of its package.
    pub files: Changes,
    /// The end of what it said. From outside: show it escaped.
    pub output: String,
}

/// A script that may not run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotRun {
    /// `name@version`
    pub package: String,
    /// What it wants to run: name and command.
    pub scripts: Vec<(String, String)>,
    /// Whether another version of it is allowed.
    pub other_version: bool,
    /// Why it shall not, where it is denied on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ScriptRun {
    /// From what happened.
    pub(super) fn of(
        wanted: &Wanted,
        script: &str,
        command: &str,
        ran: &Ran,
        (files, trees): (Changes, &[PathBuf]),
    ) -> Self {
        let attempts = attempt::all(&ran.events, trees);
        let stops = attempts.iter().any(|one| one.stops);
        let (end, code) = match ran.end {
            End::TimedOut => (ScriptEnd::TimedOut, None),
            End::Stopped => (ScriptEnd::Stopped, None),
            End::Code(code) if stops => (ScriptEnd::Stopped, Some(code)),
            End::Code(0) => (ScriptEnd::Done, Some(0)),
            End::Code(code) => (ScriptEnd::Failed, Some(code)),
        };
        let start = ran.output.char_indices().rev().nth(SAID).map_or(0, |(at, _)| at);
        Self {
            package: wanted.package.clone(),
            folder: wanted.folder.clone(),
            script: script.to_owned(),
            command: command.to_owned(),
            end,
            code,
            milliseconds: u64::try_from(ran.time.as_millis()).unwrap_or(u64::MAX),
            attempts,
            files,
            output: ran.output.get(start..).unwrap_or_default().to_owned(),
        }
    }
}

/// Scripts of one install.
pub(super) struct Scripts<'a> {
    pub(super) fetch: &'a Fetch<'a>,
    pub(super) graph: &'a Graph,
    /// Which folder belongs to which package.
    pub(super) places: &'a BTreeMap<String, PackageId>,
    pub(super) omit_dev: bool,
}

impl Scripts<'_> {
    /// Runs what may run; answers whether all of it went well.
    pub(super) fn run(
        &self,
        wanted: &[Wanted],
        report: &mut Report,
        progress: &mut dyn FnMut(&str),
    ) -> Result<bool, InstallError> {
        for one in wanted {
            let is_gone = |folder: &String| Path::new(&one.folder).starts_with(folder);
            if report.left_out.iter().any(|one| one.removed.iter().any(is_gone)) {
                continue;
            }
            if one.allowed != Allowed::Yes {
                let other_version = one.allowed == Allowed::OtherVersion;
                let (package, scripts) = (one.package.clone(), one.commands.clone());
                let reason = one.reason.clone();
                let not_run = NotRun { package, scripts, other_version, reason };
                // Several copies are told once.
                if !report.not_run.contains(&not_run) {
                    report.not_run.push(not_run);
                }
                continue;
            }
            for (name, command) in &one.commands {
                progress(&format!("{name} of {}", one.package));
                let (run, unlimited) = self.script(one, name, command)?;
                note_unlimited(unlimited, report);
                let (end, code) = (run.end, run.code);
                report.scripts.push(run);
                match end {
                    ScriptEnd::Done => {}
                    ScriptEnd::Failed if one.optional => {
                        let folder = &one.folder;
                        let removed =
                            left_out::take_out(self.fetch, self.graph, self.places, folder)?;
                        let (package, script) = (one.package.clone(), name.clone());
                        report.left_out.push(LeftOut { package, script, code, removed });
                        break;
                    }
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn script(
        &self,
        wanted: &Wanted,
        name: &str,
        command: &str,
    ) -> Result<(ScriptRun, Option<String>), InstallError> {
        let install = self.fetch.install;
        let own = self.fetch.staging.new_root().join(&wanted.folder);
        let inside = install.folder.join(&wanted.folder);
        let failed = |what| InstallError::files(what, &own);
        changes::unshare(&own).map_err(failed("copy files of"))?;
        let before = Files::of(&own).map_err(failed("read"))?;
        let shell = ["/bin/sh", "-c", command].map(Into::into).to_vec();
        let mut room = Room::new("script", shell, &inside);
        room.builds = true;
        room.checkout(install.folder, self.fetch.importers, Secrets::Hidden);
        self.fetch.trees(&mut room, Access::Execute);
        room.bind(&own, &inside, Access::Build, "the package's own folder");
        // Packages below it are others.
        room.bind(
            &own.join("node_modules"),
            &inside.join("node_modules"),
            Access::Execute,
            "other packages",
        );
        tools(&mut room, self.fetch);
        let home = Path::new(install.home());
        let environment = Environment {
            tools: install.tools,
            project: install.folder,
            home,
            omit_dev: self.omit_dev,
        };
        room.env = environment.of(wanted, name, command);
        let plan = install.bounds().plan(room)?;
        if plan.identity.switch {
            let owner = (plan.identity.uid, plan.identity.gid);
            staging::give(&own, owner).map_err(InstallError::giving(&own))?;
        }
        let trees = self.fetch.places();
        let stops = |event: &_| attempt::judge(event, &trees).is_some_and(|one| one.stops);
        let ran = phase::run(&plan, &Watch { trace: true, deadline: DEADLINE, stops: &stops })?;
        let after = before.again(&own).map_err(failed("read"))?;
        let files = before.compared(&after, &wanted.folder);
        let unlimited = ran.unlimited.clone();
        Ok((ScriptRun::of(wanted, name, command, &ran, (files, &trees)), unlimited))
    }
}

/// Says once that memory and processes are not limited.
pub(super) fn note_unlimited(unlimited: Option<String>, report: &mut Report) {
    let Some(why) = unlimited else { return };
    let what = "memory and processes of scripts were not limited";
    if !report.notes.iter().any(|note| note.starts_with(what)) {
        report.notes.push(format!("{what}: {why}"));
    }
}

/// What scripts start: the system's programs, Node with its headers, the manager and node-gyp.
pub(super) fn tools(room: &mut Room, fetch: &Fetch<'_>) {
    let tools = fetch.install.tools;
    room.system();
    room.show(&tools.node, Access::Execute, "Node");
    room.show(&tools.manager.root, Access::Execute, "the manager");
    if let Some(npm) = &tools.npm {
        room.show(npm, Access::Execute, "npm");
    }
    if let Some(headers) = &tools.headers {
        room.show(&headers.join("include/node"), Access::Read, "Node's headers");
    }
}
