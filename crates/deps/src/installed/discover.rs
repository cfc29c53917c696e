//! What lies in `node_modules`, without following anything out of it.

use super::{InstalledError, Verification, stores};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::Path;

/// Most folders and links of packages.
const MOST: usize = 500_000;

/// Folders in which tools keep what they like. Nobody imports from there by name.
const TOOLS: [&str; 5] = [".cache", ".vite", ".vite-temp", ".vitest", ".package-map"];

/// What managers write about the tree itself.
const OWN: [&str; 9] = [
    ".modules.yaml",
    ".package-lock.json",
    ".package-map.json",
    ".pnpm-workspace-state-v1.json",
    ".pnpm-workspace-state.json",
    ".yarn-integrity",
    ".yarn-state.yml",
    ".bun-tag",
    ".npmrc",
];

/// What lies in the tree. Paths are from the project's folder, with `/`.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Folders of packages: `node_modules/NAME`, at any depth.
    pub(super) packages: BTreeSet<String>,
    /// Links in the place of a package, and where they lead, as written.
    pub(super) links: BTreeMap<String, String>,
    /// Folders of commands.
    pub(super) commands: Vec<String>,
    /// Folders of tools.
    pub(super) tools: Vec<String>,
    /// What is none of these.
    pub(super) others: Vec<String>,
    /// Folders that cannot be read.
    pub(super) unreadable: Vec<String>,
    /// Whether packages lie in a manager's folder of all of them.
    pub(super) virtual_store: bool,
    entries: usize,
}

pub(super) fn discover(verification: &Verification<'_>) -> Result<Found, InstalledError> {
    let folder = verification.folder;
    let top = fs::symlink_metadata(folder.join("node_modules"));
    match top {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let is_zipped = [".pnp.cjs", ".pnp.loader.mjs"]
                .iter()
                .any(|name| fs::symlink_metadata(folder.join(name)).is_ok());
            return Err(if is_zipped {
                InstalledError::PlugAndPlay
            } else {
                InstalledError::Absent
            });
        }
        Err(error) => return Err(InstalledError::Read(error)),
        Ok(found) if !found.is_dir() => return Err(InstalledError::NotAFolder),
        Ok(_) => {}
    }
    fs::read_dir(folder.join("node_modules")).map_err(InstalledError::Read)?;
    let mut found = Found::default();
    let importers = verification.graph.importers.iter().map(|importer| importer.folder.as_str());
    let roots: BTreeSet<&str> = importers.chain([""]).collect();
    for root in roots {
        // A folder beside the project is linked and is its own.
        let Some(root) = plain(root) else { continue };
        let path = if root.is_empty() {
            "node_modules".to_owned()
        } else {
            format!("{root}/node_modules")
        };
        if is_folder(&folder.join(&path)) {
            found.modules(folder, &path)?;
        }
    }
    for name in stores::NAMES {
        let store = format!("node_modules/{name}");
        if is_folder(&folder.join(&store)) {
            found.store(folder, &store)?;
        }
    }
    Ok(found)
}

impl Found {
    /// A store, or a scope's folder in that of npm.
    fn store(&mut self, project: &Path, store: &str) -> Result<(), InstalledError> {
        for (name, kind) in list(&project.join(store)).map_err(InstalledError::Read)? {
            let path = format!("{store}/{name}");
            let has = |inner: &str| is_folder(&project.join(&path).join(inner));
            if !kind.is_dir() {
                if name != "lock.yaml" {
                    self.others.push(path);
                }
            } else if name == "node_modules" {
                self.modules(project, &path)?;
            } else if name.starts_with('@')
                && !name[1..].contains(['@', '-', '+'])
                && !has("node_modules")
            {
                self.store(project, &path)?;
            } else {
                self.part(project, &path)?;
            }
        }
        Ok(())
    }

    /// One folder of a store: a package, and links to what it asks for. Nothing else belongs there.
    fn part(&mut self, project: &Path, path: &str) -> Result<(), InstalledError> {
        let Ok(entries) = list(&project.join(path)) else {
            self.unreadable.push(path.to_owned());
            return Ok(());
        };
        self.virtual_store = true;
        for (name, kind) in entries {
            let at = format!("{path}/{name}");
            match name.as_str() {
                "node_modules" if kind.is_dir() => self.modules(project, &at)?,
                "package" if kind.is_dir() && at.contains("/.store/") => {
                    self.package(project, at, kind)?;
                }
                _ => self.others.push(at),
            }
        }
        Ok(())
    }

    /// One `node_modules` folder.
    fn modules(&mut self, project: &Path, path: &str) -> Result<(), InstalledError> {
        let Ok(entries) = list(&project.join(path)) else {
            self.unreadable.push(path.to_owned());
            return Ok(());
        };
        for (name, kind) in entries {
            let at = format!("{path}/{name}");
            match name.as_str() {
                ".bin" if kind.is_dir() => self.commands.push(at),
                name if kind.is_dir()
                    && path == "node_modules"
                    && stores::NAMES.contains(&name) => {}
                name if kind.is_dir() && TOOLS.contains(&name) => self.tools.push(at),
                name if kind.is_file() && OWN.contains(&name) => {}
                // pnpm leaves it empty.
                ".tmp" if kind.is_dir() && is_empty(&project.join(&at)) => {}
                name if name.starts_with('@') && kind.is_dir() => self.scope(project, &at)?,
                name if name.starts_with('.') => self.others.push(at),
                _ => self.package(project, at, kind)?,
            }
        }
        Ok(())
    }

    fn scope(&mut self, project: &Path, path: &str) -> Result<(), InstalledError> {
        let Ok(entries) = list(&project.join(path)) else {
            self.unreadable.push(path.to_owned());
            return Ok(());
        };
        for (name, kind) in entries {
            self.package(project, format!("{path}/{name}"), kind)?;
        }
        Ok(())
    }

    fn package(
        &mut self,
        project: &Path,
        path: String,
        kind: FileType,
    ) -> Result<(), InstalledError> {
        self.entries += 1;
        if self.entries > MOST {
            return Err(InstalledError::TooMany(MOST));
        }
        if kind.is_symlink() {
            let target = fs::read_link(project.join(&path)).unwrap_or_default();
            self.links.insert(path, target.to_string_lossy().into_owned());
        } else if kind.is_dir() {
            let inner = format!("{path}/node_modules");
            if is_folder(&project.join(&inner)) {
                self.modules(project, &inner)?;
            }
            self.packages.insert(path);
        } else {
            self.others.push(path);
        }
        Ok(())
    }
}

/// Names and kinds of a folder's entries, sorted.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(String, FileType)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((shown(entry.file_name()), entry.file_type()?));
    }
    entries.sort_by(|one, two| one.0.cmp(&two.0));
    Ok(entries)
}

/// A name as text; what is not UTF-8 becomes a name that no tarball has.
fn shown(name: OsString) -> String {
    name.into_string().unwrap_or_else(|name| name.to_string_lossy().into_owned())
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn is_empty(path: &Path) -> bool {
    list(path).is_ok_and(|entries| entries.is_empty())
}

/// A path below the project, without `.`; nothing where it leads outside.
pub(super) fn plain(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => parts.push(part),
        }
    }
    (!path.starts_with('/')).then(|| parts.join("/"))
}

/// Where a link leads: a path from the project, found without the disk; nothing for an absolute path
/// elsewhere.
pub(super) fn followed(project: &Path, link: &str, target: &str) -> Option<String> {
    if Path::new(target).is_absolute() {
        let inside = Path::new(target).strip_prefix(project).ok()?;
        return plain(inside.to_str()?);
    }
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
