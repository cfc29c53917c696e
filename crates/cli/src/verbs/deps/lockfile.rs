//! A lockfile of a folder, with the manifests beside it that its form needs.

use crate::error::{CommandError, Kind};
use ringfence_project::graph::{Graph, GraphError, Manifest};
use ringfence_project::lockfile::{MAX_BYTES, NAMES};
use ringfence_project::{package, walk};
use std::path::{Path, PathBuf};

/// A lockfile that was read.
pub(super) struct Lock {
    path: PathBuf,
    /// The folder it lies in.
    pub(super) folder: PathBuf,
    /// What it installs.
    pub(super) graph: Graph,
}

impl Lock {
    /// As it is shown.
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// What the project may be called where nobody gave it a name.
    pub(super) fn name(&self) -> String {
        let folder = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| "project".to_owned())
    }
}

/// Reads a lockfile, or the one of a folder.
pub(super) fn read(place: &Path) -> Result<Lock, CommandError> {
    let path = if place.is_dir() { of_folder(place)? } else { place.to_owned() };
    let shown = path.display();
    let failed = |error: &dyn std::error::Error| {
        CommandError::new(Kind::Source, format!("cannot read {shown}")).caused_by(error)
    };
    let text = walk::text(&path, MAX_BYTES).map_err(|error| failed(&error))?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    let manifests = manifests(&folder);
    let borrowed: Vec<Manifest<'_>> =
        manifests.iter().map(|(folder, text)| Manifest { folder, text }).collect();
    let graph = Graph::read(&file.unwrap_or_default(), &text, &borrowed);
    let graph = graph.map_err(|error| match error {
        GraphError::UnknownName { .. } => failed(&error).hint(format!("known are {}", known())),
        error => failed(&error),
    })?;
    Ok(Lock { path, folder, graph })
}

/// The lockfile of a folder; two are two projects in one, and nobody can tell which one counts.
fn of_folder(folder: &Path) -> Result<PathBuf, CommandError> {
    let there = NAMES.iter().map(|(name, _)| folder.join(name));
    let there: Vec<PathBuf> = there.filter(|path| path.symlink_metadata().is_ok()).collect();
    match there.as_slice() {
        [only] => Ok(only.clone()),
        // Of its own two, npm takes the first.
        [first, second]
            if [first, second]
                .iter()
                .all(|path| path.extension().is_some_and(|end| end == "json")) =>
        {
            Ok(first.clone())
        }
        [] => {
            let message = format!("no lockfile in {}", folder.display());
            Err(CommandError::new(Kind::Source, message).hint(format!("known are {}", known())))
        }
        several => {
            let names: Vec<_> =
                several.iter().filter_map(|path| path.file_name()?.to_str()).collect();
            let message =
                format!("{} has several lockfiles: {}", folder.display(), names.join(", "));
            Err(CommandError::new(Kind::Source, message).hint("name the one that counts"))
        }
    }
}

fn known() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}

/// `package.json` of the folder and of the workspaces that it names: those that can be read.
fn manifests(folder: &Path) -> Vec<(String, String)> {
    let Ok(text) = walk::text(&folder.join("package.json"), package::MAX_BYTES) else {
        return Vec::new();
    };
    let workspaces = package::parse(&text).map(|package| package.workspaces).unwrap_or_default();
    let mut found = vec![(String::new(), text)];
    for pattern in workspaces {
        let pattern = pattern.value.trim_start_matches("./").trim_end_matches('/').to_owned();
        let places = match pattern.strip_suffix("/*").or_else(|| pattern.strip_suffix("/**")) {
            None => vec![pattern],
            Some(above) => below(folder, above),
        };
        for place in places {
            let manifest = folder.join(&place).join("package.json");
            if let Ok(text) = walk::text(&manifest, package::MAX_BYTES) {
                found.push((place, text));
            }
        }
    }
    found
}

/// The folders right below one.
fn below(folder: &Path, above: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join(above)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| Some(format!("{above}/{}", entry.file_name().to_str()?)))
        .collect();
    names.sort();
    names
}
