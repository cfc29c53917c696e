//! Tests that are run on several Nodes, some at the same time: who runs next, what is counted.

use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::process::check_interrupted;
use crate::test::tally::Tally;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The Nodes of the release lines that are `wanted`, oldest first; one that is not installed is
/// noted as not run.
pub(crate) fn nodes(
    suite: &str,
    wanted: impl Fn((u32, u32)) -> bool,
    tally: &mut Tally,
) -> Result<Vec<Node>, Failure> {
    let mut nodes = Vec::new();
    for version in npm::NODE_VERSIONS {
        if !wanted(npm::line(version)) {
            continue;
        }
        match npm::node(version)? {
            Some(node) => nodes.push(node),
            None => tally
                .not_run
                .push(format!("{suite} on Node {version}: not installed (`cargo xtask setup`)")),
        }
    }
    Ok(nodes)
}

/// Runs every test, `lanes` of them at the same time, and adds up what they count. What has not
/// begun when this process is asked to stop is left out.
pub(crate) fn in_lanes<T: Sync>(
    lanes: usize,
    tests: &[T],
    count: impl Fn(&T) -> Tally + Sync,
) -> Tally {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if check_interrupted().is_err() {
                        break;
                    }
                    let counted = count(test);
                    total.lock().unwrap_or_else(PoisonError::into_inner).add(counted);
                }
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What one test showed on its Nodes.
#[derive(Debug, Default)]
pub(crate) struct OnNodes {
    /// What it said on each Node where it held.
    pub(crate) good: Vec<String>,
    /// What was wrong on the others, indented, one paragraph each.
    pub(crate) complaints: String,
    failed: u64,
}

impl OnNodes {
    /// Tries it on each Node; the error says what is wrong.
    pub(crate) fn each<'a>(
        nodes: impl IntoIterator<Item = &'a Node>,
        attempt: impl Fn(&Node) -> Result<String, String>,
    ) -> Self {
        let mut shown = Self::default();
        for node in nodes {
            match attempt(node) {
                Ok(said) => shown.good.push(said),
                Err(why) => {
                    let indented = why.replace('\n', "\n       ");
                    let _ = write!(shown.complaints, "\n     on Node {}: {indented}", node.version);
                    shown.failed += 1;
                }
            }
        }
        shown
    }

    /// The word that its line begins with.
    pub(crate) fn verdict(&self) -> &'static str {
        if self.complaints.is_empty() { "ok  " } else { "FAIL" }
    }

    /// Where it held.
    pub(crate) fn on(&self, between: &str) -> String {
        if self.good.is_empty() { "no Node".to_owned() } else { self.good.join(between) }
    }

    /// One test on one Node counts as one.
    pub(crate) fn tally(&self) -> Tally {
        let passed = u64::try_from(self.good.len()).unwrap_or(u64::MAX);
        Tally { passed, failed: self.failed, not_run: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_is_counted_once_whatever_the_number_of_lanes() {
        for lanes in [1, 2, 7] {
            let tests: Vec<u64> = (0..5).collect();
            let counted = in_lanes(lanes, &tests, |&test| Tally {
                passed: 1,
                failed: test,
                ..Tally::default()
            });
            assert_eq!((counted.passed, counted.failed), (5, 10));
        }
    }

    #[test]
    fn a_test_that_fails_on_one_node_counts_on_the_other() {
        let node = |version: &str| Node { version: version.to_owned(), path: "node".into() };
        let nodes = [node("22.0.0"), node("24.0.0")];
        let shown = OnNodes::each(&nodes, |node| match node.line().0 {
            22 => Ok("22".to_owned()),
            _ => Err("one\ntwo".to_owned()),
        });
        assert_eq!((shown.tally().passed, shown.tally().failed), (1, 1));
        assert_eq!((shown.verdict(), shown.on(" ").as_str()), ("FAIL", "22"));
        assert_eq!(shown.complaints, "\n     on Node 24.0.0: one\n       two");
    }
}
