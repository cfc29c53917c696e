//! A program under a keeper: a process that outlives none of what the program starts.
//!
//! The keeper is a copy of the caller, which may have many threads, that is the child subreaper of all
//! it starts: a descendant that loses its parent, by a double fork or a new session, becomes the
//! keeper's own child and cannot slip away. When the program ends, when its time is over, or when the
//! caller asks or is gone, the keeper kills and reaps every descendant, and only then tells how the
//! program ended. Everything here runs between clone and exec of a process with threads: nothing
//! allocates or locks. What this does not reach: a process that something else starts for the
//! program (a service manager, cron), and a keeper that is killed, which [`Step::Landlock`] with the
//! scope of signals keeps the program from.

use crate::call::{call, fd as descriptor, int, path};
use crate::errno::Errno;
use crate::launch::{ExecStep, Kernel as _, Step};
use crate::linux::Linux;
use crate::namespace::{Cloned, clone3};
use crate::wait::Descendants;
use crate::{fd, mount, privilege, spawn, wait};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// Every signal; SIGKILL and SIGSTOP cannot be blocked and are ignored in a mask.
const EVERY_SIGNAL: [i32; 64] = {
    let (mut all, mut at, mut number) = ([0; 64], 0, 1);
    while at < all.len() {
        all[at] = number;
        (at, number) = (at + 1, number + 1);
    }
    all
};

/// Bytes of stack for the program's process until it is the program.
const STACK: usize = 64 << 10;

/// Length of a report: what it is, and a number.
const REPORT: usize = 5;

/// What is started.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// The open file that is executed, whatever its path leads to by now. A script is not: its
    /// interpreter could not open it again.
    pub file: BorrowedFd<'a>,
    /// Arguments and environment.
    pub exec: &'a ExecStep,
    /// Working directory; the caller's when missing.
    pub folder: Option<BorrowedFd<'a>>,
    /// Descriptors 0, 1 and 2. No other is inherited.
    pub standard: [BorrowedFd<'a>; 3],
    /// What is done before the program is executed, in this order.
    pub steps: &'a [Step],
    /// Time after which everything is killed.
    pub time: Option<Duration>,
}

/// How it ended. No process that the program started is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The program ended by itself, with this wait status.
    Ended(i32),
    /// Its time was over.
    Time,
    /// The caller asked.
    Asked,
    /// It was not started: the step with this index failed, or what follows the steps.
    NotStarted(u32, Errno),
    /// The keeper was killed: something of the tree may be left.
    Lost,
}

/// A keeper. Dropping it ends the tree, and waits until nothing of it is left.
#[derive(Debug)]
pub struct Keeper {
    /// Until it was reaped.
    pid: Option<i32>,
    report: OwnedFd,
    /// The keeper ends the tree when this end is closed.
    control: Option<OwnedFd>,
}

impl Keeper {
    /// Starts a program. Nothing but memory is shared with the keeper, and copied when written to.
    ///
    /// # Errors
    /// The error number of the call that failed; that the program could not be started is told
    /// by [`Self::wait`].
    pub fn start(program: &Program<'_>) -> Result<Self, Errno> {
        // Numbers above the standard ones, which the keeper replaces.
        let above = |pair: (OwnedFd, OwnedFd)| -> Result<_, Errno> {
            Ok((fd::dup_above(pair.0.as_fd(), 3)?, fd::dup_above(pair.1.as_fd(), 3)?))
        };
        let (report, tells) = above(fd::pipe(0)?)?;
        let (obeys, control) = above(fd::pipe(0)?)?;
        let [input, output, error] = program.standard;
        let standard =
            [fd::dup_above(input, 3)?, fd::dup_above(output, 3)?, fd::dup_above(error, 3)?];
        let mut stack = vec![0_u128; STACK / size_of::<u128>()];
        let blocked = BlockedSignals::new()?;
        // SAFETY: the child runs `keep` alone, which neither allocates nor locks, and exits.
        let cloned = unsafe { clone3(0) }?;
        match cloned {
            Cloned::Child => {
                keep(program, &standard, &mut stack, obeys.as_fd(), tells.as_fd());
                spawn::exit(0)
            }
            Cloned::Parent { pid, .. } => {
                drop(blocked);
                Ok(Self { pid: Some(pid), report, control: Some(control) })
            }
        }
    }

    /// Becomes readable when the end can be asked for without waiting.
    #[must_use]
    pub fn ended(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }

    /// Asks the keeper to end everything.
    pub fn end(&mut self) {
        self.control = None;
    }

    /// Waits until nothing of the tree is left.
    #[must_use]
    pub fn wait(mut self) -> End {
        let end = self.told();
        self.reap();
        end
    }

    fn reap(&mut self) {
        self.control = None;
        if let Some(pid) = self.pid.take() {
            // Somebody else in this process may have reaped it.
            let _ = wait::wait_for(pid);
        }
    }

    fn told(&self) -> End {
        let (mut report, mut length) = ([0_u8; REPORT * 2], 0);
        while let Some(room) = report.get_mut(length..).filter(|room| !room.is_empty()) {
            match fd::read(self.report.as_fd(), room) {
                Ok(0) | Err(_) => break,
                Ok(read) => length += read,
            }
        }
        let number = |at: usize| {
            let bytes = report.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            i32::from_le_bytes(bytes.unwrap_or_default())
        };
        // Why it could not be executed comes before what became of it.
        match (length, report[0]) {
            (0..REPORT, _) => End::Lost,
            (_, FAILED) => {
                let (step, errno) = (number(1) >> 16, number(1) & 0xffff);
                End::NotStarted(step.unsigned_abs(), Errno(errno))
            }
            (_, ENDED) => End::Ended(number(1)),
            (_, TIME) => End::Time,
            (_, ASKED) => End::Asked,
            _ => End::Lost,
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.reap();
    }
}

const FAILED: u8 = b'f';
const ENDED: u8 = b'e';
const TIME: u8 = b't';
const ASKED: u8 = b'a';

/// Signals wait until the copy of this process has its own ways with them: handlers of the caller
/// would run in it.
struct BlockedSignals(u64);

impl BlockedSignals {
    fn new() -> Result<Self, Errno> {
        wait::block_all_signals().map(Self)
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        let _ = wait::restore_signals(self.0);
    }
}

/// The keeper itself.
fn keep(
    program: &Program<'_>,
    standard: &[OwnedFd; 3],
    stack: &mut [u128],
    obeys: BorrowedFd<'_>,
    tells: BorrowedFd<'_>,
) {
    let end = match begin(program, standard, stack, obeys, tells) {
        Err(errno) => (FAILED, packed(u32::MAX >> 17, errno)),
        Ok((child, signals, tree)) => {
            let end = watch(child, signals.as_fd(), obeys, program.time);
            tree.kill();
            end
        }
    };
    tell(tells, end);
}

/// Makes the child, after everything that is needed to end it again.
fn begin(
    program: &Program<'_>,
    standard: &[OwnedFd; 3],
    stack: &mut [u128],
    obeys: BorrowedFd<'_>,
    tells: BorrowedFd<'_>,
) -> Result<(i32, OwnedFd, Descendants), Errno> {
    let raw = |of: &OwnedFd| of.as_raw_fd();
    let folder = program.folder.map_or(-1, |folder| folder.as_raw_fd());
    let kept: [RawFd; 7] = [
        obeys.as_raw_fd(),
        tells.as_raw_fd(),
        raw(&standard[0]),
        raw(&standard[1]),
        raw(&standard[2]),
        program.file.as_raw_fd(),
        folder,
    ];
    // Numbers below 3 are replaced in the child; the file must not be one of them.
    if program.file.as_raw_fd() < 3 || (0..3).contains(&folder) {
        return Err(Errno(libc::EBADF));
    }
    spawn::close_others(&kept);
    spawn::detach_standard()?;
    // Ignored signals stay ignored in a copy: an ignored SIGCHLD would tell nothing.
    privilege::reset_signals()?;
    let signals = wait::signal_descriptor(&EVERY_SIGNAL)?;
    new_session()?;
    privilege::set_child_subreaper()?;
    let tree = Descendants::of_this_process()?;
    let pid = start(&Start { program, standard, tells }, stack)?;
    // Pipes of the program end with the program. Of what was closed here nothing is dropped: this
    // process ends by itself.
    let kept = [obeys.as_raw_fd(), tells.as_raw_fd(), signals.as_raw_fd(), tree.raw()];
    spawn::close_others(&kept);
    match privilege::set_dumpable(false) {
        // The kernel has no such answer: a filter of calls gave it, as inside a boundary, where no
        // process may look into another one.
        Ok(()) | Err(Errno(libc::EPERM)) => Ok((pid, signals, tree)),
        Err(errno) => Err(errno),
    }
}

/// What the program's process needs until it is the program.
struct Start<'a> {
    program: &'a Program<'a>,
    standard: &'a [OwnedFd; 3],
    tells: BorrowedFd<'a>,
}

/// Makes the program's process. It uses this process's memory, which is not copied a second time, and
/// this process waits until it has executed the program or ended (`CLONE_VFORK` in clone(2)).
fn start(what: &Start<'_>, stack: &mut [u128]) -> Result<i32, Errno> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end.cast();
    let argument = std::ptr::from_ref(what).cast_mut().cast();
    // SAFETY: the function gets a `Start` that lives until this call comes back; the stack is ours,
    // large enough, grows down from an end aligned to 16, and is used by nobody else meanwhile. This
    // process has one thread, which is suspended while the other uses its memory.
    let pid = unsafe { libc::clone(started, top, flags, argument) };
    if pid == -1 { Err(Errno::last()) } else { Ok(pid) }
}

extern "C" fn started(argument: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `start` passes one that outlives this process' use of its memory.
    let what = unsafe { &*argument.cast_const().cast::<Start<'_>>() };
    let (step, errno) = execute(what.program, what.standard);
    tell(what.tells, (FAILED, packed(step, errno)));
    spawn::exit(127)
}

/// Everything up to the program; answers only when that fails.
fn execute(program: &Program<'_>, standard: &[OwnedFd; 3]) -> (u32, Errno) {
    let mut step = 0;
    let mut run = || -> Result<(), Errno> {
        privilege::set_parent_death_signal(libc::SIGKILL)?;
        new_session()?;
        for (number, from) in (0..).zip(standard) {
            // SAFETY: the numbers 0 to 2 are owned by no value of this process.
            unsafe { fd::dup2(from.as_fd(), number) }?;
        }
        if let Some(folder) = program.folder {
            mount::fchdir(folder)?;
        }
        for next in program.steps {
            Linux.perform(next)?;
            step += 1;
        }
        privilege::reset_signals()?;
        fd::cloexec_range(3, u32::MAX)?;
        execute_open(program.file, program.exec)
    };
    let errno = run().err().unwrap_or(Errno(libc::ENOEXEC));
    (step, errno)
}

/// Replaces this process by an open file; only answers when that fails.
fn execute_open(file: BorrowedFd<'_>, exec: &ExecStep) -> Result<(), Errno> {
    let (words, env) = (exec.argv().expose_provenance(), exec.env().expose_provenance());
    let args = [descriptor(file), path(c""), words, env, int(libc::AT_EMPTY_PATH), 0];
    // SAFETY: an empty C string and two null-terminated arrays of C strings that live in `exec`.
    unsafe { call(libc::SYS_execveat, args) }.map(drop)
}

/// A session of its own: no terminal, and no signal meant for the caller's group.
fn new_session() -> Result<(), Errno> {
    // SAFETY: takes nothing and changes this process alone.
    unsafe { call(libc::SYS_setsid, [0; 6]) }.map(drop)
}

/// Waits for the program's end, the end of its time, or the caller; reaps what was left behind.
fn watch(
    child: i32,
    signals: BorrowedFd<'_>,
    obeys: BorrowedFd<'_>,
    time: Option<Duration>,
) -> (u8, i32) {
    let deadline = time.and_then(|time| Instant::now().checked_add(time));
    loop {
        while let Ok(Some((pid, status))) = wait::reap() {
            if pid == child {
                return (ENDED, status);
            }
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return (TIME, 0);
        }
        let ready = wait::readable(&[signals, obeys], left).unwrap_or_default();
        if ready & 0b10 != 0 {
            return (ASKED, 0);
        }
        while wait::next_signal(signals).is_some() {}
    }
}

/// One write, which a pipe takes whole.
fn tell(to: BorrowedFd<'_>, (what, number): (u8, i32)) {
    let [a, b, c, d] = number.to_le_bytes();
    // Nobody may listen any more.
    let _ = fd::write_all(to, &[what, a, b, c, d]);
}

fn packed(step: u32, errno: Errno) -> i32 {
    (step.min(0x7fff) << 16).cast_signed() | (errno.0 & 0xffff)
}
