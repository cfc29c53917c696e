//! A copy of this process that runs one function and ends.
//!
//! The supervisor, the broker, the init process and the service are all made here. The copy is
//! only made while this process has a single thread, so no lock can be left held in it; that is
//! checked, not assumed. The function's answer is the exit code; nothing of the caller's runs
//! afterwards (no destructors, no buffered output).

use crate::errno::Errno;
use crate::namespace::{Cloned, clone3};
use std::os::fd::OwnedFd;

/// A process made by [`process`].
#[derive(Debug)]
pub struct Spawned {
    /// Its pid in the caller's pid namespace.
    pub pid: i32,
    /// A handle that never names another process.
    pub pidfd: OwnedFd,
}

/// Runs `body` in a new process, in the new namespaces that `flags` names.
///
/// # Errors
/// `EBUSY` when this process has more than one thread; else what `clone3(2)` answers.
pub fn process(flags: u64, body: impl FnOnce() -> i32) -> Result<Spawned, Errno> {
    if !single_threaded()? {
        return Err(Errno(libc::EBUSY));
    }
    // SAFETY: this is the only thread, so the child inherits no lock that another thread holds.
    match unsafe { clone3(flags) }? {
        Cloned::Parent { pid, pidfd } => Ok(Spawned { pid, pidfd }),
        Cloned::Child => {
            let code = body();
            // SAFETY: ends this process at once; nothing of it is used afterwards.
            unsafe { libc::_exit(code) }
        }
    }
}

/// One link of `/proc/self/task` per thread, and two of its own.
fn single_threaded() -> Result<bool, Errno> {
    Ok(task_links()? == 3)
}

fn task_links() -> Result<u64, Errno> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: a C string and room for one `stat`.
    let answer = unsafe { libc::stat(c"/proc/self/task".as_ptr(), stat.as_mut_ptr()) };
    if answer != 0 {
        return Err(Errno::last());
    }
    // SAFETY: the call succeeded and filled it.
    Ok(unsafe { stat.assume_init() }.st_nlink)
}
