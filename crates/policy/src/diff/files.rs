//! Files: a path is granted by itself and by every folder above it.

use super::{Changes, Effect};
use crate::display::untrusted;
use crate::model::Filesystem;
use crate::paths;
use crate::source::Located;

/// The grants of one boundary, in normal form.
struct Grants {
    read: Vec<String>,
    write: Vec<String>,
    optional: Vec<String>,
    droppable: Vec<String>,
}

impl Grants {
    fn of(fs: &Filesystem) -> Self {
        let normal = |grants: &[Located<String>]| {
            grants.iter().map(|grant| paths::normal(&grant.value)).collect()
        };
        Self {
            read: normal(&fs.read),
            write: normal(&fs.write),
            optional: normal(&fs.optional),
            droppable: normal(&fs.droppable),
        }
    }

    fn readable(&self) -> impl Iterator<Item = &String> {
        self.read.iter().chain(&self.write).chain(&self.optional).chain(&self.droppable)
    }
}

pub(super) fn compare(changes: &mut Changes, old: &Filesystem, new: &Filesystem) {
    let (old, new) = (Grants::of(old), Grants::of(new));
    for path in &new.write {
        if !covered(path, old.write.iter()) {
            changes.push(
                Effect::Widened,
                "fs.write",
                path,
                format!("can write {}", untrusted(path)),
            );
        }
    }
    for path in &old.write {
        if !covered(path, new.write.iter()) {
            let still = if covered(path, new.readable()) { ", but still read it" } else { "" };
            let sentence = format!("can no longer write {}{still}", untrusted(path));
            changes.push(Effect::Narrowed, "fs.write", path, sentence);
        }
    }
    reading(changes, &old, &new);
    droppable(changes, &old, &new);
}

fn reading(changes: &mut Changes, old: &Grants, new: &Grants) {
    for (key, paths) in
        [("fs.read", &new.read), ("fs.optional", &new.optional), ("fs.droppable", &new.droppable)]
    {
        for path in paths.iter().filter(|path| !covered(path, old.readable())) {
            let sentence = format!("can read {}", untrusted(path));
            let change = changes.push(Effect::Widened, key, path, sentence);
            if path == "/" {
                change.ways_out.push("that is every file its user can read".to_owned());
            }
        }
    }
    for (key, paths, others) in [
        // That it can be given up now, or no longer, is told of `fs.droppable`.
        ("fs.read", &old.read, &[&new.optional][..]),
        ("fs.optional", &old.optional, &[&new.read, &new.droppable][..]),
        ("fs.droppable", &old.droppable, &[][..]),
    ] {
        for path in paths {
            if !covered(path, new.readable()) {
                let sentence = format!("can no longer read {}", untrusted(path));
                changes.push(Effect::Narrowed, key, path, sentence);
            } else if others.iter().any(|other| other.contains(path)) {
                let sentence = match key {
                    "fs.read" => format!("starts without {} too", untrusted(path)),
                    _ => format!("needs {} to start", untrusted(path)),
                };
                changes.push(Effect::Moved, key, path, sentence);
            }
        }
    }
}

/// What can be given up is held more strongly than what cannot.
fn droppable(changes: &mut Changes, old: &Grants, new: &Grants) {
    for path in old.droppable.iter().filter(|path| !new.droppable.contains(path)) {
        if covered(path, new.readable()) {
            let sentence = format!("can no longer give up reading {}", untrusted(path));
            changes.push(Effect::Widened, "fs.droppable", path, sentence);
        }
    }
    for path in new.droppable.iter().filter(|path| !old.droppable.contains(path)) {
        if covered(path, old.readable()) {
            let sentence = format!("can give up reading {}", untrusted(path));
            changes.push(Effect::Narrowed, "fs.droppable", path, sentence);
        }
    }
}

/// Whether `path` is one of these folders or below one. Where `..` leads depends on the disk.
pub(super) fn covered<'a>(path: &str, mut by: impl Iterator<Item = &'a String>) -> bool {
    let climbs = |path: &str| path.split('/').any(|part| part == "..");
    by.any(|grant| {
        if path == grant {
            return true;
        }
        if climbs(path) {
            return false;
        }
        match grant.as_str() {
            "." => !path.starts_with('/'),
            "/" => path.starts_with('/'),
            folder => path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
        }
    })
}
