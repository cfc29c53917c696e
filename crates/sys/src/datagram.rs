//! Datagrams together with the address they were sent to.
//!
//! The relay answers from the address the service sent to, so it must learn that address when it
//! receives and choose it when it sends (`IP_PKTINFO` of ip(7), `IPV6_PKTINFO` of ipv6(7)). Every
//! call here is made so that it never waits, and none allocates.

use crate::call::{call, fd, input, int, output};
use crate::errno::Errno;
use crate::socket::{self, ADDRESS_ROOM, Address};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes in the buffer.
    pub length: usize,
    /// Whether there were more than fitted.
    pub truncated: bool,
    /// Sender.
    pub from: SocketAddr,
    /// The local address it was sent to, if the socket was asked to tell it.
    pub to: Option<IpAddr>,
}

/// Words of control data: a header of two words and at most 20 bytes of content.
const CONTROL: usize = 8;
/// Bytes of a `cmsghdr`.
const CONTROL_HEADER: usize = 16;

/// A UDP socket that never waits, close-on-exec, IPv6 ones without IPv4.
pub fn udp(ipv6: bool) -> Result<OwnedFd, Errno> {
    let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    let made = socket::socket(family, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0)?;
    if ipv6 {
        only_ipv6(made.as_fd())?;
    }
    Ok(made)
}

/// An IPv6 socket without IPv4; before it is bound.
pub fn only_ipv6(of: BorrowedFd<'_>) -> Result<(), Errno> {
    socket::set_option(of, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)
}

/// Whether another socket may be bound to the same address when both say so (`SO_REUSEADDR`).
pub fn share_address(of: BorrowedFd<'_>, on: bool) -> Result<(), Errno> {
    socket::set_option(of, libc::SOL_SOCKET, libc::SO_REUSEADDR, on.into())
}

/// Gives waiting datagrams as much room as the host lets anybody have (`net.core.rmem_max`; the
/// kernel doubles it for its own overhead), but not more than a mebibyte.
pub fn widen(of: BorrowedFd<'_>) -> Result<(), Errno> {
    socket::set_option(of, libc::SOL_SOCKET, libc::SO_RCVBUF, 1 << 20)
}

/// Makes [`receive`] tell which address a datagram was sent to.
pub fn tell_destination(of: BorrowedFd<'_>, ipv6: bool) -> Result<(), Errno> {
    if ipv6 {
        socket::set_option(of, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
    } else {
        socket::set_option(of, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
    }
}

/// Lets a socket be bound to, and send from, addresses that are not (yet) addresses of this network
/// (`IP_FREEBIND`). IPv6 asks for it even where a route makes the address local.
pub fn any_source(of: BorrowedFd<'_>, ipv6: bool) -> Result<(), Errno> {
    if ipv6 {
        socket::set_option(of, libc::IPPROTO_IPV6, IPV6_FREEBIND, 1)
    } else {
        socket::set_option(of, libc::IPPROTO_IP, libc::IP_FREEBIND, 1)
    }
}

/// Receives one datagram, or answers `EAGAIN` when there is none.
///
/// # Errors
/// Also the error of an earlier datagram, such as `ECONNREFUSED`; the socket stays usable.
pub fn receive(of: BorrowedFd<'_>, into: &mut [u8]) -> Result<Datagram, Errno> {
    let mut address = [0_u8; ADDRESS_ROOM];
    let mut control = [0_u64; CONTROL];
    let mut part = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: plain numbers and null pointers are a valid value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = address.as_mut_ptr().cast();
    header.msg_namelen = libc::socklen_t::try_from(ADDRESS_ROOM).unwrap_or_default();
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control);
    let args = [fd(of), output(&mut header), int(libc::MSG_DONTWAIT), 0, 0, 0];
    // SAFETY: the header points to our arrays with their lengths; they live until the call returns.
    let length = unsafe { call(libc::SYS_recvmsg, args) }?;
    let (address, control) = std::hint::black_box((address, control));
    let Address::Inet(from) = Address::decode(&address)? else {
        return Err(Errno(libc::EAFNOSUPPORT));
    };
    Ok(Datagram {
        length: length.min(into.len()),
        truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        from,
        to: destination(&control, header.msg_controllen),
    })
}

/// Sends one datagram: `to` may be missing on a connected socket, and `from` chooses the source
/// address of an unconnected one. On a connected stream it sends what there is room for. Answers how
/// much was taken; a broken connection raises no signal.
///
/// # Errors
/// `EAGAIN` when there is no room now; also the error of an earlier datagram.
pub fn send(
    of: BorrowedFd<'_>,
    bytes: &[u8],
    from: Option<IpAddr>,
    to: Option<SocketAddr>,
) -> Result<usize, Errno> {
    let (address, address_length) = match to {
        Some(to) => Address::Inet(to).encode()?,
        None => ([0; ADDRESS_ROOM], 0),
    };
    let (control, control_length) = from.map_or(([0; CONTROL], 0), source);
    let part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: plain numbers and null pointers are a valid value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    if address_length > 0 {
        header.msg_name = address.as_ptr().cast_mut().cast();
        header.msg_namelen = libc::socklen_t::try_from(address_length).unwrap_or_default();
    }
    header.msg_iov = (&raw const part).cast_mut();
    header.msg_iovlen = 1;
    if control_length > 0 {
        header.msg_control = control.as_ptr().cast_mut().cast();
        header.msg_controllen = control_length;
    }
    let flags = int(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
    // SAFETY: the header points to arrays that live until the call returns; the kernel only reads.
    unsafe { call(libc::SYS_sendmsg, [fd(of), input(&header), flags, 0, 0, 0]) }
}

/// Unpredictable bytes, at most 256 (getrandom(2) never cuts those short).
pub fn random(into: &mut [u8]) -> Result<(), Errno> {
    if into.len() > 256 {
        return Err(Errno(libc::EINVAL));
    }
    // SAFETY: the kernel writes at most the length of our slice.
    let filled = unsafe { call(libc::SYS_getrandom, [output(into), into.len(), 0, 0, 0, 0]) }?;
    if filled == into.len() { Ok(()) } else { Err(Errno(libc::EIO)) }
}

/// Not in every libc; linux/in6.h.
const IPV6_FREEBIND: i32 = 78;

/// One word of control data per eight bytes.
fn words(bytes: &[u8; CONTROL * 8]) -> [u64; CONTROL] {
    let mut words = [0; CONTROL];
    for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*chunk);
    }
    words
}

/// Control data that chooses a source address: length, level, type, then the `pktinfo`.
fn source(from: IpAddr) -> ([u64; CONTROL], usize) {
    let mut bytes = [0_u8; CONTROL * 8];
    let (level, kind, content) = match from {
        IpAddr::V4(v4) => {
            // ipi_ifindex, ipi_spec_dst, ipi_addr: the middle one is the source.
            bytes[20..24].copy_from_slice(&v4.octets());
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 12)
        }
        IpAddr::V6(v6) => {
            bytes[16..32].copy_from_slice(&v6.octets());
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20)
        }
    };
    let length = CONTROL_HEADER + content;
    bytes[..8].copy_from_slice(&length.to_ne_bytes());
    bytes[8..12].copy_from_slice(&level.to_ne_bytes());
    bytes[12..16].copy_from_slice(&kind.to_ne_bytes());
    (words(&bytes), length.next_multiple_of(8))
}

/// The destination among the control data that came with a datagram.
fn destination(control: &[u64; CONTROL], length: usize) -> Option<IpAddr> {
    let mut bytes = [0_u8; CONTROL * 8];
    for (chunk, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(control) {
        *chunk = word.to_ne_bytes();
    }
    let mut rest = bytes.get(..length)?;
    while let Some((header, _)) = rest.split_first_chunk::<CONTROL_HEADER>() {
        let [l0, l1, l2, l3, l4, l5, l6, l7, v0, v1, v2, v3, t0, t1, t2, t3] = *header;
        let total = usize::from_ne_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
        let level = i32::from_ne_bytes([v0, v1, v2, v3]);
        let kind = i32::from_ne_bytes([t0, t1, t2, t3]);
        let content = rest.get(CONTROL_HEADER..total)?;
        match (level, kind) {
            // ipi_addr, the destination as the header has it.
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                return <[u8; 4]>::try_from(content.get(8..12)?).ok().map(IpAddr::from);
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                return <[u8; 16]>::try_from(content.get(..16)?).ok().map(IpAddr::from);
            }
            _ => rest = rest.get(total.next_multiple_of(8)..).unwrap_or_default(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn pair(any: &str, ipv6: bool) -> (OwnedFd, UdpSocket, SocketAddr) {
        let receiver = udp(ipv6).unwrap();
        socket::bind(receiver.as_fd(), &any.parse().unwrap()).unwrap();
        tell_destination(receiver.as_fd(), ipv6).unwrap();
        let receiver = UdpSocket::from(receiver);
        let address = receiver.local_addr().unwrap();
        let loopback = if ipv6 { "[::1]:0" } else { "127.0.0.1:0" };
        (receiver.into(), UdpSocket::bind(loopback).unwrap(), address)
    }

    #[test]
    fn a_datagram_tells_where_it_was_sent_and_is_answered_from_there() {
        for (any, to, ipv6) in [("0.0.0.0:0", "127.0.0.77", false), ("[::]:0", "::1", true)] {
            let (receiver, client, bound) = pair(any, ipv6);
            let to: IpAddr = to.parse().unwrap();
            client.send_to(b"ping", (to, bound.port())).unwrap();
            let mut buffer = [0; 16];
            let ready = crate::wait::readable(&[receiver.as_fd()], None).unwrap();
            assert_eq!(ready, 1);
            let got = receive(receiver.as_fd(), &mut buffer).unwrap();
            assert_eq!((got.length, got.truncated, got.to), (4, false, Some(to)));
            assert_eq!(got.from, client.local_addr().unwrap());
            send(receiver.as_fd(), b"pong!", Some(to), Some(got.from)).unwrap();
            let (length, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!((length, from), (5, SocketAddr::new(to, bound.port())));
            assert_eq!(
                receive(receiver.as_fd(), &mut buffer),
                Err(Errno(libc::EAGAIN)),
                "an empty socket does not wait"
            );
        }
    }

    #[test]
    fn a_datagram_longer_than_the_buffer_says_so() {
        let (receiver, client, bound) = pair("127.0.0.1:0", false);
        client.send_to(&[7; 100], bound).unwrap();
        crate::wait::readable(&[receiver.as_fd()], None).unwrap();
        let mut buffer = [0; 10];
        let got = receive(receiver.as_fd(), &mut buffer).unwrap();
        assert_eq!((got.length, got.truncated), (10, true));
    }

    #[test]
    fn a_widened_socket_has_more_room() {
        let room =
            |of: &OwnedFd| socket::option(of.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF).unwrap();
        let socket = udp(false).unwrap();
        let before = room(&socket);
        widen(socket.as_fd()).unwrap();
        assert!(room(&socket) >= before);
    }

    #[test]
    fn a_connected_socket_sends_without_an_address() {
        let (receiver, _, bound) = pair("127.0.0.1:0", false);
        let sender = udp(false).unwrap();
        socket::connect(sender.as_fd(), &bound).unwrap();
        send(sender.as_fd(), b"", None, None).unwrap();
        crate::wait::readable(&[receiver.as_fd()], None).unwrap();
        let got = receive(receiver.as_fd(), &mut [0; 4]).unwrap();
        assert_eq!(got.length, 0);
    }

    #[test]
    fn a_socket_can_be_bound_to_an_address_the_host_does_not_have() {
        for (address, ipv6) in [("192.0.2.7:0", false), ("[2001:db8::7]:0", true)] {
            let refused = udp(ipv6).unwrap();
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(socket::bind(refused.as_fd(), &address), Err(Errno(libc::EADDRNOTAVAIL)));
            let bound = udp(ipv6).unwrap();
            any_source(bound.as_fd(), ipv6).unwrap();
            socket::bind(bound.as_fd(), &address).unwrap();
        }
    }

    #[test]
    fn random_bytes_are_not_all_the_same() {
        let mut bytes = [0; 32];
        random(&mut bytes).unwrap();
        assert_ne!(bytes, [0; 32]);
        assert_eq!(random(&mut [0; 257]), Err(Errno(libc::EINVAL)));
    }
}
