//! `net.udp-listen`: what the outside sends to the service.
//!
//! Each peer has a socket inside that is bound to the peer's own address, so the service sees the
//! datagram come from there and its answers go there. When that address and port are taken inside,
//! the port is another one. An answer leaves from the address the peer had sent to.

use super::flows::Flows;
use super::{InsideSockets, RelayBounds, RelayError, TURN};
use crate::egress::journal::Journal;
use crate::egress::shared::Shared;
use crate::egress::token::{self, Source};
use ringfence_policy::event::Action;
use ringfence_policy::net::{ListenPlace, Transport};
use ringfence_sys::epoll::Epoll;
use ringfence_sys::{Errno, datagram, fd, socket};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// Listeners one peer can talk to at the same time; the next one takes the place of the first.
const PER_PEER: usize = 4;

/// Inbound datagrams.
#[derive(Debug)]
pub(in crate::egress) struct Inbound {
    shared: Arc<Shared>,
    journal: Journal,
    listeners: Vec<Listener>,
    flows: Flows<SocketAddr, Flow>,
    bounds: RelayBounds,
    /// The boundary that the flows were decided under.
    generation: u64,
}

/// A socket of the host.
#[derive(Debug)]
struct Listener {
    /// Until its grant is dropped.
    socket: Option<OwnedFd>,
    bound: SocketAddr,
}

/// One peer.
#[derive(Debug)]
struct Flow {
    /// Bound inside to the peer's address.
    inside: OwnedFd,
    /// The listeners the peer has sent to, and at which local address.
    heard: [Option<(usize, IpAddr)>; PER_PEER],
}

impl Inbound {
    /// Binds the granted addresses on the host.
    pub(in crate::egress) fn new(
        shared: Arc<Shared>,
        bounds: RelayBounds,
        epoll: &Epoll,
        now: Instant,
    ) -> Result<Self, RelayError> {
        let mut listeners = Vec::new();
        let network = shared.network();
        for grant in network.udp_listen.iter().filter(|_| !bounds.elsewhere) {
            let bound = SocketAddr::new(grant.value.address, grant.value.port);
            let token = token::of(Source::ListenOutside, listeners.len());
            let socket = listen(bound)
                .and_then(|socket| epoll.add(socket.as_fd(), token, true, false).map(|()| socket))
                .map_err(|errno| RelayError::Listen(bound, errno.into()))?;
            listeners.push(Listener { socket: Some(socket), bound });
        }
        let journal = Journal::new(Arc::clone(&shared), now);
        let generation = shared.generation();
        let flows = Flows::new(bounds.inbound);
        Ok(Self { shared, journal, listeners, flows, bounds, generation })
    }

    /// The outside has sent something to this listener.
    pub(in crate::egress) fn outside_ready(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        sockets: &dyn InsideSockets,
        epoll: &Epoll,
        now: Instant,
    ) {
        for _ in 0..TURN {
            if self.is_outdated() {
                return;
            }
            let Some(listener) = self.listeners.get(index) else { return };
            let Some(outside) = &listener.socket else { return };
            let port = listener.bound.port();
            let got = match datagram::receive(outside.as_fd(), buffer) {
                Ok(got) => got,
                Err(Errno(libc::ECONNREFUSED)) => continue,
                Err(_) => return,
            };
            let (Some(local), false) = (got.to, got.truncated) else { continue };
            let Some(bytes) = buffer.get(..got.length) else { continue };
            let known = self.flows.find(&got.from, now).map(|(index, _)| index);
            let known = known.or_else(|| self.open(got.from, sockets, epoll, now));
            let Some((_, flow)) = known.and_then(|flow| self.flows.at(flow, now)) else { continue };
            flow.hear(index, local);
            let _ = datagram::send(
                flow.inside.as_fd(),
                bytes,
                None,
                Some(SocketAddr::new(local, port)),
            );
        }
    }

    /// The service has sent something to this peer.
    pub(in crate::egress) fn inside_ready(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        now: Instant,
    ) {
        for _ in 0..TURN {
            if self.is_outdated() {
                return;
            }
            let Some((peer, flow)) = self.flows.at(index, now) else { return };
            let Ok(got) = datagram::receive(flow.inside.as_fd(), buffer) else { return };
            // Only the port of a listener is answered from; another socket of the service has no
            // business with this peer.
            let heard = flow.heard.iter().flatten().find_map(|(index, local)| {
                let listener = self.listeners.get(*index)?;
                let outside = listener.socket.as_ref()?;
                (listener.bound.port() == got.from.port()).then_some((outside, *local))
            });
            let (Some((outside, local)), Some(bytes)) = (heard, buffer.get(..got.length)) else {
                continue;
            };
            let socket = outside.as_fd();
            if datagram::send(socket, bytes, Some(local), Some(*peer))
                == Err(Errno(libc::ECONNREFUSED))
            {
                let _ = datagram::send(socket, bytes, Some(local), Some(*peer));
            }
        }
    }

    /// Whether [`Self::sweep`] has anything to do.
    pub(in crate::egress) fn has_flows(&self) -> bool {
        !self.flows.is_empty()
    }

    /// Closes idle flows.
    pub(in crate::egress) fn sweep(&mut self, now: Instant) {
        self.flows.sweep(self.bounds.idle, now);
    }

    /// The boundary was narrowed: listeners without a grant are closed. Answers how many flows
    /// came to those, and how many listeners they were.
    pub(in crate::egress) fn forget(&mut self, generation: u64, epoll: &Epoll) -> (usize, usize) {
        self.generation = generation;
        let network = self.shared.network();
        let mut closed = 0;
        for listener in &mut self.listeners {
            let place = network.listen(Transport::Udp, listener.bound);
            if place != Ok(ListenPlace::Host(listener.bound))
                && let Some(socket) = listener.socket.take()
            {
                let _ = epoll.remove(socket.as_fd());
                closed += 1;
            }
        }
        let open = |at: usize| self.listeners.get(at).is_some_and(|l| l.socket.is_some());
        let heard = |flow: &Flow| flow.heard.iter().flatten().any(|(at, _)| !open(*at));
        (self.flows.clear(|_, flow| heard(flow)), closed)
    }

    /// Whether the boundary was narrowed and the loop has not come to it yet.
    fn is_outdated(&self) -> bool {
        self.shared.generation() != self.generation
    }

    fn open(
        &mut self,
        peer: SocketAddr,
        sockets: &dyn InsideSockets,
        epoll: &Epoll,
        now: Instant,
    ) -> Option<usize> {
        let index = self.flows.room();
        let inside = sockets.udp(peer.is_ipv6()).ok()?;
        fd::set_nonblocking(inside.as_fd(), true).ok()?;
        datagram::widen(inside.as_fd()).ok()?;
        // Shared, so that a service that may share its own address can be bound to the same port.
        datagram::share_address(inside.as_fd(), true).ok()?;
        let another = SocketAddr::new(peer.ip(), 0);
        datagram::any_source(inside.as_fd(), peer.is_ipv6()).ok()?;
        socket::bind(inside.as_fd(), &peer)
            .or_else(|_| socket::bind(inside.as_fd(), &another))
            .ok()?;
        epoll.add(inside.as_fd(), token::of(Source::ListenInside, index), true, false).ok()?;
        self.flows.put(index, peer, Flow { inside, heard: [None; PER_PEER] }, now);
        if self.shared.audit {
            self.journal.allowed(Action::Listen, &format!("datagrams from {peer}"), now);
        }
        Some(index)
    }
}

impl Flow {
    fn hear(&mut self, listener: usize, local: IpAddr) {
        let known =
            |place: &&mut Option<(usize, IpAddr)>| place.is_none_or(|(index, _)| index == listener);
        if let Some(place) = self.heard.iter_mut().find(known) {
            *place = Some((listener, local));
            return;
        }
        self.heard.rotate_left(1);
        if let Some(last) = self.heard.last_mut() {
            *last = Some((listener, local));
        }
    }
}

fn listen(at: SocketAddr) -> Result<OwnedFd, Errno> {
    let socket = datagram::udp(at.is_ipv6())?;
    datagram::tell_destination(socket.as_fd(), at.is_ipv6())?;
    datagram::widen(socket.as_fd())?;
    socket::bind(socket.as_fd(), &at)?;
    Ok(socket)
}
