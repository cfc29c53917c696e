//! Standard streams of the service.
//!
//! A pipe, a terminal, `/dev/null` and a regular file to read from are handed over as they are.
//! Anything else is relayed: a socket would let the service reach its peer outside the boundary,
//! and a file open for writing could be truncated or read back.

use super::error::{During, EnforceError};
use ringfence_sys::fd;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::thread::JoinHandle;

/// The three streams, some of them through a pipe of ours.
#[derive(Debug, Default)]
pub(super) struct Stdio {
    /// The service's end of each stream that is not the caller's own.
    inside: [Option<OwnedFd>; 3],
    /// Copies to make once the processes are there: from, to, and whether it ends by itself.
    copies: Vec<(OwnedFd, OwnedFd, bool)>,
    running: Vec<JoinHandle<()>>,
    same: bool,
}

/// Bytes per copy.
const ROOM: usize = 64 * 1024;

impl Stdio {
    /// Decides for each stream, given or the caller's own.
    pub(super) fn take(given: &[Option<OwnedFd>; 3]) -> Result<Self, EnforceError> {
        let mut stdio = Self { same: same(given), ..Self::default() };
        for number in 0..3 {
            let (own, slot) = (standard(number), given.get(number).and_then(Option::as_ref));
            let Ok(stream) = slot.map_or(own.as_fd().try_clone_to_owned(), OwnedFd::try_clone)
            else {
                // A closed stream stays closed: the service gets nothing there.
                continue;
            };
            if number == 2 && stdio.same {
                continue;
            }
            let slot = &mut stdio.inside[number];
            if passes(stream.as_fd(), number) {
                *slot = given[number].is_some().then_some(stream);
                continue;
            }
            let (read, write) = fd::pipe(0).during("making a pipe")?;
            if number == 0 {
                *slot = Some(read);
                stdio.copies.push((stream, write, false));
            } else {
                *slot = Some(write);
                stdio.copies.push((read, stream, true));
            }
        }
        Ok(stdio)
    }

    /// Descriptors that the service must inherit.
    pub(super) fn inside(&self) -> impl Iterator<Item = RawFd> + '_ {
        self.inside.iter().flatten().map(AsRawFd::as_raw_fd)
    }

    /// Which descriptor becomes which stream.
    pub(super) fn redirections(&self) -> Vec<(RawFd, RawFd)> {
        let mut all = Vec::new();
        for (number, slot) in (0..).zip(&self.inside) {
            if let Some(from) = slot {
                all.push((from.as_raw_fd(), number));
            }
        }
        if self.same
            && let Some(out) = &self.inside[1]
        {
            all.push((out.as_raw_fd(), 2));
        }
        all
    }

    /// Starts the copies; the service's ends are given up here, so that its end is seen.
    pub(super) fn relay(&mut self) -> Result<(), EnforceError> {
        self.inside = [None, None, None];
        for (from, to, ends) in std::mem::take(&mut self.copies) {
            let copying = thread(from, to)?;
            if ends {
                self.running.push(copying);
            }
        }
        Ok(())
    }

    /// Waits until everything the service wrote has arrived.
    pub(super) fn finish(&mut self) {
        for running in self.running.drain(..) {
            let _ = running.join();
        }
    }
}

/// Copies until one side ends, in a thread of its own that nobody waits for.
pub(super) fn copy_in_background(from: OwnedFd, to: OwnedFd) -> Result<(), EnforceError> {
    thread(from, to).map(drop)
}

fn thread(from: OwnedFd, to: OwnedFd) -> Result<JoinHandle<()>, EnforceError> {
    std::thread::Builder::new()
        .name("relay".to_owned())
        .stack_size(256 * 1024)
        .spawn(move || copy(from.as_fd(), to.as_fd()))
        .map_err(ringfence_sys::Errno::from)
        .during("starting a relay")
}

fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) {
    let mut room = vec![0; ROOM];
    while let Ok(length @ 1..) = fd::read(from, &mut room) {
        if fd::write_all(to, room.get(..length).unwrap_or_default()).is_err() {
            return;
        }
    }
}

/// Whether standard output and error are one relayed file, whose order must be kept.
fn same(given: &[Option<OwnedFd>; 3]) -> bool {
    let identity = |number: usize| {
        let own = standard(number);
        let stream = given.get(number).and_then(Option::as_ref).map_or(own.as_fd(), AsFd::as_fd);
        fd::identity(stream).ok().filter(|_| !passes(stream, number)).map(|i| i.object())
    };
    identity(1).is_some() && identity(1) == identity(2)
}

fn passes(stream: BorrowedFd<'_>, number: usize) -> bool {
    const NULL: u64 = libc::makedev(1, 3);
    let Ok(identity) = fd::identity(stream) else { return true };
    match identity.kind() {
        libc::S_IFIFO => true,
        libc::S_IFCHR => identity.rdev == NULL || fd::is_terminal(stream),
        libc::S_IFREG => number == 0 && fd::status_flags(stream).is_ok_and(read_only),
        _ => false,
    }
}

const fn read_only(flags: i32) -> bool {
    flags & libc::O_ACCMODE == libc::O_RDONLY
}

/// One of this process's own streams, borrowed.
fn standard(number: usize) -> BorrowedFd<'static> {
    fd::borrow(RawFd::try_from(number).unwrap_or_default())
}
