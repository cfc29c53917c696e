//! Hoisted trees: npm names every folder in its lockfile; of others the installed manifest tells.

use super::discover::{Found, plain};
use super::named::manifest;
use super::places::{Places, tell_missing};
use super::{Kind, Report, Verification};
use ringfence_project::graph::{PackageId, Target};
use ringfence_project::walk;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Largest list that is read, in bytes: that of five thousand packages has some three million.
const LARGEST: u64 = 32 << 20;

pub(super) fn places(
    verification: &Verification<'_>,
    found: &Found,
    report: &mut Report,
) -> Places {
    let mut places =
        Places { by_npm: true, renames: true, has_own_modes: true, ..Places::default() };
    let mut missing = Vec::new();
    for (id, package) in verification.graph.ids() {
        let Some(folder) = plain(&package.key) else {
            report.unknown(&package.label(), "it lies outside of the project");
            continue;
        };
        if package.bundled {
            places.bundled.insert(folder);
        } else if found.packages.contains(&folder) {
            places.of.insert(folder, id);
        } else if found.links.contains_key(&folder) {
            let message = "it is a link, and the lockfile has a package here";
            report.deviates(&package.label(), Kind::Link, &folder, message);
        } else {
            missing.push((folder, package));
        }
    }
    let listed = hidden_lockfile(verification);
    tell_missing(verification, &missing, listed.as_ref(), report);
    tell_extra(&places, found, report);
    tell_versions(verification, &mut places, report);
    places
}

/// What npm wrote down as installed.
fn hidden_lockfile(verification: &Verification<'_>) -> Option<BTreeSet<String>> {
    let file = verification.folder.join("node_modules/.package-lock.json");
    let bytes = walk::bytes(&file, LARGEST).ok()?;
    let listed: Listed = serde_json::from_slice(&bytes).ok()?;
    Some(listed.packages.into_keys().collect())
}

/// The folders alone: the tree could have been made to fill the memory.
#[derive(Deserialize)]
struct Listed {
    #[expect(clippy::zero_sized_map_values, reason = "serde reads an object as a map")]
    packages: BTreeMap<String, IgnoredAny>,
}

/// Folders that no package has, outside of all packages: those inside are for who compares these.
fn tell_extra(places: &Places, found: &Found, report: &mut Report) {
    for folder in &found.packages {
        if !places.of.contains_key(folder) && places.around(folder).is_none() {
            report.deviates("", Kind::ExtraPackage, folder, "the lockfile does not have it");
        }
    }
}

/// Another version is told as that, and not file by file.
fn tell_versions(verification: &Verification<'_>, places: &mut Places, report: &mut Report) {
    let mut other = Vec::new();
    for (folder, id) in &places.of {
        let package = verification.graph.package(*id);
        let Some((_, version)) = installed(verification, folder) else { continue };
        if let Some(wanted) = package.version.as_deref().filter(|wanted| !same(wanted, &version)) {
            let message = format!("it is {version}, and the lockfile has {wanted}");
            report.deviates(&package.label(), Kind::VersionDiffers, folder, message);
            other.push(folder.clone());
        }
    }
    places.of.retain(|folder, _| !other.contains(folder));
    // What lies below is still looked at, as nobody's.
    places.bundled.extend(other);
}

/// Versions are the same without what does not count.
fn same(one: &str, other: &str) -> bool {
    fn bare(text: &str) -> &str {
        let text = text.trim().trim_start_matches(['v', '=']);
        text.split('+').next().unwrap_or(text)
    }
    bare(one) == bare(other)
}

/// Name and version that an installed manifest says.
pub(super) fn installed(verification: &Verification<'_>, folder: &str) -> Option<(String, String)> {
    let (name, version) = manifest(verification.folder, folder)?;
    Some((name?, version?))
}

/// Yarn, Bun and pnpm's `node-linker=hoisted`: folders are not in the lockfile, so the manifest of each
/// says which package it wants to be, and its bytes are compared with that one's.
pub(super) fn places_by_manifest(
    verification: &Verification<'_>,
    found: &Found,
    report: &mut Report,
) -> Places {
    let graph = verification.graph;
    let mut by_release: HashMap<(&str, &str), PackageId> = HashMap::new();
    for (id, package) in graph.ids() {
        let version = package.version.as_deref().unwrap_or_default();
        by_release.entry((&package.name, version)).or_insert(id);
    }
    // The names that others give it.
    let importers = graph.importers.iter().flat_map(|one| &one.edges);
    let edges = importers.chain(graph.packages.iter().flat_map(|one| &one.edges));
    let called: HashSet<(&str, PackageId)> = edges
        .filter_map(|edge| {
            let Some(Target::Package(id)) = edge.to else { return None };
            let package = graph.package(id);
            let version = package.version.as_deref().unwrap_or_default();
            Some((edge.name.as_str(), *by_release.get(&(package.name.as_str(), version))?))
        })
        .collect();
    let mut places = Places::default();
    let mut seen = BTreeSet::new();
    for folder in &found.packages {
        let Some((name, version)) = installed(verification, folder) else { continue };
        if let Some(id) = by_release.get(&(name.as_str(), version.as_str())) {
            let own = folder.rsplit_once("node_modules/").map_or(folder.as_str(), |(_, own)| own);
            if own != name && !called.contains(&(own, *id)) {
                let message = format!("it is {name}@{version}, which nobody asks for by this name");
                report.deviates("", Kind::ExtraPackage, folder, message);
            }
            places.of.insert(folder.clone(), *id);
            seen.insert((name, version));
        }
    }
    tell_extra(&places, found, report);
    let missing: Vec<_> = by_release
        .iter()
        .filter(|((name, version), _)| !seen.contains(&((*name).to_owned(), (*version).to_owned())))
        .map(|(_, id)| (graph.package(*id).label(), graph.package(*id)))
        .collect();
    tell_missing(verification, &missing, None, report);
    places
}
