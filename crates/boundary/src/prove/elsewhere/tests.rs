//! The table's own rules.

use super::PLACES;
use super::comparison::{Column, Comparison, State};
use crate::prove::attempt::{Attempt, Outcome};
use crate::prove::battery::Side;
use crate::prove::{Evidence, PROBES};

fn side(outcome: Outcome, code: &str) -> Side {
    let attempt =
        Attempt { outcome, code: code.to_owned(), errno: None, detail: "detail".to_owned() };
    let attempts = PROBES.iter().map(|probe| (probe.id, attempt.clone())).collect();
    Side { attempts, ..Side::default() }
}

fn evidence() -> Evidence {
    Evidence {
        service: "compared".into(),
        boundary: "0".repeat(64),
        ringfence: "0.0.0",
        time: "2026-11-22T19:00:00.000Z".into(),
        host: "host".into(),
        kernel: "Linux".into(),
        node: None,
        users: [0, 1, 1],
        layers: Vec::new(),
    }
}

fn table(ours: Side, theirs: Outcome, control: Outcome) -> Comparison {
    let peers = PLACES.into_iter().map(|place| {
        let works = vec![("read".to_owned(), true)];
        Column::of(place, "1".into(), &["peer".into()], side(theirs, "EODD"), works)
    });
    let columns = std::iter::once(Column::ringfence(ours, Vec::new())).chain(peers).collect();
    Comparison::of(evidence(), columns, &side(control, ""))
}

fn refused() -> Side {
    let mut side = side(Outcome::Failed, "");
    for probe in PROBES {
        if let Some(attempt) = side.attempts.get_mut(probe.id) {
            probe.refusals[0].clone_into(&mut attempt.code);
        }
    }
    side
}

#[test]
fn a_peer_is_judged_more_kindly_than_ringfence() {
    let odd = table(side(Outcome::Failed, "EODD"), Outcome::Failed, Outcome::Succeeded);
    for row in &odd.probes {
        assert_eq!(row.cells["ringfence"].state, State::Inconclusive, "{}", row.probe);
        assert_eq!(row.cells["bubblewrap"].state, State::Blocked, "{}", row.probe);
    }
}

#[test]
fn what_fails_outside_too_is_no_merit_of_a_place() {
    let nothing = table(refused(), Outcome::Failed, Outcome::Failed);
    let within = |id: &str| PROBES.iter().any(|probe| probe.id == id && probe.act.is_within());
    for row in nothing.probes.iter().filter(|row| !within(row.probe)) {
        for (place, cell) in &row.cells {
            assert_eq!(cell.state, State::NotApplicable, "{} in {place}", row.probe);
        }
    }
}

#[test]
fn something_open_in_our_column_is_a_finding_and_is_listed_against_us() {
    let held = table(refused(), Outcome::Succeeded, Outcome::Succeeded);
    assert_eq!(held.exit_code(), 0);
    assert_eq!(held.between("bare", "ringfence").len(), PROBES.len());
    assert!(held.between("ringfence", "bare").is_empty());
    let broken = table(side(Outcome::Succeeded, ""), Outcome::Failed, Outcome::Succeeded);
    assert_eq!(broken.exit_code(), 1);
    assert_eq!(broken.between("ringfence", "bubblewrap").len(), PROBES.len());
    assert!(broken.render_human().contains("open in ringfence, blocked there"));
}

#[test]
fn every_exception_names_a_probe() {
    for place in PLACES {
        let held = place.held.iter().map(|(id, _)| id);
        for id in held.chain(place.own_kernel) {
            assert!(PROBES.iter().any(|probe| probe.id == *id), "{}: {id}", place.id);
        }
    }
}

#[test]
fn a_place_that_is_not_installed_is_said_by_name() {
    let missing = Column::not_run(PLACES[4], "runsc is not installed".to_owned());
    let columns = vec![Column::ringfence(refused(), Vec::new()), missing];
    let table = Comparison::of(evidence(), columns, &side(Outcome::Succeeded, ""));
    assert!(table.render_human().contains("not run: runsc: runsc is not installed"));
    assert!(table.render_human().lines().all(|line| line.chars().count() <= 84));
}
