//! What the service must not be able to replace: its policy, its code, its secrets.
//!
//! A write grant that reaches one of them would let the service choose what the next start runs
//! or allows. A read grant directly below the writable folder protects what is in it. Other paths
//! to the same files (hard links, a second mount of the folder) are not looked for.

use super::Resolver;
use super::error::ResolveError;
use super::grants::GrantError;
use super::secrets::Delivered;
use super::view::View;
use super::walk::{Walked, walk};
use crate::plan::Access;
use ringfence_policy::model::Filesystem;
use std::fs;
use std::path::{Path, PathBuf};

impl Resolver<'_> {
    /// The service must not be able to replace its policy, its code or its secrets.
    pub(super) fn check_protected(&mut self, delivered: &Delivered, script: Option<&Walked>) {
        let mut protected = Vec::new();
        let mut add =
            |path: PathBuf, what: &str| protected.push(Protected { path, what: what.into() });
        add(
            fs::canonicalize(self.request.file).unwrap_or_else(|_| self.request.file.into()),
            "its own boundary file",
        );
        if let Some(script) = script {
            add(script.real.clone(), "its own script");
        }
        for (path, bound) in self.view.objects() {
            if bound.access == Access::Execute {
                add(path.into(), "a program or library it runs");
            }
        }
        if let Ok(modules) = walk(&self.request.folder.join("node_modules")) {
            add(modules.real, "its own dependencies");
        }
        for (path, name) in &delivered.sources {
            add(path.clone(), &format!("the source of secret {name}"));
        }
        refuse(
            &protected,
            &self.request.boundary.fs,
            self.request.folder,
            &self.view,
            &mut self.errors,
        );
    }
}

/// Something the service must not be able to replace.
#[derive(Debug)]
struct Protected {
    /// Real path.
    path: PathBuf,
    /// What it is to the user.
    what: String,
}

/// Refuses write grants through which the service could replace its own code or policy; the view
/// must be settled. One error for each writable folder, at the grant's own place.
fn refuse(
    protected: &[Protected],
    fs: &Filesystem,
    folder: &Path,
    view: &View,
    errors: &mut Vec<ResolveError>,
) {
    let mut reported: Vec<PathBuf> = Vec::new();
    for Protected { path, what } in protected {
        let Some(grant) = view.replaceable(path) else { continue };
        if reported.iter().any(|known| known == grant) {
            continue;
        }
        reported.push(grant.into());
        let written = fs.write.iter().find(|written| {
            walk(&folder.join(&written.value)).is_ok_and(|walked| walked.real == grant)
        });
        let span = written.map_or(0..0, |written| written.span.clone());
        let error = GrantError::Replaceable {
            list: "fs.write",
            what: what.clone(),
            path: path.clone(),
            grant: grant.into(),
        };
        errors.push(ResolveError::at(&span, error));
    }
}
