//! What was seen of the network: peers, names, listeners, unix sockets.

use super::caller::{self, Start, descriptor};
use super::lines::Lines;
use super::place;
use crate::record::line::{Connect, Line, Listen, Query, Transport, UnixSocket};
use ringfence_boundary::egress::dns;
use ringfence_sys::notify::Notification;
use ringfence_sys::socket::{self, ADDRESS_ROOM, Address};
use ringfence_sys::{Errno, fd, interfaces, peer};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd};

/// Most different things of each kind.
const MOST: usize = 1 << 16;
/// The port of resolvers.
const DNS: u16 = 53;
/// Longest query that is read.
const LONGEST_QUERY: usize = 1232;

/// A socket of the run, as far as this host lets one see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Socket {
    /// Inode: the same number is the same socket as long as it is open.
    number: u64,
    transport: Transport,
}

/// A datagram socket that was connected, and may only have been asked for its own address: that is
/// how the C library sorts the addresses of a name.
struct Pending {
    number: u64,
    descriptor: i32,
    /// Whether its own address was asked for, and nothing sent so far.
    asked: bool,
    connect: Connect,
}

/// All of the network.
#[derive(Default)]
pub(super) struct Sockets {
    peers: HashMap<(Transport, SocketAddr), (u64, u64)>,
    queries: HashSet<(String, SocketAddr)>,
    listens: HashSet<(Transport, SocketAddr, bool)>,
    unix: HashSet<(String, bool)>,
    /// What each bound socket was asked to be bound to.
    bound: HashMap<u64, (Transport, SocketAddr)>,
    /// Where the run itself listens or receives.
    own: HashSet<(Transport, SocketAddr)>,
    /// Datagram sockets bound to any port, by thread and descriptor: their port is not known yet.
    unsettled: Vec<(i32, i32)>,
    /// Descriptors that were connected to a resolver.
    resolvers: HashMap<i32, SocketAddr>,
    pending: Vec<Pending>,
    pub(super) left_out: u64,
}

impl Sockets {
    /// connect(2).
    pub(super) fn connect(&mut self, call: &Notification, pid: i32, lines: &mut Lines) {
        let Ok(address) = address(call.tid, call.args[1], call.args[2]) else { return };
        match address {
            Address::Inet(to) => self.connect_inet(call, canonical(to), pid, lines),
            unix => self.unix_used(call, &unix, false, pid, lines),
        }
    }

    fn connect_inet(&mut self, call: &Notification, to: SocketAddr, pid: i32, lines: &mut Lines) {
        let descriptor = descriptor(call.args[0]);
        let guess = if to.port() == DNS { Transport::Udp } else { Transport::Tcp };
        let found = socket_of(call.tid, descriptor);
        let transport = found.map_or(guess, |found| found.transport);
        if to.port() == DNS && transport == Transport::Udp {
            self.resolvers.insert(descriptor, to);
        } else {
            self.resolvers.remove(&descriptor);
        }
        if transport == Transport::Tcp {
            self.reached(transport, to, pid, lines);
            return;
        }
        // Port 0 cannot be sent to: only the own address is asked for.
        if to.port() != 0 {
            let own = self.is_own(transport, to);
            let connect = Connect { to, transport, own, at: lines.now(), pid };
            let number = found.map_or(0, |found| found.number);
            self.pending.retain(|other| other.number != number);
            self.pending.push(Pending { number, descriptor, asked: false, connect });
        }
        if self.pending.len() > 64 {
            self.settle(lines);
        }
    }

    /// getsockname(2): a socket that was connected only for this has reached nobody.
    pub(super) fn own_name(&mut self, call: &Notification) {
        if self.pending.is_empty() {
            return;
        }
        if let Some(found) = socket_of(call.tid, descriptor(call.args[0])) {
            let of_it = self.pending.iter_mut().filter(|pending| pending.number == found.number);
            of_it.for_each(|pending| pending.asked = true);
        }
    }

    /// Everything that was connected and not only asked for its own address counts.
    pub(super) fn settle(&mut self, lines: &mut Lines) {
        let pending = std::mem::take(&mut self.pending).into_iter();
        for Pending { connect, .. } in pending.filter(|pending| !pending.asked) {
            self.reached(connect.transport, connect.to, connect.pid, lines);
        }
    }

    /// Something was sent over a connected socket: whoever asked for its address used it, too.
    fn used(&mut self, descriptor: i32, lines: &mut Lines) {
        while let Some(at) = self.pending.iter().position(|of| of.descriptor == descriptor) {
            let Connect { to, transport, pid, .. } = self.pending.swap_remove(at).connect;
            self.reached(transport, to, pid, lines);
        }
    }

    fn reached(&mut self, transport: Transport, to: SocketAddr, pid: i32, lines: &mut Lines) {
        if let Some((times, _)) = self.peers.get_mut(&(transport, to)) {
            *times += 1;
            return;
        }
        if self.peers.len() >= MOST {
            self.left_out += 1;
            return;
        }
        let own = self.is_own(transport, to);
        self.peers.insert((transport, to), (1, 1));
        lines.put(&Line::Connect(Connect { to, transport, own, at: lines.now(), pid }));
    }

    /// bind(2).
    pub(super) fn bind(&mut self, call: &Notification, pid: i32, lines: &mut Lines) {
        let Ok(address) = address(call.tid, call.args[1], call.args[2]) else { return };
        let Address::Inet(asked) = address else {
            return self.unix_used(call, &address, true, pid, lines);
        };
        let descriptor = descriptor(call.args[0]);
        let found = socket_of(call.tid, descriptor);
        let transport = found.map_or(Transport::Tcp, |found| found.transport);
        if let Some(found) = found {
            self.bound.insert(found.number, (transport, asked));
        }
        if transport == Transport::Udp {
            if asked.port() == 0 {
                self.unsettled.push((call.tid, descriptor));
            } else {
                self.own.insert((transport, asked));
            }
        }
        self.listens(transport, asked, false, pid, lines);
    }

    /// listen(2).
    pub(super) fn listen(&mut self, call: &Notification, pid: i32, lines: &mut Lines) {
        let descriptor = descriptor(call.args[0]);
        let Some(found) = socket_of(call.tid, descriptor) else { return };
        let real = copy(call.tid, descriptor).and_then(|copy| socket::local_address(copy.as_fd()));
        let Ok(Address::Inet(real)) = real else { return };
        self.own.insert((Transport::Tcp, real));
        let asked = self.bound.get(&found.number).map_or(real, |(_, asked)| *asked);
        self.listens(Transport::Tcp, asked, true, pid, lines);
    }

    fn listens(
        &mut self,
        transport: Transport,
        address: SocketAddr,
        listening: bool,
        pid: i32,
        lines: &mut Lines,
    ) {
        if self.listens.len() >= MOST {
            self.left_out += 1;
        } else if self.listens.insert((transport, address, listening)) {
            let at = lines.now();
            lines.put(&Line::Listen(Listen { address, transport, listening, at, pid }));
        }
    }

    fn unix_used(
        &mut self,
        call: &Notification,
        address: &Address,
        bound: bool,
        pid: i32,
        lines: &mut Lines,
    ) {
        let path = match address {
            Address::UnixPath(path) => {
                let mut whole = Vec::new();
                if !place::absolute(call.tid, path, Start::Folder, &mut whole) {
                    return;
                }
                String::from_utf8_lossy(&whole).into_owned()
            }
            Address::UnixAbstract(_) => address.to_string(),
            _ => return,
        };
        if self.unix.len() >= MOST {
            self.left_out += 1;
        } else if self.unix.insert((path.clone(), bound)) {
            lines.put(&Line::Unix(UnixSocket { path, bound, at: lines.now(), pid }));
        }
    }

    /// sendto(2).
    pub(super) fn send_to(&mut self, call: &Notification, pid: i32, lines: &mut Lines) {
        let [number, bytes, length, _, to, to_length] = call.args;
        let to = if to == 0 { None } else { address(call.tid, to, to_length).ok() };
        self.sent(call, descriptor(number), to, pid, lines, |room| {
            read_at_most(call.tid, bytes, length, room)
        });
    }

    /// sendmsg(2) and sendmmsg(2): `count` headers of `size` bytes at the second argument.
    pub(super) fn send_messages(
        &mut self,
        call: &Notification,
        (count, size): (u64, u64),
        pid: i32,
        lines: &mut Lines,
    ) {
        const HEADER: usize = size_of::<libc::msghdr>();
        for index in 0..count.min(16) {
            let mut header = [0; HEADER];
            let at = call.args[1].wrapping_add(index * size);
            if caller::read(call.tid, at, &mut header).is_err() {
                return;
            }
            // msg_name, msg_namelen, msg_iov, msg_iovlen of `struct msghdr` (sendmsg(2)).
            let word = |at: usize| {
                let bytes = header.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
                bytes.map(u64::from_ne_bytes).unwrap_or_default()
            };
            let (name, name_length, parts) = (word(0), word(8) & 0xffff_ffff, word(16));
            let to = if name == 0 { None } else { address(call.tid, name, name_length).ok() };
            self.sent(call, descriptor(call.args[0]), to, pid, lines, |room| {
                let base = caller::read_word(call.tid, parts)?;
                let length = caller::read_word(call.tid, parts.wrapping_add(8))?;
                read_at_most(call.tid, base, length, room)
            });
        }
    }

    fn sent(
        &mut self,
        call: &Notification,
        descriptor: i32,
        to: Option<Address>,
        pid: i32,
        lines: &mut Lines,
        payload: impl FnOnce(&mut [u8]) -> Result<usize, Errno>,
    ) {
        let to = match to {
            Some(Address::Inet(to)) => Some(canonical(to)),
            Some(unix) => return self.unix_used(call, &unix, false, pid, lines),
            None => None,
        };
        match to {
            // With TCP this is a connection that begins with data.
            Some(to) if !self.peers.contains_key(&(Transport::Udp, to)) => {
                let found = socket_of(call.tid, descriptor);
                let transport = found.map_or(Transport::Udp, |found| found.transport);
                self.reached(transport, to, pid, lines);
            }
            Some(to) => self.reached(Transport::Udp, to, pid, lines),
            None => self.used(descriptor, lines),
        }
        let resolver = to.or_else(|| self.resolvers.get(&descriptor).copied());
        let Some(resolver) = resolver.filter(|to| to.port() == DNS) else { return };
        let mut room = [0; LONGEST_QUERY];
        let Ok(length) = payload(&mut room) else { return };
        let Some(name) = dns::asked_name(room.get(..length).unwrap_or_default()) else { return };
        if self.queries.len() >= MOST {
            self.left_out += 1;
        } else if self.queries.insert((name.clone(), resolver)) {
            lines.put(&Line::Query(Query { name, to: resolver, at: lines.now(), pid }));
        }
    }

    /// Whether the run itself listens or receives there.
    fn is_own(&mut self, transport: Transport, to: SocketAddr) -> bool {
        if transport == Transport::Udp {
            for (tid, descriptor) in std::mem::take(&mut self.unsettled) {
                let real = copy(tid, descriptor).and_then(|of| socket::local_address(of.as_fd()));
                match real {
                    Ok(Address::Inet(real)) if real.port() == 0 => {
                        self.unsettled.push((tid, descriptor));
                    }
                    Ok(Address::Inet(real)) => {
                        self.own.insert((transport, real));
                    }
                    _ => {}
                }
            }
        }
        let here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
        self.own.iter().any(|(kind, own)| {
            let (own_ip, to_ip) = (own.ip().to_canonical(), to.ip());
            *kind == transport
                && own.port() == to.port()
                && (own_ip == to_ip
                    || (to_ip.is_unspecified() && own_ip.is_loopback())
                    || (own_ip.is_unspecified() && (here(to_ip) || is_local(to_ip))))
        })
    }

    /// Counts that have changed since they were asked for last.
    pub(super) fn counts(&mut self) -> Vec<(String, u64)> {
        let changed = self.peers.iter_mut().filter(|(_, (times, told))| times > told);
        let counts = changed.map(|((_, to), (times, told))| {
            *told = *times;
            (to.to_string(), *times)
        });
        counts.collect()
    }
}

fn socket_of(tid: i32, descriptor: i32) -> Option<Socket> {
    let copy = copy(tid, descriptor).ok()?;
    let kind = socket::option(copy.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE).ok()?;
    let number = fd::identity(copy.as_fd()).ok()?.ino;
    let datagrams = kind != libc::SOCK_STREAM && kind != libc::SOCK_SEQPACKET;
    let transport = if datagrams { Transport::Udp } else { Transport::Tcp };
    Some(Socket { number, transport })
}

fn is_local(ip: IpAddr) -> bool {
    interfaces::addresses().is_ok_and(|all| all.contains(&ip))
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn copy(tid: i32, descriptor: i32) -> Result<OwnedFd, Errno> {
    let pidfd = peer::pidfd_open_thread(tid, &mut Vec::new())?;
    peer::pidfd_getfd(pidfd.as_fd(), descriptor)
}

fn address(tid: i32, at: u64, length: u64) -> Result<Address, Errno> {
    let mut room = [0; ADDRESS_ROOM];
    let length = usize::try_from(length & 0xffff_ffff).unwrap_or(usize::MAX);
    let into = room.get_mut(..length).ok_or(Errno(libc::EINVAL))?;
    caller::read(tid, at, into)?;
    Address::decode(into)
}

fn read_at_most(tid: i32, at: u64, length: u64, room: &mut [u8]) -> Result<usize, Errno> {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(room.len());
    caller::read_some(tid, at, room.get_mut(..length).unwrap_or_default())
}
