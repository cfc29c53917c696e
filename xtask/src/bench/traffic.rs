//! Traffic: HTTP in, HTTP out, new connections in both directions, and what they cost in CPU time.
//!
//! Every runner's process lives through all rounds, so that all of them are equally warm; a round
//! gives each a slice of time. The measured side runs on one CPU, the measuring side on another.

use crate::bench::procfs;
use crate::bench::report::{Report, Series};
use crate::bench::runner::{Bench, Network, Runner, pinned};
use crate::failure::Failure;
use crate::npm::Node;
use crate::places;
use crate::process::{self, Running};
use crate::test::free_port;
use serde_json::Value;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

/// CPU of the service.
const MEASURED: u32 = 0;
/// CPU of wrk and of the upstream.
const MEASURING: u32 = 1;
const MINUTE: Duration = Duration::from_mins(1);

/// HTTP from outside to a server inside.
pub(crate) fn inbound(
    bench: &Bench,
    node: &Node,
    rounds: u32,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut servers = Vec::new();
    for &runner in &bench.runners {
        let port = free_port();
        let command =
            bench.command(runner, &program(node, "server.mjs", port), &Network::Listen(port))?;
        let mut server = Running::listen(&mut pinned(&command, MEASURED))?;
        server.line_with("ready", MINUTE)?;
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(_) => servers.push((runner, port, server)),
            Err(error) => report.not_run(format!("HTTP in, {}: {error}", runner.name())),
        }
    }
    let (mut kept, mut cost, mut closed) = (Series::rate(), Series::default(), Series::rate());
    for round in 0..=rounds {
        let turn = usize::try_from(round).unwrap_or(0) % servers.len();
        for (runner, port, server) in servers.iter().cycle().skip(turn).take(servers.len()) {
            if *runner == Runner::Runsc && round % 4 != 1 {
                continue;
            }
            let pids = procfs::tree(server.pid());
            let before = procfs::cpu_nanos(&pids);
            let (requests, seconds) = wrk(*port, &[])?;
            let nanos = procfs::cpu_nanos(&pids).saturating_sub(before);
            let (connections, elapsed) = wrk(*port, &["-H", "Connection: close"])?;
            if round > 0 {
                kept.add(*runner, requests / seconds);
                cost.add(*runner, micros(nanos) / requests);
                closed.add(*runner, connections / elapsed);
            }
        }
    }
    report.series("HTTP in, kept alive", "requests/s", kept);
    report.series("HTTP in, CPU per request", "us", cost);
    report.series("HTTP in, a connection each", "requests/s", closed);
    Ok(())
}

/// HTTP and bare connections from inside to a server outside.
pub(crate) fn outbound(
    bench: &Bench,
    node: &Node,
    rounds: u32,
    report: &mut Report,
) -> Result<(), Failure> {
    let port = free_port();
    let words = program(node, "upstream.mjs", port);
    let mut upstream = process::command(&words[0]);
    upstream.args(&words[1..]);
    let mut upstream = Running::listen(&mut pinned(&upstream, MEASURING))?;
    upstream.line_with("ready", MINUTE)?;

    let mut clients = Vec::new();
    for &runner in &bench.runners {
        let mut client = Client::start(bench, node, runner, port)?;
        match client.ask("connects 1") {
            Ok(_) => clients.push((runner, client)),
            Err(_) => report.not_run(format!("HTTP out, {}: cannot connect", runner.name())),
        }
    }
    let (mut kept, mut cost, mut connects) = (Series::rate(), Series::default(), Series::default());
    for round in 0..=rounds {
        let turn = usize::try_from(round).unwrap_or(0) % clients.len();
        clients.rotate_left(usize::from(turn > 0));
        for (runner, client) in &mut clients {
            if *runner == Runner::Runsc && round % 4 != 1 {
                continue;
            }
            let pids = procfs::tree(client.running.pid());
            let before = procfs::cpu_nanos(&pids);
            let said = client.ask("requests 8000 32")?;
            let nanos = procfs::cpu_nanos(&pids).saturating_sub(before);
            let connected = client.ask("connects 600")?;
            if round > 0 {
                kept.add(*runner, number(&said, "count") / number(&said, "seconds"));
                cost.add(*runner, micros(nanos) / number(&said, "count"));
                connects.add(*runner, number(&connected, "medianMicros"));
            }
        }
    }
    report.series("HTTP out, kept alive", "requests/s", kept);
    report.series("HTTP out, CPU per request", "us", cost);
    report.series("a new connection out", "us", connects);
    Ok(())
}

/// What ringfence's own processes hold after many connections.
#[derive(Debug, Default)]
pub(crate) struct Footprint {
    /// Proportional set size of all of them together, in kibibytes.
    pub(crate) pss_kib: Option<u64>,
    /// Descriptors gained over the connections, all of them together.
    pub(crate) descriptors_gained: Option<i64>,
}

/// Opens `count` connections from inside and looks at ringfence's processes before and after.
pub(crate) fn footprint(bench: &Bench, node: &Node, count: u32) -> Result<Footprint, Failure> {
    let port = free_port();
    let words = program(node, "upstream.mjs", port);
    let mut upstream = process::command(&words[0]);
    let mut upstream = Running::listen(upstream.args(&words[1..]))?;
    upstream.line_with("ready", MINUTE)?;
    let mut client = Client::start(bench, node, Runner::Ringfence, port)?;
    client.ask("connects 100")?;

    let mut ours = procfs::tree(client.running.pid());
    ours.retain(|&pid| procfs::program(pid).is_some_and(|name| name.starts_with("ringfence")));
    if ours.is_empty() {
        return Err(Failure::NotHeld("found no process of ringfence to look at".to_owned()));
    }
    let descriptors = || -> Option<i64> {
        ours.iter().map(|&pid| i64::try_from(procfs::descriptors(pid)?).ok()).sum()
    };
    let before = descriptors();
    client.ask(&format!("connects {count}"))?;
    let after = descriptors();
    let pss_kib = ours.iter().map(|&pid| procfs::pss_kib(pid)).sum();
    Ok(Footprint {
        pss_kib,
        descriptors_gained: before.zip(after).map(|(before, after)| after - before),
    })
}

/// A client that lives through all rounds.
pub(super) struct Client {
    pub(super) running: Running,
    commands: ChildStdin,
}

impl Client {
    pub(super) fn start(
        bench: &Bench,
        node: &Node,
        runner: Runner,
        port: u16,
    ) -> Result<Self, Failure> {
        let command =
            bench.command(runner, &program(node, "client.mjs", port), &Network::Connect(port))?;
        let mut running = Running::listen(pinned(&command, MEASURED).stdin(Stdio::piped()))?;
        running.line_with("ready", MINUTE)?;
        let commands = running.take_stdin().ok_or(Failure::Interrupted)?;
        Ok(Self { running, commands })
    }

    pub(super) fn ask(&mut self, command: &str) -> Result<Value, Failure> {
        let sent = writeln!(self.commands, "{command}").and_then(|()| self.commands.flush());
        sent.map_err(Failure::file("cannot write to", "client.mjs"))?;
        // Events stand between its answers.
        let line = self.running.line_with("{\"count\"", 2 * MINUTE)?;
        serde_json::from_str(&line)
            .map_err(|error| Failure::NotHeld(format!("client.mjs said {line:?}: {error}")))
    }
}

/// Requests and seconds of one slice of wrk.
fn wrk(port: u16, extra: &[&str]) -> Result<(f64, f64), Failure> {
    let mut command = process::command("wrk");
    command.args(["-t1", "-c32", "-d1s"]).args(extra).arg(format!("http://127.0.0.1:{port}/"));
    let mut command = pinned(&command, MEASURING);
    let said = process::run(&mut command, b"", MINUTE)?.success("wrk")?;
    // "  23456 requests in 1.01s, 2.91MB read"
    let line = said.stdout.lines().find(|line| line.contains(" requests in "));
    let words: Vec<&str> = line.unwrap_or("").split_whitespace().collect();
    let requests = words.first().and_then(|word| word.parse().ok());
    let seconds = words.get(3).and_then(|word| word.trim_end_matches("s,").parse().ok());
    let pair = requests.zip(seconds);
    pair.ok_or_else(|| Failure::NotHeld(format!("wrk said something new: {}", said.stdout)))
}

pub(super) fn program(node: &Node, file: &str, port: u16) -> Vec<String> {
    let script = places::root().join("benches").join(file);
    vec![
        node.path.to_string_lossy().into_owned(),
        script.to_string_lossy().into_owned(),
        port.to_string(),
    ]
}

fn number(value: &Value, key: &str) -> f64 {
    value.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}
