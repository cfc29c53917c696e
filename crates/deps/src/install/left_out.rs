//! What becomes of an optional package whose script failed: what its manager makes of it.
//!
//! npm takes the package out, with everything that needs it up to where it is optional and everything
//! that only those need, and forgets them in its hidden lockfile. pnpm does so from version 11 on, with the
//! package alone; before, it leaves it in place, unbuilt. Only a script that ended by itself counts: one
//! that was stopped ends the install, whoever asked for it.

use super::error::InstallError;
use super::fetch::Fetch;
use super::tools::Kind;
use crate::scripts::write::without_below;
use ringfence_project::graph::{EdgeKind, Graph, PackageId, Target};
use ringfence_project::walk;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// npm's own list of what it installed.
const HIDDEN_LOCKFILE: &str = "node_modules/.package-lock.json";
/// Its largest size, in bytes.
const LONGEST: u64 = 256 << 20;

/// An optional package whose script failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// `name@version`
    pub package: String,
    /// The script that failed.
    pub script: String,
    /// Its exit code; 128 and a number for a signal.
    pub code: Option<i32>,
    /// Folders that were taken out; none where the manager leaves the package in place.
    pub removed: Vec<String>,
}

const fn is_optional(kind: EdgeKind) -> bool {
    matches!(kind, EdgeKind::Optional | EdgeKind::PeerOptional)
}

/// Packages that nothing needs which is itself needed; what development needs is needed.
pub(super) fn optional(graph: &Graph) -> BTreeSet<PackageId> {
    let needs = |edges: &[ringfence_project::graph::Edge]| -> Vec<PackageId> {
        let needed = edges.iter().filter(|edge| !is_optional(edge.kind));
        needed.filter_map(|edge| package(edge.to)).collect()
    };
    let mut open: Vec<PackageId> =
        graph.importers.iter().flat_map(|importer| needs(&importer.edges)).collect();
    let mut needed = BTreeSet::new();
    while let Some(id) = open.pop() {
        if needed.insert(id) {
            open.extend(needs(&graph.package(id).edges));
        }
    }
    graph.ids().map(|(id, _)| id).filter(|id| !needed.contains(id)).collect()
}

const fn package(target: Option<Target>) -> Option<PackageId> {
    match target {
        Some(Target::Package(id)) => Some(id),
        _ => None,
    }
}

/// What npm takes out with a package: as its `optionalSet`.
fn with_it(graph: &Graph, failed: PackageId) -> BTreeSet<PackageId> {
    // All that cannot do without it.
    let mut set = BTreeSet::from([failed]);
    let mut open = vec![failed];
    while let Some(id) = open.pop() {
        for (from, one) in graph.ids() {
            let asks = |edge: &ringfence_project::graph::Edge| {
                package(edge.to) == Some(id) && !is_optional(edge.kind)
            };
            if one.edges.iter().any(asks) && set.insert(from) {
                open.push(from);
            }
        }
    }
    // What those ask for, as long as nobody else does.
    let mut all = set.clone();
    let mut open: Vec<PackageId> = set.iter().copied().collect();
    while let Some(id) = open.pop() {
        for to in graph.package(id).edges.iter().filter_map(|edge| package(edge.to)) {
            if !set.contains(&to) && all.insert(to) {
                open.push(to);
            }
        }
    }
    loop {
        let is_asked = |dep: &PackageId| {
            let asks = |edge: &ringfence_project::graph::Edge| package(edge.to) == Some(*dep);
            let others = graph.ids().filter(|(id, _)| !all.contains(id));
            others.into_iter().any(|(_, one)| one.edges.iter().any(asks))
                || graph.importers.iter().any(|one| one.edges.iter().any(asks))
        };
        let stay: Vec<PackageId> =
            all.iter().filter(|id| !set.contains(id) && is_asked(id)).copied().collect();
        if stay.is_empty() {
            return all;
        }
        for id in stay {
            all.remove(&id);
        }
    }
}

/// Takes a package out as its manager does; answers the folders that are gone, from the project's.
pub(super) fn take_out(
    fetch: &Fetch<'_>,
    graph: &Graph,
    places: &BTreeMap<String, PackageId>,
    folder: &str,
) -> Result<Vec<String>, InstallError> {
    let manager = &fetch.install.tools.manager;
    let root = fetch.staging.new_root();
    let major = manager.version.split('.').next().and_then(|text| text.parse::<u32>().ok());
    let folders: Vec<String> = match manager.kind {
        Kind::Npm => {
            let set = places.get(folder).map(|id| with_it(graph, *id)).unwrap_or_default();
            let of_set = places.iter().filter(|(_, id)| set.contains(id));
            of_set.map(|(folder, _)| folder.clone()).collect()
        }
        Kind::Pnpm if major.is_some_and(|major| major > 10) => vec![folder.to_owned()],
        Kind::Pnpm => Vec::new(),
    };
    for folder in &folders {
        let path = root.join(folder);
        let failed = InstallError::files("remove", &path);
        let removed = match manager.kind {
            Kind::Npm => without_commands(&path),
            Kind::Pnpm => without_links(fetch, &path),
        };
        removed
            .and_then(|()| match fs::remove_dir_all(&path) {
                // It lay in another one that is gone.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            })
            .map_err(failed)?;
    }
    if manager.kind == Kind::Npm {
        forget(&root.join(HIDDEN_LOCKFILE), &folders)?;
    }
    Ok(folders)
}

/// Removes the links in `.bin` beside a package that lead into it.
fn without_commands(folder: &Path) -> std::io::Result<()> {
    let above = folder.ancestors().find(|at| at.file_name().is_some_and(|n| n == "node_modules"));
    let Some(modules) = above else { return Ok(()) };
    let Ok(own) = folder.canonicalize() else { return Ok(()) };
    for link in links(&modules.join(".bin")) {
        if link.canonicalize().is_ok_and(|to| to.starts_with(&own)) {
            fs::remove_file(link)?;
        }
    }
    Ok(())
}

/// Removes the links to a package from the project's folders and from pnpm's hoisted one.
fn without_links(fetch: &Fetch<'_>, folder: &Path) -> std::io::Result<()> {
    let Ok(own) = folder.canonicalize() else { return Ok(()) };
    let trees = fetch.importers.iter().map(|importer| fetch.staging.tree(importer));
    let hoisted = fetch.staging.tree("").join(".pnpm/node_modules");
    for modules in trees.chain([hoisted]) {
        let scopes = fs::read_dir(&modules).into_iter().flatten().flatten();
        let scopes = scopes.filter(|entry| {
            entry.file_name().to_string_lossy().starts_with('@')
                && entry.file_type().is_ok_and(|kind| kind.is_dir())
        });
        let folders: Vec<PathBuf> = scopes.map(|entry| entry.path()).chain([modules]).collect();
        for link in folders.iter().flat_map(|folder| links(folder)) {
            if link.canonicalize().is_ok_and(|to| to == own) {
                fs::remove_file(link)?;
            }
        }
    }
    Ok(())
}

/// Links in a folder; none where there is no folder.
fn links(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    links.map(|entry| entry.path()).collect()
}

/// Takes folders, and what lay in them, out of npm's hidden lockfile.
fn forget(path: &Path, folders: &[String]) -> Result<(), InstallError> {
    let failed = || InstallError::files("change", path);
    let Ok(mut text) = walk::text(path, LONGEST) else { return Ok(()) };
    let other = |error: String| failed()(std::io::Error::other(error));
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| other(error.to_string()))?;
    let keys = value.get("packages").and_then(serde_json::Value::as_object);
    for key in keys.into_iter().flat_map(|all| all.keys()) {
        let is_gone = |folder: &String| {
            key.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if folders.iter().any(is_gone) {
            text = without_below(&text, "packages", key).map_err(other)?;
        }
    }
    fs::write(path, text).map_err(failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_do_without_it_goes_too_and_what_others_need_stays() {
        let text = r#"{"lockfileVersion": 3, "packages": {
            "": {"dependencies": {"a": "1"}, "devDependencies": {"d": "1"}, "optionalDependencies": {"o": "1", "p": "1"}},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"shared": "1"}},
            "node_modules/d": {"version": "1.0.0"},
            "node_modules/o": {"version": "1.0.0", "dependencies": {"n": "1", "shared": "1", "own": "1"}},
            "node_modules/p": {"version": "1.0.0", "optionalDependencies": {"n": "1"}},
            "node_modules/n": {"version": "1.0.0", "dependencies": {"below": "1"}},
            "node_modules/below": {"version": "1.0.0"},
            "node_modules/own": {"version": "1.0.0"},
            "node_modules/shared": {"version": "1.0.0"}}}"#;
        let graph = Graph::read("package-lock.json", text, &[]).unwrap();
        let names = |set: BTreeSet<PackageId>| -> BTreeSet<String> {
            set.into_iter().map(|id| graph.package(id).name.clone()).collect()
        };
        let all = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(names(optional(&graph)), all(&["below", "n", "o", "own", "p"]));
        let id = graph.ids().find(|(_, one)| one.name == "n").map(|(id, _)| id).unwrap();
        assert_eq!(names(with_it(&graph, id)), all(&["below", "n", "o", "own"]));
    }
}
