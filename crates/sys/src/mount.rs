//! Building a file system view: detached mounts, their attributes, pivoting into them.
//!
//! The new mount calls (`open_tree(2)`, `move_mount(2)`, `mount_setattr(2)`) work on descriptors, so a
//! checked object stays the object that is mounted; a path is looked up once, with
//! [`open_beneath`] refusing what should not be followed. Nothing here allocates, locks or panics.
//! An attribute set recursively holds for every submount; a plain remount would not.

use crate::call::{call, call_fd, dir, fd, input, int, long, maybe, path, uint};
use crate::errno::Errno;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

/// [`open_tree`]: make a copy that can be mounted elsewhere.
pub const OPEN_TREE_CLONE: u32 = 1;
/// [`open_tree`]: with every mount beneath it.
pub const RECURSIVE: u32 = 0x8000;
/// [`open_tree`], [`move_mount`]: the descriptor itself is meant when the path is empty.
pub const EMPTY_PATH: u32 = 0x1000;
/// [`open_tree`]: do not follow a symlink at the end.
pub const NOFOLLOW: u32 = 0x100;

/// Mount attribute: read-only.
pub const RDONLY: u64 = 0x1;
/// Mount attribute: set-user-id bits have no effect.
pub const NOSUID: u64 = 0x2;
/// Mount attribute: device nodes cannot be opened.
pub const NODEV: u64 = 0x4;
/// Mount attribute: nothing can be executed or mapped executable.
pub const NOEXEC: u64 = 0x8;
/// Not the kernel's: attributes with it go to the topmost mount only, for self-tests that must see a
/// probe write to a mount beneath.
pub const TOP_ONLY: u64 = 1 << 63;
/// Mount attribute: symlinks are not followed (kernel 5.14).
pub const NOSYMFOLLOW: u64 = 0x0020_0000;
/// The mask to clear when setting an access time attribute.
pub const ATIME: u64 = 0x70;
/// Mount attribute: access times are not kept.
pub const NOATIME: u64 = 0x10;

/// Propagation: mounts made on either side are not seen on the other.
pub const PRIVATE: u64 = 1 << 18;
/// Propagation: mounts made outside arrive here, never the other way.
pub const SLAVE: u64 = 1 << 19;

/// [`open_beneath`]: do not cross into another mount.
pub const RESOLVE_NO_XDEV: u64 = 0x01;
/// [`open_beneath`]: refuse `/proc` magic links.
pub const RESOLVE_NO_MAGICLINKS: u64 = 0x02;
/// [`open_beneath`]: refuse every symlink.
pub const RESOLVE_NO_SYMLINKS: u64 = 0x04;
/// [`open_beneath`]: refuse whatever leaves the starting folder.
pub const RESOLVE_BENEATH: u64 = 0x08;
/// [`open_beneath`]: treat the starting folder as `/`.
pub const RESOLVE_IN_ROOT: u64 = 0x10;

/// `struct open_how` of openat2(2).
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// `struct mount_attr` of `mount_setattr(2)`.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// A descriptor for the mount at `name` seen from `at`; with [`OPEN_TREE_CLONE`] a detached copy.
pub fn open_tree(at: Option<BorrowedFd<'_>>, name: &CStr, flags: u32) -> Result<OwnedFd, Errno> {
    const CLOEXEC: u32 = libc::O_CLOEXEC.unsigned_abs();
    // SAFETY: the path is a C string; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_open_tree, [dir(at), path(name), uint(flags | CLOEXEC), 0, 0, 0]) }
}

/// Attaches the detached (or moves the attached) mount `from` to `name` seen from `to`. An empty
/// `name` means the directory or file `to` itself.
pub fn move_mount(
    from: BorrowedFd<'_>,
    to: Option<BorrowedFd<'_>>,
    name: &CStr,
) -> Result<(), Errno> {
    const FROM_EMPTY: u32 = 0x04;
    const TO_EMPTY: u32 = 0x40;
    let flags = if name.is_empty() { FROM_EMPTY | TO_EMPTY } else { FROM_EMPTY };
    let args = [fd(from), path(c""), dir(to), path(name), uint(flags), 0];
    // SAFETY: both paths are C strings.
    unsafe { call(libc::SYS_move_mount, args) }.map(drop)
}

/// Sets and clears attributes of the mount `of`, with `recursive` of every mount beneath it too:
/// all of them or, on an error, none. `propagation` is [`PRIVATE`], [`SLAVE`] or 0 for unchanged.
pub fn mount_setattr(
    of: BorrowedFd<'_>,
    recursive: bool,
    set: u64,
    clear: u64,
    propagation: u64,
) -> Result<(), Errno> {
    mount_setattr_at(Some(of), c"", recursive, set, clear, propagation)
}

/// As [`mount_setattr`], for the mount at `name` seen from `at`.
pub fn mount_setattr_at(
    at: Option<BorrowedFd<'_>>,
    name: &CStr,
    recursive: bool,
    set: u64,
    clear: u64,
    propagation: u64,
) -> Result<(), Errno> {
    let attr = MountAttr { set, clear, propagation, userns_fd: 0 };
    let deep = if recursive { RECURSIVE } else { 0 };
    let empty = if name.is_empty() { EMPTY_PATH } else { 0 };
    let size = size_of::<MountAttr>();
    let args = [dir(at), path(name), uint(deep | empty), input(&attr), size, 0];
    // SAFETY: the path is a C string and the kernel reads one structure of the size given.
    unsafe { call(libc::SYS_mount_setattr, args) }.map(drop)
}

/// Begins a new file system of a type such as `tmpfs`.
pub fn fsopen(kind: &CStr) -> Result<OwnedFd, Errno> {
    const FSOPEN_CLOEXEC: u32 = 1;
    // SAFETY: the name is a C string; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_fsopen, [path(kind), uint(FSOPEN_CLOEXEC), 0, 0, 0, 0]) }
}

/// Gives a new file system an option with a value, such as `size` and `65536k`.
pub fn fsconfig_string(fs: BorrowedFd<'_>, key: &CStr, value: &CStr) -> Result<(), Errno> {
    fsconfig(fs, 1, Some(key), Some(value))
}

/// Gives a new file system an option that has no value, such as `ro`.
pub fn fsconfig_flag(fs: BorrowedFd<'_>, key: &CStr) -> Result<(), Errno> {
    fsconfig(fs, 0, Some(key), None)
}

/// Makes the file system that was configured.
pub fn fsconfig_create(fs: BorrowedFd<'_>) -> Result<(), Errno> {
    fsconfig(fs, 6, None, None)
}

fn fsconfig(
    fs: BorrowedFd<'_>,
    command: u32,
    key: Option<&CStr>,
    value: Option<&CStr>,
) -> Result<(), Errno> {
    let args = [fd(fs), uint(command), maybe(key), maybe(value), 0, 0];
    // SAFETY: key and value are C strings or null, as the commands used here expect.
    unsafe { call(libc::SYS_fsconfig, args) }.map(drop)
}

/// A detached mount of the file system that was made, with mount attributes.
pub fn fsmount(fs: BorrowedFd<'_>, attributes: u64) -> Result<OwnedFd, Errno> {
    const FSMOUNT_CLOEXEC: u32 = 1;
    let args = [fd(fs), uint(FSMOUNT_CLOEXEC), long(attributes), 0, 0, 0];
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_fsmount, args) }
}

/// mount(2), for what the new calls cannot do on an older kernel. `flags` are `MS_*`.
pub fn mount(
    source: Option<&CStr>,
    target: &CStr,
    kind: Option<&CStr>,
    flags: u64,
    data: Option<&CStr>,
) -> Result<(), Errno> {
    let args = [maybe(source), path(target), maybe(kind), long(flags), maybe(data), 0];
    // SAFETY: every pointer is a C string or null.
    unsafe { call(libc::SYS_mount, args) }.map(drop)
}

/// Makes `new_root` the root of this mount namespace and puts the old one at `put_old`. Both may
/// be `.`: then the old root lies over the new one and is taken off with [`umount`] of `.`.
pub fn pivot_root(new_root: &CStr, put_old: &CStr) -> Result<(), Errno> {
    // SAFETY: both are C strings.
    unsafe { call(libc::SYS_pivot_root, [path(new_root), path(put_old), 0, 0, 0, 0]) }.map(drop)
}

/// Takes a mount and all beneath it out of sight at once (`MNT_DETACH`), never following a symlink.
pub fn umount(target: &CStr) -> Result<(), Errno> {
    let flags = int(libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW);
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_umount2, [path(target), flags, 0, 0, 0, 0]) }.map(drop)
}

/// Takes a mount away if nothing uses it, never following a symlink.
///
/// # Errors
/// `EBUSY` while an open descriptor (also one that is on its way between processes), a working
/// directory, a mapping or a mount beneath it holds it; `EINVAL` for what is no mount, or one that
/// came from a more privileged mount namespace.
pub fn umount_unused(target: &CStr) -> Result<(), Errno> {
    let args = [path(target), int(libc::UMOUNT_NOFOLLOW), 0, 0, 0, 0];
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_umount2, args) }.map(drop)
}

/// Makes a directory.
pub fn mkdirat(at: Option<BorrowedFd<'_>>, name: &CStr, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_mkdirat, [dir(at), path(name), uint(mode), 0, 0, 0]) }.map(drop)
}

/// Makes a symlink at `name` with the text `to`.
pub fn symlinkat(to: &CStr, at: Option<BorrowedFd<'_>>, name: &CStr) -> Result<(), Errno> {
    // SAFETY: both are C strings.
    unsafe { call(libc::SYS_symlinkat, [path(to), dir(at), path(name), 0, 0, 0]) }.map(drop)
}

/// Opens `name` seen from `at`; `flags` are `O_*`, close-on-exec is added. `mode` counts with
/// `O_CREAT` only.
pub fn openat(
    at: Option<BorrowedFd<'_>>,
    name: &CStr,
    flags: i32,
    mode: u32,
) -> Result<OwnedFd, Errno> {
    let args = [dir(at), path(name), int(flags | libc::O_CLOEXEC), uint(mode), 0, 0];
    // SAFETY: the path is a C string; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_openat, args) }
}

/// Makes an empty regular file (`EEXIST` if the name is taken) and answers it open for writing.
pub fn create_file(at: Option<BorrowedFd<'_>>, name: &CStr, mode: u32) -> Result<OwnedFd, Errno> {
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY | libc::O_NOFOLLOW;
    openat(at, name, flags, mode)
}

/// openat2(2): opens `name` seen from `at` under the `RESOLVE_*` rules given. Again on `EAGAIN`,
/// which a rename at the same moment causes, at most sixteen times.
pub fn open_beneath(
    at: Option<BorrowedFd<'_>>,
    name: &CStr,
    flags: i32,
    mode: u32,
    resolve: u64,
) -> Result<OwnedFd, Errno> {
    let flags = u64::from((flags | libc::O_CLOEXEC).cast_unsigned());
    let how = OpenHow { flags, mode: mode.into(), resolve };
    let args = [dir(at), path(name), input(&how), size_of::<OpenHow>(), 0, 0];
    for _ in 0..15 {
        // SAFETY: the path is a C string, the kernel reads one structure of the size given, and
        // answers a fresh descriptor.
        match unsafe { call_fd(libc::SYS_openat2, args) } {
            Err(Errno(libc::EAGAIN)) => {}
            other => return other,
        }
    }
    // SAFETY: as above.
    unsafe { call_fd(libc::SYS_openat2, args) }
}

/// Changes the working directory.
pub fn chdir(to: &CStr) -> Result<(), Errno> {
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_chdir, [path(to), 0, 0, 0, 0, 0]) }.map(drop)
}

/// Changes the working directory to an open one.
pub fn fchdir(to: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_fchdir, [fd(to), 0, 0, 0, 0, 0]) }.map(drop)
}

/// Changes the permission bits of `name` seen from `at`.
pub fn chmodat(at: Option<BorrowedFd<'_>>, name: &CStr, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_fchmodat, [dir(at), path(name), uint(mode), 0, 0, 0]) }.map(drop)
}

/// Changes owner and group of `name` seen from `at`, not following a symlink at the end.
pub fn chownat(at: Option<BorrowedFd<'_>>, name: &CStr, uid: u32, gid: u32) -> Result<(), Errno> {
    let flags = libc::AT_SYMLINK_NOFOLLOW | if name.is_empty() { libc::AT_EMPTY_PATH } else { 0 };
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_fchownat, [dir(at), path(name), uint(uid), uint(gid), int(flags), 0]) }
        .map(drop)
}

/// Sets the file mode creation mask.
pub fn umask(mask: u32) {
    // SAFETY: numbers only; this call cannot fail.
    unsafe { libc::umask(mask) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespace::NEWNS;
    use crate::testing::in_namespace;
    use std::os::fd::AsFd;

    /// A tmpfs with a second tmpfs in its folder `sub`, mounted over `/mnt`.
    fn nested() -> Result<OwnedFd, Errno> {
        mount_setattr_at(None, c"/", true, 0, 0, PRIVATE)?;
        let fs = fsopen(c"tmpfs")?;
        fsconfig_string(fs.as_fd(), c"size", c"65536")?;
        fsconfig_create(fs.as_fd())?;
        let outer = fsmount(fs.as_fd(), NOSUID | NODEV)?;
        move_mount(outer.as_fd(), None, c"/mnt")?;
        mkdirat(None, c"/mnt/sub", 0o755)?;
        mount(Some(c"x"), c"/mnt/sub", Some(c"tmpfs"), 0, None)?;
        open_tree(None, c"/mnt", 0)
    }

    fn writable(name: &CStr) -> Result<(), Errno> {
        create_file(None, name, 0o600).map(drop)
    }

    #[test]
    fn a_recursive_read_only_view_has_no_writable_submount() {
        // Control: without the recursive flag the submount stays writable.
        let shallow = in_namespace(NEWNS, || {
            let root = nested()?;
            mount_setattr(root.as_fd(), false, RDONLY, 0, 0)?;
            writable(c"/mnt/sub/file")
        });
        assert_eq!(shallow, Ok(()));
        let deep = in_namespace(NEWNS, || {
            let root = nested()?;
            mount_setattr(root.as_fd(), true, RDONLY, 0, 0)?;
            writable(c"/mnt/sub/file")
        });
        assert_eq!(deep, Err(Errno(libc::EROFS)));
    }

    #[test]
    fn a_detached_copy_becomes_the_root_and_the_old_root_is_gone() {
        let answer = in_namespace(NEWNS, || {
            drop(nested()?);
            mkdirat(None, c"/mnt/kept", 0o755)?;
            chdir(c"/mnt")?;
            pivot_root(c".", c".")?;
            umount(c".")?;
            chdir(c"/")?;
            openat(None, c"/kept", libc::O_PATH, 0)?;
            openat(None, c"/proc", libc::O_PATH, 0).map(drop)
        });
        assert_eq!(answer, Err(Errno(libc::ENOENT)));
    }

    #[test]
    fn a_bind_of_a_copy_can_be_made_unexecutable_and_symlinks_beneath_are_refused() {
        let answer = in_namespace(NEWNS, || {
            drop(nested()?);
            symlinkat(c"/etc", None, c"/mnt/link")?;
            let root = openat(None, c"/mnt", libc::O_PATH | libc::O_DIRECTORY, 0)?;
            open_beneath(Some(root.as_fd()), c"sub", libc::O_PATH, 0, RESOLVE_BENEATH)?;
            let copy = open_tree(None, c"/mnt/sub", OPEN_TREE_CLONE | RECURSIVE)?;
            mount_setattr(copy.as_fd(), true, NOEXEC | NOSYMFOLLOW, 0, 0)?;
            mkdirat(None, c"/mnt/other", 0o755)?;
            move_mount(copy.as_fd(), Some(root.as_fd()), c"other")?;
            open_beneath(Some(root.as_fd()), c"link", libc::O_RDONLY, 0, RESOLVE_BENEATH).map(drop)
        });
        assert_eq!(answer, Err(Errno(libc::EXDEV)));
    }
}
