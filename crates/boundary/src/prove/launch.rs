//! Running one errand in a child: output into memory, a deadline, everything reaped.
//!
//! Output goes to a file in memory and not through a pipe, so that nobody has to read while it runs
//! and a flood ends at the file's own end.

use super::arena::{ArenaError, Output};
use ringfence_sys::attack::forked::Child;
use ringfence_sys::{Errno, fd};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// Most bytes taken from an errand's output.
const MOST: u64 = 4 << 20;

/// Standard streams of one errand.
pub(super) struct Streams {
    /// Input, already written.
    pub(super) input: File,
    /// Output.
    pub(super) output: File,
    /// Complaints.
    pub(super) complaints: File,
}

impl Streams {
    pub(super) fn make(input: &[u8]) -> Result<Self, ArenaError> {
        let file = || memory().map_err(|errno| ArenaError::System { what: "making a file", errno });
        // Opened again for reading only: such a file is handed over as it is, not copied.
        let reading = |mut file: File| {
            file.write_all(input)?;
            File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
        };
        let system =
            |error| ArenaError::System { what: "writing the input", errno: Errno::from(error) };
        let input = reading(file()?).map_err(system)?;
        Ok(Self { input, output: file()?, complaints: file()? })
    }

    /// Copies to hand to a program.
    pub(super) fn copies(&self) -> Result<[OwnedFd; 3], ArenaError> {
        let copy = |file: &File| {
            let errno =
                |error| ArenaError::System { what: "copying a file", errno: Errno::from(error) };
            file.try_clone().map(OwnedFd::from).map_err(errno)
        };
        Ok([copy(&self.input)?, copy(&self.output)?, copy(&self.complaints)?])
    }

    fn read(mut self) -> (Vec<u8>, String) {
        let output = contents(&mut self.output);
        let complaints = contents(&mut self.complaints);
        let start = complaints.len().saturating_sub(2000);
        let end = String::from_utf8_lossy(complaints.get(start..).unwrap_or_default());
        (output, end.into_owned())
    }
}

pub(super) fn memory() -> Result<File, Errno> {
    fd::memfd(c"ringfence-prove").map(File::from)
}

/// Everything written to a file, from its start.
pub(super) fn contents(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A file in memory can be read; what cannot shows as an errand that told nothing.
    let _ = file.seek(SeekFrom::Start(0));
    let _ = file.take(MOST).read_to_end(&mut bytes);
    bytes
}

/// Runs `body` in a child that ends with its answer, and takes what it wrote.
pub(super) fn run(
    streams: Streams,
    deadline: Duration,
    body: impl FnOnce() -> i32,
) -> Result<Output, ArenaError> {
    let mut child = Child::fork(body)
        .map_err(|errno| ArenaError::System { what: "starting a process", errno })?;
    let status = child.try_reap_within(deadline);
    drop(child);
    let exit = status.map(|status| {
        if libc::WIFSIGNALED(status) {
            128 + libc::WTERMSIG(status)
        } else {
            libc::WEXITSTATUS(status)
        }
    });
    let (stdout, stderr) = streams.read();
    Ok(Output { stdout, stderr, exit, layers: Vec::new() })
}
