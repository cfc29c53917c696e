//! Acting inside the namespaces of another process, from a process that has threads.
//!
//! A user or mount namespace can only be entered by a process with a single thread, so each act is
//! done by a child that is made for it. The child is a copy of a process whose other threads may hold
//! any lock: it makes system calls on what was prepared before, allocates nothing, and tells each
//! outcome through a pipe. The processes of those namespaces must stand still meanwhile; what the
//! paths lead to would otherwise be theirs to say.

use crate::errno::Errno;
use crate::mount::{self, NODEV, NOEXEC, NOSUID, OPEN_TREE_CLONE, RDONLY};
use crate::namespace::{self, Cloned, clone3};
use crate::{fd, netlink, privilege, socket, spawn, wait};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The source that mounts of [`Act::Cover`] name, by which they are known again.
pub const COVER: &CStr = c"ringfence-dropped";

/// Where to act: namespace files, and who to be there.
#[derive(Debug)]
pub struct Place {
    /// User namespace that owns the others.
    pub user: OwnedFd,
    /// Mount namespace.
    pub mount: OwnedFd,
    /// Network namespace.
    pub network: OwnedFd,
    /// User and group to become; new objects belong to them.
    pub ids: (u32, u32),
}

impl Place {
    /// The namespaces in a folder such as `/proc/7/task/8/ns`.
    ///
    /// # Errors
    /// The folder cannot be read, or the thread has ended.
    pub fn open(folder: &std::path::Path, ids: (u32, u32)) -> Result<Self, Errno> {
        let open = |name: &str| std::fs::File::open(folder.join(name)).map(OwnedFd::from);
        Ok(Self { user: open("user")?, mount: open("mnt")?, network: open("net")?, ids })
    }

    fn enter(&self, which: BorrowedFd<'_>, kind: u64) -> Result<(), Errno> {
        namespace::setns(self.user.as_fd(), namespace::NEWUSER)?;
        // Whoever is not mapped there, as root of the host, cannot make files there.
        privilege::set_gid(self.ids.1)?;
        privilege::set_uid(self.ids.0)?;
        namespace::setns(which, kind)
    }
}

/// One act on the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Takes the mount at this absolute path away, and puts something over what was beneath it that
    /// nobody without capabilities can open.
    Cover(CString),
    /// Takes the mount at this absolute path away.
    Release(CString),
    /// Empties a file on a read-only mount, and lets nobody without capabilities open it again.
    Empty {
        /// Where the mount is.
        folder: CString,
        /// The file, absolute.
        file: CString,
    },
}

/// What became of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The last error, or nothing.
    pub ended: Result<(), Errno>,
    /// For [`Act::Cover`] and [`Act::Release`]: what taking the mount away answered while it was to be done only if
    /// nobody used it. `EBUSY` says that somebody does, wherever the descriptor is; `EINVAL` that the
    /// kernel lets nobody take it away, and nothing about its use.
    pub unused: Result<(), Errno>,
}

/// Does these acts and answers one outcome for each, in their order.
///
/// # Errors
/// No child can be made.
pub fn perform(place: &Place, acts: &[Act]) -> Result<Vec<Outcome>, Errno> {
    let (reading, writing) = fd::pipe(0)?;
    let child = child(|| {
        let entered = place.enter(place.mount.as_fd(), namespace::NEWNS);
        for act in acts {
            let outcome = match (entered, act) {
                (Err(errno), _) => Outcome { ended: Err(errno), unused: Ok(()) },
                (Ok(()), Act::Cover(path)) => cover(path),
                (Ok(()), Act::Release(path)) => Outcome { ended: Ok(()), unused: release(path) },
                (Ok(()), Act::Empty { folder, file }) => {
                    Outcome { ended: empty(folder, file), unused: Ok(()) }
                }
            };
            let _ = fd::write_all(writing.as_fd(), &encode(outcome));
        }
    })?;
    drop(writing);
    let mut outcomes = Vec::with_capacity(acts.len());
    let mut record = [0; RECORD];
    while outcomes.len() < acts.len() && fd::read(reading.as_fd(), &mut record) == Ok(RECORD) {
        outcomes.push(decode(record));
    }
    wait::wait_for(child)?;
    let died = Outcome { ended: Err(Errno(libc::ECANCELED)), unused: Ok(()) };
    outcomes.resize(acts.len(), died);
    Ok(outcomes)
}

/// A descriptor that asks about the sockets of that network namespace.
///
/// # Errors
/// The namespace cannot be entered, or no such descriptor be made.
pub fn open_diag(place: &Place) -> Result<OwnedFd, Errno> {
    let (near, far) = fd::socketpair(libc::SOCK_SEQPACKET)?;
    let child = child(|| {
        let made = place
            .enter(place.network.as_fd(), namespace::NEWNET)
            .and_then(|()| netlink::open_diag());
        let _ = match &made {
            Ok(diag) => socket::send_fds(far.as_fd(), &[0; 4], &[diag.as_fd()]),
            Err(errno) => socket::send_fds(far.as_fd(), &errno.0.to_ne_bytes(), &[]),
        };
    })?;
    drop(far);
    let mut errno = [0; 4];
    let received = socket::recv_fds(near.as_fd(), &mut errno);
    wait::wait_for(child)?;
    let (_, mut fds) = received?;
    let refused = match i32::from_ne_bytes(errno) {
        0 => Errno(libc::ECANCELED),
        number => Errno(number),
    };
    fds.pop().ok_or(refused)
}

/// Runs `body` in a child and answers its pid. Only for this module's bodies, which allocate nothing
/// and take no lock.
fn child(body: impl FnOnce()) -> Result<i32, Errno> {
    // SAFETY: the bodies of this module make system calls on values that exist already, and the
    // child ends without running anything else of this process.
    match unsafe { clone3(0) }? {
        Cloned::Parent { pid, .. } => Ok(pid),
        Cloned::Child => {
            body();
            spawn::exit(0)
        }
    }
}

/// Two error numbers, 0 for success.
const RECORD: usize = 8;

fn encode(outcome: Outcome) -> [u8; RECORD] {
    let number = |of: Result<(), Errno>| u64::from(of.err().map_or(0, |e| e.0.cast_unsigned()));
    (number(outcome.ended) << 32 | number(outcome.unused)).to_ne_bytes()
}

fn decode(record: [u8; RECORD]) -> Outcome {
    let both = u64::from_ne_bytes(record);
    let result = |number: u64| match i32::try_from(number & 0xffff_ffff) {
        Ok(0) => Ok(()),
        number => Err(Errno(number.unwrap_or(libc::EIO))),
    };
    Outcome { ended: result(both >> 32), unused: result(both) }
}

/// Not lazily at first: that fails while a descriptor or a mapping still leads through the mount.
fn release(target: &CStr) -> Result<(), Errno> {
    let unused = mount::umount_unused(target);
    if unused == Err(Errno(libc::EBUSY)) {
        let _ = mount::umount(target);
    }
    unused
}

fn cover(target: &CStr) -> Outcome {
    let unused = release(target);
    Outcome { ended: cover_rest(target), unused }
}

/// What lies at the path now (an empty place, what a broader grant shows there, or the mount itself
/// where the kernel keeps it) is hidden by an object that nobody may open.
fn cover_rest(target: &CStr) -> Result<(), Errno> {
    let beneath = reach(target)?;
    let folder = fd::identity(beneath.as_fd())?.kind() == libc::S_IFDIR;
    let fs = mount::fsopen(c"tmpfs")?;
    mount::fsconfig_string(fs.as_fd(), c"source", COVER)?;
    mount::fsconfig_string(fs.as_fd(), c"size", c"4096")?;
    mount::fsconfig_string(fs.as_fd(), c"mode", if folder { c"0" } else { c"0700" })?;
    mount::fsconfig_create(fs.as_fd())?;
    let made = mount::fsmount(fs.as_fd(), NOSUID | NODEV | NOEXEC)?;
    let mask = if folder { made } else { file_mask(&made)? };
    mount::mount_setattr(mask.as_fd(), false, RDONLY, 0, 0)?;
    mount::move_mount(mask.as_fd(), Some(beneath.as_fd()), c"")?;
    let shown = fd::identity(reach(target)?.as_fd())?.object();
    if shown == fd::identity(mask.as_fd())?.object() { Ok(()) } else { Err(Errno(libc::EEXIST)) }
}

/// Older kernels copy a mount only where it is attached, so the file system stands for a moment
/// where nobody can look.
fn file_mask(made: &OwnedFd) -> Result<OwnedFd, Errno> {
    const STAND: &CStr = c"/run";
    mount::create_file(Some(made.as_fd()), c"mask", 0)?;
    mount::move_mount(made.as_fd(), None, STAND)?;
    let copied = mount::open_tree(Some(made.as_fd()), c"mask", OPEN_TREE_CLONE);
    mount::umount(STAND)?;
    copied
}

fn reach(target: &CStr) -> Result<OwnedFd, Errno> {
    let resolve = mount::RESOLVE_NO_SYMLINKS | mount::RESOLVE_NO_MAGICLINKS;
    mount::open_beneath(None, target, libc::O_PATH | libc::O_NOFOLLOW, 0, resolve)
}

fn empty(folder: &CStr, file: &CStr) -> Result<(), Errno> {
    mount::mount_setattr_at(None, folder, false, 0, RDONLY, 0)?;
    let emptied = truncate(file);
    let closed = mount::mount_setattr_at(None, folder, false, RDONLY, 0, 0);
    emptied.and(closed)
}

fn truncate(file: &CStr) -> Result<(), Errno> {
    let flags = libc::O_WRONLY | libc::O_TRUNC | libc::O_NOFOLLOW;
    let open = mount::openat(None, file, flags, 0)?;
    if fd::identity(open.as_fd())?.kind() != libc::S_IFREG {
        return Err(Errno(libc::EINVAL));
    }
    mount::chmodat(None, file, 0)?;
    drop(open);
    let mut byte = [0];
    let check = mount::openat(None, file, libc::O_RDONLY | libc::O_NOFOLLOW, 0)?;
    if fd::read(check.as_fd(), &mut byte)? == 0 { Ok(()) } else { Err(Errno(libc::EBUSY)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_survives_the_way_through_a_pipe() {
        for ended in [Ok(()), Err(Errno(libc::EPERM))] {
            for unused in [Ok(()), Err(Errno(libc::EBUSY))] {
                let outcome = Outcome { ended, unused };
                assert_eq!(decode(encode(outcome)), outcome);
            }
        }
    }
}
