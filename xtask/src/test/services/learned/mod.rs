//! Boundary files that nobody wrote: learned from the traffic of the services and of the example.
//!
//! Of each boundary file all grants are taken out, the service is learned from under its own
//! traffic, and the file that comes of it must do what the file written by hand does: the same
//! answers, nothing refused, nothing open. Then each learned grant is taken out in turn: a grant
//! without which the traffic is the same is one that nobody needs.

mod grants;

use super::description::{self, Description};
use super::place::Place;
use super::stores::{Facts, Stores};
use super::visit::{self, How, Patience, Seen, Visit};
use super::{compare, proof};
use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::places::{self, Build};
use crate::printer::{say, step};
use crate::process::check_interrupted;
use crate::surroundings::Surroundings;
use crate::test::lanes::{self, OnNodes, in_lanes};
use crate::test::tally::Tally;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Services that are learned from at the same time.
const LANES: usize = 2;
/// The example, whose traffic is in a folder of its own.
const ORDERS: &str = "orders";

/// What every service is learned with.
struct Means {
    ringfence: PathBuf,
    nodes: Vec<Node>,
    facts: Facts,
}

/// Learns from every service whose name holds `filter`.
pub(crate) fn run(filter: Option<&str>) -> Result<Tally, Failure> {
    step("Boundaries learned from services and from the example, and each grant taken out again");
    let mut tally = Tally::default();
    let folder = places::root().join("tests/node");
    let mut all = description::read_all(&folder.join("learned"))?;
    all.extend(description::read_all(&folder.join("services"))?);
    let chosen = |service: &&Description| filter.is_none_or(|text| service.name.contains(text));
    let chosen: Vec<&Description> = all.iter().filter(chosen).collect();
    let named = |line: (u32, u32)| chosen.iter().any(|service| newest(service) == line.0);
    let nodes = lanes::nodes("tests/node/services", named, &mut tally)?;
    let wanted: Vec<&str> =
        chosen.iter().flat_map(|service| service.needs.iter()).map(String::as_str).collect();
    let ringfence = places::ringfence(Build::Dev)?;
    let (facts, stores) = Stores::start(&wanted)?;
    let means = Means { ringfence, nodes, facts };
    tally.add(in_lanes(LANES, &chosen, |service| on_its_node(service, &means)));
    let stopped = stores.stop();
    check_interrupted()?;
    stopped?;
    Ok(tally)
}

/// A service is learned from once: on the newest Node that it names.
fn newest(service: &Description) -> u32 {
    service.nodes.iter().copied().max().unwrap_or_default()
}

/// Learns from one service and prints one line.
fn on_its_node(service: &Description, means: &Means) -> Tally {
    if let Some(why) = service.needs.iter().find_map(|need| means.facts.lacking.get(need)) {
        let not_run = vec![format!("learned {}: {why}", service.name)];
        return Tally { not_run, ..Tally::default() };
    }
    let began = Instant::now();
    let its = means.nodes.iter().find(|node| node.line().0 == newest(service));
    let shown = OnNodes::each(its, |node| {
        round(service, node, means).map(|said| format!("{} ({said})", node.line().0))
    });
    say(format!(
        "{} {:<15} {} s on {}{}",
        shown.verdict(),
        service.name,
        began.elapsed().as_secs(),
        shown.on(", "),
        shown.complaints,
    ));
    shown.tally()
}

/// The whole way of one service; the example with what it needs around it.
fn round(service: &Description, node: &Node, means: &Means) -> Result<String, String> {
    let words = |failure: Failure| format!("installing: {failure}");
    if service.name != ORDERS {
        let place = Place::prepare(service, node, &means.facts).map_err(words)?;
        return Round { service, node, place: &place, means }.go();
    }
    npm::install_locked(&places::orders()).map_err(words)?;
    let surroundings = Surroundings::start().map_err(words)?;
    let place = Place::prepare_orders(service, &places::orders().join("run")).map_err(words);
    let went = place.and_then(|place| Round { service, node, place: &place, means }.go());
    let stopped = surroundings.stop().map_err(words);
    let said = went?;
    stopped.map(|()| said)
}

/// One service on its Node.
struct Round<'a> {
    service: &'a Description,
    node: &'a Node,
    place: &'a Place,
    means: &'a Means,
}

impl Round<'_> {
    fn go(&self) -> Result<String, String> {
        let control = self.inside(&self.place.boundary(), visit::LONG);
        let control = control.map_err(|why| format!("under its own file: {why}"))?;
        let (base, learned) = self.learn(&control)?;
        let config = self.write("learned.toml", &learned)?;
        let file = || format!("\nthe learned file\n{learned}");
        let seen = self.inside(&config, visit::LONG);
        let seen = seen.map_err(|why| format!("under the learned file: {why}{}", file()))?;
        compare::compare(("under its own file", &control), ("under the learned file", &seen))
            .map_err(|why| why + &file())?;
        visit::judge_stray(self.service, &seen.denials).map_err(|why| why + &file())?;
        let proven =
            proof::prove(&config, self.node, &self.means.ringfence).map_err(|why| why + &file())?;
        let grants = grants::added(&base, &learned)?;
        if grants.is_empty() {
            return Err("nothing was learned".to_owned());
        }
        let needless: Vec<String> = grants
            .iter()
            .filter_map(|grant| self.is_needless(&control, &learned, grant).transpose())
            .collect::<Result<_, _>>()?;
        let listed = |told: &String| self.service.spare.iter().any(|spare| told.starts_with(spare));
        let is_stale = |spare: &&String| !needless.iter().any(|told| told.starts_with(*spare));
        if let Some(stale) = self.service.spare.iter().find(is_stale) {
            return Err(format!("listed as spare and not learned, or needed: {stale}{}", file()));
        }
        let idle = |told: &String| self.is_below_tmp() && told.starts_with("fs.");
        let needless: Vec<String> =
            needless.iter().filter(|told| !listed(told) && !idle(told)).cloned().collect();
        if needless.is_empty() {
            return Ok(format!(
                "{} grants, {} spare; {proven}",
                grants.len(),
                self.service.spare.len()
            ));
        }
        Err(format!("nobody needs\n{}{}", needless.join("\n"), file()))
    }

    /// The file without grants, and what learning made of it.
    fn learn(&self, control: &Seen) -> Result<(String, String), String> {
        let written = read(&self.place.boundary())?;
        let base = grants::without_any(&written)?;
        let config = self.write("learned.toml", &base)?;
        let how = How::Learned { ringfence: &self.means.ringfence, config: &config };
        let learning = |why| format!("while learning: {why}");
        let mut seen = self.pay(how, visit::LONG).map_err(learning)?;
        // Its own exit code says whether a program failed, and one that a signal ended has.
        seen.code = control.code;
        compare::compare(("under its own file", control), ("while it was learned from", &seen))?;
        Ok((base, read(&config)?))
    }

    /// Says so when the traffic is the same without this grant.
    fn is_needless(
        &self,
        control: &Seen,
        learned: &str,
        grant: &grants::Grant,
    ) -> Result<Option<String>, String> {
        check_interrupted().map_err(|failure| failure.to_string())?;
        let config = self.write("dropped.toml", &grants::without(learned, grant)?)?;
        // Without a grant that is listed as spare it is meant to work, however slow this machine is.
        let told = grant.to_string();
        let is_spare = self.service.spare.iter().any(|spare| told.starts_with(spare));
        let patience = if is_spare { visit::LONG } else { visit::SHORT };
        let Ok(seen) = self.inside(&config, patience) else { return Ok(None) };
        if compare::compare(("before", control), ("after", &seen)).is_err() {
            return Ok(None);
        }
        let refused = visit::judge_stray(self.service, &seen.denials);
        let why = refused.err().unwrap_or_else(|| "nothing is refused without it".to_owned());
        Ok(Some(format!("{grant} ({why})")))
    }

    /// A boundary has a `/tmp` of its own, which Node's flags grant whole: a grant of files that lie
    /// there, because the checkout does, can be idle.
    fn is_below_tmp(&self) -> bool {
        self.place.folder.starts_with("/tmp")
    }

    fn inside(&self, config: &Path, patience: Patience) -> Result<Seen, Failure> {
        let ringfence = &self.means.ringfence;
        self.pay(How::Inside { ringfence, config, attacked: false }, patience)
    }

    fn pay(&self, how: How<'_>, patience: Patience) -> Result<Seen, Failure> {
        let Self { service, node, place, .. } = *self;
        Visit { service, node, place, how, patience }.pay()
    }

    /// A boundary file beside the service's own: paths count from its folder.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.place.folder.join(name);
        std::fs::write(&path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}
