//! What the programs of a record get without a grant, asked of this host.

use super::own::ImpliedPath;
use crate::record::{FileKind, FileUse, Record};
use std::net::IpAddr;
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

/// Addresses of this host that are not loopback; none when they cannot be asked.
#[must_use]
pub fn own_addresses() -> Vec<IpAddr> {
    let own = ringfence_sys::interfaces::addresses().unwrap_or_default();
    own.into_iter().filter(|address| !address.is_loopback()).collect()
}

/// Home directories of this host's users, and that of the caller.
#[must_use]
pub fn homes() -> Vec<PathBuf> {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let listed = users.lines().filter_map(|line| line.split(':').nth(5)).map(PathBuf::from);
    let own = std::env::var_os("HOME").map(PathBuf::from);
    let mut homes: Vec<PathBuf> = listed.chain(own).filter(|home| home.is_absolute()).collect();
    homes.sort();
    homes.dedup();
    homes
}
