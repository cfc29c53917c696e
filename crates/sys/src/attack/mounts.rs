//! Changing what is mounted where: every way to undo a read-only or empty view.
//!
//! Each act first tries to get namespaces of its own, as an attacker would: outside that is also
//! what keeps the control harmless, because nothing it mounts is seen by anybody else.

use super::{Attempt, Failure, Params, Step};
use crate::call::{call, call_fd, fd, int, path, uint};
use crate::errno::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

/// A mount namespace nobody else sees; a user namespace too where that is needed for it.
///
/// # Errors
/// Both ways were refused; the act goes on without.
pub(super) fn private_mounts() -> Result<(), Errno> {
    if unshare(libc::CLONE_NEWNS).is_err() {
        unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS)?;
    }
    make_private()
}

/// Nothing mounted from here on may travel back to the host.
pub(super) fn make_private() -> Result<(), Errno> {
    mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE).map(drop)
}

/// An empty memory file system.
pub(super) fn mount_tmpfs_at(target: &CStr) -> Result<(), Errno> {
    mount(Some(c"canary"), target, Some(c"tmpfs"), 0).map(drop)
}

/// unshare(2), in the act's own child.
pub(super) fn unshare(flags: i32) -> Result<(), Errno> {
    // SAFETY: numbers only; this process is the act's own child.
    unsafe { call(libc::SYS_unshare, [int(flags), 0, 0, 0, 0, 0]) }.map(drop)
}

fn mount(
    source: Option<&CStr>,
    target: &CStr,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
) -> Result<usize, Errno> {
    let flags = usize::try_from(flags).map_err(|_| Errno(libc::EINVAL))?;
    let args = [crate::call::maybe(source), path(target), crate::call::maybe(kind), flags, 0, 0];
    // SAFETY: C strings or null, and no data.
    unsafe { call(libc::SYS_mount, args) }
}

/// A folder of this act's own in `write_dir`, removed at the end, also when the root has changed
/// meanwhile.
struct OwnFolder {
    path: CString,
    parent: OwnedFd,
    name: CString,
}

impl OwnFolder {
    fn make(params: &Params) -> Result<Self, Failure> {
        let path = own_name(params, "write_dir", "folder")?;
        let unusable =
            |errno| Failure::not_applicable(format!("write_dir cannot be written: {errno}"));
        let scratch = params.c_string("write_dir")?;
        let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
        let args = [int(libc::AT_FDCWD), crate::call::path(&scratch), int(flags), 0, 0, 0];
        // SAFETY: a C string and numbers; a new descriptor.
        let parent = unsafe { call_fd(libc::SYS_openat, args) }.map_err(unusable)?;
        let name = path.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = CString::new(name).unwrap_or_default();
        let args = [fd(parent.as_fd()), crate::call::path(&name), 0o700, 0, 0, 0];
        // SAFETY: a C string and numbers.
        unsafe { call(libc::SYS_mkdirat, args) }.map_err(unusable)?;
        Ok(Self { path, parent, name })
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        let _ = umount(&self.path);
        let flags = int(libc::AT_REMOVEDIR);
        let args = [fd(self.parent.as_fd()), path(&self.name), flags, 0, 0, 0];
        // SAFETY: a C string and numbers.
        let _ = unsafe { call(libc::SYS_unlinkat, args) };
    }
}

/// A path in a folder, given by its parameter, that no other act uses.
pub(super) fn own_name(params: &Params, folder: &str, kind: &str) -> Result<CString, Failure> {
    let mut name = params.value(folder)?.to_owned();
    let token = params.text("token")?;
    name.push(format!("/{kind}-{}-{token}", std::process::id()));
    CString::new(name.into_encoded_bytes())
        .map_err(|_| Failure::not_applicable("the folder's name holds a zero byte"))
}

/// Mounts a fresh tmpfs over a folder.
pub fn mount_tmpfs(params: &Params) -> Attempt {
    let folder = OwnFolder::make(params)?;
    let _ = private_mounts();
    mount(Some(c"canary"), &folder.path, Some(c"tmpfs"), 0).step("mount")?;
    Ok("mounted a tmpfs".to_owned())
}

fn umount(target: &CStr) -> Result<usize, Errno> {
    // SAFETY: a C string and a number.
    unsafe { call(libc::SYS_umount2, [path(target), int(libc::MNT_DETACH), 0, 0, 0, 0]) }
}

/// Remounts `/` with all its present flags but read-only.
pub fn remount_writable(_params: &Params) -> Attempt {
    private_mounts().step("unshare")?;
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: a C string and room for one answer.
    if unsafe { libc::statvfs(c"/".as_ptr(), stat.as_mut_ptr()) } != 0 {
        return Err(Failure::at("statvfs", Errno::last()));
    }
    // SAFETY: the call succeeded, and zeroes are a valid value anyway.
    let stat = unsafe { stat.assume_init() };
    let kept = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC | libc::MS_NOATIME;
    let flags = (stat.f_flag & kept) | libc::MS_REMOUNT | libc::MS_BIND;
    mount(None, c"/", None, flags).step("mount")?;
    Ok("remounted / writable".to_owned())
}

/// Begins a file system by the new interface.
pub fn fsopen(_params: &Params) -> Attempt {
    let _ = private_mounts();
    // SAFETY: a C string and flags; a new descriptor.
    unsafe { call_fd(libc::SYS_fsopen, [path(c"tmpfs"), 0, 0, 0, 0, 0]) }.step("fsopen")?;
    Ok("opened a tmpfs context".to_owned())
}

/// Takes a detached copy of the mount tree at `/`.
pub fn open_tree(_params: &Params) -> Attempt {
    let _ = private_mounts();
    clone_tree().step("open_tree")?;
    Ok("copied the mount at /".to_owned())
}

fn clone_tree() -> Result<OwnedFd, Errno> {
    const OPEN_TREE_CLONE: u32 = 1;
    // Without it a user namespace may not copy: mounts below must stay hidden or come along.
    const RECURSIVE: u32 = 0x8000;
    let args = [int(libc::AT_FDCWD), path(c"/"), uint(OPEN_TREE_CLONE | RECURSIVE), 0, 0, 0];
    // SAFETY: a C string and flags; a new descriptor.
    unsafe { call_fd(libc::SYS_open_tree, args) }
}

/// Moves a copy of the mount at `/` over a folder; without a copy, moves nothing at all.
pub fn move_mount(params: &Params) -> Attempt {
    const FROM_EMPTY_PATH: u32 = 4;
    let folder = OwnFolder::make(params)?;
    let _ = private_mounts();
    let tree = clone_tree();
    let from = tree.as_ref().map_or(int(-1), |tree| fd(tree.as_fd()));
    let here = int(libc::AT_FDCWD);
    let args = [from, path(c""), here, path(&folder.path), uint(FROM_EMPTY_PATH), 0];
    // SAFETY: C strings, descriptors and flags.
    unsafe { call(libc::SYS_move_mount, args) }.step("move_mount")?;
    Ok("moved a mount".to_owned())
}

/// Changes the flags of the mount at `/` by the new interface.
pub fn mount_setattr(_params: &Params) -> Attempt {
    let _ = private_mounts();
    // attr_set, attr_clr (MOUNT_ATTR_RDONLY), propagation, userns_fd.
    let attr: [u64; 4] = [0, 1, 0, 0];
    let args =
        [int(libc::AT_FDCWD), path(c"/"), 0, crate::call::input(&attr), size_of_val(&attr), 0];
    // SAFETY: a C string, and a structure of the size that is given.
    unsafe { call(libc::SYS_mount_setattr, args) }.step("mount_setattr")?;
    Ok("made / writable".to_owned())
}

/// Makes `write_dir` the root of this process.
pub fn chroot(params: &Params) -> Attempt {
    let target = params.c_string("write_dir")?;
    let _ = private_mounts();
    // SAFETY: a C string; this process is the act's own child.
    unsafe { call(libc::SYS_chroot, [path(&target), 0, 0, 0, 0, 0]) }.step("chroot")?;
    Ok("changed the root".to_owned())
}

/// Swaps the root for a fresh tmpfs.
pub fn pivot_root(params: &Params) -> Attempt {
    let folder = OwnFolder::make(params)?;
    if private_mounts().is_ok() {
        mount(Some(c"canary"), &folder.path, Some(c"tmpfs"), 0).step("mount")?;
    }
    let place = path(&folder.path);
    // SAFETY: two C strings; the old root is stacked on the new one.
    unsafe { call(libc::SYS_pivot_root, [place, place, 0, 0, 0, 0]) }.step("pivot_root")?;
    Ok("swapped the root".to_owned())
}

/// Changes a file in the file system that is mounted below a readable folder. Where nothing is
/// mounted, as outside, it mounts one where nobody else sees it.
pub fn write_below(params: &Params) -> Attempt {
    let folder = params.path("submount_dir")?;
    let file = folder.join("file");
    if !file.exists() {
        // SAFETY: takes nothing.
        let group = unsafe { libc::getegid() };
        let owner = (super::identity::user(), group);
        super::locks::mount_below(folder, owner, params.text("token")?)
            .map_err(|errno| Failure::not_applicable(format!("nothing is mounted: {errno}")))?;
    }
    let written = std::fs::File::options().write(true).open(&file).step("open");
    if written.is_err() {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&file, mode).step("chmod")?;
    }
    Ok("changed a file in a mount below a read grant".to_owned())
}

/// Makes a device node that reads as zeroes.
pub fn make_device(params: &Params) -> Attempt {
    let name = own_name(params, "write_dir", "device")?;
    let device = usize::try_from(libc::makedev(1, 5)).unwrap_or_default();
    let args = [int(libc::AT_FDCWD), path(&name), uint(libc::S_IFCHR | 0o600), device, 0, 0];
    // SAFETY: a C string and numbers.
    unsafe { call(libc::SYS_mknodat, args) }.step("mknod")?;
    // SAFETY: a C string and numbers.
    let _ = unsafe { call(libc::SYS_unlinkat, [int(libc::AT_FDCWD), path(&name), 0, 0, 0, 0]) };
    Ok("made a device node".to_owned())
}
