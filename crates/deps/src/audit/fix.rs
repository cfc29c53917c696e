//! Which version would mend a vulnerability, and who stands in its way.

use super::path::Ways;
use crate::advisories::{Advisory, Verdict, is_before};
use crate::change::Release;
use crate::ranges;
use ringfence_project::graph::PackageId;
use serde::Serialize;

/// What would mend a vulnerability.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// The lowest later version that no advisory known here is about; `null` where nobody names one.
    pub version: Option<String>,
    /// Whether everybody who asks for the package is known to take that version: an update of the
    /// lockfile is enough then. Not known below packages of pnpm, whose lockfile has no ranges there.
    pub in_range: bool,
    /// Who would not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hindered_by: Vec<Hindrance>,
}

/// Somebody who asks for a range that the mended version is not in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hindrance {
    /// `name@version`; of the project, its name or folder.
    pub by: String,
    /// What it asks for.
    pub range: String,
}

/// The fix of a vulnerability that these advisories are about, among all that are known of the package.
pub(super) fn fix(
    release: &Release<'_>,
    about: &[&Advisory],
    known: &[Advisory],
    ways: &Ways<'_>,
    copies: &[PackageId],
) -> Fix {
    let clears = |version: &str, advisory: &Advisory| {
        advisory.affected.judge(version) == Verdict::Unaffected
    };
    let ends = known.iter().flat_map(|advisory| advisory.affected.fixes());
    let mut later: Vec<&str> = ends.filter(|version| is_before(release.version, version)).collect();
    later.retain(|version| about.iter().all(|advisory| clears(version, advisory)));
    let lowest = |one: &&str, two: &&str| {
        if is_before(one, two) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater }
    };
    let whole = |version: &&str| known.iter().all(|advisory| clears(version, advisory));
    let best = later.iter().copied().filter(whole).min_by(lowest);
    // Better than nothing: a version that another advisory is about.
    let Some(version) = best.or_else(|| later.iter().copied().min_by(lowest)) else {
        return Fix::default();
    };
    let askers = || copies.iter().flat_map(|id| ways.askers(*id));
    let mut hindered_by: Vec<Hindrance> = askers()
        .filter(|(_, edge)| ways.tells_range(edge))
        .filter(|(_, edge)| ranges::satisfies(&edge.range, version) != Some(true))
        .map(|(asker, edge)| Hindrance { by: ways.name_of(*asker), range: edge.range.clone() })
        .collect();
    hindered_by.sort();
    hindered_by.dedup();
    let known = copies.iter().all(|id| !ways.askers(*id).is_empty())
        && askers().all(|(_, edge)| ways.tells_range(edge));
    Fix {
        version: Some(version.to_owned()),
        in_range: known && hindered_by.is_empty(),
        hindered_by,
    }
}
