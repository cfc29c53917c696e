//! Files: which of them need a grant, and which grant that is.
//!
//! `sort` takes apart what was seen, `write` and `read` make grants of what is left. A write grant
//! lets a service read too, so writing comes first.

mod forbidden;
mod read;
pub(super) mod secret;
mod sort;
mod write;

use super::{Drafting, Facts, Note, Why};
use ringfence_policy::model::SecretSource;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A path that needs a grant.
#[derive(Debug, Clone)]
struct Need {
    why: Why,
    /// Without symlinks.
    real: PathBuf,
    /// The names in it were asked for: a directory.
    listed: bool,
}

/// Paths that need a grant, as they were named.
type Needs = BTreeMap<PathBuf, Need>;

pub(super) fn draft(drafting: &mut Drafting<'_>) {
    let sorted = sort::sort(drafting);
    let writable = write::draft(drafting, &sorted);
    let missing = sorted.missing;
    let writable: BTreeSet<PathBuf> = writable.into_iter().collect();
    let covered = |path: &Path| path.ancestors().any(|above| writable.contains(above));
    let reads = sorted.reads.into_iter().filter(|(path, _)| !covered(path)).collect();
    read::draft(drafting, reads);
    for (path, why) in missing {
        sort::draft_missing(drafting, &path, why);
    }
}

/// The grant of the file that covers a path for this use.
fn granted<'a>(
    facts: &Facts<'a>,
    path: &Path,
    real: &Path,
    write: bool,
) -> Option<(&'static str, &'a str)> {
    let boundary = facts.boundary?;
    let fs = &boundary.fs;
    let lists: [(&'static str, &[_]); 4] = [
        ("fs.write", &fs.write),
        ("fs.read", &fs.read),
        ("fs.optional", &fs.optional),
        ("fs.droppable", &fs.droppable),
    ];
    let fitting = lists.into_iter().filter(|(key, _)| !write || *key == "fs.write");
    let mut entries = fitting.flat_map(|(key, list)| list.iter().map(move |entry| (key, entry)));
    let found = entries.find(|(_, entry)| {
        let named = tidy(&facts.folder.join(&entry.value));
        let target = facts.disk.real(&named).unwrap_or_else(|| named.clone());
        let whole = |at: &Path| at.starts_with(&named) || at.starts_with(&target);
        whole(path) && whole(real)
    });
    if let Some((key, entry)) = found {
        return Some((key, entry.value.as_str()));
    }
    let secret = boundary.secrets.iter().find(|secret| match &secret.delivery {
        ringfence_policy::model::Delivery::File(to) => !write && path == Path::new(&to.value),
        _ => false,
    });
    secret.map(|secret| ("secrets", secret.name.value.as_str()))
}

/// Notes that a grant of the file was used.
fn already(drafting: &mut Drafting<'_>, (key, entry): (&'static str, &str), why: Why) {
    super::already(drafting, key, super::Value::Entry(entry.to_owned()), why);
}

/// Sources of the secrets of the file, absolute.
fn secret_sources(facts: &Facts<'_>) -> Vec<PathBuf> {
    let secrets = facts.boundary.map(|boundary| boundary.secrets.as_slice()).unwrap_or_default();
    let files = secrets.iter().filter_map(|secret| match &secret.from.value {
        SecretSource::File(path) => Some(tidy(&facts.folder.join(path))),
        _ => None,
    });
    files.collect()
}

/// Whether a path is one of the hidden files of a home directory, found by way of `HOME`: inside,
/// that is the service's own `/tmp`, unless the file says otherwise.
fn is_of_home(facts: &Facts<'_>, path: &Path) -> bool {
    let kept = facts.boundary.is_some_and(|boundary| {
        boundary.env.set.contains_key("HOME")
            || boundary.env.pass.iter().any(|name| name.value == "HOME")
    });
    let hidden = |home: &PathBuf| {
        let inside = path.strip_prefix(home).ok().and_then(|inside| inside.iter().next());
        home != Path::new("/")
            && inside.is_some_and(|first| first.to_string_lossy().starts_with('.'))
    };
    !kept && !path.starts_with(facts.folder) && facts.homes.iter().any(hidden)
}

fn note_home(drafting: &mut Drafting<'_>, path: &Path) {
    let written = drafting.facts.written(path, false);
    let secret = if secret::is_secret(path, drafting.facts.disk) {
        "; it looks like a secret of a person: give the service one of its own with [secrets.NAME]"
    } else {
        ""
    };
    drafting.note(Note::hint(
        "home-directory",
        format!("{written} lies in a home directory, and inside HOME is the service's own /tmp: not granted{secret}"),
    ));
}

/// `.` and `..` taken out, as text alone says it.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::from("/");
    for part in path.components() {
        match part {
            std::path::Component::Normal(name) => tidied.push(name),
            std::path::Component::ParentDir => {
                tidied.pop();
            }
            _ => {}
        }
    }
    tidied
}

/// The `node_modules` folder that a path lies in, the outermost one.
fn modules_of(path: &Path) -> Option<PathBuf> {
    let mut folder = PathBuf::new();
    for part in path {
        folder.push(part);
        if part == "node_modules" {
            return Some(folder);
        }
    }
    None
}
