//! Files: a path is granted by itself and by every folder above it.
//!
//! The nearest grant decides: a read grant inside a write grant keeps that part read-only. The file a
//! secret comes from is hidden inside broader grants, so the section that names it is a grant's
//! exception as well. Symlinks, and relative beside absolute paths, are not seen through here.

use super::{Changes, Effect};
use crate::display::untrusted;
use crate::model::{Boundary, Filesystem, Secret, SecretSource};
use crate::paths;
use crate::source::Located;
use std::collections::BTreeSet;

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
        self.only_read().map(|(_, path)| path).chain(&self.write)
    }

    /// Grants that do not let it write, with their keys.
    fn only_read(&self) -> impl Iterator<Item = (&'static str, &String)> {
        [
            ("fs.read", &self.read),
            ("fs.optional", &self.optional),
            ("fs.droppable", &self.droppable),
        ]
        .into_iter()
        .flat_map(|(key, paths)| paths.iter().map(move |path| (key, path)))
    }

    /// Whether the nearest grant above `path`, or its own, is one to write.
    fn writable(&self, path: &str) -> bool {
        let nearest = |grants: &mut dyn Iterator<Item = &String>| {
            grants
                .filter(|grant| covered(path, std::iter::once(*grant)))
                .map(|grant| rank(grant))
                .max()
        };
        let write = nearest(&mut self.write.iter());
        write.is_some() && write >= nearest(&mut self.only_read().map(|(_, path)| path))
    }
}

/// How near a grant is to what lies in it: `.` and `/` are above everything.
fn rank(grant: &str) -> usize {
    if matches!(grant, "." | "/") { 0 } else { grant.len() }
}

pub(super) fn compare(changes: &mut Changes, old: &Boundary, new: &Boundary) {
    hidden(changes, old, new);
    let (old, new) = (Grants::of(&old.fs), Grants::of(&new.fs));
    for path in &new.write {
        if !old.writable(path) {
            changes.push(
                Effect::Widened,
                "fs.write",
                path,
                format!("can write {}", untrusted(path)),
            );
        }
    }
    for path in &old.write {
        if !new.writable(path) {
            let still = if covered(path, new.readable()) { ", but still read it" } else { "" };
            let sentence = format!("can no longer write {}{still}", untrusted(path));
            changes.push(Effect::Narrowed, "fs.write", path, sentence);
        }
    }
    kept_from_writing(changes, &old, &new);
    reading(changes, &old, &new);
    droppable(changes, &old, &new);
}

/// Parts of a write grant that a narrower read grant keeps as they are.
fn kept_from_writing(changes: &mut Changes, old: &Grants, new: &Grants) {
    for (effect, word, with, without) in
        [(Effect::Widened, "writable", old, new), (Effect::Narrowed, "read-only", new, old)]
    {
        for (key, path) in with.only_read() {
            let kept = covered(path, with.write.iter()) && !with.writable(path);
            // What a write grant of its own says is told of that one.
            if kept && without.writable(path) && !without.write.contains(path) {
                changes.push(effect, key, path, format!("{} becomes {word}", untrusted(path)));
            }
        }
    }
}

/// Files that secrets come from, which a broader grant does not show.
fn hidden(changes: &mut Changes, old: &Boundary, new: &Boundary) {
    let (before, after) = (sources(&old.secrets), sources(&new.secrets));
    let (was, is) = (Grants::of(&old.fs), Grants::of(&new.fs));
    for (effect, can, with, without, hidden, shown) in [
        (Effect::Widened, "can read", &was, &is, &before, &after),
        (Effect::Narrowed, "can no longer read", &is, &was, &after, &before),
    ] {
        for path in hidden.iter().filter(|path| !shown.contains(*path)) {
            // A grant of the file itself, where nothing showed it, is told of by itself.
            let told = !covered(path, with.readable()) && without.readable().any(|own| own == path);
            if covered(path, without.readable()) && !told {
                let sentence = format!("{can} {}, the source of a secret", untrusted(path));
                changes.push(effect, "fs.read", path, sentence);
            }
        }
    }
}

/// The files that secrets come from, in normal form, each once.
fn sources(secrets: &[Secret]) -> BTreeSet<String> {
    let file = |secret: &Secret| match &secret.from.value {
        SecretSource::File(path) => Some(paths::normal(path)),
        _ => None,
    };
    secrets.iter().filter_map(file).collect()
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
