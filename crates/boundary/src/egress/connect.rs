//! `connect(2)`: the broker makes the connection, the service gets the socket.
//!
//! A granted TCP connection is opened on the host's network by this process, to the address it
//! decided on, and put in the place of the service's socket. Datagram sockets never leave the
//! private network; the relay carries what they send. A socket that is the host's already (its
//! connection was dissolved and it connects again) is connected here too, by the same decision.

use super::broker::{Broker, Reply};
use super::injected::Decided;
use super::options;
use super::place::{Place, canonical, is_handed_out, place, stays_here};
use super::waiter::Pending;
use crate::enforce::lock::Lock;
use ringfence_policy::event::Action;
use ringfence_policy::net::{HostName, Refusal, Transport};
use ringfence_sys::notify::{Answer, Notification};
use ringfence_sys::socket::{self, Address};
use ringfence_sys::{Errno, fd, netlink};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

impl Broker {
    pub(super) fn connect(&mut self, call: &Notification) -> Reply {
        match self.try_connect(call) {
            Ok(reply) => reply,
            Err(errno) => Reply::fail(errno.0),
        }
    }

    fn try_connect(&mut self, call: &Notification) -> Result<Reply, Errno> {
        let socket = self.grab(call)?;
        let domain = socket::option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_DOMAIN)?;
        let address = self.address(call)?;
        let stream =
            || socket::option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE).map(is_stream);
        match (domain, address) {
            (libc::AF_INET | libc::AF_INET6, Address::Inet(to)) if stream()? => {
                if domain == libc::AF_INET6 && to.is_ipv4() {
                    return Ok(Reply::fail(libc::EAFNOSUPPORT));
                }
                self.connect_tcp(call, &socket, domain, to)
            }
            (libc::AF_INET | libc::AF_INET6, Address::Inet(to)) => {
                Ok(self.connect_udp(call, &socket, to))
            }
            (libc::AF_INET | libc::AF_INET6, Address::Unspecified) => {
                Ok(socket::disconnect(socket.as_fd()).into())
            }
            (libc::AF_UNIX, address) => self.connect_unix(call, socket, &address),
            (libc::AF_NETLINK, address) => {
                Ok(socket::connect_address(socket.as_fd(), &address).into())
            }
            _ => Ok(Reply::fail(libc::EAFNOSUPPORT)),
        }
    }

    fn connect_tcp(
        &mut self,
        call: &Notification,
        socket: &OwnedFd,
        domain: i32,
        asked: SocketAddr,
    ) -> Result<Reply, Errno> {
        let generation = self.shared.generation();
        let (place, own) = self.reachable(asked);
        match place {
            Place::Host(..) if self.scope.left_out.has(Lock::BrokerCopies) => {
                Ok(Reply::Now(Answer::Continue))
            }
            Place::Host(real, name) => {
                if self.scope.audit {
                    let resource = resource(name.as_ref(), asked, real);
                    self.allowed(Action::Connect, &resource, call);
                }
                let decided = Decided { to: real, name, own, generation };
                self.connect_host(call, socket, domain, decided)
            }
            Place::Inside if self.is_host(socket.as_fd())? => {
                self.refuse_inside(call, asked);
                Ok(Reply::fail(libc::ECONNREFUSED))
            }
            Place::Inside => self.connect_inside(call, socket, asked),
            Place::Refused(refusal) => {
                let resource = asked.to_string();
                self.refuse(Action::Connect, &resource, call, &refusal);
                Ok(Reply::fail(libc::EACCES))
            }
        }
    }

    /// The decision, and for an address of this host whether the service itself listens there.
    fn reachable(&self, asked: SocketAddr) -> (Place, bool) {
        let to = canonical(asked);
        match place(&self.shared, Transport::Tcp, asked) {
            Place::Inside | Place::Refused(_) if self.own_listener(to) => {
                (Place::Host(to, None), true)
            }
            other => (other, false),
        }
    }

    /// Whether the service itself listens on the host at this address: the socket there must be
    /// one that this broker bound, by its cookie, and no other may be there. A listener on every
    /// address fits any destination, so only what stays on this host is asked about.
    fn own_listener(&self, to: SocketAddr) -> bool {
        if !self.shared.any_listens() || !stays_here(&self.shared.host, to.ip()) {
            return false;
        }
        let Some(diag) = &self.host_diag else { return false };
        netlink::tcp_listeners(diag.as_fd(), to)
            .is_ok_and(|cookies| !cookies.is_empty() && self.shared.all_listen(&cookies))
    }

    fn connect_inside(
        &mut self,
        call: &Notification,
        socket: &OwnedFd,
        asked: SocketAddr,
    ) -> Result<Reply, Errno> {
        let listens = self.inside_diag.as_ref().is_none_or(|diag| {
            netlink::tcp_listeners(diag.as_fd(), canonical(asked)).map_or(true, |l| !l.is_empty())
        });
        if !listens {
            self.refuse_inside(call, asked);
            return Ok(Reply::fail(libc::ECONNREFUSED));
        }
        self.connect_in_place(call, socket, asked, None)
    }

    /// Nothing listens at this loopback address inside, and the host's is not granted.
    fn refuse_inside(&self, call: &Notification, asked: SocketAddr) {
        let to = canonical(asked);
        let dropped = self.shared.network().address_dropped(Transport::Tcp, to);
        let refusal = dropped.unwrap_or_else(|| Refusal {
            reason: format!("the service does not listen on {to}, and the host's is not granted"),
            missing_grant: Some(format!("net.connect = [\"{to}\"]")),
        });
        self.refuse(Action::Connect, &asked.to_string(), call, &refusal);
    }

    fn connect_host(
        &mut self,
        call: &Notification,
        socket: &OwnedFd,
        domain: i32,
        decided: Decided,
    ) -> Result<Reply, Errno> {
        if let Some(diag) = &self.host_diag {
            self.shared.prune(diag.as_fd());
        }
        let to = in_family(decided.to, domain);
        if self.is_host(socket.as_fd())? {
            return self.connect_in_place(call, socket, to, Some(&decided));
        }
        let fresh = socket::socket(domain, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
        options::copy(socket.as_fd(), fresh.as_fd(), domain == libc::AF_INET6);
        let blocking = !is_nonblocking(socket.as_fd())?;
        let sender = self.sender(call);
        match socket::connect(fresh.as_fd(), &to) {
            Ok(()) => {
                if blocking {
                    fd::set_nonblocking(fresh.as_fd(), false)?;
                }
                let put = || sender.replace(fresh.as_fd());
                self.shared.inject(&decided, fresh.as_fd(), put)?;
                Ok(Ok(()).into())
            }
            Err(Errno(libc::EINPROGRESS)) if blocking => {
                self.waiter.wait_for(Pending::injected(sender, fresh, decided))?;
                Ok(Reply::Later)
            }
            Err(Errno(libc::EINPROGRESS)) => {
                let put = || sender.replace(fresh.as_fd());
                self.shared.inject(&decided, fresh.as_fd(), put)?;
                Ok(Reply::fail(libc::EINPROGRESS))
            }
            Err(errno) => Ok(Reply::fail(errno.0)),
        }
    }

    /// Connects the caller's own socket by this process's address, without ever blocking here.
    /// Inside nothing was `decided`, and nothing can be taken back.
    fn connect_in_place(
        &mut self,
        call: &Notification,
        socket: &OwnedFd,
        to: SocketAddr,
        decided: Option<&Decided>,
    ) -> Result<Reply, Errno> {
        let connect = || socket::connect(socket.as_fd(), &to);
        let connect = || match decided {
            Some(decided) => self.shared.inject(decided, socket.as_fd(), connect),
            None => connect(),
        };
        if is_nonblocking(socket.as_fd())? {
            return Ok(connect().into());
        }
        fd::set_nonblocking(socket.as_fd(), true)?;
        match connect() {
            Err(Errno(libc::EINPROGRESS | libc::EALREADY)) => {
                let copy = socket.try_clone().map_err(Errno::from)?;
                let pending = Pending::in_place(self.sender(call), copy, to, decided.cloned());
                self.waiter.wait_for(pending)?;
                Ok(Reply::Later)
            }
            other => {
                fd::set_nonblocking(socket.as_fd(), false)?;
                Ok(other.into())
            }
        }
    }

    /// Resolvers connect datagram sockets to learn a source address, so an address that was handed
    /// out is fine; the relay decides about what is sent.
    fn connect_udp(&mut self, call: &Notification, socket: &OwnedFd, asked: SocketAddr) -> Reply {
        if !is_handed_out(canonical(asked).ip())
            && let Place::Refused(refusal) = place(&self.shared, Transport::Udp, asked)
        {
            self.refuse(Action::UdpSend, &asked.to_string(), call, &refusal);
            return Reply::fail(libc::EACCES);
        }
        socket::connect(socket.as_fd(), &asked).into()
    }
}

/// The same address as a socket of this family takes it.
pub(super) fn in_family(to: SocketAddr, domain: i32) -> SocketAddr {
    match to {
        SocketAddr::V4(v4) if domain == libc::AF_INET6 => {
            SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
        }
        other => other,
    }
}

pub(super) fn is_nonblocking(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(fd::status_flags(socket)? & libc::O_NONBLOCK != 0)
}

pub(super) fn is_stream(kind: i32) -> bool {
    kind == libc::SOCK_STREAM
}

fn resource(name: Option<&HostName>, asked: SocketAddr, real: SocketAddr) -> String {
    name.map_or_else(|| asked.to_string(), |name| format!("{name}:{} ({real})", real.port()))
}
