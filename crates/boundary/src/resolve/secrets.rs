//! `[secrets]`: values read before the start, and their sources hidden from the service.
//!
//! The supervisor reads a secret with its own rights and delivers it on a memory file system.
//! When its source lies in a granted folder, that one file is masked, because otherwise dropping
//! or rotating the delivered secret would change nothing. Other copies and hard links of the
//! source are not looked for.

use super::error::ResolveError;
use super::view::View;
use super::walk::{WalkError, Walked, shown, tidy, walk};
use crate::plan::{PlannedSecret, SecretValue};
use ringfence_policy::model::{Delivery, Secret, SecretSource};
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Largest secret, in bytes.
const MAX_SECRET: u64 = 1 << 20;
/// Where no secret can be delivered: other file systems are mounted there.
const NOT_BELOW: [&str; 4] = ["/dev", "/proc", "/sys", "/tmp"];

/// Why a secret cannot be delivered.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The same file is granted.
    #[error("the source of secret {name} is itself granted: {}", shown(.path))]
    Granted {
        /// The secret.
        name: String,
        /// Its source.
        path: PathBuf,
    },
    /// A form this build cannot deliver.
    #[error("secret {name}: as = \"{form}\" is not in this build yet")]
    Form {
        /// The secret.
        name: String,
        /// `fd` or `socket`.
        form: &'static str,
    },
    /// The kernel cannot hold the value.
    #[error("secret {name} cannot be held in memory: {errno}")]
    Held {
        /// The secret.
        name: String,
        /// What the kernel said.
        errno: ringfence_sys::Errno,
    },
    /// A zero byte in an environment variable.
    #[error("secret {0} holds a zero byte, which an environment variable cannot")]
    ZeroByte(String),
    /// Not a regular file.
    #[error("the source of secret {name} is not a regular file: {}", shown(.path))]
    NotAFile {
        /// The secret.
        name: String,
        /// Its source.
        path: PathBuf,
    },
    /// A source this build cannot read.
    #[error("secret {name}: this build cannot read {scheme} sources")]
    Source {
        /// The secret.
        name: String,
        /// Such as `vault:`.
        scheme: &'static str,
    },
    /// The delivered file would lie in a granted folder.
    #[error("secret {name} cannot be delivered at {}: {reason}", shown(.to))]
    Target {
        /// The secret.
        name: String,
        /// Where it was to go.
        to: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Larger than a mebibyte.
    #[error("the source of secret {name} is larger than 1 MiB: {}", shown(.path))]
    TooLarge {
        /// The secret.
        name: String,
        /// Its source.
        path: PathBuf,
    },
    /// Reading failed.
    #[error("the source of secret {name} cannot be read: {}", shown(.path))]
    Unreadable {
        /// The secret.
        name: String,
        /// Its source.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The variable is not set.
    #[error("secret {name}: environment variable {variable} is not set")]
    Unset {
        /// The secret.
        name: String,
        /// The variable.
        variable: String,
    },
    /// The path leads nowhere.
    #[error("the source of secret {name} {source}")]
    Walk {
        /// The secret.
        name: String,
        /// Why.
        source: WalkError,
    },
}

impl SecretError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Granted { .. } => "remove the grant, or remove the secret".into(),
            Self::Held { .. } => "see the limits of this process: `ulimit -a`".into(),
            Self::Form { .. } => "use as = \"file\"".into(),
            Self::ZeroByte(_) => "deliver it with as = \"file\"".into(),
            Self::NotAFile { .. } => "name a regular file".into(),
            Self::Source { .. } => "use from = \"file:PATH\" or from = \"env:NAME\"".into(),
            Self::Target { name, .. } => {
                format!("deliver it below /run/secrets, such as to = \"/run/secrets/{name}\"")
            }
            Self::TooLarge { .. } => {
                "a secret is at most 1 MiB; grant large files with fs.read".into()
            }
            Self::Unreadable { path, .. } => {
                format!("give this user read permission on {}", shown(path))
            }
            Self::Unset { variable, .. } => format!("start ringfence with {variable} set"),
            Self::Walk { .. } => {
                "check the path, which counts from the boundary file's folder".into()
            }
        }
    }
}

/// What the secrets of a boundary come to.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// To be delivered as files.
    pub(crate) files: Vec<PlannedSecret>,
    /// To be delivered as environment variables.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Real paths of source files, with the secret's name.
    pub(crate) sources: Vec<(PathBuf, String)>,
}

/// Where secrets come from and go.
#[derive(Debug)]
pub(crate) struct Secrets<'a> {
    /// Real folder of the boundary file.
    pub(crate) folder: &'a Path,
    /// The caller's environment.
    pub(crate) environment: &'a [(OsString, OsString)],
    /// What went wrong so far.
    pub(crate) errors: &'a mut Vec<ResolveError>,
    /// What the user should know.
    pub(crate) notes: &'a mut Vec<String>,
}

impl Secrets<'_> {
    /// Reads every secret and hides the sources that `view` would show; the view must be settled.
    pub(crate) fn deliver(&mut self, secrets: &[Secret], view: &mut View) -> Delivered {
        let mut delivered = Delivered::default();
        for secret in secrets {
            if let Err(error) = self.deliver_one(secret, view, &mut delivered) {
                self.errors.push(ResolveError::at(&secret.from.span, error));
            }
        }
        delivered
    }

    fn deliver_one(
        &mut self,
        secret: &Secret,
        view: &mut View,
        delivered: &mut Delivered,
    ) -> Result<(), SecretError> {
        let name = &secret.name.value;
        let to = match &secret.delivery {
            Delivery::File(to) => Some(check_target(name, &to.value, view, &delivered.files)?),
            Delivery::Environment(_) => None,
            Delivery::Descriptor => {
                return Err(SecretError::Form { name: name.clone(), form: "fd" });
            }
            Delivery::Socket => {
                return Err(SecretError::Form { name: name.clone(), form: "socket" });
            }
        };
        if secret.refresh.is_some() || secret.overlap.is_some() {
            self.notes.push(format!(
                "secret {name}: refresh and overlap have no effect in this version; it is read once, before the start"
            ));
        }
        let unreadable = |scheme| Err(SecretError::Source { name: name.clone(), scheme });
        let value = match &secret.from.value {
            SecretSource::AwsKms(_) => return unreadable("aws-kms:"),
            SecretSource::AwsSecretsManager(_) => return unreadable("aws-sm:"),
            SecretSource::Environment(variable) => self.read_variable(name, variable)?,
            SecretSource::File(path) => {
                let (walked, value) = self.read_file(name, path)?;
                self.hide(name, &walked, view)?;
                delivered.sources.push((walked.real, name.clone()));
                value
            }
            SecretSource::Sealed(_) => return unreadable("sealed:"),
            SecretSource::Vault(_) => return unreadable("vault:"),
        };
        match (&secret.delivery, to) {
            (Delivery::Environment(variable), _) => {
                let value = variable_value(name, value)?;
                self.notes.push(format!(
                    "secret {name} is delivered as environment variable {variable}: any code of the service and every child can read it, and it cannot be rotated or dropped"
                ));
                delivered.variables.push((variable.into(), value));
            }
            (_, Some(to)) => {
                let value = SecretValue::hold(value)
                    .map_err(|errno| SecretError::Held { name: name.clone(), errno })?;
                delivered.files.push(PlannedSecret {
                    name: name.clone(),
                    to,
                    mode: secret.mode,
                    value,
                });
            }
            (_, None) => {}
        }
        Ok(())
    }

    fn read_variable(&self, name: &str, variable: &str) -> Result<Vec<u8>, SecretError> {
        let found = self.environment.iter().rev().find(|(known, _)| known == OsStr::new(variable));
        let Some((_, value)) = found else {
            return Err(SecretError::Unset { name: name.into(), variable: variable.into() });
        };
        Ok(value.as_bytes().to_vec())
    }

    fn read_file(&mut self, name: &str, path: &str) -> Result<(Walked, Vec<u8>), SecretError> {
        let walked = walk(&self.folder.join(path))
            .map_err(|source| SecretError::Walk { name: name.into(), source })?;
        let path = walked.named.clone();
        let unreadable =
            |source| SecretError::Unreadable { name: name.into(), path: path.clone(), source };
        // Never waits for a pipe, never follows what was swapped in since the walk.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        if !walked.metadata.is_file() {
            return Err(SecretError::NotAFile { name: name.into(), path });
        }
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&walked.real)
            .map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() || (metadata.dev(), metadata.ino()) != walked.object() {
            return Err(SecretError::NotAFile { name: name.into(), path });
        }
        // Room for all of it at once: a vector that grows leaves copies behind.
        let mut value = Vec::with_capacity(usize::try_from(MAX_SECRET + 2).unwrap_or_default());
        file.take(MAX_SECRET + 1).read_to_end(&mut value).map_err(unreadable)?;
        if value.len() as u64 > MAX_SECRET {
            return Err(SecretError::TooLarge { name: name.into(), path });
        }
        if metadata.mode() & 0o022 != 0 {
            self.notes.push(format!(
                "the source of secret {name} is writable for others than its owner: {}",
                shown(&path)
            ));
        }
        Ok((walked, value))
    }

    fn hide(&mut self, name: &str, source: &Walked, view: &mut View) -> Result<(), SecretError> {
        if view.at(&source.real).is_some() {
            return Err(SecretError::Granted { name: name.into(), path: source.named.clone() });
        }
        if view.shows(&source.real) {
            self.notes.push(format!(
                "the source of secret {name} lies in a granted folder and is hidden: {}",
                shown(&source.named)
            ));
            view.mask(&source.real, format!("source of secret {name}"));
        }
        Ok(())
    }
}

fn check_target(
    name: &str,
    to: &str,
    view: &View,
    others: &[PlannedSecret],
) -> Result<PathBuf, SecretError> {
    let plain = tidy(Path::new(to));
    let refuse = |reason: &str| {
        Err(SecretError::Target { name: name.into(), to: plain.clone(), reason: reason.into() })
    };
    if plain == Path::new("/") || plain != Path::new(to) {
        return refuse("it is not a plain absolute path");
    }
    if let Some(own) = NOT_BELOW.iter().find(|own| plain.starts_with(own)) {
        return refuse(&format!("{own} is a file system of its own"));
    }
    if others.iter().any(|other| other.to.starts_with(&plain) || plain.starts_with(&other.to)) {
        return refuse("another secret is delivered there");
    }
    // Where a folder of the host is bound, nothing can be put beside its files; and a symlink on
    // the way would lead the service elsewhere.
    let linked = view.links().find(|link| plain.starts_with(link));
    if let Some(link) = linked {
        return refuse(&format!("{} is a symlink of the host", shown(link)));
    }
    if view.nearest(&plain).is_some() || view.below(&plain).next().is_some() {
        return refuse("a grant covers the place");
    }
    Ok(plain)
}

/// A secret as a variable: without the line end that text files have.
fn variable_value(name: &str, mut value: Vec<u8>) -> Result<OsString, SecretError> {
    if value.ends_with(b"\n") {
        value.pop();
    }
    if value.contains(&0) {
        return Err(SecretError::ZeroByte(name.into()));
    }
    Ok(OsString::from_vec(value))
}
