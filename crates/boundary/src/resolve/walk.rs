//! Walking a path of the host one component at a time.
//!
//! A grant must work by the path a person wrote and by the path the kernel ends at. The walk
//! notes every symlink on the way, at its own real place, and the identity of the object at the
//! end; `enforce` refuses to mount anything else. What happens to the path between the walk and
//! the mount is therefore noticed, not prevented, here.

use crate::generated::GENERATED;
use ringfence_policy::display;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// The kernel's own limit on symlinks in one lookup (`MAXSYMLINKS`, `path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// The kernel's limit on one path in bytes, final NUL included (`PATH_MAX`).
const MAX_PATH: usize = 4096;

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Walked {
    /// The path that was walked, absolute, as it was written.
    pub(crate) named: PathBuf,
    /// Every symlink on the way: its real place and its text.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    /// The path of the object, without any symlink.
    pub(crate) real: PathBuf,
    /// The object.
    pub(crate) metadata: Metadata,
}

impl Walked {
    /// Device and inode of the object.
    pub(crate) fn object(&self) -> (u64, u64) {
        (self.metadata.dev(), self.metadata.ino())
    }

    /// Whether `folder` is the object itself, holds it, or was passed through on the way.
    pub(crate) fn touches(&self, folder: &Path) -> bool {
        self.named.starts_with(folder)
            || self.real.starts_with(folder)
            || self.links.iter().any(|(place, _)| place.starts_with(folder))
    }

    /// The first place on the way at which the service has a file that is written for it, and the
    /// symlinks before it. What the host has there, and behind it, is never seen.
    pub(crate) fn generated(&self) -> Option<(&[(PathBuf, PathBuf)], &Path)> {
        let is_own = |path: &Path| GENERATED.iter().any(|own| path == Path::new(own));
        if let Some(before) = self.links.iter().position(|(place, _)| is_own(place)) {
            return Some((self.links.get(..before)?, &self.links.get(before)?.0));
        }
        is_own(&self.real).then_some((&self.links, &self.real))
    }
}

/// Why a path leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// `EACCES`
    #[error("no permission to look up: {}", shown(.0))]
    Denied(PathBuf),
    /// `ELOOP`
    #[error("symlinks go in a circle: {}", shown(.0))]
    Loop(PathBuf),
    /// `ENOENT`; the first component that is not there.
    #[error("does not exist: {}", shown(.0))]
    Missing(PathBuf),
    /// `ENOTDIR`
    #[error("a component before the last is not a directory: {}", shown(.0))]
    NotADirectory(PathBuf),
    /// `ENAMETOOLONG`
    #[error("path or one of its components is too long: {} bytes", .0)]
    TooLong(usize),
    /// Anything else the kernel answered.
    #[error("cannot look up: {}", shown(.0))]
    Other(PathBuf, #[source] io::Error),
}

impl WalkError {
    fn new(path: &Path, error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => Self::Denied(path.into()),
            Some(libc::ELOOP) => Self::Loop(path.into()),
            Some(libc::ENOENT) => Self::Missing(path.into()),
            Some(libc::ENOTDIR) => Self::NotADirectory(path.into()),
            Some(libc::ENAMETOOLONG) => Self::TooLong(path.as_os_str().len()),
            _ => Self::Other(path.into(), error),
        }
    }

    /// What to do about it where the path is of this list.
    pub(crate) fn hint(&self, list: &str) -> String {
        match self {
            Self::Missing(path) if list == "fs.write" => {
                format!("create it first, such as `mkdir -p {}`", shown(path))
            }
            Self::Missing(_) if list == "service.cwd" => {
                "create it or set service.cwd to a directory that exists".into()
            }
            Self::Missing(_) => {
                "check the path, which counts from the boundary file's folder, or list it in fs.optional".into()
            }
            Self::Denied(_) => {
                "give this user search permission on the folder, or remove the grant".into()
            }
            Self::Loop(_) => "remove one of the symlinks".into(),
            Self::NotADirectory(_) | Self::TooLong(_) | Self::Other(..) => "check the path".into(),
        }
    }

    /// True when nothing is there, so that an optional path may be left out.
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

/// Walks an absolute path to the object at its end.
///
/// # Errors
/// As the kernel would answer for the same lookup; a relative path counts from `/`.
pub(crate) fn walk(path: &Path) -> Result<Walked, WalkError> {
    if path.as_os_str().as_bytes().len() >= MAX_PATH {
        return Err(WalkError::TooLong(path.as_os_str().len()));
    }
    let mut real = PathBuf::from("/");
    // Of the folder reached last; read again only where the walk ends in one by another way.
    let mut last: Option<Metadata> = None;
    let mut links: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut rest: VecDeque<OsString> = VecDeque::new();
    push_front(&mut rest, path);
    let mut followed = 0;
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            real.pop();
            last = None;
            continue;
        }
        real.push(&part);
        let metadata = fs::symlink_metadata(&real).map_err(|e| WalkError::new(&real, e))?;
        if metadata.is_symlink() {
            last = None;
            followed += 1;
            if followed > MAX_LINKS {
                return Err(WalkError::Loop(tidy(path)));
            }
            let to = fs::read_link(&real).map_err(|e| WalkError::new(&real, e))?;
            let place = real.clone();
            real.pop();
            if to.is_absolute() {
                real = PathBuf::from("/");
            }
            push_front(&mut rest, &to);
            if !links.iter().any(|(known, _)| *known == place) {
                links.push((place, to));
            }
        } else if !metadata.is_dir() && !rest.is_empty() {
            return Err(WalkError::NotADirectory(real));
        } else {
            last = Some(metadata);
        }
    }
    let metadata = match last {
        Some(metadata) => metadata,
        None => fs::symlink_metadata(&real).map_err(|e| WalkError::new(&real, e))?,
    };
    if path.as_os_str().as_bytes().ends_with(b"/") && !metadata.is_dir() {
        return Err(WalkError::NotADirectory(real));
    }
    Ok(Walked { named: tidy(path), links, real, metadata })
}

fn push_front(rest: &mut VecDeque<OsString>, path: &Path) {
    let parts: Vec<OsString> = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| part.as_os_str().to_owned())
        .collect();
    for part in parts.into_iter().rev() {
        rest.push_front(part);
    }
}

/// A path or name for a message: everything but printable ASCII escaped, because packages and
/// boundary files choose such names.
pub(crate) fn shown(text: impl AsRef<OsStr>) -> String {
    display::untrusted(&text.as_ref().to_string_lossy()).to_string()
}

/// The path as text alone says it: no `.`, no `..`, no double slash. This is how Node reads a path
/// of its flags; where a symlink stands before a `..` it is not what the kernel reaches.
pub(crate) fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => tidied.push(name),
            Component::ParentDir => {
                tidied.pop();
            }
            Component::CurDir | Component::Prefix(_) | Component::RootDir => {}
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn scratch() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(dir.path()).unwrap();
        (dir, real)
    }

    #[test]
    fn every_symlink_on_the_way_is_noted_at_its_real_place() {
        let (_keep, root) = scratch();
        fs::create_dir_all(root.join("store/v1/lib")).unwrap();
        symlink("store", root.join("a")).unwrap();
        symlink("v1", root.join("store/current")).unwrap();
        let walked = walk(&root.join("a/current/lib")).unwrap();
        assert_eq!(walked.real, root.join("store/v1/lib"));
        assert_eq!(
            walked.links,
            [
                (root.join("a"), PathBuf::from("store")),
                (root.join("store/current"), PathBuf::from("v1")),
            ]
        );
    }

    #[test]
    fn dot_dot_after_a_symlink_goes_where_the_kernel_goes() {
        let (_keep, root) = scratch();
        fs::create_dir_all(root.join("far/deep")).unwrap();
        fs::write(root.join("far/file"), "").unwrap();
        symlink("far/deep", root.join("link")).unwrap();
        assert_eq!(walk(&root.join("link/../file")).unwrap().real, root.join("far/file"));
        assert!(matches!(walk(&root.join("./nothing/../far")), Err(WalkError::Missing(_))));
    }

    #[test]
    fn a_loop_a_missing_part_and_a_file_in_the_middle_are_told_apart() {
        let (_keep, root) = scratch();
        symlink("two", root.join("one")).unwrap();
        symlink("one", root.join("two")).unwrap();
        fs::write(root.join("file"), "").unwrap();
        assert!(matches!(walk(&root.join("one")), Err(WalkError::Loop(_))));
        assert!(
            matches!(walk(&root.join("no/where")), Err(WalkError::Missing(p)) if p == root.join("no"))
        );
        assert!(matches!(walk(&root.join("file/x")), Err(WalkError::NotADirectory(_))));
        assert!(matches!(walk(&root.join("file/")), Err(WalkError::NotADirectory(_))));
        assert!(matches!(walk(&root.join("n".repeat(300))), Err(WalkError::TooLong(_))));
        assert!(matches!(
            walk(Path::new(&format!("/{}", "n/".repeat(3000)))),
            Err(WalkError::TooLong(_))
        ));
    }
}
