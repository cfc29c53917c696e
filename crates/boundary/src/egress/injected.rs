//! What the broker has put in place, and as what each was granted.
//!
//! A socket of the host that the service holds can outlive the grant it came from. So the broker
//! remembers each by its cookie, and puts nothing in place that was decided about under a wider
//! boundary: the look at the boundary, the putting in place and the remembering are one step that a
//! drop waits for. A cookie that is not remembered counts as not granted.

use super::shared::Shared;
use ringfence_policy::model::Network;
use ringfence_policy::net::{HostName, ListenPlace, Transport};
use ringfence_sys::netlink::{self, ANY_STATE};
use ringfence_sys::{Errno, socket};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

/// Connections remembered before those that are over are looked for.
const PRUNE: usize = 1024;
/// Most connections remembered; beyond it new ones are not, and a drop takes them too.
const MOST: usize = 1 << 16;
/// Most listeners remembered; the oldest are forgotten, which only refuses.
const LISTENERS: usize = 1 << 16;

/// A connection as it was decided about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decided {
    /// The real destination.
    pub(super) to: SocketAddr,
    /// The name it was asked for by.
    pub(super) name: Option<HostName>,
    /// The service itself listens there.
    pub(super) own: bool,
    /// The boundary it was decided under.
    pub(super) generation: u64,
}

impl Decided {
    /// Whether the boundary still grants it.
    pub(super) fn holds(&self, network: &Network) -> bool {
        match &self.name {
            _ if self.own => true,
            Some(name) => network.connect_name(Transport::Tcp, name, self.to.port()).is_ok(),
            None => network.connect_address(Transport::Tcp, self.to).is_ok(),
        }
    }
}

/// What a narrower boundary means for it.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// Cookies of sockets that are not granted any more.
    pub(super) going: Vec<u64>,
    /// Of the others.
    pub(super) staying: Vec<u64>,
    /// Where listeners were that are not granted any more.
    pub(super) gone: Vec<SocketAddr>,
    /// Where the others are.
    pub(super) listening: Vec<SocketAddr>,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Injected {
    connections: HashMap<u64, Decided>,
    /// As which grant each was bound, and where it is.
    listeners: HashMap<u64, (SocketAddr, SocketAddr)>,
    prune_at: usize,
    /// Unix sockets of the host, by real path, that were dropped.
    unix: Vec<PathBuf>,
}

impl Injected {
    /// Forgets what is not granted any more, and says what that is.
    pub(super) fn cut(&mut self, network: &Network) -> Cut {
        let mut cut = Cut::default();
        for (cookie, _) in self.connections.extract_if(|_, decided| !decided.holds(network)) {
            cut.going.push(cookie);
        }
        for (cookie, (_, at)) in
            self.listeners.extract_if(|_, (granted, _)| !may_listen(network, *granted))
        {
            cut.going.push(cookie);
            cut.gone.push(at);
        }
        cut.staying = self.connections.keys().chain(self.listeners.keys()).copied().collect();
        cut.listening = self.listeners.values().map(|(_, at)| *at).collect();
        cut
    }

    /// The unix socket at this real path may not be connected to any more.
    pub(super) fn drop_unix(&mut self, real: PathBuf) {
        if !self.unix.contains(&real) {
            self.unix.push(real);
        }
    }

    /// Whether it may still be connected to.
    pub(super) fn grants_unix(&self, real: &Path) -> bool {
        !self.unix.iter().any(|gone| gone == real)
    }

    fn remember(&mut self, cookie: u64, decided: Decided) {
        if self.connections.len() < MOST {
            self.connections.insert(cookie, decided);
        }
    }

    fn prune(&mut self, diag: BorrowedFd<'_>) {
        if self.connections.len() < self.prune_at.max(PRUNE) {
            return;
        }
        let list = |ipv6| netlink::tcp_sockets(diag, ipv6, ANY_STATE, None);
        if let (Ok(v4), Ok(v6)) = (list(false), list(true)) {
            let alive: HashSet<u64> = v4.iter().chain(&v6).map(|socket| socket.cookie).collect();
            self.connections.retain(|cookie, _| alive.contains(cookie));
        }
        self.prune_at = self.connections.len() * 2;
    }
}

fn may_listen(network: &Network, at: SocketAddr) -> bool {
    network.listen(Transport::Tcp, at) == Ok(ListenPlace::Host(at))
}

impl Shared {
    /// What is remembered; nothing is put in place while this is held.
    pub(super) fn injected(&self) -> MutexGuard<'_, Injected> {
        self.injected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a connection in place, unless it is not granted any more.
    pub(super) fn inject(
        &self,
        decided: &Decided,
        socket: BorrowedFd<'_>,
        put: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mut injected = self.injected();
        if decided.generation != self.generation() && !decided.holds(&self.network()) {
            return Err(Errno(libc::EACCES));
        }
        // One that is under way may be connected later, so it is remembered whatever comes of it.
        injected.remember(socket::cookie(socket)?, decided.clone());
        put()
    }

    /// Forgets connections that are over, when many are remembered.
    pub(super) fn prune(&self, diag: BorrowedFd<'_>) {
        self.injected().prune(diag);
    }

    /// Puts a bound socket in place, which may listen from then on.
    pub(super) fn inject_listener(
        &self,
        at: SocketAddr,
        granted: SocketAddr,
        socket: BorrowedFd<'_>,
        put: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mut injected = self.injected();
        if !may_listen(&self.network(), granted) {
            return Err(Errno(libc::EACCES));
        }
        if injected.listeners.len() >= LISTENERS {
            injected.listeners.clear();
        }
        injected.listeners.insert(socket::cookie(socket)?, (granted, at));
        put()
    }

    /// Sockets that were handed over may listen where they do.
    pub(super) fn remember_listeners(&self, handed: &[(u64, SocketAddr)]) {
        let handed = handed.iter().map(|(cookie, at)| (*cookie, (*at, *at)));
        self.injected().listeners.extend(handed);
    }

    /// Does something with a socket that may listen; `EACCES` for another.
    pub(super) fn listening(
        &self,
        socket: BorrowedFd<'_>,
        act: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let injected = self.injected();
        let cookie = socket::cookie(socket)?;
        if injected.listeners.contains_key(&cookie) { act() } else { Err(Errno(libc::EACCES)) }
    }

    /// Whether the broker has bound a socket with each of these cookies.
    pub(super) fn all_listen(&self, cookies: &[u64]) -> bool {
        let injected = self.injected();
        cookies.iter().all(|cookie| injected.listeners.contains_key(cookie))
    }

    /// Whether any socket may listen.
    pub(super) fn any_listens(&self) -> bool {
        !self.injected().listeners.is_empty()
    }
}
