//! Folders that belong to packages of the lockfile.

use super::{Kind, Report, Verification};
use ringfence_project::graph::{Need, Package, PackageId};
use std::collections::{BTreeMap, BTreeSet};

/// Which folder belongs to which package of the lockfile.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Folder, from the project's, and package.
    pub(super) of: BTreeMap<String, PackageId>,
    /// Folders of packages that came inside a tarball, by the lockfile.
    pub(super) bundled: BTreeSet<String>,
    /// Folders that stand for packages of other systems, and have nothing of them.
    pub(super) stand_ins: BTreeSet<String>,
    /// Whether npm's own rules hold for where packages are.
    pub(super) by_npm: bool,
    /// Whether npm wrote the files: it renames `.gitignore`.
    pub(super) renames: bool,
    /// Whether modes are npm's: pnpm's files share theirs with other projects.
    pub(super) has_own_modes: bool,
}

impl Places {
    /// The innermost place that a path lies in.
    pub(super) fn around(&self, path: &str) -> Option<(&str, PackageId)> {
        let mut at = path;
        while let Some((above, _)) = at.rsplit_once('/') {
            if let Some((folder, id)) = self.of.get_key_value(above) {
                return Some((folder, *id));
            }
            at = above;
        }
        None
    }
}

/// Says of packages of the lockfile that are nowhere whether that is in order. `listed` is what the
/// manager wrote down as installed, where it did.
pub(super) fn tell_missing(
    verification: &Verification<'_>,
    missing: &[(String, &Package)],
    listed: Option<&BTreeSet<String>>,
    report: &mut Report,
) {
    let is_dev = |package: &Package| matches!(package.need, Need::Dev | Need::DevOptional);
    let all = verification.graph.packages.iter();
    let dev = all.filter(|package| is_dev(package) && !package.bundled).count();
    let no_dev = missing.iter().filter(|(_, package)| is_dev(package)).count() == dev;
    for (key, package) in missing {
        let written_down = listed.map(|listed| listed.contains(key));
        let may_be_left_out = match (package.need, written_down) {
            (_, Some(true)) => false,
            (Need::Optional | Need::DevOptional, _) | (Need::Dev, Some(false)) => true,
            (Need::Dev, None) if is_for_some(package) => true,
            (Need::Dev, None) => no_dev,
            // Without a manifest nobody knows who needs what.
            _ => is_for_some(package),
        };
        if may_be_left_out {
            report.left_out += 1;
        } else {
            report.deviates(&package.label(), Kind::MissingPackage, key, "");
        }
    }
}

/// Whether it is for some systems alone: an install leaves it out elsewhere.
pub(super) fn is_for_some(package: &Package) -> bool {
    !package.os.is_empty() || !package.cpu.is_empty() || !package.libc.is_empty()
}
