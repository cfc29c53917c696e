//! Sockets that the process holds, by the kernel's tables.
//!
//! A connection shows an address and no name: where only names are granted, it is undecided which
//! of them was meant.

use super::facts::Tables;
use super::{Judge, Weaker};
use ringfence_policy::layer::Layer;
use ringfence_policy::net::{Endpoint, HostPattern, ListenEndpoint};
use ringfence_policy::source::Located;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A socket of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) state: u8,
    pub(super) inode: u64,
    pub(super) udp: bool,
}

/// States of TCP in the kernel's tables.
const ESTABLISHED: u8 = 1;
const SYN_SENT: u8 = 2;
const LISTEN: u8 = 10;

impl Judge<'_> {
    pub(super) fn sockets(&mut self) {
        let facts = self.facts;
        let Ok(descriptors) = &facts.descriptors else { return };
        let held: BTreeSet<u64> = descriptors
            .iter()
            .filter_map(|one| one.to.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
            .collect();
        // What the broker opened is of the host's network. What is only in a network of the
        // process's own is private: not granted, and reached by nobody.
        let shared = facts
            .namespaces
            .get("net")
            .is_some_and(|(theirs, ours)| theirs.as_ref().ok() == ours.as_ref());
        let alone = is_alone(&facts.inside);
        let mut all = sockets(&facts.outside);
        if !shared && !alone {
            all.extend(sockets(&facts.inside));
        }
        all.retain(|socket| held.contains(&socket.inode));
        let listening: BTreeSet<u16> =
            all.iter().filter(|one| one.state == LISTEN).map(|one| one.local.port()).collect();
        for socket in &all {
            self.compared();
            if !socket.udp && socket.state == LISTEN {
                self.listener(socket);
            } else if socket.udp && socket.remote.port() == 0 {
                if !socket.local.ip().is_loopback() && socket.local.port() != 0 {
                    self.listener(socket);
                }
            } else if socket.udp || matches!(socket.state, ESTABLISHED | SYN_SENT) {
                // Whoever connected to a listener of it came from outside.
                if socket.udp || !listening.contains(&socket.local.port()) {
                    self.connection(socket, &listening);
                }
            }
        }
    }

    fn listener(&mut self, socket: &Socket) {
        let net = &self.order.boundary.net;
        let grants: &[Located<ListenEndpoint>] =
            if socket.udp { &net.udp_listen } else { &net.listen };
        let local = fold(socket.local);
        let granted = grants.iter().any(|grant| {
            let grant = grant.value;
            let address = grant.address == local.ip() || grant.address.is_unspecified();
            (grant.port == local.port() || grant.port == 0) && address
        });
        if !granted {
            let key = if socket.udp { "udp-listen" } else { "listen" };
            self.weaker(Weaker {
                code: "ungranted-listener",
                layer: Layer::Broker,
                place: self.place("net"),
                wanted: &format!("an address of net.{key}"),
                found: local.to_string(),
                why: "others reach a port that the boundary does not open",
            });
        }
    }

    fn connection(&mut self, socket: &Socket, listening: &BTreeSet<u16>) {
        let net = &self.order.boundary.net;
        let remote = fold(socket.remote);
        if remote.ip().is_loopback() && listening.contains(&remote.port()) {
            return;
        }
        let grants: &[Located<Endpoint>] = if socket.udp { &net.udp } else { &net.connect };
        let of_port: Vec<&Endpoint> = grants
            .iter()
            .map(|grant| &grant.value)
            .filter(|grant| (grant.ports.first..=grant.ports.last).contains(&remote.port()))
            .collect();
        let named =
            |host: &HostPattern| matches!(host, HostPattern::Name(_) | HostPattern::Suffix(_));
        let literal = of_port.iter().any(|grant| match &grant.host {
            HostPattern::Address(address) => *address == remote.ip(),
            HostPattern::Cidr(base, length) => is_in(*base, *length, remote.ip()),
            HostPattern::Name(name) => {
                net.hosts.get(name).is_some_and(|address| address.value == remote.ip())
            }
            HostPattern::Suffix(_) => false,
        });
        if literal {
            return;
        }
        if of_port.iter().any(|grant| named(&grant.host)) {
            let place = self.place("net");
            if !self.enforced {
                self.undecided(format!("{place}: whether {remote} is one of the granted names"));
            }
            return;
        }
        self.weaker(Weaker {
            code: "ungranted-connection",
            layer: Layer::Broker,
            place: self.place("net"),
            wanted: "an endpoint of net.connect",
            found: remote.to_string(),
            why: "it is connected to what the boundary does not grant",
        });
    }
}

/// Whether the tables are those of a network with nothing but loopback in use.
fn is_alone(tables: &Tables) -> bool {
    sockets(tables).iter().all(|socket| {
        let ip = fold(socket.local).ip();
        ip.is_loopback() || ip.is_unspecified()
    })
}

/// An IPv4 address in an IPv6 one is an IPv4 address.
fn fold(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn is_in(base: IpAddr, length: u8, address: IpAddr) -> bool {
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            u32::from(base) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            u128::from(base) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

/// Sockets of all four tables.
pub(super) fn sockets(tables: &Tables) -> Vec<Socket> {
    let texts =
        [(&tables.tcp, false), (&tables.tcp6, false), (&tables.udp, true), (&tables.udp6, true)];
    texts
        .into_iter()
        .flat_map(|(text, udp)| text.lines().skip(1).filter_map(move |line| socket(line, udp)))
        .collect()
}

/// `0: 0100007F:1F90 00000000:0000 0A ... inode`
fn socket(line: &str, udp: bool) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    Some(Socket {
        local: address(fields.get(1)?)?,
        remote: address(fields.get(2)?)?,
        state: u8::from_str_radix(fields.get(3)?, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
        udp,
    })
}

/// Each 32 bits of an address are written in the byte order of the machine.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| -> Option<[u8; 4]> {
        Some(u32::from_str_radix(host.get(at..at + 8)?, 16).ok()?.to_ne_bytes())
    };
    let ip = if host.len() == 8 {
        IpAddr::V4(Ipv4Addr::from(word(0)?))
    } else {
        let mut bytes = [0; 16];
        for (number, part) in bytes.chunks_exact_mut(4).enumerate() {
            part.copy_from_slice(&word(number * 8)?);
        }
        IpAddr::V6(Ipv6Addr::from(bytes))
    };
    Some(SocketAddr::new(ip, port))
}
