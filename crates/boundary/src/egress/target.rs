//! Looking into the processes of the service: their memory and their descriptors.
//!
//! A thread is reached through a pidfd that is kept as long as it works; a number that the kernel
//! has given to another thread meanwhile answers `ESRCH` and is opened anew. What was read counts
//! only after the listener said that the call is still waiting.

use ringfence_sys::{Errno, peer};
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd, RawFd};

/// Most pidfds kept; beyond it all are forgotten and opened again.
const KEPT: usize = 512;
/// Longest text read out of the service for an event, in bytes.
const TEXT: usize = 256;

/// Pidfds of threads that called before.
#[derive(Debug, Default)]
pub(super) struct Targets {
    known: HashMap<i32, OwnedFd>,
}

impl Targets {
    /// A copy of a thread's descriptor.
    pub(super) fn descriptor(&mut self, tid: i32, number: RawFd) -> Result<OwnedFd, Errno> {
        if let Some(pidfd) = self.known.get(&tid) {
            match peer::pidfd_getfd(pidfd.as_fd(), number) {
                Err(Errno(libc::ESRCH)) => {}
                other => return other,
            }
        }
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        let pidfd = peer::pidfd_open_thread(tid)?;
        let copy = peer::pidfd_getfd(pidfd.as_fd(), number);
        self.known.insert(tid, pidfd);
        copy
    }

    /// Fills `into` from a thread's memory.
    #[expect(clippy::unused_self, reason = "reads belong to the same door as descriptors")]
    pub(super) fn read(&self, tid: i32, address: u64, into: &mut [u8]) -> Result<(), Errno> {
        match peer::read_memory(tid, address, into)? {
            all if all == into.len() => Ok(()),
            _ => Err(Errno(libc::EFAULT)),
        }
    }

    /// A C string, cut at [`TEXT`] bytes or where the page ends; for events only.
    pub(super) fn read_text(&self, tid: i32, address: u64) -> String {
        let mut room = [0; TEXT];
        let page_left = 4096 - usize::try_from(address % 4096).unwrap_or_default();
        let wanted = &mut room[..TEXT.min(page_left)];
        if self.read(tid, address, wanted).is_err() {
            return String::new();
        }
        let end = wanted.iter().position(|b| *b == 0).unwrap_or(wanted.len());
        String::from_utf8_lossy(&wanted[..end]).into_owned()
    }
}
