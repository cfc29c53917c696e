//! What the programs of a record get without a grant, asked of this host.

use super::own::ImpliedPath;
use crate::record::{FileKind, FileUse, Record};
use std::path::PathBuf;

/// What the programs and addons of a record get without a grant.
#[must_use]
pub fn implied(record: &Record) -> Vec<ImpliedPath> {
    let programs = record.programs.iter().map(|(path, seen)| seen.real.as_ref().unwrap_or(path));
    let programs: Vec<PathBuf> = programs.filter(|path| path.is_file()).cloned().collect();
    let addons = record.files.iter().filter(|(path, seen)| {
        let there = |used| seen.uses.get(&used).is_some_and(|first| first.found == FileKind::File);
        path.extension().is_some_and(|end| end == "node")
            && (there(FileUse::Read) || there(FileUse::Load))
    });
    let addons: Vec<PathBuf> = addons.map(|(path, _)| path.clone()).collect();
    let implied = ringfence_boundary::resolve::implied(&programs, &addons).into_iter();
    implied
        .map(|one| ImpliedPath { path: one.path, directory: one.directory, why: one.why })
        .collect()
}
