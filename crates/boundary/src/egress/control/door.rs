//! Gives a channel to each Node process that starts.
//!
//! The thread that answers system calls does it, before the exec goes on: the process finds its
//! channel at a fixed number from its first instruction. Another program that is started by such a
//! process must not inherit the channel of its parent, whose answers it could take away.

use crate::egress::target;
use ringfence_sys::notify::{Listener, Notification};
use ringfence_sys::{Errno, fd, packet};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Most channels at once; a process beyond that has none.
const MOST: usize = 256;

/// A channel that was just made.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) socket: OwnedFd,
    /// The process, as this one numbers it.
    pub(super) pid: i32,
    /// The root of the service, with its first channel.
    pub(super) root: Option<OwnedFd>,
}

/// Where channels are handed to the thread that answers on them.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(super) arrivals: Arc<Mutex<Vec<Arrival>>>,
    pub(super) bell: Arc<OwnedFd>,
    pub(super) open: Arc<AtomicUsize>,
    /// Device and inode of the Node that has channels.
    program: (u64, u64),
    /// The number that a process finds its channel at.
    number: RawFd,
    /// A socket without another end.
    closed: Arc<OwnedFd>,
}

impl Door {
    /// A door without a thread behind it yet.
    pub(crate) fn new(program: (u64, u64), number: RawFd) -> Result<Self, Errno> {
        Ok(Self {
            arrivals: Arc::default(),
            bell: Arc::new(fd::eventfd(0, libc::EFD_NONBLOCK)?),
            open: Arc::default(),
            program,
            number,
            closed: Arc::new(packet::pair()?.0),
        })
    }

    /// The service's own program starts.
    pub(in crate::egress) fn first(&self, listener: &Listener, call: &Notification) {
        let root = target::open_folder(&format!("/proc/{}/root", call.tid)).ok();
        self.give(listener, call, root);
    }

    /// A granted program starts.
    pub(in crate::egress) fn pass(
        &self,
        listener: &Listener,
        call: &Notification,
        program: (u64, u64),
    ) {
        if program == self.program && self.open.load(Ordering::Relaxed) < MOST {
            self.give(listener, call, None);
        } else {
            // Ends with the exec, and with it the channel that was inherited.
            let _ = listener.replace(call.id, self.number, self.closed.as_fd());
        }
    }

    /// A process without a channel lacks answers and nothing else: its start goes on.
    fn give(&self, listener: &Listener, call: &Notification, root: Option<OwnedFd>) {
        let Ok((ours, theirs)) = packet::pair() else { return };
        if listener.give(call.id, self.number, theirs.as_fd()).is_err() {
            return;
        }
        if let Ok(mut arrivals) = self.arrivals.lock() {
            arrivals.push(Arrival { socket: ours, pid: call.tid, root });
            self.open.fetch_add(1, Ordering::Relaxed);
        }
        // A bell that cannot take one more ring is rung already.
        let _ = fd::write(self.bell.as_fd(), &1_u64.to_ne_bytes());
    }
}
