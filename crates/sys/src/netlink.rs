//! Netlink: making a loopback-only network usable, and asking the kernel about TCP sockets.
//!
//! The first half acts on the network namespace of the calling thread and may run between clone and
//! exec: messages are built on the stack. The second half asks through a descriptor made in the
//! namespace in question, which may be another one than the caller's (`sock_diag(7)`).

mod unix;

pub use unix::{UnixSocket, unix_sockets};

use crate::call::{call, fd, input, output, uint};
use crate::errno::Errno;
use crate::socket;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Index of the loopback interface, the first of every network namespace.
const LOOPBACK: u32 = 1;
/// Type of the messages that ask about sockets, and of their answers.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Type of the messages that end a socket.
const SOCK_DESTROY: u16 = 21;
/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// The number our requests carry; each socket has one request under way at most.
const SEQUENCE: u32 = 1;

/// Switches the loopback interface on; 127.0.0.1 and `::1` come with it.
pub fn loopback_up() -> Result<(), Errno> {
    let up = libc::IFF_UP.unsigned_abs();
    let mut message = Message::new(libc::RTM_NEWLINK, libc::NLM_F_ACK);
    // struct ifinfomsg: family, padding, type, index, flags, mask of the flags to change.
    message.push(&[0; 4]);
    message.push(&LOOPBACK.to_ne_bytes());
    message.push(&up.to_ne_bytes());
    message.push(&up.to_ne_bytes());
    message.configure()
}

/// Gives the loopback interface an address. For IPv4 the whole prefix becomes local with it.
/// An IPv6 address can be bound, and without [`keep_everything_local`] reached, only a moment later,
/// when the kernel's work queue has come to it; a socket connected before that stays unheard.
pub fn add_address(address: IpAddr, prefix: u8) -> Result<(), Errno> {
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    /// No search for another owner of the address, so that it works at once.
    const IFA_F_NODAD: u8 = 2;
    let create = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    let mut message = Message::new(libc::RTM_NEWADDR, create);
    // struct ifaddrmsg: family, prefix length, flags, scope (0 is the universe), interface.
    message.push(&[family(address), prefix, IFA_F_NODAD, 0]);
    message.push(&LOOPBACK.to_ne_bytes());
    match address {
        IpAddr::V4(v4) => {
            message.attribute(IFA_LOCAL, &v4.octets());
            message.attribute(IFA_ADDRESS, &v4.octets());
        }
        IpAddr::V6(v6) => message.attribute(IFA_ADDRESS, &v6.octets()),
    }
    message.configure()
}

/// Makes every address of one family local: whatever is sent inside lands inside, whoever it is
/// addressed to. Without, a datagram to a foreign address is refused with `ENETUNREACH`.
pub fn keep_everything_local(ipv6: bool) -> Result<(), Errno> {
    const RTA_OIF: u16 = 4;
    const RT_TABLE_LOCAL: u8 = 255;
    const RTPROT_STATIC: u8 = 4;
    const RT_SCOPE_HOST: u8 = 254;
    let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    let create = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    let mut message = Message::new(libc::RTM_NEWROUTE, create);
    // struct rtmsg: family, two prefix lengths (0: all), service; table, protocol, scope, type.
    message.push(&[u8::try_from(family).unwrap_or_default(), 0, 0, 0]);
    message.push(&[RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, libc::RTN_LOCAL]);
    message.push(&[0; 4]);
    message.attribute(RTA_OIF, &LOOPBACK.to_ne_bytes());
    message.configure()
}

fn family(of: IpAddr) -> u8 {
    let family = if of.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    u8::try_from(family).unwrap_or_default()
}

/// A request being written, header first.
#[repr(C, align(8))]
struct Message {
    bytes: [u8; 128],
    length: usize,
}

impl Message {
    fn new(kind: u16, flags: i32) -> Self {
        let mut message = Self { bytes: [0; 128], length: 0 };
        let flags = u16::try_from(flags | libc::NLM_F_REQUEST).unwrap_or_default();
        // struct nlmsghdr: length (written at the end), type, flags, number, port.
        message.push(&[0; 4]);
        message.push(&kind.to_ne_bytes());
        message.push(&flags.to_ne_bytes());
        message.push(&SEQUENCE.to_ne_bytes());
        message.push(&[0; 4]);
        message
    }

    /// No request of this module comes near the room there is; what went beyond would be left out.
    fn push(&mut self, bytes: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().skip(self.length).zip(bytes) {
            *place = *byte;
        }
        self.length += bytes.len();
    }

    /// `struct rtattr` with its value, which has whole words.
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(4 + value.len()).unwrap_or_default();
        self.push(&length.to_ne_bytes());
        self.push(&kind.to_ne_bytes());
        self.push(value);
    }

    fn send(&mut self, to: BorrowedFd<'_>) -> Result<(), Errno> {
        let length = u32::try_from(self.length).map_err(|_| Errno(libc::EMSGSIZE))?;
        let whole = self.bytes.get_mut(..self.length).ok_or(Errno(libc::EMSGSIZE))?;
        for (place, byte) in whole.iter_mut().zip(length.to_ne_bytes()) {
            *place = byte;
        }
        let args = [fd(to), input(&*whole), whole.len(), 0, 0, 0];
        // SAFETY: the kernel reads as many bytes as the slice has; no address is given.
        unsafe { call(libc::SYS_sendto, args) }.map(drop)
    }

    /// Sends a change of the network and waits for the kernel's word on it.
    fn configure(mut self) -> Result<(), Errno> {
        let route = socket::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
        self.send(route.as_fd())?;
        let mut room = [0; 512];
        let length = receive(route.as_fd(), &mut room)?;
        for Part { kind, body, .. } in parts(room.get(..length).unwrap_or_default()) {
            if i32::from(kind) == libc::NLMSG_ERROR {
                return outcome(body);
            }
        }
        Err(Errno(libc::EBADMSG))
    }
}

/// `struct nlmsgerr` begins with an error number, negated; 0 is success.
fn outcome(body: &[u8]) -> Result<(), Errno> {
    match word(body, 0).map(u32::cast_signed) {
        Some(0) => Ok(()),
        Some(negated) => Err(Errno(negated.saturating_neg())),
        None => Err(Errno(libc::EBADMSG)),
    }
}

fn receive(from: BorrowedFd<'_>, into: &mut [u8]) -> Result<usize, Errno> {
    loop {
        // With this flag the answer is the whole length, so that a cut message is noticed.
        let flags = uint(libc::MSG_TRUNC.unsigned_abs());
        let args = [fd(from), output(into), into.len(), flags, 0, 0];
        // SAFETY: the kernel writes at most as many bytes as the slice has; no address is asked.
        match unsafe { call(libc::SYS_recvfrom, args) } {
            Err(Errno(libc::EINTR)) => {}
            Ok(length) if length > into.len() => return Err(Errno(libc::EMSGSIZE)),
            other => return other,
        }
    }
}

/// One message out of what was received.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    kind: u16,
    flags: u16,
    body: &'a [u8],
}

/// The messages in these bytes, up to the first one that does not fit.
fn parts(mut bytes: &[u8]) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(word(bytes, 0)?).ok()?;
        let body = bytes.get(HEADER..length)?;
        let kind = half(bytes, 4)?;
        let flags = half(bytes, 6)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Part { kind, flags, body })
    })
}

/// A TCP socket, as the kernel describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSocket {
    /// The number that names it for ever (`SO_COOKIE`).
    pub cookie: u64,
    /// State of the connection: 1 established, 7 closed, 10 listening (`linux/tcp_states.h`).
    pub state: u8,
    /// Own address.
    pub local: SocketAddr,
    /// Address of the other side; unspecified for a listener.
    pub remote: SocketAddr,
    /// Whether an IPv6 socket takes IPv6 only.
    pub v6_only: bool,
    /// Owner of the socket; of a connection that nobody has accepted yet, of its listener.
    pub uid: u32,
    /// Which directions are shut down (1 receiving, 2 sending); nothing for what is no whole socket:
    /// a connection that is still being asked for, or one that only waits for late packets.
    pub shutdown: Option<u8>,
}

/// State number of a listening socket.
pub const LISTENING: u8 = 10;
/// Every state, as a mask of state numbers.
pub const ANY_STATE: u32 = 0xffff_ffff;
/// Every state in which a descriptor can hold the socket: a connection that only waits for late
/// packets (6, `TIME_WAIT`) belongs to nobody, and a busy host has tens of thousands of them.
pub const HELD: u32 = ANY_STATE & !(1 << 6);

/// A descriptor that asks about the sockets of the caller's network namespace, also from another.
pub fn open_diag() -> Result<OwnedFd, Errno> {
    const NETLINK_SOCK_DIAG: i32 = 4;
    socket::socket(libc::AF_NETLINK, libc::SOCK_RAW, NETLINK_SOCK_DIAG)
}

/// Every TCP socket of one family whose state is in the mask (bit N for state N); with a `port`,
/// only those bound to it. Sockets that are closed and bound to nothing are in no list.
///
/// # Errors
/// `EAGAIN` when the sockets changed so much that no consistent list came together.
pub fn tcp_sockets(
    diag: BorrowedFd<'_>,
    ipv6: bool,
    states: u32,
    port: Option<u16>,
) -> Result<Vec<TcpSocket>, Errno> {
    for _ in 0..8 {
        if let Some(list) = dump(diag, ipv6, states, port.unwrap_or(0))? {
            return Ok(list);
        }
    }
    Err(Errno(libc::EAGAIN))
}

/// The cookies of the sockets that listen at `to`: bound to it, or to its port at every address,
/// IPv6 sockets that take IPv4 too included.
pub fn tcp_listeners(diag: BorrowedFd<'_>, to: SocketAddr) -> Result<Vec<u64>, Errno> {
    let mut cookies = Vec::new();
    for ipv6 in [false, true] {
        if !ipv6 && to.is_ipv6() {
            continue;
        }
        let listening = tcp_sockets(diag, ipv6, 1 << LISTENING, Some(to.port()));
        for socket in listening? {
            if accepts(&socket, to.ip()) {
                cookies.push(socket.cookie);
            }
        }
    }
    Ok(cookies)
}

/// The socket with this cookie, in whatever state; nothing when there is none (any more).
pub fn tcp_by_cookie(diag: BorrowedFd<'_>, cookie: u64) -> Result<Option<TcpSocket>, Errno> {
    for ipv6 in [false, true] {
        let all = tcp_sockets(diag, ipv6, ANY_STATE, None)?;
        if let Some(found) = all.into_iter().find(|socket| socket.cookie == cookie) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Aborts a connection or a listener, whoever holds it; the other side gets a reset.
///
/// # Errors
/// `EPERM` without `CAP_NET_ADMIN` over the network namespace, `EOPNOTSUPP` where the kernel was
/// built without it (`CONFIG_INET_DIAG_DESTROY`), `ENOENT` when the socket is gone.
pub fn destroy_tcp(diag: BorrowedFd<'_>, socket: &TcpSocket) -> Result<(), Errno> {
    // IPv4 takes the first four bytes of the sixteen.
    let room = |address: IpAddr| match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(v6) => v6.octets(),
    };
    let mut request =
        question(SOCK_DESTROY, libc::NLM_F_ACK, socket.local.is_ipv6(), 1 << socket.state);
    request.push(&socket.local.port().to_be_bytes());
    request.push(&socket.remote.port().to_be_bytes());
    request.push(&room(socket.local.ip()));
    request.push(&room(socket.remote.ip()));
    request.push(&[0; 4]);
    // Two halves, the low one first.
    for half in [socket.cookie & 0xffff_ffff, socket.cookie >> 32] {
        request.push(&u32::try_from(half).unwrap_or_default().to_ne_bytes());
    }
    request.send(diag)?;
    let mut answer = [0; 512];
    let length = receive(diag, &mut answer)?;
    for Part { kind, body, .. } in parts(answer.get(..length).unwrap_or_default()) {
        if i32::from(kind) == libc::NLMSG_ERROR {
            return outcome(body);
        }
    }
    Err(Errno(libc::EBADMSG))
}

/// The beginning of `struct inet_diag_req_v2`: family, protocol, extensions, padding, states.
fn question(kind: u16, flags: i32, ipv6: bool, states: u32) -> Message {
    const TCP: u8 = 6;
    let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    let mut request = Message::new(kind, flags);
    request.push(&[u8::try_from(family).unwrap_or_default(), TCP, 0, 0]);
    request.push(&states.to_ne_bytes());
    request
}

/// Whether a listening socket takes a connection to this address.
fn accepts(socket: &TcpSocket, to: IpAddr) -> bool {
    match (socket.local.ip(), to) {
        (own, to) if own == to => true,
        (IpAddr::V6(own), IpAddr::V4(to)) => {
            own.to_ipv4_mapped() == Some(to) || (own.is_unspecified() && !socket.v6_only)
        }
        (own, to) => own.is_unspecified() && own.is_ipv4() == to.is_ipv4(),
    }
}

/// One list; nothing when the kernel says that it is not consistent.
fn dump(
    diag: BorrowedFd<'_>,
    ipv6: bool,
    states: u32,
    port: u16,
) -> Result<Option<Vec<TcpSocket>>, Errno> {
    let mut request = question(SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP, ipv6, states);
    // Then the id: two ports, two addresses, interface, cookie (all ones: any).
    request.push(&port.to_be_bytes());
    request.push(&[0; 2 + 16 + 16 + 4]);
    request.push(&[0xff; 8]);
    request.send(diag)?;
    collect(diag, describe)
}

/// Everything the kernel lists in answer to a request; nothing when it says that the list is not
/// consistent.
fn collect<T>(
    diag: BorrowedFd<'_>,
    describe: impl Fn(&[u8]) -> Option<T>,
) -> Result<Option<Vec<T>>, Errno> {
    const INTERRUPTED: i32 = 0x10;
    let (mut list, mut consistent) = (Vec::new(), true);
    let mut room = vec![0; 32 * 1024];
    loop {
        let length = receive(diag, &mut room)?;
        for Part { kind, flags, body } in parts(room.get(..length).unwrap_or_default()) {
            consistent &= i32::from(flags) & INTERRUPTED == 0;
            match i32::from(kind) {
                libc::NLMSG_DONE => return Ok(consistent.then_some(list)),
                libc::NLMSG_ERROR => return outcome(body).and(Err(Errno(libc::EBADMSG))),
                _ => list.extend(describe(body)),
            }
        }
    }
}

/// `struct inet_diag_msg` and its attributes.
fn describe(body: &[u8]) -> Option<TcpSocket> {
    const FIXED: usize = 72;
    const SHUTDOWN: u16 = 8;
    const SKV6ONLY: u16 = 11;
    let [family, state] = [*body.first()?, *body.get(1)?];
    let ipv6 = i32::from(family) == libc::AF_INET6;
    let port = |at: usize| Some(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?));
    let ip = |at: usize| address(body.get(at..at + 16)?, ipv6);
    let cookie = u64::from(word(body, 44)?) | u64::from(word(body, 48)?) << 32;
    let (mut v6_only, mut shutdown) = (false, None);
    for (kind, value) in attributes(body.get(FIXED..)?) {
        match kind {
            SHUTDOWN => shutdown = value.first().copied(),
            SKV6ONLY => v6_only = value.first().is_some_and(|value| *value != 0),
            _ => {}
        }
    }
    Some(TcpSocket {
        cookie,
        state,
        local: SocketAddr::new(ip(8)?, port(4)?),
        remote: SocketAddr::new(ip(24)?, port(6)?),
        v6_only,
        uid: word(body, 64)?,
        shutdown,
    })
}

/// Kind and value of each attribute in these bytes.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(half(bytes, 0)?).max(4);
        let kind = half(bytes, 2)?;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn address(bytes: &[u8], ipv6: bool) -> Option<IpAddr> {
    if ipv6 {
        let bytes: [u8; 16] = bytes.try_into().ok()?;
        Some(Ipv6Addr::from(bytes).into())
    } else {
        let bytes: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        Some(Ipv4Addr::from(bytes).into())
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fd::read;
    use crate::namespace::NEWNET;
    use crate::testing::in_namespace;
    use crate::wait::readable;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    fn udp(ipv6: bool) -> Result<OwnedFd, Errno> {
        let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
        socket::socket(family, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0)
    }

    /// Sends a byte from one socket to a port of another address, and reads it where it lands.
    fn deliver(ipv6: bool, any: SocketAddr, to: SocketAddr) -> Result<(), Errno> {
        let receiver = udp(ipv6)?;
        socket::bind(receiver.as_fd(), &any)?;
        // A new IPv6 address takes a moment in the kernel's work queue to become local.
        for _ in 0..12_000 {
            let sender = udp(ipv6)?;
            socket::connect(sender.as_fd(), &to)?;
            crate::fd::write_all(sender.as_fd(), b"x")?;
            if readable(&[receiver.as_fd()], Some(Duration::from_millis(10)))? != 0 {
                return read(receiver.as_fd(), &mut [0]).map(drop);
            }
        }
        Err(Errno(libc::ETIMEDOUT))
    }

    #[test]
    fn a_new_network_has_loopback_and_the_addresses_it_was_given() {
        let own: SocketAddr = "127.0.0.1:53".parse().unwrap();
        let synthetic: SocketAddr = "198.18.200.7:53".parse().unwrap();
        let any: SocketAddr = "0.0.0.0:53".parse().unwrap();
        let bare = in_namespace(NEWNET, || deliver(false, any, own));
        assert_eq!(bare, Err(Errno(libc::ENETUNREACH)), "control: nothing before it is up");
        let up = in_namespace(NEWNET, || {
            loopback_up()?;
            deliver(false, any, own)?;
            add_address([198, 18, 0, 1].into(), 15)?;
            deliver(false, any, synthetic)
        });
        assert_eq!(up, Ok(()));
        let any6: SocketAddr = "[::]:53".parse().unwrap();
        let own6: SocketAddr = "[fd52:6e67::1]:53".parse().unwrap();
        let address = own6.ip();
        let six = in_namespace(NEWNET, || {
            loopback_up()?;
            add_address(address, 64)?;
            deliver(true, any6, own6)
        });
        assert_eq!(six, Ok(()));
    }

    #[test]
    fn whatever_is_sent_inside_lands_inside() {
        let any: SocketAddr = "0.0.0.0:443".parse().unwrap();
        let foreign: SocketAddr = "203.0.113.9:443".parse().unwrap();
        let any6: SocketAddr = "[::]:443".parse().unwrap();
        let foreign6: SocketAddr = "[2001:db8::9]:443".parse().unwrap();
        let without = in_namespace(NEWNET, || {
            loopback_up()?;
            deliver(false, any, foreign)
        });
        assert_eq!(without, Err(Errno(libc::ENETUNREACH)), "control");
        let with = in_namespace(NEWNET, || {
            loopback_up()?;
            keep_everything_local(false)?;
            keep_everything_local(true)?;
            deliver(false, any, foreign)?;
            deliver(true, any6, foreign6)
        });
        assert_eq!(with, Ok(()));
    }

    #[test]
    fn the_host_s_network_cannot_be_changed_without_its_capabilities() {
        let address = "198.18.0.1".parse().unwrap();
        let answer = in_namespace(0, || add_address(address, 32));
        assert_eq!(answer, Err(Errno(libc::EPERM)));
    }

    #[test]
    fn a_listener_is_found_by_its_port_and_cookie_until_it_is_closed() {
        let diag = open_diag().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let own = socket::cookie(listener.as_fd()).unwrap();
        assert_eq!(tcp_listeners(diag.as_fd(), at), Ok(vec![own]));
        let elsewhere = SocketAddr::new("127.0.0.2".parse().unwrap(), at.port());
        assert_eq!(tcp_listeners(diag.as_fd(), elsewhere), Ok(vec![]));
        let client = TcpStream::connect(at).unwrap();
        let cookie = socket::cookie(client.as_fd()).unwrap();
        let found = tcp_by_cookie(diag.as_fd(), cookie).unwrap().unwrap();
        assert_eq!((found.remote, found.state), (at, 1));
        assert_eq!(found.local, client.local_addr().unwrap());
        socket::disconnect(client.as_fd()).unwrap();
        assert_eq!(tcp_by_cookie(diag.as_fd(), cookie), Ok(None));
        // Not only dropped: a child of another test may hold a copy for a moment.
        socket::shutdown(listener.as_fd(), libc::SHUT_RDWR).unwrap();
        assert_eq!(tcp_listeners(diag.as_fd(), at), Ok(vec![]));
    }

    #[test]
    fn a_connection_that_is_shut_down_both_ways_says_so() {
        let diag = open_diag().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let cookie = socket::cookie(client.as_fd()).unwrap();
        let find = || tcp_by_cookie(diag.as_fd(), cookie).unwrap().unwrap();
        assert_eq!(find().shutdown, Some(0));
        // SAFETY: takes nothing and cannot fail.
        assert_eq!(find().uid, unsafe { libc::geteuid() });
        socket::shutdown(client.as_fd(), libc::SHUT_WR).unwrap();
        assert_eq!(find().shutdown, Some(2));
        socket::shutdown(client.as_fd(), libc::SHUT_RDWR).unwrap();
        assert_eq!(find().shutdown, Some(3));
    }

    #[test]
    fn a_connection_is_ended_from_outside_where_the_rights_are_there() {
        let diag = open_diag().unwrap();
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(at) else {
                eprintln!("not run: {at}: no such address here");
                continue;
            };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let cookie = socket::cookie(client.as_fd()).unwrap();
            let found = tcp_by_cookie(diag.as_fd(), cookie).unwrap().unwrap();
            match destroy_tcp(diag.as_fd(), &found) {
                Ok(()) => assert_eq!(tcp_by_cookie(diag.as_fd(), cookie), Ok(None)),
                Err(errno) => {
                    eprintln!("not run: ending a connection from outside: {errno}");
                    assert!(matches!(errno.0, libc::EPERM | libc::EOPNOTSUPP), "{errno}");
                    assert_eq!(tcp_by_cookie(diag.as_fd(), cookie), Ok(Some(found)));
                }
            }
            let other = TcpSocket { cookie: found.cookie + 1, ..found };
            assert!(destroy_tcp(diag.as_fd(), &other).is_err(), "only the very socket");
        }
    }

    #[test]
    fn an_ipv6_listener_takes_ipv4_unless_it_says_otherwise() {
        let diag = open_diag().unwrap();
        for (v6_only, found) in [(0, 1), (1, 0)] {
            let made = socket::socket(libc::AF_INET6, libc::SOCK_STREAM, 0).unwrap();
            let level = libc::IPPROTO_IPV6;
            socket::set_option(made.as_fd(), level, libc::IPV6_V6ONLY, v6_only).unwrap();
            socket::bind(made.as_fd(), &"[::]:0".parse().unwrap()).unwrap();
            socket::listen(made.as_fd(), 1).unwrap();
            let socket::Address::Inet(at) = socket::local_address(made.as_fd()).unwrap() else {
                panic!("an Internet socket has an Internet address");
            };
            let four = SocketAddr::new("127.0.0.1".parse().unwrap(), at.port());
            let own = socket::cookie(made.as_fd()).unwrap();
            let cookies = tcp_listeners(diag.as_fd(), four).unwrap();
            assert_eq!(cookies.iter().filter(|cookie| **cookie == own).count(), found);
        }
    }

    #[test]
    fn no_bytes_are_too_odd_to_take_apart() {
        for length in 0..200_usize {
            for fill in [0_u8, 1, 4, 16, 0xff] {
                let bytes = vec![fill; length];
                parts(&bytes).take(1000).for_each(drop);
                let _ = describe(&bytes);
            }
        }
    }
}
