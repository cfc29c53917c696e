//! What a unit starts, and as whom.

use super::unit::{Unit, words};
use super::wanted_of;
use crate::drift::{Comparison, Drift, start};
use crate::render::systemd::Setting;
use crate::render::{Entry, Order};

/// The words of the command, without the prefixes that say how it is started.
fn command_words(unit: &Unit<'_>) -> Option<(Vec<String>, usize)> {
    let start = unit.last("ExecStart")?;
    Some((words(start.value.trim_start_matches(PREFIXES)), start.line))
}

/// Characters in front of a command.
const PREFIXES: [char; 6] = ['-', '@', ':', '+', '!', '|'];

/// How the unit starts the service; `None` when neither way is recognised.
pub(super) fn entry(unit: &Unit<'_>) -> Option<Entry> {
    start::entry(&command_words(unit)?.0)
}

/// Compares the command and the user.
pub(super) fn compare(
    order: &Order<'_>,
    unit: &Unit<'_>,
    wanted: &[Setting],
    comparison: &mut Comparison,
) {
    command(order, unit, comparison);
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

fn command(order: &Order<'_>, unit: &Unit<'_>, comparison: &mut Comparison) {
    let (argv, line) =
        command_words(unit).map_or((Vec::new(), None), |(argv, line)| (argv, Some(line)));
    let inner = start::compare(order, &argv, "ExecStart", line);
    comparison.drifts.extend(inner.drifts);
    comparison.compared += inner.compared;
    let Some(start) = unit.last("ExecStart") else { return };
    let others = unit.of("ExecStart");
    if others.len() > 1 {
        comparison.drifts.extend(others.iter().rev().skip(1).map(|one| Drift {
            code: "not-enforced",
            place: "ExecStart".to_owned(),
            line: Some(one.line),
            wanted: "one command".to_owned(),
            found: one.value.clone(),
            why: "a further command is started outside of the boundary".to_owned(),
        }));
    }
    let prefix = start.value.chars().take_while(|c| PREFIXES.contains(c));
    let prefix: Vec<char> = prefix.collect();
    if prefix.iter().any(|c| matches!(c, '@' | ':' | '|')) {
        comparison.drifts.push(Drift {
            code: "unknown-setting",
            place: "ExecStart".to_owned(),
            line: Some(start.line),
            wanted: "no prefix".to_owned(),
            found: start.value.clone(),
            why: "the prefix makes the command another one than it looks like".to_owned(),
        });
    }
    if prefix.iter().any(|c| matches!(c, '+' | '!')) {
        comparison.drifts.push(Drift {
            code: "runs-as-root",
            place: "ExecStart".to_owned(),
            line: Some(start.line),
            wanted: "no prefix".to_owned(),
            found: start.value.clone(),
            why: "the prefix starts it with root's rights, past the unit's own settings".to_owned(),
        });
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
