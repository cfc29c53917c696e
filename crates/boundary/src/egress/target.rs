//! Looking into the processes of the service: their memory and their descriptors.
//!
//! A thread is reached through a pidfd that is kept as long as it works; a number that the kernel
//! has given to another thread meanwhile answers `ESRCH` and is opened anew. What was read counts
//! only after the listener said that the call is still waiting.

use ringfence_sys::{Errno, mount, peer, walk};
use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd, RawFd};

/// Most pidfds kept; beyond it all are forgotten and opened again.
const KEPT: usize = 512;
/// Longest text read out of the service for an event, in bytes.
const TEXT: usize = 256;
/// Longest path (`PATH_MAX`).
const LONGEST: usize = 4096;
/// Smallest page of the supported machines.
const PAGE: u64 = 4096;

/// Pidfds of threads that called before.
#[derive(Debug, Default)]
pub(super) struct Targets {
    known: HashMap<i32, OwnedFd>,
    /// Processes of threads, where the kernel has no pidfds of threads.
    leaders: Vec<i32>,
}

impl Targets {
    /// A copy of a thread's descriptor.
    pub(super) fn descriptor(&mut self, tid: i32, number: RawFd) -> Result<OwnedFd, Errno> {
        if let Some(pidfd) = self.known.get(&tid) {
            match peer::pidfd_getfd(pidfd.as_fd(), number) {
                Err(Errno(libc::ESRCH)) => {}
                other => return other,
            }
        }
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        let pidfd = peer::pidfd_open_thread(tid, &mut self.leaders)?;
        let copy = peer::pidfd_getfd(pidfd.as_fd(), number);
        self.known.insert(tid, pidfd);
        copy
    }

    /// Fills `into` from a thread's memory.
    #[expect(clippy::unused_self, reason = "reads belong to the same door as descriptors")]
    pub(super) fn read(&self, tid: i32, address: u64, into: &mut [u8]) -> Result<(), Errno> {
        match peer::read_memory(tid, address, into)? {
            all if all == into.len() => Ok(()),
            _ => Err(Errno(libc::EFAULT)),
        }
    }

    /// A C string, cut at [`TEXT`] bytes or where the page ends.
    fn read_text(&self, tid: i32, address: u64) -> String {
        let mut room = [0; TEXT];
        let page_left = usize::try_from(PAGE - address % PAGE).unwrap_or_default();
        let wanted = &mut room[..TEXT.min(page_left)];
        if self.read(tid, address, wanted).is_err() {
            return String::new();
        }
        let end = wanted.iter().position(|b| *b == 0).unwrap_or(wanted.len());
        String::from_utf8_lossy(&wanted[..end]).into_owned()
    }

    /// Strings of a null-terminated table of pointers, each cut short; for events only.
    pub(super) fn read_strings(&self, tid: i32, table: u64) -> Vec<String> {
        const MOST: u64 = 64;
        let pointer = |index: u64| {
            let mut word = [0; 8];
            self.read(tid, table.wrapping_add(8 * index), &mut word).ok()?;
            Some(u64::from_ne_bytes(word)).filter(|address| *address != 0)
        };
        (0..MOST).map_while(pointer).map(|address| self.read_text(tid, address)).collect()
    }

    /// A path, as far as it can be read: up to its NUL byte or the kernel's own limit.
    pub(super) fn read_path(&self, tid: i32, address: u64) -> Vec<u8> {
        let mut path = Vec::new();
        let mut at = address;
        while path.len() < LONGEST {
            // To the end of the page: what follows may not be mapped.
            let wanted = usize::try_from(PAGE - at % PAGE).unwrap_or_default();
            let mut room = vec![0; wanted];
            if self.read(tid, at, &mut room).is_err() {
                break;
            }
            if let Some(end) = room.iter().position(|b| *b == 0) {
                path.extend_from_slice(&room[..end]);
                break;
            }
            path.append(&mut room);
            at += PAGE - at % PAGE;
        }
        path.truncate(LONGEST);
        path
    }
}

/// Reaches an object as a thread of the service would: from its root, and from its working
/// directory or the directory that is open there as `base`.
pub(super) fn open_inside(tid: i32, path: &[u8], base: Option<i32>) -> Result<OwnedFd, Errno> {
    let root = open_folder(&format!("/proc/{tid}/root"))?;
    let start = base.map_or_else(|| "cwd".to_owned(), |number| format!("fd/{number}"));
    let start = open_folder(&format!("/proc/{tid}/{start}"))?;
    walk::open_in_root(root.as_fd(), start.as_fd(), path)
}

/// The file that is open as `number` in the service.
pub(super) fn open_again(tid: i32, number: i32) -> Result<OwnedFd, Errno> {
    let path = CString::new(format!("/proc/{tid}/fd/{number}")).map_err(|_| Errno(libc::EINVAL))?;
    mount::openat(None, &path, libc::O_PATH, 0)
}

/// The path of what is open as `number` in the service, to tell; empty where it has none.
pub(super) fn name_of(tid: i32, number: i32) -> String {
    let link = std::fs::read_link(format!("/proc/{tid}/fd/{number}"));
    link.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A folder as a place to start from, not opened for reading.
pub(super) fn open_folder(path: &str) -> Result<OwnedFd, Errno> {
    let path = CString::new(path).map_err(|_| Errno(libc::EINVAL))?;
    mount::openat(None, &path, libc::O_PATH | libc::O_DIRECTORY, 0)
}
