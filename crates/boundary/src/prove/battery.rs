//! Runs every probe on both sides and collects what came back.
//!
//! Probes that can share a boundary share a run; each native act has a child of its own in it, each
//! JavaScript act a function of its own. A run that ends early loses at most the probe it ended in:
//! the rest is run again.

use super::arena::{Arena, ArenaError, Errand, LayerAnswer, Output, Program};
use super::attempt::{Attempt, Outcome, read_lines};
use super::probe::{Act, Probe, Setting};
use super::stage::Stage;
use ringfence_sys::attack::Params;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::time::Duration;

/// The hidden verb of the binary.
pub const VERB: &str = "internal-attack";
/// The JavaScript side.
const HARNESS: &str = include_str!("harness.js");
/// How often a run that ended early is continued.
const CONTINUED: usize = 4;
/// How long one run of many probes may take.
const DEADLINE: Duration = Duration::from_secs(25);

/// Attempts by probe id.
pub(super) type Attempts = BTreeMap<&'static str, Attempt>;

/// What one side came to.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) attempts: Attempts,
    /// What the scripts came to with Node's own flags in force (inside only).
    pub(super) flagged: Attempts,
    /// The answers of the layers.
    pub(super) layers: Vec<LayerAnswer>,
}

/// Runs probes on one side.
pub(super) struct Battery<'a, A> {
    pub(super) arena: &'a A,
    pub(super) stage: &'a Stage,
    /// Whether the boundary's program is Node.
    pub(super) node: bool,
}

impl<A: Arena> Battery<'_, A> {
    /// Every probe inside the boundary. Scripts are run with Node's own flags and without them:
    /// what holds only because of the flags does not hold.
    pub(super) fn inside(&self, probes: &[Probe]) -> Result<Side, ArenaError> {
        let mut side = Side::default();
        let mut flagged = Side::default();
        for setting in [Setting::Exact, Setting::Granted, Setting::Mounted] {
            let of: Vec<&Probe> = probes.iter().filter(|p| p.setting == setting).collect();
            let (natives, scripts): (Vec<_>, Vec<_>) = of.into_iter().partition(native);
            let run = |errand: &Errand| self.arena.inside(errand, setting);
            self.natives(natives, &mut side, &run)?;
            self.scripts(scripts.clone(), Program::Node, &mut flagged, &run)?;
            self.scripts(scripts, Program::NodeWithoutFlags, &mut side, &run)?;
        }
        for probe in probes.iter().filter(|probe| probe.setting == Setting::Alone) {
            let run = |errand: &Errand| self.arena.inside(errand, Setting::Alone);
            self.natives(vec![probe], &mut side, &run)?;
        }
        for probe in probes.iter().filter(|probe| probe.setting == Setting::Dropping) {
            let run = |errand: &Errand| self.arena.inside(errand, Setting::Dropping);
            let ran = self.scripts(vec![probe], Program::NodeWithoutFlags, &mut side, &run);
            // A host on which no drop can be completed ends the service instead: that says nothing of
            // the other attacks.
            if let Err(error) = ran {
                side.attempts.insert(probe.id, Attempt::nothing(error.to_string()));
            }
        }
        for (id, attempt) in &flagged.attempts {
            if attempt.outcome == Outcome::Succeeded {
                side.attempts.insert(id, attempt.clone());
            }
        }
        if !flagged.layers.is_empty() {
            side.layers = flagged.layers;
        }
        side.flagged = flagged.attempts;
        Ok(side)
    }

    /// Every probe outside.
    pub(super) fn outside(&self, probes: &[Probe]) -> Result<Side, ArenaError> {
        let mut side = Side::default();
        let run = |errand: &Errand| self.arena.outside(errand);
        let outside = probes.iter().filter(|probe| !probe.act.is_within());
        let (natives, scripts): (Vec<_>, Vec<_>) = outside.partition(native);
        self.natives(natives, &mut side, &run)?;
        self.scripts(scripts, Program::Node, &mut side, &run)?;
        Ok(side)
    }

    fn natives(
        &self,
        probes: Vec<&Probe>,
        side: &mut Side,
        run: &dyn Fn(&Errand) -> Result<Output, ArenaError>,
    ) -> Result<(), ArenaError> {
        self.batch(probes, side, run, &|probes| native_errand(probes, self.stage.params()))
    }

    fn scripts(
        &self,
        probes: Vec<&Probe>,
        program: Program,
        side: &mut Side,
        run: &dyn Fn(&Errand) -> Result<Output, ArenaError>,
    ) -> Result<(), ArenaError> {
        if self.node {
            let errand = |probes: &[&Probe]| script_errand(program, probes, self.stage.params());
            return self.batch(probes, side, run, &errand);
        }
        for probe in probes {
            let mut attempt = Attempt::nothing("the program of this boundary is not Node");
            attempt.outcome = Outcome::NotApplicable;
            "absent".clone_into(&mut attempt.code);
            side.attempts.insert(probe.id, attempt);
        }
        Ok(())
    }

    /// Runs probes in one errand, and what is left over in another one, a few times.
    fn batch(
        &self,
        mut left: Vec<&Probe>,
        side: &mut Side,
        run: &dyn Fn(&Errand) -> Result<Output, ArenaError>,
        errand: &dyn Fn(&[&Probe]) -> Errand,
    ) -> Result<(), ArenaError> {
        for _ in 0..CONTINUED {
            if left.is_empty() {
                return Ok(());
            }
            let output = run(&errand(&left))?;
            if side.layers.is_empty() {
                side.layers.clone_from(&output.layers);
            }
            let told: BTreeMap<String, Attempt> = read_lines(&output.stdout).into_iter().collect();
            left.retain(|probe| match told.get(probe.id) {
                Some(attempt) => {
                    side.attempts.insert(probe.id, attempt.clone());
                    false
                }
                None => true,
            });
            // The first that is missing is the one the run ended in.
            if !left.is_empty() {
                let ended = left.remove(0);
                side.attempts.insert(ended.id, lost(&output));
            }
            self.judge_by_sight(side);
        }
        for probe in left {
            let why = "the runs before it ended early too often";
            side.attempts.insert(probe.id, Attempt::nothing(why));
        }
        Ok(())
    }

    /// Where success shows outside, what was seen there decides.
    fn judge_by_sight(&self, side: &mut Side) {
        let seen = self.stage.seen();
        for probe in super::probes::PROBES {
            let Some(key) = probe.act.witness() else { continue };
            let Some(attempt) = side.attempts.get_mut(probe.id) else { continue };
            if seen.iter().any(|found| found == key) {
                attempt.outcome = Outcome::Succeeded;
                attempt.code.clear();
                attempt.detail = format!("seen outside: {key}");
            } else if attempt.outcome == Outcome::Succeeded && !attempt.detail.starts_with("seen") {
                attempt.outcome = Outcome::Failed;
                "not-seen".clone_into(&mut attempt.code);
                attempt.detail = format!("{}, but nothing was seen outside", attempt.detail);
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what an iterator of references hands over")]
fn native(probe: &&Probe) -> bool {
    matches!(probe.act, Act::Native(_) | Act::NativeSeen(..) | Act::NativeWithin(_))
}

/// A run that ended before a probe had told anything.
pub(super) fn lost(output: &Output) -> Attempt {
    match output.exit {
        None => {
            let mut attempt = Attempt::nothing("the run had not ended at its deadline");
            attempt.outcome = Outcome::TimedOut;
            attempt
        }
        // A limit of the whole boundary kills the whole run.
        Some(137) => {
            let mut attempt = Attempt::nothing("the whole run was killed");
            attempt.outcome = Outcome::Failed;
            "SIGKILL".clone_into(&mut attempt.code);
            attempt
        }
        Some(code) => {
            let last = output.stderr.lines().rfind(|line| !line.trim().is_empty());
            let last = last.unwrap_or("without a word").trim();
            Attempt::nothing(format!("the run ended with {code} before the probe: {last}"))
        }
    }
}

fn native_errand(probes: &[&Probe], params: &Params) -> Errand {
    let ids: Vec<&str> = probes.iter().map(|probe| probe.id).collect();
    errand_for(&ids, params)
}

/// Native acts in one run.
pub(super) fn errand_for(ids: &[impl AsRef<str>], params: &Params) -> Errand {
    let mut arguments = vec![OsString::from(VERB)];
    arguments.extend(params.to_arguments());
    arguments.push(OsString::from("--"));
    arguments.extend(ids.iter().map(|id| OsString::from(id.as_ref())));
    Errand { program: Program::Battery, arguments, input: Vec::new(), deadline: DEADLINE }
}

fn script_errand(program: Program, probes: &[&Probe], params: &Params) -> Errand {
    let arguments = ["--input-type=commonjs", "-"].map(OsString::from).to_vec();
    let input = script(probes, params).into_bytes();
    Errand { program, arguments, input, deadline: DEADLINE }
}

/// Parameters, acts and harness as one script.
fn script(probes: &[&Probe], params: &Params) -> String {
    let entries = params.entries().map(|(name, value)| {
        let value = match value {
            Ok(value) => serde_json::Value::from(value.to_string_lossy()),
            Err(why) => serde_json::json!({ "why": why }),
        };
        (name.to_owned(), value)
    });
    let params: serde_json::Map<String, serde_json::Value> = entries.collect();
    let mut script =
        format!("'use strict';\nconst PARAMS = {};\n", serde_json::Value::from(params));
    script.push_str("const ACTS = {\n");
    for probe in probes {
        if let Act::JavaScript(body) | Act::JavaScriptSeen(body, _) | Act::JavaScriptWithin(body) =
            probe.act
        {
            let _ = writeln!(script, "'{}': async (p, t) => {{{body}}},", probe.id);
        }
    }
    script.push_str("};\n");
    script.push_str(HARNESS);
    script
}
