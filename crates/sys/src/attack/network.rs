//! Reaching addresses: TCP and UDP by every address form, listening where the host can see it,
//! asking name servers, and making sockets of kinds a service never needs.

use super::forked::readable;
use super::{Attempt, Failure, Params, Step};
use crate::call::{call, call_fd, fd, input, int};
use crate::errno::Errno;
use crate::fd::read;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// How long a canary on loopback may take to answer.
pub const PATIENCE: Duration = Duration::from_millis(300);

/// A socket address as the kernel reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawAddress {
    bytes: [u8; 28],
    length: usize,
}

impl RawAddress {
    pub(super) fn new(address: SocketAddr) -> Self {
        let mut bytes = [0; 28];
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let family = u16::try_from(family).unwrap_or_default().to_ne_bytes();
        let port = address.port().to_be_bytes();
        let head = [family[0], family[1], port[0], port[1]];
        bytes[..4].copy_from_slice(&head);
        let length = match address.ip() {
            IpAddr::V4(ip) => {
                bytes[4..8].copy_from_slice(&ip.octets());
                16
            }
            IpAddr::V6(ip) => {
                bytes[8..24].copy_from_slice(&ip.octets());
                28
            }
        };
        Self { bytes, length }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

pub(super) fn socket(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Errno> {
    let args = [int(family), int(kind | libc::SOCK_CLOEXEC), int(protocol), 0, 0, 0];
    // SAFETY: numbers only; a new descriptor.
    unsafe { call_fd(libc::SYS_socket, args) }
}

/// A TCP socket of the family of `address`.
pub(super) fn tcp(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    socket(family, libc::SOCK_STREAM, 0)
}

pub(super) fn connect(socket: BorrowedFd<'_>, address: &[u8]) -> Result<(), Errno> {
    let args = [fd(socket), input(address), address.len(), 0, 0, 0];
    // SAFETY: an address of the length that is given.
    unsafe { call(libc::SYS_connect, args) }.map(drop)
}

/// connect(2) to `AF_UNSPEC`, which takes a socket off its peer.
pub(super) fn disconnect(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    connect(socket, &[0; 16])
}

/// Sends in the call that connects.
pub(super) fn send_fast_open(socket: BorrowedFd<'_>, to: SocketAddr) -> Result<(), Errno> {
    let address = RawAddress::new(to);
    let bytes = *b"x";
    let flags = int(libc::MSG_FASTOPEN | libc::MSG_NOSIGNAL);
    let place = input(address.bytes());
    let args = [fd(socket), input(&bytes), 1, flags, place, address.bytes().len()];
    // SAFETY: one byte and an address of the length that is given.
    unsafe { call(libc::SYS_sendto, args) }.map(drop)
}

/// Reads the canary's token, which its listener sends first.
pub(super) fn expect_token(socket: BorrowedFd<'_>, token: &str) -> Result<(), Failure> {
    if !readable(socket, PATIENCE) {
        return Err(Failure::effect("no-answer", "connected, but the canary did not speak"));
    }
    let mut buffer = [0_u8; 64];
    let length = read(socket, &mut buffer).step("read")?;
    if length > 0 && buffer.get(..length).is_some_and(|bytes| bytes.starts_with(token.as_bytes())) {
        Ok(())
    } else {
        Err(Failure::effect("other-peer", "somebody answered, but not the canary"))
    }
}

/// Connects to the canary at the address in the parameter `name` and reads its token.
///
/// # Errors
/// The refusal of connect(2), or that the canary did not answer.
pub fn reach_tcp(params: &Params, name: &str) -> Attempt {
    reach(params.address(name)?, params.text("token")?)
}

/// As [`reach_tcp`], through the IPv4-mapped IPv6 form of the address.
///
/// # Errors
/// As [`reach_tcp`].
pub fn reach_tcp_mapped(params: &Params, name: &str) -> Attempt {
    let address = params.address(name)?;
    let IpAddr::V4(ip) = address.ip() else {
        return Err(Failure::not_applicable("the canary has no IPv4 address"));
    };
    let mapped = SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), address.port());
    reach(mapped, params.text("token")?)
}

/// Connects to the canary at `address` and reads its token.
///
/// # Errors
/// The refusal of connect(2), or that the canary did not answer.
pub fn reach(address: SocketAddr, token: &str) -> Attempt {
    let socket = tcp(address).step("socket")?;
    connect(socket.as_fd(), RawAddress::new(address).bytes()).step("connect")?;
    expect_token(socket.as_fd(), token)?;
    Ok(format!("read the canary's token at {address}"))
}

/// Connects by multipath TCP, which has a protocol number of its own.
///
/// # Errors
/// As [`reach_tcp`].
pub fn reach_multipath(params: &Params) -> Attempt {
    const IPPROTO_MPTCP: i32 = 262;
    let address = params.address("tcp4")?;
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, IPPROTO_MPTCP).step("socket")?;
    connect(socket.as_fd(), RawAddress::new(address).bytes()).step("connect")?;
    expect_token(socket.as_fd(), params.text("token")?)?;
    Ok(format!("read the canary's token at {address}"))
}

/// Sends to the canary in the call that connects, so that no connect(2) is ever made.
///
/// # Errors
/// As [`reach_tcp`].
pub fn reach_fast_open(params: &Params) -> Attempt {
    let address = params.address("tcp4")?;
    let socket = tcp(address).step("socket")?;
    send_fast_open(socket.as_fd(), address).step("sendto")?;
    expect_token(socket.as_fd(), params.text("token")?)?;
    Ok(format!("read the canary's token at {address}"))
}

/// Sends a datagram to the canary at the address in the parameter `name` and waits for its token.
///
/// # Errors
/// The refusal, or that no answer came.
pub fn reach_udp(params: &Params, name: &str) -> Attempt {
    let address = params.address(name)?;
    let local: IpAddr = match address.ip() {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((local, 0)).step("bind")?;
    socket.send_to(b"ringfence", address).step("sendto")?;
    expect_token(socket.as_fd(), params.text("token")?)?;
    Ok(format!("the canary at {address} answered"))
}

/// Listens on the address in the parameter `name` and waits for the host's knock.
///
/// # Errors
/// The refusal of bind(2) or listen(2), or that nobody from the host came.
pub fn be_reached(params: &Params, name: &str) -> Attempt {
    let address = params.address(name)?;
    let listener = TcpListener::bind(address).step("bind")?;
    if !readable(listener.as_fd(), PATIENCE) {
        return Err(Failure::effect("no-answer", "nobody on the host could connect"));
    }
    let (socket, _) = listener.accept().step("accept")?;
    expect_token(socket.as_fd(), params.text("token")?)?;
    Ok(format!("the host connected to {address}"))
}

/// Binds a UDP port at the address in the parameter `name` and waits for the host's datagram.
///
/// # Errors
/// The refusal of bind(2), or that nothing from the host came.
pub fn be_sent_to(params: &Params, name: &str) -> Attempt {
    let address = params.address(name)?;
    let socket = UdpSocket::bind(address).step("bind")?;
    expect_token(socket.as_fd(), params.text("token")?)?;
    Ok(format!("the host's datagram came to {address}"))
}

/// Asks the name server `server` for the address of a name.
///
/// # Errors
/// The refusal; the response code as `dns-3` and the like; or that no answer came.
pub fn ask(server: SocketAddr, name: &str) -> Attempt {
    let socket = UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0)).step("bind")?;
    socket.connect(server).step("connect")?;
    socket.send(&query(name)).step("send")?;
    if !readable(socket.as_fd(), PATIENCE) {
        return Err(Failure::effect("no-answer", format!("{server} did not answer")));
    }
    let mut buffer = [0_u8; 512];
    let length = socket.recv(&mut buffer).step("recv")?;
    let code = buffer.get(3).copied().unwrap_or_default() & 0x0f;
    let answers = u16::from_be_bytes([buffer[6], buffer[7]]);
    if length > 12 && code == 0 && answers > 0 {
        Ok(format!("{server} answered for {name}"))
    } else {
        Err(Failure::effect(&format!("dns-{code}"), format!("{server} gave no address")))
    }
}

/// A DNS question for the IPv4 address of `name` (RFC 1035, section 4.1).
pub(super) fn query(name: &str) -> Vec<u8> {
    let mut bytes = vec![0x51, 0x51, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes();
        let length = u8::try_from(label.len().min(63)).unwrap_or(63);
        bytes.push(length);
        bytes.extend_from_slice(label.get(..usize::from(length)).unwrap_or_default());
    }
    bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
    bytes
}

/// Makes a socket and closes it again; outside, where the user may not, in namespaces of its own.
///
/// # Errors
/// The refusal of socket(2).
pub fn make(name: &str, family: i32, kind: i32, protocol: i32) -> Attempt {
    let made = match socket(family, kind, protocol) {
        Err(Errno(libc::EPERM | libc::EACCES))
            if super::mounts::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET).is_ok() =>
        {
            socket(family, kind, protocol)
        }
        first => first,
    };
    made.step("socket").map(|_| format!("made {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_laid_out_as_the_kernel_reads_it() {
        let four = RawAddress::new("127.0.0.1:258".parse().unwrap());
        assert_eq!(four.bytes()[2..8], [1, 2, 127, 0, 0, 1]);
        assert_eq!(four.bytes().len(), 16);
        let six = RawAddress::new("[::1]:258".parse().unwrap());
        assert_eq!((six.bytes()[23], six.bytes().len()), (1, 28));
    }

    #[test]
    fn a_question_names_its_labels() {
        let bytes = query("ab.c");
        assert_eq!(&bytes[12..], &[2, b'a', b'b', 1, b'c', 0, 0, 1, 0, 1]);
    }
}
