//! What is known beside the text: the boundary in question, and this host.
//!
//! Both may be missing. Without a boundary nothing can be said about what is granted already;
//! without a host nothing about what exists.

use super::paths::join;
use ringfence_policy::model::Boundary;

/// The boundary file in question.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Path as it should be shown.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What it says.
    pub boundary: &'a Boundary,
    /// Its folder: absolute, real.
    pub folder: &'a str,
}

/// What is at a path of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A file, or something else that is not a folder.
    File,
    /// A folder.
    Folder,
    /// Nothing.
    Missing,
    /// It was not asked, or could not be seen.
    Unknown,
}

/// This host, as far as it is the one the text comes from.
pub trait Host {
    /// What is at an absolute path.
    fn look(&self, path: &str) -> Look {
        let _ = path;
        Look::Unknown
    }

    /// Where a program of this name is, absolute and real.
    fn program(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// Whether a service in this boundary could read or write this path, as `resolve` sees it;
    /// `None` when that cannot be told here.
    fn shows(&self, boundary: &Boundary, path: &str, write: bool) -> Option<bool> {
        let _ = (boundary, path, write);
        None
    }

    /// User id that owns what is at an absolute path.
    fn owner(&self, path: &str) -> Option<u32> {
        let _ = path;
        None
    }

    /// User id the service runs as.
    fn user(&self) -> Option<u32> {
        None
    }

    /// SHA-256 of a file, in lower-case hexadecimal.
    fn sha256(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }
}

/// No host: the text alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHost;

impl Host for NoHost {}

/// All of it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The boundary, if there is one.
    pub setting: Option<Setting<'a>>,
    /// The host.
    pub host: &'a dyn Host,
}

impl Context<'_> {
    /// The text alone.
    pub const NOTHING: Context<'static> = Context { setting: None, host: &NoHost };

    /// A path as the service meant it: what is relative counts from `service.cwd`. `None` where
    /// nothing says to what it is relative, and for no path at all.
    #[must_use]
    pub(crate) fn absolute(&self, path: &str) -> Option<String> {
        if path.is_empty() || path.starts_with('/') {
            return (!path.is_empty()).then(|| path.to_owned());
        }
        let setting = self.setting?;
        let cwd = join(setting.folder, &setting.boundary.service.cwd.value);
        Some(join(&cwd, path))
    }
}
