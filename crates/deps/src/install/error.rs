//! Why nothing was installed for a reason that is no finding.

use ringfence_boundary::enforce::{EnforceError, Kind};
use std::io;
use std::path::PathBuf;

/// Why an install was not even tried, or could not be finished. What was installed before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A manager whose frozen install is not known here.
    #[error("installs of {0} are not made here: npm's and pnpm's are")]
    Manager(&'static str),
    /// A program is missing, or is something else than expected.
    #[error("{what}: {why}")]
    Tool {
        /// `node`, `npm`, `pnpm`.
        what: &'static str,
        /// What is wrong, lower case.
        why: String,
    },
    /// npm's configuration names no registry.
    #[error("npm's configuration names no registry")]
    NoRegistry,
    /// A setting asks for another install than is made here.
    #[error("{place} sets {key} to {value:?}: {why}")]
    Setting {
        /// The file or variable.
        place: String,
        /// The setting, as `.npmrc` writes it.
        key: &'static str,
        /// Its value, unescaped.
        value: String,
        /// What it would do.
        why: &'static str,
    },
    /// Root's own cache lies in its home.
    #[error("HOME is not set, and the cache of root's installs lies there")]
    NoHome,
    /// Another install of this project is running.
    #[error("another install of this project is running")]
    Busy,
    /// A file or folder could not be prepared or put in place.
    #[error("cannot {what} {}", path.display())]
    Files {
        /// What was being done.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// `node_modules` is a link or a mount.
    #[error("{} is {what}: it cannot be replaced as a whole", path.display())]
    NotAFolder {
        /// The folder.
        path: PathBuf,
        /// `a link`, `no folder`, `a mount`.
        what: &'static str,
    },
    /// The boundary does not fit this host.
    #[error("the boundary of the install does not fit this host: {0}")]
    Resolve(String),
    /// This host cannot enforce it, or a step of it failed.
    #[error("{message}")]
    Enforce {
        /// In the words of enforcement.
        message: String,
        /// Whether this host lacks something.
        host: bool,
        /// What to do.
        hints: Vec<String>,
    },
    /// A system call failed.
    #[error("{what}: {errno}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        errno: ringfence_sys::Errno,
    },
    /// The manager did not finish.
    #[error("{manager} {how}")]
    Fetch {
        /// `npm` or `pnpm`.
        manager: &'static str,
        /// `ended with code 1`, `was stopped after 1800 s`.
        how: String,
        /// The end of what it said, unescaped.
        output: String,
        /// Addresses it was refused.
        refused: Vec<String>,
    },
    /// The installed tree could not be compared.
    #[error("the fetched packages could not be compared with their tarballs")]
    Compare(#[from] crate::installed::InstalledError),
    /// A script that the project does not have.
    #[error("package.json has no script {0:?}")]
    NoScript(String),
    /// The project's folder belongs to root, and nothing is built as root.
    #[error(
        "the project belongs to root, and a build runs as another user, who cannot write there"
    )]
    BuildAsRoot,
}

impl InstallError {
    /// Names what was being done with a path.
    pub(super) fn files(
        what: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Files { what, path, source }
    }

    /// A path could not be given to another user, whom this user namespace may not have.
    pub(super) fn giving(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            if source.raw_os_error() != Some(libc::EINVAL) {
                return Self::Files { what: "give", path, source };
            }
            let message = "root here is root of a user namespace without another user to run as";
            let hint = "run it as an ordinary user, or with a range of users mapped";
            let (message, hints) = (message.to_owned(), vec![hint.to_owned()]);
            Self::Enforce { message, host: true, hints }
        }
    }

    /// From the engine.
    pub(super) fn enforce(error: &EnforceError) -> Self {
        let message = chained(error);
        Self::Enforce { message, host: error.kind() == Kind::Host, hints: error.hints() }
    }

    /// What to do about it, one sentence each.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::Manager(_) => {
                one("install with the manager itself, and `ringfence deps verify` afterwards")
            }
            Self::Tool { what: "node", .. } => one(
                "put the folder of Node's own program first into PATH: shims and wrappers are not followed",
            ),
            Self::Tool { .. } => one(
                "put the manager itself into PATH, as `npm install --global` does: shims are not followed",
            ),
            Self::NoRegistry => {
                one("say which: `npm config set registry URL`, or NPM_CONFIG_REGISTRY=URL")
            }
            Self::Setting { .. } => one(
                "take the setting out, or install with the manager itself and `ringfence deps verify` afterwards",
            ),
            Self::NoHome => one("set HOME, such as HOME=/root"),
            Self::Busy => one("wait for it to end"),
            Self::NotAFolder { .. } => one("take it away, or install in a folder of its own"),
            Self::Enforce { hints, .. } => hints.clone(),
            Self::Resolve(_) => one("`ringfence status` says what this host can enforce"),
            Self::Fetch { refused, .. } if !refused.is_empty() => one(
                "only the registries of npm's configuration are reached: `npm config set @scope:registry URL` names another one",
            ),
            Self::Fetch { .. } => one("what the manager said is above; nothing was changed"),
            Self::NoScript(_) => one("name a script of package.json with --build"),
            Self::BuildAsRoot => one(
                "run it as the user that owns the project, or give the folder to that user (chown)",
            ),
            Self::Files { source, .. } if source.raw_os_error() == Some(libc::EXDEV) => one(
                "the file system cannot exchange folders here (an image's lower layer): remove node_modules first",
            ),
            Self::Files { .. } | Self::System { .. } | Self::Compare(_) => Vec::new(),
        }
    }
}

fn chained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        let more = below.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = below.source();
    }
    text
}
