//! Processes: handles that never name another one, what a process may do, and how it ends.

use crate::call::{call, int};
use crate::errno::Errno;

/// Gives up gaining rights by exec, for good; seccomp and Landlock ask for it.
pub fn no_new_privs() -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, [1, 0, 0, 0])
}

/// prctl(2) with an option whose arguments are numbers.
fn prctl(option: i32, args: [usize; 4]) -> Result<(), Errno> {
    let [second, third, fourth, fifth] = args;
    // SAFETY: the options used in this module take numbers only.
    unsafe { call(libc::SYS_prctl, [int(option), second, third, fourth, fifth, 0]) }.map(drop)
}
