//! This host, asked about paths and programs, and a running service looked at.
//!
//! A text may come from another machine. This one is asked only when the boundary fits it: its
//! paths, programs and users are all there. Then `resolve` itself says what a service could see.

use super::caller;
use crate::boundary_file::BoundaryFile;
use crate::verbs::Here;
use ringfence_boundary::explain::{Host, Look, NoHost};
use ringfence_boundary::plan::{Access, Plan, ViewEntry};
use ringfence_boundary::resolve::{self, Request};
use ringfence_policy::display::hex;
use ringfence_policy::model::Boundary;
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::path::Path;

/// Largest addon whose hash is taken, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// This host, where the boundary fits it.
struct This<'a> {
    file: &'a BoundaryFile,
    plan: Plan,
}

/// This host if the boundary fits it, else none.
pub(crate) fn here(file: Option<&BoundaryFile>) -> Here<'_> {
    let plan = file.and_then(|file| Some((file, plan(file, &file.boundary)?)));
    match plan {
        Some((file, plan)) => Box::new(This { file, plan }),
        None => Box::new(NoHost),
    }
}

impl Host for This<'_> {
    fn look(&self, path: &str) -> Look {
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => Look::Folder,
            Ok(_) => Look::File,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Look::Missing,
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Look::Missing,
            Err(_) => Look::Unknown,
        }
    }

    fn program(&self, name: &str) -> Option<String> {
        if name.is_empty() || name.contains('/') {
            return None;
        }
        let path =
            std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
            .and_then(|file| file.canonicalize().ok())
            .map(|file| file.to_string_lossy().into_owned())
    }

    fn shows(&self, boundary: &Boundary, path: &str, write: bool) -> Option<bool> {
        let real = Path::new(path).canonicalize().ok()?;
        // What the file says now is resolved already; another boundary is this one with a grant.
        if same_files(boundary, &self.file.boundary) {
            return Some(shows(&self.plan, self.file, &real, write));
        }
        let plan = plan(self.file, boundary);
        Some(plan.is_some_and(|plan| shows(&plan, self.file, &real, write)))
    }

    fn owner(&self, path: &str) -> Option<u32> {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).ok().map(|found| found.uid())
    }

    fn user(&self) -> Option<u32> {
        Some(self.plan.identity.uid)
    }

    fn sha256(&self, path: &str) -> Option<String> {
        let file = std::fs::File::open(path).ok()?;
        let mut bytes = Vec::new();
        let read = file.take(LARGEST).read_to_end(&mut bytes).ok()?;
        if read as u64 == LARGEST {
            return None;
        }
        Some(hex(&Sha256::digest(&bytes)))
    }
}

/// What a boundary in the place of this file means here, if it fits this host.
fn plan(file: &BoundaryFile, boundary: &Boundary) -> Option<Plan> {
    let request = Request {
        boundary,
        file: &file.source.path,
        folder: &file.folder().ok()?,
        hash: &file.hash(),
        command: None,
        environment: &caller::environment(),
        caller: caller::ids().ok()?,
    };
    resolve::resolve(&request).ok()
}

/// Whether two boundaries grant the same files.
fn same_files(one: &Boundary, other: &Boundary) -> bool {
    one.fs.read == other.fs.read && one.fs.write == other.fs.write
}

/// Whether a service under this plan sees a real path, and may write it.
fn shows(plan: &Plan, file: &BoundaryFile, real: &Path, write: bool) -> bool {
    let nearest = real.ancestors().find_map(|at| {
        plan.view.iter().find_map(|entry| match entry {
            ViewEntry::Bind { target, directory, access, .. } if target == at => {
                Some((at == real || *directory) && (!write || *access == Access::Write))
            }
            ViewEntry::Mask { target, .. } if target == at => Some(false),
            _ => None,
        })
    });
    // The folder of a project in /tmp is not the /tmp that is seen inside.
    let project = file.folder().is_ok_and(|folder| real.starts_with(folder));
    nearest.unwrap_or_else(|| !project && is_own(real))
}

/// Folders every service has for itself.
fn is_own(real: &Path) -> bool {
    ["/tmp", "/dev/shm"].iter().any(|own| real.starts_with(own))
}
