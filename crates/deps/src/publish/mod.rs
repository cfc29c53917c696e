//! What a package is before it is published: what it would ship, and how it is published.
//!
//! The contents are computed ([`contents`]) and looked through; the workflows of the repository are read
//! for how a release is made. Nothing is run and nobody is asked. Much of what keeps a release safe is in
//! no file (who may merge, what the registry trusts): that is told as not judged and never as fine. A
//! script that runs before packing can still change what is shipped; it is named.

pub mod contents;
mod finding;
mod judge;
mod pattern;
mod repository;
mod shipped;
#[cfg(test)]
mod tests;
mod ways;

pub use finding::{CHECKS, Check, Finding};
pub use judge::{Agreed, NotJudged, Published};
pub use ways::WorkflowError;

use contents::{Contents, ContentsError, Npm, PackedManifest};
use finding::Found;
use repository::Repository;
use ringfence_policy::dependencies::Dependencies;
use std::path::Path;

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// What would be shipped cannot be told.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// A workflow cannot be read.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

/// Looks at the package in a folder: what it would ship, and how its repository publishes. `now` is in
/// seconds since 1970.
///
/// # Errors
/// [`PublishError`]
pub fn check(folder: &Path, policy: &Dependencies, now: u64) -> Result<Published, PublishError> {
    let folder = folder
        .canonicalize()
        .map_err(|source| ContentsError::Read { path: folder.to_owned(), source })?;
    let manifest = PackedManifest::read(&folder, "package.json")?.unwrap_or_default();
    let all = packed(&folder)?;
    let repository = Repository::around(&folder);
    let mut found = Found::new(&repository);
    let package = shipped::Package::new(&folder, &manifest, &all);
    shipped::look(&package, &mut found)?;
    ways::look(&package, &repository, &mut found)?;
    let newest =
        all.last().map_or(0, |(_, packed)| packed.files.values().map(|file| file.size).sum());
    Ok(found.judge(policy, now, told(&manifest, &package.all(), newest)))
}

/// What each npm would ship, computed at the same time.
fn packed(folder: &Path) -> Result<Vec<(Npm, Contents)>, ContentsError> {
    let pack = |npm| contents::contents(folder, npm).map(|found| (npm, found));
    std::thread::scope(|scope| {
        let all = Npm::ALL.map(|npm| scope.spawn(move || pack(npm)));
        let joined = all
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.collect()
    })
}

/// What is told of the contents beside findings.
fn told(manifest: &PackedManifest, all: &Contents, bytes: u64) -> judge::Told {
    judge::Told {
        name: manifest.name().map(str::to_owned),
        version: manifest.text("version").map(str::to_owned),
        files: all.files.iter().map(|(path, file)| (path.clone(), file.size)).collect(),
        bytes,
    }
}
