//! What the service must not be able to replace: its policy, its code, its secrets.
//!
//! A write grant that reaches one of them would let the service choose what the next start runs
//! or allows. A read grant directly below the writable folder protects what is in it. A symlink that
//! the service may write is such a reach whatever it leads to: the next start would follow it with
//! the caller's rights. Other paths to the same files (hard links, a second mount of the folder) are
//! not looked for.

use super::Resolver;
use super::error::ResolveError;
use super::grants::GrantError;
use super::secrets::Delivered;
use super::view::View;
use super::walk::{Walked, walk};
use crate::plan::Access;
use ringfence_policy::model::{Filesystem, SecretSource};
use std::collections::BTreeSet;
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
        self.refuse_links();
    }

    /// Whether the service could have chosen what the program is, as far as the view knows yet.
    pub(super) fn is_chosen_by_service(&self) -> bool {
        let code = self.view.objects().filter(|(_, bound)| bound.access == Access::Execute);
        let mut ways = code.map(|(path, _)| path).chain(self.view.links());
        ways.any(|path| self.view.replaceable(path).is_some())
    }

    /// Refuses every symlink that was followed and that the service may replace.
    fn refuse_links(&mut self) {
        let boundary = self.request.boundary;
        let files = boundary.secrets.iter().filter_map(|secret| match &secret.from.value {
            SecretSource::File(path) => Some(path.as_str()),
            _ => None,
        });
        let sockets = boundary.net.unix.iter().map(|socket| socket.value.as_str());
        let others = files.chain(sockets).chain(["node_modules", &boundary.service.cwd.value]);
        let mut followed: BTreeSet<PathBuf> = self.view.links().map(Path::to_owned).collect();
        for path in others.map(|path| self.request.folder.join(path)).chain([self.file()]) {
            followed.extend(links_to(&path));
        }
        let mut reported = BTreeSet::new();
        for link in followed {
            let Some(grant) = self.view.replaceable(&link).map(Path::to_owned) else { continue };
            if reported.insert(grant.clone()) {
                let span = span_of(&grant, &boundary.fs, self.request.folder);
                let error = GrantError::Followed { list: "fs.write", link, grant };
                self.errors.push(ResolveError::at(&span, error));
            }
        }
    }

    /// The boundary file as the caller named it.
    fn file(&self) -> PathBuf {
        std::path::absolute(self.request.file).unwrap_or_else(|_| self.request.file.into())
    }
}

/// The symlinks on the way to a path; on the way to its folder where it does not exist.
fn links_to(path: &Path) -> Vec<PathBuf> {
    let walked = walk(path).or_else(|_| walk(path.parent().unwrap_or(path)));
    walked.map_or_else(|_| Vec::new(), |w| w.links.into_iter().map(|(link, _)| link).collect())
}

/// Where the file grants writing to this folder.
fn span_of(grant: &Path, fs: &Filesystem, folder: &Path) -> std::ops::Range<usize> {
    let written = fs.write.iter().find(|written| {
        walk(&folder.join(&written.value)).is_ok_and(|walked| walked.real == grant)
    });
    written.map_or(0..0, |written| written.span.clone())
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
        let span = span_of(grant, fs, folder);
        let error = GrantError::Replaceable {
            list: "fs.write",
            what: what.clone(),
            path: path.clone(),
            grant: grant.into(),
        };
        errors.push(ResolveError::at(&span, error));
    }
}
