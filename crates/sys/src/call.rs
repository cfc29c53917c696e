//! The one place where a system call is made by number.
//!
//! Everything goes through [`call`], which is safe to run between clone and exec: it neither
//! allocates nor locks. Wrappers that libc offers are used only where they do more than the call
//! itself; a raw call has no hidden behaviour (no cancellation point, no cached pid, no lock).

use crate::errno::Errno;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Arguments of a system call, unused ones zero.
pub(crate) type Args = [usize; 6];

/// Makes a system call and turns a failure into its error number.
///
/// # Safety
/// The caller vouches that the arguments are what the call expects: every pointer among them is
/// valid for what the kernel reads or writes, and the effect on this process is intended.
pub(crate) unsafe fn call(number: libc::c_long, args: Args) -> Result<usize, Errno> {
    // SAFETY: the caller vouches for number and arguments; all six registers are passed as words.
    let answer =
        unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]) };
    if answer == -1 {
        Err(Errno::last())
    } else {
        Ok(usize::try_from(answer.cast_unsigned()).unwrap_or(usize::MAX))
    }
}

/// Like [`call`] for a call that answers a new descriptor, which becomes owned.
///
/// # Safety
/// As [`call`]; and the call must answer a descriptor that nobody else owns.
pub(crate) unsafe fn call_fd(number: libc::c_long, args: Args) -> Result<OwnedFd, Errno> {
    // SAFETY: the caller's promise is passed on unchanged.
    let answer = unsafe { call(number, args) }?;
    let raw = RawFd::try_from(answer).map_err(|_| Errno(libc::EBADF))?;
    // SAFETY: the kernel has just made this descriptor for us, per the caller's promise.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// A signed 32-bit argument, sign-extended as the C library does.
pub(crate) fn int(value: i32) -> usize {
    (value as isize).cast_unsigned()
}

/// An unsigned 32-bit argument.
pub(crate) fn uint(value: u32) -> usize {
    value as usize
}

/// A 64-bit argument (the supported architectures have 64-bit registers).
pub(crate) fn long(value: u64) -> usize {
    const { assert!(size_of::<usize>() == 8, "only 64-bit Linux is supported") };
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A descriptor argument.
pub(crate) fn fd(value: BorrowedFd<'_>) -> usize {
    int(value.as_raw_fd())
}

/// A descriptor argument that may be missing: then the working directory is meant.
pub(crate) fn dir(value: Option<BorrowedFd<'_>>) -> usize {
    value.map_or_else(|| int(libc::AT_FDCWD), fd)
}

/// A path argument.
pub(crate) fn path(value: &CStr) -> usize {
    value.as_ptr().expose_provenance()
}

/// A path argument that may be a null pointer.
pub(crate) fn maybe(value: Option<&CStr>) -> usize {
    value.map_or(0, path)
}

/// A pointer argument for a value that the kernel reads.
pub(crate) fn input<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).cast::<u8>().expose_provenance()
}

/// A pointer argument for a value that the kernel may write.
pub(crate) fn output<T: ?Sized>(value: &mut T) -> usize {
    std::ptr::from_mut(value).cast::<u8>().expose_provenance()
}
