//! The promise that comes before every other restriction: this process and all it executes gain no
//! rights. Without it neither a system call filter nor Landlock can be set by an ordinary user.

use crate::call::{call, int};
use crate::errno::Errno;

/// Gives up gaining rights by exec, for good. Allocates nothing.
pub fn no_new_privs() -> Result<(), Errno> {
    // SAFETY: this option takes numbers only.
    unsafe { call(libc::SYS_prctl, [int(libc::PR_SET_NO_NEW_PRIVS), 1, 0, 0, 0, 0]) }.map(drop)
}
