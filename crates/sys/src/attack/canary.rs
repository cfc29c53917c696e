//! What `prove` puts outside for the acts to reach: a process with a token in its memory, shared
//! memory, a message queue, inheritable descriptors. Each is removed when its value is dropped.

use super::forked::Child;
use crate::call::{call, call_fd, int, path};
use crate::errno::Errno;
use crate::fd;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// A process of the same user as the service, which waits, may be traced by anybody who may trace
/// at all, ignores SIGUSR1, and holds a token.
#[derive(Debug)]
pub struct Process {
    child: Child,
    token: Box<[u8]>,
    /// Its end ends the process.
    _leash: OwnedFd,
}

impl Process {
    /// Starts it; with `identity`, as that user and group (root only).
    ///
    /// # Errors
    /// No pipe or no process could be made, or the user could not be changed.
    pub fn start(token: &str, identity: Option<(u32, u32)>) -> Result<Self, Errno> {
        let (reading, leash) = fd::pipe(0)?;
        let (ready, told) = fd::pipe(0)?;
        let token: Box<[u8]> = token.as_bytes().into();
        let raw_leash = leash.as_raw_fd();
        let child = Child::fork(|| {
            forget_descriptor(raw_leash);
            // SAFETY: a number and the value that means "ignore".
            unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
            if identity.is_some_and(|(uid, gid)| change_user(uid, gid).is_err()) {
                return 1;
            }
            be_traceable();
            let _ = fd::write_all(told.as_fd(), b".");
            let _ = fd::read(reading.as_fd(), &mut [0]);
            0
        })?;
        drop(told);
        if fd::read(ready.as_fd(), &mut [0])? == 0 {
            return Err(Errno(libc::EPERM));
        }
        Ok(Self { child, token, _leash: leash })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// Where the token is in its memory (it is a copy of this process, so also here).
    #[must_use]
    pub fn token_address(&self) -> usize {
        self.token.as_ptr().addr()
    }
}

fn change_user(uid: u32, gid: u32) -> Result<(), Errno> {
    let (user, group) = (crate::call::uint(uid), crate::call::uint(gid));
    // SAFETY: no groups, no pointer.
    unsafe { call(libc::SYS_setgroups, [0, 0, 0, 0, 0, 0]) }?;
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_setresgid, [group, group, group, 0, 0, 0]) }?;
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_setresuid, [user, user, user, 0, 0, 0]) }.map(drop)
}

/// The change of user made it undumpable and Yama may allow tracing by ancestors only: neither is
/// what the boundary claims, so neither may be what stops the act.
fn be_traceable() {
    // SAFETY: numbers only.
    let _ = unsafe { call(libc::SYS_prctl, [int(libc::PR_SET_DUMPABLE), 1, 0, 0, 0, 0]) };
    let anybody = [int(libc::PR_SET_PTRACER), usize::MAX, 0, 0, 0, 0];
    // SAFETY: numbers only; without Yama the option is unknown, which is as good.
    let _ = unsafe { call(libc::SYS_prctl, anybody) };
}

/// A System V shared memory segment that holds the token.
#[derive(Debug)]
pub struct SharedMemory {
    id: usize,
    /// Its key.
    pub key: i32,
}

impl SharedMemory {
    /// Makes it, readable for everybody.
    ///
    /// # Errors
    /// The kernel has no System V memory, or the key is taken.
    pub fn make(key: i32, token: &str) -> Result<Self, Errno> {
        let flags = int(libc::IPC_CREAT | libc::IPC_EXCL | 0o666);
        // SAFETY: numbers only.
        let id = unsafe { call(libc::SYS_shmget, [int(key), 4096, flags, 0, 0, 0]) }?;
        let made = Self { id, key };
        // SAFETY: a new mapping at a place of the kernel's choice.
        let place = unsafe { call(libc::SYS_shmat, [id, 0, 0, 0, 0, 0]) }?;
        for (offset, byte) in token.bytes().take(4096).enumerate() {
            let cell = std::ptr::with_exposed_provenance_mut::<u8>(place + offset);
            // SAFETY: inside the page mapped above.
            unsafe { cell.write_volatile(byte) };
        }
        // SAFETY: the mapping made above, to which nothing refers.
        unsafe { call(libc::SYS_shmdt, [place, 0, 0, 0, 0, 0]) }?;
        Ok(made)
    }

    /// What somebody made with this key and could not remove any more.
    #[must_use]
    pub fn left(key: i32) -> Option<Self> {
        // SAFETY: numbers only.
        let found = unsafe { call(libc::SYS_shmget, [int(key), 0, 0, 0, 0, 0]) };
        found.ok().map(|id| Self { id, key })
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: numbers only; the segment is ours.
        let _ = unsafe { call(libc::SYS_shmctl, [self.id, int(libc::IPC_RMID), 0, 0, 0, 0]) };
    }
}

/// A POSIX message queue.
#[derive(Debug)]
pub struct MessageQueue {
    name: CString,
}

impl MessageQueue {
    /// Makes it, open to everybody; `name` has no slash.
    ///
    /// # Errors
    /// The kernel has no message queues, or the name is taken.
    pub fn make(name: &str) -> Result<Self, Errno> {
        let name = CString::new(name).map_err(|_| Errno(libc::EINVAL))?;
        let flags = int(libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC);
        // SAFETY: a C string and numbers, default attributes; closed again at once.
        unsafe { call_fd(libc::SYS_mq_open, [path(&name), flags, 0o666, 0, 0, 0]) }?;
        Ok(Self { name })
    }

    /// What somebody made under this name and could not remove any more.
    #[must_use]
    pub fn left(name: &str) -> Option<Self> {
        CString::new(name).ok().map(|name| Self { name })
    }
}

impl Drop for MessageQueue {
    fn drop(&mut self) {
        // SAFETY: a C string; the queue is ours.
        let _ = unsafe { call(libc::SYS_mq_unlink, [path(&self.name), 0, 0, 0, 0, 0]) };
    }
}

/// Closes a descriptor number in a child that has just been forked and owns no value for it: the
/// child's copy of a pipe's end would keep the pipe open.
pub fn forget_descriptor(number: RawFd) {
    // SAFETY: the child neither uses nor drops the value that owns the number in its parent.
    unsafe { libc::close(number) };
}

/// Addresses of this host's interfaces that are neither loopback nor link-local.
#[must_use]
pub fn interface_addresses() -> Vec<std::net::IpAddr> {
    let mut found = Vec::new();
    if let Ok(table) = std::fs::read_to_string("/proc/net/fib_trie") {
        let mut previous = "";
        for line in table.lines() {
            if line.contains("/32 host LOCAL") {
                let text = previous.trim().trim_start_matches("|-- ");
                found.extend(text.parse::<std::net::Ipv4Addr>().ok().map(std::net::IpAddr::V4));
            }
            previous = line;
        }
    }
    found.retain(|address: &std::net::IpAddr| {
        !address.is_loopback()
            && !matches!(address, std::net::IpAddr::V4(four) if four.is_link_local())
    });
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canary_process_waits_and_ends_with_its_value() {
        let process = Process::start("token", None).unwrap();
        let pid = process.pid();
        assert!(super::super::processes::start_time(pid).is_some());
        drop(process);
        assert!(super::super::processes::start_time(pid).is_none());
    }

    #[test]
    fn shared_memory_and_queues_are_gone_after_use() {
        let key = i32::try_from(std::process::id()).unwrap() | 0x5246_0000;
        drop(SharedMemory::make(key, "token").unwrap());
        drop(SharedMemory::make(key, "token").unwrap());
        let name = format!("ringfence-test-{}", std::process::id());
        drop(MessageQueue::make(&name).unwrap());
        drop(MessageQueue::make(&name).unwrap());
    }
}
