//! The routing and socket-diagnosis families of netlink, as far as a boundary needs them.
//!
//! The first half gives a fresh network namespace its loopback interface and allocates nothing;
//! the second asks which sockets listen. Messages are laid out by hand (rtnetlink(7),
//! `sock_diag(7)`): each is a header, a fixed structure and a few attributes.

use crate::call::{call, fd, input, int};
use crate::errno::Errno;
use crate::fd as files;
use crate::socket;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x400;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const SET_LINK: u16 = 19;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const DIAG_BY_FAMILY: u16 = 20;
const HEADER: usize = 16;
/// Index of `lo`, the first interface of every network namespace.
const LOOPBACK: i32 = 1;

/// One message in a fixed buffer.
struct Message {
    bytes: [u8; 128],
    length: usize,
}

impl Message {
    fn new(kind: u16, flags: u16) -> Self {
        let mut message = Self { bytes: [0; 128], length: HEADER };
        message.place(4, &kind.to_ne_bytes());
        message.place(6, &(REQUEST | flags).to_ne_bytes());
        message
    }

    fn place(&mut self, at: usize, bytes: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    }

    fn push(mut self, bytes: &[u8]) -> Self {
        self.place(self.length, bytes);
        self.length += bytes.len().next_multiple_of(4);
        self
    }

    fn attribute(self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).unwrap_or_default();
        let [a, b] = length.to_ne_bytes();
        let [c, d] = kind.to_ne_bytes();
        self.push(&[a, b, c, d]).push(value)
    }

    fn address(self, kind: u16, ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => self.attribute(kind, &v4.octets()),
            IpAddr::V6(v6) => self.attribute(kind, &v6.octets()),
        }
    }

    fn finished(&mut self) -> &[u8] {
        let length = u32::try_from(self.length).unwrap_or_default();
        self.place(0, &length.to_ne_bytes());
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

fn family(ip: IpAddr) -> u8 {
    u8::try_from(if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }).unwrap_or_default()
}

fn bits(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// A routing socket of this process's network namespace.
pub fn open_route() -> Result<OwnedFd, Errno> {
    socket::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)
}

/// Brings the loopback interface up.
pub fn loopback_up(route: BorrowedFd<'_>) -> Result<(), Errno> {
    let up = u32::try_from(libc::IFF_UP).unwrap_or_default().to_ne_bytes();
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&LOOPBACK.to_ne_bytes());
    body[8..12].copy_from_slice(&up);
    body[12..16].copy_from_slice(&up);
    request(route, Message::new(SET_LINK, ACK).push(&body))
}

/// Gives the loopback interface an address; IPv6 skips duplicate detection.
pub fn add_address(route: BorrowedFd<'_>, ip: IpAddr, prefix: u8) -> Result<(), Errno> {
    const IFA_F_NODAD: u8 = 0x02;
    let [a, b, c, d] = LOOPBACK.to_ne_bytes();
    let body = [family(ip), prefix, IFA_F_NODAD, 0, a, b, c, d];
    let message = Message::new(NEW_ADDRESS, ACK | CREATE).push(&body);
    request(route, message.address(2, ip).address(1, ip))
}

/// Makes every address of a family local to the loopback interface (`ip route add local
/// default dev lo`), so that nothing sent can look for a way out.
pub fn all_local(route: BorrowedFd<'_>, ipv6: bool) -> Result<(), Errno> {
    const TABLE_LOCAL: u8 = 255;
    const PROTOCOL_STATIC: u8 = 4;
    const SCOPE_HOST: u8 = 254;
    const TYPE_LOCAL: u8 = 2;
    const OUT_INTERFACE: u16 = 4;
    let family = u8::try_from(if ipv6 { libc::AF_INET6 } else { libc::AF_INET }).unwrap_or(0);
    let scope = if ipv6 { 0 } else { SCOPE_HOST };
    let body = [family, 0, 0, 0, TABLE_LOCAL, PROTOCOL_STATIC, scope, TYPE_LOCAL, 0, 0, 0, 0];
    let message = Message::new(NEW_ROUTE, ACK | CREATE).push(&body);
    request(route, message.attribute(OUT_INTERFACE, &LOOPBACK.to_ne_bytes()))
}

/// Sends one message and reads its acknowledgement.
fn request(route: BorrowedFd<'_>, mut message: Message) -> Result<(), Errno> {
    send(route, message.finished())?;
    let mut answer = [0; 512];
    let length = files::read(route, &mut answer)?;
    match answer_of(answer.get(..length).unwrap_or_default()) {
        Some((ERROR, body)) => {
            let code = body.get(..4).and_then(|b| b.try_into().ok()).map_or(-1, i32::from_ne_bytes);
            if code == 0 { Ok(()) } else { Err(Errno(-code)) }
        }
        _ => Err(Errno(libc::EPROTO)),
    }
}

fn send(to: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    let args = [fd(to), input(bytes), bytes.len(), int(0), 0, 0];
    // SAFETY: the kernel reads at most the said length; a null address.
    unsafe { call(libc::SYS_sendto, args) }.map(drop)
}

/// Kind and body of the first message in a buffer.
fn answer_of(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    Some((kind, bytes.get(HEADER..length.min(bytes.len()))?))
}

/// A diagnosis socket of this process's network namespace; it keeps to that namespace wherever it
/// is handed to.
pub fn open_diag() -> Result<OwnedFd, Errno> {
    const NETLINK_SOCK_DIAG: i32 = 4;
    socket::socket(libc::AF_NETLINK, libc::SOCK_RAW, NETLINK_SOCK_DIAG)
}

/// Cookies of the TCP sockets that accept connections to `to`: those bound to it and those bound
/// to every address.
pub fn tcp_listeners(diag: BorrowedFd<'_>, to: SocketAddr) -> Result<Vec<u64>, Errno> {
    let mut found = Vec::new();
    // An IPv6 socket bound to every address accepts IPv4 as well.
    for family in [libc::AF_INET, libc::AF_INET6] {
        if family == libc::AF_INET && to.is_ipv6() {
            continue;
        }
        list(diag, family, to, &mut found)?;
    }
    Ok(found)
}

fn list(
    diag: BorrowedFd<'_>,
    family: i32,
    to: SocketAddr,
    found: &mut Vec<u64>,
) -> Result<(), Errno> {
    const LISTEN_STATE: u32 = 1 << 10;
    let mut body = [0; 56];
    body[0] = u8::try_from(family).unwrap_or_default();
    body[1] = u8::try_from(libc::IPPROTO_TCP).unwrap_or_default();
    body[4..8].copy_from_slice(&LISTEN_STATE.to_ne_bytes());
    // A dump honours the source port of the request.
    body[8..10].copy_from_slice(&to.port().to_be_bytes());
    send(diag, Message::new(DIAG_BY_FAMILY, DUMP).push(&body).finished())?;
    let mut room = vec![0; 16 * 1024];
    loop {
        let length = files::read(diag, &mut room)?;
        let mut rest = room.get(..length).unwrap_or_default();
        while let Some((kind, entry)) = answer_of(rest) {
            if matches!(kind, DONE | ERROR) {
                return Ok(());
            }
            if let Some((address, cookie)) = entry_of(entry, family)
                && accepts(address, to)
            {
                found.push(cookie);
            }
            let step = (HEADER + entry.len()).next_multiple_of(4);
            rest = rest.get(step..).unwrap_or_default();
        }
    }
}

/// Local address and cookie out of a `struct inet_diag_msg`.
fn entry_of(entry: &[u8], family: i32) -> Option<(SocketAddr, u64)> {
    let port = u16::from_be_bytes(entry.get(4..6)?.try_into().ok()?);
    let ip: IpAddr = if family == libc::AF_INET {
        <[u8; 4]>::try_from(entry.get(8..12)?).ok()?.into()
    } else {
        <[u8; 16]>::try_from(entry.get(8..24)?).ok()?.into()
    };
    let cookie = u64::from_ne_bytes(entry.get(44..52)?.try_into().ok()?);
    Some((SocketAddr::new(ip, port), cookie))
}

fn accepts(listening: SocketAddr, to: SocketAddr) -> bool {
    let ip = listening.ip().to_canonical();
    listening.port() == to.port() && (ip == to.ip().to_canonical() || ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_by_its_cookie_and_gone_when_closed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let cookie = socket::cookie(listener.as_fd()).unwrap();
        let diag = open_diag().unwrap();
        assert_eq!(tcp_listeners(diag.as_fd(), address), Ok(vec![cookie]));
        drop(listener);
        assert_eq!(tcp_listeners(diag.as_fd(), address), Ok(vec![]));
    }

    #[test]
    fn a_dual_stack_listener_accepts_ipv4() {
        let listener = std::net::TcpListener::bind("[::]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let diag = open_diag().unwrap();
        let found = tcp_listeners(diag.as_fd(), ([127, 0, 0, 1], port).into()).unwrap();
        assert_eq!(found, vec![socket::cookie(listener.as_fd()).unwrap()]);
    }
}
