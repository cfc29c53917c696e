//! New processes in new namespaces, and who one is in them.
//!
//! [`clone3`] is the only way this crate makes a process. The child shares nothing but what the
//! kernel copies on write, so it may run anything here that is marked as free of allocation.

use crate::call::{call, fd, input, int, long, output, path};
use crate::errno::Errno;
use crate::fd as files;
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A user namespace: ids of its own, and all capabilities over what it owns.
pub const NEWUSER: u64 = 0x1000_0000;
/// A mount namespace.
pub const NEWNS: u64 = 0x0002_0000;
/// A pid namespace (for the children when unshared, for the process itself when cloned).
pub const NEWPID: u64 = 0x2000_0000;
/// A namespace for System V IPC and POSIX message queues.
pub const NEWIPC: u64 = 0x0800_0000;
/// A namespace for the host name.
pub const NEWUTS: u64 = 0x0400_0000;
/// A cgroup namespace.
pub const NEWCGROUP: u64 = 0x0200_0000;
/// A network namespace: interfaces, routes, ports and abstract Unix names of its own.
pub const NEWNET: u64 = 0x4000_0000;
/// A time namespace.
pub const NEWTIME: u64 = 0x0000_0080;
/// Every namespace flag there is.
pub const ALL: u64 = NEWUSER | NEWNS | NEWPID | NEWIPC | NEWUTS | NEWCGROUP | NEWNET | NEWTIME;

/// Not a namespace: the child shares the caller's table of descriptors until it execs (`CLONE_FILES`).
/// Only for [`clone3`].
pub const FILES: u64 = 0x400;

const CLONE_PIDFD: u64 = 0x1000;
const CLONE_PARENT_SETTID: u64 = 0x0010_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;

/// Which side of a clone one is on.
#[derive(Debug)]
pub enum Cloned {
    /// The process that called.
    Parent {
        /// The child's pid in the caller's pid namespace.
        pid: i32,
        /// A handle that never names another process.
        pidfd: OwnedFd,
    },
    /// The new process.
    Child,
}

/// `struct clone_args` of linux/sched.h, as far as kernel 5.7.
#[repr(C, align(8))]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Makes a process that is a copy of this one in the new namespaces `flags` names; its end is
/// told by `SIGCHLD` and by the pidfd. Flags other than the namespaces and [`FILES`] are refused with
/// `EINVAL`.
///
/// # Safety
/// Either this process has a single thread, or the child runs only code that neither allocates nor
/// takes a lock until it execs or exits: a lock held by another thread stays locked for ever in it.
pub unsafe fn clone3(flags: u64) -> Result<Cloned, Errno> {
    // SAFETY: the caller's promise is passed on.
    unsafe { clone3_into(flags, None) }
}

/// Like [`clone3`]; the child is born in the version 2 control group whose folder is given.
///
/// # Safety
/// As [`clone3`].
pub unsafe fn clone3_into(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Cloned, Errno> {
    if flags & !(ALL | FILES) != 0 {
        return Err(Errno(libc::EINVAL));
    }
    let mut pidfd: RawFd = -1;
    let mut pid: libc::pid_t = 0;
    let mut args = CloneArgs {
        flags: flags | CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CLEAR_SIGHAND,
        pidfd: output(&mut pidfd) as u64,
        parent_tid: output(&mut pid) as u64,
        exit_signal: libc::SIGCHLD.unsigned_abs().into(),
        ..CloneArgs::default()
    };
    if let Some(group) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = group.as_raw_fd().unsigned_abs().into();
    }
    let call_args = [input(&args), size_of::<CloneArgs>(), 0, 0, 0, 0];
    // SAFETY: the structure and its two output words live until the call returns; without CLONE_VM
    // the child has a copy of the stack, and the caller vouches for what the child runs.
    let answer = match unsafe { call(libc::SYS_clone3, call_args) } {
        // Filters of containers answer this so that the C library falls back, and so does this.
        // SAFETY: the same promise for the older call.
        Err(Errno(libc::ENOSYS)) if cgroup.is_none() => unsafe { clone(flags, &mut pidfd) }?,
        other => other?,
    };
    if answer == 0 {
        return Ok(Cloned::Child);
    }
    let pid = i32::try_from(answer).unwrap_or_default();
    let pidfd = match std::hint::black_box(pidfd) {
        // Kernels in user space (gVisor) take the flag and do nothing about it.
        -1 => return Err(undo(pid)),
        // SAFETY: the kernel stored a fresh descriptor in `pidfd` before it answered a pid.
        stored => unsafe { OwnedFd::from_raw_fd(stored) },
    };
    Ok(Cloned::Parent { pid, pidfd })
}

/// Ends a child without a handle: nothing here may wait for a number that can be given out again.
fn undo(pid: libc::pid_t) -> Errno {
    // SAFETY: numbers only; the child has not been reaped, so the number is still its own.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    // SAFETY: no status is asked for, and the child is ours.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    Errno(libc::ENOSYS)
}

/// clone(2) with namespace flags and a pidfd; without a stack the child goes on with a copy.
///
/// # Safety
/// As [`clone3`].
unsafe fn clone(flags: u64, pidfd: &mut RawFd) -> Result<usize, Errno> {
    let flags = flags | CLONE_PIDFD | u64::from(libc::SIGCHLD.unsigned_abs());
    // SAFETY: the kernel writes one descriptor; the caller vouches for what the child runs.
    unsafe { call(libc::SYS_clone, [long(flags), 0, output(pidfd), 0, 0, 0]) }
}

/// Moves this process (for [`NEWPID`] its future children) into new namespaces. Clears the parent
/// death signal when [`NEWUSER`] is among them: set it again afterwards.
pub fn unshare(flags: u64) -> Result<(), Errno> {
    if flags & !ALL != 0 {
        return Err(Errno(libc::EINVAL));
    }
    // SAFETY: only namespace flags pass, so nothing of this process's memory or descriptors changes.
    unsafe { call(libc::SYS_unshare, [long(flags), 0, 0, 0, 0, 0]) }.map(drop)
}

/// Enters the namespaces `flags` names, of a namespace file or (several at once) of a pidfd.
pub fn setns(of: BorrowedFd<'_>, flags: u64) -> Result<(), Errno> {
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_setns, [fd(of), long(flags & ALL), 0, 0, 0, 0]) }.map(drop)
}

/// One user and one group of the outside, and what they are called inside a user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdMap {
    /// User id inside.
    pub uid_inside: u32,
    /// User id outside.
    pub uid_outside: u32,
    /// Group id inside.
    pub gid_inside: u32,
    /// Group id outside.
    pub gid_outside: u32,
}

/// Gives this process's user namespace exactly one user and one group, and denies `setgroups`
/// (an unprivileged process must, `user_namespaces(7)`). Needs `/proc`.
pub fn write_id_map(map: &IdMap) -> Result<(), Errno> {
    put(c"/proc/self/setgroups", b"deny")?;
    let mut line = [0; MAP_LINE];
    put(c"/proc/self/uid_map", map_line(&mut line, map.uid_inside, map.uid_outside))?;
    put(c"/proc/self/gid_map", map_line(&mut line, map.gid_inside, map.gid_outside))
}

/// Sets the host name of this process's UTS namespace (at most 64 bytes).
pub fn sethostname(name: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel reads exactly the length of our slice.
    unsafe { call(libc::SYS_sethostname, [input(name), name.len(), 0, 0, 0, 0]) }.map(drop)
}

/// Room for two ten-digit numbers, a count and separators.
const MAP_LINE: usize = 32;

/// `INSIDE OUTSIDE 1` without allocating.
fn map_line(line: &mut [u8; MAP_LINE], inside: u32, outside: u32) -> &[u8] {
    let mut length = 0;
    for number in [inside, outside, 1] {
        let mut digits = [0_u8; 10];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        for digit in digits.iter().skip(at).chain(b" ") {
            if let Some(place) = line.get_mut(length) {
                *place = *digit;
                length += 1;
            }
        }
    }
    line.get(..length.saturating_sub(1)).unwrap_or_default()
}

/// Writes one value to a file of `/proc` in a single call, as its interface demands.
pub(crate) fn put(file: &CStr, value: &[u8]) -> Result<(), Errno> {
    let flags = int(libc::O_WRONLY | libc::O_CLOEXEC);
    let args = [int(libc::AT_FDCWD), path(file), flags, 0, 0, 0];
    // SAFETY: the path is a C string; the kernel answers a fresh descriptor.
    let open = unsafe { crate::call::call_fd(libc::SYS_openat, args) }?;
    match files::write(open.as_fd(), value)? {
        taken if taken == value.len() => Ok(()),
        _ => Err(Errno(libc::EIO)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::in_child;

    fn ids() -> IdMap {
        // SAFETY: these calls cannot fail and take nothing.
        let uid_outside = unsafe { libc::geteuid() };
        // SAFETY: as above.
        let gid_outside = unsafe { libc::getegid() };
        IdMap { uid_inside: 1234, uid_outside, gid_inside: 0, gid_outside }
    }

    fn require(holds: bool) -> Result<(), Errno> {
        if holds { Ok(()) } else { Err(Errno(libc::EPROTO)) }
    }

    #[test]
    fn the_child_reports_its_error_number() {
        assert_eq!(in_child(0, || Ok(())), Ok(()));
        assert_eq!(in_child(0, || Err(Errno(libc::EXDEV))), Err(Errno(libc::EXDEV)));
    }

    #[test]
    fn a_user_namespace_has_only_the_mapped_ids_and_setgroups_is_denied() {
        let map = ids();
        let answer = in_child(NEWUSER, || {
            write_id_map(&map)?;
            // SAFETY: takes nothing.
            require(unsafe { libc::geteuid() } == 1234)?;
            // Not the C library's, which would wait for the threads of the process it is a copy of.
            require(crate::privilege::set_groups(&[]) == Err(Errno(libc::EPERM)))
        });
        assert_eq!(answer, Ok(()));
    }

    #[test]
    fn an_id_map_can_be_written_only_once() {
        let map = ids();
        let answer = in_child(NEWUSER, || {
            write_id_map(&map)?;
            write_id_map(&map)
        });
        assert_eq!(answer, Err(Errno(libc::EPERM)));
    }

    #[test]
    fn a_pid_namespace_counts_from_one_and_a_host_name_stays_inside() {
        let answer = in_child(NEWUSER | NEWPID | NEWUTS, || {
            // SAFETY: takes nothing.
            require(unsafe { libc::getpid() } == 1)?;
            sethostname(b"inside")
        });
        assert_eq!(answer, Ok(()));
    }

    #[test]
    fn flags_that_are_not_namespaces_are_refused() {
        // SAFETY: the call is refused, so there is no child.
        let shared_memory = unsafe { clone3(0x100) };
        assert_eq!(shared_memory.err(), Some(Errno(libc::EINVAL)));
        assert_eq!(unshare(0x400), Err(Errno(libc::EINVAL)));
    }

    #[test]
    fn a_map_line_holds_the_largest_numbers() {
        let mut line = [0; MAP_LINE];
        assert_eq!(map_line(&mut line, u32::MAX, 0), b"4294967295 0 1");
        assert_eq!(map_line(&mut line, u32::MAX, u32::MAX), b"4294967295 4294967295 1");
    }
}
