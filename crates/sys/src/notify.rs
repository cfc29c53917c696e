//! The supervisor's side of a seccomp listener (`seccomp_unotify(2)`).
//!
//! A notified system call waits in the kernel until it is answered. What its arguments point at
//! can change at any moment, so a caller copies once, checks with [`Listener::alive`] that the
//! copy came from the process it thinks, and acts on its own copy. `Answer::Continue` lets the
//! kernel read the arguments again: it is never a policy decision.

use crate::call::{call, fd, input, output};
use crate::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// The descriptor that a filter with notified calls gives to its supervisor.
#[derive(Debug)]
pub struct Listener(OwnedFd);

/// One system call that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// Names this call in every later request.
    pub id: u64,
    /// Thread id of the caller in the supervisor's pid namespace; 0 when it is not visible there.
    pub tid: i32,
    /// System call number.
    pub number: i64,
    /// Argument registers.
    pub args: [u64; 6],
}

/// What the caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The kernel carries the call out as it is written in the caller's memory by then.
    Continue,
    /// The call fails.
    Fail(Errno),
    /// The call returns this.
    Return(i64),
}

impl Listener {
    /// Takes the descriptor; asks the kernel to wake the supervisor on the caller's own processor,
    /// which spares an inter-processor interrupt per call (Linux 6.6, ignored before).
    #[must_use]
    pub fn new(listener: OwnedFd) -> Self {
        const SYNC_WAKE_UP: usize = 1;
        let args = [fd(listener.as_fd()), SET_FLAGS, SYNC_WAKE_UP, 0, 0, 0];
        // SAFETY: the request takes a number only; a kernel that does not know it answers EINVAL.
        let _ = unsafe { call(libc::SYS_ioctl, args) };
        Self(listener)
    }

    /// Waits for the next call. `None` when one came and went before it could be read.
    ///
    /// # Errors
    /// `ENOTCONN` when no process is left under the filter; else the kernel's.
    pub fn receive(&self) -> Result<Option<Notification>, Errno> {
        // SAFETY: plain numbers; the kernel insists that they are zero.
        let mut notif: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        let args = [fd(self.0.as_fd()), RECV, output(&mut notif), 0, 0, 0];
        // SAFETY: the kernel writes one `seccomp_notif` into ours.
        match unsafe { call(libc::SYS_ioctl, args) } {
            Ok(_) => Ok(Some(Notification {
                id: notif.id,
                tid: notif.pid.cast_signed(),
                number: notif.data.nr.into(),
                args: notif.data.args,
            })),
            Err(Errno(libc::ENOENT)) if self.hung_up() => Err(Errno(libc::ENOTCONN)),
            Err(Errno(libc::EINTR | libc::ENOENT)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Whether the call still waits: what was read from the caller's memory before this answered
    /// `true` came from that caller.
    #[must_use]
    pub fn alive(&self, id: u64) -> bool {
        let args = [fd(self.0.as_fd()), ID_VALID, input(&id), 0, 0, 0];
        // SAFETY: the kernel reads one number.
        unsafe { call(libc::SYS_ioctl, args) }.is_ok()
    }

    /// Answers a call.
    ///
    /// # Errors
    /// `ENOENT` when the caller is gone.
    pub fn answer(&self, id: u64, answer: Answer) -> Result<(), Errno> {
        let (val, error, flags) = match answer {
            Answer::Continue => (0, 0, CONTINUE),
            Answer::Fail(errno) => (0, -errno.0, 0),
            Answer::Return(value) => (value, 0, 0),
        };
        let response = libc::seccomp_notif_resp { id, val, error, flags };
        let args = [fd(self.0.as_fd()), SEND, input(&response), 0, 0, 0];
        // SAFETY: the kernel reads one `seccomp_notif_resp`.
        unsafe { call(libc::SYS_ioctl, args) }.map(drop)
    }

    /// Puts a copy of `source` in the place of the caller's descriptor `target`, close-on-exec.
    /// The call still waits for its answer afterwards.
    ///
    /// # Errors
    /// `ENOENT` when the caller is gone, `EBADF` or `EMFILE` for a bad target.
    pub fn replace(&self, id: u64, target: RawFd, source: BorrowedFd<'_>) -> Result<(), Errno> {
        self.place(id, target, source, libc::O_CLOEXEC)
    }

    /// As [`Self::replace`], whether or not something is open at `target`, and open beyond the
    /// caller's exec.
    ///
    /// # Errors
    /// As there.
    pub fn give(&self, id: u64, target: RawFd, source: BorrowedFd<'_>) -> Result<(), Errno> {
        self.place(id, target, source, 0)
    }

    fn place(
        &self,
        id: u64,
        target: RawFd,
        source: BorrowedFd<'_>,
        flags: i32,
    ) -> Result<(), Errno> {
        let request = libc::seccomp_notif_addfd {
            id,
            flags: SETFD,
            srcfd: source.as_raw_fd().cast_unsigned(),
            newfd: target.cast_unsigned(),
            newfd_flags: flags.cast_unsigned(),
        };
        let args = [fd(self.0.as_fd()), ADDFD, input(&request), 0, 0, 0];
        // SAFETY: the kernel reads one `seccomp_notif_addfd` and duplicates a descriptor we own.
        unsafe { call(libc::SYS_ioctl, args) }.map(drop)
    }

    /// Whether no process is left under the filter.
    fn hung_up(&self) -> bool {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: 0, revents: 0 };
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let args = [output(&mut poll), 1, input(&now), 0, 0, 0];
        // SAFETY: one `pollfd`, a timeout of zero, no signal mask.
        let ready = unsafe { call(libc::SYS_ppoll, args) };
        ready.is_ok_and(|n| n > 0) && poll.revents & libc::POLLHUP != 0
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[allow(clippy::cast_possible_truncation, reason = "request numbers are 32 bits wide")]
const fn request(number: libc::Ioctl) -> usize {
    number as u32 as usize
}
const RECV: usize = request(libc::SECCOMP_IOCTL_NOTIF_RECV);
const SEND: usize = request(libc::SECCOMP_IOCTL_NOTIF_SEND);
const ID_VALID: usize = request(libc::SECCOMP_IOCTL_NOTIF_ID_VALID);
const ADDFD: usize = request(libc::SECCOMP_IOCTL_NOTIF_ADDFD);
const SET_FLAGS: usize = request(libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS);
const CONTINUE: u32 = 1;
const SETFD: u32 = 1;
