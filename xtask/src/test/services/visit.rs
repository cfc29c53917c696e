//! One run of a service, bare, inside a boundary or while it is learned from, and the traffic that it
//! answers.

use crate::failure::Failure;
use crate::npm::Node;
use crate::process::{self, Running};
use crate::test::case::fill;
use crate::test::services::description::{Denied, Description};
use crate::test::services::place::Place;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a service may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From its start until it can be talked to.
    start: Duration,
    /// For each program of its traffic.
    traffic: Duration,
}

/// For a service that is meant to work. The npm client makes six calls, each many seconds on a busy
/// machine.
pub(crate) const LONG: Patience =
    Patience { start: Duration::from_mins(3), traffic: Duration::from_mins(10) };
/// For one that is meant to fail: a service that waits for what it does not get is no better.
pub(crate) const SHORT: Patience =
    Patience { start: Duration::from_secs(10), traffic: Duration::from_secs(15) };
/// From the signal to a service's end.
const STOP: Duration = Duration::from_mins(1);

/// What is run, and where.
pub(crate) struct Visit<'a> {
    /// The service.
    pub(crate) service: &'a Description,
    /// Its Node.
    pub(crate) node: &'a Node,
    /// Where it is installed.
    pub(crate) place: &'a Place,
    /// How it is run.
    pub(crate) how: How<'a>,
    /// How long it may take.
    pub(crate) patience: Patience,
}

/// How a service is run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How<'a> {
    /// As its boundary file says, but without one.
    Bare,
    /// Inside the boundary of a file.
    Inside {
        /// The ringfence.
        ringfence: &'a Path,
        /// The boundary file.
        config: &'a Path,
        /// Whether it is attacked through its own interface after its traffic.
        attacked: bool,
    },
    /// Learned from, into a boundary file.
    Learned {
        /// The ringfence.
        ringfence: &'a Path,
        /// The boundary file.
        config: &'a Path,
    },
}

/// What a run showed.
#[derive(Debug)]
pub(crate) struct Seen {
    /// What the traffic said about the answers.
    pub(crate) lines: Vec<String>,
    /// How the service ended when it was told to stop.
    pub(crate) code: i32,
    /// What it was refused.
    pub(crate) denials: Vec<Denied>,
    /// What it said itself.
    pub(crate) output: String,
}

impl Visit<'_> {
    /// Starts the service, sends it its traffic, stops it.
    pub(crate) fn pay(&self) -> Result<Seen, Failure> {
        let run = self.place.clear()?;
        self.script("prepare.mjs", &run)?;
        let own = tempfile::Builder::new()
            .prefix("ringfence-service-")
            .tempdir()
            .map_err(Failure::file("cannot create a folder in", std::env::temp_dir()))?;
        let events = own.path().join("events.jsonl");
        let mut running = Running::listen(&mut self.command(own.path(), &events))?;
        let result = self
            .until_ready(&mut running)
            .and_then(|()| self.script("smoke.mjs", &run))
            .and_then(|lines| self.attack(&run).map(|()| lines));
        let lines = match result {
            Ok(lines) => lines,
            Err(failure) => {
                let denied = std::fs::read_to_string(&events).unwrap_or_default();
                return Err(Failure::NotHeld(format!("{failure}\n{}\n{denied}", running.output())));
            }
        };
        let status = running.stop(Signal::TERM, STOP)?;
        running.end_rest(STOP);
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Ok(Seen { lines, code, denials: denials(&events)?, output: running.output() })
    }

    /// Listens until the service has said every line by which it can be talked to.
    fn until_ready(&self, running: &mut Running) -> Result<(), Failure> {
        for text in &self.service.ready {
            if !running.output().contains(text) {
                running.line_with(text, self.patience.start)?;
            }
        }
        Ok(())
    }

    /// What the service must not be brought to do: only inside, and it fails where it succeeds.
    fn attack(&self, run: &Path) -> Result<(), Failure> {
        if let How::Inside { attacked: true, .. } = self.how {
            self.script("attack.mjs", run)?;
        }
        Ok(())
    }

    /// A program of the service's folder, run outside; nothing when it has none of this name.
    fn script(&self, name: &str, run: &Path) -> Result<Vec<String>, Failure> {
        let script = self.service.folder.join(name);
        if !script.is_file() {
            return Ok(Vec::new());
        }
        let mut command = process::command(&self.node.path);
        command.arg(script).current_dir(&self.place.folder).env("RUN", run);
        command.env("PATH", Place::path(self.node));
        command.env("FACTS", serde_json::json!(self.place.values).to_string());
        let said = process::run(&mut command, b"", self.patience.traffic)?.success(name)?;
        Ok(said.stdout.lines().map(str::to_owned).collect())
    }

    fn command(&self, home: &Path, events: &Path) -> Command {
        let path = Place::path(self.node);
        match self.how {
            How::Bare => self.bare(home, &path),
            How::Inside { ringfence, config, .. } => {
                let mut command = process::command(ringfence);
                command.args(["run", "--config"]).arg(config).arg("--events").arg(events);
                command.env("PATH", path).current_dir("/");
                command
            }
            How::Learned { ringfence, config } => {
                let mut command = process::command(ringfence);
                command.args(["learn", "--config"]).arg(config);
                // What this session happens to have set is not the service's.
                command.env_clear().env("HOME", home).env("LANG", "C.UTF-8");
                command.envs(self.bare_env());
                command.env("PATH", path).current_dir(&self.place.folder);
                command
            }
        }
    }

    fn bare(&self, home: &Path, path: &str) -> Command {
        let program = found(&self.place.start[0], path, &self.place.folder);
        let mut command = process::command(program);
        command.args(&self.place.start[1..]).env_clear().env("PATH", path);
        command.env("HOME", home).env("LANG", "C.UTF-8").envs(self.place.set.iter().cloned());
        command.envs(self.bare_env()).current_dir(&self.place.folder);
        command
    }

    /// What keeps a service outside of its boundary from what it would be refused inside.
    fn bare_env(&self) -> impl Iterator<Item = (&String, String)> {
        let own = self.service.bare_env.iter();
        own.map(|(name, value)| (name, fill(value, &self.place.values)))
    }
}

/// The first word of `start` as ringfence finds it: in `PATH`, then among the packages' programs.
fn found(word: &str, path: &str, folder: &Path) -> PathBuf {
    if word.contains('/') {
        return folder.join(word);
    }
    let own = folder.join("node_modules/.bin");
    let folders = std::env::split_paths(path).chain([own.clone()]);
    let mut programs = folders.map(|folder| folder.join(word));
    programs.find(|program| program.is_file()).unwrap_or(own)
}

/// The denials among the events of a run. A run without events wrote no file.
fn denials(events: &Path) -> Result<Vec<Denied>, Failure> {
    let text = match std::fs::read_to_string(events) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(Failure::file("cannot read", events))?,
    };
    let events = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    let denied = events.filter(|event: &serde_json::Value| event["kind"] != "allowed");
    let word = |event: &serde_json::Value, key: &str| event[key].as_str().unwrap_or("?").to_owned();
    Ok(denied
        .map(|e| Denied { action: word(&e, "action"), resource: word(&e, "resource") })
        .collect())
}

/// What Node's own permissions refuse: files that a program looks for, told by Node 24 and newer.
const LOOKED_FOR: &str = "open";

/// Whether a listed refusal is this one. Files are listed by their name, because programs look for
/// them in every folder above.
fn covers(listed: &Denied, event: &Denied) -> bool {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    listed.action == event.action
        && if listed.action == LOOKED_FOR {
            name(&event.resource) == listed.resource
        } else {
            event.resource.starts_with(&listed.resource)
        }
}

/// Whether only listed refusals happened.
pub(crate) fn judge_stray(service: &Description, denials: &[Denied]) -> Result<(), String> {
    let stray = denials.iter().find(|event| !service.denied.iter().any(|d| covers(d, event)));
    stray.map_or(Ok(()), |Denied { action, resource }| {
        Err(format!("refused inside and not listed: {action} {resource}"))
    })
}

/// Whether exactly the listed refusals happened.
pub(crate) fn judge_denials(service: &Description, denials: &[Denied]) -> Result<(), String> {
    judge_stray(service, denials)?;
    let must = service.denied.iter().filter(|listed| listed.action != LOOKED_FOR);
    let stale = must.into_iter().find(|listed| !denials.iter().any(|e| covers(listed, e)));
    stale.map_or(Ok(()), |Denied { action, resource }| {
        Err(format!("listed and not refused inside: {action} {resource}"))
    })
}
