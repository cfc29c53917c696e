//! Looks through what would be shipped.

mod about;
mod files;
mod secrets;
mod targets;

pub(super) use secrets::token_line;

use super::contents::{Contents, ContentsError, Npm, PackedManifest};
use super::finding::Found;
use crate::Severity;
use ringfence_project::json::{self, Json, Placed};
use ringfence_project::walk;
use std::path::Path;

/// Largest file that is read in full, in bytes. Of a larger one only the beginning is looked at.
const LARGEST: u64 = 16 << 20;

/// A package and what each npm would ship of it.
pub(super) struct Package<'a> {
    pub(super) folder: &'a Path,
    pub(super) manifest: &'a PackedManifest,
    pub(super) packed: &'a [(Npm, Contents)],
    /// `package.json` with its lines; nothing where a key is there twice.
    placed: Option<Placed<Json>>,
}

impl<'a> Package<'a> {
    pub(super) fn new(
        folder: &'a Path,
        manifest: &'a PackedManifest,
        packed: &'a [(Npm, Contents)],
    ) -> Self {
        let text = walk::text(&folder.join("package.json"), LARGEST).ok();
        let placed = text.and_then(|text| json::parse(&text).ok());
        Self { folder, manifest, packed, placed }
    }

    /// What any npm would ship.
    pub(super) fn all(&self) -> Contents {
        let mut all = Contents::default();
        for (_, contents) in self.packed {
            all.files
                .extend(contents.files.iter().map(|(path, file)| (path.clone(), file.clone())));
            all.links.extend(contents.links.clone());
        }
        all
    }

    /// The line of a key of `package.json`, one below another.
    pub(super) fn line(&self, keys: &[&str]) -> usize {
        let mut at = self.placed.as_ref();
        let mut line = 1;
        for key in keys {
            let Some(found) = at.and_then(|at| at.value.key(key)) else { break };
            line = found.line;
            at = Some(found);
        }
        line
    }
}

/// Everything that is found in the contents.
pub(super) fn look(package: &Package<'_>, found: &mut Found<'_>) -> Result<(), ContentsError> {
    let all = package.all();
    differences(package, found);
    let mut maps = Vec::new();
    let mut bytes = Vec::new();
    for (path, file) in &all.files {
        read(package.folder, path, &mut bytes)?;
        if files::has_sources(path, &bytes) {
            maps.push(path.clone());
        }
        secrets::look(path, &bytes, found);
        files::look(path, file, &bytes, found);
    }
    files::maps(&maps, found);
    files::groups(&all, found);
    files::links(package.folder, &all, found);
    targets::look(package, &all, found);
    about::look(package, &all, found);
    Ok(())
}

/// A file, or its beginning where it is large, in the place of what was read before.
fn read(folder: &Path, path: &str, bytes: &mut Vec<u8>) -> Result<(), ContentsError> {
    use std::io::Read as _;
    let full = folder.join(path);
    let failed = |source| ContentsError::Read { path: full.clone(), source };
    bytes.clear();
    let file = std::fs::File::open(&full).map_err(failed)?;
    file.take(LARGEST).read_to_end(bytes).map_err(failed)?;
    Ok(())
}

/// What depends on who packs.
fn differences(package: &Package<'_>, found: &mut Found<'_>) {
    for pair in package.packed.windows(2) {
        let [(older, before), (newer, after)] = pair else { continue };
        let gone: Vec<&str> = names(before, after);
        let new: Vec<&str> = names(after, before);
        if gone.is_empty() && new.is_empty() {
            continue;
        }
        let mut told = Vec::new();
        if !gone.is_empty() {
            told.push(format!("{} leaves out {}", newer.name(), few(&gone)));
        }
        if !new.is_empty() {
            told.push(format!("{} adds {}", newer.name(), few(&new)));
        }
        let message = format!("what {} ships, {}", older.name(), told.join(", and "));
        let line = package.line(&["files"]);
        // A lockfile for publishing is the one file that npm 12 gave up on purpose.
        let severity =
            if gone.len() > 1 || !new.is_empty() { Severity::Moderate } else { Severity::Low };
        found.in_package_as(severity, "contents-differ", ("package.json", line), message);
    }
}

fn names<'c>(one: &'c Contents, other: &Contents) -> Vec<&'c str> {
    let only = one.files.keys().filter(|path| !other.files.contains_key(*path));
    only.map(String::as_str).collect()
}

/// `a, b and 3 more`
pub(super) fn few(all: &[&str]) -> String {
    match all {
        [a, b, c, d, more @ ..] if !more.is_empty() => {
            format!("{a}, {b}, {c}, {d} and {} more", more.len())
        }
        all => all.join(", "),
    }
}
