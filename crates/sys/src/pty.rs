//! A terminal of one's own: both of its ends, and a session that it controls.
//!
//! What keys at a terminal do to a service (one signal for one key, to the whole foreground group)
//! can only be tried on a terminal. Nothing here is used while a service runs.

use crate::call::{call, call_fd, fd, input, int};
use crate::errno::Errno;
use crate::mount::openat;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A new terminal: the end that types and sees (the master), and the end a program runs on. Both
/// are close-on-exec (pty(7)).
pub fn open() -> Result<(OwnedFd, OwnedFd), Errno> {
    let master = openat(None, c"/dev/ptmx", libc::O_RDWR | libc::O_NOCTTY, 0)?;
    let unlock = [fd(master.as_fd()), request(libc::TIOCSPTLCK), input(&0_i32), 0, 0, 0];
    // SAFETY: the kernel reads one number.
    unsafe { call(libc::SYS_ioctl, unlock) }?;
    let flags = int(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
    let peer = [fd(master.as_fd()), request(libc::TIOCGPTPEER), flags, 0, 0, 0];
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    let terminal = unsafe { call_fd(libc::SYS_ioctl, peer) }?;
    Ok((master, terminal))
}

/// Makes the calling process the leader of a new session with this controlling terminal, whose
/// foreground group it becomes (setsid(2), `TIOCSCTTY` in `ioctl_tty(2)`).
///
/// # Errors
/// `EPERM` when this process leads a group already, or the terminal controls another session.
pub fn lead_session(terminal: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: the call takes nothing.
    unsafe { call(libc::SYS_setsid, [0; 6]) }?;
    let take = [fd(terminal), request(libc::TIOCSCTTY), 0, 0, 0, 0];
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_ioctl, take) }.map(drop)
}

#[allow(clippy::cast_possible_truncation, reason = "request numbers are 32 bits wide")]
const fn request(number: libc::Ioctl) -> usize {
    number as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_arrives_at_the_other_end() {
        let (master, terminal) = open().unwrap();
        assert!(crate::fd::is_terminal(terminal.as_fd()));
        crate::fd::write_all(master.as_fd(), b"hello\n").unwrap();
        let mut line = [0; 16];
        assert_eq!(crate::fd::read(terminal.as_fd(), &mut line), Ok(6));
        assert_eq!(&line[..6], b"hello\n");
    }
}
