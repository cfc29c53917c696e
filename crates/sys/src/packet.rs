//! Sequenced packets over unix sockets: one message is one packet, and its end is the packet's.
//!
//! Nothing here waits: a packet that is not there or has no room is `EAGAIN`. Descriptors that come
//! along with a packet are thrown away by the kernel, because no room is given for them.

use crate::call::{call, fd, int, output};
use crate::errno::Errno;
use crate::socket::{self, Address};
use crate::wait;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// A packet that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Bytes in the buffer; 0 is an empty packet or the end.
    pub length: usize,
    /// Whether there were more than fitted.
    pub truncated: bool,
}

/// Who is at the other end (`SO_PEERCRED`, unix(7)): who connected, or who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Process id, as this process numbers it; 0 when it is not visible here.
    pub pid: i32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A pair of connected sockets, close-on-exec.
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    crate::fd::socketpair(libc::SOCK_SEQPACKET)
}

/// Takes the next packet, or answers `EAGAIN` when there is none.
pub fn receive(of: BorrowedFd<'_>, into: &mut [u8]) -> Result<Packet, Errno> {
    let mut part = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: plain numbers and null pointers are a valid value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    let length = loop {
        let args = [fd(of), output(&mut header), int(libc::MSG_DONTWAIT), 0, 0, 0];
        // SAFETY: the header points to our slice with its length; no room for anything else.
        match unsafe { call(libc::SYS_recvmsg, args) } {
            Err(Errno(libc::EINTR)) => {}
            other => break other?,
        }
    };
    Ok(Packet {
        length: length.min(into.len()),
        truncated: header.msg_flags & libc::MSG_TRUNC != 0,
    })
}

/// Sends one packet, or answers `EAGAIN` when there is no room; a broken connection raises no
/// signal.
pub fn send(to: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    crate::datagram::send(to, bytes, None, None).map(drop)
}

/// Listens at an abstract name.
///
/// # Errors
/// `EADDRINUSE` when it is taken; else the kernel's.
pub fn listen(name: &[u8], backlog: i32) -> Result<OwnedFd, Errno> {
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK;
    let made = socket::socket(libc::AF_UNIX, kind, 0)?;
    socket::bind_address(made.as_fd(), &Address::UnixAbstract(name.to_vec()))?;
    socket::listen(made.as_fd(), backlog)?;
    Ok(made)
}

/// Connects to an abstract name; answers at once whether somebody listens there.
///
/// # Errors
/// `ECONNREFUSED` when nobody listens, `EAGAIN` when too many wait; else the kernel's.
pub fn connect(name: &[u8]) -> Result<OwnedFd, Errno> {
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK;
    let made = socket::socket(libc::AF_UNIX, kind, 0)?;
    socket::connect_address(made.as_fd(), &Address::UnixAbstract(name.to_vec()))?;
    Ok(made)
}

/// Who is at the other end.
pub fn peer(of: BorrowedFd<'_>) -> Result<Peer, Errno> {
    let mut bytes = [0; size_of::<libc::ucred>()];
    socket::option_bytes(of, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut bytes)?;
    let word = |at: usize| {
        let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
        u32::from_ne_bytes(word.unwrap_or_default())
    };
    Ok(Peer { pid: word(0).cast_signed(), uid: word(4), gid: word(8) })
}

/// Whether the process that [`peer`] names still runs: it can have handed its end on and ended, and
/// then its number may be another process's by now. Answers yes before Linux 6.5, which cannot tell.
#[must_use]
pub fn peer_runs(of: BorrowedFd<'_>) -> bool {
    // Not in libc (linux/include/uapi/asm-generic/socket.h).
    const SO_PEERPIDFD: i32 = 77;
    match socket::option(of, libc::SOL_SOCKET, SO_PEERPIDFD) {
        Ok(number) => {
            // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
            let handle = unsafe { OwnedFd::from_raw_fd(number) };
            wait::readable(&[handle.as_fd()], Some(Duration::ZERO)) == Ok(0)
        }
        Err(Errno(libc::ENOPROTOOPT)) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_keep_their_ends_and_descriptors_do_not_arrive() {
        let (near, far) = pair().unwrap();
        let mut room = [0; 4];
        assert_eq!(receive(far.as_fd(), &mut room), Err(Errno(libc::EAGAIN)));
        let (reading, writing) = crate::fd::pipe(0).unwrap();
        socket::send_fds(near.as_fd(), b"abc", &[writing.as_fd()]).unwrap();
        send(near.as_fd(), b"12345").unwrap();
        drop(writing);
        let packet = receive(far.as_fd(), &mut room);
        assert_eq!(packet, Ok(Packet { length: 3, truncated: false }));
        // The only other copy of the writing end went with the packet.
        assert_eq!(crate::fd::read(reading.as_fd(), &mut [0]), Ok(0));
        let packet = receive(far.as_fd(), &mut room);
        assert_eq!(packet, Ok(Packet { length: 4, truncated: true }));
        drop(near);
        assert_eq!(receive(far.as_fd(), &mut room), Ok(Packet { length: 0, truncated: false }));
    }

    #[test]
    fn a_full_socket_is_told_and_not_waited_for() {
        let (near, _far) = pair().unwrap();
        let full = (0..100_000).find_map(|_| send(near.as_fd(), &[0; 1024]).err());
        assert_eq!(full, Some(Errno(libc::EAGAIN)));
    }

    #[test]
    fn both_sides_of_an_abstract_name_know_each_other() {
        let own = i32::try_from(std::process::id()).unwrap();
        let name = format!("ringfence-test/{own}");
        assert_eq!(connect(name.as_bytes()).map(drop), Err(Errno(libc::ECONNREFUSED)));
        let listener = listen(name.as_bytes(), 4).unwrap();
        let taken = listen(name.as_bytes(), 4).map(drop);
        assert_eq!(taken, Err(Errno(libc::EADDRINUSE)));
        let near = connect(name.as_bytes()).unwrap();
        let far = socket::accept(listener.as_fd()).unwrap();
        for end in [near.as_fd(), far.as_fd()] {
            assert_eq!(peer(end).map(|peer| peer.pid), Ok(own));
            assert!(peer_runs(end));
        }
    }

    #[test]
    fn a_listener_that_was_handed_on_is_not_the_process_it_names() {
        let name = format!("ringfence-test-ended/{}", std::process::id());
        let made = socket::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0).unwrap();
        let address = Address::UnixAbstract(name.clone().into_bytes());
        socket::bind_address(made.as_fd(), &address).unwrap();
        // A child that has ended: its own number is the one that is shown.
        crate::testing::in_child(0, || socket::listen(made.as_fd(), 4)).unwrap();
        let near = connect(name.as_bytes()).unwrap();
        let own = i32::try_from(std::process::id());
        assert_ne!(peer(near.as_fd()).map(|peer| Ok(peer.pid)), Ok(own));
        assert!(!peer_runs(near.as_fd()));
    }
}
