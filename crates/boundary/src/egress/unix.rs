//! Unix sockets: the object that is reached is what is decided about, not its name.
//!
//! A path is opened inside the service's own root without opening the socket, and the connection
//! is made to that very object, by this process, which holds the service's ids and no capability:
//! the peer sees the service's user, and a socket closed to it stays closed. Sockets of the host
//! that `net.unix` grants are not in the service's root at all; they are known by path.

use super::broker::{Broker, Reply};
use super::connect::is_nonblocking;
use super::target;
use super::waiter::Pending;
use crate::plan::UnixSocket;
use ringfence_policy::event::Action;
use ringfence_policy::net::Refusal;
use ringfence_sys::notify::Notification;
use ringfence_sys::socket::{self, Address};
use ringfence_sys::{Errno, fd, walk};
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

impl Broker {
    pub(super) fn connect_unix(
        &mut self,
        call: &Notification,
        socket: OwnedFd,
        address: &Address,
    ) -> Result<Reply, Errno> {
        let path = match address {
            Address::UnixPath(path) => path,
            Address::UnixAbstract(_) if self.scope.namespaces => {
                return self.connect_there(call, socket, address.clone(), None, None);
            }
            Address::Unspecified => return Ok(socket::disconnect(socket.as_fd()).into()),
            _ => {
                let refusal = Refusal {
                    reason: "abstract names are shared with the host without a network namespace"
                        .to_owned(),
                    missing_grant: None,
                };
                self.refuse(Action::UnixConnect, &address.to_string(), call, &refusal);
                return Ok(Reply::fail(libc::EACCES));
            }
        };
        let path = Path::new(OsStr::from_bytes(path));
        if let Some(granted) = self.granted(&normal(path)) {
            let target = open_host(&granted)?;
            self.allowed(Action::UnixConnect, &path.to_string_lossy(), call);
            return self.connect_object(call, socket, target, Some(granted.real));
        }
        if self.scope.unix_sockets.iter().any(|s| s.named == normal(path)) {
            let shown = path.to_string_lossy();
            self.refuse(Action::UnixConnect, &shown, call, &Refusal::dropped(&shown));
            return Ok(Reply::fail(libc::EACCES));
        }
        let target = target::open_inside(call.tid, path.as_os_str().as_bytes(), None)?;
        // Else the number may be another process's by now, and the root that was looked into too.
        if !self.listener.alive(call.id) {
            return Err(Errno(libc::ESRCH));
        }
        if !self.is_own(&target)? {
            let refusal = Refusal {
                reason: "a socket in a folder that is only readable is not granted".to_owned(),
                missing_grant: Some(format!("net.unix = [\"{}\"]", path.display())),
            };
            self.refuse(Action::UnixConnect, &path.to_string_lossy(), call, &refusal);
            return Ok(Reply::fail(libc::EACCES));
        }
        self.connect_object(call, socket, target, None)
    }

    fn granted(&self, path: &Path) -> Option<UnixSocket> {
        let mut sockets = self.scope.unix_sockets.iter();
        let found = sockets.find(|s| s.named == path || s.real == path)?;
        self.shared.injected().grants_unix(&found.real).then(|| found.clone())
    }

    /// What the service may have made itself lies on a writable mount: private memory or a write
    /// grant. Without a mount namespace the object's own path tells.
    fn is_own(&self, target: &OwnedFd) -> Result<bool, Errno> {
        if self.scope.namespaces {
            return Ok(!walk::on_read_only_mount(target.as_fd())?);
        }
        let path = std::fs::read_link(format!("/proc/self/fd/{}", target.as_raw_fd()))?;
        Ok(self.scope.writable.iter().any(|folder| path.starts_with(folder)))
    }

    fn connect_object(
        &mut self,
        call: &Notification,
        socket: OwnedFd,
        target: OwnedFd,
        granted: Option<PathBuf>,
    ) -> Result<Reply, Errno> {
        let through = format!("/proc/self/fd/{}", target.as_raw_fd()).into_bytes();
        self.connect_there(call, socket, Address::UnixPath(through), Some(target), granted)
    }

    /// A full backlog would block: a blocking caller waits in the other thread.
    fn connect_there(
        &mut self,
        call: &Notification,
        socket: OwnedFd,
        address: Address,
        target: Option<OwnedFd>,
        granted: Option<PathBuf>,
    ) -> Result<Reply, Errno> {
        let shared = Arc::clone(&self.shared);
        let connect = || {
            let injected = shared.injected();
            match &granted {
                Some(real) if !injected.grants_unix(real) => Err(Errno(libc::EACCES)),
                _ => socket::connect_address(socket.as_fd(), &address),
            }
        };
        if is_nonblocking(socket.as_fd())? {
            return Ok(connect().into());
        }
        fd::set_nonblocking(socket.as_fd(), true)?;
        match connect() {
            Err(Errno(libc::EAGAIN)) => {
                let sender = self.sender(call);
                let pending = Pending::backlog(sender, socket, address, target, granted)?;
                self.waiter.wait_for(pending)?;
                Ok(Reply::Later)
            }
            other => {
                fd::set_nonblocking(socket.as_fd(), false)?;
                Ok(other.into())
            }
        }
    }
}

/// The host's socket as it is now: its server makes a new object whenever it restarts. The real
/// path had no symlink when it was found; where the service may write on the way, one that is
/// there now would lead to any socket of the host.
fn open_host(granted: &UnixSocket) -> Result<OwnedFd, Errno> {
    let root = target::open_folder("/")?;
    walk::open_without_links(root.as_fd(), granted.real.as_os_str().as_bytes())
}

/// Without `.`, `..` and doubled slashes; `..` is taken off the name, as the grant was.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
