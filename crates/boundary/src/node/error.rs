//! Why Node is not started, and what to do about each reason.

use super::{Version, show};
use crate::resolve::shown;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Why Node cannot be started inside a boundary.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A configuration file of Node.
    #[error("{0} lets a file change Node's permissions")]
    ConfigurationFile(String),
    /// An environment file that sets what is refused.
    #[error("{} sets {variable}, which {why}", shown(.path))]
    EnvironmentFile {
        /// The file.
        path: PathBuf,
        /// The variable.
        variable: String,
        /// The reason, from the policy.
        why: &'static str,
    },
    /// An environment file that cannot be read.
    #[error("environment file cannot be read: {}", shown(.0))]
    EnvironmentFileUnreadable(PathBuf, #[source] io::Error),
    /// The script exists and no grant shows it.
    #[error("the script is not granted: {}", shown(.path))]
    HiddenScript {
        /// The word of the command.
        word: OsString,
        /// The script.
        path: PathBuf,
        /// The folder of the boundary file, from which its paths count.
        folder: PathBuf,
    },
    /// The inspector without its grant.
    #[error("{0} opens the inspector, which process.inspector does not grant")]
    Inspector(String),
    /// Outside `service.node`.
    #[error("Node {} is not in the accepted range", show(*.0))]
    OutOfRange(Version),
    /// A permission flag in the command.
    #[error("{0} in the command: grants come from the boundary file")]
    PermissionFlag(String),
    /// A flag that writes the keys of TLS connections down.
    #[error("{0} writes the keys of TLS connections to a file")]
    RevealsKeys(String),
    /// A command that switches the verification of certificates off.
    #[error("the command sets {0}, which switches the verification of certificates off")]
    SkipsVerification(&'static str),
    /// Below 20.7.
    #[error("Node {} is too old: its permission flags cannot express a boundary", show(*.0))]
    TooOld(Version),
    /// It looks like Node and does not say which.
    #[error("cannot tell which Node this is: {}", shown(.path))]
    UnknownVersion {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A flag that switches the permissions off.
    #[error("{0} switches Node's permissions off")]
    Weakening(String),
}

impl NodeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::ConfigurationFile(flag) => {
                format!("remove {flag} and write its options into service.start")
            }
            Self::EnvironmentFile { variable, .. } => format!("remove {variable} from the file"),
            Self::EnvironmentFileUnreadable(..) => {
                "check the path, which counts from service.cwd".into()
            }
            Self::HiddenScript { path, folder, .. } => {
                let parent = path.parent().unwrap_or(path);
                let relative = parent.strip_prefix(folder).map(|rest| Path::new("./").join(rest));
                format!("add \"{}\" to fs.read", shown(relative.as_deref().unwrap_or(parent)))
            }
            Self::Inspector(flag) => {
                format!("remove {flag}, or set process.inspector = true for development")
            }
            Self::OutOfRange(_) => "install a Node in the range, or change service.node".into(),
            Self::PermissionFlag(flag) => {
                format!("remove {flag} and write the grant into [fs], [net] or [process]")
            }
            Self::RevealsKeys(flag) => format!("remove {flag}"),
            Self::SkipsVerification(variable) => {
                format!("remove {variable} and name the private CA in NODE_EXTRA_CA_CERTS")
            }
            Self::TooOld(_) => "install a supported Node: 22, 24 or 26".into(),
            Self::UnknownVersion { .. } => {
                "check that the service's user may run it: `PROGRAM --version`".into()
            }
            Self::Weakening(flag) => {
                format!("remove {flag}; `ringfence learn` records without enforcing")
            }
        }
    }
}
