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
use std::sync::{Arc, Mutex, OnceLock};

/// Most channels at once; a process beyond that has none.
const MOST: usize = 256;

/// A channel that was just made.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) socket: OwnedFd,
    /// The process, as this one numbers it.
    pub(super) pid: i32,
}

/// Where channels are handed to the thread that answers on them.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(super) arrivals: Arc<Mutex<Vec<Arrival>>>,
    pub(super) bell: Arc<OwnedFd>,
    pub(super) open: Arc<AtomicUsize>,
    /// The root of the service, from the start of its program on.
    pub(super) root: Arc<OnceLock<OwnedFd>>,
    /// Missing where the service is not Node.
    node: Option<Node>,
}

/// The Node whose processes have channels.
#[derive(Debug, Clone)]
struct Node {
    /// Device and inode.
    program: (u64, u64),
    /// The number that a process finds its channel at.
    number: RawFd,
    /// A socket without another end.
    closed: Arc<OwnedFd>,
}

impl Door {
    /// A door without a thread behind it yet. Processes of `node` (device and inode) find their
    /// channel at the number beside it.
    pub(crate) fn new(node: Option<((u64, u64), RawFd)>) -> Result<Self, Errno> {
        let node = node.map(|(program, number)| {
            packet::pair().map(|(closed, _)| Node { program, number, closed: Arc::new(closed) })
        });
        Ok(Self {
            arrivals: Arc::default(),
            bell: Arc::new(fd::eventfd(0, libc::EFD_NONBLOCK)?),
            open: Arc::default(),
            root: Arc::default(),
            node: node.transpose()?,
        })
    }

    /// The service's own program starts.
    pub(in crate::egress) fn first(&self, listener: &Listener, call: &Notification) {
        if let Ok(root) = target::open_folder(&format!("/proc/{}/root", call.tid)) {
            let _ = self.root.set(root);
        }
        if let Some(node) = &self.node {
            self.give(listener, call, node.number);
        }
    }

    /// A granted program starts.
    pub(in crate::egress) fn pass(
        &self,
        listener: &Listener,
        call: &Notification,
        program: (u64, u64),
    ) {
        let Some(node) = &self.node else { return };
        if program == node.program && self.open.load(Ordering::Relaxed) < MOST {
            self.give(listener, call, node.number);
        } else {
            // Ends with the exec, and with it the channel that was inherited.
            let _ = listener.replace(call.id, node.number, node.closed.as_fd());
        }
    }

    /// A process without a channel lacks answers and nothing else: its start goes on.
    fn give(&self, listener: &Listener, call: &Notification, number: RawFd) {
        let Ok((ours, theirs)) = packet::pair() else { return };
        if listener.give(call.id, number, theirs.as_fd()).is_err() {
            return;
        }
        if let Ok(mut arrivals) = self.arrivals.lock() {
            arrivals.push(Arrival { socket: ours, pid: call.tid });
            self.open.fetch_add(1, Ordering::Relaxed);
        }
        // A bell that cannot take one more ring is rung already.
        let _ = fd::write(self.bell.as_fd(), &1_u64.to_ne_bytes());
    }
}
