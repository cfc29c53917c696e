//! Answers the system calls that the service's filter sends here.
//!
//! One thread, one call at a time, and no call that can block on something the service shares:
//! what must wait is given to the [`Waiter`]. The address a decision is about is copied once out
//! of the service's memory and never read again; `Continue` is answered only where the kernel's
//! own locks (the network namespace and Landlock) already hold whatever the caller could change
//! in between. What travels through a socket afterwards is not seen here.

use super::control::Door;
use super::sender::Sender;
use super::shared::Shared;
use super::target::Targets;
use super::waiter::Waiter;
use crate::control::naming::Naming;
use crate::enforce::lock::LeftOut;
use crate::plan::{Access, UnixSocket};
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::net::Refusal;
use ringfence_sys::notify::{Answer, Listener, Notification};
use ringfence_sys::{Errno, socket};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

/// What the broker needs to know of the boundary besides the network policy.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Whether the service has a network namespace of its own.
    pub(crate) namespaces: bool,
    /// Nothing, but in a self-test.
    pub(crate) left_out: LeftOut,
    /// Programs it may start besides itself.
    pub(crate) children: Children,
    /// Whether allowed accesses are events too.
    pub(crate) audit: bool,
    /// Whether calls on files are looked at too.
    pub(crate) trace: bool,
    /// What the boundary shows; filled where calls on files are looked at.
    pub(crate) shown: Vec<(PathBuf, Access)>,
    /// Sockets that were handed over and may listen: cookie and place.
    pub(crate) listening: Vec<(u64, SocketAddr)>,
    /// Unix sockets of the host it may connect to.
    pub(crate) unix_sockets: Vec<UnixSocket>,
    /// Which missing grants may be named.
    pub(crate) naming: Naming,
    /// Folders of the host whose sockets it may connect to: the write grants.
    pub(crate) writable: Vec<PathBuf>,
}

/// Programs that a service may start besides itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Children {
    /// Whatever the mounts let be executed.
    Any,
    /// These, by device and inode.
    Listed(Vec<(u64, u64)>),
}

impl Children {
    /// Whether it may start none at all.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Listed(listed) if listed.is_empty())
    }

    /// Whether it may start this object, as far as the boundary says.
    pub(crate) fn contains(&self, object: &(u64, u64)) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed.contains(object),
        }
    }
}

/// The broker's first thread.
pub(crate) struct Broker {
    pub(super) listener: Arc<Listener>,
    pub(super) shared: Arc<Shared>,
    pub(super) scope: Scope,
    pub(super) targets: Targets,
    pub(super) waiter: Waiter,
    /// Network namespace of the host, as sockets show it.
    pub(super) host_cookie: u64,
    /// A netlink socket of the private network, and one of the host's.
    pub(super) inside_diag: Option<OwnedFd>,
    pub(super) host_diag: Option<OwnedFd>,
    /// The program has started: an exec from now on is the service's own.
    pub(super) started: bool,
    /// What a look at files has told already: each thing is told once.
    pub(super) seen: HashSet<String>,
    /// Gives channels to processes that may ask about their boundary.
    pub(super) door: Door,
    /// Told once, with the thread id of the program that starts.
    pub(super) on_start: Box<dyn FnMut(i32) + Send>,
}

/// What becomes of a call.
pub(super) enum Reply {
    /// It is answered now.
    Now(Answer),
    /// The waiter answers it.
    Later,
}

impl From<Result<(), Errno>> for Reply {
    fn from(result: Result<(), Errno>) -> Self {
        Self::Now(match result {
            Ok(()) => Answer::Return(0),
            Err(errno) => Answer::Fail(errno),
        })
    }
}

impl Reply {
    pub(super) const fn fail(errno: i32) -> Self {
        Self::Now(Answer::Fail(Errno(errno)))
    }
}

/// Sockets of the two networks that only init or this process could make.
pub(crate) struct Diagnosers {
    /// Netlink socket of the private network.
    pub(crate) inside: Option<OwnedFd>,
    /// Netlink socket of the host's network.
    pub(crate) host: Option<OwnedFd>,
}

impl Broker {
    /// A broker for one listener.
    ///
    /// # Errors
    /// No socket can be made on the host.
    pub(crate) fn new(
        listener: Arc<Listener>,
        shared: Arc<Shared>,
        scope: Scope,
        diagnosers: Diagnosers,
        waiter: Waiter,
        door: Door,
        on_start: Box<dyn FnMut(i32) + Send>,
    ) -> Result<Self, Errno> {
        let own = socket::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        shared.remember_listeners(&scope.listening);
        Ok(Self {
            host_cookie: socket::netns_cookie(own.as_fd())?,
            listener,
            shared,
            scope,
            targets: Targets::default(),
            waiter,
            inside_diag: diagnosers.inside,
            host_diag: diagnosers.host,
            started: false,
            seen: HashSet::new(),
            door,
            on_start,
        })
    }

    /// Answers calls until no process is left under the filter.
    pub(crate) fn serve(&mut self) -> Result<(), Errno> {
        loop {
            match self.listener.receive() {
                Ok(Some(call)) => self.handle(&call),
                Ok(None) => {}
                Err(Errno(libc::ENOTCONN)) => return Ok(()),
                Err(other) => return Err(other),
            }
        }
    }

    fn handle(&mut self, call: &Notification) {
        let reply = match call.number {
            libc::SYS_connect => self.connect(call),
            libc::SYS_bind => self.bind(call),
            libc::SYS_listen => self.listen(call),
            libc::SYS_execve => self.exec(call, 0),
            libc::SYS_execveat => self.exec(call, 1),
            _ if self.scope.trace => self.trace(call),
            _ => Reply::fail(libc::ENOSYS),
        };
        if let Reply::Now(answer) = reply {
            // A caller that died meanwhile needs no answer.
            let _ = self.listener.answer(call.id, answer);
        }
    }

    /// The caller's socket, held by this process for the length of one call.
    pub(super) fn grab(&mut self, call: &Notification) -> Result<OwnedFd, Errno> {
        let number = i32::try_from(call.args[0] & 0xffff_ffff).map_err(|_| Errno(libc::EBADF))?;
        self.targets.descriptor(call.tid, number)
    }

    /// The address a call names, copied once.
    pub(super) fn address(&self, call: &Notification) -> Result<socket::Address, Errno> {
        let mut room = [0; socket::ADDRESS_ROOM];
        let length = usize::try_from(call.args[2] & 0xffff_ffff).unwrap_or(usize::MAX);
        let wanted = room.get_mut(..length).ok_or(Errno(libc::EINVAL))?;
        self.targets.read(call.tid, call.args[1], wanted)?;
        if !self.listener.alive(call.id) {
            return Err(Errno(libc::ESRCH));
        }
        socket::Address::decode(wanted)
    }

    /// Whether a socket belongs to the host's network.
    pub(super) fn is_host(&self, socket: BorrowedFd<'_>) -> Result<bool, Errno> {
        Ok(socket::netns_cookie(socket)? == self.host_cookie)
    }

    pub(super) fn refuse(
        &self,
        action: Action,
        resource: &str,
        call: &Notification,
        refusal: &Refusal,
    ) {
        let mut event = event(Kind::Denial, action, resource, call).refused(refusal.clone());
        event.missing_grant = self.scope.naming.line(event.missing_grant.take());
        self.shared.events.emit(event);
    }

    pub(super) fn allowed(&self, action: Action, resource: &str, call: &Notification) {
        if self.scope.audit {
            self.shared.events.emit(event(Kind::Allowed, action, resource, call));
        }
    }

    pub(super) fn sender(&self, call: &Notification) -> Sender {
        Sender::new(Arc::clone(&self.listener), call.id, call.args[0])
    }
}

/// The sink fills in the time and the service.
pub(super) fn event(kind: Kind, action: Action, resource: &str, call: &Notification) -> Event {
    let mut event = Event::new(kind, "", "", Layer::Broker, action, resource);
    event.pid = u32::try_from(call.tid).ok();
    event
}
