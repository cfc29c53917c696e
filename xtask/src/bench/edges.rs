//! The application's edges: what cryptography and guards cost beside what a Node service has without
//! them, in operations per second of processor time.
//!
//! `bare` is what a case names after "of". Everything is measured in one process of the newest Node, in
//! turn (`benches/edges/`), but for opening files, which Node has no like of: that is two ways of Rust.

use crate::addon;
use crate::bench::report::{Bound, Limit, Report, Series};
use crate::bench::runner::Runner;
use crate::bench::timing;
use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::places;
use crate::printer::{say, step};
use crate::process::{self, Running};
use crate::test::free_port;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// Which edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// Passwords, envelopes, tags, signatures.
    Crypto,
    /// JSON, webhooks, fetch, files.
    Guard,
}

/// What a case is held to: times as fast as what it is beside.
#[derive(Debug, Clone, Copy)]
enum Floor {
    /// At least so many times as fast.
    Faster(f64),
    /// At most so many times as long.
    Longer(f64),
    /// There is no peer that does the same.
    None,
}

/// The cases of `benches/edges/`, by their names there.
const CASES: [(&str, Floor); 22] = [
    ("Argon2id 19 MiB, of @node-rs/argon2", Floor::Faster(0.9)),
    ("Argon2id 19 MiB, of node:crypto", Floor::Faster(1.8)),
    ("Argon2id 64 MiB, of @node-rs/argon2", Floor::Faster(0.7)),
    ("Argon2id 64 MiB, of node:crypto", Floor::Faster(1.8)),
    ("AES-256-GCM seal 1 KiB, a JWE, of node:crypto", Floor::Faster(1.5)),
    ("AES-256-GCM open 1 KiB, a JWE, of node:crypto", Floor::Faster(1.5)),
    ("AES-256-GCM seal 1 KiB, bytes, of node:crypto", Floor::Faster(1.5)),
    ("AES-256-GCM open 1 KiB, bytes, of node:crypto", Floor::Faster(1.5)),
    ("AES-256-GCM seal 1 MiB, into a buffer, of node:crypto", Floor::Faster(1.0)),
    ("AES-256-GCM open 1 MiB, into a buffer, of node:crypto", Floor::Faster(1.0)),
    ("HMAC-SHA256 1 KiB, of node:crypto", Floor::Faster(0.9)),
    ("Ed25519 sign, of node:crypto", Floor::Faster(1.0)),
    ("Ed25519 verify, of node:crypto", Floor::Faster(1.0)),
    ("P-256 sign, of node:crypto", Floor::Faster(1.0)),
    ("P-256 verify, of node:crypto", Floor::Faster(1.0)),
    ("secretEquals, of timingSafeEqual", Floor::None),
    ("token verification, of a SHA-256 and a Map", Floor::None),
    ("guarded JSON, of JSON.parse and ajv", Floor::Longer(1.3)),
    ("webhook of 1 KiB, of node:crypto", Floor::None),
    ("guarded fetch kept alive, of fetch", Floor::Longer(1.05)),
    ("guarded open, of openat", Floor::Longer(1.2)),
    ("guarded open, of openat and fstat", Floor::None),
];

/// Measures every case of an area.
pub(crate) fn run(area: Area, rounds: u32) -> Result<(), Failure> {
    step("Building");
    addon::build(addon::Profile::Published)?;
    let newest = npm::NODE_VERSIONS[npm::NODE_VERSIONS.len() - 1];
    let Some(node) = npm::node(newest)? else {
        let remedy = "run `cargo xtask setup`".to_owned();
        return Err(Failure::Missing { what: format!("Node {newest}"), remedy });
    };
    npm::install_locked(&folder())?;
    say(format!("Node {newest}; operations per second of processor time"));
    let mut report = Report::default();
    match area {
        Area::Crypto => {
            cases(&node, "crypto", rounds, None, &mut report)?;
            burst(&node, &mut report)?;
            report.close("crypto")
        }
        Area::Guard => {
            let port = free_port();
            let mut upstream = process::command(&node.path);
            upstream.arg(places::root().join("benches/upstream.mjs")).arg(port.to_string());
            let mut upstream = Running::listen(&mut upstream)?;
            upstream.line_with("ready", MINUTE)?;
            cases(&node, "guard", rounds, Some(port), &mut report)?;
            opens(rounds, &mut report)?;
            report.close("guard")
        }
    }
}

fn folder() -> PathBuf {
    places::root().join("benches/edges")
}

/// Runs a file of cases and takes its lines.
fn cases(
    node: &Node,
    area: &str,
    rounds: u32,
    port: Option<u16>,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut command = process::command(&node.path);
    command.arg(folder().join("edges.mjs")).args([area, &rounds.to_string()]);
    command.args(port.map(|port| port.to_string()));
    let said = process::run(&mut command, b"", 10 * MINUTE)?.success("edges.mjs")?;
    take(&said.stdout, report)
}

/// Guarded and plain opens, as nanoseconds.
fn opens(rounds: u32, report: &mut Report) -> Result<(), Failure> {
    let mut command = process::command(timing::build()?);
    command.args(["open", &rounds.to_string()]);
    let said = process::run(&mut command, b"", 10 * MINUTE)?.success("ringfence-measure")?;
    let mut lines = Vec::new();
    for line in said.stdout.lines() {
        let nanos: Value = parse(line)?;
        let rate = |way: &str| nanos.get(way).and_then(Value::as_f64).map(|nanos| 1e9 / nanos);
        for (name, bare, again) in [
            ("guarded open, of openat", "bare", "again"),
            ("guarded open, of openat and fstat", "looked", "looked"),
        ] {
            let numbers = serde_json::json!({
                "bare": rate(bare), "again": rate(again), "ringfence": rate("ringfence"),
            });
            lines.push(serde_json::json!({ "name": name, "numbers": numbers }).to_string());
        }
    }
    take(&lines.join("\n"), report)
}

/// Adds a series and its limit for every case that was printed.
fn take(text: &str, report: &mut Report) -> Result<(), Failure> {
    let lines = text.lines().map(parse).collect::<Result<Vec<Value>, _>>()?;
    for (name, floor) in CASES {
        let own: Vec<_> = lines.iter().filter(|line| line["name"] == name).collect();
        if own.is_empty() {
            continue;
        }
        let mut series = Series::rate();
        for line in own {
            for (way, runner) in [
                ("bare", Runner::Bare),
                ("again", Runner::Control),
                ("ringfence", Runner::Ringfence),
            ] {
                let number = line["numbers"][way].as_f64();
                series.add(runner, number.unwrap_or(f64::NAN));
            }
        }
        let ratio = series.ratio(Runner::Ringfence);
        report.series(name, "operations/s", series);
        let (measured, bound) = match floor {
            Floor::Faster(least) => (ratio, Bound::AtLeast(least)),
            Floor::Longer(most) => (ratio.map(|ratio| 1.0 / ratio), Bound::AtMost(most)),
            Floor::None => continue,
        };
        report.limit(Limit { name, measured, bound, noisy: false });
    }
    let known = |line: &&Value| CASES.iter().any(|(name, _)| line["name"] == *name);
    match lines.iter().find(|line| !known(line)) {
        Some(line) => Err(Failure::NotHeld(format!("a case without a limit: {}", line["name"]))),
        None => Ok(()),
    }
}

/// Bursts that are measured.
const BURSTS: usize = 5;

/// 200 logins at once. Of memory and refusals the worst counts; of the event loop's delay the median,
/// beside a control of the same loop while nothing is computed.
fn burst(node: &Node, report: &mut Report) -> Result<(), Failure> {
    step("200 logins at once, two computed at a time, 32 waiting");
    let mut numbers: [Vec<f64>; 5] = Default::default();
    for _ in 0..BURSTS {
        let mut command = process::command(&node.path);
        command.arg(folder().join("burst.mjs"));
        let said = process::run(&mut command, b"", MINUTE)?.success("burst.mjs")?;
        let told: Value = parse(said.stdout.trim())?;
        // A place that comes free while the others still ask is taken again.
        if told["accepted"].as_u64() < Some(34) || told["other"] != serde_json::json!([]) {
            return Err(Failure::NotHeld(format!("34 places were there: {told}")));
        }
        say(told.to_string());
        let keys = ["grownMib", "lastRefusedMs", "delayP99Ms", "delayMaxMs", "idleMaxMs"];
        for (numbers, key) in numbers.iter_mut().zip(keys) {
            numbers.push(told[key].as_f64().unwrap_or(f64::INFINITY));
        }
    }
    for numbers in &mut numbers {
        numbers.sort_by(f64::total_cmp);
    }
    let [grown, refused, p99, most, idle] = &numbers;
    let (middle, worst) = (BURSTS / 2, BURSTS - 1);
    // A loop that is late by itself says nothing about hashing.
    let late = idle.get(middle).is_none_or(|idle| *idle > 5.0);
    for (name, measured, bound, noisy) in [
        ("memory gained by a burst, MiB (two hashes are 38)", grown.get(worst), 46.0, false),
        ("the last refusal of a burst, ms", refused.get(worst), 50.0, late),
        ("event loop delay in a burst, p99, ms", p99.get(middle), 20.0, late),
        ("event loop delay in a burst, most, ms", most.get(middle), 20.0, late),
    ] {
        let (measured, bound) = (measured.copied(), Bound::AtMost(bound));
        report.limit(Limit { name, measured, bound, noisy });
    }
    Ok(())
}

fn parse(line: &str) -> Result<Value, Failure> {
    serde_json::from_str(line)
        .map_err(|error| Failure::NotHeld(format!("no measurement: {line:?}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_nobody_knows_is_an_error_and_a_known_one_is_held() {
        let line = |name: &str| {
            let numbers = serde_json::json!({ "bare": 10.0, "again": 10.0, "ringfence": 20.0 });
            serde_json::json!({ "name": name, "numbers": numbers }).to_string()
        };
        let mut report = Report::default();
        let name = "HMAC-SHA256 1 KiB, of node:crypto";
        take(&line(name), &mut report).unwrap();
        let ratio = report.find(name).and_then(|series| series.ratio(Runner::Ringfence));
        assert_eq!(ratio.map(|ratio| (ratio * 10.0).round()), Some(20.0));
        take(&line("something else"), &mut report).unwrap_err();
    }
}
