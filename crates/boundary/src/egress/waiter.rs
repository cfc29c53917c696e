//! Calls of blocking callers that cannot be answered yet.
//!
//! A second thread waits for their connections, so that the first never does. The number of
//! waiting calls is capped; a caller that dies is forgotten within a second.

use super::injected::Decided;
use super::sender::Sender;
use super::shared::Shared;
use ringfence_sys::epoll::{Epoll, Ready};
use ringfence_sys::{Errno, fd, socket};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Most calls that wait at once; one more is refused with `EAGAIN`.
const MOST: usize = 1024;
/// The part of them that may wait for one destination: one that never answers must not take the
/// places of connections to others.
const SHARE: usize = 2;
/// Descriptors the broker asks for: two for each waiting call, and as many again for everything
/// else, so that waiting calls never take what others need.
pub(crate) const DESCRIPTORS: u64 = 4 * MOST as u64;
/// How often callers are checked for being alive.
const SWEEP: Duration = Duration::from_secs(1);
/// How often full backlogs of Unix sockets are tried again, when few calls wait for one; more of
/// them are tried less often, so that they cost the same.
const RETRY: Duration = Duration::from_millis(5);
const FEW: usize = 32;
/// The token of the bell; connections count from 1.
const BELL: u64 = 0;

/// One waiting call.
#[derive(Debug)]
pub(super) struct Pending {
    sender: Sender,
    socket: OwnedFd,
    to: Destination,
    kind: PendingKind,
}

/// What a call waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// An address, or an abstract name.
    Address(socket::Address),
    /// Device and inode of a Unix socket.
    Object((u64, u64)),
}

#[derive(Debug)]
enum PendingKind {
    /// The caller's own socket, temporarily non-blocking; decided about on the host only.
    InPlace(Option<Decided>),
    /// A socket of this process that takes the place of the caller's.
    Injected(Decided),
    /// A Unix socket whose target has a full backlog.
    Backlog {
        /// Real path of a socket of the host.
        granted: Option<PathBuf>,
        /// Its address; may name `_target` by number.
        address: socket::Address,
        /// Kept open as long as the address is used.
        _target: Option<OwnedFd>,
    },
}

impl Pending {
    pub(super) fn injected(sender: Sender, socket: OwnedFd, decided: Decided) -> Self {
        let to = Destination::Address(decided.to.into());
        Self { sender, socket, to, kind: PendingKind::Injected(decided) }
    }

    pub(super) fn in_place(
        sender: Sender,
        socket: OwnedFd,
        to: SocketAddr,
        decided: Option<Decided>,
    ) -> Self {
        let to = Destination::Address(to.into());
        Self { sender, socket, to, kind: PendingKind::InPlace(decided) }
    }

    /// Tries again until there is room; the caller's socket is blocking again afterwards.
    pub(super) fn backlog(
        sender: Sender,
        socket: OwnedFd,
        address: socket::Address,
        target: Option<OwnedFd>,
        granted: Option<PathBuf>,
    ) -> Result<Self, Errno> {
        let to = match &target {
            Some(target) => Destination::Object(fd::identity(target.as_fd())?.object()),
            None => Destination::Address(address.clone()),
        };
        let kind = PendingKind::Backlog { granted, address, _target: target };
        Ok(Self { sender, socket, to, kind })
    }

    /// The call does not wait any longer: its socket is the caller's again.
    fn give_up(self, errno: Errno) {
        let _ = fd::set_nonblocking(self.socket.as_fd(), false);
        self.sender.answer(Err(errno));
    }

    /// The connection is decided: what is its outcome?
    fn finish(self, shared: &Shared) {
        let error = socket::take_error(self.socket.as_fd());
        let blocking = fd::set_nonblocking(self.socket.as_fd(), false);
        let result = error.and(blocking).and_then(|()| match &self.kind {
            PendingKind::Injected(decided) => {
                let put = || self.sender.replace(self.socket.as_fd());
                shared.inject(decided, self.socket.as_fd(), put)
            }
            PendingKind::InPlace(_) | PendingKind::Backlog { .. } => Ok(()),
        });
        self.sender.answer(result);
    }

    /// Whether the boundary still grants what is waited for.
    fn holds(&self, shared: &Shared) -> bool {
        match &self.kind {
            PendingKind::Injected(decided) | PendingKind::InPlace(Some(decided)) => {
                decided.holds(&shared.network())
            }
            PendingKind::Backlog { granted: Some(real), .. } => shared.injected().grants_unix(real),
            PendingKind::InPlace(None) | PendingKind::Backlog { granted: None, .. } => true,
        }
    }

    /// Whether a retried connection is over; a decided one is answered here.
    fn retried(&self, shared: &Shared) -> Option<Result<(), Errno>> {
        let PendingKind::Backlog { address, granted, .. } = &self.kind else { return None };
        let injected = shared.injected();
        if granted.as_ref().is_some_and(|real| !injected.grants_unix(real)) {
            return Some(Err(Errno(libc::EACCES)));
        }
        match socket::connect_address(self.socket.as_fd(), address) {
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
    most: usize,
}

impl Waiter {
    /// A queue without a thread yet, in a process that may have this many descriptors.
    pub(crate) fn new(descriptors: u64) -> Result<Self, Errno> {
        let bell = fd::eventfd(0, libc::EFD_NONBLOCK)?;
        let most = usize::try_from(descriptors / 4).unwrap_or(MOST).min(MOST);
        Ok(Self { queue: Arc::default(), bell: Arc::new(bell), most })
    }

    /// Takes a call over; it is answered by the waiting thread, or here when too many wait.
    pub(super) fn wait_for(&self, pending: Pending) -> Result<(), Errno> {
        let mut queue = self.queue.lock().map_err(|_| Errno(libc::EIO))?;
        if queue.len() >= self.most {
            drop(queue);
            pending.give_up(Errno(libc::EAGAIN));
            return Ok(());
        }
        queue.push(pending);
        drop(queue);
        fd::write_all(self.bell.as_fd(), &1_u64.to_ne_bytes())
    }

    /// The boundary was narrowed: what waits and is not granted any more is given up.
    pub(super) fn ring(&self) {
        // A bell that cannot take one more ring is rung already.
        let _ = fd::write(self.bell.as_fd(), &1_u64.to_ne_bytes());
    }

    /// The waiting thread; ends only with the process.
    pub(crate) fn run(&self, shared: &Shared) -> Result<(), Errno> {
        let epoll = Epoll::new()?;
        epoll.add(self.bell.as_fd(), BELL, true, false)?;
        let mut waiting: HashMap<u64, Pending> = HashMap::new();
        let mut next = BELL;
        let mut room = [Ready::NONE; 64];
        let mut swept = Instant::now();
        let mut generation = shared.generation();
        loop {
            let ready = epoll.wait(&mut room, pause(&waiting))?;
            for one in ready {
                if one.token == BELL {
                    self.take_over(&epoll, &mut waiting, &mut next)?;
                } else if let Some(pending) = waiting.remove(&one.token) {
                    let _ = epoll.remove(pending.socket.as_fd());
                    pending.finish(shared);
                }
            }
            if shared.generation() != generation {
                generation = shared.generation();
                for (_, gone) in waiting.extract_if(|_, pending| !pending.holds(shared)) {
                    let _ = epoll.remove(gone.socket.as_fd());
                    gone.give_up(Errno(libc::EACCES));
                }
            }
            if swept.elapsed() >= SWEEP {
                for (_, gone) in waiting.extract_if(|_, pending| !pending.sender.alive()) {
                    // Its socket may be another process's too.
                    gone.give_up(Errno(libc::EINTR));
                }
                swept = Instant::now();
            }
            retry(&mut waiting, shared);
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
            let alike = waiting.values().filter(|other| other.to == pending.to).count();
            if waiting.len() >= self.most || alike >= self.most / SHARE {
                pending.give_up(Errno(libc::EAGAIN));
                continue;
            }
            *next += 1;
            let added = match pending.kind {
                PendingKind::Backlog { .. } => Ok(()),
                _ => epoll.add(pending.socket.as_fd(), *next, false, true),
            };
            match added {
                Ok(()) => drop(waiting.insert(*next, pending)),
                // One that cannot be watched must not end the watch over the others.
                Err(errno) => pending.give_up(errno),
            }
        }
        Ok(())
    }
}

/// How long nothing needs to be looked at.
fn pause(waiting: &HashMap<u64, Pending>) -> Option<Duration> {
    let backlogs =
        waiting.values().filter(|p| matches!(p.kind, PendingKind::Backlog { .. })).count();
    match (waiting.len(), backlogs) {
        (0, _) => None,
        (_, 0) => Some(SWEEP),
        (_, count) => Some(RETRY * u32::try_from(count.div_ceil(FEW)).unwrap_or(u32::MAX)),
    }
}

/// Tries every connection again that waits for room in a backlog.
fn retry(waiting: &mut HashMap<u64, Pending>, shared: &Shared) {
    let decided: Vec<(u64, Result<(), Errno>)> =
        waiting.iter().filter_map(|(token, p)| Some((*token, p.retried(shared)?))).collect();
    for (token, result) in decided {
        if let Some(pending) = waiting.remove(&token) {
            let _ = fd::set_nonblocking(pending.socket.as_fd(), false);
            pending.sender.answer(result);
        }
    }
}
