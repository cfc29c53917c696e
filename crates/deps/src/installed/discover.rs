//! What lies in `node_modules`, without following anything out of it.

use super::{InstalledError, Verification, stores};
use std::collections::{BTreeMap, BTreeSet};
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
    pub(super) commands: BTreeSet<String>,
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
        match fs::symlink_metadata(folder.join(&path)) {
            Ok(kind) if kind.is_dir() => found.modules(folder, &path)?,
            // Of the packages in it none is in the lockfile, wherever it leads.
            Ok(kind) => found.package(folder, path, kind.file_type())?,
            Err(error) if is_nothing(&error) => {}
            Err(_) => found.unreadable.push(path),
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
        let listed = list(&project.join(store)).map_err(InstalledError::Read)?;
        self.others.extend(listed.odd(store));
        for (name, kind) in listed.entries {
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
        self.others.extend(entries.odd(path));
        for (name, kind) in entries.entries {
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
        self.others.extend(entries.odd(path));
        for (name, kind) in entries.entries {
            let at = format!("{path}/{name}");
            match name.as_str() {
                ".bin" if kind.is_dir() => drop(self.commands.insert(at)),
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
        self.others.extend(entries.odd(path));
        for (name, kind) in entries.entries {
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

/// What a folder has, sorted.
pub(super) struct Listing {
    /// Names and kinds.
    pub(super) entries: Vec<(String, FileType)>,
    /// Names that are not UTF-8, as they are shown: no path leads back to them, and neither tarballs nor
    /// managers have such.
    odd: Vec<String>,
}

impl Listing {
    /// Entries whose names are not UTF-8, as paths that can be shown and not opened.
    pub(super) fn odd(&self, folder: &str) -> impl Iterator<Item = String> {
        self.odd.iter().map(move |name| format!("{folder}/{name}"))
    }

    /// Whether nothing at all is in it.
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.odd.is_empty()
    }

    /// The one entry, where there is no other.
    pub(super) fn alone(&self) -> Option<&(String, FileType)> {
        let [one] = self.entries.as_slice() else { return None };
        self.odd.is_empty().then_some(one)
    }
}

/// Names and kinds of a folder's entries.
pub(super) fn list(folder: &Path) -> io::Result<Listing> {
    let (mut entries, mut odd) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_name().into_string() {
            Ok(name) => entries.push((name, entry.file_type()?)),
            Err(name) => odd.push(name.to_string_lossy().into_owned()),
        }
    }
    entries.sort_by(|one, two| one.0.cmp(&two.0));
    odd.sort();
    Ok(Listing { entries, odd })
}

/// Whether an error says that nothing lies there.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn is_empty(path: &Path) -> bool {
    list(path).is_ok_and(|listed| listed.is_empty())
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
/// elsewhere, and for one that goes into a folder and out again: managers write none, and where the
/// folder is a link the system comes out elsewhere.
pub(super) fn followed(project: &Path, link: &str, target: &str) -> Option<String> {
    if Path::new(target).is_absolute() {
        let inside = Path::new(target).strip_prefix(project).ok()?;
        return plain(inside.to_str()?);
    }
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    let mut went_in = false;
    for part in target.split('/') {
        went_in |= !matches!(part, "" | "." | "..");
        match part {
            "" | "." => {}
            ".." if went_in => return None,
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
