//! Looking into another process: its threads, its descriptors, its memory.
//!
//! All of it needs the kernel's ptrace access check (ptrace(2)); an owner of the user namespace
//! that the other process lives in passes it.

use crate::call::{call_fd, fd, int, uint};
use crate::errno::Errno;
use crate::fd::read;
use crate::mount::openat;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

/// A handle of a process that never names another one.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_pidfd_open, [int(pid), 0, 0, 0, 0, 0]) }
}

/// A handle of the thread `tid` (Linux 6.9), or before that of the process it belongs to, which
/// shares its descriptors unless the thread took a table of its own.
pub fn pidfd_open_thread(tid: i32) -> Result<OwnedFd, Errno> {
    let flags = uint(libc::PIDFD_THREAD);
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    match unsafe { call_fd(libc::SYS_pidfd_open, [int(tid), flags, 0, 0, 0, 0]) } {
        Err(Errno(libc::EINVAL)) => pidfd_open(group_of(tid)?),
        other => other,
    }
}

/// The process a thread belongs to.
fn group_of(tid: i32) -> Result<i32, Errno> {
    let path = CString::new(format!("/proc/{tid}/status")).map_err(|_| Errno(libc::EINVAL))?;
    let file = openat(None, &path, libc::O_RDONLY, 0)?;
    let mut text = [0; 1024];
    let length = read(file.as_fd(), &mut text)?;
    let text = String::from_utf8_lossy(text.get(..length).unwrap_or_default());
    let line = text.lines().find_map(|line| line.strip_prefix("Tgid:"));
    line.and_then(|number| number.trim().parse().ok()).ok_or(Errno(libc::ESRCH))
}

/// A copy of descriptor `number` of another process, close-on-exec.
pub fn pidfd_getfd(of: BorrowedFd<'_>, number: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_pidfd_getfd, [fd(of), int(number), 0, 0, 0, 0]) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_process_sees_its_own_descriptors_and_memory() {
        let own = i32::try_from(std::process::id()).unwrap();
        let (reading, writing) = crate::fd::pipe(0).unwrap();
        let pidfd = pidfd_open(own).unwrap();
        let copy = pidfd_getfd(pidfd.as_fd(), writing.as_raw_fd()).unwrap();
        crate::fd::write_all(copy.as_fd(), b"x").unwrap();
        assert_eq!(read(reading.as_fd(), &mut [0]), Ok(1));
        let secret = *b"here";
        let mut room = [0; 4];
        let at = secret.as_ptr().expose_provenance() as u64;
        assert_eq!(read_memory(own, at, &mut room), Ok(4));
        assert_eq!(room, secret);
        assert_eq!(read_memory(own, 1, &mut room), Err(Errno(libc::EFAULT)));
        assert_eq!(group_of(own), Ok(own));
    }
}
