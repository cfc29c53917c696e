//! The proof and revocation: how long the battery and its self-test take, how large the page is, and
//! how fast a grant is gone while 500 connections stand on it.
//!
//! There is no peer that does any of these, so the numbers stand alone.

use crate::bench::report::{Bound, Limit, Report};
use crate::bench::runner::{Bench, Network, Runner};
use crate::bench::traffic::{Client, program};
use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::places::{self, Build};
use crate::printer::{say, step};
use crate::process::{self, Running};
use crate::test::free_port;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Connections that stand on the grant.
const CONNECTIONS: u32 = 500;
const MINUTE: Duration = Duration::from_mins(1);

/// Runs all measurements of the proof.
pub(crate) fn run(rounds: u32) -> Result<(), Failure> {
    step("Building");
    let ringfence = places::ringfence(Build::Release)?;
    let newest = npm::NODE_VERSIONS[npm::NODE_VERSIONS.len() - 1];
    let Some(node) = npm::node(newest)? else {
        let remedy = "run `cargo xtask setup`".to_owned();
        return Err(Failure::Missing { what: format!("Node {newest}"), remedy });
    };
    let (bench, not_run) = Bench::new(ringfence.clone())?;
    if !bench.runners.contains(&Runner::Ringfence) {
        return Err(Failure::NotHeld(not_run.join("\n")));
    }
    let (mut battery, mut sizes, mut trials) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (seconds, bytes) = prove(&bench, &ringfence, &node)?;
        battery.push(seconds);
        sizes.push(bytes);
        trials.push(self_test(&bench, &ringfence, &node)?);
    }
    let mut drops = Vec::new();
    for _ in 0..rounds.max(5) {
        drops.push(drop_under_load(&bench, &ringfence, &node)?);
    }
    let mut report = Report::default();
    let worst = |numbers: &[f64]| numbers.iter().copied().reduce(f64::max);
    step("Each round");
    for (name, numbers) in [
        ("battery, s", &battery),
        ("self-test, s", &trials),
        ("page, bytes", &sizes),
        ("drop of 500 connections, ms", &drops),
    ] {
        let numbers: Vec<String> = numbers.iter().map(|number| format!("{number:.1}")).collect();
        say(format!("{name}: {}", numbers.join(", ")));
    }
    for (name, numbers, bound) in [
        ("the whole battery, s", &battery, 20.0),
        ("the page of a proof, bytes", &sizes, 100_000.0),
        ("a drop of 500 connections, ms", &drops, 50.0),
    ] {
        let bound = Bound::AtMost(bound);
        report.limit(Limit { name, measured: worst(numbers), bound, noisy: false });
    }
    report.close("proof")
}

/// Seconds of a whole battery, and bytes of its page.
fn prove(bench: &Bench, ringfence: &PathBuf, node: &Node) -> Result<(f64, f64), Failure> {
    let port = free_port();
    let words = program(node, "server.mjs", port);
    let file = bench.write_boundary(&words, &Network::Listen(port))?;
    let page = places::target()?.join("bench-proof.html");
    let mut command = process::command(ringfence);
    command.args(["prove", "--config"]).arg(&file).arg("--report").arg(&page);
    let begun = Instant::now();
    process::run(&mut command, b"", 5 * MINUTE)?.success("ringfence prove")?;
    let seconds = begun.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(&page).map_err(Failure::file("cannot look at", &page))?.len();
    Ok((seconds, f64::from(u32::try_from(bytes).unwrap_or(u32::MAX))))
}

/// Seconds of a whole self-test.
fn self_test(bench: &Bench, ringfence: &PathBuf, node: &Node) -> Result<f64, Failure> {
    let port = free_port();
    let words = program(node, "server.mjs", port);
    let file = bench.write_boundary(&words, &Network::Listen(port))?;
    let mut command = process::command(ringfence);
    command.args(["prove", "--self-test", "--config"]).arg(&file);
    let begun = Instant::now();
    // A small boundary has not every lock; what is noticed is held by a test.
    process::run(&mut command, b"", 10 * MINUTE)?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Milliseconds that the supervisor says a drop took; every connection must have ended.
fn drop_under_load(bench: &Bench, ringfence: &PathBuf, node: &Node) -> Result<f64, Failure> {
    let port = free_port();
    let words = program(node, "upstream.mjs", port);
    let mut upstream = process::command(&words[0]);
    let mut upstream = Running::listen(upstream.args(&words[1..]))?;
    upstream.line_with("ready", MINUTE)?;
    let mut client = Client::start(bench, node, Runner::Ringfence, port)?;
    client.ask(&format!("hold {CONNECTIONS}"))?;
    let mut command = process::command(ringfence);
    let pid = client.running.pid().to_string();
    command.args(["drop", "--pid", &pid, "net.connect", "--format", "json"]);
    let said = process::run(&mut command, b"", MINUTE)?.success("ringfence drop")?;
    let told: Value = serde_json::from_str(&said.stdout)
        .map_err(|error| Failure::NotHeld(format!("drop said {:?}: {error}", said.stdout)))?;
    let cut = told.pointer("/dropped/sockets").and_then(Value::as_u64);
    let ended = client.ask("ended")?;
    let all = u64::from(CONNECTIONS);
    if cut != Some(all) || ended.get("count").and_then(Value::as_u64) != Some(all) {
        return Err(Failure::NotHeld(format!("{all} connections stood, and: {told} {ended}")));
    }
    told.get("milliseconds")
        .and_then(Value::as_f64)
        .ok_or_else(|| Failure::NotHeld(format!("drop told no time: {told}")))
}
