//! TCP sockets of the host's network: those that must go are shut down, and then looked for.
//!
//! The descriptors of the tree are only the way to the sockets. Whether they are gone is asked of
//! the kernel by cookie and address (`sock_diag(7)`), so that one which no table holds is found
//! too. A socket that is shut down in both directions carries nothing more: what arrives later is
//! answered with a reset. Bytes that were sent before still arrive.

use super::order::{ASKING, Cut, Seen};
use super::tables::{self, Table};
use ringfence_sys::Errno;
use ringfence_sys::netlink::{self, TcpSocket};
use ringfence_sys::socket::{self, Address};
use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Both directions.
const SHUT: u8 = 3;
/// Everything but what is closed or only lingers.
const LIVING: u32 = netlink::ANY_STATE & !(1 << 6 | 1 << 7 | 1 << 13);

/// What was cut, and how to look for the rest.
#[derive(Debug)]
pub(super) struct Sockets<'a> {
    cut: &'a Cut,
    diag: OwnedFd,
    /// Owner of the service's sockets.
    uid: u32,
    /// Inodes of those that were cut, with their cookies.
    doomed: BTreeMap<u64, u64>,
    /// Addresses of listeners that were cut.
    gone: Vec<SocketAddr>,
    /// Both addresses of accepted connections that stay.
    accepted: HashSet<(SocketAddr, SocketAddr)>,
    pub(super) connections: usize,
    pub(super) listeners: usize,
}

impl<'a> Sockets<'a> {
    /// Shuts down what must go of what the tables hold.
    pub(super) fn cut(cut: &'a Cut, uid: u32, tables: &[Table]) -> Result<Self, String> {
        let diag =
            netlink::open_diag().map_err(|errno| format!("asking about sockets: {errno}"))?;
        let mut sockets = Self {
            cut,
            diag,
            uid,
            doomed: BTreeMap::new(),
            gone: Vec::new(),
            accepted: HashSet::new(),
            connections: 0,
            listeners: 0,
        };
        sockets.choose(tables)?;
        sockets.shut_down(tables)?;
        Ok(sockets)
    }

    fn choose(&mut self, tables: &[Table]) -> Result<(), String> {
        let host = host_cookie().map_err(|errno| format!("the host's network: {errno}"))?;
        let mut held = Vec::new();
        tables::each_socket(tables, |inode, socket| {
            if let Some(found) = look(socket.as_fd(), host)? {
                held.push((inode, found));
            }
            Ok(())
        })?;
        self.find_remotes(&mut held)?;
        for (_, socket) in &held {
            if let Some(remote) = self.stays_accepted(socket) {
                self.accepted.insert((socket.local, remote));
            }
        }
        for (inode, socket) in held {
            if self.must_go(&socket) {
                self.doomed.insert(inode, socket.cookie);
                if socket.listens() {
                    self.listeners += 1;
                    self.gone.push(socket.local);
                } else {
                    self.connections += 1;
                }
            }
        }
        Ok(())
    }

    /// The socket itself does not tell where a connection leads that is still being asked for.
    fn find_remotes(&self, held: &mut [(u64, Seen)]) -> Result<(), String> {
        if !held.iter().any(|(_, socket)| socket.state == ASKING) {
            return Ok(());
        }
        let asking = self.list(1 << ASKING)?;
        for (_, socket) in held.iter_mut().filter(|(_, socket)| socket.state == ASKING) {
            let found = asking.iter().find(|other| other.cookie == socket.cookie);
            socket.remote = found.map(|other| other.remote);
        }
        Ok(())
    }

    /// The other side of a connection that one of the listeners that stay has accepted.
    fn stays_accepted(&self, socket: &Seen) -> Option<SocketAddr> {
        let incoming = !socket.listens() && !self.cut.knows(socket.cookie);
        socket.remote.filter(|_| incoming && !self.cut.must_go(socket, false))
    }

    fn must_go(&self, socket: &Seen) -> bool {
        let own = socket.remote.is_some_and(|r| self.accepted.contains(&(r, socket.local)));
        self.cut.must_go(socket, own)
    }

    fn shut_down(&self, tables: &[Table]) -> Result<(), String> {
        tables.iter().try_for_each(|table| {
            table.shut_down(|inode| self.doomed.contains_key(&inode)).map(drop)
        })
    }

    /// Sockets that are still there and must not be, whoever holds them.
    pub(super) fn survivors(&self) -> Result<Vec<TcpSocket>, String> {
        let cookies: HashSet<u64> = self.doomed.values().copied().collect();
        let survives = |socket: &TcpSocket| {
            // Without this word it is no whole socket: nobody can hold it.
            if socket.shutdown.is_none_or(|shut| shut & SHUT == SHUT) {
                return false;
            }
            let seen = Seen {
                cookie: socket.cookie,
                state: socket.state,
                local: socket.local,
                remote: Some(socket.remote).filter(|remote| remote.port() != 0),
            };
            let known = self.cut.knows(socket.cookie);
            cookies.contains(&socket.cookie)
                || (known && self.must_go(&seen))
                || (!known && socket.uid == self.uid && self.is_orphan(&seen))
        };
        Ok(self.list(LIVING)?.into_iter().filter(survives).collect())
    }

    /// Whether it was accepted by a listener that is gone.
    fn is_orphan(&self, socket: &Seen) -> bool {
        !socket.listens() && self.cut.was_accepted(socket.local, &self.gone)
    }

    /// Aborts survivors, where the kernel lets this process.
    pub(super) fn destroy(&self, survivors: &[TcpSocket]) {
        for survivor in survivors {
            // Whether it worked is asked afterwards.
            let _ = netlink::destroy_tcp(self.diag.as_fd(), survivor);
        }
    }

    fn list(&self, states: u32) -> Result<Vec<TcpSocket>, String> {
        let mut all = Vec::new();
        for ipv6 in [false, true] {
            let list = netlink::tcp_sockets(self.diag.as_fd(), ipv6, states, None);
            all.extend(list.map_err(|errno| format!("asking about sockets: {errno}"))?);
        }
        Ok(all)
    }
}

/// A socket of the host's network, whatever protocol it has; nothing for any other.
fn look(socket: BorrowedFd<'_>, host: u64) -> Result<Option<Seen>, Errno> {
    let domain = socket::option(socket, libc::SOL_SOCKET, libc::SO_DOMAIN)?;
    if !matches!(domain, libc::AF_INET | libc::AF_INET6) || socket::netns_cookie(socket)? != host {
        return Ok(None);
    }
    let Address::Inet(local) = socket::local_address(socket)? else { return Ok(None) };
    let remote = match socket::peer_address(socket) {
        Ok(Address::Inet(remote)) => Some(remote),
        _ => None,
    };
    let cookie = socket::cookie(socket)?;
    Ok(Some(Seen { cookie, state: state(socket)?, local, remote }))
}

/// The state of a connection; a protocol that keeps none is always ready.
fn state(socket: BorrowedFd<'_>) -> Result<u8, Errno> {
    const READY: u8 = 1;
    let mut info = [0; 8];
    match socket::option_bytes(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info) {
        Ok(_) => Ok(info[0]),
        Err(Errno(libc::ENOPROTOOPT | libc::EOPNOTSUPP)) => Ok(READY),
        Err(other) => Err(other),
    }
}

/// The network that the broker's sockets are made in is this process's.
fn host_cookie() -> Result<u64, Errno> {
    let any = socket::socket(libc::AF_INET, libc::SOCK_STREAM, 0)
        .or_else(|_| socket::socket(libc::AF_INET6, libc::SOCK_STREAM, 0))?;
    socket::netns_cookie(any.as_fd())
}
