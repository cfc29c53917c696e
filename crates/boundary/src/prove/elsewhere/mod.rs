//! The same battery in other places: nothing at all, Node's own flags, bubblewrap, gVisor.
//!
//! Every place gets the same boundary as far as its own means can say it, the same service user
//! and the same canaries, so that the columns can be read side by side. A place's way of starting a
//! program is one file here. What a tool cannot say (bubblewrap knows no host and port) is said in
//! its file and printed with the table. A peer is judged more kindly than ringfence: there, an act
//! that fails for whatever reason counts as blocked.

mod bubblewrap;
mod comparison;
mod node_permission;
mod nothing;
mod place;
mod render;
mod runsc;
mod there;
mod works;
mod workspace;

#[cfg(test)]
mod tests;

pub use comparison::{Cell, Comparison, Counts, PlaceReport, Row, State};

use super::battery::{Battery, Side};
use super::live::{self, Live};
use super::probes::PROBES;
use super::{Evidence, Facts, ProveError, ProveRequest, Stage, secret_sources};
use comparison::Column;
use place::Place;
use std::ffi::OsString;
use there::There;
use workspace::Workspace;

/// Every place besides ringfence itself, in the order of the table.
const PLACES: [&Place; 5] = [
    &nothing::PLACE,
    &node_permission::AS_WRITTEN,
    &node_permission::WORKING,
    &bubblewrap::PLACE,
    &runsc::PLACE,
];

/// What one look at a boundary needs, made anew for every place: acts that go through leave traces.
struct Scene {
    stage: Stage,
    facts: Facts,
    environment: Vec<(OsString, OsString)>,
    node: Option<OsString>,
}

/// Attacks a boundary with ringfence, and the same boundary in every other place that is installed
/// here. Must be called while this process has a single thread, and takes minutes.
///
/// # Errors
/// As [`super::prove`]. A peer that does not work here is not an error: its column says why.
pub fn compare(request: &ProveRequest<'_>) -> Result<Comparison, ProveError> {
    let workspace = Workspace::make()?;
    let scene = Scene::set(request)?;
    let live = scene.live(request);
    let battery = scene.battery(&live);
    let inside = battery.inside(PROBES)?;
    let control = battery.outside(PROBES)?;
    let evidence = Evidence::collect(request, &scene.facts, &inside.layers);
    let mut columns = vec![Column::ringfence(inside, works::find(&live, &scene))];
    drop(live);
    drop(scene);
    for place in PLACES {
        columns.push(elsewhere(request, place, &workspace)?);
    }
    Ok(Comparison::of(evidence, columns, &control))
}

/// The column of one place.
fn elsewhere(
    request: &ProveRequest<'_>,
    place: &'static Place,
    workspace: &Workspace,
) -> Result<Column, ProveError> {
    let scene = Scene::set(request)?;
    let there = There::new(place, request, &scene, workspace);
    let (version, command) = match there.try_out() {
        Ok(found) => found,
        Err(why) => return Ok(Column::not_run(place, why)),
    };
    let side: Side = scene.battery(&there).inside(PROBES)?;
    Ok(Column::of(place, version, &command, side, works::find(&there, &scene)))
}

impl Scene {
    fn set(request: &ProveRequest<'_>) -> Result<Self, ProveError> {
        let plan = live::resolve(request, None, request.environment)?;
        let facts = Facts::of(&plan, request.file.to_owned(), secret_sources(request));
        let stage = Stage::set(&facts)?;
        let canaries = stage.environment().into_iter();
        let canaries = canaries.map(|(name, value)| (name.into(), value.into()));
        let environment = request.environment.iter().cloned().chain(canaries).collect();
        let node = facts.node.is_some().then(|| plan.program.path.clone().into_os_string());
        Ok(Self { stage, facts, environment, node })
    }

    fn live<'a>(&self, request: &'a ProveRequest<'a>) -> Live<'a> {
        Live {
            request,
            environment: self.environment.clone(),
            grants: self.stage.grants().clone(),
            node: self.node.clone(),
            left_out: crate::enforce::lock::LeftOut::default(),
        }
    }

    fn battery<'a, A>(&'a self, arena: &'a A) -> Battery<'a, A> {
        Battery { arena, stage: &self.stage, node: self.facts.node.is_some() }
    }
}
