//! What is deployed, compared with the boundary: what is weaker than the file says.

pub mod compose;
pub mod dockerfile;
pub mod image;
mod kind;
pub mod kubernetes;
pub mod node;
pub mod oci;
pub mod process;
pub mod seccomp;
pub mod start;
pub(crate) mod started;
pub mod systemd;

pub use kind::Kind;

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

impl Drift {
    pub(crate) fn new(
        code: &'static str,
        place: &str,
        line: Option<usize>,
        wanted: &str,
        found: &str,
        why: &str,
    ) -> Self {
        Self {
            code,
            place: place.to_owned(),
            line,
            wanted: wanted.to_owned(),
            found: found.to_owned(),
            why: why.to_owned(),
        }
    }
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
        /// What is in it instead, by name, as far as that can be told.
        found: Vec<String>,
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
    match Kind::of(deployed) {
        Some(Kind::Compose) => compose::compare(order, deployed),
        Some(Kind::Dockerfile) => dockerfile::compare(order, deployed),
        Some(Kind::Kubernetes) => kubernetes::compare(order, deployed),
        Some(Kind::Node) => node::compare(order, deployed),
        Some(Kind::Oci) => oci::compare(order, deployed),
        Some(Kind::Seccomp) => seccomp::compare(order, deployed),
        Some(Kind::Systemd) => systemd::compare(order, &[deployed]),
        None => Err(DriftError::Unknown { path: deployed.path.to_owned() }),
    }
}

/// Compares several files that belong together: units with their drop-ins, manifests of one
/// service. Files of no known kind are passed over as long as another one is known.
///
/// # Errors
/// [`DriftError`]; that of the first file when none could be compared.
pub fn compare_all(
    order: &Order<'_>,
    files: &[Deployed<'_>],
) -> Result<Vec<(PathBuf, Comparison)>, DriftError> {
    if let [only] = files {
        return Ok(vec![(only.path.to_owned(), compare(order, *only)?)]);
    }
    let of = |kind: Kind| -> Vec<Deployed<'_>> {
        files.iter().copied().filter(|file| Kind::of(*file) == Some(kind)).collect()
    };
    let (units, manifests) = (of(Kind::Systemd), of(Kind::Kubernetes));
    let mut compared: Vec<(PathBuf, Result<Comparison, DriftError>)> = Vec::new();
    for file in files {
        let result = match Kind::of(*file) {
            None | Some(Kind::Systemd | Kind::Kubernetes) => continue,
            Some(_) => compare(order, *file),
        };
        compared.push((file.path.to_owned(), result));
    }
    if let Some(first) = units.first() {
        compared.push((first.path.to_owned(), systemd::compare(order, &units)));
    }
    compared.extend(together(order, &manifests));
    let mut good = Vec::new();
    let mut failed = None;
    for (path, result) in compared {
        match result {
            Ok(comparison) => good.push((path, comparison)),
            Err(error @ DriftError::Foreign { .. }) => {
                failed.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match (good.is_empty(), failed, files.first()) {
        (false, ..) => Ok(good),
        (true, Some(error), _) => Err(error),
        (true, None, first) => {
            let path = first.map(|file| file.path.to_owned()).unwrap_or_default();
            Err(DriftError::Unknown { path })
        }
    }
}

/// Manifests of several files as one text, because an object may be in any of them; places then
/// name their file, and lines are those of the file.
fn together(
    order: &Order<'_>,
    files: &[Deployed<'_>],
) -> Option<(PathBuf, Result<Comparison, DriftError>)> {
    let first = files.first()?;
    if files.len() == 1 {
        return Some((first.path.to_owned(), kubernetes::compare(order, *first)));
    }
    let mut text = String::new();
    let mut starts: Vec<(usize, &Path)> = Vec::new();
    for file in files {
        text.push_str("---\n");
        starts.push((text.lines().count(), file.path));
        text.push_str(file.text);
        if !file.text.ends_with('\n') {
            text.push('\n');
        }
    }
    let whole = Deployed { path: first.path, text: &text };
    let at = |line: usize| {
        let found = starts.iter().rev().find(|(start, _)| line > *start);
        found.map(|(start, path)| (line - start, *path))
    };
    let result = kubernetes::compare(order, whole).map(|mut comparison| {
        for drift in &mut comparison.drifts {
            let Some((line, path)) = drift.line.and_then(at) else { continue };
            drift.line = Some(line);
            drift.place = format!("{}: {}", path.display(), drift.place);
        }
        comparison
    });
    let result = result.map_err(|error| match error {
        DriftError::Malformed { path, line, what } => match at(line) {
            Some((line, path)) => DriftError::Malformed { path: path.to_owned(), line, what },
            None => DriftError::Malformed { path, line, what },
        },
        other => other,
    });
    let folder = first.path.parent().unwrap_or(first.path);
    Some((folder.to_owned(), result))
}
