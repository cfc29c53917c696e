//! Looking into another process: its threads, its descriptors, its memory.
//!
//! All of it needs the kernel's ptrace access check (ptrace(2)); an owner of the user namespace
//! that the other process lives in passes it.

use crate::call::{call, call_fd, fd, int, uint};
use crate::errno::Errno;
use crate::fd::identity_at;
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A handle of a process that never names another one.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_pidfd_open, [int(pid), 0, 0, 0, 0, 0]) }
}

/// A handle of the thread `tid` (Linux 6.9), or before that of the process it belongs to, which
/// shares its descriptors unless the thread took a table of its own. `leaders` remembers the
/// processes that were found that way; it may begin empty.
pub fn pidfd_open_thread(tid: i32, leaders: &mut Vec<i32>) -> Result<OwnedFd, Errno> {
    const REMEMBERED: usize = 64;
    let flags = uint(libc::PIDFD_THREAD);
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    match unsafe { call_fd(libc::SYS_pidfd_open, [int(tid), flags, 0, 0, 0, 0]) } {
        Err(Errno(libc::EINVAL)) => {
            let leader = leader_of(tid, leaders)?;
            if !leaders.contains(&leader) {
                leaders.truncate(REMEMBERED - 1);
                leaders.insert(0, leader);
            }
            pidfd_open(leader)
        }
        other => other,
    }
}

/// The process a thread belongs to. Nothing is opened for it, because the broker's filter forbids
/// that: whoever shows up among the thread's siblings and can be opened as a process is it. The
/// first thread of a process has the lowest number unless numbers began anew in between, so those
/// below are tried after the ones that are known.
fn leader_of(tid: i32, known: &[i32]) -> Result<i32, Errno> {
    const FARTHEST: usize = 1 << 15;
    let below = (1..=tid).rev().take(FARTHEST);
    let mut tried = known.iter().copied().chain(below);
    let leads = |of: &i32| is_sibling(tid, *of) && pidfd_open(*of).is_ok();
    tried.find(leads).ok_or(Errno(libc::ESRCH))
}

fn is_sibling(tid: i32, other: i32) -> bool {
    let path = CString::new(format!("/proc/{tid}/task/{other}"));
    path.is_ok_and(|path| identity_at(None, &path, 0).is_ok())
}

/// A copy of descriptor `number` of another process, close-on-exec.
pub fn pidfd_getfd(of: BorrowedFd<'_>, number: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_pidfd_getfd, [fd(of), int(number), 0, 0, 0, 0]) }
}

/// Whether two threads share one table of descriptors (kcmp(2)).
///
/// # Errors
/// `ENOSYS` where the kernel was built without the call, `ESRCH` without one of them.
pub fn same_descriptors(tid: i32, other: i32) -> Result<bool, Errno> {
    const KCMP_FILES: i32 = 2;
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_kcmp, [int(tid), int(other), int(KCMP_FILES), 0, 0, 0]) }
        .map(|order| order == 0)
}

/// Reads from a thread's memory and answers how many bytes were there.
///
/// # Errors
/// `EFAULT` when none were, `EPERM` without access, `ESRCH` without the thread.
pub fn read_memory(tid: i32, address: u64, into: &mut [u8]) -> Result<usize, Errno> {
    let near = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let address = usize::try_from(address).map_err(|_| Errno(libc::EFAULT))?;
    let far =
        libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: into.len() };
    // SAFETY: one local part, which is our slice; the remote part is only an address to the kernel.
    let length = unsafe { libc::process_vm_readv(tid, &raw const near, 1, &raw const far, 1, 0) };
    if length < 0 { Err(Errno::last()) } else { Ok(length.unsigned_abs()) }
}

/// The process a pidfd means, as this process's namespace numbers it; nothing once it is gone.
#[must_use]
pub fn pid_of(pidfd: BorrowedFd<'_>) -> Option<u32> {
    let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_process_sees_its_own_descriptors_and_memory() {
        let own = i32::try_from(std::process::id()).unwrap();
        let (reading, writing) = crate::fd::pipe(0).unwrap();
        let pidfd = pidfd_open(own).unwrap();
        let copy = pidfd_getfd(pidfd.as_fd(), writing.as_raw_fd()).unwrap();
        crate::fd::write_all(copy.as_fd(), b"x").unwrap();
        assert_eq!(crate::fd::read(reading.as_fd(), &mut [0]), Ok(1));
        let secret = *b"here";
        let mut room = [0; 4];
        let at = secret.as_ptr().expose_provenance() as u64;
        assert_eq!(read_memory(own, at, &mut room), Ok(4));
        assert_eq!(room, secret);
        assert_eq!(read_memory(own, 1, &mut room), Err(Errno(libc::EFAULT)));
    }

    #[test]
    fn a_thread_is_known_as_one_of_its_process_without_opening_a_file() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(leader_of(own, &[]), Ok(own));
        let thread = std::thread::spawn(move || {
            // SAFETY: takes nothing and cannot fail.
            let tid = unsafe { libc::gettid() };
            assert_ne!(tid, own);
            assert_eq!(leader_of(tid, &[]), Ok(own));
            // What is known is tried first, and what is wrong in it does no harm.
            assert_eq!(leader_of(tid, &[1, tid, own]), Ok(own));
            let mut leaders = Vec::new();
            pidfd_open_thread(tid, &mut leaders).map(drop)
        });
        assert_eq!(thread.join().unwrap(), Ok(()));
        assert_eq!(leader_of(i32::MAX, &[own]), Err(Errno(libc::ESRCH)));
    }
}
