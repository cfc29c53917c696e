//! Bundled dependencies: which packages of `node_modules` are shipped with the package.

use super::manifest::PackedManifest;
use super::walk::{self, Walk, Walked};
use super::{ContentsError, workspaces};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The installed packages, as npm finds them from each folder upwards.
pub(super) struct Tree<'a> {
    root: &'a Path,
    /// Names of the workspaces: the project depends on each of them.
    own: BTreeSet<String>,
    seen: BTreeSet<PathBuf>,
}

/// A package that is bundled.
struct Node {
    /// Where it is looked up.
    path: PathBuf,
    /// Where it lies.
    real: PathBuf,
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: &'a Path, own: &BTreeMap<String, String>) -> Self {
        Self { root, own: own.values().cloned().collect(), seen: BTreeSet::new() }
    }

    /// Adds what the project bundles, and all that this needs.
    pub(super) fn gather(
        mut self,
        manifest: &PackedManifest,
        walk: &mut Walk<'_>,
    ) -> Result<(), ContentsError> {
        self.seen.insert(self.root.to_path_buf());
        let mut edges = depends(manifest, true);
        edges.extend(self.own.iter().cloned());
        let wanted = manifest.bundled().into_iter().filter(|name| edges.contains(name));
        let mut open: Vec<(PathBuf, String)> =
            wanted.map(|name| (self.root.to_path_buf(), name)).collect();
        let mut walked = BTreeSet::new();
        while let Some((from, name)) = open.pop() {
            let Some(node) = self.find(&from, &name)? else { continue };
            if !walked.insert(node.path.clone()) {
                continue;
            }
            let is_link = node.path != node.real;
            let shown =
                node.path.strip_prefix(self.root).unwrap_or(&node.path).join("package.json");
            let manifest = PackedManifest::read(&node.path, &shown.to_string_lossy())?;
            let inner = match &manifest {
                Some(manifest) if is_link => workspaces::of(&node.real, manifest, &walk.budget)?,
                _ => BTreeMap::new(),
            };
            let package = Walked {
                manifest: manifest.as_ref(),
                own: is_link,
                workspaces: !inner.is_empty(),
                beside: Vec::new(),
                is_root: false,
            };
            walk.package(&node.path, &package)?;
            if let Some(manifest) = manifest.filter(|_| self.seen.insert(node.real.clone())) {
                let edges = depends(&manifest, is_link);
                open.extend(edges.into_iter().map(|name| (node.real.clone(), name)));
            }
        }
        Ok(())
    }

    /// Looks a package up as Node does, within the project.
    fn find(&self, from: &Path, name: &str) -> Result<Option<Node>, ContentsError> {
        let mut parts = name.split('/');
        let plain =
            |part: &str| !part.is_empty() && !part.starts_with('.') && part != "node_modules";
        let scoped = usize::from(name.starts_with('@'));
        if !parts.clone().all(plain) || parts.by_ref().count() != 1 + scoped {
            return Ok(None);
        }
        for folder in from.ancestors() {
            if folder.file_name().is_some_and(|name| name == "node_modules") {
                continue;
            }
            let path = folder.join("node_modules").join(name);
            if path.is_dir() {
                if !folder.starts_with(self.root) {
                    return Err(walk::outside(name));
                }
                let real = walk::real(&path);
                return Ok(Some(Node { path, real }));
            }
        }
        Ok(None)
    }
}

/// The names that a package depends on in earnest: not as a peer, and not to develop.
fn depends(manifest: &PackedManifest, is_top: bool) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = BTreeSet::new();
    all.extend(manifest.names("dependencies"));
    all.extend(manifest.names("optionalDependencies"));
    if is_top {
        for name in manifest.names("devDependencies") {
            all.remove(&name);
        }
    }
    all
}
