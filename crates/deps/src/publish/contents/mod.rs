//! What `npm pack` would ship, told without running npm or anything of the project.
//!
//! The rules are npm's own (npm-packlist and ignore-walk as they come with npm 10, 11 and 12), with what
//! looks like an oversight in them, because what counts is what is shipped. npm 12 reads `files` in another
//! way than those before, so the contents of a package can depend on who packs it. The tests compare with
//! the real thing. Two settings of the machine that packs are not read: npm 12's ignore file for all
//! projects, and packages that lie outside of the project's folder.

mod bundled;
mod files;
mod manifest;
mod rules;
#[cfg(test)]
mod tests;
mod walk;
mod workspaces;

pub use manifest::PackedManifest;

use super::pattern::PatternError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Most files that a package may have.
const MOST_FILES: usize = 200_000;
/// Deepest folders that are entered.
const DEEPEST: usize = 96;
/// Largest `package.json` or ignore file that is read, in bytes.
const LARGEST_TEXT: u64 = 4 << 20;

/// Which npm packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Npm {
    /// npm 10, and those before as far as is known.
    Ten,
    /// npm 11
    Eleven,
    /// npm 12, and those after until somebody knows better.
    Twelve,
}

impl Npm {
    /// All, the oldest first.
    pub const ALL: [Self; 3] = [Self::Ten, Self::Eleven, Self::Twelve];

    /// `npm 11`
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ten => "npm 10",
            Self::Eleven => "npm 11",
            Self::Twelve => "npm 12",
        }
    }
}

/// Why nobody can say what would be shipped.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// There is no `package.json` that npm could read.
    #[error("{path}: {why}")]
    Manifest {
        /// The file.
        path: String,
        /// Why not: lower case, no period.
        why: String,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A name that npm cannot pack.
    #[error("the name of {} is not UTF-8: npm cannot pack it", .0.display())]
    Name(PathBuf),
    /// More than is looked at.
    #[error("there are more than {MOST_FILES} files, or folders more than {DEEPEST} deep")]
    Large,
    /// A bundled package lies outside of the project.
    #[error(
        "the bundled package {0} lies outside of the folder: what is shipped of it is not told"
    )]
    Outside(String),
    /// A pattern of `files` or of an ignore file.
    #[error("{pattern}: {source}")]
    Pattern {
        /// The pattern, cut.
        pattern: String,
        /// Why not.
        #[source]
        source: PatternError,
    },
}

/// A file that would be shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// Bytes.
    pub size: u64,
    /// Whether its mode lets somebody execute it.
    pub executable: bool,
    /// What the file system calls it, where it has other names too.
    pub inode: Option<(u64, u64)>,
}

/// What would be shipped, and what was met on the way.
#[derive(Debug, Default)]
pub struct Contents {
    /// By path in the package, with `/` between its parts.
    pub files: BTreeMap<String, Shipped>,
    /// Links in shipped folders: npm leaves them out.
    pub links: BTreeMap<String, PathBuf>,
    /// Names with a `*`: npm leaves them out.
    pub left_out: Vec<String>,
}

/// What `npm pack` in `folder` would ship. A folder that is a workspace of another one above it is packed
/// as npm packs it from there.
///
/// # Errors
/// [`ContentsError`]: what cannot be told is never taken for nothing.
pub fn contents(folder: &Path, npm: Npm) -> Result<Contents, ContentsError> {
    let unreadable = |source| ContentsError::Read { path: folder.to_owned(), source };
    let folder = folder.canonicalize().map_err(unreadable)?;
    walk::pack(&folder, npm)
}
