//! Reaching an object by path inside another process's root, without opening it.
//!
//! `openat2(RESOLVE_IN_ROOT)` would do, but its flags lie in memory where a system call filter
//! cannot see them; this walk uses `openat` with `O_PATH` only, so that the broker's own filter can
//! forbid it to open anything for reading. Symlinks are followed within the root; the magic links
//! of `/proc` are not, because their text names nothing.

use crate::call::{call, fd, output, path};
use crate::errno::Errno;
use crate::fd::identity;
use crate::mount::openat;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Most symlinks on one way, as in the kernel (`path_resolution(7)`).
const LINKS: usize = 40;
/// Longest path, as in the kernel.
const LONGEST: usize = 4096;

/// Opens the object at `wanted` with `O_PATH`, as a process with this root and working directory
/// would reach it.
///
/// # Errors
/// `ELOOP` for too many symlinks, `ENAMETOOLONG` for a long path, else what the lookup says.
pub fn open_in_root(
    root: BorrowedFd<'_>,
    cwd: BorrowedFd<'_>,
    wanted: &[u8],
) -> Result<OwnedFd, Errno> {
    let mut links = 0;
    let mut left = components(wanted);
    let mut at = duplicate(if wanted.starts_with(b"/") { root } else { cwd })?;
    while let Some(name) = left.pop() {
        let name = CString::new(name).map_err(|_| Errno(libc::EINVAL))?;
        let next = openat(Some(at.as_fd()), &name, libc::O_PATH | libc::O_NOFOLLOW, 0)?;
        if identity(next.as_fd())?.kind() != libc::S_IFLNK {
            at = next;
            continue;
        }
        links += 1;
        let mut buffer = [0; LONGEST];
        let text = read_link(next.as_fd(), &mut buffer)?;
        if links > LINKS {
            return Err(Errno(libc::ELOOP));
        }
        if text.starts_with(b"/") {
            at = duplicate(root)?;
        }
        left.extend(components(text));
        if left.iter().map(Vec::len).sum::<usize>() > LONGEST {
            return Err(Errno(libc::ENAMETOOLONG));
        }
    }
    Ok(at)
}

/// Opens the object at `wanted` below `root` with `O_PATH`, where no part of the way may be a
/// symlink: whoever can write a folder on the way must not choose where it leads.
///
/// # Errors
/// `ELOOP` for a symlink, else what the lookup says.
pub fn open_without_links(root: BorrowedFd<'_>, wanted: &[u8]) -> Result<OwnedFd, Errno> {
    let mut at = duplicate(root)?;
    for name in components(wanted).into_iter().rev() {
        let name = CString::new(name).map_err(|_| Errno(libc::EINVAL))?;
        at = openat(Some(at.as_fd()), &name, libc::O_PATH | libc::O_NOFOLLOW, 0)?;
        if identity(at.as_fd())?.kind() == libc::S_IFLNK {
            return Err(Errno(libc::ELOOP));
        }
    }
    Ok(at)
}

/// The components in reverse, so that the next one is at the end.
fn components(of: &[u8]) -> Vec<Vec<u8>> {
    let parts = of.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.rev().map(<[u8]>::to_vec).collect()
}

fn duplicate(of: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    crate::fd::dup_above(of, 3)
}

fn read_link<'a>(of: BorrowedFd<'_>, room: &'a mut [u8; LONGEST]) -> Result<&'a [u8], Errno> {
    let args = [fd(of), path(c""), output(room), LONGEST, 0, 0];
    // SAFETY: an empty C string and room for the said number of bytes.
    let length = unsafe { call(libc::SYS_readlinkat, args) }?;
    Ok(room.get(..length).unwrap_or_default())
}

/// Whether the mount an object is on is read-only.
pub fn on_read_only_mount(of: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: an open descriptor and room for one `statvfs`.
    let answer = unsafe { libc::fstatvfs(of.as_raw_fd(), stat.as_mut_ptr()) };
    if answer != 0 {
        return Err(Errno::last());
    }
    // SAFETY: the call succeeded and filled it.
    Ok(unsafe { stat.assume_init() }.f_flag & libc::ST_RDONLY != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn open(path: &std::path::Path) -> OwnedFd {
        let text = CString::new(path.to_str().unwrap()).unwrap();
        openat(None, &text, libc::O_PATH, 0).unwrap()
    }

    #[test]
    fn a_symlink_to_an_absolute_path_stays_in_the_root() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("etc/deep")).unwrap();
        std::fs::write(folder.path().join("etc/passwd"), "inside").unwrap();
        symlink("/etc/passwd", folder.path().join("link")).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        let root = open(folder.path());
        let inside = identity(open(&folder.path().join("etc/passwd")).as_fd()).unwrap();
        for way in ["/link", "link", "etc/deep/../passwd", "/./etc//passwd"] {
            let found = open_in_root(root.as_fd(), root.as_fd(), way.as_bytes()).unwrap();
            assert_eq!(identity(found.as_fd()).unwrap().object(), inside.object(), "{way}");
        }
        let looped = open_in_root(root.as_fd(), root.as_fd(), b"loop").map(drop);
        assert_eq!(looped, Err(Errno(libc::ELOOP)));
        let magic = open_in_root(root.as_fd(), root.as_fd(), b"/proc/self/fd/0").map(drop);
        assert_eq!(magic, Err(Errno(libc::ENOENT)));
    }

    #[test]
    fn a_way_without_links_is_not_led_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::write(folder.path().join("run/own"), "").unwrap();
        symlink("own", folder.path().join("run/link")).unwrap();
        symlink("run", folder.path().join("way")).unwrap();
        let root = open(folder.path());
        let own = identity(open(&folder.path().join("run/own")).as_fd()).unwrap();
        let found = open_without_links(root.as_fd(), b"/run/own").unwrap();
        assert_eq!(identity(found.as_fd()).unwrap().object(), own.object());
        for (way, errno) in
            [("/run/link", libc::ELOOP), ("/way/own", libc::ELOOP), ("/run/other", libc::ENOENT)]
        {
            let refused = open_without_links(root.as_fd(), way.as_bytes()).map(drop);
            assert_eq!(refused, Err(Errno(errno)), "{way}");
        }
    }
}
