//! Calls of blocking callers that cannot be answered yet.
//!
//! A second thread waits for their connections, so that the first never does. The number of
//! waiting calls is capped; a caller that dies is forgotten within a second.

use super::sender::Sender;
use ringfence_sys::epoll::{Epoll, Ready};
use ringfence_sys::{Errno, fd, socket};
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Most calls that wait at once; one more is refused with `EAGAIN`.
const MOST: usize = 1024;
/// How often callers are checked for being alive.
const SWEEP: Duration = Duration::from_secs(1);
/// How often a full backlog of a Unix socket is tried again.
const RETRY: Duration = Duration::from_millis(5);
/// The token of the bell; connections count from 1.
const BELL: u64 = 0;

/// One waiting call.
#[derive(Debug)]
pub(super) struct Pending {
    sender: Sender,
    socket: OwnedFd,
    kind: PendingKind,
}

#[derive(Debug)]
enum PendingKind {
    /// The caller's own socket, temporarily non-blocking.
    InPlace,
    /// A socket of this process that takes the place of the caller's.
    Injected,
    /// A Unix socket whose target has a full backlog.
    Backlog {
        /// Its address; may name `_target` by number.
        to: socket::Address,
        /// Kept open as long as the address is used.
        _target: Option<OwnedFd>,
    },
}

impl Pending {
    pub(super) fn injected(sender: Sender, socket: OwnedFd) -> Self {
        Self { sender, socket, kind: PendingKind::Injected }
    }

    pub(super) fn in_place(sender: Sender, socket: OwnedFd) -> Self {
        Self { sender, socket, kind: PendingKind::InPlace }
    }

    /// Tries again until there is room; the caller's socket is blocking again afterwards.
    pub(super) fn backlog(
        sender: Sender,
        socket: OwnedFd,
        to: socket::Address,
        target: Option<OwnedFd>,
    ) -> Self {
        Self { sender, socket, kind: PendingKind::Backlog { to, _target: target } }
    }

    /// The connection is decided: what is its outcome?
    fn finish(self) {
        let error = socket::take_error(self.socket.as_fd());
        let blocking = fd::set_nonblocking(self.socket.as_fd(), false);
        let result = error.and(blocking).and_then(|()| match self.kind {
            PendingKind::Injected => self.sender.replace(self.socket.as_fd()),
            PendingKind::InPlace | PendingKind::Backlog { .. } => Ok(()),
        });
        self.sender.answer(result);
    }

    /// Whether a retried connection is over; a decided one is answered here.
    fn retried(&self) -> Option<Result<(), Errno>> {
        let PendingKind::Backlog { to, .. } = &self.kind else { return None };
        match socket::connect_address(self.socket.as_fd(), to) {
            Err(Errno(libc::EAGAIN)) => None,
            decided => Some(decided),
        }
    }
}

/// Hands calls to the waiting thread.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    queue: Arc<Mutex<Vec<Pending>>>,
    bell: Arc<OwnedFd>,
}

impl Waiter {
    /// A queue without a thread yet.
    pub(crate) fn new() -> Result<Self, Errno> {
        let bell = fd::eventfd(0, libc::EFD_NONBLOCK)?;
        Ok(Self { queue: Arc::default(), bell: Arc::new(bell) })
    }

    /// Takes a call over; it is answered by the waiting thread.
    pub(super) fn wait_for(&self, pending: Pending) -> Result<(), Errno> {
        let mut queue = self.queue.lock().map_err(|_| Errno(libc::EIO))?;
        if queue.len() >= MOST {
            return Err(Errno(libc::EAGAIN));
        }
        queue.push(pending);
        drop(queue);
        fd::write_all(self.bell.as_fd(), &1_u64.to_ne_bytes())
    }

    /// The waiting thread; ends only with the process.
    pub(crate) fn run(&self) -> Result<(), Errno> {
        let epoll = Epoll::new()?;
        epoll.add(self.bell.as_fd(), BELL, true, false)?;
        let mut waiting: HashMap<u64, Pending> = HashMap::new();
        let mut next = BELL;
        let mut room = [Ready::NONE; 64];
        loop {
            let pause = if waiting.values().any(|p| matches!(p.kind, PendingKind::Backlog { .. })) {
                Some(RETRY)
            } else {
                (!waiting.is_empty()).then_some(SWEEP)
            };
            let ready = epoll.wait(&mut room, pause)?;
            if ready.is_empty() {
                waiting.retain(|_, pending| pending.sender.alive());
            }
            for one in ready {
                if one.token == BELL {
                    self.take_over(&epoll, &mut waiting, &mut next)?;
                } else if let Some(pending) = waiting.remove(&one.token) {
                    let _ = epoll.remove(pending.socket.as_fd());
                    pending.finish();
                }
            }
            retry(&mut waiting);
        }
    }

    fn take_over(
        &self,
        epoll: &Epoll,
        waiting: &mut HashMap<u64, Pending>,
        next: &mut u64,
    ) -> Result<(), Errno> {
        let _ = fd::read(self.bell.as_fd(), &mut [0; 8]);
        let taken = std::mem::take(&mut *self.queue.lock().map_err(|_| Errno(libc::EIO))?);
        for pending in taken {
            if waiting.len() >= MOST {
                pending.sender.answer(Err(Errno(libc::EAGAIN)));
                continue;
            }
            *next += 1;
            if !matches!(pending.kind, PendingKind::Backlog { .. }) {
                epoll.add(pending.socket.as_fd(), *next, false, true)?;
            }
            waiting.insert(*next, pending);
        }
        Ok(())
    }
}

/// Tries every connection again that waits for room in a backlog.
fn retry(waiting: &mut HashMap<u64, Pending>) {
    let decided: Vec<(u64, Result<(), Errno>)> =
        waiting.iter().filter_map(|(token, p)| Some((*token, p.retried()?))).collect();
    for (token, result) in decided {
        if let Some(pending) = waiting.remove(&token) {
            let _ = fd::set_nonblocking(pending.socket.as_fd(), false);
            pending.sender.answer(result);
        }
    }
}
