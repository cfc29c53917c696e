//! The thread that made a call: its memory, its folders, its program.

use ringfence_sys::{Errno, peer};
use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// Longest path, as in the kernel.
pub(super) const LONGEST: usize = 4096;
/// Read at first: nearly every path is shorter.
const USUAL: usize = 192;
/// Smallest page of the supported machines.
const PAGE: u64 = 4096;
/// Most threads remembered.
const REMEMBERED: usize = 4096;

/// Room for one path of a caller.
pub(super) struct Room(Box<[u8; LONGEST]>);

impl Room {
    pub(super) fn new() -> Self {
        Self(Box::new([0; LONGEST]))
    }

    /// Reads the path at an address, without its NUL byte. What the kernel would not take either is
    /// nothing.
    pub(super) fn path(&mut self, tid: i32, address: u64) -> Result<&[u8], Errno> {
        let mut length = 0;
        loop {
            // Never beyond the page: what follows may not be mapped.
            let at = address.wrapping_add(length as u64);
            let page_left = usize::try_from(PAGE - at % PAGE).unwrap_or(USUAL);
            let most = if length == 0 { USUAL } else { LONGEST - length };
            let Some(into) = self.0.get_mut(length..length + most.min(page_left)) else { break };
            if into.is_empty() {
                return Err(Errno(libc::ENAMETOOLONG));
            }
            let read = peer::read_memory(tid, at, into)?;
            if let Some(end) = into.iter().take(read).position(|byte| *byte == 0) {
                return Ok(self.0.get(..length + end).unwrap_or_default());
            }
            length += read;
        }
        Err(Errno(libc::ENAMETOOLONG))
    }
}

/// Fills `into` from a thread's memory.
pub(super) fn read(tid: i32, address: u64, into: &mut [u8]) -> Result<(), Errno> {
    match peer::read_memory(tid, address, into)? {
        all if all == into.len() => Ok(()),
        _ => Err(Errno(libc::EFAULT)),
    }
}

/// Reads at most as much as there is in `into` and in the page.
pub(super) fn read_some(tid: i32, address: u64, into: &mut [u8]) -> Result<usize, Errno> {
    peer::read_memory(tid, address, into)
}

/// A word of a thread's memory.
pub(super) fn read_word(tid: i32, address: u64) -> Result<u64, Errno> {
    let mut word = [0; 8];
    read(tid, address, &mut word)?;
    Ok(u64::from_ne_bytes(word))
}

/// Strings of a null-terminated table of pointers, `most` bytes together.
pub(super) fn read_strings(tid: i32, table: u64, mut most: usize) -> Vec<String> {
    const MOST: u64 = 256;
    let mut room = Room::new();
    let mut strings = Vec::new();
    for index in 0..MOST {
        let Ok(address @ 1..) = read_word(tid, table.wrapping_add(8 * index)) else { break };
        let Ok(text) = room.path(tid, address) else { break };
        let text = text.get(..text.len().min(most)).unwrap_or_default();
        most -= text.len();
        strings.push(String::from_utf8_lossy(text).into_owned());
        if most == 0 {
            break;
        }
    }
    strings
}

/// Where a relative path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Folder,
    Open(i32),
}

impl Start {
    /// Of an argument that is a folder's descriptor or `AT_FDCWD`.
    pub(super) const fn of(argument: Option<u64>) -> Self {
        match argument {
            Some(argument) if descriptor(argument) >= 0 => Self::Open(descriptor(argument)),
            _ => Self::Folder,
        }
    }
}

/// A descriptor as it stands in a register.
#[expect(clippy::cast_possible_truncation, reason = "descriptors are 32 bits wide")]
pub(super) const fn descriptor(argument: u64) -> i32 {
    (argument as u32).cast_signed()
}

/// The path of the working directory or of an open folder. One that was deleted is named as it was.
pub(super) fn folder(tid: i32, start: Start) -> Option<Vec<u8>> {
    let link = match start {
        Start::Folder => format!("/proc/{tid}/cwd"),
        Start::Open(number) => format!("/proc/{tid}/fd/{number}"),
    };
    let mut path = std::fs::read_link(link).ok()?.into_os_string().into_vec();
    if path.ends_with(DELETED) && std::fs::symlink_metadata(as_path(&path)).is_err() {
        path.truncate(path.len() - DELETED.len());
    }
    path.starts_with(b"/").then_some(path)
}

/// What the kernel puts behind the name of what is no more.
pub(super) const DELETED: &[u8] = b" (deleted)";

pub(super) fn as_path(bytes: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt as _;
    std::path::Path::new(std::ffi::OsStr::from_bytes(bytes))
}

/// Processes of threads, and the programs they run.
#[derive(Default)]
pub(super) struct Processes {
    of_threads: HashMap<i32, i32>,
    programs: HashMap<i32, PathBuf>,
    /// Processes one of whose further threads has started a program: the number of the first one
    /// means that program at some later moment.
    unsure: HashSet<i32>,
}

impl Processes {
    /// The process a thread belongs to.
    pub(super) fn of(&mut self, tid: i32) -> i32 {
        if let Some(known) = self.of_threads.get(&tid) {
            return *known;
        }
        let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
        let process = line.and_then(|number| number.trim().parse().ok()).unwrap_or(tid);
        if self.of_threads.len() >= REMEMBERED {
            self.of_threads.clear();
        }
        self.of_threads.insert(tid, process);
        process
    }

    /// The program a thread runs.
    pub(super) fn program(&mut self, tid: i32) -> PathBuf {
        if let Some(known) = self.programs.get(&tid) {
            return known.clone();
        }
        let program = std::fs::read_link(format!("/proc/{tid}/exe"));
        let Ok(program) = program else { return PathBuf::new() };
        let process = self.of(tid);
        if self.programs.len() < REMEMBERED && !self.unsure.contains(&process) {
            self.programs.insert(tid, program.clone());
        }
        program
    }

    /// A thread starts a program: its number means another process from now on.
    pub(super) fn starts(&mut self, tid: i32) {
        let process = self.of(tid);
        if process != tid {
            self.unsure.insert(process);
        }
        self.of_threads.remove(&tid);
        self.programs.clear();
    }

    /// A process is made: it may get the number of one that is gone.
    pub(super) fn multiply(&mut self) {
        self.programs.clear();
    }
}
