//! Asking the kernel about Unix sockets: who is connected to whom, and to which object of the disk.

use super::{Message, SOCK_DIAG_BY_FAMILY, attributes, collect, word};
use crate::errno::Errno;
use std::os::fd::BorrowedFd;

/// A Unix socket, as the kernel describes it (`linux/unix_diag.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// Inode number of the socket, as links in `/proc/PID/fd` show it. Unique among all sockets.
    pub inode: u32,
    /// State of the connection: 1 established, 7 not connected, 10 listening.
    pub state: u8,
    /// The socket it is connected to, also when that one is in another network namespace; 0 for
    /// one that nobody has accepted yet.
    pub peer: Option<u32>,
    /// For a listener: the sockets whose connections wait to be accepted.
    pub waiting: Vec<u32>,
    /// The name it was bound to, as it was given; an accepted socket has its listener's.
    pub name: Vec<u8>,
    /// Device and inode of the object that it was bound to.
    pub object: Option<(u64, u64)>,
    /// Which directions are shut down (1 receiving, 2 sending).
    pub shutdown: u8,
    /// Owner of the socket, where the kernel tells.
    pub uid: Option<u32>,
}

/// Every Unix socket of the network namespace that the descriptor was made in.
///
/// # Errors
/// `ENOENT` where the kernel cannot tell (`CONFIG_UNIX_DIAG`), `EAGAIN` when no consistent list
/// came together.
pub fn unix_sockets(diag: BorrowedFd<'_>) -> Result<Vec<UnixSocket>, Errno> {
    const SHOW: u32 = 0b100_1111;
    let family = u8::try_from(libc::AF_UNIX).unwrap_or_default();
    for _ in 0..8 {
        let mut request = Message::new(SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP);
        // struct unix_diag_req: family, protocol, padding, states, inode, what to show (name,
        // object, peer, owner), cookie.
        request.push(&[family, 0, 0, 0]);
        request.push(&u32::MAX.to_ne_bytes());
        request.push(&[0; 4]);
        request.push(&SHOW.to_ne_bytes());
        request.push(&[0xff; 8]);
        request.send(diag)?;
        if let Some(list) = collect(diag, describe)? {
            return Ok(list);
        }
    }
    Err(Errno(libc::EAGAIN))
}

/// `struct unix_diag_msg` and its attributes.
pub(super) fn describe(body: &[u8]) -> Option<UnixSocket> {
    const FIXED: usize = 16;
    const NAME: u16 = 0;
    const OBJECT: u16 = 1;
    const PEER: u16 = 2;
    const WAITING: u16 = 3;
    const SHUTDOWN: u16 = 6;
    const OWNER: u16 = 7;
    let mut socket = UnixSocket {
        inode: word(body, 4)?,
        state: *body.get(2)?,
        peer: None,
        waiting: Vec::new(),
        name: Vec::new(),
        object: None,
        shutdown: 0,
        uid: None,
    };
    for (kind, value) in attributes(body.get(FIXED..)?) {
        match kind {
            NAME => socket.name = value.strip_suffix(b"\0").unwrap_or(value).to_vec(),
            OBJECT => socket.object = word(value, 4).map(device).zip(word(value, 0).map(u64::from)),
            PEER => socket.peer = word(value, 0),
            OWNER => socket.uid = word(value, 0),
            WAITING => {
                let words = (0..value.len()).step_by(4);
                socket.waiting = words.filter_map(|at| word(value, at)).collect();
            }
            SHUTDOWN => socket.shutdown = value.first().copied().unwrap_or_default(),
            _ => {}
        }
    }
    Some(socket)
}

/// The kernel's own number of a device, as `stat` shows it.
fn device(own: u32) -> u64 {
    libc::makedev(own >> 20, own & 0xf_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fd::identity_at;
    use crate::netlink::open_diag;
    use crate::socket;
    use std::ffi::CString;
    use std::os::fd::{AsFd, AsRawFd};
    use std::os::unix::net::{UnixListener, UnixStream};

    fn inode(of: &impl AsRawFd) -> u32 {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", of.as_raw_fd())).unwrap();
        let text = link.to_str().unwrap();
        text.trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap()
    }

    #[test]
    fn a_connection_is_found_with_its_peer_and_what_that_is_bound_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let client = UnixStream::connect(&path).unwrap();
        let diag = open_diag().unwrap();
        let before = unix_sockets(diag.as_fd()).unwrap_or_default();
        let (accepted, _) = listener.accept().unwrap();
        let list = match unix_sockets(diag.as_fd()) {
            Err(Errno(libc::ENOENT)) => {
                eprintln!("not run: this kernel lists no unix sockets");
                return;
            }
            list => list.unwrap(),
        };
        let waits = |socket: &&UnixSocket| socket.inode == inode(&listener);
        assert_eq!(before.iter().find(waits).unwrap().waiting, [inode(&client)]);
        assert_eq!(list.iter().find(waits).unwrap().waiting, []);
        let find = |wanted: u32| list.iter().find(|socket| socket.inode == wanted).unwrap();
        let own = find(inode(&client));
        assert_eq!((own.state, own.peer, own.shutdown), (1, Some(inode(&accepted)), 0));
        let text = CString::new(path.to_str().unwrap()).unwrap();
        let object = identity_at(None, &text, 0).unwrap().object();
        for there in [find(inode(&accepted)), find(inode(&listener))] {
            assert_eq!(there.name, text.as_bytes());
            assert_eq!(there.object, Some(object));
        }
        socket::shutdown(client.as_fd(), libc::SHUT_RDWR).unwrap();
        let after = unix_sockets(diag.as_fd()).unwrap();
        let own = after.iter().find(|socket| socket.inode == inode(&client)).unwrap();
        assert_eq!(own.shutdown, 3);
    }

    #[test]
    fn no_bytes_are_too_odd_to_take_apart() {
        for length in 0..64_usize {
            for fill in [0_u8, 1, 4, 16, 0xff] {
                let _ = describe(&vec![fill; length]);
            }
        }
    }
}
