//! The files to compare: those that are named, and of a folder those that can be of a kind.

use crate::error::{CommandError, Kind};
use crate::settings::{self, Source};
use ringfence_deploy::drift::{self, Deployed};
use ringfence_project::walk::{self, EntryKind, Limits};
use std::path::{Path, PathBuf};

/// How far a folder is looked through.
const REACH: Limits = Limits { entries: 20_000, depth: 16 };
/// Folders that are not looked into: they hold what others deploy.
const OF_OTHERS: [&str; 3] = [".git", "node_modules", "rootfs"];

/// What there is to compare.
#[derive(Default)]
pub(super) struct Found {
    pub(super) sources: Vec<Source>,
    /// What is of no known kind, or cannot be read.
    pub(super) passed_over: Vec<PathBuf>,
}

/// Reads the files, and those of the folders with their subfolders. No link in a folder is followed.
///
/// # Errors
/// A named file cannot be read, or a folder holds nothing of a known kind.
pub(super) fn find(named: &[PathBuf]) -> Result<Found, CommandError> {
    let mut found = Found::default();
    for path in named {
        if path.is_dir() {
            found.look_through(path)?;
        } else {
            found.sources.push(settings::source(path.clone())?);
            for drop_in in drop_ins(path) {
                let known = named.contains(&drop_in)
                    || found.sources.iter().any(|source| source.path == drop_in);
                if !known {
                    found.sources.push(settings::source(drop_in)?);
                }
            }
        }
    }
    if found.sources.len() > 1 {
        let strange = found.sources.iter().filter(|source| !is_known(source));
        found.passed_over.extend(strange.map(|source| source.path.clone()));
    }
    Ok(found)
}

impl Found {
    fn look_through(&mut self, folder: &Path) -> Result<(), CommandError> {
        let walked = walk::walk(folder, REACH, |_, name| OF_OTHERS.contains(&name));
        let cannot = |what: &str| {
            CommandError::new(Kind::Source, format!("{what} {}", folder.display()))
                .hint("name the file that is deployed, or a folder with it")
        };
        if walked.unreadable.iter().any(|path| path.as_os_str().is_empty()) {
            return Err(cannot("cannot read the folder"));
        }
        if walked.cut {
            return Err(cannot("there is more than is looked through in"));
        }
        let before = self.sources.len();
        for entry in walked.entries.iter().filter(|entry| entry.kind != EntryKind::Folder) {
            let path = folder.join(&entry.path);
            // That of a subfolder is another package's.
            let other = entry.path.contains('/') && entry.name() == "package.json";
            let meant =
                entry.kind == EntryKind::File && !other && drift::Kind::is_looked_for(&path);
            let source = if meant { settings::source(path.clone()).ok() } else { None };
            match source.filter(is_known) {
                Some(source) => self.sources.push(source),
                None => self.passed_over.push(path),
            }
        }
        if self.sources.len() == before {
            return Err(cannot("nothing of a known kind is in"));
        }
        Ok(())
    }
}

/// What the manager reads behind a unit: the files of the folder beside it that is named after it. A
/// folder that is named reads its own.
fn drop_ins(unit: &Path) -> Vec<PathBuf> {
    let ends = |kinds: &[&str], path: &Path| {
        path.extension().is_some_and(|kind| kinds.iter().any(|known| kind == *known))
    };
    if !ends(&["service", "socket"], unit) {
        return Vec::new();
    }
    let mut folder = unit.as_os_str().to_owned();
    folder.push(".d");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| ends(&["conf"], path));
    files.sort();
    files
}

fn is_known(source: &Source) -> bool {
    drift::Kind::of(Deployed { path: &source.path, text: &source.text }).is_some()
}
