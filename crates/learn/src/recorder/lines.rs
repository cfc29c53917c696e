//! Writing lines: each with one call, so that what was seen is there whatever happens next.
//!
//! A line that finds no room on the disk waits in memory and is tried again at the end; what is lost
//! for good is counted and told.

use crate::record::line::{LONGEST, Line};
use ringfence_sys::{Errno, fd};
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Instant;

/// Most bytes that wait for room.
const WAITING: usize = 8 << 20;
/// Bytes after which lines that are written together are written.
const TOGETHER: usize = 32 << 10;

/// The record while it grows.
pub(super) struct Lines {
    file: File,
    started: Instant,
    room: Vec<u8>,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    /// Whether the last write may have left a part of a line.
    torn: bool,
    lost: u64,
    too_long: u64,
    /// The first write that failed.
    why: Option<Errno>,
    /// Of everything that was written.
    bytes: u64,
    sum: Sha256,
}

impl Lines {
    pub(super) fn new(file: File, started: Instant) -> Self {
        Self {
            file,
            started,
            room: Vec::with_capacity(LONGEST),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            torn: false,
            lost: 0,
            too_long: 0,
            why: None,
            bytes: 0,
            sum: Sha256::new(),
        }
    }

    /// Milliseconds since the start.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Why the first write failed that did.
    pub(super) const fn failure(&self) -> Option<Errno> {
        self.why
    }

    /// Writes one line.
    pub(super) fn put(&mut self, line: &Line) {
        self.add(line);
        self.flush();
    }

    /// Writes many lines with few calls. Some may be written twice when the disk is full meanwhile.
    pub(super) fn put_all(&mut self, lines: impl Iterator<Item = Line>) {
        for line in lines {
            self.add(&line);
            if self.room.len() > TOGETHER {
                self.flush();
            }
        }
        self.flush();
    }

    fn add(&mut self, line: &Line) {
        let start = self.room.len();
        let made = serde_json::to_writer(&mut self.room, line);
        self.room.push(b'\n');
        if made.is_err() || self.room.len() - start > LONGEST {
            self.room.truncate(start);
            self.too_long += 1;
        }
    }

    /// Writes what was added.
    fn flush(&mut self) {
        let mut lines = std::mem::take(&mut self.room);
        if let Err(error) = self.write(&lines) {
            self.why.get_or_insert(error);
            if self.waiting_bytes + lines.len() > WAITING {
                self.lost += count(&lines);
            } else {
                self.waiting_bytes += lines.len();
                self.waiting.push_back(std::mem::take(&mut lines));
            }
        }
        lines.clear();
        self.room = lines;
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Errno> {
        let whole;
        let bytes = if self.torn {
            whole = [b"\n".as_slice(), line].concat();
            whole.as_slice()
        } else {
            line
        };
        let mut done = 0;
        while let Some(rest @ [_, ..]) = bytes.get(done..) {
            match fd::write(self.file.as_fd(), rest) {
                Ok(written) => {
                    self.sum.update(rest.get(..written).unwrap_or(rest));
                    self.bytes += u64::try_from(written).unwrap_or_default();
                    done += written;
                }
                Err(error) => {
                    self.torn |= done > 0;
                    return Err(error);
                }
            }
        }
        self.torn = false;
        Ok(())
    }

    /// Puts the record back in its place if the program took it away; answers whether what lies
    /// there is this file, with what was written and nothing else.
    ///
    /// # Errors
    /// What was written cannot be read, or the place cannot be written.
    pub(super) fn is_kept(&self, record: &Path) -> io::Result<bool> {
        let same = self.file.metadata()?.len() == self.bytes && {
            let mut written = File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?;
            let mut sum = Sha256::new();
            let mut room = vec![0; TOGETHER];
            loop {
                match written.read(&mut room)? {
                    0 => break,
                    read => sum.update(room.get(..read).unwrap_or_default()),
                }
            }
            sum.finalize() == self.sum.clone().finalize()
        };
        Ok(same && keep(&self.file, record)?)
    }

    /// Tries what waits once more; answers what is missing in the record, one sentence each.
    pub(super) fn finish(&mut self) -> Vec<String> {
        while let Some(line) = self.waiting.pop_front() {
            if self.write(&line).is_err() {
                self.lost += count(&line);
            }
        }
        let mut missing = Vec::new();
        if self.lost > 0 {
            let why = self.why.map(|why| why.to_string()).unwrap_or_default();
            missing.push(format!("{} lines could not be written: {why}", self.lost));
        }
        if self.too_long > 0 {
            missing.push(format!("{} lines were longer than a line can be", self.too_long));
        }
        missing
    }
}

/// Whether a file still lies at its path; where nothing does, it is put back.
///
/// # Errors
/// It cannot be read, or the place cannot be written.
pub(super) fn keep(file: &File, path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(there) => {
            let own = file.metadata()?;
            return Ok(there.is_file() && (there.dev(), there.ino()) == (own.dev(), own.ino()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut written = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut options = OpenOptions::new();
    let mut back = options.write(true).create_new(true).mode(0o600).open(path)?;
    io::copy(&mut written, &mut back)?;
    Ok(true)
}

/// Lines in a text.
fn count(lines: &[u8]) -> u64 {
    lines.split_inclusive(|byte| *byte == b'\n').count() as u64
}
