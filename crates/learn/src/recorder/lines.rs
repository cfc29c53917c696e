//! Writing lines: each with one call, so that what was seen is there whatever happens next.
//!
//! A line that finds no room on the disk waits in memory and is tried again at the end; what is lost
//! for good is counted and told.

use crate::record::line::{LONGEST, Line};
use ringfence_sys::fd;
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
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
    why: Option<String>,
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
        }
    }

    /// Milliseconds since the start.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
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
            self.why.get_or_insert_with(|| error.to_string());
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

    fn write(&mut self, line: &[u8]) -> Result<(), ringfence_sys::Errno> {
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
                Ok(written) => done += written,
                Err(error) => {
                    self.torn |= done > 0;
                    return Err(error);
                }
            }
        }
        self.torn = false;
        Ok(())
    }

    /// Puts the record back in its place if the program took it away.
    ///
    /// # Errors
    /// What was written cannot be read, or the place cannot be written.
    pub(super) fn put_back(&self, record: &Path) -> std::io::Result<()> {
        if record.exists() {
            return Ok(());
        }
        let written = std::fs::read(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?;
        let folder = record.parent().unwrap_or(record);
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(record)?.write_all(&written)
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
            let why = self.why.as_deref().unwrap_or_default();
            missing.push(format!("{} lines could not be written: {why}", self.lost));
        }
        if self.too_long > 0 {
            missing.push(format!("{} lines were longer than a line can be", self.too_long));
        }
        missing
    }
}

/// Lines in a text.
fn count(lines: &[u8]) -> u64 {
    lines.split_inclusive(|byte| *byte == b'\n').count() as u64
}
