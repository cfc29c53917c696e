//! Services that this project did not write, out of the npm registry: each runs bare, then inside
//! the boundary file beside it, answers the same traffic both times, and is proven.
//!
//! The bare run is the control. What a service is refused inside must be listed with its reason,
//! and what is listed must happen, so a boundary file can neither be too narrow in silence nor
//! carry excuses that nobody needs any more.

mod description;
mod place;
mod proof;
mod stores;
mod visit;

use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::places::{self, Build};
use crate::printer::{say, step};
use crate::process::check_interrupted;
use crate::test::tally::Tally;
use description::Description;
use place::Place;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use stores::{Facts, Stores};
use visit::Visit;

/// Services that are tested at the same time.
const LANES: usize = 2;

/// What every service is tested with.
struct Means {
    ringfence: std::path::PathBuf,
    nodes: BTreeMap<u32, Node>,
    facts: Facts,
}

/// Runs every service whose name holds `filter` on the Nodes it names.
pub(crate) fn run(filter: Option<&str>) -> Result<Tally, Failure> {
    step("Services from the registry, bare, inside their boundary, and proven");
    let mut tally = Tally::default();
    let all = description::read_all(&places::root().join("tests/node/services"))?;
    let chosen = |service: &&Description| filter.is_none_or(|text| service.name.contains(text));
    let chosen: Vec<&Description> = all.iter().filter(chosen).collect();
    let nodes = nodes(&chosen, &mut tally)?;
    let wanted: Vec<&str> =
        chosen.iter().flat_map(|service| service.needs.iter()).map(String::as_str).collect();
    let ringfence = places::ringfence(Build::Dev)?;
    let (facts, stores) = Stores::start(&wanted)?;
    tally.add(in_lanes(&chosen, &Means { ringfence, nodes, facts }));
    let stopped = stores.stop();
    check_interrupted()?;
    stopped?;
    Ok(tally)
}

/// The Nodes that the services name, by major version; one that is missing is noted as not run.
fn nodes(services: &[&Description], tally: &mut Tally) -> Result<BTreeMap<u32, Node>, Failure> {
    let mut nodes = BTreeMap::new();
    for version in npm::NODE_VERSIONS {
        let major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        if services.iter().all(|service| !service.nodes.contains(&major)) {
            continue;
        }
        match npm::node(version)? {
            Some(node) => drop(nodes.insert(major, node)),
            None => tally.not_run.push(format!(
                "tests/node/services on Node {version}: not installed (`cargo xtask setup`)"
            )),
        }
    }
    Ok(nodes)
}

fn in_lanes(services: &[&Description], means: &Means) -> Tally {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(service) = services.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if check_interrupted().is_err() {
                        break;
                    }
                    let counted = on_its_nodes(service, means);
                    total.lock().unwrap_or_else(PoisonError::into_inner).add(counted);
                }
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Installs one service, tries it on each of its Nodes, and prints one line.
fn on_its_nodes(service: &Description, means: &Means) -> Tally {
    let mut tally = Tally::default();
    if let Some(why) = service.needs.iter().find_map(|need| means.facts.lacking.get(need)) {
        tally.not_run.push(format!("tests/node/services {}: {why}", service.name));
        return tally;
    }
    let began = Instant::now();
    let (mut good, mut complaints) = (Vec::new(), String::new());
    for major in &service.nodes {
        let Some(node) = means.nodes.get(major) else { continue };
        match on_node(service, node, means) {
            Ok(proven) => good.push(format!("{major} ({proven})")),
            Err(why) => {
                let indented = why.replace('\n', "\n       ");
                let _ = write!(complaints, "\n     on Node {}: {indented}", node.version);
                tally.failed += 1;
            }
        }
    }
    tally.passed += u64::try_from(good.len()).unwrap_or(0);
    let verdict = if complaints.is_empty() { "ok  " } else { "FAIL" };
    let on = if good.is_empty() { "no Node".to_owned() } else { good.join(", ") };
    say(format!(
        "{verdict} {:<10} {}\n       {} s on {on}{complaints}",
        service.name,
        service.promise,
        began.elapsed().as_secs(),
    ));
    tally
}

/// Bare, inside, compared, proven; the error says what is wrong, the success what was proven.
fn on_node(service: &Description, node: &Node, means: &Means) -> Result<String, String> {
    let place =
        Place::prepare(service, node, &means.facts).map_err(|why| format!("installing: {why}"))?;
    let visit = |ringfence: Option<&Path>| Visit { service, node, place: &place, ringfence }.pay();
    let bare = visit(None).map_err(|why| format!("bare: {why}"))?;
    if bare.lines.is_empty() {
        return Err("the traffic of the control says nothing".to_owned());
    }
    let inside = visit(Some(&means.ringfence)).map_err(|why| format!("inside: {why}"))?;
    visit::compare(&bare, &inside)?;
    visit::judge_denials(service, &inside.denials)?;
    proof::prove(&place, node, &means.ringfence)
}
