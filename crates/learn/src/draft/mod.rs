//! From what a run used to the smallest grants that let it run again.
//!
//! Each grant opens what was used and as little else as its form allows: never `/`, a folder of the
//! system, a home directory, the project itself, or a folder that holds a secret. What the runtime
//! gets anyway is kept apart. Everything comes from values and a few questions to the disk, so the
//! rules can be read and tested one by one. A record tells what a program did while it was looked at:
//! what a program hid, or did not do this time, is not in the grants.

mod coverage;
mod disk;
mod environment;
mod files;
mod grant;
#[cfg(target_os = "linux")]
mod host;
mod network;
mod note;
mod own;
mod process;
mod sockets;
mod why;

pub use coverage::{Coverage, Section, Unused};
pub use disk::{Disk, HostDisk};
pub use grant::{Kind, Proposed, Value};
#[cfg(target_os = "linux")]
pub use host::{homes, implied, own_addresses};
pub use note::{Note, Severity};
pub use own::{ImpliedPath, RuntimeRead};
pub use why::Why;

use crate::record::Record;
use files::tidy as files_tidy;
use ringfence_policy::model::Boundary;
use std::net::IpAddr;
use std::path::PathBuf;

/// What is known besides the record.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Folder of the boundary file, absolute and without symlinks.
    pub folder: &'a std::path::Path,
    /// Home directories of this host.
    pub homes: &'a [PathBuf],
    /// Addresses of this host that are not loopback.
    pub own_addresses: &'a [IpAddr],
    /// What the programs of the record get without a grant.
    pub implied: &'a [ImpliedPath],
    /// Whether a service has its own object at a path.
    pub is_private: fn(&std::path::Path) -> bool,
    /// What is granted already.
    pub boundary: Option<&'a Boundary>,
    /// The disk.
    pub disk: &'a dyn Disk,
}

/// What a record comes to.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Grants, in the order of the file's sections; those that stand in the file already too.
    pub proposed: Vec<Proposed>,
    /// What a person should know or decide.
    pub notes: Vec<Note>,
    /// What the runtime used and gets without a grant.
    pub runtime: Vec<RuntimeRead>,
    /// How much of the boundary the run exercised.
    pub coverage: Coverage,
}

impl Draft {
    /// The grants that the file lacks.
    pub fn missing(&self) -> impl Iterator<Item = &Proposed> {
        self.proposed.iter().filter(|proposed| proposed.kind == Kind::New)
    }
}

/// Makes grants of a record.
#[must_use]
pub fn draft(record: &Record, facts: &Facts<'_>) -> Draft {
    let mut drafting = Drafting { record, facts, draft: Draft::default() };
    files::draft(&mut drafting);
    network::draft(&mut drafting);
    sockets::draft(&mut drafting);
    process::draft(&mut drafting);
    environment::draft(&mut drafting);
    note_command(&mut drafting);
    let coverage = coverage::measure(&drafting);
    let mut draft = drafting.draft;
    draft.coverage = coverage;
    draft.proposed.sort_by_key(Proposed::order);
    draft.notes.sort_by(|one, other| one.order().cmp(&other.order()));
    draft.notes.dedup();
    draft
}

/// What is learnt from another command is granted to the service too.
fn note_command(drafting: &mut Drafting<'_>) {
    let Some(boundary) = drafting.facts.boundary else { return };
    let start = &boundary.service.start;
    let mut ran = drafting.record.begin.command.iter();
    let program = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let first =
        ran.next().map(|word| program(word)) == start.first().map(|word| program(&word.value));
    if !(first && ran.eq(start.iter().skip(1).map(|word| &word.value))) {
        drafting.note(Note::hint(
            "another-command",
            "the run was of another command than service.start: what only that one needs is granted to the service too, so take out what is of the test and not of the service",
        ));
    }
}

/// A draft in the making.
struct Drafting<'a> {
    record: &'a Record,
    facts: &'a Facts<'a>,
    draft: Draft,
}

impl Drafting<'_> {
    /// Adds a grant, unless the file could not say it.
    fn propose(&mut self, proposed: Proposed) {
        match proposed.admissible() {
            Ok(()) => self.draft.proposed.push(proposed),
            Err(why) => self.note(Note::finding(
                "cannot-be-written",
                format!("{} {} cannot be granted: {why}", proposed.key, proposed.value.shown()),
            )),
        }
    }

    fn note(&mut self, note: Note) {
        self.draft.notes.push(note);
    }
}

/// Notes that a grant of the file was used; the uses of one grant become one.
fn already(drafting: &mut Drafting<'_>, key: &'static str, value: Value, why: Why) {
    let proposed = &mut drafting.draft.proposed;
    let known = proposed.iter_mut().find(|known| {
        known.key == key && known.value == value && known.kind == Kind::AlreadyGranted
    });
    match known {
        Some(known) => known.why.join(&why),
        None => proposed.push(Proposed::new(key, value, why).granted()),
    }
}

#[cfg(test)]
mod own_port_tests;
#[cfg(test)]
mod system_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
