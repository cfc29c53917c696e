//! The file system the service sees, while it is put together.
//!
//! Grants, the program, its libraries and the runtime's data are added in any order; `settle`
//! drops what a broader entry already gives, and `entries` lists what is left, parents before
//! children. Everything stands at its real path, and the symlinks that lead there beside it, so
//! no entry ever has a symlink inside its own path.

use super::walk::Walked;
use crate::plan::{Access, ViewEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::ops::Bound as Limit;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// A native addon or a library of one.
    Addon,
    /// An executable the service may start.
    Child,
    /// Data that runtimes read: certificates, time zones, locale.
    Data,
    /// A line of `[fs]`.
    Grant,
    /// A shared library or the program interpreter.
    Library,
    /// The program or its script.
    Program,
}

/// One object of the host.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    /// What may be done with it.
    pub(crate) access: Access,
    /// Whether it is a directory.
    pub(crate) directory: bool,
    /// Whether it has a mount of its own whatever is around it.
    pub(crate) droppable: bool,
    /// What it is for; the first reason decides.
    pub(crate) purpose: Purpose,
    /// The object when it was walked.
    pub(crate) metadata: Metadata,
    why: String,
}

/// How an object is added.
#[derive(Debug, Clone)]
pub(crate) struct Reason {
    /// What may be done with it.
    pub(crate) access: Access,
    /// Whether it needs its own mount.
    pub(crate) droppable: bool,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// What the user is told.
    pub(crate) why: String,
}

impl Reason {
    pub(crate) fn new(access: Access, purpose: Purpose, why: impl Into<String>) -> Self {
        Self { access, droppable: false, purpose, why: why.into() }
    }
}

/// The same object is to be writable and executable.
#[derive(Debug, thiserror::Error)]
#[error("granted both as writable ({first}) and as executable ({second})")]
pub(crate) struct Conflict {
    pub(crate) first: String,
    pub(crate) second: String,
}

/// The entries so far.
#[derive(Debug, Default)]
pub(crate) struct View {
    bound: BTreeMap<PathBuf, Bound>,
    directories: BTreeSet<PathBuf>,
    links: BTreeMap<PathBuf, PathBuf>,
    masks: BTreeMap<PathBuf, String>,
    /// Other paths to the objects: as people wrote them, and symlinks; and where they lead.
    named: Vec<(PathBuf, PathBuf)>,
    /// Granted paths where nothing is.
    absent: Vec<PathBuf>,
}

impl View {
    /// Notes a granted path where nothing is, so that asking for it is answered and not refused.
    pub(crate) fn add_absent(&mut self, path: PathBuf) {
        self.absent.push(path);
    }

    /// The granted paths where nothing is.
    pub(crate) fn absent(&self) -> impl Iterator<Item = &Path> {
        self.absent.iter().map(PathBuf::as_path)
    }

    /// Adds symlinks: the place and the text of each.
    pub(crate) fn add_links(&mut self, links: &[(PathBuf, PathBuf)]) {
        self.links.extend(links.iter().cloned());
    }

    /// Adds an object and the symlinks that lead to it.
    ///
    /// # Errors
    /// It would be writable and executable at once.
    pub(crate) fn add(&mut self, walked: &Walked, reason: Reason) -> Result<(), Conflict> {
        self.add_links(&walked.links);
        self.name(walked, reason.purpose);
        let Some(known) = self.bound.get_mut(&walked.real) else {
            let bound = Bound {
                access: reason.access,
                directory: walked.metadata.is_dir(),
                droppable: reason.droppable,
                purpose: reason.purpose,
                metadata: walked.metadata.clone(),
                why: reason.why,
            };
            self.bound.insert(walked.real.clone(), bound);
            return Ok(());
        };
        let Some(access) = join(known.access, reason.access) else {
            return Err(Conflict { first: known.why.clone(), second: reason.why });
        };
        known.access = access;
        known.droppable |= reason.droppable;
        if known.purpose == Purpose::Data || known.purpose == Purpose::Library {
            known.purpose = reason.purpose;
        }
        if !known.why.split(", ").any(|part| part == reason.why) {
            known.why = format!("{}, {}", known.why, reason.why);
        }
        Ok(())
    }

    /// Notes the other paths by which JavaScript may ask for an object. The symlinks on the way to
    /// a program are left out: they are often a whole `/bin`.
    fn name(&mut self, walked: &Walked, purpose: Purpose) {
        if purpose == Purpose::Library || walked.named == walked.real {
            return;
        }
        self.named.push((walked.named.clone(), walked.real.clone()));
        if !matches!(purpose, Purpose::Child | Purpose::Program) {
            let places = walked.links.iter().map(|(place, _)| (place.clone(), walked.real.clone()));
            self.named.extend(places);
        }
    }

    /// Adds an empty directory, unless something of the host is there.
    pub(crate) fn add_directory(&mut self, path: &Path) {
        if self.nearest(path).is_none() {
            self.directories.insert(path.into());
        }
    }

    /// Hides a file that an entry around it would show.
    pub(crate) fn mask(&mut self, path: &Path, why: String) {
        self.masks.insert(path.into(), why);
    }

    /// The entry at `path`, or the closest one around it.
    pub(crate) fn nearest(&self, path: &Path) -> Option<(&Path, &Bound)> {
        path.ancestors().find_map(|at| {
            let (key, bound) = self.bound.get_key_value(at)?;
            Some((key.as_path(), bound))
        })
    }

    /// The entry exactly at `path`.
    pub(crate) fn at(&self, path: &Path) -> Option<&Bound> {
        self.bound.get(path)
    }

    /// Every object with its real path.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&Path, &Bound)> {
        self.bound.iter().map(|(path, bound)| (path.as_path(), bound))
    }

    /// Other paths to the objects than the real ones, and where they lead.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&Path, &Path)> {
        self.named.iter().map(|(named, real)| (named.as_path(), real.as_path()))
    }

    /// The symlinks that lead to the objects, by their own places.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Path> {
        self.links.keys().map(PathBuf::as_path)
    }

    /// The real objects that can be dropped.
    pub(crate) fn droppable(&self) -> Vec<PathBuf> {
        self.bound
            .iter()
            .filter(|(_, bound)| bound.droppable)
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// Removes entries that the entry around them gives just the same.
    pub(crate) fn settle(&mut self) {
        let mut kept: BTreeMap<PathBuf, Bound> = BTreeMap::new();
        for (path, bound) in std::mem::take(&mut self.bound) {
            let around = path.ancestors().skip(1).find_map(|at| kept.get(at));
            if bound.droppable || around.is_none_or(|around| around.access != bound.access) {
                kept.insert(path, bound);
            }
        }
        self.bound = kept;
    }

    /// The writable entry through which the service could replace what is at `path`, if any.
    ///
    /// A read-only mount inside a writable tree cannot be moved, but a directory above it can be
    /// renamed and made again: only a mount directly below the writable one is safe. The mounts
    /// that programs get by themselves do not count: an earlier start may not have had them.
    /// Settle first.
    pub(crate) fn replaceable(&self, path: &Path) -> Option<&Path> {
        let implied =
            |bound: &Bound| bound.access == Access::Execute && bound.purpose != Purpose::Grant;
        let (mut at, mut bound) = match self.at(path) {
            Some(bound) if implied(bound) => self.nearest(path.parent()?)?,
            _ => self.nearest(path)?,
        };
        loop {
            if bound.access == Access::Write {
                return Some(at);
            }
            let (around, outer) = self.nearest(at.parent()?)?;
            if outer.access != Access::Write {
                (at, bound) = (around, outer);
                continue;
            }
            if at.parent() != Some(around) {
                return Some(around);
            }
            (at, bound) = self.nearest(around.parent()?)?;
        }
    }

    /// Every directory of the view that holds `path`, nearest first, is told by this: whether the
    /// service would see the host's object there.
    pub(crate) fn shows(&self, path: &Path) -> bool {
        self.nearest(path).is_some_and(|(at, bound)| at == path || bound.directory)
    }

    /// Entries strictly below `path`.
    pub(crate) fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.bound
            .range::<Path, _>((Limit::Excluded(path), Limit::Unbounded))
            .map(|(found, _)| found.as_path())
            .take_while(move |found| found.starts_with(path))
    }

    /// Everything, parents before children.
    pub(crate) fn entries(&self) -> Vec<ViewEntry> {
        let mut all: BTreeMap<&Path, ViewEntry> = BTreeMap::new();
        for path in &self.directories {
            all.insert(path, ViewEntry::Directory { path: path.clone(), listed: false });
        }
        for (path, to) in &self.links {
            if self.nearest(path).is_none() {
                all.insert(path, ViewEntry::Symlink { path: path.clone(), to: to.clone() });
            }
        }
        for (path, bound) in &self.bound {
            let entry = ViewEntry::Bind {
                source: path.clone(),
                target: path.clone(),
                directory: bound.directory,
                access: bound.access,
                object: (bound.metadata.dev(), bound.metadata.ino()),
                why: bound.why.clone(),
            };
            all.insert(path, entry);
        }
        for (path, why) in &self.masks {
            all.insert(path, ViewEntry::Mask { target: path.clone(), why: why.clone() });
        }
        all.into_values().collect()
    }
}

/// What two grants of one object come to; writable and executable together is refused.
const fn join(one: Access, other: Access) -> Option<Access> {
    match (one, other) {
        (Access::Read, access) | (access, Access::Read) => Some(access),
        (Access::Execute, Access::Execute) => Some(Access::Execute),
        (Access::Write, Access::Write) => Some(Access::Write),
        // Grants never ask for the last.
        (Access::Execute, Access::Write)
        | (Access::Write, Access::Execute)
        | (Access::Build, _)
        | (_, Access::Build) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::walk;
    use super::*;
    use std::fs;

    struct Tree {
        _keep: tempfile::TempDir,
        root: PathBuf,
        view: View,
    }

    impl Tree {
        fn new(paths: &[&str]) -> Self {
            let keep = tempfile::tempdir().unwrap();
            let root = fs::canonicalize(keep.path()).unwrap();
            for path in paths {
                if let Some(dir) = path.strip_suffix('/') {
                    fs::create_dir_all(root.join(dir)).unwrap();
                } else {
                    fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
                    fs::write(root.join(path), "").unwrap();
                }
            }
            Self { _keep: keep, root, view: View::default() }
        }

        fn add(&mut self, path: &str, access: Access) -> &mut Self {
            let walked = walk(&self.root.join(path)).unwrap();
            self.view.add(&walked, Reason::new(access, Purpose::Grant, path)).unwrap();
            self
        }

        fn kept(&mut self) -> Vec<(String, Access)> {
            self.view.settle();
            self.view
                .objects()
                .map(|(path, bound)| {
                    (path.strip_prefix(&self.root).unwrap().display().to_string(), bound.access)
                })
                .collect()
        }

        fn replaceable(&mut self, path: &str) -> bool {
            self.view.settle();
            self.view.replaceable(&self.root.join(path)).is_some()
        }
    }

    #[test]
    fn a_grant_inside_the_same_grant_is_merged_and_a_different_one_is_kept() {
        let mut tree = Tree::new(&["app/src/", "app/data/cache/", "app/data/ro/"]);
        tree.add("app", Access::Read).add("app/src", Access::Read);
        tree.add("app/data", Access::Write).add("app/data/cache", Access::Write);
        tree.add("app/data/ro", Access::Read);
        assert_eq!(
            tree.kept(),
            [
                ("app".into(), Access::Read),
                ("app/data".into(), Access::Write),
                ("app/data/ro".into(), Access::Read),
            ]
        );
    }

    #[test]
    fn one_object_is_never_writable_and_executable() {
        let mut tree = Tree::new(&["tool"]);
        tree.add("tool", Access::Write);
        let walked = walk(&tree.root.join("tool")).unwrap();
        let refused = tree.view.add(&walked, Reason::new(Access::Execute, Purpose::Child, "child"));
        assert!(refused.is_err());
    }

    #[test]
    fn only_a_mount_directly_below_a_writable_one_protects_what_is_in_it() {
        let mut tree = Tree::new(&["app/bin/tool", "app/deep/bin/tool", "app/other", "free"]);
        tree.add("app", Access::Write)
            .add("app/bin", Access::Read)
            .add("app/deep/bin", Access::Read);
        assert!(!tree.replaceable("app/bin/tool"));
        assert!(tree.replaceable("app/deep/bin/tool"));
        assert!(tree.replaceable("app/other"));
        assert!(!tree.replaceable("free"));
    }
}
