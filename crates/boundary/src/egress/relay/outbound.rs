//! `net.udp`: what the service sends to granted ports.

use super::flows::Flows;
use super::{InsideSockets, RelayBounds, RelayError, TURN};
use crate::egress::journal::Journal;
use crate::egress::place::{Place, place};
use crate::egress::shared::Shared;
use crate::egress::token::{self, Source};
use ringfence_policy::event::Action;
use ringfence_policy::model::Network;
use ringfence_policy::net::{HostPattern, Refusal, Transport};
use ringfence_sys::epoll::Epoll;
use ringfence_sys::{Errno, datagram, fd, socket};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// Outbound datagrams.
#[derive(Debug)]
pub(in crate::egress) struct Outbound {
    shared: Arc<Shared>,
    journal: Journal,
    /// Sockets inside, one for each granted port and family.
    inside: Vec<Inside>,
    flows: Flows<Key, Flow>,
    bounds: RelayBounds,
    /// The boundary that the flows were decided under.
    generation: u64,
}

#[derive(Debug)]
struct Inside {
    socket: OwnedFd,
    port: u16,
}

/// Who sends where, both as seen inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    client: SocketAddr,
    to: SocketAddr,
}

#[derive(Debug)]
struct Flow {
    /// Connected to the real destination.
    host: OwnedFd,
    /// Which socket inside the answers leave from.
    inside: usize,
}

impl Outbound {
    /// Takes the granted ports inside. `resolver` is the socket at 127.0.0.1:53, which keeps that
    /// address when port 53 is granted too.
    pub(in crate::egress) fn new(
        shared: Arc<Shared>,
        sockets: &dyn InsideSockets,
        resolver: BorrowedFd<'_>,
        bounds: RelayBounds,
        epoll: &Epoll,
        now: Instant,
    ) -> Result<Self, RelayError> {
        let ports = ports(&shared.network());
        let mut inside = Vec::with_capacity(ports.len());
        for (port, ipv6) in ports.into_iter().filter(|_| !bounds.elsewhere) {
            let socket = sockets.udp(ipv6).map_err(|error| RelayError::Inside(port, error))?;
            let token = token::of(Source::RelayInside, inside.len());
            take_port(socket.as_fd(), resolver, port, ipv6)
                .and_then(|()| epoll.add(socket.as_fd(), token, true, false))
                .map_err(|errno| RelayError::Inside(port, errno.into()))?;
            inside.push(Inside { socket, port });
        }
        let journal = Journal::new(Arc::clone(&shared), now);
        let generation = shared.generation();
        let flows = Flows::new(bounds.outbound);
        Ok(Self { shared, journal, inside, flows, bounds, generation })
    }

    /// The service has sent something to the port of this socket.
    pub(in crate::egress) fn inside_ready(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        epoll: &Epoll,
        now: Instant,
    ) {
        for _ in 0..TURN {
            if self.is_outdated() {
                return;
            }
            let Some(inside) = self.inside.get(index) else { return };
            let got = match datagram::receive(inside.socket.as_fd(), buffer) {
                Ok(got) => got,
                // The error of an answer to a socket that was closed meanwhile.
                Err(Errno(libc::ECONNREFUSED)) => continue,
                Err(_) => return,
            };
            let (Some(to), false) = (got.to, got.truncated) else { continue };
            let key = Key { client: got.from, to: SocketAddr::new(to, inside.port) };
            let Some(bytes) = buffer.get(..got.length) else { continue };
            let known = self.flows.find(&key, now).map(|(index, _)| index);
            let Some(flow) = known.or_else(|| self.open(key, index, epoll, now)) else { continue };
            if let Some((_, flow)) = self.flows.at(flow, now) {
                pass(flow.host.as_fd(), bytes);
            }
        }
    }

    /// An answer has come for this flow.
    pub(in crate::egress) fn outside_ready(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        now: Instant,
    ) {
        for _ in 0..TURN {
            if self.is_outdated() {
                return;
            }
            let Some((key, flow)) = self.flows.at(index, now) else { return };
            let length = match fd::read(flow.host.as_fd(), buffer) {
                Ok(length) => length,
                // A port unreachable from outside: the next datagram may find it open.
                Err(Errno(libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH)) => continue,
                Err(_) => return,
            };
            let Some(inside) = self.inside.get(flow.inside) else { return };
            let bytes = buffer.get(..length).unwrap_or_default();
            let socket = inside.socket.as_fd();
            let send = || datagram::send(socket, bytes, Some(key.to.ip()), Some(key.client));
            if send() == Err(Errno(libc::ECONNREFUSED)) {
                let _ = send();
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

    /// The boundary was narrowed: every flow is decided about again.
    /// Answers how many are refused from now on; the others are opened anew with their next datagram.
    pub(in crate::egress) fn forget(&mut self, generation: u64) -> usize {
        self.generation = generation;
        let shared = &self.shared;
        let host = |key: &Key| matches!(place(shared, Transport::Udp, key.to), Place::Host(..));
        self.flows.clear(|key, _| !host(key))
    }

    /// Whether the boundary was narrowed and the loop has not come to it yet.
    fn is_outdated(&self) -> bool {
        self.shared.generation() != self.generation
    }

    /// Decides about a new flow and opens it.
    fn open(&mut self, key: Key, inside: usize, epoll: &Epoll, now: Instant) -> Option<usize> {
        let (real, name) = match place(&self.shared, Transport::Udp, key.to) {
            Place::Host(real, name) => (real, name),
            Place::Inside => {
                let reason =
                    format!("{} is inside the boundary, and the host's is not granted", key.to);
                let missing_grant = Some(format!("net.udp = [\"{}\"]", key.to));
                self.deny(key, Refusal { reason, missing_grant }, now);
                return None;
            }
            Place::Refused(refusal) => {
                self.deny(key, refusal, now);
                return None;
            }
        };
        let index = self.flows.room();
        let host = datagram::udp(real.is_ipv6()).ok()?;
        datagram::widen(host.as_fd()).ok()?;
        socket::connect(host.as_fd(), &real).ok()?;
        epoll.add(host.as_fd(), token::of(Source::RelayOutside, index), true, false).ok()?;
        self.flows.put(index, key, Flow { host, inside }, now);
        if self.shared.audit {
            let name = name.map_or_else(|| key.to.ip().to_string(), |name| name.to_string());
            let resource = format!("{name}:{} ({real})", real.port());
            self.journal.allowed(Action::UdpSend, &resource, now);
        }
        Some(index)
    }

    fn deny(&mut self, key: Key, refusal: Refusal, now: Instant) {
        self.journal.denied(Action::UdpSend, &key.to.to_string(), refusal, now);
    }
}

/// Sends, once more if the first try only reported the error of an earlier datagram.
fn pass(to: BorrowedFd<'_>, bytes: &[u8]) {
    if datagram::send(to, bytes, None, None) == Err(Errno(libc::ECONNREFUSED)) {
        let _ = datagram::send(to, bytes, None, None);
    }
}

/// Every granted port with the families it can be reached over: `(port, ipv6)`.
pub(super) fn ports(network: &Network) -> BTreeSet<(u16, bool)> {
    let mut ports = BTreeSet::new();
    for grant in &network.udp {
        let families: &[bool] = match &grant.value.host {
            HostPattern::Address(IpAddr::V4(_)) | HostPattern::Cidr(IpAddr::V4(_), _) => &[false],
            HostPattern::Address(IpAddr::V6(_)) | HostPattern::Cidr(IpAddr::V6(_), _) => &[true],
            HostPattern::Name(_) | HostPattern::Suffix(_) => &[false, true],
        };
        for port in grant.value.ports.first..=grant.value.ports.last {
            ports.extend(families.iter().map(|ipv6| (port, *ipv6)));
        }
    }
    ports
}

/// Binds to a port on every address. Sockets that may share their address when they are bound keep
/// sharing it; the flag is cleared again so that the service cannot join them.
fn take_port(
    socket: BorrowedFd<'_>,
    resolver: BorrowedFd<'_>,
    port: u16,
    ipv6: bool,
) -> Result<(), Errno> {
    fd::set_nonblocking(socket, true)?;
    let any: IpAddr =
        if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    if ipv6 {
        datagram::only_ipv6(socket)?;
    }
    datagram::tell_destination(socket, ipv6)?;
    datagram::any_source(socket, ipv6)?;
    datagram::widen(socket)?;
    datagram::share_address(resolver, true)?;
    datagram::share_address(socket, true)?;
    let bound = socket::bind(socket, &SocketAddr::new(any, port));
    datagram::share_address(resolver, false)?;
    datagram::share_address(socket, false)?;
    bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::testing::shared;

    #[test]
    fn ports_are_taken_in_the_families_they_can_be_reached_over() {
        let net = r#"udp = ["10.0.0.0/8:1-2", "[::1]:3", "a.test:4", "*.b.test:4", "10.0.0.1:2"]"#;
        let (shared, _) = shared(net);
        let ports: Vec<(u16, bool)> = ports(&shared.network()).into_iter().collect();
        assert_eq!(ports, [(1, false), (2, false), (3, true), (4, false), (4, true)]);
    }
}
