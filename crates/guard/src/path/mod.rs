//! Paths that users name, opened below a folder and nowhere else.
//!
//! [`RelativePath`] says what a name may look like at all, the same on every system; [`Root`] opens it
//! with the kernel's own resolution (openat2(2), `RESOLVE_BENEATH`), so that no check can be overtaken
//! by somebody who moves files meanwhile. Nothing compares prefixes of strings.

#[cfg(unix)]
mod list;
mod relative;
#[cfg(unix)]
mod root;

#[cfg(unix)]
pub use list::{Entry, EntryKind};
pub use relative::{LONGEST_NAME, LONGEST_PATH, RelativePath};
#[cfg(unix)]
pub(crate) use root::told;
#[cfg(unix)]
pub use root::{Links, Root};

/// Why a path was not opened.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// The text cannot be a path below a folder; the path escapes or is ambiguous.
    #[error("path escapes or is not portable: {0}")]
    Refused(&'static str),
    /// On the way lies a symbolic link, or the way leads out of the root.
    #[error("path escapes its root")]
    Escapes,
    /// Nothing is there (ENOENT).
    #[error("not found")]
    NotFound,
    /// The file system does not permit it (EACCES).
    #[error("permission denied")]
    PermissionDenied,
    /// The operation is not permitted (EPERM).
    #[error("operation not permitted")]
    NotPermitted,
    /// It is there already (EEXIST).
    #[error("already exists")]
    Exists,
    /// It is a folder where a file is meant, or the other way round.
    #[error("it is of another kind")]
    Kind,
    /// Another error of the system.
    #[error("input or output failed")]
    Io(#[source] std::io::Error),
}
