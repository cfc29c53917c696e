//! The command that starts a service, whatever place names it.

use super::{Comparison, Drift, node};
use crate::render::node::Place;
use crate::render::{Entry, Order};

/// How a command starts the service; `None` when neither way is recognised.
#[must_use]
pub fn entry(argv: &[String]) -> Option<Entry> {
    let (program, rest) = argv.split_first()?;
    match program.rsplit('/').next().unwrap_or(program) {
        "ringfence" if rest.first().is_some_and(|word| word == "run") => Some(Entry::Ringfence),
        "node" | "nodejs" => Some(Entry::Node),
        _ => None,
    }
}

/// Whether a command is `ringfence run` with the boundary's file, and starts what that file says.
fn is_ours(order: &Order<'_>, argv: &[String]) -> bool {
    let known = ["ringfence", "/usr/bin/ringfence", Order::PROGRAM];
    let Some((program, rest)) = argv.split_first() else { return false };
    let file = order.file();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let behind = match rest.as_slice() {
        ["run", "--config", config, behind @ ..] if *config == file => behind,
        ["run", config, behind @ ..] if config.strip_prefix("--config=") == Some(&file) => behind,
        ["run", behind @ ..] => behind,
        _ => return false,
    };
    let start = order.boundary.service.start.iter().map(|word| word.value.as_str());
    let same = match behind {
        [] => true,
        ["--", words @ ..] => start.eq(words.iter().copied()),
        _ => false,
    };
    same && known.contains(&program.as_str())
}

/// Compares a command with absolute paths, which `place` names, at a line.
#[must_use]
pub fn compare(order: &Order<'_>, argv: &[String], place: &str, line: Option<usize>) -> Comparison {
    let mut comparison = Comparison { compared: 1, ..Comparison::default() };
    let found = if argv.is_empty() { "nothing".to_owned() } else { argv.join(" ") };
    let mut weaker = |why: &str| {
        comparison.drifts.push(Drift {
            code: "not-enforced",
            place: place.to_owned(),
            line,
            wanted: order.ringfence_command().join(" "),
            found: found.clone(),
            why: why.to_owned(),
        });
    };
    match entry(argv) {
        Some(Entry::Ringfence) => {
            let config = argv.iter().position(|word| word == "--config");
            let config = config.and_then(|at| argv.get(at + 1));
            if config.is_some_and(|config| *config != order.file()) {
                weaker("another boundary file is enforced");
            } else if !is_ours(order, argv) {
                weaker("it is another command than the boundary's");
            }
        }
        Some(Entry::Node) => {
            if let Some(word) = node::foreign_word(order, argv) {
                weaker(&format!("{word} is not of the boundary's command"));
            }
            let mut inner = node::compare_words(order, argv, Place::Target);
            for drift in &mut inner.drifts {
                drift.place = format!("{place}: {}", drift.place);
                drift.line = line;
            }
            comparison.drifts.extend(inner.drifts);
            comparison.compared += inner.compared;
        }
        None => weaker("neither `ringfence run` nor Node with its permission flags holds it"),
    }
    comparison
}
