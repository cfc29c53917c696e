//! `ringfence prove` on the boundary of a service: nothing may be open or undecided.

use crate::npm::Node;
use crate::process;
use crate::test::services::place::Place;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// What either side of an attack says that has nothing to attack, in this boundary or on this host.
const NOTHING: [&str; 2] = ["nothing", "not-applicable"];
/// How this host refuses an attack to everybody: it has no such thing, or allows it to nobody.
/// `no-effect` is an act that changes nothing for a user without rights; `race-lost` is a race that nobody won outside either, in all the tries that there was time for.
const REFUSED: [&str; 11] = [
    "EACCES",
    "EAFNOSUPPORT",
    "ENODEV",
    "ENOENT",
    "ENOSYS",
    "EOPNOTSUPP",
    "EPERM",
    "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT",
    "no-effect",
    "race-lost",
];

/// How often the attacks are made at most.
const RUNS: usize = 5;

/// Proves the boundary; says how many attacks were stopped.
///
/// Attacks that a busy machine left undecided (a control that had no time) are made again; what went
/// through is told at once.
pub(crate) fn prove(config: &Path, node: &Node, ringfence: &Path) -> Result<String, String> {
    let first = attack(config, node, ringfence)?;
    let mut undecided = first.undecided;
    for _ in 1..RUNS {
        if undecided.is_empty() {
            break;
        }
        let again = attack(config, node, ringfence)?;
        undecided.retain(|probe| again.undecided.contains(probe));
    }
    if undecided.is_empty() {
        return Ok(format!(
            "{} attacks stopped, {} cannot be made here",
            first.stopped, first.impossible
        ));
    }
    Err(format!("prove left undecided, in {RUNS} runs: {}", undecided.join(", ")))
}

/// What one run of the battery showed.
struct Proof {
    stopped: usize,
    impossible: usize,
    undecided: Vec<String>,
}

/// Runs the battery; the error says what is open.
fn attack(config: &Path, node: &Node, ringfence: &Path) -> Result<Proof, String> {
    let mut command = process::command(ringfence);
    command.args(["prove", "--format", "json", "--config"]).arg(config);
    command.env("PATH", Place::path(node)).current_dir("/");
    let done = process::run(&mut command, b"", Duration::from_mins(10));
    let done = done.map_err(|failure| format!("prove: {failure}"))?;
    let report: Value = serde_json::from_str(&done.stdout)
        .map_err(|error| format!("prove printed no JSON: {error}\n{}", done.stderr))?;
    let list = |name: &str| report[name].as_array().map(Vec::as_slice).unwrap_or_default();
    // `accepted`: a layer that the boundary does not require is absent, and prove says so.
    let claimed = |probe: &&Value| {
        let own = list("claims").iter().find(|claim| claim["claim"] == probe["claim"]);
        own.is_some_and(|claim| claim["state"] != "not-claimed" && claim["state"] != "accepted")
    };
    let mut proof = Proof { stopped: 0, impossible: 0, undecided: Vec::new() };
    for probe in list("probes").iter().filter(claimed) {
        match probe["verdict"].as_str() {
            Some("blocked") => proof.stopped += 1,
            Some("inconclusive") if impossible(probe) => proof.impossible += 1,
            Some("inconclusive") => proof.undecided.push(name(probe)),
            _ => return Err(format!("open: {} {}", name(probe), probe["why"])),
        }
    }
    match done.status.code() {
        Some(0) if proof.stopped > 0 => Ok(proof),
        // A claim without a conclusive attack.
        Some(3) if !proof.undecided.is_empty() => Ok(proof),
        code => Err(format!("prove ended with {code:?}\n{}", done.stderr)),
    }
}

/// Whether an attack cannot be made on this host or in this boundary.
fn impossible(probe: &Value) -> bool {
    let nothing = |side: &str| NOTHING.iter().any(|outcome| probe[side]["outcome"] == *outcome);
    let outside = &probe["outside"];
    let refused =
        outside["outcome"] == "failed" && REFUSED.iter().any(|code| outside["code"] == *code);
    nothing("inside") || nothing("outside") || refused
}

fn name(probe: &Value) -> String {
    let word = |key: &str| probe[key].as_str().unwrap_or("?");
    format!("{} ({})", word("probe"), word("claim"))
}
