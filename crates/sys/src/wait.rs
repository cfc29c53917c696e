//! Waiting: for descriptors, for signals, for the end of children.
//!
//! The supervisor, the broker and init are loops around these calls. Signals are read from a
//! descriptor, so no handler ever runs in them.

use crate::call::{call, call_fd, fd, input, int, output, uint};
use crate::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Most descriptors one [`readable`] can wait for.
pub const MOST: usize = 16;

/// A signal that was read from a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// Number.
    pub number: i32,
    /// Whether the kernel sent it itself, as it does for keys typed at a terminal.
    pub from_kernel: bool,
    /// Sender's pid, when a process sent it.
    pub sender: i32,
}

/// Waits until one of at most [`MOST`] descriptors can be read, has hung up or has failed, and
/// answers a bit for each that did; 0 when the time ran out. Allocates nothing.
///
/// # Errors
/// `EINVAL` for too many descriptors.
pub fn readable(of: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Result<u32, Errno> {
    let mut polls = [libc::pollfd { fd: -1, events: 0, revents: 0 }; MOST];
    if of.len() > MOST {
        return Err(Errno(libc::EINVAL));
    }
    for (poll, source) in polls.iter_mut().zip(of) {
        poll.fd = source.as_raw_fd();
        poll.events = libc::POLLIN;
    }
    poll(&mut polls, of.len(), timeout)?;
    Ok(polls
        .iter()
        .enumerate()
        .filter(|(_, p)| p.revents != 0)
        .fold(0, |bits, (i, _)| bits | 1 << i))
}

/// Whether one descriptor takes bytes now.
#[must_use]
pub fn writable_now(of: BorrowedFd<'_>) -> bool {
    writable_within(of, Duration::ZERO)
}

/// Whether one descriptor takes bytes, now or within this time.
#[must_use]
pub fn writable_within(of: BorrowedFd<'_>, time: Duration) -> bool {
    let mut polls = [libc::pollfd { fd: of.as_raw_fd(), events: libc::POLLOUT, revents: 0 }];
    poll(&mut polls, 1, Some(time)).is_ok() && polls[0].revents & libc::POLLOUT != 0
}

fn poll(
    polls: &mut [libc::pollfd],
    count: usize,
    timeout: Option<Duration>,
) -> Result<usize, Errno> {
    let time = timeout.map(|t| libc::timespec {
        tv_sec: i64::try_from(t.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: t.subsec_nanos().into(),
    });
    let time = time.as_ref().map_or(0, input);
    let args = [output(polls), count.min(polls.len()), time, 0, 0, 0];
    // SAFETY: the array has at least `count` entries; the time is null or valid; no signal mask.
    match unsafe { call(libc::SYS_ppoll, args) } {
        Err(Errno(libc::EINTR)) => Ok(0),
        other => other,
    }
}

/// Blocks these signals for this thread and for all that it starts.
pub fn block_signals(signals: &[i32]) -> Result<(), Errno> {
    let mask = mask_of(signals);
    let block = [int(libc::SIG_BLOCK), input(&mask), 0, size_of::<u64>(), 0, 0];
    // SAFETY: the kernel reads one 64-bit mask.
    unsafe { call(libc::SYS_rt_sigprocmask, block) }.map(drop)
}

/// Undoes [`block_signals`] for this thread.
pub fn unblock_signals(signals: &[i32]) -> Result<(), Errno> {
    let mask = mask_of(signals);
    let unblock = [int(libc::SIG_UNBLOCK), input(&mask), 0, size_of::<u64>(), 0, 0];
    // SAFETY: the kernel reads one 64-bit mask.
    unsafe { call(libc::SYS_rt_sigprocmask, unblock) }.map(drop)
}

/// Blocks every signal for this thread and answers what was blocked before, for [`restore_signals`].
pub fn block_all_signals() -> Result<u64, Errno> {
    let (all, mut before) = (u64::MAX, 0_u64);
    let args = [int(libc::SIG_SETMASK), input(&all), output(&mut before), size_of::<u64>(), 0, 0];
    // SAFETY: the kernel reads one 64-bit mask and writes one.
    unsafe { call(libc::SYS_rt_sigprocmask, args) }.map(|_| before)
}

/// Blocks exactly the signals of a mask.
pub fn restore_signals(mask: u64) -> Result<(), Errno> {
    let args = [int(libc::SIG_SETMASK), input(&mask), 0, size_of::<u64>(), 0, 0];
    // SAFETY: the kernel reads one 64-bit mask.
    unsafe { call(libc::SYS_rt_sigprocmask, args) }.map(drop)
}

/// Blocks these signals as [`block_signals`] does and makes a descriptor to read them from.
pub fn signal_descriptor(signals: &[i32]) -> Result<OwnedFd, Errno> {
    block_signals(signals)?;
    let mask = mask_of(signals);
    let flags = int(libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
    let args = [int(-1), input(&mask), size_of::<u64>(), flags, 0, 0];
    // SAFETY: as above; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_signalfd4, args) }
}

/// The next signal of a descriptor, if one is pending.
#[must_use]
pub fn next_signal(of: BorrowedFd<'_>) -> Option<Signal> {
    // SAFETY: plain numbers; all zero is a valid value.
    let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::signalfd_siginfo>();
    let args = [fd(of), output(&mut info), size, 0, 0, 0];
    // SAFETY: the kernel writes at most one record into ours.
    let read = unsafe { call(libc::SYS_read, args) };
    (read == Ok(size)).then(|| Signal {
        number: info.ssi_signo.cast_signed(),
        from_kernel: info.ssi_code == SI_KERNEL,
        sender: info.ssi_pid.cast_signed(),
    })
}

const SI_KERNEL: i32 = 0x80;

fn mask_of(signals: &[i32]) -> u64 {
    signals.iter().fold(0, |mask, signal| mask | 1 << (signal - 1))
}

/// A child that has ended, with its wait status; `None` when none has yet.
///
/// # Errors
/// `ECHILD` when there is no child at all.
pub fn reap() -> Result<Option<(i32, i32)>, Errno> {
    let mut status: i32 = 0;
    let args = [int(-1), output(&mut status), int(libc::WNOHANG), 0, 0, 0];
    // SAFETY: the kernel writes one status word.
    let pid = unsafe { call(libc::SYS_wait4, args) }?;
    Ok((pid != 0).then(|| (i32::try_from(pid).unwrap_or_default(), status)))
}

/// Waits for this child to end and answers its wait status.
pub fn wait_for(pid: i32) -> Result<i32, Errno> {
    let mut status: i32 = 0;
    loop {
        let args = [int(pid), output(&mut status), 0, 0, 0, 0];
        // SAFETY: the kernel writes one status word.
        match unsafe { call(libc::SYS_wait4, args) } {
            Ok(_) => return Ok(status),
            Err(Errno(libc::EINTR)) => {}
            Err(other) => return Err(other),
        }
    }
}

/// The descendants of this process, which must be a child subreaper: whatever loses its parent
/// becomes a child of this one. The kernel's list of children is opened once, so that a process
/// that may open nothing any more can still end what it started.
#[derive(Debug)]
pub struct Descendants {
    children: OwnedFd,
}

impl Descendants {
    /// Those of the process that calls; its first thread must, because orphans become children of
    /// that one. A copy of the process must ask anew. Allocates nothing.
    ///
    /// # Errors
    /// `ENOENT` when the kernel keeps no such list (`CONFIG_PROC_CHILDREN`).
    pub fn of_this_process() -> Result<Self, Errno> {
        let list = c"/proc/thread-self/children";
        crate::mount::openat(None, list, libc::O_RDONLY, 0).map(|children| Self { children })
    }

    /// The descriptor it reads, which a process that closes all others must keep.
    #[must_use]
    pub fn raw(&self) -> std::os::fd::RawFd {
        self.children.as_raw_fd()
    }

    /// Kills and reaps every one. Ends when there is no child left.
    pub fn kill(&self) {
        let mut buffer = [0_u8; 4096];
        loop {
            let listed = self.list(&mut buffer);
            for pid in listed.split(u8::is_ascii_whitespace).filter_map(number) {
                // SAFETY: numbers only; the pid is an unreaped child of this process, so it cannot
                // have been given to another process.
                let _ = unsafe { call(libc::SYS_kill, [int(pid), int(libc::SIGKILL), 0, 0, 0, 0]) };
            }
            let mut status: i32 = 0;
            let args = [int(-1), output(&mut status), 0, 0, 0, 0];
            // SAFETY: the kernel writes one status word.
            match unsafe { call(libc::SYS_wait4, args) } {
                Ok(_) | Err(Errno(libc::EINTR)) => {}
                Err(_) => return,
            }
        }
    }

    /// Pids as text, made anew by the kernel for each reading from the beginning.
    fn list<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        let args = [fd(self.children.as_fd()), output(buffer), buffer.len(), 0, 0, 0];
        // SAFETY: the kernel writes at most the length of our slice into it.
        let length = unsafe { call(libc::SYS_pread64, args) }.unwrap_or_default();
        buffer.get(..length).unwrap_or_default()
    }
}

fn number(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Sends a signal through a pidfd; it never reaches another process.
pub fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let args = [fd(pidfd), int(signal), 0, uint(0), 0, 0];
    // SAFETY: numbers and a null pointer.
    unsafe { call(libc::SYS_pidfd_send_signal, args) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_with_bytes_is_told_from_one_without() {
        let (full, into) = crate::fd::pipe(0).unwrap();
        let (empty, _kept) = crate::fd::pipe(0).unwrap();
        crate::fd::write_all(into.as_fd(), b"x").unwrap();
        let ready = readable(&[empty.as_fd(), full.as_fd()], Some(Duration::ZERO)).unwrap();
        assert_eq!(ready, 0b10);
        assert!(writable_now(into.as_fd()));
    }

    #[test]
    fn descendants_that_lost_their_parent_are_ended_too() {
        // The test process has other children: in a process of its own, which forks twice.
        let ended = crate::testing::in_child(0, || {
            crate::privilege::set_child_subreaper()?;
            let tree = Descendants::of_this_process()?;
            let (alive, kept) = crate::fd::pipe(0)?;
            // SAFETY: both copies of this process allocate nothing and end by the kill below.
            if unsafe { call(libc::SYS_clone, [int(libc::SIGCHLD), 0, 0, 0, 0, 0]) }? == 0 {
                // SAFETY: as above.
                let inner = unsafe { call(libc::SYS_clone, [int(libc::SIGCHLD), 0, 0, 0, 0, 0]) };
                if inner != Ok(0) {
                    crate::spawn::exit(0);
                }
                // Held by the orphan alone, which waits for ever.
                let _ = readable(&[], None);
            }
            drop(kept);
            tree.kill();
            // Only now nobody holds the other end.
            if readable(&[alive.as_fd()], Some(Duration::ZERO))? != 1 {
                return Err(Errno(libc::EBUSY));
            }
            Ok(())
        });
        assert_eq!(ended, Ok(()));
    }

    #[test]
    fn a_pipe_that_lost_its_writer_is_readable() {
        let (read, write) = crate::fd::pipe(0).unwrap();
        assert_eq!(readable(&[read.as_fd()], Some(Duration::ZERO)), Ok(0));
        drop(write);
        assert_eq!(readable(&[read.as_fd()], Some(Duration::ZERO)), Ok(1));
    }
}
