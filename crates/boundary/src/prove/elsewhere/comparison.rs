//! The table: every probe in every place.

use super::place::Place;
use super::works::Works;
use crate::prove::attempt::{Attempt, Outcome};
use crate::prove::battery::Side;
use crate::prove::probe::Probe;
use crate::prove::probes::PROBES;
use crate::prove::verdict::{Verdict, describe, judge};
use crate::prove::{Evidence, arena::LayerAnswer};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// What became of one attack in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was stopped, and it works outside.
    Blocked,
    /// It told nothing.
    Inconclusive,
    /// It cannot be tried there, there is nothing to attack, or it is refused outside as well.
    NotApplicable,
    /// It worked.
    Open,
    /// It worked against a kernel that the place brings itself; the host's was not reached.
    OwnKernel,
}

/// One attack in one place.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// What became of it.
    pub state: State,
    /// What happened, in words.
    pub detail: String,
}

/// How often each state occurs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Stopped.
    pub blocked: usize,
    /// Worked.
    pub open: usize,
    /// Worked against the place's own kernel only.
    pub own_kernel: usize,
    /// Not to be tried there.
    pub not_applicable: usize,
    /// Told nothing.
    pub inconclusive: usize,
}

/// One place.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceReport {
    /// Its id.
    pub id: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What of the boundary it cannot say.
    pub cannot: Vec<&'static str>,
    /// Its version.
    pub version: String,
    /// How a program was started there, one word each.
    pub command: Vec<String>,
    /// Why it could not be tried here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_run: Option<String>,
    /// Whether what is granted worked.
    pub works: BTreeMap<String, bool>,
    /// All attacks together.
    pub counts: Counts,
    /// Attacks by class.
    pub classes: BTreeMap<&'static str, Counts>,
    /// What the layers answered; ringfence only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerAnswer>,
}

/// One attack in every place.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Id of the probe.
    pub probe: &'static str,
    /// Kind of thing attacked.
    pub class: &'static str,
    /// The claim it attacks.
    pub claim: String,
    /// What was tried.
    pub attack: &'static str,
    /// What became of it, by place.
    pub cells: BTreeMap<&'static str, Cell>,
}

/// The battery side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Version of this form.
    pub schema: u32,
    /// Where and with what it was made.
    pub evidence: Evidence,
    /// The columns, ringfence first.
    pub places: Vec<PlaceReport>,
    /// The rows, in the order of the battery.
    pub probes: Vec<Row>,
}

/// Id of ringfence's own column.
pub(super) const OURS: &str = "ringfence";

/// What one place came to.
pub(super) struct Column {
    report: PlaceReport,
    place: Option<&'static Place>,
    side: Option<Side>,
}

impl Column {
    pub(super) fn ringfence(side: Side, works: Works) -> Self {
        let report = PlaceReport {
            id: OURS,
            what: "ringfence run, with the boundary file as it is",
            cannot: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: ["ringfence", "run"].map(str::to_owned).to_vec(),
            not_run: None,
            works: works.into_iter().collect(),
            counts: Counts::default(),
            classes: BTreeMap::new(),
            layers: side.layers.clone(),
        };
        Self { report, place: None, side: Some(side) }
    }

    pub(super) fn of(
        place: &'static Place,
        version: String,
        command: &[OsString],
        side: Side,
        works: Works,
    ) -> Self {
        let mut column = Self::not_run(place, String::new());
        column.report.version = version;
        column.report.command =
            command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        column.report.not_run = None;
        column.report.works = works.into_iter().collect();
        column.side = Some(side);
        column
    }

    pub(super) fn not_run(place: &'static Place, why: String) -> Self {
        let report = PlaceReport {
            id: place.id,
            what: place.what,
            cannot: place.cannot.to_vec(),
            version: String::new(),
            command: Vec::new(),
            not_run: Some(why),
            works: BTreeMap::new(),
            counts: Counts::default(),
            classes: BTreeMap::new(),
            layers: Vec::new(),
        };
        Self { report, place: Some(place), side: None }
    }
}

impl Comparison {
    pub(super) fn of(evidence: Evidence, mut columns: Vec<Column>, control: &Side) -> Self {
        let rows: Vec<Row> = PROBES.iter().map(|probe| row(probe, &columns, control)).collect();
        for column in &mut columns {
            for row in &rows {
                let Some(cell) = row.cells.get(column.report.id) else { continue };
                column.report.counts.add(cell.state);
                column.report.classes.entry(row.class).or_default().add(cell.state);
            }
        }
        let places = columns.into_iter().map(|column| column.report).collect();
        Self { schema: 1, evidence, places, probes: rows }
    }

    /// Attacks that are in the first state in one place and in the second in another.
    pub(super) fn between(&self, open: &str, blocked: &str) -> Vec<&Row> {
        let is = |row: &Row, place: &str, state| {
            row.cells.get(place).is_some_and(|cell| cell.state == state)
        };
        let rows = self.probes.iter();
        rows.filter(|row| is(row, open, State::Open) && is(row, blocked, State::Blocked)).collect()
    }

    /// 0 when nothing is open in ringfence's column, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let ours = self.places.iter().find(|place| place.id == OURS);
        u8::from(ours.is_none_or(|place| place.counts.open > 0))
    }
}

impl Counts {
    fn add(&mut self, state: State) {
        *match state {
            State::Blocked => &mut self.blocked,
            State::Inconclusive => &mut self.inconclusive,
            State::NotApplicable => &mut self.not_applicable,
            State::Open => &mut self.open,
            State::OwnKernel => &mut self.own_kernel,
        } += 1;
    }
}

fn row(probe: &'static Probe, columns: &[Column], control: &Side) -> Row {
    let of = |side: &Side| {
        let found = side.attempts.get(probe.id).cloned();
        found.unwrap_or_else(|| Attempt::nothing("it was not run"))
    };
    let outside = of(control);
    let cells = columns.iter().filter_map(|column| {
        let inside = of(column.side.as_ref()?);
        let cell = match column.place {
            None => Cell { state: strict(probe, &inside, &outside), detail: describe(&inside) },
            Some(place) => kind(place, probe, &inside, &outside),
        };
        Some((column.report.id, cell))
    });
    Row {
        probe: probe.id,
        class: probe.class.id(),
        claim: probe.claim.to_string(),
        attack: probe.attack,
        cells: cells.collect(),
    }
}

/// As `prove` judges: only an expected refusal is one.
fn strict(probe: &Probe, inside: &Attempt, outside: &Attempt) -> State {
    match judge(probe, inside, outside).0 {
        Verdict::Blocked => State::Blocked,
        Verdict::Open => State::Open,
        Verdict::Inconclusive => match inside.outcome {
            Outcome::Failed if outside.outcome != Outcome::Succeeded => State::NotApplicable,
            Outcome::NotApplicable => State::NotApplicable,
            _ => State::Inconclusive,
        },
    }
}

/// For a peer every failure is a refusal, and what is known to be held by other means is held.
fn kind(place: &Place, probe: &Probe, inside: &Attempt, outside: &Attempt) -> Cell {
    let held = place.held.iter().find(|(id, _)| *id == probe.id);
    let state = match (inside.outcome, outside.outcome) {
        (Outcome::Succeeded, _) if held.is_some() => State::Blocked,
        (Outcome::Succeeded, _) if place.own_kernel.contains(&probe.id) => State::OwnKernel,
        (Outcome::Succeeded, _) => State::Open,
        (Outcome::Failed, Outcome::Succeeded) => State::Blocked,
        (Outcome::NotApplicable | Outcome::Failed, _) => State::NotApplicable,
        (Outcome::Nothing | Outcome::TimedOut, _) => State::Inconclusive,
    };
    let detail = match held {
        Some((_, by)) if state == State::Blocked => format!("{by}; {}", describe(inside)),
        _ => describe(inside),
    };
    Cell { state, detail }
}
