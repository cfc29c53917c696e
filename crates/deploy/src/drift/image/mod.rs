//! An image as a tar archive, compared with the boundary: files beyond what a runtime image should
//! hold.
//!
//! The manual names five kinds of content: built artefacts, production dependencies, `package.json`,
//! the lockfile, required assets. Beside them stand Node, shared libraries, certificates, time
//! zones and ringfence itself. Everything else is named, by what it is where that is known, and by
//! its folder where it is not. What a later layer took away is still in the image: secrets are
//! looked for in every layer. Programs are known by their names: a shell under another name counts
//! as a foreign file, not as a shell.

mod config;
mod content;
mod kinds;
#[cfg(test)]
mod tests;
mod trusted;

use super::{Comparison, Drift, DriftError};
use crate::render::Order;
use content::Looked;
use kinds::{Kind, Sorter};
use ringfence_project::image::{self, Entry, Image, Kind as EntryKind};
use std::collections::BTreeMap;
use std::path::Path;

/// Files of one kind that are named before the rest is counted.
const NAMED: usize = 5;
/// Folders of foreign files that are told one by one.
const GROUPS: usize = 12;

/// Compares it.
///
/// # Errors
/// The archive is no image and no root file system, or cannot be read.
pub fn compare(order: &Order<'_>, archive: &Path) -> Result<Comparison, DriftError> {
    let mut looked = Looked::new(order);
    let image = image::read(archive, &mut looked).map_err(|error| DriftError::Unreadable {
        path: archive.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()),
    })?;
    let mut judge = Judge { order, image: &image, comparison: Comparison::default() };
    judge.config();
    judge.secrets(&looked);
    judge.modes();
    judge.trusted(&looked);
    judge.files(&looked);
    let mut comparison = judge.comparison;
    if looked.cut {
        comparison.undecided.push("more secrets than are told were found".to_owned());
    }
    comparison
        .undecided
        .push("what is inside of JavaScript, archives and programs is not looked into".to_owned());
    Ok(comparison)
}

struct Judge<'a> {
    order: &'a Order<'a>,
    image: &'a Image,
    comparison: Comparison,
}

impl Judge<'_> {
    fn weaker(
        &mut self,
        code: &'static str,
        place: String,
        wanted: &str,
        found: String,
        why: &str,
    ) {
        self.comparison.drifts.push(Drift {
            code,
            place,
            line: None,
            wanted: wanted.to_owned(),
            found,
            why: why.to_owned(),
        });
    }

    /// In whatever layer, and whether it is still seen.
    fn secrets(&mut self, looked: &Looked<'_>) {
        for found in &looked.secrets {
            self.comparison.compared += 1;
            let seen = self.image.tree.get(&found.path).is_some_and(|now| now.layer == found.layer);
            let layer = self.image.layers.len().min(found.layer + 1);
            let mut place = format!("/{}", found.path);
            if !seen {
                place = format!("{place} in layer {layer}, taken away later");
            }
            self.weaker(
                "secret-in-image",
                place,
                "no secret in any layer",
                found.why.clone(),
                "everybody who gets the image has it, and the layer stays when the file goes",
            );
        }
    }

    /// Files that make others than their owner powerful.
    fn modes(&mut self) {
        let (mut setuid, mut open) = (Vec::new(), Vec::new());
        for entry in self.image.tree.values() {
            if matches!(entry.kind, EntryKind::Symlink(_) | EntryKind::Special) {
                continue;
            }
            self.comparison.compared += 1;
            let file =
                entry.kind == EntryKind::File || matches!(entry.kind, EntryKind::Hardlink(_));
            if file && entry.mode & 0o6000 != 0 {
                setuid.push(format!("/{}", entry.path));
            }
            // Where the sticky bit is set, as on /tmp, nobody takes another's files away.
            let own = entry.kind == EntryKind::Directory && entry.mode & 0o1000 != 0;
            if entry.mode & 0o002 != 0 && !own {
                open.push(format!("/{}", entry.path));
            }
        }
        self.list(
            "setuid-file",
            "no set-user-id and set-group-id",
            "whoever runs it becomes its owner",
            &setuid,
        );
        self.list(
            "world-writable",
            "nothing that everybody may write",
            "the service can change what it runs",
            &open,
        );
    }

    /// One drift that names the first few.
    fn list(&mut self, code: &'static str, wanted: &str, why: &str, paths: &[String]) {
        let Some(first) = paths.first() else { return };
        let (named, rest) = paths.split_at(paths.len().min(NAMED));
        let mut found = named.join(", ");
        if !rest.is_empty() {
            found = format!("{found} and {} more", rest.len());
        }
        self.weaker(code, first.clone(), wanted, found, why);
    }

    /// Everything that is of none of the kinds.
    fn files(&mut self, looked: &Looked<'_>) {
        let sorter = Sorter::new(self.order, self.image, looked);
        let mut by_kind: BTreeMap<Kind, Vec<&Entry>> = BTreeMap::new();
        for entry in self.image.tree.values() {
            if entry.kind == EntryKind::Directory {
                continue;
            }
            self.comparison.compared += 1;
            if let Some(kind) = sorter.sort(entry) {
                by_kind.entry(kind).or_default().push(entry);
            }
        }
        for (kind, entries) in by_kind {
            if kind == Kind::Foreign {
                self.foreign(&entries);
                continue;
            }
            let paths: Vec<String> = if kind.by_folder() {
                folders(&entries, kinds::unit)
            } else {
                entries.iter().map(|entry| format!("/{}", entry.path)).collect()
            };
            let (code, why) = kind.words();
            self.list(code, "not in the image", why, &paths);
        }
    }

    /// By the folder they are in, one drift each.
    fn foreign(&mut self, entries: &[&Entry]) {
        // Of a whole distribution the large folders are told, of a few files where they lie.
        let mut counts: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        for depth in (1..=3).rev() {
            counts.clear();
            for entry in entries {
                let folder = kinds::group(&entry.path, depth);
                counts.entry(folder).or_insert((0, &entry.path)).0 += 1;
            }
            if counts.len() <= GROUPS {
                break;
            }
        }
        let (code, why) = Kind::Foreign.words();
        for (folder, (count, first)) in counts {
            let found = match count {
                1 => format!("/{first}"),
                count => format!("{count} files, such as /{first}"),
            };
            self.weaker(code, format!("/{folder}"), "not in the image", found, why);
        }
    }
}

/// Folders in which entries lie, once each.
fn folders(entries: &[&Entry], of: impl Fn(&str) -> String) -> Vec<String> {
    let mut all: Vec<String> =
        entries.iter().map(|entry| format!("/{}", of(&entry.path))).collect();
    all.dedup();
    all
}
