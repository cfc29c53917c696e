//! Waiting for many descriptors.

use crate::call::{call, call_fd, fd, input, int, output};
use crate::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

/// One descriptor that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// What was given to [`Epoll::add`].
    pub token: u64,
    /// Can be read, or has ended.
    pub readable: bool,
    /// Can be written, or has failed.
    pub writable: bool,
}

impl Epoll {
    /// An empty set.
    pub fn new() -> Result<Self, Errno> {
        // SAFETY: numbers only; the kernel answers a fresh descriptor.
        unsafe { call_fd(libc::SYS_epoll_create1, [int(libc::EPOLL_CLOEXEC), 0, 0, 0, 0, 0]) }
            .map(Self)
    }

    /// Waits for `of` from now on; `token` comes back when it is ready (level-triggered).
    pub fn add(
        &self,
        of: BorrowedFd<'_>,
        token: u64,
        read: bool,
        write: bool,
    ) -> Result<(), Errno> {
        let events =
            (if read { libc::EPOLLIN } else { 0 }) | (if write { libc::EPOLLOUT } else { 0 });
        self.control(libc::EPOLL_CTL_ADD, of, events.cast_unsigned(), token)
    }

    /// Changes what is waited for.
    pub fn change(
        &self,
        of: BorrowedFd<'_>,
        token: u64,
        read: bool,
        write: bool,
    ) -> Result<(), Errno> {
        let events =
            (if read { libc::EPOLLIN } else { 0 }) | (if write { libc::EPOLLOUT } else { 0 });
        self.control(libc::EPOLL_CTL_MOD, of, events.cast_unsigned(), token)
    }

    /// Stops waiting for `of`. Needed when a copy of the descriptor stays open elsewhere.
    pub fn remove(&self, of: BorrowedFd<'_>) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_DEL, of, 0, 0)
    }

    fn control(
        &self,
        operation: i32,
        of: BorrowedFd<'_>,
        events: u32,
        token: u64,
    ) -> Result<(), Errno> {
        let event = libc::epoll_event { events, u64: token };
        let args = [fd(self.0.as_fd()), int(operation), fd(of), input(&event), 0, 0];
        // SAFETY: the kernel reads one `epoll_event`.
        unsafe { call(libc::SYS_epoll_ctl, args) }.map(drop)
    }

    /// Waits and fills `into` with what is ready; an interruption answers none.
    pub fn wait<'a>(
        &self,
        into: &'a mut [Ready; 64],
        timeout: Option<Duration>,
    ) -> Result<&'a [Ready], Errno> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        let limit = timeout.map_or(-1, |t| {
            // A fraction of a millisecond rounds up, or a loop would spin until it is over.
            i32::try_from(t.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
        });
        let args = [fd(self.0.as_fd()), output(&mut events), 64, int(limit), 0, 8];
        // SAFETY: room for 64 events, as said; no signal mask.
        let count = match unsafe { call(libc::SYS_epoll_pwait, args) } {
            Err(Errno(libc::EINTR)) => 0,
            other => other?,
        };
        for (ready, event) in into.iter_mut().zip(events).take(count) {
            let bits = event.events.cast_signed();
            let over = bits & (libc::EPOLLHUP | libc::EPOLLERR) != 0;
            *ready = Ready {
                token: event.u64,
                readable: over || bits & libc::EPOLLIN != 0,
                writable: over || bits & libc::EPOLLOUT != 0,
            };
        }
        Ok(into.get(..count).unwrap_or_default())
    }
}

impl Ready {
    /// Room for [`Epoll::wait`].
    pub const NONE: Self = Self { token: 0, readable: false, writable: false };
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ready_comes_back_with_its_token() {
        let (read, write) = crate::fd::pipe(0).unwrap();
        let epoll = Epoll::new().unwrap();
        epoll.add(read.as_fd(), 7, true, false).unwrap();
        let mut room = [Ready::NONE; 64];
        assert_eq!(epoll.wait(&mut room, Some(Duration::ZERO)).unwrap(), []);
        crate::fd::write_all(write.as_fd(), b"x").unwrap();
        let ready = epoll.wait(&mut room, None).unwrap();
        assert_eq!(ready.iter().map(|r| (r.token, r.readable)).collect::<Vec<_>>(), [(7, true)]);
    }
}
