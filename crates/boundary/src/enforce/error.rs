//! Why a service could not be started or kept inside its boundary.

use ringfence_policy::layer::Layer;
use ringfence_sys::Errno;
use std::path::PathBuf;

/// One failing step of enforcement.
#[derive(Debug, thiserror::Error)]
pub enum EnforceError {
    /// A layer that the boundary requires cannot be given by this host.
    #[error("the layer `{layer}` is required and this host cannot give it: {why}")]
    LayerAbsent {
        /// Which.
        layer: Layer,
        /// What is missing.
        why: String,
    },
    /// The host refuses namespaces; tried again without them where that is allowed.
    #[error("this host refuses user namespaces: {0}")]
    NamespacesRefused(Errno),
    /// Secrets need a memory file system of their own, and there are no namespaces.
    #[error("secrets are delivered on a memory file system, which needs namespaces: {0}")]
    SecretsWithoutNamespaces(Errno),
    /// A path holds a NUL byte.
    #[error("a path holds a NUL byte: {}", .0.display())]
    Nul(PathBuf),
    /// A secret shall appear in a folder that comes from the host.
    #[error("a secret cannot be delivered into a granted folder: {}", .0.display())]
    SecretFolder(PathBuf),
    /// A step inside the new namespaces failed.
    #[error("preparing the service failed at `{step}`: {errno}")]
    Step {
        /// The step, as it is written down.
        step: String,
        /// What the kernel said.
        errno: Errno,
    },
    /// A system call of the supervisor failed.
    #[error("{what}: {errno}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
    /// The filter could not be compiled.
    #[error("compiling the system call filter: {0}")]
    Filter(String),
    /// A control group could not be made or limited.
    #[error("limiting the service: {0}")]
    Cgroup(String),
    /// The broker ended before the service did.
    #[error("the broker ended before the service: the service was killed")]
    BrokerLost,
    /// Init ended without saying how the service ended.
    #[error("the service was killed from outside together with its init process")]
    InitLost,
    /// Not all that a drop takes away could be found, so the service was ended.
    #[error("the service was ended, because a drop could not be completed: {0}")]
    Revoked(String),
    /// The programs's start was refused by the kernel.
    #[error("starting {}: {errno}", program.display())]
    Exec {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
    /// The boundary asks for something this build does not do.
    #[error("{0}")]
    Unsupported(String),
}

/// Which exit code a failure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The configuration asks for something impossible.
    Configuration,
    /// The host cannot enforce what is required.
    Host,
    /// Something that should not happen.
    Internal,
}

impl EnforceError {
    /// Which exit code this belongs to.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nul(_) | Self::SecretFolder(_) | Self::Exec { .. } | Self::Unsupported(_) => {
                Kind::Configuration
            }
            Self::LayerAbsent { .. }
            | Self::NamespacesRefused(_)
            | Self::SecretsWithoutNamespaces(_)
            | Self::Step { .. }
            | Self::Cgroup(_)
            | Self::Revoked(_) => Kind::Host,
            Self::System { .. } | Self::Filter(_) | Self::BrokerLost | Self::InitLost => {
                Kind::Internal
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::LayerAbsent { layer, .. } => format!(
                "`ringfence status` names the remedy; or list the layers you accept without `{layer}` in [require] layers"
            ),
            Self::SecretsWithoutNamespaces(_) => "deliver it with as = \"env\", which is weaker, or let the host give namespaces: see `ringfence status`".to_owned(),
            Self::SecretFolder(_) => "give the secret a `to` below /run/secrets".to_owned(),
            Self::Step { errno: Errno(libc::EACCES), .. } => {
                "the service's user must be able to reach every granted path: check the permissions of the folders above it".to_owned()
            }
            Self::Step { errno: Errno(libc::ESTALE), .. } => {
                "a granted path was replaced while the service was starting: start again".to_owned()
            }
            Self::Step { errno: Errno(libc::ENOSPC), .. } => {
                "a limit of namespaces or mounts is reached: see `ringfence status`".to_owned()
            }
            Self::Step { errno: Errno(libc::EMFILE), .. }
            | Self::System { errno: Errno(libc::EMFILE), .. } => {
                "a start needs a descriptor for each granted path: raise the limit of open files (`ulimit -n`)".to_owned()
            }
            Self::Step { errno: Errno(libc::EAGAIN), .. }
            | Self::System { errno: Errno(libc::EAGAIN), .. } => {
                "the service's user may have no more processes: see `ulimit -u` and what else runs as this user".to_owned()
            }
            Self::Step { .. } | Self::Cgroup(_) => {
                "`ringfence status` says what this host can enforce".to_owned()
            }
            Self::Revoked(_) => {
                "before it is started again, take the grant out of the file as well: it is in force from each start on".to_owned()
            }
            Self::Exec { errno: Errno(libc::ENOENT), .. } => {
                "the program's loader or a library of it is not visible inside: see `ringfence statement`".to_owned()
            }
            Self::Exec { errno: Errno(libc::E2BIG), .. } => {
                "arguments and environment together are more than the kernel takes, or one of them is longer than 128 KiB: put long values into a file".to_owned()
            }
            _ => return Vec::new(),
        };
        vec![hint]
    }
}

/// Names what was being done when a call failed.
pub(super) trait During<T> {
    /// Wraps the error number.
    fn during(self, what: &'static str) -> Result<T, EnforceError>;
}

impl<T> During<T> for Result<T, Errno> {
    fn during(self, what: &'static str) -> Result<T, EnforceError> {
        self.map_err(|errno| EnforceError::System { what, errno })
    }
}
