//! Where a lockfile comes from: a file, a folder, or a git revision, each with the manifests that
//! some forms of lockfile need.

use crate::error::{CommandError, Kind};
use crate::revision;
use ringfence_project::graph::{Graph, GraphError, Manifest};
use ringfence_project::json::{self, Json};
use ringfence_project::lockfile::{MAX_BYTES, Manager, NAMES};
use ringfence_project::walk;
use std::path::{Path, PathBuf};

/// Largest manifest that is read, in bytes.
const MANIFEST: u64 = 4 << 20;

/// Most workspaces whose manifests are read.
const WORKSPACES: usize = 2000;

/// A lockfile that was read.
#[derive(Debug)]
pub(super) struct Side {
    /// As it is shown: a path, or `REVISION:PATH`.
    pub(super) shown: String,
    /// The path without a revision, as a report names the file.
    pub(super) path: String,
    /// What is in it.
    pub(super) graph: Graph,
}

/// Where files are read.
enum Place {
    /// A folder of this machine.
    Disk(PathBuf),
    /// A folder of a revision, counted from the current folder.
    Revision { name: String, folder: String },
}

/// Reads a lockfile: of a file, of a folder, of a revision, or of `REVISION:PATH`. Where there are
/// several, that with the name of the other side is taken.
pub(super) fn load(side: &str, other: &str) -> Result<Side, CommandError> {
    let (place, file) = find(side, other)?;
    let shown = place.shown(&file);
    let text = place.text(&file, MAX_BYTES)?;
    let name = lockfile_name(&file, &text);
    let manifests = match manager(name) {
        // Version 1 alone does not say who asks first; where it is, no folder is named.
        Manager::Npm if !text.contains("\"packages\"") => place.manifests()?,
        Manager::Yarn => place.manifests()?,
        Manager::Npm | Manager::Pnpm | Manager::Bun => Vec::new(),
    };
    let manifests: Vec<Manifest<'_>> =
        manifests.iter().map(|(folder, text)| Manifest { folder, text }).collect();
    let graph = Graph::read(name, &text, &manifests).map_err(|error| refused(&shown, &error))?;
    Ok(Side { path: place.path(&file), shown, graph })
}

fn refused(shown: &str, error: &GraphError) -> CommandError {
    let wrong = CommandError::new(Kind::Source, format!("{shown}: {error}"));
    match error {
        GraphError::Empty { .. } => {
            wrong.hint("nothing was looked at: name the lockfile of the project")
        }
        GraphError::Conflict { .. } => {
            wrong.hint("end the merge, and let the package manager write the file again")
        }
        _ => wrong.hint("let the package manager write the file again"),
    }
}

fn manager(name: &str) -> Manager {
    NAMES.iter().find(|(known, _)| *known == name).map_or(Manager::Npm, |(_, manager)| *manager)
}

/// The name under which a file is read: its own, else what its text looks like.
fn lockfile_name(file: &str, text: &str) -> &'static str {
    let own = file.rsplit('/').next().unwrap_or(file);
    if let Some((name, _)) = NAMES.iter().find(|(name, _)| *name == own) {
        return name;
    }
    let kind = Path::new(own).extension().and_then(|kind| kind.to_str());
    match kind {
        Some("yaml" | "yml") => "pnpm-lock.yaml",
        Some("lock") if text.trim_start().starts_with('{') => "bun.lock",
        Some("lock") => "yarn.lock",
        _ => "package-lock.json",
    }
}

/// Where a side is, and the file there.
fn find(side: &str, other: &str) -> Result<(Place, String), CommandError> {
    let path = Path::new(side);
    if side.is_empty() || side.starts_with('-') {
        let message = "neither a file nor a revision: it is empty or begins with -";
        return Err(CommandError::new(Kind::Usage, message));
    }
    if path.is_dir() {
        let place = Place::Disk(path.to_owned());
        let file = place.lockfile(other)?;
        return Ok((place, file));
    }
    let revision = std::fs::symlink_metadata(path).is_err()
        && !side.starts_with(['.', '/'])
        && NAMES.iter().all(|(name, _)| !side.ends_with(name) || side.contains(':'));
    if !revision {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok((Place::Disk(folder), name));
    }
    let (name, inside) = side.split_once(':').unwrap_or((side, ""));
    let inside = inside.trim_start_matches("./").trim_end_matches('/');
    let (folder, file) = inside.rsplit_once('/').unwrap_or(("", inside));
    let is_file = NAMES.iter().any(|(known, _)| *known == file) || file.contains('.');
    let folder = if is_file { folder } else { inside };
    let place = Place::Revision { name: name.to_owned(), folder: folder.to_owned() };
    let file = if is_file { file.to_owned() } else { place.lockfile(other)? };
    Ok((place, file))
}

impl Place {
    /// The lockfile of the folder: that of the other side's name where there is one, else the one
    /// that wins for its manager.
    fn lockfile(&self, other: &str) -> Result<String, CommandError> {
        let names = self.names("")?;
        let wanted = other.rsplit(['/', ':']).next().unwrap_or(other);
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        let mut known = NAMES.iter().map(|(name, _)| *name);
        let found = match known.clone().find(|name| *name == wanted && has(name)) {
            Some(name) => Some(name),
            None => known.find(|name| has(name)),
        };
        found.map(str::to_owned).ok_or_else(|| {
            let message = format!("no lockfile is in {}", self.shown(""));
            CommandError::new(Kind::Source, message)
                .hint("name a lockfile, a folder with one, a revision, or REVISION:PATH, such as main:services/api")
        })
    }

    fn names(&self, below: &str) -> Result<Vec<String>, CommandError> {
        match self {
            Self::Disk(folder) => {
                let folder = folder.join(below);
                let listed = std::fs::read_dir(&folder).map_err(|error| {
                    let message = format!("cannot read {}", folder.display());
                    CommandError::new(Kind::Source, message).caused_by(&error)
                })?;
                let names = listed.flatten().filter_map(|one| one.file_name().into_string().ok());
                let mut names: Vec<String> = names.collect();
                names.sort();
                Ok(names)
            }
            Self::Revision { name, folder } => revision::names(name, &joined(folder, below)),
        }
    }

    fn text(&self, file: &str, most: u64) -> Result<String, CommandError> {
        match self {
            Self::Disk(folder) => {
                let path = folder.join(file);
                walk::text(&path, most).map_err(|error| {
                    let wrong = CommandError::new(
                        Kind::Source,
                        format!("cannot read {}", self.shown(file)),
                    )
                    .caused_by(&error);
                    if file.ends_with("bun.lockb") {
                        return wrong.hint(
                            "`bun install --save-text-lockfile` writes one that can be read",
                        );
                    }
                    wrong.hint("name a lockfile, a folder with one, a revision, or REVISION:PATH")
                })
            }
            Self::Revision { name, folder } => {
                let path = joined(folder, file);
                revision::read_up_to(name, Path::new(&path), most).map(|source| source.text)
            }
        }
    }

    /// The manifests of the project and its workspaces; without the project's own there is none.
    fn manifests(&self) -> Result<Vec<(String, String)>, CommandError> {
        const NAME: &str = "package.json";
        if !self.names("")?.iter().any(|name| name == NAME) {
            return Ok(Vec::new());
        }
        let own = self.text(NAME, MANIFEST)?;
        let mut all = Vec::new();
        for pattern in workspaces(&own) {
            for folder in self.folders(&pattern).into_iter().take(WORKSPACES) {
                let has =
                    self.names(&folder).is_ok_and(|names| names.iter().any(|one| one == NAME));
                if has {
                    all.push((folder.clone(), self.text(&joined(&folder, NAME), MANIFEST)?));
                }
            }
        }
        all.push((String::new(), own));
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// The folders that a pattern names: itself, or what lies in the folder before its `*`.
    fn folders(&self, pattern: &str) -> Vec<String> {
        let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
        let Some((before, _)) = pattern.split_once('*') else { return vec![pattern.to_owned()] };
        let above = before.trim_end_matches('/');
        let names = self.names(above).unwrap_or_default();
        names.iter().filter(|name| !name.starts_with('.')).map(|name| joined(above, name)).collect()
    }

    fn path(&self, file: &str) -> String {
        match self {
            Self::Disk(folder) => {
                let path = folder.join(file);
                path.strip_prefix(".").unwrap_or(&path).display().to_string()
            }
            Self::Revision { folder, .. } => joined(folder, file),
        }
    }

    fn shown(&self, file: &str) -> String {
        match self {
            Self::Disk(folder) if file.is_empty() => match folder.to_str() {
                Some("" | ".") => "this folder".to_owned(),
                _ => folder.display().to_string(),
            },
            Self::Disk(_) => self.path(file),
            Self::Revision { name, .. } => format!("{name}:{}", self.path(file)),
        }
    }
}

fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// The patterns of `workspaces`: a list, or Yarn's object with one.
fn workspaces(manifest: &str) -> Vec<String> {
    let Ok(root) = json::parse(manifest) else { return Vec::new() };
    let Some(listed) = root.value.key("workspaces") else { return Vec::new() };
    let listed = listed.value.key("packages").unwrap_or(listed);
    listed
        .value
        .items()
        .iter()
        .filter_map(|one| Json::as_str(&one.value))
        .map(str::to_owned)
        .collect()
}
