//! From the parsed file to a plan for this host.
//!
//! Everything that needs the disk happens here, and nothing is changed on it: paths are walked,
//! the program, its interpreter and its libraries are found, ids looked up, secrets read, the
//! environment and Node's flags put together. Every mistake is collected with its place in the
//! file. What changes on the host afterwards is caught by `enforce`, which compares each object
//! with what was found here.

mod addons;
pub(crate) mod elf;
mod environment;
mod error;
mod fuzz;
mod grants;
mod identity;
mod implied;
mod ld_cache;
mod libraries;
mod node_grants;
mod program;
mod programs;
mod protect;
mod runtime;
mod secrets;
#[cfg(test)]
mod tests;
mod view;
mod walk;

pub use addons::AddonError;
pub use elf::ElfError;
pub use environment::EnvironmentError;
pub use error::{Kind, ResolveError, Step};
pub use fuzz::{fuzz_elf, fuzz_ld_cache};
pub use grants::GrantError;
pub use identity::{Caller, IdentityError};
pub use implied::{Implied, implied, is_private};
pub use libraries::LibraryError;
pub use program::ProgramError;
pub use secrets::SecretError;
pub use walk::WalkError;
pub(crate) use walk::{shown, tidy};

use crate::plan::{Access, Plan, ResolvedIdentity};
use grants::{Grants, find_cwd};
use identity::Accounts;
use libraries::Libraries;
use ringfence_policy::model::Boundary;
use runtime::Runtime;
use secrets::{Delivered, Secrets};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use view::{Purpose, View};

/// What is to be resolved.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The parsed file.
    pub boundary: &'a Boundary,
    /// Path of the file itself; the service must not be able to replace it.
    pub file: &'a Path,
    /// Its folder, absolute and real.
    pub folder: &'a Path,
    /// SHA-256 of its text, lower-case hexadecimal.
    pub hash: &'a str,
    /// A command in place of `service.start`.
    pub command: Option<&'a [OsString]>,
    /// The caller's environment.
    pub environment: &'a [(OsString, OsString)],
    /// The caller's effective ids.
    pub caller: Caller,
}

/// Turns a boundary into a plan for this host.
///
/// # Errors
/// Everything on this host that does not fit the file, in file order; never empty.
pub fn resolve(request: &Request<'_>) -> Result<Plan, Vec<ResolveError>> {
    let mut resolver = Resolver {
        request,
        view: View::default(),
        libraries: Libraries::default(),
        errors: Vec::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
    };
    let plan = resolver.run();
    let mut errors = resolver.errors;
    match plan {
        Some(plan) if errors.is_empty() => Ok(plan),
        _ => {
            errors.sort_by_key(|error| error.span.start);
            Err(errors)
        }
    }
}

struct Resolver<'a> {
    request: &'a Request<'a>,
    view: View,
    libraries: Libraries,
    errors: Vec<ResolveError>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

impl Resolver<'_> {
    fn run(&mut self) -> Option<Plan> {
        let boundary = self.request.boundary;
        let identity = self.identity();
        let cwd = find_cwd(self.request.folder, &boundary.service.cwd.value);
        let cwd = cwd.map_err(|error| self.fail(&boundary.service.cwd.span, error)).ok();
        self.grants(|grants, view| grants.add_files(&boundary.fs, view));
        let unix_sockets = self.grants(|grants, _| grants.unix_sockets(&boundary.net.unix));
        let mut given = environment::build(&boundary.env, self.request.environment);
        let cwd = cwd?;
        let found = self.program(&cwd, identity.as_ref());
        let children = self.children(&cwd, given.value("PATH"));
        let node = found
            .as_ref()
            .zip(identity.as_ref())
            .and_then(|(found, identity)| self.detect(found, identity));
        let runtime = Runtime::of(node.is_some(), &boundary.process);
        runtime::add(&mut self.view, runtime, &mut self.notes);
        let mut addons = addons::Addons {
            folder: self.request.folder,
            libraries: &mut self.libraries,
            view: &mut self.view,
            errors: &mut self.errors,
        };
        addons.add(&boundary.process.addons);
        self.view.settle();
        self.note_permissions(identity.as_ref());
        self.grants(|grants, view| grants.add_cwd(&cwd, view));
        let delivered = self.secrets();
        given.add_secrets(&delivered.variables);
        given.check_certificates(&cwd.real, &self.view, &mut self.errors);
        let started = found.and_then(|found| self.start(found, node, &cwd, &delivered));
        self.check_protected(&delivered, started.as_ref().and_then(|(_, script)| script.as_ref()));
        let (program, node_answer) = started.map(|(start, _)| start)?;
        Some(Plan {
            name: boundary.service.name.value.clone(),
            boundary_hash: self.request.hash.to_owned(),
            file: self.request.file.into(),
            folder: self.request.folder.into(),
            cwd: cwd.real,
            program,
            env: given.variables,
            view: self.view.entries(),
            children,
            builds: false,
            droppable: self.view.droppable(),
            unix_sockets,
            identity: identity?,
            limits: boundary.limits.clone(),
            secrets: delivered.files,
            secret_names: boundary.secrets.iter().map(|s| s.name.value.clone()).collect(),
            process: boundary.process.in_folder(&self.request.folder.to_string_lossy()),
            network: Arc::new(boundary.net.clone()),
            require: boundary.require.layers.clone(),
            stop_signal: boundary.service.stop_signal,
            stop_timeout: boundary.service.stop_timeout,
            environment_answer: given.answer,
            node_answer,
            warnings: std::mem::take(&mut self.warnings),
            notes: std::mem::take(&mut self.notes),
            removed_variables: given.removed,
        })
    }

    fn fail(&mut self, span: &std::ops::Range<usize>, step: impl Into<Step>) {
        self.errors.push(ResolveError::at(span, step));
    }

    fn caller_variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.request.environment.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_os_str())
    }

    fn identity(&mut self) -> Option<ResolvedIdentity> {
        let boundary = self.request.boundary;
        let owner =
            fs::metadata(self.request.folder).map_or((0, 0), |folder| (folder.uid(), folder.gid()));
        let resolved = identity::resolve(
            &boundary.identity,
            &self.request.caller,
            owner,
            &Accounts::of_host(),
            &boundary.service.name.value,
            &mut self.notes,
        );
        resolved.map_err(|error| self.errors.push(error)).ok()
    }

    fn grants<T>(&mut self, act: impl FnOnce(&mut Grants<'_>, &mut View) -> T) -> T {
        let home =
            self.caller_variable("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let mut grants = Grants {
            folder: self.request.folder,
            home: home.as_deref(),
            errors: &mut self.errors,
            notes: &mut self.notes,
        };
        act(&mut grants, &mut self.view)
    }

    /// A boundary grants no more than the service's user may do on the host anyway.
    fn note_permissions(&mut self, identity: Option<&ResolvedIdentity>) {
        let Some(identity) = identity else { return };
        for (path, bound) in
            self.view.objects().filter(|(_, bound)| bound.purpose == Purpose::Grant)
        {
            let (wanted, what) =
                if bound.access == Access::Write { (2, "writable") } else { (4, "readable") };
            if identity::surely_denied(identity, &bound.metadata, wanted) {
                let path = shown(path);
                let note = format!(
                    "{path} is granted but not {what} for the service's user {}",
                    identity.uid
                );
                // A folder that cannot be listed may still be passed through.
                let hurts = bound.access == Access::Write || !bound.metadata.is_dir();
                if hurts { &mut self.warnings } else { &mut self.notes }.push(note);
            }
        }
    }

    fn secrets(&mut self) -> Delivered {
        let mut secrets = Secrets {
            folder: self.request.folder,
            environment: self.request.environment,
            errors: &mut self.errors,
            notes: &mut self.notes,
        };
        secrets.deliver(&self.request.boundary.secrets, &mut self.view)
    }
}
