//! What a parent process hands to a service: sockets it listens on, a channel, a place to report.
//!
//! systemd's sockets (`sd_listen_fds(3)`) are handed over when a `listen` grant covers each of them.
//! Node's own channel (`NODE_CHANNEL_FD`) and systemd's notify socket (`sd_notify(3)`) are relayed as
//! bytes, because descriptors could travel through the originals.

use super::error::{During, EnforceError};
use ringfence_policy::model::Network;
use ringfence_policy::net::{ListenPlace, Transport};
use ringfence_sys::socket::{self, Address};
use ringfence_sys::{Errno, fd};
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

/// First descriptor of a socket activation.
const FIRST: RawFd = 3;
/// Most sockets one activation may bring.
const MOST: RawFd = 64;
/// Where the service reports.
pub(super) const NOTIFY: &str = "/run/ringfence/notify";
/// Assignments that a service may send on; `MAINPID` and stored descriptors are not among them.
const PASSED_ON: [&str; 8] = [
    "READY=",
    "STATUS=",
    "STOPPING=",
    "RELOADING=",
    "WATCHDOG=",
    "ERRNO=",
    "EXTEND_TIMEOUT_USEC=",
    "MONOTONIC_USEC=",
];

/// What is handed over.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Sockets at 3 and above, which keep their numbers.
    pub(super) sockets: Vec<RawFd>,
    /// Their cookies and places: they may listen there.
    pub(super) cookies: Vec<(u64, SocketAddr)>,
    /// The service's end of the channel.
    pub(super) channel: Option<OwnedFd>,
    /// Our end, and the parent's.
    relayed: Option<(OwnedFd, OwnedFd)>,
    /// The manager's socket.
    pub(super) notify: Option<Address>,
    /// Variables that name all this.
    pub(super) env: Vec<(OsString, OsString)>,
}

impl Handover {
    /// Takes what this process was given, by its environment.
    pub(super) fn take(network: &Network, namespaces: bool) -> Result<Self, EnforceError> {
        let mut handover = Self::default();
        handover.take_sockets(network, namespaces)?;
        handover.take_channel()?;
        if let Some(path) = std::env::var_os("NOTIFY_SOCKET").filter(|_| namespaces) {
            handover.notify = Some(notify_address(&path));
            handover.set("NOTIFY_SOCKET", NOTIFY);
        }
        Ok(handover)
    }

    fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.env.push((name.into(), value.into()));
    }

    fn take_sockets(&mut self, network: &Network, namespaces: bool) -> Result<(), EnforceError> {
        let own = std::process::id().to_string();
        if std::env::var("LISTEN_PID").ok().as_deref() != Some(own.as_str()) {
            return Ok(());
        }
        let count: RawFd =
            std::env::var("LISTEN_FDS").ok().and_then(|n| n.parse().ok()).unwrap_or_default();
        if !(0..=MOST).contains(&count) {
            return Err(EnforceError::Unsupported(format!("LISTEN_FDS is not sane: {count}")));
        }
        for number in FIRST..FIRST + count {
            let socket = fd::borrow(number);
            let address = socket::local_address(socket).during("looking at LISTEN_FDS")?;
            let granted = match &address {
                Address::Inet(at) => {
                    is_tcp(socket).during("looking at LISTEN_FDS")?
                        && network.listen(Transport::Tcp, *at) == Ok(ListenPlace::Host(*at))
                }
                _ => false,
            };
            if !granted {
                return Err(EnforceError::Unsupported(format!(
                    "a socket was handed over that no net.listen grant covers: {address}"
                )));
            }
            fd::set_cloexec(socket, false).during("looking at LISTEN_FDS")?;
            if let Address::Inet(at) = address {
                let cookie = socket::cookie(socket).during("looking at LISTEN_FDS")?;
                self.cookies.push((cookie, at));
            }
            self.sockets.push(number);
        }
        self.set("LISTEN_FDS", count.to_string());
        // In a pid namespace of its own the service is the second process, after init.
        if namespaces {
            self.set("LISTEN_PID", "2");
        }
        if let Some(names) = std::env::var_os("LISTEN_FDNAMES") {
            self.set("LISTEN_FDNAMES", names);
        }
        Ok(())
    }

    fn take_channel(&mut self) -> Result<(), EnforceError> {
        let Some(number) = std::env::var("NODE_CHANNEL_FD").ok().and_then(|n| n.parse().ok())
        else {
            return Ok(());
        };
        let outside = fd::dup_above(fd::borrow(number), FIRST).during("taking NODE_CHANNEL_FD")?;
        let (ours, theirs) = fd::socketpair(libc::SOCK_STREAM).during("making a channel")?;
        self.set("NODE_CHANNEL_FD", theirs.as_raw_fd().to_string());
        if let Some(mode) = std::env::var_os("NODE_CHANNEL_SERIALIZATION_MODE") {
            self.set("NODE_CHANNEL_SERIALIZATION_MODE", mode);
        }
        fd::set_nonblocking(outside.as_fd(), false).during("taking NODE_CHANNEL_FD")?;
        self.channel = Some(theirs);
        self.relayed = Some((ours, outside));
        Ok(())
    }

    /// Descriptors the service must inherit, at these numbers.
    pub(super) fn inherited(&self) -> impl Iterator<Item = RawFd> + '_ {
        self.sockets.iter().copied().chain(self.channel.iter().map(AsRawFd::as_raw_fd))
    }

    /// Starts relaying the channel; both directions end with the service.
    pub(super) fn relay(&mut self) -> Result<(), EnforceError> {
        self.channel = None;
        let Some((ours, outside)) = self.relayed.take() else { return Ok(()) };
        let back = (ours.try_clone(), outside.try_clone());
        let (Ok(ours_back), Ok(outside_back)) = back else {
            return Err(EnforceError::System {
                what: "copying a channel",
                errno: Errno(libc::EMFILE),
            });
        };
        super::stdio::copy_in_background(ours, outside)?;
        super::stdio::copy_in_background(outside_back, ours_back)
    }

    /// Sends on what the service reported, as far as it may say it.
    pub(super) fn pass_report(&self, from: &OwnedFd) {
        let mut room = [0; 4096];
        let Ok(length) = fd::read(from.as_fd(), &mut room) else { return };
        let text = String::from_utf8_lossy(room.get(..length).unwrap_or_default());
        let kept: Vec<&str> = text
            .lines()
            .filter(|line| PASSED_ON.iter().any(|known| line.starts_with(known)))
            .collect();
        if let (false, Some(manager)) = (kept.is_empty(), &self.notify) {
            let _ = send_report(manager, &kept.join("\n"));
        }
    }
}

/// A datagram socket of the host could send anywhere, whatever address it is bound to.
fn is_tcp(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    let option = |name| socket::option(socket, libc::SOL_SOCKET, name);
    Ok(option(libc::SO_TYPE)? == libc::SOCK_STREAM
        && option(libc::SO_PROTOCOL)? == libc::IPPROTO_TCP)
}

fn send_report(manager: &Address, text: &str) -> Result<(), Errno> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK;
    let socket = socket::socket(libc::AF_UNIX, kind, 0)?;
    socket::connect_address(socket.as_fd(), manager)?;
    fd::write(socket.as_fd(), text.as_bytes()).map(drop)
}

/// A path, or an abstract name after `@`.
fn notify_address(path: &OsStr) -> Address {
    match path.as_bytes() {
        [b'@', name @ ..] => Address::UnixAbstract(name.to_vec()),
        path => Address::UnixPath(path.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn only_tcp_sockets_are_handed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(is_tcp(listener.as_fd()), Ok(true));
        assert_eq!(is_tcp(datagrams.as_fd()), Ok(false));
    }
}
