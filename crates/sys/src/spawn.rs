//! A copy of this process that runs one function and ends.
//!
//! The broker, init and the service are all made here. The copy is only made while this process
//! has a single thread, so no lock can be left held in it; that is checked, not assumed. It keeps
//! the standard descriptors and those it is told to keep; everything else is closed before its
//! function runs. The function's answer is the exit code, and nothing of the caller's runs
//! afterwards: no destructor, no buffered output.

use crate::call::{call, dir, int, output, path};
use crate::errno::Errno;
use crate::fd;
use crate::mount::openat;
use crate::namespace::{Cloned, clone3};
use std::os::fd::{AsFd, OwnedFd, RawFd};

/// A process made by [`process`].
#[derive(Debug)]
pub struct Spawned {
    /// Its pid in the caller's pid namespace.
    pub pid: i32,
    /// A handle that never names another process.
    pub pidfd: OwnedFd,
}

/// Which descriptors the new process has besides the standard ones.
#[derive(Debug, Clone, Copy)]
pub enum Keep<'a> {
    /// All of the caller's.
    All,
    /// These.
    Only(&'a [RawFd]),
}

/// Runs `body` in a new process, in the new namespaces that `flags` names.
///
/// # Errors
/// `EBUSY` when this process has more than one thread; else what `clone3(2)` answers.
pub fn process(flags: u64, keep: Keep<'_>, body: impl FnOnce() -> i32) -> Result<Spawned, Errno> {
    if !single_threaded()? {
        return Err(Errno(libc::EBUSY));
    }
    // SAFETY: this is the only thread, so the child inherits no lock that another thread holds.
    match unsafe { clone3(flags) }? {
        Cloned::Parent { pid, pidfd } => Ok(Spawned { pid, pidfd }),
        Cloned::Child => {
            if let Keep::Only(kept) = keep {
                close_others(kept);
            }
            let code = body();
            // SAFETY: ends this process at once; nothing of it is used afterwards.
            unsafe { libc::_exit(code) }
        }
    }
}

/// Ends this process at once, as [`process`] does when its body answers.
pub fn exit(code: i32) -> ! {
    // SAFETY: ends this process; nothing of it is used afterwards.
    unsafe { libc::_exit(code) }
}

/// Ends the calling thread alone. When it is the first one, the process goes on without it. Nothing
/// of the thread is cleaned up, and whoever joins it waits for ever.
pub fn exit_thread() -> ! {
    loop {
        // SAFETY: the thread's memory stays as it is; the call does not come back.
        let _ = unsafe { call(libc::SYS_exit, [0; 6]) };
    }
}

/// Closes every descriptor but the standard ones and `kept`. Only for a process made by
/// [`process`], whose own values borrow descriptors and own none.
pub fn close_others(kept: &[RawFd]) {
    let mut first: RawFd = 3;
    loop {
        let next = kept.iter().copied().filter(|fd| *fd >= first).min();
        let last = next.map_or(u32::MAX, |fd| (fd - 1).unsigned_abs());
        if next != Some(first) {
            // SAFETY: nothing in this process owns these, per the contract above.
            let _ = unsafe { fd::close_range(first.unsigned_abs(), last) };
        }
        match next {
            Some(fd) => first = fd + 1,
            None => return,
        }
    }
}

/// Standard descriptors become `/dev/null`, so that closing them elsewhere is seen as an end.
pub fn detach_standard() -> Result<(), Errno> {
    let null = openat(None, c"/dev/null", libc::O_RDWR, 0)?;
    for standard in 0..3 {
        // SAFETY: the numbers 0 to 2 are owned by no value of this process.
        unsafe { fd::dup2(null.as_fd(), standard) }?;
    }
    Ok(())
}

/// `/proc/self/task` has one link per thread and two of its own. A process that has entered the root
/// of another pid namespace is not shown there: the kernel is asked in another way, which leaves
/// everything as it is (`CLONE_THREAD` in unshare(2)).
fn single_threaded() -> Result<bool, Errno> {
    // SAFETY: plain numbers; all zero is a valid value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    let args = [dir(None), path(c"/proc/self/task"), output(&mut stat), int(0), 0, 0];
    // SAFETY: a C string and room for one `stat`.
    match unsafe { call(libc::SYS_newfstatat, args) } {
        Err(Errno(libc::ENOENT)) => {}
        Err(other) => return Err(other),
        Ok(_) => return Ok(stat.st_nlink == 3),
    }
    // SAFETY: a number; it changes nothing and fails where there are other threads.
    match unsafe { call(libc::SYS_unshare, [int(libc::CLONE_THREAD), 0, 0, 0, 0, 0]) } {
        Err(Errno(libc::EINVAL)) => Ok(false),
        other => other.map(|_| true),
    }
}
