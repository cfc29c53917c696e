//! Opening below a folder.

use super::{PathError, RelativePath};
use rustix::fs::{Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is done with symbolic links on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// They are followed while they stay below the root. Needs openat2(2), Linux 5.6.
    Beneath,
    /// They are refused.
    #[default]
    Refuse,
}

/// A folder that is open: what it is called, and what is moved about above it, does not matter any
/// more.
#[derive(Debug)]
pub struct Root {
    folder: OwnedFd,
    links: Links,
    /// Whether openat2(2) is there; learnt at the first use.
    resolves: AtomicBool,
}

impl Root {
    /// Opens the folder itself. Its path is the application's own, absolute, and is followed as usual.
    ///
    /// # Errors
    /// [`PathError::Refused`] for a relative path, which the working directory would decide on; any
    /// other [`PathError`].
    pub fn new(folder: impl AsRef<Path>) -> Result<Self, PathError> {
        if !folder.as_ref().is_absolute() {
            return Err(PathError::Refused("the root is a relative path"));
        }
        Self::opened(folder)
    }

    /// Opens a folder wherever its path leads.
    pub(crate) fn opened(folder: impl AsRef<Path>) -> Result<Self, PathError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder.as_ref(), flags, Mode::empty()).map_err(told)?;
        Ok(Self::from_folder(folder))
    }

    /// A folder that is open already.
    pub(crate) const fn from_folder(folder: OwnedFd) -> Self {
        Self { folder, links: Links::Refuse, resolves: AtomicBool::new(true) }
    }

    /// Opens a folder below as a root of its own, with the same rule for links.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn folder(&self, path: &RelativePath) -> Result<Self, PathError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let folder = self.at(path, flags, Mode::empty())?;
        Ok(Self::from_folder(folder).with_links(self.links))
    }

    /// What is done with symbolic links.
    #[must_use]
    pub const fn with_links(mut self, links: Links) -> Self {
        self.links = links;
        self
    }

    /// Opens a file for reading. A device, a pipe or a socket is refused and never waited for.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn open(&self, path: &str) -> Result<File, PathError> {
        let path = RelativePath::parse(path)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        regular(self.at(&path, flags, Mode::empty())?)
    }

    /// Makes a file that must not be there yet, for writing, mode 0600.
    ///
    /// # Errors
    /// [`PathError::Exists`], [`PathError`].
    pub fn create(&self, path: &str) -> Result<File, PathError> {
        self.create_with_mode(&RelativePath::parse(path)?, 0o600)
    }

    /// The same with a mode, of which the system takes its umask away.
    ///
    /// # Errors
    /// [`PathError::Exists`], [`PathError`].
    pub fn create_with_mode(&self, path: &RelativePath, mode: u32) -> Result<File, PathError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOCTTY;
        // What was made just now, and was not there before, is a regular file.
        self.at(path, flags, Mode::from_raw_mode(mode)).map(File::from)
    }

    /// Makes a folder, mode 0700; the folders above it must be there.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn create_dir(&self, path: &str) -> Result<(), PathError> {
        self.create_dir_with_mode(&RelativePath::parse(path)?, 0o700)
    }

    /// The same with a mode, of which the system takes its umask away.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn create_dir_with_mode(&self, path: &RelativePath, mode: u32) -> Result<(), PathError> {
        let (folder, name) = self.parent(path)?;
        mkdirat(folder.as_fd(), name, Mode::from_raw_mode(mode)).map_err(told)
    }

    /// Removes a file; a symbolic link is removed itself.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn remove(&self, path: &str) -> Result<(), PathError> {
        let path = RelativePath::parse(path)?;
        let (folder, name) = self.parent(&path)?;
        unlinkat(folder.as_fd(), name, rustix::fs::AtFlags::empty()).map_err(told)
    }

    /// The folder that a path ends in, and the last name.
    fn parent<'a>(&self, path: &'a RelativePath) -> Result<(OwnedFd, &'a str), PathError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        match path.as_str().rsplit_once('/') {
            Some((folder, name)) => {
                let folder = RelativePath::parse(folder)?;
                Ok((self.at(&folder, flags, Mode::empty())?, name))
            }
            None => Ok((self.folder.try_clone().map_err(PathError::Io)?, path.as_str())),
        }
    }

    fn at(&self, path: &RelativePath, flags: OFlags, mode: Mode) -> Result<OwnedFd, PathError> {
        let flags = flags | OFlags::CLOEXEC;
        if self.resolves.load(Ordering::Relaxed) {
            let mut how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            if self.links == Links::Refuse {
                how |= ResolveFlags::NO_SYMLINKS;
            }
            // EAGAIN: something was renamed on the way, and the kernel will not guess.
            let opened = (0..1000)
                .map(|_| openat2(&self.folder, path.as_path(), flags, mode, how))
                .find(|opened| !matches!(opened, Err(Errno::AGAIN)));
            match opened.unwrap_or(Err(Errno::AGAIN)) {
                // Not there before Linux 5.6, and where a filter does not know it.
                Err(Errno::NOSYS) => self.resolves.store(false, Ordering::Relaxed),
                opened => return opened.map_err(told),
            }
        }
        if self.links == Links::Beneath {
            let why = std::io::Error::from(std::io::ErrorKind::Unsupported);
            return Err(PathError::Io(why));
        }
        walk(self.folder.as_fd(), path, flags, mode)
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

/// Without openat2(2): name by name, each of them no link. Just as strict, and slower.
fn walk(
    root: BorrowedFd<'_>,
    path: &RelativePath,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, PathError> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder: Option<OwnedFd> = None;
    let mut names = path.names().peekable();
    while let Some(name) = names.next() {
        let at = folder.as_ref().map_or(root, |folder| folder.as_fd());
        let last = names.peek().is_none();
        let (flags, mode) =
            if last { (flags | OFlags::NOFOLLOW, mode) } else { (step, Mode::empty()) };
        let opened = openat(at, name, flags, mode).map_err(|errno| match errno {
            // A link is no folder either.
            Errno::NOTDIR if links(at, name) => PathError::Escapes,
            errno => told(errno),
        })?;
        // `O_PATH` opens a link itself.
        if flags.contains(OFlags::PATH) && is_link(opened.as_fd())? {
            return Err(PathError::Escapes);
        }
        folder = Some(opened);
    }
    folder.ok_or(PathError::Refused("it is empty"))
}

/// Whether a name is that of a symbolic link, for the error alone.
fn links(at: BorrowedFd<'_>, name: &str) -> bool {
    let itself = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(at, name, itself, Mode::empty());
    opened.is_ok_and(|opened| is_link(opened.as_fd()).unwrap_or(false))
}

fn is_link(of: BorrowedFd<'_>) -> Result<bool, PathError> {
    let found = rustix::fs::fstat(of).map_err(told)?;
    Ok(rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Symlink)
}

/// Only a regular file is handed out.
fn regular(opened: OwnedFd) -> Result<File, PathError> {
    let found = rustix::fs::fstat(&opened).map_err(told)?;
    if rustix::fs::FileType::from_raw_mode(found.st_mode) != rustix::fs::FileType::RegularFile {
        return Err(PathError::Kind);
    }
    Ok(File::from(opened))
}

pub(crate) fn told(errno: Errno) -> PathError {
    match errno {
        Errno::XDEV | Errno::LOOP => PathError::Escapes,
        Errno::NOENT => PathError::NotFound,
        Errno::ACCESS => PathError::PermissionDenied,
        Errno::PERM => PathError::NotPermitted,
        Errno::EXIST => PathError::Exists,
        Errno::ISDIR | Errno::NOTDIR => PathError::Kind,
        other => PathError::Io(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    /// A root with a file, a folder, and links of every kind; a secret beside it.
    fn place() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        std::fs::create_dir_all(root.join("folder")).unwrap();
        std::fs::write(root.join("file"), "file").unwrap();
        std::fs::write(root.join("folder/inner"), "inner").unwrap();
        std::fs::write(place.path().join("secret"), "secret").unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink(place.path().join("secret"), root.join("absolute")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("folder", root.join("near")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        place
    }

    fn both(place: &tempfile::TempDir) -> [Root; 2] {
        let make = || Root::new(place.path().join("root")).unwrap();
        let without = make();
        without.resolves.store(false, Ordering::Relaxed);
        [make(), without]
    }

    fn read(root: &Root, path: &str) -> Result<String, PathError> {
        let mut text = String::new();
        root.open(path)?.read_to_string(&mut text).map_err(PathError::Io)?;
        Ok(text)
    }

    #[test]
    fn what_lies_below_the_root_opens_and_nothing_else_does_with_and_without_openat2() {
        let place = place();
        // The control: the links do lead to the secret.
        let out = std::fs::read_to_string(place.path().join("root/out")).unwrap();
        assert_eq!(out, "secret");
        for root in both(&place) {
            assert_eq!(read(&root, "file").unwrap(), "file");
            assert_eq!(read(&root, "folder/inner").unwrap(), "inner");
            for path in ["out", "absolute", "up/secret", "near/inner", "loop", "loop/x"] {
                assert!(matches!(read(&root, path), Err(PathError::Escapes)), "{path}");
            }
            for path in ["../secret", "/etc/passwd", "folder/../file", ""] {
                assert!(matches!(read(&root, path), Err(PathError::Refused(_))), "{path}");
            }
            assert!(matches!(read(&root, "missing"), Err(PathError::NotFound)));
            assert!(matches!(read(&root, "folder"), Err(PathError::Kind)));
        }
    }

    #[test]
    fn links_that_stay_inside_are_followed_when_they_are_asked_for() {
        let place = place();
        let root = Root::new(place.path().join("root")).unwrap().with_links(Links::Beneath);
        assert_eq!(read(&root, "near/inner").unwrap(), "inner");
        for path in ["out", "absolute", "up/secret", "loop"] {
            assert!(matches!(read(&root, path), Err(PathError::Escapes)), "{path}");
        }
    }

    #[test]
    fn files_and_folders_are_made_and_removed_below_the_root_only() {
        let place = place();
        for root in both(&place) {
            root.create("folder/new").unwrap();
            assert!(matches!(root.create("folder/new"), Err(PathError::Exists)));
            assert!(matches!(root.create("out"), Err(PathError::Exists | PathError::Escapes)));
            assert!(matches!(root.create("up/new"), Err(PathError::Escapes)));
            root.create_dir("folder/more").unwrap();
            assert!(matches!(root.create_dir("up/more"), Err(PathError::Escapes)));
            root.remove("folder/new").unwrap();
            assert!(matches!(root.remove("up/secret"), Err(PathError::Escapes)));
            std::fs::remove_dir(place.path().join("root/folder/more")).unwrap();
        }
        assert!(place.path().join("secret").is_file());
    }

    #[test]
    fn a_folder_that_is_swapped_for_a_link_meanwhile_never_leads_outside() {
        let place = place();
        let root_path = place.path().join("root");
        let (folder, aside) = (root_path.join("folder"), root_path.join("aside"));
        std::fs::write(place.path().join("inner"), "secret").unwrap();
        let stop = AtomicBool::new(false);
        let (mut inside, mut refused) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::fs::rename(&folder, &aside).unwrap();
                    symlink("..", &folder).unwrap();
                    std::fs::remove_file(&folder).unwrap();
                    std::fs::rename(&aside, &folder).unwrap();
                }
            });
            let roots = both(&place);
            // Until both have been seen: how often does not matter, what comes out does.
            for turn in 0.. {
                match read(&roots[turn % 2], "folder/inner") {
                    Ok(text) => {
                        assert_eq!(text, "inner");
                        inside += 1;
                    }
                    Err(_) => refused += 1,
                }
                if turn >= 20_000 && inside > 0 && refused > 0 {
                    break;
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
