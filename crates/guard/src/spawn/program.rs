//! The file that is executed.

use super::SpawnError;
use super::interpreter::{Kind, kind};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Everybody may write (`S_IWOTH`), but only remove what is one's own (`S_ISVTX`).
const OTHERS_WRITE: u32 = 0o002;

/// The folders a program may lie in, said by the application and never by the environment.
#[derive(Debug, Clone)]
pub struct SearchPath(Vec<PathBuf>);

impl SearchPath {
    /// These folders, in this order.
    ///
    /// # Errors
    /// [`SpawnError::Name`] for one that is not absolute.
    pub fn new<P: Into<PathBuf>>(folders: impl IntoIterator<Item = P>) -> Result<Self, SpawnError> {
        let folders: Vec<PathBuf> = folders.into_iter().map(Into::into).collect();
        if folders.iter().all(|folder| plain(folder)) {
            Ok(Self(folders))
        } else {
            Err(SpawnError::Name)
        }
    }

    /// `/usr/local/bin`, `/usr/bin` and `/bin`.
    #[must_use]
    pub fn usual() -> Self {
        Self(["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).to_vec())
    }
}

/// A program: the file that is open now is the one that will be executed.
#[derive(Debug, Clone)]
pub struct Program {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    file: Arc<OwnedFd>,
}

impl Program {
    /// The program with this absolute path. Symbolic links are followed: `/usr/bin` is full of them.
    ///
    /// # Errors
    /// [`SpawnError::Name`], [`SpawnError::Program`], [`SpawnError::Script`],
    /// [`SpawnError::Writable`]; what kind it is, is judged when it is run.
    pub fn at(path: impl AsRef<Path>) -> Result<Self, SpawnError> {
        let path = path.as_ref();
        if !plain(path) {
            return Err(SpawnError::Name);
        }
        let file = open(path)?;
        let found = rustix::fs::fstat(&file).map_err(|errno| SpawnError::Program(errno.into()))?;
        let not = |kind: io::ErrorKind| SpawnError::Program(io::Error::from(kind));
        if rustix::fs::FileType::from_raw_mode(found.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(not(io::ErrorKind::InvalidInput));
        }
        if found.st_mode & 0o111 == 0 {
            return Err(not(io::ErrorKind::PermissionDenied));
        }
        if found.st_mode & OTHERS_WRITE != 0 {
            return Err(SpawnError::Writable);
        }
        let (file, script) = looked_at(file);
        if script {
            return Err(SpawnError::Script);
        }
        Ok(Self { path: path.to_owned(), kind: kind_of(path), file: Arc::new(file) })
    }

    /// The first file of this name in the folders.
    ///
    /// # Errors
    /// As [`Self::at`]; [`SpawnError::Writable`] also for a folder that everybody may write to.
    pub fn find(name: &str, within: &SearchPath) -> Result<Self, SpawnError> {
        if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
            return Err(SpawnError::Name);
        }
        for folder in &within.0 {
            let writable =
                rustix::fs::stat(folder).is_ok_and(|found| found.st_mode & OTHERS_WRITE != 0);
            match Self::at(folder.join(name)) {
                Err(SpawnError::Program(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(_) if writable => return Err(SpawnError::Writable),
                found => return found,
            }
        }
        Err(SpawnError::Program(io::ErrorKind::NotFound.into()))
    }

    /// Takes what this is for granted: a shell, a program that runs others, an interpreter whose
    /// arguments may be code. What is in its arguments is then the caller's to answer for.
    #[must_use]
    pub fn even_a_shell(mut self) -> Self {
        self.kind = Kind::Ordinary;
        self
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Absolute, and written without `.` and `..`.
fn plain(path: &Path) -> bool {
    let mut parts = path.components();
    parts.next() == Some(Component::RootDir)
        && parts.all(|part| matches!(part, Component::Normal(_)))
        && !path.as_os_str().as_encoded_bytes().contains(&0)
}

/// Readable if it may be read, else for executing alone.
fn open(path: &Path) -> Result<OwnedFd, SpawnError> {
    let flags = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let opened = match rustix::fs::open(path, OFlags::RDONLY | flags, Mode::empty()) {
        Err(rustix::io::Errno::ACCESS) => {
            rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        }
        opened => opened,
    };
    opened.map_err(|errno| SpawnError::Program(errno.into()))
}

/// Whether it begins as scripts do. One that cannot be read cannot be executed by its descriptor
/// either: its interpreter would not find it.
fn looked_at(file: OwnedFd) -> (OwnedFd, bool) {
    let file = File::from(file);
    let mut begins = [0; 2];
    let script = file.read_exact_at(&mut begins, 0).is_ok() && &begins == b"#!";
    (file.into(), script)
}

/// By its own name and by that of what it leads to: `/etc/alternatives` hides a shell as well as any
/// link.
fn kind_of(path: &Path) -> Kind {
    let named =
        |path: &Path| path.file_name().map_or(Kind::Ordinary, |name| kind(&name.to_string_lossy()));
    match named(path) {
        // busybox and toybox are one file under many names, and what they do goes by the name.
        Kind::Ordinary => path.canonicalize().map_or(Kind::Ordinary, |real| named(&real)),
        kind => kind,
    }
}
