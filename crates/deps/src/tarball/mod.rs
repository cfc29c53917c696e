//! npm tarballs: what is in them, read once, within bounds, and by their hash.
//!
//! A tarball is somebody's archive. It is inflated as it is read, never written anywhere, and given up
//! as soon as it is larger, fuller or denser than a package can be. Where a hash is known, nothing of a
//! tarball with another hash is used. Names are taken as npm takes them: the first folder is left out
//! whatever it is called, `./` is no folder, and what would leave the package is left out and told.
//! What a file does when it runs is not looked at.

mod facts;
mod hash;
mod limits;
mod manifest;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use facts::{INSTALL_SCRIPTS, program};
pub use hash::check;
pub(crate) use hash::{hex, sha512};
pub use limits::Limits;
pub use manifest::Manifest;
pub(crate) use manifest::joined;
#[cfg(test)]
pub(crate) use tests::packed;

use crate::evidence::TarballFacts;
use ringfence_policy::display::quoted;
use ringfence_project::graph::Integrity;
use std::io;

/// Bytes of a SHA-512.
pub type Hash = [u8; 64];

/// A tarball that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tarball {
    /// Its files in the order of the archive; a name may be there twice, and the last one counts.
    pub files: Vec<Member>,
    /// What its `package.json` says; empty where it cannot be read.
    pub manifest: Manifest,
    /// Entries that an install leaves out: links, devices, names that lead outside.
    pub left_out: Vec<LeftOut>,
}

/// A file of a tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path in the package, with `/` between its parts.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-512 of its bytes.
    pub hash: Hash,
    /// Whether its mode lets somebody execute it.
    pub executable: bool,
    /// What its first bytes say it is, where that is a program.
    pub program: Option<&'static str>,
}

/// An entry that an install leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name as it is written. From outside: show it escaped.
    pub name: String,
    /// Why, in words.
    pub why: &'static str,
}

/// Why a tarball is not used.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// It is not what the lockfile or the registry named.
    #[error("its hash is not {}", quoted(expected))]
    Integrity {
        /// What was expected.
        expected: String,
    },
    /// It is no archive, or not a whole one.
    #[error("it is no whole tar archive: {0}")]
    Archive(String),
    /// More bytes, packed or unpacked, than a package has.
    #[error("it holds more than {0} bytes")]
    Bytes(u64),
    /// More entries than a package has.
    #[error("it holds more than {0} entries")]
    Entries(usize),
    /// It unpacks to a multiple of itself that no package has.
    #[error("it unpacks to more than {0} times its own size")]
    Ratio(u64),
    /// It could not be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
}

impl Tarball {
    /// Reads a tarball of whose hash nothing is known.
    ///
    /// # Errors
    /// [`TarballError`], all but its `Integrity`.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, TarballError> {
        read::read(bytes, limits)
    }

    /// Reads a tarball that must have one of these hashes.
    ///
    /// # Errors
    /// [`TarballError`]; `Integrity` also where no hash is given, before anything is unpacked.
    pub fn read_checked(
        bytes: &[u8],
        integrity: &Integrity,
        limits: Limits,
    ) -> Result<Self, TarballError> {
        check(bytes, integrity)?;
        read::read(bytes, limits)
    }

    /// What a review asks of it; `from_git` where `prepare` runs too.
    #[must_use]
    pub fn facts(&self, from_git: bool) -> TarballFacts {
        facts::facts(self, from_git)
    }
}
