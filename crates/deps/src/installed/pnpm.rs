//! pnpm's virtual store: each package in a folder of its own below `node_modules/.pnpm`, with links to
//! what it asks for beside it.

use super::discover::Found;
use super::npm::installed;
use super::places::{Places, is_for_some, tell_missing};
use super::{Kind, Report, Verification};
use ringfence_project::graph::{Graph, Need, Package, PackageId};
use ringfence_project::walk;
use std::collections::{BTreeSet, HashMap};

const STORE: &str = "node_modules/.pnpm/";

pub(super) fn places(
    verification: &Verification<'_>,
    found: &Found,
    report: &mut Report,
) -> Places {
    let graph = verification.graph;
    let mut releases: HashMap<String, PackageId> = HashMap::new();
    for (id, package) in graph.ids() {
        releases.entry(package.label()).or_insert(id);
    }
    let mut places = Places::default();
    let mut seen = BTreeSet::new();
    for folder in &found.packages {
        let Some((store, name)) = split(folder) else {
            if !folder.starts_with(STORE) {
                report.deviates("", Kind::ExtraPackage, folder, "pnpm puts a link here");
            }
            // What is deeper is for who compares the package around it.
            continue;
        };
        let by_name = named(store, name).and_then(|label| releases.get_key_value(&label));
        let by_manifest = || {
            let (own, version) = installed(verification, folder).filter(|(own, _)| own == name)?;
            releases
                .get_key_value(&format!("{own}@{version}"))
                .or_else(|| releases.get_key_value(&own))
        };
        match by_name.or_else(by_manifest) {
            Some((label, id)) => {
                places.of.insert(folder.clone(), *id);
                seen.insert(label.as_str());
            }
            None => {
                report.deviates("", Kind::ExtraPackage, folder, "the lockfile does not have it");
            }
        }
    }
    let missing: Vec<_> = releases
        .iter()
        .filter(|(label, _)| !seen.contains(label.as_str()))
        .map(|(label, id)| (label.clone(), graph.package(*id)))
        .collect();
    let listed = current_lockfile(verification);
    tell_missing(verification, &missing, listed.as_ref(), report);
    places
}

/// The folder of the store and the name of the package in it: `.pnpm/FOLDER/node_modules/NAME`.
pub(super) fn split(folder: &str) -> Option<(&str, &str)> {
    let (store, name) = folder.strip_prefix(STORE)?.split_once("/node_modules/")?;
    let parts = name.split('/').count();
    let is_one = parts == 1 || (parts == 2 && name.starts_with('@'));
    (is_one && !store.contains('/')).then_some((store, name))
}

/// `name@version`, where the folder's name says it: it is cut where it would be too long.
fn named(store: &str, name: &str) -> Option<String> {
    let rest = store.strip_prefix(&name.replace('/', "+"))?.strip_prefix('@')?;
    let version = rest.split(['_', '(']).next().unwrap_or(rest);
    Some(format!("{name}@{version}"))
}

/// What pnpm wrote down as installed.
fn current_lockfile(verification: &Verification<'_>) -> Option<BTreeSet<String>> {
    let text = walk::text(&verification.folder.join("node_modules/.pnpm/lock.yaml"), 64 << 20);
    let graph = Graph::read("pnpm-lock.yaml", &text.ok()?, &[]).ok()?;
    // It lists what this machine needs not to have too.
    let needed = |package: &&Package| {
        !matches!(package.need, Need::Optional | Need::DevOptional) && !is_for_some(package)
    };
    Some(graph.packages.iter().filter(needed).map(Package::label).collect())
}
