//! A Dockerfile, compared with the boundary.
//!
//! What counts is the image: the last stage and what it takes from others. Stages before it matter
//! by what they run and by what they leave in layers. Bases are judged by their names, because
//! nothing is fetched; what a build argument without a default decides is undecided.

mod commands;
mod content;
mod image;
#[cfg(test)]
mod tests;
mod unknown;

use super::{Comparison, Deployed, Drift, DriftError};
use crate::render::Order;
use ringfence_project::dockerfile::{self, Dockerfile, Instruction, Stage};

/// Compares it.
///
/// # Errors
/// The text is no Dockerfile, or a template of one.
pub fn compare(order: &Order<'_>, deployed: Deployed<'_>) -> Result<Comparison, DriftError> {
    let file = dockerfile::parse(deployed.text).map_err(|error| DriftError::Malformed {
        path: deployed.path.to_owned(),
        line: error.line,
        what: if deployed.text.contains("{{") {
            format!("{}; it looks like a template: compare what it becomes", error.what)
        } else {
            error.what
        },
    })?;
    let mut judge = Judge { order, file: &file, comparison: Comparison::default() };
    judge.bases();
    judge.stages();
    judge.image();
    judge.unknown();
    let mut comparison = judge.comparison;
    comparison.drifts.sort_by_key(|drift| drift.line.unwrap_or(usize::MAX));
    comparison.undecided.sort();
    comparison.undecided.dedup();
    Ok(comparison)
}

/// What is known while a file is judged.
struct Judge<'a> {
    order: &'a Order<'a>,
    file: &'a Dockerfile,
    comparison: Comparison,
}

/// What was found to be weaker, before it is known where.
struct Weaker<'a> {
    code: &'static str,
    place: String,
    line: Option<usize>,
    wanted: &'a str,
    found: String,
    why: &'a str,
}

impl<'a> Judge<'a> {
    fn weaker(&mut self, weaker: Weaker<'_>) {
        self.comparison.drifts.push(Drift {
            code: weaker.code,
            place: weaker.place,
            line: weaker.line,
            wanted: weaker.wanted.to_owned(),
            found: weaker.found,
            why: weaker.why.to_owned(),
        });
    }

    fn undecided(&mut self, line: usize, what: &str) {
        self.comparison.undecided.push(format!("line {line}: {what}"));
    }

    fn compared(&mut self) {
        self.comparison.compared += 1;
    }

    /// The last stage with those below it, the last first.
    fn chain(&self) -> Vec<&'a Stage> {
        self.file.image()
    }

    /// The instructions of the image's own stages that `pick` takes, the nearest to the end first.
    fn effective<T>(
        &self,
        pick: impl Fn(&'a Instruction) -> Option<T>,
    ) -> Option<(&'a Stage, usize, T)> {
        self.chain().into_iter().find_map(|stage| {
            let mut instructions = stage.instructions.iter().rev();
            instructions.find_map(|one| pick(one).map(|found| (stage, one.line, found)))
        })
    }

    /// The base that no stage of the file is: an image, or `scratch`.
    fn outermost(&self) -> Option<&'a Stage> {
        self.chain().pop()
    }
}

/// `stage prune: RUN`
fn place(file: &Dockerfile, stage: &Stage, word: &str) -> String {
    match &stage.name {
        Some(name) => format!("stage {name}: {word}"),
        None => match file.stages.iter().position(|other| other.line == stage.line) {
            Some(number) if number + 1 < file.stages.len() => format!("stage {number}: {word}"),
            _ => format!("last stage: {word}"),
        },
    }
}

/// The last part of a path.
fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
