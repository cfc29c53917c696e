//! The compatibility programs of `tests/node`, each on every Node, outside and then inside.
//!
//! The run outside is the control: a program that does not do outside what it should shows
//! nothing and fails. The run inside must end with the same exit code and print the same lines, or
//! the lines that its comment says where a boundary is meant to make the difference.

use crate::failure::Failure;
use crate::npm::Node;
use crate::places::{self, Build};
use crate::printer::{say, step};
use crate::process::check_interrupted;
use crate::test::attempt::{Attempt, Outcome};
use crate::test::case::{self, Case};
use crate::test::lanes::{self, OnNodes, in_lanes};
use crate::test::tally::Tally;
use crate::test::world::World;
use std::path::Path;

/// Cases run at the same time; most of each is waiting.
const LANES: usize = 3;

/// Runs every case whose name holds `filter` on every Node.
pub(crate) fn run(filter: Option<&str>) -> Result<Tally, Failure> {
    step("Programs that must behave the same inside as outside");
    let mut tally = Tally::default();
    let nodes = lanes::nodes("tests/node", |_| true, &mut tally)?;
    let Some(newest) = nodes.last() else {
        tally.not_run.push("tests/node: no Node (`cargo xtask setup` installs them)".to_owned());
        return Ok(tally);
    };
    let ringfence = places::ringfence(Build::Dev)?;
    let cases = case::read_all(&places::root().join("tests/node/cases"))?;
    let chosen = |case: &&Case| filter.is_none_or(|text| case.name.contains(text));
    let chosen: Vec<&Case> = cases.iter().filter(chosen).collect();
    let (mut world, servers) = World::start(newest)?;
    if chosen.iter().any(|case| case.takes_addon()) {
        world.build_addon()?;
    }
    let counted = in_lanes(LANES, &chosen, |case| on_every_node(case, &nodes, &world, &ringfence));
    let stopped = servers.stop();
    tally.add(counted);
    check_interrupted()?;
    stopped?;
    Ok(tally)
}

/// Runs one case on every Node that can run it, and prints one line.
fn on_every_node(case: &Case, nodes: &[Node], world: &World, ringfence: &Path) -> Tally {
    if let Some(why) = case.needs.iter().find_map(|need| world.lacking.get(need)) {
        let not_run = vec![format!("tests/node {}: {why}", case.name)];
        return Tally { not_run, ..Tally::default() };
    }
    let able = nodes.iter().filter(|node| node.line() >= case.since);
    let shown = OnNodes::each(able, |node| {
        both(case, node, world, ringfence).map(|()| node.line().0.to_string())
    });
    say(format!(
        "{} {:<22} {:<19} {}{}",
        shown.verdict(),
        case.name,
        format!("on {}", shown.on(" ")),
        case.promise,
        shown.complaints,
    ));
    shown.tally()
}

/// Outside, then inside; the error says what is wrong.
fn both(case: &Case, node: &Node, world: &World, ringfence: &Path) -> Result<(), String> {
    let run = |ringfence: Option<&Path>| {
        Attempt { case, node, world, ringfence }.run().map_err(|failure| failure.to_string())
    };
    let bare = run(None).map_err(|why| format!("outside: {why}"))?;
    let expected_failure = case.name.starts_with("exit-") || case.name == "signals";
    if !expected_failure && bare.code != 0 {
        return Err(format!("the control outside ended with {}\n{}", bare.code, bare.shown()));
    }
    if bare.lines.is_empty() || (!case.bare.is_empty() && bare.lines != case.bare) {
        return Err(format!("the control outside does not show what it should\n{}", bare.shown()));
    }
    let inside = run(Some(ringfence)).map_err(|why| format!("inside: {why}"))?;
    let expected = if case.inside.is_empty() { &bare.lines } else { &case.inside };
    if inside.code == bare.code && inside.lines == *expected {
        return Ok(());
    }
    Err(difference(&bare, expected, &inside))
}

fn difference(bare: &Outcome, expected: &[String], inside: &Outcome) -> String {
    let wanted = expected.iter().zip(inside.lines.iter().map(Some).chain(std::iter::repeat(None)));
    let first =
        wanted.filter(|(expected, got)| Some(*expected) != *got).map(|(line, _)| line).next();
    format!(
        "inside it ended with {} (outside {}); first line that differs: {}\n{}",
        inside.code,
        bare.code,
        first.map_or("none missing, some more", |line| line),
        inside.shown(),
    )
}
