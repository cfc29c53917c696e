//! The Node found on the search path, and how long its release line is looked after.
//!
//! A service may start another Node than this one; a start looks at the program it really runs.
//! Node's flags are hardening inside Node on every version, so the best answer is `Partial`: the
//! kernel's layers carry the claims.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use super::release_lines::{self, Date, Phase, Support};
use super::trial;
use crate::node::{self, Detected, Detection, NodeError, Version};
use ringfence_policy::layer::Layer;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "node", layer: Layer::NodeFlags, run };

/// A Node and its support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundNode {
    /// Real path.
    pub path: PathBuf,
    /// Such as `26.10.0`.
    pub version: String,
    /// The support of its release line today.
    pub support: Support,
}

fn run(facts: &Facts) -> Finding {
    judge(&find(facts), Date::today())
}

/// The Node on the search path, for the report.
pub(super) fn found(facts: &Facts) -> Option<FoundNode> {
    match find(facts) {
        Search::Found(path, version) => Some(FoundNode {
            path,
            version: node::show(version),
            support: release_lines::support(version[0], Date::today()),
        }),
        _ => None,
    }
}

enum Search {
    Found(PathBuf, Version),
    Nowhere,
    Unclear(NodeError),
}

fn find(facts: &Facts) -> Search {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&folders).map(|folder| folder.join("node"));
    let Some(path) =
        candidates.filter_map(|path| path.canonicalize().ok()).find(|path| is_file(path))
    else {
        return Search::Nowhere;
    };
    let ids = trial::ids(facts);
    let run_as = ids.switch.then_some((ids.uid, ids.gid));
    match node::detect(&path, &Detection { cache: None, run_as }) {
        Ok(Detected::Node(version)) => Search::Found(path, version),
        Ok(Detected::Other | Detected::SingleExecutable) => Search::Nowhere,
        Err(error) => Search::Unclear(error),
    }
}

fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn judge(search: &Search, today: Date) -> Finding {
    const UPDATE: &str = "install Node 24 or 26, the lines with long-term support";
    let (path, version) = match search {
        Search::Found(path, version) => (path, *version),
        Search::Nowhere => return Finding::not_needed("no Node on PATH"),
        Search::Unclear(error) => {
            return Finding::partial(error.to_string()).remedy(error.hint());
        }
    };
    let support = release_lines::support(version[0], today);
    let shown = node::show(version);
    let name = format!("Node {shown} ({}): {}", path.display(), support.describe());
    if version < node::OLDEST {
        let why = format!("{name}; its permission flags cannot express a boundary");
        return Finding::absent(why).remedy(UPDATE);
    }
    let finding = Finding::partial(format!(
        "{name}; its flags harden from inside, the kernel carries the claims"
    ));
    match support.phase {
        Phase::EndOfLife => finding.remedy(UPDATE),
        Phase::Unknown => finding.remedy("update ringfence: its table of Node releases is older"),
        Phase::ActiveLts | Phase::Current | Phase::Maintenance => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::layer::Answer;

    fn judged(version: Version) -> Finding {
        let today = Date { year: 2026, month: 11, day: 22 };
        judge(&Search::Found("/usr/bin/node".into(), version), today)
    }

    #[test]
    fn a_line_at_its_end_of_life_comes_with_what_to_install() {
        let finding = judged([20, 20, 2]);
        assert!(finding.seen.contains("end of life since 2026-04-30 (as of "), "{}", finding.seen);
        assert_eq!(finding.remedies.len(), 1);
    }

    #[test]
    fn a_supported_node_is_partial_without_anything_to_change() {
        let finding = judged([26, 10, 0]);
        assert!(matches!(finding.answer, Answer::Partial(_)));
        assert_eq!(finding.remedies, [""; 0]);
    }

    #[test]
    fn a_node_below_20_is_absent_and_none_at_all_is_not_needed() {
        assert!(matches!(judged([18, 20, 0]).answer, Answer::Absent(_)));
        let nowhere = judge(&Search::Nowhere, Date::today());
        assert_eq!(nowhere.answer, Answer::NotNeeded);
    }
}
