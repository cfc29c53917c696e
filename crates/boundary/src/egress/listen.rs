//! `bind(2)` and `listen(2)`: granted addresses on the host, everything else stays inside.
//!
//! A granted bind is done by this process on a socket of the host's network, which then takes the
//! place of the service's. Only such a socket may listen there; it is known by its cookie, which
//! the kernel never gives out twice. Path names of Unix sockets are bound by the kernel itself:
//! Landlock and the mount namespace confine the path, and an address swapped in meanwhile can only
//! bind inside the private network; where there is no private network this process binds them.

use super::broker::{Broker, Reply};
use super::connect::{in_family, is_stream};
use super::options;
use super::place::canonical;
use super::target;
use ringfence_policy::event::Action;
use ringfence_policy::net::{ListenPlace, Refusal, Transport};
use ringfence_sys::notify::{Answer, Notification};
use ringfence_sys::socket::{self, Address};
use ringfence_sys::{Errno, landlock};
use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

impl Broker {
    pub(super) fn bind(&mut self, call: &Notification) -> Reply {
        match self.try_bind(call) {
            Ok(reply) => reply,
            Err(errno) => Reply::fail(errno.0),
        }
    }

    fn try_bind(&mut self, call: &Notification) -> Result<Reply, Errno> {
        let socket = self.grab(call)?;
        let domain = socket::option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_DOMAIN)?;
        let address = self.address(call)?;
        match (domain, address) {
            (libc::AF_UNIX, address) => Ok(self.bind_unix(call, &socket, &address)),
            (libc::AF_INET | libc::AF_INET6, Address::Inet(asked)) => {
                let kind = socket::option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE)?;
                if is_stream(kind) {
                    self.bind_tcp(call, &socket, domain, asked)
                } else {
                    Ok(self.bind_udp(&socket, asked).into())
                }
            }
            (libc::AF_NETLINK, address) => {
                Ok(socket::bind_address(socket.as_fd(), &address).into())
            }
            _ => Ok(Reply::fail(libc::EAFNOSUPPORT)),
        }
    }

    fn bind_unix(&self, call: &Notification, socket: &OwnedFd, address: &Address) -> Reply {
        if !self.scope.namespaces && !matches!(address, Address::UnixPath(_)) {
            let refusal = Refusal {
                reason: "abstract names are shared with the host without a network namespace"
                    .to_owned(),
                missing_grant: None,
            };
            self.refuse(Action::Bind, &address.to_string(), call, &refusal);
            return Reply::fail(libc::EACCES);
        }
        // Continue is safe only while Landlock keeps TCP binds shut (lock 3).
        if landlock::abi().is_none_or(|abi| landlock::rights_for(abi).net == 0) {
            return Reply::fail(libc::EACCES);
        }
        match address {
            Address::UnixPath(path) if !self.scope.namespaces => {
                self.bind_path_here(call, socket, path).unwrap_or_else(|errno| Reply::fail(errno.0))
            }
            _ => Reply::Now(Answer::Continue),
        }
    }

    /// Without a network namespace the kernel must not read the address again: by then it could be
    /// an abstract name of the host. So this process binds, in the folder it has looked at; the
    /// socket then shows that folder by a path of `/proc`.
    fn bind_path_here(
        &self,
        call: &Notification,
        socket: &OwnedFd,
        path: &[u8],
    ) -> Result<Reply, Errno> {
        let path = Path::new(OsStr::from_bytes(path));
        let name = path.file_name().ok_or(Errno(libc::EINVAL))?;
        let parent = path.parent().unwrap_or(Path::new("")).as_os_str().as_bytes();
        let folder = target::open_inside(call.tid, parent, None)?;
        if !self.listener.alive(call.id) {
            return Err(Errno(libc::ESRCH));
        }
        let here = format!("/proc/self/fd/{}", folder.as_raw_fd());
        let real = std::fs::read_link(&here)?;
        if !self.scope.writable.iter().any(|granted| real.starts_with(granted)) {
            let refusal = Refusal {
                reason: "the socket lies in no folder that the service may write".to_owned(),
                missing_grant: Some(format!("fs.write = [\"{}\"]", real.display())),
            };
            self.refuse(Action::Bind, &path.to_string_lossy(), call, &refusal);
            return Ok(Reply::fail(libc::EACCES));
        }
        let there = [here.as_bytes(), b"/", name.as_bytes()].concat();
        Ok(socket::bind_address(socket.as_fd(), &Address::UnixPath(there)).into())
    }

    fn bind_tcp(
        &mut self,
        call: &Notification,
        socket: &OwnedFd,
        domain: i32,
        asked: SocketAddr,
    ) -> Result<Reply, Errno> {
        let unmapped = SocketAddr::new(unmap(asked.ip()), asked.port());
        match self.shared.network().listen(Transport::Tcp, unmapped) {
            Ok(ListenPlace::Host(place)) => self.bind_host(call, socket, domain, place),
            Ok(ListenPlace::Private) if self.is_host(socket.as_fd())? => {
                let dropped = self.shared.network().listen_dropped(Transport::Tcp, unmapped);
                let refusal = dropped.unwrap_or_else(|| Refusal {
                    reason: format!("no grant lets the service listen on {unmapped}"),
                    missing_grant: Some(format!("net.listen = [\"{}\"]", canonical(asked))),
                });
                self.refuse(Action::Bind, &asked.to_string(), call, &refusal);
                Ok(Reply::fail(libc::EACCES))
            }
            Ok(ListenPlace::Private) => {
                self.tell_private(call, unmapped);
                Ok(socket::bind(socket.as_fd(), &asked).into())
            }
            Err(refusal) => {
                self.refuse(Action::Bind, &asked.to_string(), call, &refusal);
                Ok(Reply::fail(libc::EACCES))
            }
        }
    }

    /// A listener that nobody outside can reach is more often a forgotten grant than meant; it is
    /// told once. Port 0 asks for any port, as a program does that talks to itself.
    fn tell_private(&mut self, call: &Notification, asked: SocketAddr) {
        if asked.port() == 0 || !self.seen.insert(format!("private {asked}")) {
            return;
        }
        let dropped = self.shared.network().listen_dropped(Transport::Tcp, asked);
        let refusal = dropped.unwrap_or_else(|| Refusal {
            reason: format!("the listener {asked} stays inside: no net.listen grant covers it"),
            missing_grant: Some(format!("net.listen = [\"{asked}\"]")),
        });
        self.refuse(Action::Listen, &asked.to_string(), call, &refusal);
    }

    /// Datagram sockets stay inside. At a port that is relayed from the host the relay binds the
    /// addresses of peers, of which one may have the same port.
    fn bind_udp(&self, socket: &OwnedFd, asked: SocketAddr) -> Result<(), Errno> {
        if matches!(self.shared.network().listen(Transport::Udp, asked), Ok(ListenPlace::Host(_))) {
            socket::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        }
        socket::bind(socket.as_fd(), &asked)
    }

    fn bind_host(
        &mut self,
        call: &Notification,
        socket: &OwnedFd,
        domain: i32,
        place: SocketAddr,
    ) -> Result<Reply, Errno> {
        if domain == libc::AF_INET && place.is_ipv6() {
            return Ok(Reply::fail(libc::EADDRNOTAVAIL));
        }
        let in_place = self.is_host(socket.as_fd())?;
        let fresh = if in_place {
            socket.try_clone().map_err(Errno::from)?
        } else {
            let made = socket::socket(domain, libc::SOCK_STREAM, 0)?;
            options::copy(socket.as_fd(), made.as_fd(), domain == libc::AF_INET6);
            let flags = ringfence_sys::fd::status_flags(socket.as_fd())?;
            ringfence_sys::fd::set_nonblocking(made.as_fd(), flags & libc::O_NONBLOCK != 0)?;
            made
        };
        if let Err(errno) = socket::bind(fresh.as_fd(), &in_family(place, domain)) {
            return Ok(Reply::fail(errno.0));
        }
        let at = bound_at(fresh.as_fd(), place)?;
        let sender = self.sender(call);
        let put = || if in_place { Ok(()) } else { sender.replace(fresh.as_fd()) };
        self.shared.inject_listener(at, place, fresh.as_fd(), put)?;
        self.allowed(Action::Bind, &place.to_string(), call);
        Ok(Ok(()).into())
    }

    /// A socket inside may listen; one on the host only where a grant bound it.
    pub(super) fn listen(&mut self, call: &Notification) -> Reply {
        match self.try_listen(call) {
            Ok(reply) => reply,
            Err(errno) => Reply::fail(errno.0),
        }
    }

    fn try_listen(&mut self, call: &Notification) -> Result<Reply, Errno> {
        let socket = self.grab(call)?;
        let backlog = i32::try_from(call.args[1] & 0xffff_ffff).unwrap_or(i32::MAX);
        let domain = socket::option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_DOMAIN)?;
        let inet = matches!(domain, libc::AF_INET | libc::AF_INET6);
        if !inet || !self.is_host(socket.as_fd())? {
            return Ok(socket::listen(socket.as_fd(), backlog).into());
        }
        let listens = || socket::listen(socket.as_fd(), backlog);
        let listened = self.shared.listening(socket.as_fd(), listens);
        if listened == Err(Errno(libc::EACCES)) {
            let refusal = Refusal {
                reason: "no grant bound this socket to an address of the host".to_owned(),
                missing_grant: None,
            };
            self.refuse(Action::Listen, "unbound socket", call, &refusal);
        }
        Ok(listened.into())
    }
}

/// Where a socket was bound: the kernel chooses a port where any was granted.
fn bound_at(socket: BorrowedFd<'_>, place: SocketAddr) -> Result<SocketAddr, Errno> {
    if place.port() != 0 {
        return Ok(place);
    }
    match socket::local_address(socket)? {
        Address::Inet(at) => Ok(SocketAddr::new(place.ip(), at.port())),
        _ => Err(Errno(libc::EAFNOSUPPORT)),
    }
}

/// IPv4 out of a mapped address; unlike for connecting, the unspecified address stays.
fn unmap(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}
