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
const REFUSED: [&str; 9] = [
    "EACCES",
    "EAFNOSUPPORT",
    "ENODEV",
    "ENOENT",
    "ENOSYS",
    "EOPNOTSUPP",
    "EPERM",
    "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT",
];

/// Proves the boundary; says how many attacks were stopped.
pub(crate) fn prove(place: &Place, node: &Node, ringfence: &Path) -> Result<String, String> {
    let mut command = process::command(ringfence);
    command
        .args(["prove", "--format", "json", "--config"])
        .arg(place.folder.join("ringfence.toml"));
    command.env("PATH", Place::path(node)).current_dir("/");
    let done = process::run(&mut command, b"", Duration::from_mins(3));
    let done = done.map_err(|failure| format!("prove: {failure}"))?;
    let report: Value = serde_json::from_str(&done.stdout)
        .map_err(|error| format!("prove printed no JSON: {error}\n{}", done.stderr))?;
    let claims = report["claims"].as_array().map(Vec::as_slice).unwrap_or_default();
    let probes = report["probes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let state =
        |claim: &Value, states: &[&str]| states.iter().any(|state| claim["state"] == *state);
    let claimed = |probe: &&Value| {
        claims
            .iter()
            .any(|claim| claim["claim"] == probe["claim"] && !state(claim, &["not-claimed"]))
    };
    let wrong: Vec<String> =
        probes.iter().filter(claimed).filter(|probe| !held(probe)).map(said).collect();
    let code = done.status.code();
    if code != Some(0) || !wrong.is_empty() {
        let code = code.map_or("a signal".to_owned(), |code| code.to_string());
        return Err(format!("prove ended with {code}\n{}\n{}", wrong.join("\n"), done.stderr));
    }
    let blocked = probes.iter().filter(|probe| probe["verdict"] == "blocked").count();
    let undecided =
        probes.iter().filter(claimed).filter(|p| p["verdict"] == "inconclusive").count();
    Ok(format!("{blocked} attacks stopped, {undecided} cannot be made here"))
}

/// Whether an attack on a claim was stopped, or cannot be made on this host or in this boundary.
fn held(probe: &Value) -> bool {
    let nothing = |side: &str| NOTHING.iter().any(|outcome| probe[side]["outcome"] == *outcome);
    let outside = &probe["outside"];
    let refused =
        outside["outcome"] == "failed" && REFUSED.iter().any(|code| outside["code"] == *code);
    let impossible = nothing("inside") || nothing("outside") || refused;
    probe["verdict"] == "blocked" || (probe["verdict"] == "inconclusive" && impossible)
}

fn said(probe: &Value) -> String {
    let word = |key: &str| probe[key].as_str().unwrap_or("?");
    format!("{} {}: {} {}", word("verdict"), word("claim"), word("probe"), word("why"))
}
