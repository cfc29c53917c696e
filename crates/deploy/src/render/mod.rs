//! A boundary written out for one target.

pub mod compose;
pub mod dockerfile;
pub mod kubernetes;
pub mod node;
pub mod oci;
pub mod seccomp;
pub mod systemd;

use ringfence_policy::model::Boundary;
use std::path::PathBuf;

/// What is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Arguments of Node and a script of `package.json`.
    Node,
    /// A service unit and a socket unit.
    Systemd,
    /// A Dockerfile and its ignore file.
    Dockerfile,
    /// A Compose file.
    Compose,
    /// Objects of a cluster.
    Kubernetes,
    /// A policy of a cluster that refuses a weaker pod.
    KubernetesPolicy,
    /// An audit policy of a cluster.
    KubernetesAudit,
    /// A runtime bundle's `config.json`.
    Oci,
    /// A seccomp profile.
    Seccomp,
}

/// How the service is started in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// By `ringfence run`: what the target cannot express is enforced inside.
    Ringfence,
    /// Node itself, with its permission flags: what the target cannot express is not enforced, and
    /// the notes say so.
    Node,
}

/// Everything a target may ask about the service besides its boundary. Paths in `boundary` that are
/// relative are against `folder` on this host and against [`Order::place`] in the target.
#[derive(Debug)]
pub struct Order<'a> {
    /// The boundary.
    pub boundary: &'a Boundary,
    /// SHA-256 of its file, lower-case hexadecimal.
    pub boundary_hash: &'a str,
    /// Name of the boundary file, such as `ringfence.toml`.
    pub file_name: &'a str,
    /// Folder of the boundary file on this host, absolute. Files of the project are read from here;
    /// what is missing has a default.
    pub folder: &'a std::path::Path,
    /// How the service is started; `None` is the target's own default.
    pub entry: Option<Entry>,
    /// Name of the image, with its tag or digest.
    pub image: Option<&'a str>,
    /// Name of the runtime class (clusters only).
    pub runtime_class: Option<&'a str>,
}

impl Order<'_> {
    /// Where the folder of the boundary file lies in images.
    pub const PLACE: &'static str = "/app";
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Files by their relative path. One file is written to standard output as it is; of several each
    /// is preceded by its name (YAML documents are one file).
    pub files: Vec<(PathBuf, String)>,
    /// What the target does not express, in the order of the boundary file.
    pub notes: Vec<Note>,
}

/// A grant or limit that the target cannot express as it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The key and value, as in `net.connect "api.internal:443"`.
    pub grant: String,
    /// What the target does instead, and who carries the rest; one sentence.
    pub carried: String,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The boundary cannot be written for this target at all.
    #[error("{what}")]
    Impossible {
        /// What stands in the way.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A file of the project that the target needs cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Writes a boundary out for a target.
///
/// # Errors
/// [`RenderError`].
pub fn render(target: Target, order: &Order<'_>) -> Result<Rendered, RenderError> {
    match target {
        Target::Node => node::render(order),
        Target::Systemd => systemd::render(order),
        Target::Dockerfile => dockerfile::render(order),
        Target::Compose => compose::render(order),
        Target::Kubernetes => kubernetes::render(order),
        Target::KubernetesPolicy => kubernetes::policy::render(order),
        Target::KubernetesAudit => kubernetes::audit::render(order),
        Target::Oci => oci::render(order),
        Target::Seccomp => seccomp::render(order),
    }
}
