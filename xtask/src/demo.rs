//! `cargo xtask demo`: a real service, recorded, then inside its boundary, under load, under attack,
//! and proven.
//!
//! Succeeds only if all of it held: the recorded run needed nothing that the file does not grant, every request answered and checked, every attack that works
//! outside refused inside, a clean stop on SIGTERM, and every claim of the proof blocked. Each
//! attack is first made outside the boundary, so that a refusal inside means something.

mod attack;

use crate::failure::Failure;
use crate::npm;
use crate::places::{self, Build};
use crate::printer::{say, step};
use crate::process::{self, Running, spoken};
use crate::surroundings::{self, Surroundings};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Where the example's boundary file lets the service listen.
const ORIGIN: &str = "http://127.0.0.1:18080";
/// Orders created by the load; each is two requests and a bit.
const ORDERS: &str = "2000";
/// Orders created while the run is recorded: what it does does not change with their number.
const RECORDED: &str = "200";
/// Clients of the load at the same time.
const CLIENTS: &str = "16";

/// Runs the demo.
pub(crate) fn run() -> Result<(), Failure> {
    step("Building ringfence and installing the example (the first time takes a few minutes)");
    let ringfence = places::ringfence(Build::Release)?;
    let orders = places::orders();
    npm::install_locked(&orders)?;
    say(format!("ringfence   {}", said_version(&ringfence)?));
    say(format!("service     Node {}", said_version(&npm::executable(&orders))?));

    step("Starting PostgreSQL and the price service outside the boundary");
    let surroundings = Surroundings::start()?;
    say("PostgreSQL on 127.0.0.1:18432, prices on https://api.internal:18443 (private CA)");

    let held = learned(&ringfence, &surroundings).and_then(|()| inside(&ringfence, &surroundings));
    let stopped = surroundings.stop();
    held?;
    stopped?;
    say("\nAll of it held.");
    Ok(())
}

/// The service outside its boundary, recorded: whether its file grants what it uses.
fn learned(ringfence: &Path, surroundings: &Surroundings) -> Result<(), Failure> {
    step("Recording what the service uses, and comparing it with its boundary file");
    say("$ ringfence learn --check");
    let mut command = boundary(ringfence);
    // Variables of this session, such as certificates of a company, are not the service's.
    let kept = ["PATH", "HOME"].map(|name| (name, std::env::var_os(name).unwrap_or_default()));
    command.args(["learn", "--check"]).env_clear().envs(kept);
    let mut service = Running::listen(&mut command)?;
    service.line_with("Server listening", Duration::from_mins(2))?;
    load(surroundings, RECORDED)?;
    let status = service.stop(Signal::TERM, Duration::from_mins(2))?;
    // The service's own log is JSON, a line each.
    let said: String = service
        .output()
        .lines()
        .filter(|line| !line.starts_with('{'))
        .flat_map(|line| [line, "\n"])
        .collect();
    if !status.success() {
        let program = "ringfence learn --check".to_owned();
        return Err(Failure::Exit { program, status: spoken(status), output: said });
    }
    say(said.trim_end());
    Ok(())
}

/// Everything that happens inside the boundary.
fn inside(ringfence: &Path, surroundings: &Surroundings) -> Result<(), Failure> {
    step("Running the service inside its boundary");
    say("$ ringfence run");
    let mut service = Running::listen(boundary(ringfence).arg("run"))?;
    service.line_with("Server listening", Duration::from_mins(2))?;
    say(format!("the service listens on {ORIGIN}"));

    step("Sending it load through the boundary");
    load(surroundings, ORDERS)?;

    step("Attacking from inside: each attack first outside, then in the same boundary");
    attack::all(ringfence, surroundings)?;

    step("Stopping the service with SIGTERM");
    let status = service.stop(Signal::TERM, Duration::from_mins(2))?;
    if !status.success() || !service.output().contains("\"stopped\"") {
        let output = service.output();
        let program = "the service".to_owned();
        return Err(Failure::Exit { program, status: spoken(status), output });
    }
    say("it finished its work and left with exit code 0");

    step("Proving the boundary");
    let report = places::target()?.join("orders-proof.html");
    say(format!("$ ringfence prove --report {}", report.display()));
    process::show_success(boundary(ringfence).args(["prove", "--report"]).arg(&report))?;
    say(format!("the evidence as a page: {}", report.display()));
    Ok(())
}

/// A ringfence command in the example's folder.
fn boundary(ringfence: &Path) -> Command {
    let mut command = process::command(ringfence);
    command.current_dir(places::orders());
    command
}

/// Sends the load and says how it went.
fn load(surroundings: &Surroundings, orders: &str) -> Result<(), Failure> {
    let mut load = surroundings::node();
    load.args(["tools/load.mjs", ORIGIN, orders, CLIENTS]).arg(surroundings.signing_key());
    let said = process::run(&mut load, b"", Duration::from_mins(10))?;
    let numbers: serde_json::Value = serde_json::from_str(said.stdout.trim()).unwrap_or_default();
    let number = |key: &str| numbers.get(key).map_or_else(|| "?".to_owned(), ToString::to_string);
    say(format!(
        "{} requests in {} s, {} a second, {} errors",
        number("requests"),
        number("seconds"),
        number("requestsPerSecond"),
        number("errors"),
    ));
    said.success("load.mjs").map(drop)
}

fn said_version(program: &Path) -> Result<String, Failure> {
    let mut command = process::command(program);
    let said = process::run(command.arg("--version"), b"", Duration::from_secs(30))?;
    let said = said.success(&program.to_string_lossy())?;
    Ok(said.stdout.trim().trim_start_matches("ringfence ").to_owned())
}
