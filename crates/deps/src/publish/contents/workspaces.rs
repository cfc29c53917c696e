//! Workspaces: the packages that a package has below it, and what holds for one that is packed.

use super::super::pattern::{Budget, Case, Pattern};
use super::manifest::PackedManifest;
use super::{ContentsError, files, walk};
use ringfence_policy::display::quoted;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The workspaces of a package: folder, relative, and name.
pub(super) fn of(
    folder: &Path,
    manifest: &PackedManifest,
    budget: &Budget,
) -> Result<BTreeMap<String, String>, ContentsError> {
    let mut found = BTreeMap::new();
    let mut without = Vec::new();
    let listed = match manifest.value("workspaces") {
        Some(Value::Object(all)) => all.get("packages"),
        other => other,
    };
    let Some(Value::Array(listed)) = listed else { return Ok(found) };
    let patterns: Vec<&str> = listed.iter().filter_map(Value::as_str).collect();
    for pattern in &patterns {
        let bare = pattern.trim_start_matches('!');
        let is_negated = (pattern.len() - bare.len()) % 2 == 1;
        let bare = match bare.strip_prefix('.').filter(|rest| rest.starts_with('/')) {
            Some(rest) => rest.trim_start_matches('/'),
            None => bare.trim_start_matches('/'),
        };
        let bare = bare.trim_end_matches('/');
        if is_negated {
            let read = Pattern::read(bare, Case::Exact);
            let pattern = quoted(bare).to_string();
            without.push(read.map_err(|source| ContentsError::Pattern { pattern, source })?);
            continue;
        }
        for (path, is_folder) in files::matches(folder, bare, budget)? {
            let parts: Vec<&str> = path.split('/').collect();
            if !is_folder || parts.contains(&"node_modules") {
                continue;
            }
            let shown = format!("{path}/package.json");
            if let Some(read) = PackedManifest::read(&folder.join(&path), &shown)? {
                let last = parts.last().copied().unwrap_or_default();
                found.insert(path.clone(), read.name().unwrap_or(last).to_owned());
            }
        }
    }
    found.retain(|path, _| {
        let parts: Vec<&str> = path.split('/').collect();
        !without.iter().any(|pattern: &Pattern| pattern.matches(&parts, false, budget))
    });
    Ok(found)
}

/// Where this folder is a workspace of one above: the rules of the folders between, which npm puts beside
/// its defaults.
pub(super) fn rules_above(folder: &Path, budget: &Budget) -> Result<Vec<String>, ContentsError> {
    let Some(root) = root_above(folder, budget) else { return Ok(Vec::new()) };
    let mut rules = Vec::new();
    let between = folder.parent().unwrap_or(folder);
    let mut folders: Vec<PathBuf> = between
        .ancestors()
        .take_while(|one| one.starts_with(&root))
        .map(Path::to_path_buf)
        .collect();
    folders.reverse();
    for folder in folders {
        let file = [".npmignore", ".gitignore"].map(|name| folder.join(name));
        if let Some(file) = file.iter().find(|file| file.symlink_metadata().is_ok()) {
            rules.push(walk::text(file)?);
        }
    }
    Ok(rules)
}

/// The nearest package above that has this folder among its workspaces.
fn root_above(folder: &Path, budget: &Budget) -> Option<PathBuf> {
    let above = folder.ancestors().skip(1);
    let has_it = |root: &&Path| {
        let Ok(Some(manifest)) = PackedManifest::read(root, "package.json") else { return false };
        let Ok(inside) = folder.strip_prefix(root) else { return false };
        // Somebody else's package above this one is not this one's mistake.
        of(root, &manifest, budget)
            .is_ok_and(|all| all.contains_key(inside.to_string_lossy().as_ref()))
    };
    above.filter(|root| root.join("package.json").is_file()).find(has_it).map(Path::to_path_buf)
}
