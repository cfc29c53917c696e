//! The engine: what a boundary costs at the start, per request, per connection and in memory.

use crate::bench::report::{Bound, Limit, Report, Series};
use crate::bench::runner::{Bench, Runner};
use crate::bench::{Part, startup, traffic};
use crate::failure::Failure;
use crate::npm;
use crate::places::{self, Build};
use crate::printer::{say, step};

/// Brokered connections after which no descriptor may be left.
const CONNECTIONS: u32 = 10_000;

/// Runs all measurements of the engine.
pub(crate) fn run(rounds: u32, only: Option<Part>) -> Result<(), Failure> {
    if places::in_path("wrk").is_none() {
        let remedy = "install the Debian package wrk".to_owned();
        return Err(Failure::Missing { what: "wrk".to_owned(), remedy });
    }
    step("Building");
    let ringfence = places::ringfence(Build::Release)?;
    let newest = npm::NODE_VERSIONS[npm::NODE_VERSIONS.len() - 1];
    let Some(node) = npm::node(newest)? else {
        let remedy = "run `cargo xtask setup`".to_owned();
        return Err(Failure::Missing { what: format!("Node {newest}"), remedy });
    };
    let (bench, not_run) = Bench::new(ringfence)?;
    let names: Vec<&str> = bench.runners.iter().map(|runner| runner.name()).collect();
    say(format!("Node {newest}; in turn: {}", names.join(", ")));
    if !bench.runners.contains(&Runner::Ringfence) {
        return Err(Failure::NotHeld(not_run.join("\n")));
    }

    let mut report = Report::default();
    for missing in not_run {
        report.not_run(missing);
    }
    let wanted = |part| only.is_none_or(|only| only == part);
    if wanted(Part::Startup) {
        let nothing = startup::measure(&bench, &["/bin/true".to_owned()], rounds)?;
        report.series("start-up of /bin/true", "ms", nothing);
        let words = [node.path.to_string_lossy().into_owned(), "-e".to_owned(), "0".to_owned()];
        let started = startup::measure(&bench, &words, rounds)?;
        report.series("start-up of node -e 0", "ms", started);
    }
    let slices = (rounds / 3).max(3);
    if wanted(Part::Inbound) {
        traffic::inbound(&bench, &node, slices, &mut report)?;
    }
    if wanted(Part::Outbound) {
        traffic::outbound(&bench, &node, slices, &mut report)?;
    }
    let footprint = if wanted(Part::Footprint) {
        traffic::footprint(&bench, &node, CONNECTIONS)?
    } else {
        traffic::Footprint::default()
    };
    hold(&mut report, &footprint);
    report.close("engine")
}

/// The figures that SPECIFICATION.md limits.
fn hold(report: &mut Report, footprint: &traffic::Footprint) {
    let ours = Runner::Ringfence;
    let start = report.find("start-up of node -e 0");
    let added = start.and_then(|series| series.added(ours));
    let peer = start.and_then(|series| series.added(Runner::Bubblewrap));
    let ratio = |name: &str| report.find(name).and_then(|series| series.ratio(ours));
    let connect = report.find("a new connection out").and_then(|series| series.added(ours));
    let noisy = |name: &str| {
        let noise = report.find(name).and_then(Series::noise);
        noise.is_some_and(|(low, high)| low < 0.97 || high > 1.03)
    };
    let rate = |name, of, bound| {
        let bound = Bound::AtLeast(bound);
        Limit { name, measured: ratio(of), bound, noisy: noisy(of) }
    };
    let at_most =
        |name, measured, bound| Limit { name, measured, bound: Bound::AtMost(bound), noisy: false };
    #[expect(clippy::cast_precision_loss, reason = "a few thousand KiB and a count of descriptors")]
    let (memory, descriptors) = (
        footprint.pss_kib.map(|kib| kib as f64 / 1024.0),
        footprint.descriptors_gained.map(|gained| gained as f64),
    );
    let beyond = added.zip(peer).map(|(added, peer)| added - peer);
    let limits = [
        at_most("start-up added to node -e 0, ms", added, 5.0),
        at_most("start-up beyond bubblewrap's, ms", beyond, 1.0),
        rate("HTTP in kept alive, of bare", "HTTP in, kept alive", 0.97),
        at_most("HTTP in CPU per request, of bare", ratio("HTTP in, CPU per request"), 1.05),
        rate("HTTP out kept alive, of bare", "HTTP out, kept alive", 0.97),
        at_most("HTTP out CPU per request, of bare", ratio("HTTP out, CPU per request"), 1.05),
        rate("new connections in, of bare", "HTTP in, a connection each", 0.95),
        at_most("a new connection out adds, us", connect, 80.0),
        at_most("supervisor and broker, MiB", memory, 8.0),
        at_most("descriptors left by 10,000 connections", descriptors, 0.0),
    ];
    for limit in limits {
        report.limit(limit);
    }
}
