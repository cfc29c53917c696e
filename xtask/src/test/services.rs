//! Services that this project did not write, out of the npm registry: each runs bare, then inside
//! the boundary file beside it, answers the same traffic both times, and is proven.
//!
//! The bare run is the control. What a service is refused inside must be listed with its reason,
//! and what is listed must happen, so a boundary file can neither be too narrow in silence nor
//! carry excuses that nobody needs any more.

mod compare;
mod description;
pub(crate) mod learned;
mod place;
mod proof;
mod stores;
mod visit;

use crate::failure::Failure;
use crate::npm::Node;
use crate::places::{self, Build};
use crate::printer::{say, step};
use crate::process::check_interrupted;
use crate::test::lanes::{self, OnNodes, in_lanes};
use crate::test::tally::Tally;
use description::Description;
use place::Place;
use std::time::Instant;
use stores::{Facts, Stores};
use visit::{How, Visit};

/// Services that are tested at the same time.
const LANES: usize = 2;

/// What every service is tested with.
struct Means {
    ringfence: std::path::PathBuf,
    nodes: Vec<Node>,
    facts: Facts,
}

/// Runs every service whose name holds `filter` on the Nodes it names.
pub(crate) fn run(filter: Option<&str>) -> Result<Tally, Failure> {
    step("Services from the registry, bare, inside their boundary, and proven");
    let mut tally = Tally::default();
    let all = description::read_all(&places::root().join("tests/node/services"))?;
    let chosen = |service: &&Description| filter.is_none_or(|text| service.name.contains(text));
    let chosen: Vec<&Description> = all.iter().filter(chosen).collect();
    let named = |line: (u32, u32)| chosen.iter().any(|service| service.nodes.contains(&line.0));
    let nodes = lanes::nodes("tests/node/services", named, &mut tally)?;
    let wanted: Vec<&str> =
        chosen.iter().flat_map(|service| service.needs.iter()).map(String::as_str).collect();
    let ringfence = places::ringfence(Build::Dev)?;
    let (facts, stores) = Stores::start(&wanted)?;
    let means = Means { ringfence, nodes, facts };
    tally.add(in_lanes(LANES, &chosen, |service| on_its_nodes(service, &means)));
    let stopped = stores.stop();
    check_interrupted()?;
    stopped?;
    Ok(tally)
}

/// Installs one service, tries it on each of its Nodes, and prints one line.
fn on_its_nodes(service: &Description, means: &Means) -> Tally {
    if let Some(why) = service.needs.iter().find_map(|need| means.facts.lacking.get(need)) {
        let not_run = vec![format!("tests/node/services {}: {why}", service.name)];
        return Tally { not_run, ..Tally::default() };
    }
    let began = Instant::now();
    let its = means.nodes.iter().filter(|node| service.nodes.contains(&node.line().0));
    let shown = OnNodes::each(its, |node| {
        on_node(service, node, means).map(|proven| format!("{} ({proven})", node.line().0))
    });
    say(format!(
        "{} {:<10} {}\n       {} s on {}{}",
        shown.verdict(),
        service.name,
        service.promise,
        began.elapsed().as_secs(),
        shown.on(", "),
        shown.complaints,
    ));
    shown.tally()
}

/// Bare, inside, compared, proven; the error says what is wrong, the success what was proven.
fn on_node(service: &Description, node: &Node, means: &Means) -> Result<String, String> {
    let place =
        Place::prepare(service, node, &means.facts).map_err(|why| format!("installing: {why}"))?;
    let visit = |how| Visit { service, node, place: &place, how, patience: visit::LONG }.pay();
    let bare = visit(How::Bare).map_err(|why| format!("bare: {why}"))?;
    if bare.lines.is_empty() {
        return Err("the traffic of the control says nothing".to_owned());
    }
    let (ringfence, config) = (means.ringfence.as_path(), place.boundary());
    let how = How::Inside { ringfence, config: &config, attacked: true };
    let inside = visit(how).map_err(|why| format!("inside: {why}"))?;
    compare::compare(("bare", &bare), ("inside", &inside))?;
    visit::judge_denials(service, &inside.denials)?;
    proof::prove(&config, node, ringfence)
}
