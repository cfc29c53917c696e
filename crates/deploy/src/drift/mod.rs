//! What is deployed, compared with the boundary: what is weaker than the file says.

pub mod compose;
pub mod dockerfile;
pub mod image;
pub mod kubernetes;
pub mod node;
pub mod oci;
pub mod process;
pub mod seccomp;
pub mod systemd;

use crate::render::Order;
use std::path::{Path, PathBuf};

/// One thing that is weaker in the target than in the boundary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drift {
    /// Stable kebab-case code, such as `writable-root`.
    pub code: &'static str,
    /// Where: the key as its target spells it, such as
    /// `Deployment orders: spec.template.spec.containers[0].securityContext.runAsNonRoot`.
    pub place: String,
    /// Line in the file, from 1; `None` when the line is missing or there is no file.
    pub line: Option<usize>,
    /// What the boundary asks for.
    pub wanted: String,
    /// What is there; `nothing` when the line is missing.
    pub found: String,
    /// Why it matters, one sentence.
    pub why: String,
}

/// A comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What is weaker, in the order of the file.
    pub drifts: Vec<Drift>,
    /// What could not be judged, one sentence each: templates, references to other files. A comparison
    /// that judged nothing is an error and not clean.
    pub undecided: Vec<String>,
    /// How many things were compared.
    pub compared: usize,
}

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub enum DriftError {
    /// The file is of no kind that is known.
    #[error("{} is neither a manifest, a Compose file, a Dockerfile, a unit, a runtime bundle nor a seccomp profile", path.display())]
    Unknown {
        /// Which.
        path: PathBuf,
    },
    /// The file is not what it should be.
    #[error("{}:{line}: {what}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Nothing in the file belongs to the service.
    #[error("{}: nothing in it is of the service `{service}`", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Name of the service.
        service: String,
    },
    /// A file or a process cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A text to compare.
#[derive(Debug, Clone, Copy)]
pub struct Deployed<'a> {
    /// Where it was read from, for messages and for its kind.
    pub path: &'a Path,
    /// What it says.
    pub text: &'a str,
}

/// Compares a file with the boundary; its kind is told by its name and its content.
///
/// # Errors
/// [`DriftError`].
pub fn compare(order: &Order<'_>, deployed: Deployed<'_>) -> Result<Comparison, DriftError> {
    let _ = order;
    Err(DriftError::Unknown { path: deployed.path.to_owned() })
}
