//! File descriptors: making, copying, closing, and knowing which object one is.
//!
//! Everything here may run between clone and exec: nothing allocates, locks or panics.
//! Descriptors are always made close-on-exec; what a program shall inherit is said explicitly.

use crate::call::{call, call_fd, dir, fd, input, int, output, path, uint};
use crate::errno::Errno;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Which object a descriptor or path is, and of what kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Device number, as `stat` shows it.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Kind and permission bits (`st_mode`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number of a device node, else 0.
    pub rdev: u64,
}

impl Identity {
    /// The kind bits of the mode, to be compared with `S_IFREG` and the like.
    #[must_use]
    pub fn kind(&self) -> u32 {
        self.mode & libc::S_IFMT
    }

    /// Device and inode: the same pair means the same object.
    #[must_use]
    pub fn object(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }

    fn from_stat(stat: &libc::stat) -> Self {
        Self {
            dev: stat.st_dev,
            ino: stat.st_ino,
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            rdev: stat.st_rdev,
        }
    }
}

/// Which object `of` is.
pub fn identity(of: BorrowedFd<'_>) -> Result<Identity, Errno> {
    identity_at(Some(of), c"", libc::AT_EMPTY_PATH)
}

/// Which object `name` is, seen from `at` (the working directory when missing); `flags` are
/// `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH` and the like.
pub fn identity_at(at: Option<BorrowedFd<'_>>, name: &CStr, flags: i32) -> Result<Identity, Errno> {
    // SAFETY: `stat` is plain numbers; all zero is a valid value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    let args = [dir(at), path(name), output(&mut stat), int(flags), 0, 0];
    // SAFETY: the name is a C string and the kernel writes one `stat` into ours.
    unsafe { call(libc::SYS_newfstatat, args) }?;
    Ok(Identity::from_stat(&stat))
}

/// Closes every descriptor from `first` to `last` (both included).
///
/// # Safety
/// No value of this process may still own one of them: call it only in a child that execs or exits.
pub unsafe fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: the call takes numbers only; the caller vouches that nobody owns the descriptors.
    unsafe { call(libc::SYS_close_range, [uint(first), uint(last), 0, 0, 0, 0]) }.map(drop)
}

/// Marks every descriptor from `first` to `last` (both included) close-on-exec.
pub fn cloexec_range(first: u32, last: u32) -> Result<(), Errno> {
    let args = [uint(first), uint(last), uint(libc::CLOSE_RANGE_CLOEXEC), 0, 0, 0];
    // SAFETY: the call takes numbers only and closes nothing before exec.
    unsafe { call(libc::SYS_close_range, args) }.map(drop)
}

/// Gives this thread a table of descriptors of its own, with copies of what the process has open.
pub fn private_table() -> Result<(), Errno> {
    // A range in which nothing can be open.
    let none = uint(u32::MAX - 1);
    let args = [none, none, uint(libc::CLOSE_RANGE_UNSHARE), 0, 0, 0];
    // SAFETY: numbers only; nothing is closed, and the other threads keep their table.
    unsafe { call(libc::SYS_close_range, args) }.map(drop)
}

/// Closes every descriptor but those in `keep`, which must be in ascending order (else `EINVAL`).
///
/// # Safety
/// As [`close_range`].
pub unsafe fn close_all_but(keep: &[RawFd]) -> Result<(), Errno> {
    if !keep.is_sorted() {
        return Err(Errno(libc::EINVAL));
    }
    let mut first: u32 = 0;
    for raw in keep {
        let kept = u32::try_from(*raw).map_err(|_| Errno(libc::EINVAL))?;
        if kept > first {
            // SAFETY: the caller's promise is passed on.
            unsafe { close_range(first, kept - 1) }?;
        }
        first = kept + 1;
    }
    // SAFETY: the caller's promise is passed on.
    unsafe { close_range(first, u32::MAX) }
}

/// Makes the number `to` name the same open file as `from`, closing what was there. The copy is
/// not close-on-exec, also when `from` and `to` are the same number.
///
/// # Safety
/// No value of this process may own the number `to`.
pub unsafe fn dup2(from: BorrowedFd<'_>, to: RawFd) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    if from.as_raw_fd() == to {
        return set_cloexec(from, false);
    }
    // SAFETY: numbers only; the caller vouches that nobody owns `to`.
    unsafe { call(libc::SYS_dup3, [fd(from), int(to), 0, 0, 0, 0]) }.map(drop)
}

/// A close-on-exec copy whose number is at least `least`.
pub fn dup_above(from: BorrowedFd<'_>, least: RawFd) -> Result<OwnedFd, Errno> {
    let args = [fd(from), int(libc::F_DUPFD_CLOEXEC), int(least), 0, 0, 0];
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_fcntl, args) }
}

/// Sets or clears close-on-exec.
pub fn set_cloexec(of: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    let flag = if on { libc::FD_CLOEXEC } else { 0 };
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_fcntl, [fd(of), int(libc::F_SETFD), int(flag), 0, 0, 0]) }.map(drop)
}

/// The open file's status flags (`O_NONBLOCK`, access mode and so on).
pub fn status_flags(of: BorrowedFd<'_>) -> Result<i32, Errno> {
    // SAFETY: numbers only.
    let flags = unsafe { call(libc::SYS_fcntl, [fd(of), int(libc::F_GETFL), 0, 0, 0, 0]) }?;
    i32::try_from(flags).map_err(|_| Errno(libc::EOVERFLOW))
}

/// Sets or clears `O_NONBLOCK` on the open file (all copies of the descriptor see it).
pub fn set_nonblocking(of: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    let old = status_flags(of)?;
    let new = if on { old | libc::O_NONBLOCK } else { old & !libc::O_NONBLOCK };
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_fcntl, [fd(of), int(libc::F_SETFL), int(new), 0, 0, 0]) }.map(drop)
}

/// A pipe: reading end, writing end. Close-on-exec; `flags` adds `O_NONBLOCK` or `O_DIRECT`.
pub fn pipe(flags: i32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut pair = [-1; 2];
    let args = [output(&mut pair), int(flags | libc::O_CLOEXEC), 0, 0, 0, 0];
    // SAFETY: the kernel writes two descriptors into our array.
    unsafe { call(libc::SYS_pipe2, args) }?;
    Ok(own(pair))
}

/// A pair of connected Unix sockets, close-on-exec; `kind` is `SOCK_STREAM`, `SOCK_SEQPACKET` or
/// `SOCK_DGRAM`, to which `SOCK_NONBLOCK` may be added.
pub fn socketpair(kind: i32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut pair = [-1; 2];
    let kind = int(kind | libc::SOCK_CLOEXEC);
    let args = [int(libc::AF_UNIX), kind, 0, output(&mut pair), 0, 0];
    // SAFETY: the kernel writes two descriptors into our array.
    unsafe { call(libc::SYS_socketpair, args) }?;
    Ok(own(pair))
}

/// An event counter, close-on-exec; `flags` adds `EFD_NONBLOCK` or `EFD_SEMAPHORE`.
pub fn eventfd(initial: u32, flags: i32) -> Result<OwnedFd, Errno> {
    let args = [uint(initial), int(flags | libc::EFD_CLOEXEC), 0, 0, 0, 0];
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_eventfd2, args) }
}

/// An unnamed file in memory that can be sealed and can never be executed, close-on-exec.
/// Kernels before 6.3 do not know the second property and get the file without it.
pub fn memfd(name: &CStr) -> Result<OwnedFd, Errno> {
    const NOEXEC_SEAL: u32 = 0x8;
    let plain = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string; the kernel answers a fresh descriptor.
    match unsafe {
        call_fd(libc::SYS_memfd_create, [path(name), uint(plain | NOEXEC_SEAL), 0, 0, 0, 0])
    } {
        // SAFETY: as above.
        Err(Errno(libc::EINVAL)) => unsafe {
            call_fd(libc::SYS_memfd_create, [path(name), uint(plain), 0, 0, 0, 0])
        },
        other => other,
    }
}

/// Reads once, again after an interruption; 0 is the end.
pub fn read(from: BorrowedFd<'_>, into: &mut [u8]) -> Result<usize, Errno> {
    loop {
        let args = [fd(from), output(into), into.len(), 0, 0, 0];
        // SAFETY: the kernel writes at most the length of our slice into it.
        match unsafe { call(libc::SYS_read, args) } {
            Err(Errno(libc::EINTR)) => {}
            other => return other,
        }
    }
}

/// Writes once, again after an interruption, and answers how much was taken.
pub fn write(to: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        let args = [fd(to), input(bytes), bytes.len(), 0, 0, 0];
        // SAFETY: the kernel reads at most the length of our slice.
        match unsafe { call(libc::SYS_write, args) } {
            Err(Errno(libc::EINTR)) => {}
            other => return other,
        }
    }
}

/// Writes everything to a blocking descriptor.
pub fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let taken = write(to, bytes)?;
        if taken == 0 {
            return Err(Errno(libc::EIO));
        }
        bytes = bytes.get(taken..).unwrap_or_default();
    }
    Ok(())
}

/// A descriptor by its number, for processes whose descriptors are owned by the process that made
/// them. A number that is not open makes the calls that use it answer `EBADF`.
#[must_use]
pub fn borrow(raw: RawFd) -> BorrowedFd<'static> {
    // SAFETY: only -1 is invalid as a value; it is replaced by a number that is never open.
    unsafe { BorrowedFd::borrow_raw(if raw < 0 { RawFd::MAX } else { raw }) }
}

/// How many bytes a pipe or socket holds.
pub fn bytes_ready(of: BorrowedFd<'_>) -> Result<usize, Errno> {
    let mut count: i32 = 0;
    let request = usize::try_from(libc::FIONREAD).unwrap_or_default();
    // SAFETY: the kernel writes one number.
    unsafe { call(libc::SYS_ioctl, [fd(of), request, output(&mut count), 0, 0, 0]) }?;
    usize::try_from(count).map_err(|_| Errno(libc::EOVERFLOW))
}

/// Whether a descriptor is a terminal.
#[must_use]
pub fn is_terminal(of: BorrowedFd<'_>) -> bool {
    std::io::IsTerminal::is_terminal(&of)
}

/// Copies a file from its beginning, inside the kernel (sendfile(2)); its offset stays.
pub fn copy_all(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Errno> {
    const MOST: usize = 0x7fff_f000;
    let mut offset: i64 = 0;
    loop {
        let args = [fd(to), fd(from), output(&mut offset), MOST, 0, 0];
        // SAFETY: the kernel reads and writes one offset.
        match unsafe { call(libc::SYS_sendfile, args) } {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno(libc::EINTR)) => {}
            Err(other) => return Err(other),
        }
    }
}

/// Takes two descriptors the kernel has just made.
fn own([first, second]: [RawFd; 2]) -> (OwnedFd, OwnedFd) {
    // SAFETY: the kernel has just made it and nobody else knows its number.
    let first = unsafe { OwnedFd::from_raw_fd(first) };
    // SAFETY: as above.
    let second = unsafe { OwnedFd::from_raw_fd(second) };
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::in_child;
    use std::os::fd::{AsFd, AsRawFd};

    fn cloexec(of: BorrowedFd<'_>) -> bool {
        // SAFETY: numbers only.
        let flags = unsafe { libc::fcntl(of.as_raw_fd(), libc::F_GETFD) };
        flags & libc::FD_CLOEXEC != 0
    }

    #[test]
    fn every_new_descriptor_is_close_on_exec() {
        let (reading, writing) = pipe(0).unwrap();
        let (left, right) = socketpair(libc::SOCK_SEQPACKET).unwrap();
        let copy = dup_above(reading.as_fd(), 100).unwrap();
        assert!(copy.as_raw_fd() >= 100);
        for made in
            [reading, writing, left, right, copy, eventfd(0, 0).unwrap(), memfd(c"m").unwrap()]
        {
            assert!(cloexec(made.as_fd()));
            set_cloexec(made.as_fd(), false).unwrap();
            assert!(!cloexec(made.as_fd()));
        }
    }

    #[test]
    fn bytes_written_to_a_pipe_are_read_from_it() {
        let (reading, writing) = pipe(0).unwrap();
        write_all(writing.as_fd(), b"hello").unwrap();
        drop(writing);
        let mut buffer = [0; 16];
        assert_eq!(read(reading.as_fd(), &mut buffer), Ok(5));
        assert_eq!(read(reading.as_fd(), &mut buffer), Ok(0));
    }

    #[test]
    fn non_blocking_belongs_to_the_open_file() {
        let (reading, _writing) = pipe(0).unwrap();
        let copy = dup_above(reading.as_fd(), 0).unwrap();
        set_nonblocking(copy.as_fd(), true).unwrap();
        assert_eq!(read(reading.as_fd(), &mut [0]), Err(Errno(libc::EAGAIN)));
    }

    #[test]
    fn two_names_of_one_object_have_one_identity() {
        let by_path = identity_at(None, c"/proc/self/../self", libc::AT_SYMLINK_NOFOLLOW).unwrap();
        let link = identity_at(None, c"/proc/self", libc::AT_SYMLINK_NOFOLLOW).unwrap();
        assert_eq!(by_path.object(), link.object());
        let file = tempfile::tempfile().unwrap();
        assert_eq!(identity(file.as_fd()).unwrap().kind(), libc::S_IFREG);
    }

    #[test]
    fn everything_but_the_kept_descriptors_is_closed() {
        let (reading, writing) = pipe(0).unwrap();
        let keep = [reading.as_raw_fd().min(writing.as_raw_fd())];
        let gone = reading.as_raw_fd().max(writing.as_raw_fd());
        let answer = in_child(0, || {
            // SAFETY: the child exits without using a descriptor it owned.
            unsafe { close_all_but(&keep) }?;
            // SAFETY: numbers only.
            if unsafe { libc::fcntl(keep[0], libc::F_GETFD) } == -1 {
                return Err(Errno(libc::EPROTO));
            }
            // SAFETY: numbers only.
            if unsafe { libc::fcntl(gone, libc::F_GETFD) } == -1 {
                Err(Errno::last())
            } else {
                Ok(())
            }
        });
        assert_eq!(answer, Err(Errno(libc::EBADF)));
        // SAFETY: refused before anything is closed.
        assert_eq!(unsafe { close_all_but(&[9, 7]) }.err(), Some(Errno(libc::EINVAL)));
    }
}
