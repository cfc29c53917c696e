//! Sockets: single calls, and addresses as values.
//!
//! Addresses come from hostile memory: [`Address::decode`] is total and never panics. Nothing here
//! decides whether an address may be reached.

use crate::call::{call, call_fd, fd, input, int, output};
use crate::errno::Errno;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Bytes of the longest address (`sockaddr_storage`).
pub const ADDRESS_ROOM: usize = 128;
/// Most descriptors in one message of this crate.
const MOST_FDS: usize = 8;

/// An address as it stands in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6.
    Inet(SocketAddr),
    /// Netlink: port id and groups.
    Netlink(u32, u32),
    /// A family this crate does not know.
    Other(u16),
    /// A name that begins with a NUL byte, without it.
    UnixAbstract(Vec<u8>),
    /// A path name, up to its first NUL byte.
    UnixPath(Vec<u8>),
    /// A Unix address without a name.
    UnixUnnamed,
    /// `AF_UNSPEC`: dissolves a connection.
    Unspecified,
}

impl Address {
    /// The address in these bytes.
    ///
    /// # Errors
    /// `EINVAL` when there are too few bytes for the family.
    pub fn decode(bytes: &[u8]) -> Result<Self, Errno> {
        let short = Errno(libc::EINVAL);
        let family = u16::from_ne_bytes(take(bytes, 0).ok_or(short)?);
        match i32::from(family) {
            libc::AF_UNSPEC => Ok(Self::Unspecified),
            libc::AF_INET => {
                let ip: [u8; 4] = take(bytes, 4).ok_or(short)?;
                // The kernel insists on the whole structure.
                let _: [u8; 8] = take(bytes, 8).ok_or(short)?;
                let port = u16::from_be_bytes(take(bytes, 2).ok_or(short)?);
                Ok(Self::Inet((Ipv4Addr::from(ip), port).into()))
            }
            libc::AF_INET6 => {
                let port = u16::from_be_bytes(take(bytes, 2).ok_or(short)?);
                let flow = u32::from_be_bytes(take(bytes, 4).ok_or(short)?);
                let ip: [u8; 16] = take(bytes, 8).ok_or(short)?;
                let scope = take(bytes, 24).map_or(0, u32::from_ne_bytes);
                Ok(Self::Inet(SocketAddrV6::new(ip.into(), port, flow, scope).into()))
            }
            libc::AF_UNIX => Ok(unix(bytes.get(2..).unwrap_or_default())),
            libc::AF_NETLINK => {
                let port = u32::from_ne_bytes(take(bytes, 4).ok_or(short)?);
                let groups = u32::from_ne_bytes(take(bytes, 8).ok_or(short)?);
                Ok(Self::Netlink(port, groups))
            }
            _ => Ok(Self::Other(family)),
        }
    }

    /// The bytes of this address and how many of them count.
    ///
    /// # Errors
    /// `ENAMETOOLONG` for a Unix name of more than 107 bytes.
    pub fn encode(&self) -> Result<([u8; ADDRESS_ROOM], usize), Errno> {
        let mut room = [0; ADDRESS_ROOM];
        let family = |family: i32| u16::try_from(family).unwrap_or_default().to_ne_bytes();
        let length = match self {
            Self::Inet(SocketAddr::V4(v4)) => {
                put(&mut room, 0, &family(libc::AF_INET));
                put(&mut room, 2, &v4.port().to_be_bytes());
                put(&mut room, 4, &v4.ip().octets());
                16
            }
            Self::Inet(SocketAddr::V6(v6)) => {
                put(&mut room, 0, &family(libc::AF_INET6));
                put(&mut room, 2, &v6.port().to_be_bytes());
                put(&mut room, 4, &v6.flowinfo().to_be_bytes());
                put(&mut room, 8, &v6.ip().octets());
                put(&mut room, 24, &v6.scope_id().to_ne_bytes());
                28
            }
            Self::Netlink(port, groups) => {
                put(&mut room, 0, &family(libc::AF_NETLINK));
                put(&mut room, 4, &port.to_ne_bytes());
                put(&mut room, 8, &groups.to_ne_bytes());
                12
            }
            Self::UnixPath(name) => unix_room(&mut room, 2, name)? + 1,
            Self::UnixAbstract(name) => unix_room(&mut room, 3, name)?,
            Self::UnixUnnamed => unix_room(&mut room, 2, b"")?,
            Self::Unspecified => 16,
            Self::Other(number) => {
                put(&mut room, 0, &number.to_ne_bytes());
                16
            }
        };
        Ok((room, length))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => write!(f, "{address}"),
            Self::Netlink(port, _) => write!(f, "netlink:{port}"),
            Self::Other(family) => write!(f, "family:{family}"),
            Self::UnixAbstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
            Self::UnixPath(path) => f.write_str(&String::from_utf8_lossy(path)),
            Self::UnixUnnamed => f.write_str("unnamed"),
            Self::Unspecified => f.write_str("unspecified"),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Inet(address)
    }
}

fn unix(name: &[u8]) -> Address {
    match name {
        [] => Address::UnixUnnamed,
        [0, rest @ ..] => Address::UnixAbstract(rest.to_vec()),
        path => {
            let end = path.iter().position(|b| *b == 0).unwrap_or(path.len());
            Address::UnixPath(path.get(..end).unwrap_or_default().to_vec())
        }
    }
}

fn unix_room(room: &mut [u8; ADDRESS_ROOM], at: usize, name: &[u8]) -> Result<usize, Errno> {
    const LONGEST: usize = 107;
    if name.len() > LONGEST {
        return Err(Errno(libc::ENAMETOOLONG));
    }
    put(room, 0, &u16::try_from(libc::AF_UNIX).unwrap_or_default().to_ne_bytes());
    put(room, at, name);
    Ok(at + name.len())
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn put(room: &mut [u8; ADDRESS_ROOM], at: usize, bytes: &[u8]) {
    for (place, byte) in room.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

/// A new socket, close-on-exec; `SOCK_NONBLOCK` may be added to `kind`.
pub fn socket(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Errno> {
    let args = [int(family), int(kind | libc::SOCK_CLOEXEC), int(protocol), 0, 0, 0];
    // SAFETY: numbers only; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_socket, args) }
}

/// Connects to an address.
pub fn connect(socket: BorrowedFd<'_>, to: &SocketAddr) -> Result<(), Errno> {
    connect_address(socket, &Address::Inet(*to))
}

/// Connects to an address of any family.
pub fn connect_address(socket: BorrowedFd<'_>, to: &Address) -> Result<(), Errno> {
    with_address(libc::SYS_connect, socket, to)
}

/// Dissolves a connection (connect(2) with `AF_UNSPEC`).
pub fn disconnect(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    with_address(libc::SYS_connect, socket, &Address::Unspecified)
}

/// Binds to an address.
pub fn bind(socket: BorrowedFd<'_>, to: &SocketAddr) -> Result<(), Errno> {
    bind_address(socket, &Address::Inet(*to))
}

/// Binds to an address of any family.
pub fn bind_address(socket: BorrowedFd<'_>, to: &Address) -> Result<(), Errno> {
    with_address(libc::SYS_bind, socket, to)
}

fn with_address(number: i64, socket: BorrowedFd<'_>, to: &Address) -> Result<(), Errno> {
    let (room, length) = to.encode()?;
    // SAFETY: the kernel reads at most `length` bytes, which the room has.
    unsafe { call(number, [fd(socket), input(&room), length, 0, 0, 0]) }.map(drop)
}

/// Makes a bound socket accept connections.
pub fn listen(socket: BorrowedFd<'_>, backlog: i32) -> Result<(), Errno> {
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_listen, [fd(socket), int(backlog), 0, 0, 0, 0]) }.map(drop)
}

/// The next connection of a listening socket, close-on-exec and non-blocking.
pub fn accept(socket: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = int(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
    // SAFETY: null pointers for the address; the kernel answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_accept4, [fd(socket), 0, 0, flags, 0, 0]) }
}

/// `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`.
pub fn shutdown(socket: BorrowedFd<'_>, how: i32) -> Result<(), Errno> {
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_shutdown, [fd(socket), int(how), 0, 0, 0, 0]) }.map(drop)
}

/// The socket's own address.
pub fn local_address(socket: BorrowedFd<'_>) -> Result<Address, Errno> {
    address_of(libc::SYS_getsockname, socket)
}

/// The address of the other side.
pub fn peer_address(socket: BorrowedFd<'_>) -> Result<Address, Errno> {
    address_of(libc::SYS_getpeername, socket)
}

fn address_of(number: i64, socket: BorrowedFd<'_>) -> Result<Address, Errno> {
    let mut room = [0; ADDRESS_ROOM];
    let mut length = u32::try_from(ADDRESS_ROOM).unwrap_or_default();
    // SAFETY: the kernel writes at most the said length, and the length.
    unsafe { call(number, [fd(socket), output(&mut room), output(&mut length), 0, 0, 0]) }?;
    Address::decode(room.get(..length as usize).unwrap_or(&room))
}

/// An option that is one number.
pub fn option(socket: BorrowedFd<'_>, level: i32, name: i32) -> Result<i32, Errno> {
    let mut value = [0; 4];
    option_bytes(socket, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// An option of any size; answers how many bytes it has.
pub fn option_bytes(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
    into: &mut [u8],
) -> Result<usize, Errno> {
    let mut length = u32::try_from(into.len()).unwrap_or(u32::MAX);
    let args = [fd(socket), int(level), int(name), output(into), output(&mut length), 0];
    // SAFETY: the kernel writes at most the said length, and the length.
    unsafe { call(libc::SYS_getsockopt, args) }?;
    Ok(length as usize)
}

/// Sets an option that is one number.
pub fn set_option(socket: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> Result<(), Errno> {
    set_option_bytes(socket, level, name, &value.to_ne_bytes())
}

/// Sets an option of any size.
pub fn set_option_bytes(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &[u8],
) -> Result<(), Errno> {
    let args = [fd(socket), int(level), int(name), input(value), value.len(), 0];
    // SAFETY: the kernel reads at most the said length.
    unsafe { call(libc::SYS_setsockopt, args) }.map(drop)
}

/// The error a connection ended with, which is taken off the socket.
pub fn take_error(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    match option(socket, libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(()),
        errno => Err(Errno(errno)),
    }
}

/// A number that names this socket and is never given to another (`SO_COOKIE`).
pub fn cookie(socket: BorrowedFd<'_>) -> Result<u64, Errno> {
    wide(socket, libc::SO_COOKIE)
}

/// A number that names the network namespace of this socket (`SO_NETNS_COOKIE`, Linux 5.14).
pub fn netns_cookie(socket: BorrowedFd<'_>) -> Result<u64, Errno> {
    const SO_NETNS_COOKIE: i32 = 71;
    wide(socket, SO_NETNS_COOKIE)
}

fn wide(socket: BorrowedFd<'_>, name: i32) -> Result<u64, Errno> {
    let mut value = [0; 8];
    option_bytes(socket, libc::SOL_SOCKET, name, &mut value)?;
    Ok(u64::from_ne_bytes(value))
}

/// Room for the control part of a message with [`MOST_FDS`] descriptors, aligned for its header.
#[repr(C, align(8))]
struct Control([u8; CONTROL]);
const HEADER: usize = 16;
const CONTROL: usize = HEADER + MOST_FDS * 4;

/// Sends bytes and descriptors in one message; allocates nothing.
///
/// # Errors
/// `EINVAL` for more than eight descriptors.
pub fn send_fds(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    if fds.len() > MOST_FDS {
        return Err(Errno(libc::EINVAL));
    }
    let mut control = Control([0; CONTROL]);
    let length = HEADER + fds.len() * 4;
    let words = [libc::SOL_SOCKET.to_ne_bytes(), libc::SCM_RIGHTS.to_ne_bytes()];
    let numbers = fds.iter().map(|fd| fd.as_raw_fd().to_ne_bytes());
    let parts = length.to_ne_bytes().into_iter().chain(words.into_iter().chain(numbers).flatten());
    for (place, byte) in control.0.iter_mut().zip(parts) {
        *place = byte;
    }
    let part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: plain numbers and null pointers; all zero is a valid value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = (&raw const part).cast_mut();
    message.msg_iovlen = 1;
    if !fds.is_empty() {
        message.msg_control = control.0.as_mut_ptr().cast();
        // The kernel wants the control part padded to whole words.
        message.msg_controllen = length.next_multiple_of(8);
    }
    let args = [fd(socket), input(&message), int(libc::MSG_NOSIGNAL), 0, 0, 0];
    // SAFETY: the message and all it points at live until the call returns.
    unsafe { call(libc::SYS_sendmsg, args) }.map(drop)
}

/// Receives bytes and at most eight descriptors, which come close-on-exec; 0 bytes is the end.
pub fn recv_fds(socket: BorrowedFd<'_>, into: &mut [u8]) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut control = Control([0; CONTROL]);
    let part = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: plain numbers and null pointers; all zero is a valid value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = (&raw const part).cast_mut();
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = CONTROL;
    let length = loop {
        let args = [fd(socket), output(&mut message), int(libc::MSG_CMSG_CLOEXEC), 0, 0, 0];
        // SAFETY: the message and all it points at live until the call returns.
        match unsafe { call(libc::SYS_recvmsg, args) } {
            Err(Errno(libc::EINTR)) => {}
            other => break other?,
        }
    };
    Ok((length, received(&control.0, message.msg_controllen)))
}

/// Owns the descriptors of a received control part.
fn received(control: &[u8; CONTROL], length: usize) -> Vec<OwnedFd> {
    let header: Option<[u8; 8]> = take(control, 0);
    let size = header.map_or(0, usize::from_ne_bytes).min(length).min(CONTROL);
    let rights = take(control, 8) == Some(libc::SOL_SOCKET.to_ne_bytes())
        && take(control, 12) == Some(libc::SCM_RIGHTS.to_ne_bytes());
    if !rights || size <= HEADER {
        return Vec::new();
    }
    let numbers = control.get(HEADER..size).unwrap_or_default().chunks_exact(4);
    numbers
        .filter_map(|n| n.try_into().ok().map(RawFd::from_ne_bytes))
        // SAFETY: the kernel has just made these descriptors for this process.
        .map(|raw| unsafe { OwnedFd::from_raw_fd(raw) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn addresses_survive_the_way_through_memory() {
        for address in [
            Address::Inet("127.0.0.1:80".parse().unwrap()),
            Address::Inet("[fd00::1]:65535".parse().unwrap()),
            Address::UnixPath(b"/run/x.sock".to_vec()),
            Address::UnixAbstract(b"name".to_vec()),
            Address::UnixUnnamed,
            Address::Netlink(7, 1),
            Address::Unspecified,
        ] {
            let (room, length) = address.encode().unwrap();
            assert_eq!(Address::decode(&room[..length]).unwrap(), address);
        }
    }

    #[test]
    fn no_bytes_are_too_odd_to_decode() {
        for length in 0..=ADDRESS_ROOM {
            for family in 0..64_u16 {
                let mut bytes = vec![0xff; length];
                for (place, byte) in bytes.iter_mut().zip(family.to_ne_bytes()) {
                    *place = byte;
                }
                let _ = Address::decode(&bytes);
            }
        }
        assert_eq!(Address::decode(&[]), Err(Errno(libc::EINVAL)));
    }

    #[test]
    fn descriptors_travel_with_bytes() {
        let (near, far) = crate::fd::socketpair(libc::SOCK_SEQPACKET).unwrap();
        let (read, write) = crate::fd::pipe(0).unwrap();
        send_fds(near.as_fd(), b"x", &[write.as_fd(), read.as_fd()]).unwrap();
        let mut room = [0; 4];
        let (length, fds) = recv_fds(far.as_fd(), &mut room).unwrap();
        assert_eq!((length, room[0], fds.len()), (1, b'x', 2));
        crate::fd::write_all(fds[0].as_fd(), b"y").unwrap();
        assert_eq!(crate::fd::read(read.as_fd(), &mut room), Ok(1));
        send_fds(near.as_fd(), b"z", &[]).unwrap();
        assert_eq!(recv_fds(far.as_fd(), &mut room).unwrap().1.len(), 0);
    }

    #[test]
    fn two_sockets_of_one_network_share_its_cookie_and_not_their_own() {
        let one = socket(libc::AF_INET, libc::SOCK_STREAM, 0).unwrap();
        let two = socket(libc::AF_INET6, libc::SOCK_STREAM, 0).unwrap();
        assert_eq!(netns_cookie(one.as_fd()), netns_cookie(two.as_fd()));
        assert_ne!(cookie(one.as_fd()), cookie(two.as_fd()));
    }
}
