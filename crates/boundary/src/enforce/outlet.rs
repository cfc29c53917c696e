//! Events on their way out of the supervisor: to a file, or to standard error.
//!
//! The supervisor never waits for whoever reads them: a reader that has stopped reading must not
//! stop signals, deadlines and the clean-up after the service. What cannot be written is lost, and
//! only whole lines are: one that is torn by a full disk is ended before the next.

use ringfence_sys::{Errno, fd, mount, wait};
use std::os::fd::{AsFd, OwnedFd};

/// Longest line that a pipe takes in one piece (`PIPE_BUF`, pipe(7)).
const PIECE: usize = 4096;

/// A line without an end is given up at this length; the broker writes none that long.
const MOST: usize = 64 * 1024;

/// Where events go.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    to: Option<OwnedFd>,
    /// It cannot be told not to wait, so it is asked before each line.
    asks: bool,
    /// The beginning of a line whose end has not arrived.
    rest: Vec<u8>,
    /// The last line was not written to its end.
    torn: bool,
    /// Something has arrived.
    told: bool,
}

impl Outlet {
    /// To this file, else to standard error; nowhere when `quiet`.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(super) fn open(file: Option<&OwnedFd>, quiet: bool) -> Result<Self, Errno> {
        match file {
            Some(file) => {
                let to = Some(file.try_clone().map_err(Errno::from)?);
                Ok(Self { to, ..Self::default() })
            }
            None if quiet => Ok(Self::default()),
            None => Self::standard_error(),
        }
    }

    /// Standard error is shared with the service and with others: that it shall not wait can only
    /// be said for a description of our own.
    fn standard_error() -> Result<Self, Errno> {
        const AGAIN: i32 = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
        let error = std::io::stderr();
        let kind = fd::identity(error.as_fd()).map(|identity| identity.kind());
        if matches!(kind, Ok(libc::S_IFIFO | libc::S_IFCHR))
            && let Ok(own) = mount::openat(None, c"/proc/self/fd/2", AGAIN, 0)
        {
            return Ok(Self { to: Some(own), ..Self::default() });
        }
        let to = error.as_fd().try_clone_to_owned().map_err(Errno::from)?;
        Ok(Self { to: Some(to), asks: true, ..Self::default() })
    }

    /// Takes what was read from the broker and writes the lines that are complete.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        self.told |= !bytes.is_empty();
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            if self.rest.len() > MOST {
                self.rest.clear();
            }
            return;
        };
        let later = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, later);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.write(line);
        }
    }

    /// Whether there was any event.
    pub(super) const fn has_told(&self) -> bool {
        self.told
    }

    fn write(&mut self, line: &[u8]) {
        let Some(to) = &self.to else { return };
        if self.asks && !wait::writable_now(to.as_fd()) {
            return;
        }
        let mut whole = Vec::with_capacity(PIECE);
        if self.torn {
            whole.push(b'\n');
        }
        whole.extend_from_slice(line);
        // After a failure what was torn before still is.
        if let Ok(written) = fd::write(to.as_fd(), &whole) {
            self.torn = written < whole.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(from: &OwnedFd) -> String {
        let mut room = [0; 2 * PIECE];
        let length = fd::read(from.as_fd(), &mut room).unwrap_or_default();
        String::from_utf8_lossy(&room[..length]).into_owned()
    }

    #[test]
    fn a_line_is_passed_on_when_it_is_whole() {
        let (reading, writing) = fd::pipe(libc::O_NONBLOCK).unwrap();
        let mut outlet = Outlet::open(Some(&writing), false).unwrap();
        outlet.pass(b"one\ntw");
        assert_eq!(read(&reading), "one\n");
        outlet.pass(b"o\nthree\n");
        assert_eq!(read(&reading), "two\nthree\n");
    }

    #[test]
    fn a_reader_that_has_stopped_loses_lines_and_stops_nobody() {
        let (reading, writing) = fd::pipe(libc::O_NONBLOCK).unwrap();
        let mut outlet = Outlet::open(Some(&writing), false).unwrap();
        let line = [&[b'x'; 1000][..], b"\n"].concat();
        for _ in 0..1000 {
            outlet.pass(&line);
        }
        while read(&reading).len() == 2 * PIECE {}
        outlet.pass(b"after\n");
        assert!(read(&reading).ends_with("after\n"));
    }

    #[test]
    fn a_torn_line_is_ended_before_the_next() {
        let (reading, writing) = fd::pipe(libc::O_NONBLOCK).unwrap();
        let mut outlet = Outlet::open(Some(&writing), false).unwrap();
        // A write of more than a pipe holds is cut.
        let long = vec![b'x'; 1 << 20];
        outlet.write(&long);
        assert!(outlet.torn);
        while !read(&reading).is_empty() {}
        outlet.pass(b"next\n");
        assert_eq!(read(&reading), "\nnext\n");
    }

    #[test]
    fn a_quiet_run_tells_nothing() {
        let mut outlet = Outlet::open(None, true).unwrap();
        outlet.pass(b"lost\n");
    }
}
