//! What the broker has put in place, and as what each was granted.
//!
//! A socket of the host that the service holds can outlive the grant it came from. So the broker
//! remembers each by its cookie, and puts nothing in place that was decided about under a wider
//! boundary: the look at the boundary, the putting in place and the remembering are one step that a
//! drop waits for. A cookie that is not remembered counts as not granted.

use super::shared::Shared;
use ringfence_policy::model::Network;
use ringfence_policy::net::{HostName, ListenPlace, Transport};
use ringfence_sys::netlink::{self, HELD};
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
        let list = |ipv6| netlink::tcp_sockets(diag, ipv6, HELD, None);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::testing::shared;
    use std::os::fd::AsFd;

    fn decided(shared: &Shared, to: &str, name: Option<&str>) -> Decided {
        let name = name.map(|name| HostName::parse(name).unwrap());
        Decided { to: to.parse().unwrap(), name, own: false, generation: shared.generation() }
    }

    fn socket() -> std::os::fd::OwnedFd {
        socket::socket(libc::AF_INET, libc::SOCK_STREAM, 0).unwrap()
    }

    #[test]
    fn nothing_that_was_decided_under_a_wider_boundary_is_put_in_place() {
        let (shared, _) = shared(r#"connect = ["a.test:443", "b.test:443"]"#);
        let early = decided(&shared, "10.0.0.1:443", Some("a.test"));
        let other = decided(&shared, "10.0.0.1:443", Some("b.test"));
        let one = socket();
        assert_eq!(shared.inject(&early, one.as_fd(), || Ok(())), Ok(()), "control");
        let mut network = (*shared.network()).clone();
        let target = ringfence_policy::net::Target::parse("a.test:443").unwrap();
        network.drop_outbound(Transport::Tcp, Some(&target)).unwrap();
        shared.narrow_to(network);
        let late = shared.inject(&early, one.as_fd(), || panic!("it is put in place"));
        assert_eq!(late, Err(Errno(libc::EACCES)));
        assert_eq!(shared.inject(&other, one.as_fd(), || Ok(())), Ok(()), "still granted");
    }

    #[test]
    fn sockets_to_one_address_are_told_apart_by_the_name_they_were_asked_by() {
        let (shared, _) = shared(r#"connect = ["a.test:443", "b.test:443", "10.0.0.2:80"]"#);
        let (one, two, own) = (socket(), socket(), socket());
        let put = |decided: &Decided, socket: &std::os::fd::OwnedFd| {
            shared.inject(decided, socket.as_fd(), || Ok(())).unwrap();
        };
        put(&decided(&shared, "10.0.0.1:443", Some("a.test")), &one);
        put(&decided(&shared, "10.0.0.1:443", Some("b.test")), &two);
        put(&Decided { own: true, ..decided(&shared, "127.0.0.1:8080", None) }, &own);
        let mut network = (*shared.network()).clone();
        let target = ringfence_policy::net::Target::parse("a.test").unwrap();
        network.drop_outbound(Transport::Tcp, Some(&target)).unwrap();
        let cut = shared.injected().cut(&network);
        assert_eq!(cut.going, [socket::cookie(one.as_fd()).unwrap()]);
        assert_eq!(cut.staying.len(), 2);
        assert!(shared.injected().cut(&network).going.is_empty(), "told once");
    }

    #[test]
    fn a_listener_whose_grant_is_dropped_may_not_listen_again() {
        let (shared, _) = shared(r#"listen = ["127.0.0.1:0", "127.0.0.1:8080"]"#);
        let (any, fixed) = (socket(), socket());
        let at = |text: &str| text.parse().unwrap();
        let (granted, real) = (at("127.0.0.1:0"), at("127.0.0.1:45678"));
        shared.inject_listener(real, granted, any.as_fd(), || Ok(())).unwrap();
        let place = at("127.0.0.1:8080");
        shared.inject_listener(place, place, fixed.as_fd(), || Ok(())).unwrap();
        assert_eq!(shared.listening(any.as_fd(), || Ok(())), Ok(()), "control");
        let mut network = (*shared.network()).clone();
        network.drop_listen(Transport::Tcp, Some(granted)).unwrap();
        // Port 0 of an address names every listener there.
        assert!(network.listen.is_empty());
        shared.narrow_to(network);
        let cut = shared.injected().cut(&shared.network());
        assert_eq!(cut.gone.len(), 2);
        assert!(cut.gone.contains(&real) && cut.listening.is_empty());
        let refused = Err(Errno(libc::EACCES));
        assert_eq!(shared.listening(any.as_fd(), || Ok(())), refused);
        assert_eq!(shared.inject_listener(real, granted, any.as_fd(), || Ok(())), refused);
    }
}
