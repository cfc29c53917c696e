//! Doing something in a child and learning how it went. For tests only.

use crate::errno::Errno;
use crate::namespace::{Cloned, IdMap, NEWUSER, clone3, write_id_map};
use std::os::fd::AsRawFd;

/// Runs `act` in a child in new namespaces; its error number comes back as the exit code. The test
/// process has several threads, so `act` must neither allocate nor panic. A child that a signal
/// ended answers `ECANCELED`, except `SIGSYS`, which answers `EBADRQC`.
pub(crate) fn in_child(flags: u64, act: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
    // SAFETY: the tests pass only acts that neither allocate nor lock, and the child exits.
    match unsafe { clone3(flags) }? {
        Cloned::Child => {
            let code = act().err().map_or(0, |errno| errno.0);
            // SAFETY: ends the child at once, running nothing of this process.
            unsafe { libc::_exit(code) }
        }
        Cloned::Parent { pidfd, .. } => outcome(pidfd.as_raw_fd().unsigned_abs()),
    }
}

/// As [`in_child`], as root of a new user namespace, so that it works for any user.
pub(crate) fn in_namespace(
    flags: u64,
    act: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    // SAFETY: takes nothing and cannot fail.
    let uid_outside = unsafe { libc::geteuid() };
    // SAFETY: as above.
    let gid_outside = unsafe { libc::getegid() };
    let map = IdMap { uid_inside: 0, uid_outside, gid_inside: 0, gid_outside };
    in_child(flags | NEWUSER, || write_id_map(&map).and_then(|()| act()))
}

fn outcome(pidfd: u32) -> Result<(), Errno> {
    // SAFETY: plain numbers; all zero is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one siginfo into ours.
    while unsafe { libc::waitid(libc::P_PIDFD, pidfd, &raw mut info, libc::WEXITED) } == -1 {
        if Errno::last() != Errno(libc::EINTR) {
            return Err(Errno::last());
        }
    }
    // SAFETY: a wait filled the part of the structure that holds the status.
    let status = unsafe { info.si_status() };
    match (info.si_code, status) {
        (libc::CLD_EXITED, 0) => Ok(()),
        (libc::CLD_EXITED, code) => Err(Errno(code)),
        (_, libc::SIGSYS) => Err(Errno(libc::EBADRQC)),
        _ => Err(Errno(libc::ECANCELED)),
    }
}
