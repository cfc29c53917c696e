//! Misusing a socket the broker has opened: it lives in the host's network, so whatever redirects
//! it after the decision goes anywhere.
//!
//! Every act first connects to the canary that is granted for this run and reads its token, which
//! also shows that the refusals elsewhere are not just a network that does not work.

use super::network::{RawAddress, connect, disconnect, expect_token, send_fast_open, socket, tcp};
use super::{Attempt, Failure, Params, Step, reached};
use crate::call::{call, fd, input, int, output};
use crate::errno::Errno;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

/// A socket connected to the granted canary of the parameter `name`.
fn granted(params: &Params, name: &str) -> Result<(OwnedFd, SocketAddr), Failure> {
    let address = params.address(name)?;
    let socket = tcp(address).step("socket")?;
    let ready = connect(socket.as_fd(), RawAddress::new(address).bytes())
        .step("connect")
        .and_then(|()| expect_token(socket.as_fd(), params.text("token")?));
    match ready {
        Ok(()) => Ok((socket, address)),
        Err(Failure::Refused { code, detail, .. }) => Err(Failure::not_applicable(format!(
            "the granted canary could not be reached ({code}, {detail})"
        ))),
        Err(other) => Err(other),
    }
}

/// Takes a granted socket off its peer and connects it to the hidden canary.
pub fn reconnect(params: &Params) -> Attempt {
    let hidden = params.address("tcp4")?;
    let (socket, _) = granted(params, "granted4")?;
    let _ = disconnect(socket.as_fd());
    connect(socket.as_fd(), RawAddress::new(hidden).bytes()).step("connect")?;
    expect_token(socket.as_fd(), params.text("token")?)?;
    Ok(format!("reached {hidden} on a granted socket"))
}

/// Takes a granted socket off its peer and sends to the hidden canary in the call that connects.
pub fn resend_fast_open(params: &Params) -> Attempt {
    let hidden = params.address("tcp4")?;
    let (socket, _) = granted(params, "granted4")?;
    let _ = disconnect(socket.as_fd());
    send_fast_open(socket.as_fd(), hidden).step("sendto")?;
    expect_token(socket.as_fd(), params.text("token")?)?;
    Ok(format!("reached {hidden} on a granted socket"))
}

/// Takes a granted socket off its peer and listens on it, where the host can see it.
pub fn listen(params: &Params) -> Attempt {
    let (socket, _) = granted(params, "granted4")?;
    let _ = disconnect(socket.as_fd());
    // SAFETY: a descriptor and a number.
    unsafe { call(libc::SYS_listen, [fd(socket.as_fd()), 1, 0, 0, 0, 0]) }.step("listen")?;
    let mut address = [0_u8; 28];
    let mut length: u32 = 28;
    let args = [fd(socket.as_fd()), output(&mut address), output(&mut length), 0, 0, 0];
    // SAFETY: room for an address and its length.
    unsafe { call(libc::SYS_getsockname, args) }.step("getsockname")?;
    Ok("a granted socket listens on the host".to_owned())
}

/// Sets a socket option on a granted socket; errors in `harmless` show that the call was let in.
fn option(
    params: &Params,
    name: &str,
    (level, option): (i32, i32),
    value: &[u8],
    harmless: &[i32],
) -> Attempt {
    let (socket, _) =
        granted(params, if level == libc::IPPROTO_IPV6 { "granted6" } else { "granted4" })?;
    let args = [fd(socket.as_fd()), int(level), int(option), input(value), value.len(), 0];
    // SAFETY: a value of the length that is given.
    reached(name, unsafe { call(libc::SYS_setsockopt, args) }, harmless)
}

/// Asks for a route through a chosen host (RFC 8754 segment routing header with one segment).
pub fn routing_header(params: &Params) -> Attempt {
    let mut header = [0_u8; 24];
    header[1] = 2; // length in 8-byte units beyond the first
    header[2] = 4; // segment routing
    header[23] = 1; // the one segment: ::1
    option(params, "IPV6_RTHDR", (libc::IPPROTO_IPV6, libc::IPV6_RTHDR), &header, &[libc::EINVAL])
}

/// Asks for a loose source route.
pub fn source_route(params: &Params) -> Attempt {
    let route = [131, 7, 4, 127, 0, 0, 1, 0];
    option(params, "IP_OPTIONS", (libc::IPPROTO_IP, libc::IP_OPTIONS), &route, &[libc::EINVAL])
}

/// Binds the socket to the loopback interface of the host.
pub fn bind_to_device(params: &Params) -> Attempt {
    option(params, "SO_BINDTODEVICE", (libc::SOL_SOCKET, libc::SO_BINDTODEVICE), b"lo\0", &[])
}

/// Puts an upper layer protocol on the socket; one that does not exist answers `ENOENT`.
pub fn upper_layer(params: &Params) -> Attempt {
    let place = (libc::IPPROTO_TCP, libc::TCP_ULP);
    option(params, "TCP_ULP", place, b"ringfence-none", &[libc::ENOENT])
}

/// Marks the socket's packets for the host's routing rules.
pub fn mark(params: &Params) -> Attempt {
    let mark = 0_u32.to_ne_bytes();
    option(params, "SO_MARK", (libc::SOL_SOCKET, libc::SO_MARK), &mark, &[])
}

/// Lets the socket take addresses that are not this host's.
pub fn transparent(params: &Params) -> Attempt {
    let on = 1_u32.to_ne_bytes();
    option(params, "IP_TRANSPARENT", (libc::IPPROTO_IP, libc::IP_TRANSPARENT), &on, &[])
}

/// Freezes the socket to rewrite its addresses and sequence numbers (switched off again at once).
pub fn repair(params: &Params) -> Attempt {
    let off = 0_u32.to_ne_bytes();
    option(params, "TCP_REPAIR", (libc::IPPROTO_TCP, libc::TCP_REPAIR), &off, &[])
}

/// Lets a later connect send before it is noticed.
pub fn fast_open_connect(params: &Params) -> Attempt {
    const TCP_FASTOPEN_CONNECT: i32 = 30;
    let address = params.address("granted4")?;
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0).step("socket")?;
    let on = 1_u32.to_ne_bytes();
    let option = [int(libc::IPPROTO_TCP), int(TCP_FASTOPEN_CONNECT)];
    let args = [fd(socket.as_fd()), option[0], option[1], input(&on), on.len(), 0];
    // SAFETY: a value of the length that is given.
    unsafe { call(libc::SYS_setsockopt, args) }.step("setsockopt")?;
    Ok(format!("set TCP_FASTOPEN_CONNECT on a socket for {address}"))
}

/// Lists the host's interfaces and addresses through a granted socket.
pub fn list_interfaces(params: &Params) -> Attempt {
    let (socket, _) = granted(params, "granted4")?;
    let mut buffer = [0_u8; 1024];
    // struct ifconf: a length, padding, a pointer.
    let mut request: [usize; 2] = [buffer.len(), output(&mut buffer)];
    interface_request(&socket, 0x8912, output(&mut request)).step("SIOCGIFCONF")?;
    Ok("listed the host's interfaces".to_owned())
}

/// Asks the host's network driver through a granted socket: `EFAULT` once the call is let in.
pub fn ask_driver(params: &Params) -> Attempt {
    let (socket, _) = granted(params, "granted4")?;
    reached("SIOCETHTOOL", interface_request(&socket, 0x8946, 0), &[libc::EFAULT])
}

/// Asks for a handle of the host's network namespace through a granted socket.
pub fn take_network(params: &Params) -> Attempt {
    let (socket, _) = granted(params, "granted4")?;
    interface_request(&socket, 0x894C, 0).step("SIOCGSKNS")?;
    Ok("took a handle of the host's network namespace".to_owned())
}

fn interface_request(socket: &OwnedFd, request: usize, place: usize) -> Result<usize, Errno> {
    // SAFETY: the place is null or a request of the kind the number names, alive during the call.
    unsafe { call(libc::SYS_ioctl, [fd(socket.as_fd()), request, place, 0, 0, 0]) }
}
