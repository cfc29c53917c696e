//! The descriptors of every thread.
//!
//! Threads usually share one table, but each can have a private one, and a first thread that has
//! ended has none while the others go on; so it is the threads that are asked, and those that the
//! kernel says to share a table are asked once. What cannot be looked at is an error: it could hold
//! anything. Descriptors on their way between processes are in no table.

use super::freeze::Frozen;
use super::tree::{self, Stat};
use ringfence_sys::{Errno, peer, socket};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};

/// One table, seen through a thread that uses it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) pid: i32,
    pub(super) tid: i32,
    /// Numbers of sockets, and the inode of each.
    pub(super) sockets: Vec<(RawFd, u64)>,
    /// Everything else.
    pub(super) others: Vec<RawFd>,
}

impl Table {
    fn read(pid: i32, tid: i32) -> Result<Option<Self>, String> {
        let folder = format!("/proc/{pid}/task/{tid}/fd");
        let numbers = match tree::numbers(&folder) {
            // It ended before it was stopped.
            Err(_) if Stat::of_thread(pid, tid).is_none_or(Stat::ended) => return Ok(None),
            Err(error) => return Err(format!("the descriptors of process {pid}: {error}")),
            Ok(numbers) => numbers,
        };
        let mut table = Self { pid, tid, sockets: Vec::new(), others: Vec::new() };
        for number in numbers {
            match fs::read_link(format!("{folder}/{number}")) {
                Ok(link) => match link.to_str().and_then(inode) {
                    Some(inode) => table.sockets.push((number, inode)),
                    None => table.others.push(number),
                },
                // A call that was deep inside the kernel has closed it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(format!("descriptor {number} of process {pid}: {error}"));
                }
            }
        }
        Ok(Some(table))
    }

    /// Copies one of its descriptors; nothing when it was closed meanwhile, as above.
    pub(super) fn copy(&self, handle: &OwnedFd, number: RawFd) -> Result<Option<OwnedFd>, String> {
        match peer::pidfd_getfd(handle.as_fd(), number) {
            Ok(copy) => Ok(Some(copy)),
            Err(Errno(libc::EBADF)) => Ok(None),
            Err(errno) => Err(format!("descriptor {number} of process {}: {errno}", self.pid)),
        }
    }

    /// Shuts down those of its sockets whose inodes are wanted, and answers their inodes. Whether it
    /// worked is for the caller to ask, of the kernel.
    pub(super) fn shut_down(&self, wanted: impl Fn(u64) -> bool) -> Result<Vec<u64>, String> {
        let mut sockets = self.sockets.iter().filter(|(_, inode)| wanted(*inode)).peekable();
        let mut done = Vec::new();
        if sockets.peek().is_none() {
            return Ok(done);
        }
        let handle = self.handle()?;
        for (number, inode) in sockets {
            if let Some(socket) = self.copy(&handle, *number)? {
                let _ = socket::shutdown(socket.as_fd(), libc::SHUT_RDWR);
                done.push(*inode);
            }
        }
        Ok(done)
    }

    /// A handle of the thread it is seen through.
    pub(super) fn handle(&self) -> Result<OwnedFd, String> {
        peer::pidfd_open_thread(self.tid, &mut vec![self.pid])
            .map_err(|errno| format!("thread {} of process {}: {errno}", self.tid, self.pid))
    }
}

/// Every table of the tree.
pub(super) fn all(frozen: &Frozen<'_>) -> Result<Vec<Table>, String> {
    let mut tables = Vec::new();
    for pid in frozen.pids() {
        let mut seen: Vec<i32> = Vec::new();
        for tid in tree::threads(pid) {
            if Stat::of_thread(pid, tid).is_none_or(Stat::ended) || shared(tid, &seen) {
                continue;
            }
            seen.push(tid);
            tables.extend(Table::read(pid, tid)?);
        }
    }
    Ok(tables)
}

/// Whether this thread uses a table that was seen. Where the kernel does not say, each is read.
fn shared(tid: i32, seen: &[i32]) -> bool {
    let same = |other: &i32| peer::same_descriptors(tid, *other) == Ok(true);
    seen.iter().any(same)
}

/// Calls `visit` once for each socket, with a copy of its descriptor.
pub(super) fn each_socket(
    tables: &[Table],
    mut visit: impl FnMut(u64, &OwnedFd) -> Result<(), Errno>,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for table in tables.iter().filter(|table| !table.sockets.is_empty()) {
        let handle = table.handle()?;
        for (number, inode) in &table.sockets {
            if seen.contains(inode) {
                continue;
            }
            if let Some(copy) = table.copy(&handle, *number)? {
                seen.insert(*inode);
                visit(*inode, &copy)
                    .map_err(|errno| format!("a socket of process {}: {errno}", table.pid))?;
            }
        }
    }
    Ok(())
}

/// The inode in the text of a link to a socket.
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_sockets_are_sockets() {
        assert_eq!(inode("socket:[4026531]"), Some(4_026_531));
        for other in ["pipe:[7]", "socket:[]", "socket:[x]", "/tmp/socket:[7]", "socket:[7", ""] {
            assert_eq!(inode(other), None, "{other}");
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a table to be looked at, not a service")]
    #[test]
    fn a_table_shows_sockets_and_the_rest() {
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let inode = {
            use std::os::fd::AsRawFd;
            let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
            super::inode(link.to_str().unwrap()).unwrap()
        };
        // Another process: in this one other tests open and close meanwhile.
        let mut child = std::process::Command::new("/bin/cat")
            .stdin(OwnedFd::from(socket))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let table = Table::read(pid, pid).unwrap().unwrap();
        assert!(table.sockets.contains(&(0, inode)), "{table:?}");
        assert!(table.others.contains(&1), "{table:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
