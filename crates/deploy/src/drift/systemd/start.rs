//! What a unit starts, and as whom.

use super::unit::{Unit, words};
use super::wanted_of;
use crate::drift::{Comparison, Drift, node};
use crate::render::systemd::Setting;
use crate::render::{Entry, Order};

/// How the unit starts the service; `None` when neither way is recognised.
pub(super) fn entry(unit: &Unit<'_>) -> Option<Entry> {
    let command = words(&unit.last("ExecStart")?.value);
    let program = command.first()?.trim_start_matches(['-', '@', ':', '+', '!']);
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "ringfence" if command.get(1).is_some_and(|word| word == "run") => Some(Entry::Ringfence),
        "node" | "nodejs" => Some(Entry::Node),
        _ => None,
    }
}

/// Compares the command and the user.
pub(super) fn compare(
    order: &Order<'_>,
    entry: Option<Entry>,
    unit: &Unit<'_>,
    wanted: &[Setting],
    comparison: &mut Comparison,
) {
    command(order, entry, unit, comparison);
    user(unit, wanted, comparison);
    comparison.compared += 1;
    if let Some(mode) =
        unit.last("KillMode").filter(|mode| matches!(mode.value.as_str(), "none" | "process"))
    {
        comparison.drifts.push(Drift {
            code: "processes-stay",
            place: "KillMode".to_owned(),
            line: Some(mode.line),
            wanted: "mixed".to_owned(),
            found: mode.value.clone(),
            why: "what the service started goes on when it is stopped".to_owned(),
        });
    }
}

fn command(order: &Order<'_>, entry: Option<Entry>, unit: &Unit<'_>, comparison: &mut Comparison) {
    comparison.compared += 1;
    let mut drift = |line: Option<usize>, wanted: String, found: &str, why: &str| {
        comparison.drifts.push(Drift {
            code: "not-enforced",
            place: "ExecStart".to_owned(),
            line,
            wanted,
            found: found.to_owned(),
            why: why.to_owned(),
        });
    };
    let ours = order.ringfence_command().join(" ");
    let Some(start) = unit.last("ExecStart") else {
        drift(None, ours, "nothing", "nothing is started inside the boundary");
        return;
    };
    let argv = words(&start.value);
    if start
        .value
        .starts_with('-')
        .then(|| &start.value[1..])
        .unwrap_or(&start.value)
        .starts_with(['+', '!'])
    {
        drift(
            Some(start.line),
            ours,
            &start.value,
            "the prefix starts it with root's rights, past the unit's own settings",
        );
        return;
    }
    match entry {
        Some(Entry::Ringfence) => {
            let observes =
                argv.iter().take_while(|word| *word != "--").any(|word| word == "--observe");
            let config =
                argv.iter().position(|word| word == "--config").and_then(|at| argv.get(at + 1));
            if observes {
                drift(Some(start.line), ours, &start.value, "--observe enforces nothing");
            } else if config.is_some_and(|config| *config != order.file()) {
                drift(Some(start.line), ours, &start.value, "another boundary file is enforced");
            }
        }
        Some(Entry::Node) => {
            let mut inner = node::compare_words(order, &argv, crate::render::node::Place::Target);
            for drift in &mut inner.drifts {
                drift.place = format!("ExecStart: {}", drift.place);
                drift.line = Some(start.line);
            }
            comparison.drifts.extend(inner.drifts);
            comparison.compared += inner.compared;
        }
        None => drift(
            Some(start.line),
            ours,
            &start.value,
            "neither `ringfence run` nor Node with its permission flags holds it",
        ),
    }
}

fn user(unit: &Unit<'_>, wanted: &[Setting], comparison: &mut Comparison) {
    const WHY: &str = "root passes every permission of files and may change its own limits";
    comparison.compared += 1;
    let asked = wanted_of("User", wanted);
    let dynamic = unit.last("DynamicUser").is_some_and(|one| super::rules::is_on(&one.value));
    let found = unit.last("User");
    let root = |user: &str| matches!(user, "root" | "0");
    let (code, line, is, why) = match found {
        None if dynamic => return,
        None => ("runs-as-root", None, "nothing".to_owned(), WHY),
        Some(user) if root(&user.value) => {
            ("runs-as-root", Some(user.line), user.value.clone(), WHY)
        }
        Some(user) if asked.last().is_some_and(|asked| *asked != user.value) => (
            "other-user",
            Some(user.line),
            user.value.clone(),
            "files of another user are open to it",
        ),
        Some(_) => return,
    };
    let place = if asked.is_empty() { "DynamicUser" } else { "User" };
    comparison.drifts.push(Drift {
        code,
        place: place.to_owned(),
        line,
        wanted: asked.last().map_or_else(|| "yes".to_owned(), |user| (*user).to_owned()),
        found: is,
        why: why.to_owned(),
    });
}
