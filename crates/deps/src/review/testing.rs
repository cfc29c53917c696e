//! Two lockfiles in a line each, for tests of signals.

use super::{Review, review};
use crate::change::Change;
use crate::evidence::LockfileAlone;
use ringfence_project::graph::Graph;

/// The packages of a `package-lock.json` of version 3.
pub(crate) fn graph(packages: &str) -> Graph {
    let text = format!("{{\"lockfileVersion\": 3, \"packages\": {{{packages}}}}}");
    Graph::read("package-lock.json", &text, &[]).unwrap()
}

/// The codes of what is found between two of them, with nothing known but the files.
pub(crate) fn codes(old: &str, new: &str) -> Vec<&'static str> {
    let (old, new) = (graph(old), graph(new));
    let change = Change::between(&old, &new);
    let review = review(&Review { change: &change, evidence: &LockfileAlone, now: 0 });
    review.iter().map(|finding| finding.code).collect()
}
