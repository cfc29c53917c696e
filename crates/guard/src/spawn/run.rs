//! From the start to the end of everything that was started.

use super::{Limits, Spawn, SpawnError};
use ringfence_sys::keeper::{End, Keeper, Program};
use ringfence_sys::launch::{ExecStep, LandlockStep, Step};
use ringfence_sys::{Errno, fd, landlock};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, SealFlags};
use std::ffi::CString;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

/// Which output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Output => "standard output",
            Self::Error => "standard error",
        })
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

impl Status {
    /// Whether it exited with 0.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Exited(0))
    }

    /// A wait status, as wait(2) gives it.
    const fn of(raw: i32) -> Self {
        match raw & 0x7f {
            0 => Self::Exited((raw >> 8) & 0xff),
            signal => Self::Signalled(signal),
        }
    }
}

/// What a program that ran to its end has left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: Status,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// One of its outputs, while it is open.
struct Pipe {
    from: Option<OwnedFd>,
    stream: Stream,
    left: u64,
}

pub(super) fn run(
    spawn: &Spawn,
    mut to: impl FnMut(Stream, &[u8]) -> ControlFlow<()>,
) -> Result<Status, SpawnError> {
    let limit = spawn.limits.output;
    let (mut keeper, mut pipes) = start(spawn)?;
    let stopped = loop {
        let mut waited: Vec<PollFd<'_>> =
            vec![PollFd::from_borrowed_fd(keeper.ended(), PollFlags::IN)];
        waited.extend(spawn.stop.as_deref().map(|stop| PollFd::new(stop, PollFlags::IN)));
        let open = pipes.iter().filter_map(|pipe| pipe.from.as_ref());
        waited.extend(open.map(|from| PollFd::new(from, PollFlags::IN)));
        match poll(&mut waited, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(SpawnError::Start(errno.into())),
        }
        // Asked before the pipes are emptied: what was written before the end is in them.
        let ended = waited.first().is_some_and(|keeper| !keeper.revents().is_empty());
        let asked =
            spawn.stop.is_some() && waited.get(1).is_some_and(|stop| !stop.revents().is_empty());
        drop(waited);
        if asked && !ended {
            break Some(SpawnError::Stopped);
        }
        if let Err(stopped) = pipes.iter_mut().try_for_each(|pipe| drain(pipe, limit, &mut to)) {
            break Some(stopped);
        }
        if ended {
            break None;
        }
    };
    if stopped.is_some() {
        keeper.end();
    }
    match (keeper.wait(), stopped) {
        (End::Lost, _) => Err(SpawnError::Lost),
        (End::NotStarted(_, errno), _) => Err(SpawnError::Start(io_error(errno))),
        (_, Some(stopped)) => Err(stopped),
        (End::Ended(status), None) => Ok(Status::of(status)),
        (End::Time | End::Asked, None) => Err(SpawnError::Time),
    }
}

/// Reads what is there, without waiting for more.
fn drain(
    pipe: &mut Pipe,
    limit: u64,
    to: &mut impl FnMut(Stream, &[u8]) -> ControlFlow<()>,
) -> Result<(), SpawnError> {
    let mut buffer = [0_u8; 16 << 10];
    // So much, and then the other one.
    for _ in 0..16 {
        let Some(from) = &pipe.from else { return Ok(()) };
        match fd::read(from.as_fd(), &mut buffer) {
            Ok(0) => pipe.from = None,
            Ok(length) => {
                let count = u64::try_from(length).unwrap_or(u64::MAX);
                let too_long = SpawnError::OutputTooLong(pipe.stream, limit);
                pipe.left = pipe.left.checked_sub(count).ok_or(too_long)?;
                if to(pipe.stream, &buffer[..length]).is_break() {
                    return Err(SpawnError::Stopped);
                }
            }
            Err(errno) if io_error(errno).kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(errno) => return Err(SpawnError::Start(io_error(errno))),
        }
    }
    Ok(())
}

fn start(spawn: &Spawn) -> Result<(Keeper, [Pipe; 2]), SpawnError> {
    let failed = |errno: Errno| SpawnError::Start(io_error(errno));
    let (stdout, out) = fd::pipe(0).map_err(failed)?;
    let (stderr, err) = fd::pipe(0).map_err(failed)?;
    for from in [&stdout, &stderr] {
        fd::set_nonblocking(from.as_fd(), true).map_err(failed)?;
    }
    let input = input(spawn.input.as_deref()).map_err(|error| SpawnError::Start(error.into()))?;
    let path = CString::new(spawn.program.path.as_os_str().as_bytes());
    let path = path.map_err(|_| SpawnError::Nul)?;
    let mut words = vec![path.clone()];
    words.extend(spawn.arguments.iter().cloned());
    let exec = ExecStep::new(path, words, spawn.environment.entries());
    // The keeper moves descriptors to the numbers 0 to 2.
    let file = fd::dup_above(spawn.program.file(), 3).map_err(failed)?;
    let folder = if let Some(folder) = &spawn.folder {
        fd::dup_above(folder.as_fd(), 3)
    } else {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open("/", flags, Mode::empty());
        fd::dup_above(root.map_err(|errno| SpawnError::Folder(errno.into()))?.as_fd(), 3)
    };
    let folder = folder.map_err(failed)?;
    let steps = steps(&spawn.limits, spawn.umask);
    let keeper = Keeper::start(&Program {
        file: file.as_fd(),
        exec: &exec,
        folder: Some(folder.as_fd()),
        standard: [input.as_fd(), out.as_fd(), err.as_fd()],
        steps: &steps,
        time: Some(spawn.limits.time),
    });
    let pipe = |from, stream| Pipe { from: Some(from), stream, left: spawn.limits.output };
    Ok((keeper.map_err(failed)?, [pipe(stdout, Stream::Output), pipe(stderr, Stream::Error)]))
}

/// What is on standard input: nothing, or bytes in a file that nobody can change.
fn input(bytes: Option<&[u8]>) -> rustix::io::Result<OwnedFd> {
    let Some(mut bytes) = bytes else {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        return rustix::fs::open("/dev/null", flags, Mode::empty());
    };
    let file =
        fd::memfd(c"input").map_err(|errno| rustix::io::Errno::from_raw_os_error(errno.0))?;
    while !bytes.is_empty() {
        let written = rustix::io::write(&file, bytes)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file)
}

fn steps(limits: &Limits, umask: u32) -> Vec<Step> {
    // getrlimit(2); 1 and not 0 for core dumps: a handler behind a pipe is started for 0.
    const CPU: u32 = 0;
    const FSIZE: u32 = 1;
    const CORE: u32 = 4;
    const NPROC: u32 = 6;
    const NOFILE: u32 = 7;
    const AS: u32 = 9;
    let given = [
        (CPU, limits.cpu),
        (FSIZE, limits.file_size),
        (CORE, Some(1)),
        (NPROC, limits.processes),
        (NOFILE, Some(limits.open_files)),
        (AS, limits.memory),
    ];
    let mut steps = vec![Step::Umask(umask)];
    steps.extend(
        given
            .into_iter()
            .filter_map(|(resource, value)| value.map(|value| Step::Limit { resource, value })),
    );
    steps.push(Step::NoNewPrivileges);
    let scope = landlock::abi().map_or(0, |abi| landlock::rights_for(abi).scope);
    if scope & landlock::SCOPE_SIGNAL != 0 {
        let scope = landlock::SCOPE_SIGNAL;
        let rules = Vec::new();
        steps.push(Step::Landlock(LandlockStep { fs: 0, net: 0, scope, flags: 0, rules }));
    }
    steps
}

fn io_error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.0)
}
