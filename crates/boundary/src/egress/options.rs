//! Carries the options of the service's socket over to the one that takes its place.
//!
//! Only what differs from a fresh socket is set. Options outside this list are lost, which the
//! documentation says; none of the list can change where a socket leads.

use ringfence_sys::socket;
use std::os::fd::BorrowedFd;

/// Level and name of each option that is one number.
const NUMBERS: [(i32, i32); 9] = [
    (libc::SOL_SOCKET, libc::SO_REUSEADDR),
    (libc::SOL_SOCKET, libc::SO_REUSEPORT),
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
    (libc::IPPROTO_IP, libc::IP_TOS),
];

/// Copies the options of a TCP socket. A value the new socket refuses is left at its default.
pub(super) fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>, ipv6: bool) {
    for (level, name) in NUMBERS {
        number(from, to, level, name);
    }
    if ipv6 {
        number(from, to, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY);
        number(from, to, libc::IPPROTO_IPV6, libc::IPV6_TCLASS);
    }
    for name in [libc::SO_SNDBUF, libc::SO_RCVBUF] {
        buffer(from, to, name);
    }
    let mut linger = [0; size_of::<libc::linger>()];
    if socket::option_bytes(from, libc::SOL_SOCKET, libc::SO_LINGER, &mut linger).is_ok()
        && linger.iter().any(|b| *b != 0)
    {
        let _ = socket::set_option_bytes(to, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
    }
}

fn number(from: BorrowedFd<'_>, to: BorrowedFd<'_>, level: i32, name: i32) {
    if let (Ok(wanted), Ok(fresh)) =
        (socket::option(from, level, name), socket::option(to, level, name))
        && wanted != fresh
    {
        let _ = socket::set_option(to, level, name, wanted);
    }
}

/// The kernel answers twice what was set (socket(7)), so half of it is set again.
fn buffer(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: i32) {
    if let (Ok(wanted), Ok(fresh)) =
        (socket::option(from, libc::SOL_SOCKET, name), socket::option(to, libc::SOL_SOCKET, name))
        && wanted != fresh
    {
        let _ = socket::set_option(to, libc::SOL_SOCKET, name, wanted / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_sys::seccomp::Profile;

    /// A value that cannot be set is left at its default without a word, so the filter of this
    /// process is held to the list here.
    #[test]
    fn the_broker_may_set_every_option_it_carries_over() {
        let rest = [
            (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
            (libc::SOL_SOCKET, libc::SO_SNDBUF),
            (libc::SOL_SOCKET, libc::SO_RCVBUF),
            (libc::SOL_SOCKET, libc::SO_LINGER),
        ];
        let broker = Profile::builtin().broker;
        let allows = |level: i32, name: i32| {
            let args = [0, level, name, 0, 0, 0].map(|word| u64::from(word.unsigned_abs()));
            [true, false].map(|namespaces| broker.allows("setsockopt", args, namespaces))
        };
        for (level, name) in NUMBERS.into_iter().chain(rest) {
            assert_eq!(allows(level, name), [true, true], "{level} {name}");
        }
        // Controls: these would move the connection after the decision.
        for (level, name) in [
            (libc::IPPROTO_IPV6, libc::IPV6_RTHDR),
            (libc::IPPROTO_IP, libc::IP_OPTIONS),
            (libc::SOL_SOCKET, libc::SO_BINDTODEVICE),
            (libc::SOL_SOCKET, libc::SO_MARK),
        ] {
            assert_eq!(allows(level, name), [false, false], "{level} {name}");
        }
    }
}
