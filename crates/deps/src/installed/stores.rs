//! Trees with a store: each package in a folder of its own below `node_modules/.pnpm`, `.bun` or `.store`,
//! with links to what it asks for beside it.
//!
//! pnpm, Bun and npm put a package into `FOLDER/node_modules/NAME`, Yarn into `FOLDER/package`. The
//! folder's name says name and version; where it does not say them whole, the installed manifest does,
//! and its bytes are compared with the tarball of what it claims to be.

use super::discover::{Found, list};
use super::npm::installed;
use super::places::{Places, is_for_some, tell_missing};
use super::{Kind, Report, Verification};
use ringfence_project::graph::{Format, Graph, Need, Package, PackageId};
use ringfence_project::walk;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// The folders in `node_modules` that are stores.
pub(super) const NAMES: [&str; 3] = [".pnpm", ".bun", ".store"];

/// A folder or link of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inside<'a> {
    /// Its part of the store: the folder with a package and its links.
    pub(super) store: &'a str,
    /// The name it is found by; none of Yarn's `package` folder.
    pub(super) name: Option<&'a str>,
}

pub(super) fn places(
    verification: &Verification<'_>,
    found: &Found,
    report: &mut Report,
) -> Places {
    let graph = verification.graph;
    let releases = Releases::of(graph);
    let is_npm = matches!(graph.format, Format::Npm(_));
    let mut places = Places { renames: is_npm, ..Places::default() };
    let mut seen = BTreeSet::new();
    for folder in &found.packages {
        let Some(inside) = split(folder) else {
            if !NAMES.iter().any(|name| folder.starts_with(&format!("node_modules/{name}/"))) {
                let message = if folder.contains("/node_modules/") || !found.virtual_store {
                    "the lockfile does not have it"
                } else {
                    "a link to the store belongs here"
                };
                report.deviates("", Kind::ExtraPackage, folder, message);
            }
            // What is deeper is for who compares the package around it.
            continue;
        };
        match releases.find(inside, || installed(verification, folder)) {
            Some((_, id)) if is_stand_in(verification, graph.package(id), folder) => {
                places.stand_ins.insert(folder.clone());
            }
            Some((label, id)) => {
                places.of.insert(folder.clone(), id);
                seen.insert(label);
            }
            None => {
                report.deviates("", Kind::ExtraPackage, folder, "the lockfile does not have it");
            }
        }
    }
    let missing: Vec<_> = releases
        .by_label
        .iter()
        .filter(|(label, _)| !seen.contains(label.as_str()))
        .map(|(label, id)| (label.clone(), graph.package(*id)))
        .filter(|(_, package)| !package.bundled)
        .collect();
    let listed = current_lockfile(verification);
    tell_missing(verification, &missing, listed.as_ref(), report);
    places
}

/// What a link or folder of a store is: `node_modules/.pnpm/FOLDER/node_modules/NAME`, or Yarn's
/// `node_modules/.store/FOLDER/package`. npm has a folder for each scope besides.
pub(super) fn split(folder: &str) -> Option<Inside<'_>> {
    let rest = folder.strip_prefix("node_modules/")?;
    let (kind, rest) = rest.split_once('/')?;
    if !NAMES.contains(&kind) {
        return None;
    }
    let is_part = |store: &str| {
        !store.contains('/') || (kind == ".store" && scoped(store)) && !store.is_empty()
    };
    if let Some(store) = rest.strip_suffix("/package").filter(|_| kind == ".store") {
        return is_part(store).then_some(Inside { store, name: None });
    }
    let (store, name) = rest.split_once("/node_modules/")?;
    let is_one = !name.contains('/') || scoped(name);
    (is_one && is_part(store)).then_some(Inside { store, name: Some(name) })
}

/// `@scope/name`
fn scoped(name: &str) -> bool {
    name.starts_with('@') && name.matches('/').count() == 1
}

/// The releases of a lockfile, by what stores call them.
struct Releases {
    by_label: HashMap<String, PackageId>,
    /// Yarn's words: `@scope-name-npm-1.0.0`.
    by_slug: HashMap<String, String>,
}

impl Releases {
    fn of(graph: &Graph) -> Self {
        let mut by_label = HashMap::new();
        let mut by_slug = HashMap::new();
        for (id, package) in graph.ids() {
            let version = package.version.as_deref().unwrap_or_default();
            let slug = format!("{}-npm-{version}", slug(&package.name));
            by_slug.entry(slug).or_insert_with(|| package.label());
            by_label.entry(package.label()).or_insert(id);
        }
        Self { by_label, by_slug }
    }

    fn find(
        &self,
        inside: Inside<'_>,
        manifest: impl Fn() -> Option<(String, String)>,
    ) -> Option<(&str, PackageId)> {
        let by_label = |label: &str| {
            let (label, id) = self.by_label.get_key_value(label)?;
            Some((label.as_str(), *id))
        };
        let by_folder = if let Some(name) = inside.name {
            named(inside.store, name).and_then(|label| by_label(&label))
        } else {
            let slug = inside.store.rsplit_once('-').map(|(slug, _)| slug);
            slug.and_then(|slug| self.by_slug.get(slug)).and_then(|label| by_label(label))
        };
        by_folder.or_else(|| {
            let (name, version) = manifest()?;
            let fits = match inside.name {
                Some(own) => own == name,
                None => inside.store.starts_with(&format!("{}-", slug(&name))),
            };
            let found = by_label(&format!("{name}@{version}")).or_else(|| by_label(&name));
            found.filter(|_| fits)
        })
    }
}

/// A name as Yarn writes it in folders.
fn slug(name: &str) -> String {
    name.replace('/', "-")
}

/// `name@version`, where the folder's name says it: it is cut where it would be too long, and peers and
/// hashes stand behind it.
fn named(store: &str, name: &str) -> Option<String> {
    let rest = store.strip_prefix(&name.replace('/', "+"))?.strip_prefix('@')?;
    let version = rest.split(['_', '(']).next().unwrap_or(rest);
    Some(format!("{name}@{version}"))
}

/// Whether this is what Yarn writes for a package of another system: a manifest that says so, and
/// nothing else.
fn is_stand_in(verification: &Verification<'_>, package: &Package, folder: &str) -> bool {
    let at = verification.folder.join(folder);
    let is_alone = list(&at).is_ok_and(|listed| {
        listed.alone().is_some_and(|(name, kind)| name == "package.json" && kind.is_file())
    });
    if !is_alone || !is_for_some(package) {
        return false;
    }
    let text = walk::text(&at.join("package.json"), 4096).unwrap_or_default();
    let told: Value = serde_json::from_str(&text).unwrap_or_default();
    told == json!({ "name": package.name, "mocked": true })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_links_of_stores_are_told_apart_from_what_is_in_packages() {
        fn told(path: &str) -> Option<(&str, Option<&str>)> {
            split(path).map(|inside| (inside.store, inside.name))
        }
        let is = |store, name| Some((store, name));
        assert_eq!(told("node_modules/.pnpm/a@1.0.0/node_modules/a"), is("a@1.0.0", Some("a")));
        assert_eq!(
            told("node_modules/.bun/a@1.0.0/node_modules/@s/b"),
            is("a@1.0.0", Some("@s/b"))
        );
        assert_eq!(told("node_modules/.store/a-npm-1.0.0-0/package"), is("a-npm-1.0.0-0", None));
        assert_eq!(
            told("node_modules/.store/@s/a@1.0.0-x/node_modules/@s/a"),
            is("@s/a@1.0.0-x", Some("@s/a"))
        );
        assert_eq!(told("node_modules/.pnpm/a@1.0.0/node_modules/a/node_modules/b"), None);
        assert_eq!(told("node_modules/.pnpm/node_modules/a"), None);
        assert_eq!(told("node_modules/a"), None);
    }
}
