//! `[fs]`, the working directory and unix sockets: from written paths to objects of this host.
//!
//! Grants that would make the boundary pointless (writing the folder of the system's programs,
//! the file itself, the code that runs) are refused here, each with what to write instead. What
//! other processes of the host do to the same files is not seen.

use super::error::ResolveError;
use super::view::{Purpose, Reason, View};
use super::walk::{WalkError, Walked, shown, tidy, walk};
use crate::generated::GENERATED;
use crate::plan::{Access, UnixSocket};
use ringfence_policy::model::Filesystem;
use ringfence_policy::source::Located;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Directories every service has privately; a grant of one changes nothing.
pub(super) const PRIVATE: [&str; 2] = ["/dev/shm", "/tmp"];
/// File systems the service gets a version of its own of.
pub(super) const OWN: [&str; 3] = ["/dev", "/proc", "/sys"];
/// Directories that may not be writable as a whole.
const NEVER_WRITABLE: [&str; 17] = [
    "/",
    "/bin",
    "/boot",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/usr",
    "/usr/local",
    "/var",
];
/// Directories in which nothing may be writable: the host runs what is there.
const NEVER_WRITABLE_BELOW: [&str; 11] = [
    "/bin",
    "/boot",
    "/lib",
    "/lib32",
    "/lib64",
    "/sbin",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/sbin",
];

/// Why a path cannot be granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// `/` as a read grant.
    #[error("{list} grants the whole host: /")]
    Everything {
        /// The list, such as `fs.read`.
        list: &'static str,
    },
    /// Writable and executable at once.
    #[error("{list} makes an executable writable: {} is also {other}", shown(.path))]
    Executable {
        /// The list.
        list: &'static str,
        /// The object.
        path: PathBuf,
        /// What else it is.
        other: String,
    },
    /// The service could choose where a path leads.
    #[error("{list} lets the service choose where a path leads: the symlink {} is in {}", shown(.link), shown(.grant))]
    Followed {
        /// The list.
        list: &'static str,
        /// The symlink.
        link: PathBuf,
        /// The writable folder.
        grant: PathBuf,
    },
    /// A home directory as a whole.
    #[error("{list} makes a whole home directory writable: {}", shown(.path))]
    Home {
        /// The list.
        list: &'static str,
        /// The directory.
        path: PathBuf,
    },
    /// The path leads nowhere.
    #[error("{list}: {source}")]
    Walk {
        /// The list.
        list: &'static str,
        /// Why.
        source: WalkError,
    },
    /// The working directory is not one.
    #[error("service.cwd is not a directory: {}", shown(.0))]
    NotADirectory(PathBuf),
    /// Not a socket.
    #[error("net.unix is not a socket: {}", shown(.0))]
    NotASocket(PathBuf),
    /// Below `/dev`, `/proc` or `/sys`.
    #[error("{list} cannot grant a path of {own}: {}", shown(.path))]
    OwnFilesystem {
        /// The list.
        list: &'static str,
        /// The path.
        path: PathBuf,
        /// Where it is.
        own: &'static str,
    },
    /// The service could replace its own code or policy.
    #[error("{list} lets the service replace {what}: {} is in {}", shown(.path), shown(.grant))]
    Replaceable {
        /// The list.
        list: &'static str,
        /// What it is, such as `its own boundary file`.
        what: String,
        /// Where it is.
        path: PathBuf,
        /// The writable folder.
        grant: PathBuf,
    },
    /// A device, pipe or socket.
    #[error("{list} is not a file or a directory but a {kind}: {}", shown(.path))]
    Special {
        /// The list.
        list: &'static str,
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A directory the host itself depends on.
    #[error("{list} makes a folder of the system writable: {}", shown(.path))]
    System {
        /// The list.
        list: &'static str,
        /// The folder.
        path: PathBuf,
    },
}

impl GrantError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Everything { .. } => {
                "grant the folders the service reads; the program and its runtime need no grant"
                    .into()
            }
            Self::Executable { .. } | Self::System { .. } => {
                "grant only the folder the service writes, such as /var/lib/NAME".into()
            }
            Self::Followed { .. } => {
                "write the path without the symlink, or grant a folder that holds only data".into()
            }
            Self::Home { .. } => "grant a folder inside it".into(),
            Self::Walk { list, source } => source.hint(list),
            Self::NotADirectory(_) => "set service.cwd to a directory".into(),
            Self::NotASocket(_) => {
                "net.unix lists sockets; files and directories belong into fs.read or fs.write"
                    .into()
            }
            Self::OwnFilesystem { own, .. } => format!(
                "remove it: the service has a {own} of its own, with what every program may use"
            ),
            Self::Replaceable { path, grant, .. } => replaceable_hint(path, grant),
            Self::Special { kind: "socket", .. } => {
                "put it into net.unix, which grants connecting to it".into()
            }
            Self::Special { .. } => {
                "pass its data through a regular file, a unix socket or standard input".into()
            }
        }
    }
}

fn replaceable_hint(path: &Path, grant: &Path) -> String {
    let inside = path.strip_prefix(grant).ok().and_then(|rest| rest.components().next());
    inside.map_or_else(
        || "grant a folder that holds only data".into(),
        |first| {
            let narrower = grant.join(first);
            format!("grant a folder that holds only data, or add \"{}\" to fs.read, which makes it read-only", shown(&narrower))
        },
    )
}

/// Where paths count from, and what is found on the way.
#[derive(Debug)]
pub(crate) struct Grants<'a> {
    /// Real folder of the boundary file.
    pub(crate) folder: &'a Path,
    /// Home directory of the caller.
    pub(crate) home: Option<&'a Path>,
    /// What went wrong so far.
    pub(crate) errors: &'a mut Vec<ResolveError>,
    /// What the user should know.
    pub(crate) notes: &'a mut Vec<String>,
}

impl Grants<'_> {
    /// Adds every file grant to the view.
    pub(crate) fn add_files(&mut self, fs: &Filesystem, view: &mut View) {
        let lists: [(&'static str, Access, &[Located<String>]); 4] = [
            ("fs.read", Access::Read, &fs.read),
            ("fs.write", Access::Write, &fs.write),
            ("fs.optional", Access::Read, &fs.optional),
            ("fs.droppable", Access::Read, &fs.droppable),
        ];
        for (list, access, paths) in lists {
            for path in paths {
                match self.check(list, access, &path.value, view) {
                    Ok(Some(walked)) => {
                        let mut reason = Reason::new(
                            access,
                            Purpose::Grant,
                            format!("{list} \"{}\"", shown(&path.value)),
                        );
                        reason.droppable = list == "fs.droppable";
                        if let Err(conflict) = view.add(&walked, reason) {
                            let error = GrantError::Executable {
                                list,
                                path: walked.real,
                                other: conflict.first,
                            };
                            self.errors.push(ResolveError::at(&path.span, error));
                        }
                    }
                    Ok(None) => view.add_absent(tidy(&self.folder.join(&path.value))),
                    Err(error) => self.errors.push(ResolveError::at(&path.span, error)),
                }
            }
        }
    }

    /// One path of a list; `None` when there is nothing of the host to mount.
    fn check(
        &mut self,
        list: &'static str,
        access: Access,
        text: &str,
        view: &mut View,
    ) -> Result<Option<Walked>, GrantError> {
        let named = self.folder.join(text);
        let plain = tidy(&named);
        if PRIVATE.iter().any(|own| plain == Path::new(own)) {
            self.notes.push(format!(
                "{list} \"{}\": the service has a private {} of its own; the host's is not visible",
                shown(text),
                shown(&plain)
            ));
            return Ok(None);
        }
        if GENERATED.iter().any(|own| plain == Path::new(own)) {
            return self.generated(list, access, text, plain);
        }
        // Before the walk, because what `/proc/self` is depends on who asks.
        refuse_own(list, &plain, |own| plain.starts_with(own))?;
        if access == Access::Write {
            self.check_writable(list, &plain)?;
        }
        let walked = match walk(&named) {
            Ok(walked) => walked,
            Err(error) if list == "fs.optional" && error.is_missing() => return Ok(None),
            Err(source) => return Err(GrantError::Walk { list, source }),
        };
        refuse_own(list, &plain, |own| walked.touches(own))?;
        if let Some((links, own)) = walked.generated() {
            view.add_links(links);
            return self.generated(list, access, text, own.into());
        }
        check_kind(list, &walked)?;
        if walked.real == Path::new("/") {
            return Err(match access {
                Access::Write | Access::Build => GrantError::System { list, path: walked.real },
                Access::Read | Access::Execute => GrantError::Everything { list },
            });
        }
        if access == Access::Write {
            self.check_writable(list, &walked.real)?;
        }
        Ok(Some(walked))
    }

    /// A grant of a file that is written for the service changes nothing.
    fn generated<T>(
        &mut self,
        list: &'static str,
        access: Access,
        text: &str,
        own: PathBuf,
    ) -> Result<Option<T>, GrantError> {
        if access == Access::Write {
            return Err(GrantError::System { list, path: own });
        }
        self.notes.push(format!(
            "{list} \"{}\": the service has a {} written for it; the host's is not visible",
            shown(text),
            shown(&own)
        ));
        Ok(None)
    }

    fn check_writable(&self, list: &'static str, real: &Path) -> Result<(), GrantError> {
        let whole = NEVER_WRITABLE.iter().any(|folder| real == Path::new(folder));
        if whole || NEVER_WRITABLE_BELOW.iter().any(|folder| real.starts_with(folder)) {
            return Err(GrantError::System { list, path: real.into() });
        }
        if real.parent() == Some(Path::new("/home")) || self.home == Some(real) {
            return Err(GrantError::Home { list, path: real.into() });
        }
        Ok(())
    }

    /// The working directory, real; an empty one is made inside where nothing grants it.
    pub(crate) fn add_cwd(&mut self, cwd: &Walked, view: &mut View) {
        if !view.shows(&cwd.real) {
            self.notes.push(format!(
                "the working directory {} is not granted: inside it holds only what is granted below it",
                shown(&cwd.real)
            ));
            view.add_directory(&cwd.real);
        }
    }

    /// Unix sockets; their server may not have made them yet.
    pub(crate) fn unix_sockets(&mut self, paths: &[Located<String>]) -> Vec<UnixSocket> {
        let mut sockets = Vec::new();
        for path in paths {
            match self.unix_socket(&path.value) {
                Ok(socket) => sockets.push(socket),
                Err(error) => self.errors.push(ResolveError::at(&path.span, error)),
            }
        }
        sockets
    }

    fn unix_socket(&mut self, text: &str) -> Result<UnixSocket, GrantError> {
        let (list, written) = ("net.unix", self.folder.join(text));
        let named = tidy(&written);
        let walked = match walk(&written) {
            Ok(walked) => walked,
            Err(error) if error.is_missing() => {
                let parent = walk(named.parent().unwrap_or(Path::new("/")))
                    .map_err(|source| GrantError::Walk { list, source })?;
                let real = parent.real.join(named.file_name().unwrap_or_default());
                self.notes.push(format!("net.unix \"{}\": nothing is there yet; connecting works once its server has started", shown(text)));
                return Ok(UnixSocket { named, real, object: None });
            }
            Err(source) => return Err(GrantError::Walk { list, source }),
        };
        if !walked.metadata.file_type().is_socket() {
            return Err(GrantError::NotASocket(walked.real));
        }
        let object = Some((walked.metadata.dev(), walked.metadata.ino()));
        Ok(UnixSocket { named, real: walked.real, object })
    }
}

/// The working directory as it is on the host.
///
/// # Errors
/// It leads nowhere, is not a directory, or lies in a file system the service gets its own of.
pub(crate) fn find_cwd(folder: &Path, text: &str) -> Result<Walked, GrantError> {
    let list = "service.cwd";
    let walked = walk(&folder.join(text)).map_err(|source| GrantError::Walk { list, source })?;
    refuse_own(list, &walked.real, |own| walked.touches(own))?;
    if walked.metadata.is_dir() { Ok(walked) } else { Err(GrantError::NotADirectory(walked.real)) }
}

fn refuse_own(
    list: &'static str,
    path: &Path,
    touches: impl Fn(&Path) -> bool,
) -> Result<(), GrantError> {
    match OWN.into_iter().find(|own| touches(Path::new(own))) {
        Some(own) => Err(GrantError::OwnFilesystem { list, path: path.into(), own }),
        None => Ok(()),
    }
}

fn check_kind(list: &'static str, walked: &Walked) -> Result<(), GrantError> {
    let kind = walked.metadata.file_type();
    let kind = if kind.is_file() || kind.is_dir() {
        return Ok(());
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_fifo() {
        "pipe"
    } else {
        "device"
    };
    Err(GrantError::Special { list, path: walked.named.clone(), kind })
}
