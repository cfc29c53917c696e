//! One act in one child, with a deadline.
//!
//! The child reports through a pipe and ends without running anything of the caller's; the parent
//! waits for the report or the deadline, kills the child's whole process group and reaps it. What
//! the child forks for itself dies with it. The fork is the C library's, so its allocator is usable
//! in the child even when the caller has other threads (the tests do; the battery itself has none).

use super::{Attempt, Failure};
use crate::call::{call, int, output};
use crate::errno::Errno;
use crate::fd;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How an act ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It ended with this exit code before it had reported.
    Exited(i32),
    /// A signal ended it before it had reported.
    Killed(i32),
    /// It reported.
    Reported(Attempt),
    /// It had not ended at the deadline, and was killed.
    TimedOut,
}

/// Runs `act` in a child and waits for its report, at most `deadline`.
///
/// # Errors
/// No pipe or no child could be made.
pub fn forked(deadline: Duration, act: impl FnOnce() -> Attempt) -> Result<Ended, Errno> {
    let (reading, writing) = fd::pipe(0)?;
    let child = Child::fork(|| {
        let report = encode(&act());
        // A report that cannot be written shows as an exit without one.
        i32::from(fd::write_all(writing.as_fd(), &report).is_err())
    })?;
    drop(writing);
    let report = read_until(&reading, Instant::now() + deadline);
    let status = child.end();
    Ok(match report {
        None => Ended::TimedOut,
        Some(bytes) => match decode(&bytes) {
            Some(attempt) => Ended::Reported(attempt),
            None if libc::WIFSIGNALED(status) => Ended::Killed(libc::WTERMSIG(status)),
            None => Ended::Exited(libc::WEXITSTATUS(status)),
        },
    })
}

/// A child that is killed and reaped at the latest when this value is dropped.
#[derive(Debug)]
pub struct Child {
    pid: libc::pid_t,
    reaped: bool,
}

impl Child {
    /// Runs `body` in a child, which leads a process group and ends with the answer as exit code.
    ///
    /// # Errors
    /// What fork(2) answers.
    pub fn fork(body: impl FnOnce() -> i32) -> Result<Self, Errno> {
        // SAFETY: the child runs the body and ends with `_exit`; the C library's fork leaves its
        // own locks usable in the child.
        match unsafe { libc::fork() } {
            -1 => Err(Errno::last()),
            0 => {
                // SAFETY: numbers only; makes this process the leader of a group.
                unsafe { libc::setpgid(0, 0) };
                let death = [int(libc::PR_SET_PDEATHSIG), int(libc::SIGKILL), 0, 0, 0, 0];
                // SAFETY: numbers only. Without it the child would still end at its own deadline.
                let _ = unsafe { call(libc::SYS_prctl, death) };
                let code = body();
                // SAFETY: ends this process at once; nothing of it is used afterwards.
                unsafe { libc::_exit(code) }
            }
            pid => Ok(Self { pid, reaped: false }),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits for its end, however long it takes, and answers the wait status.
    #[must_use]
    pub fn wait(mut self) -> i32 {
        self.reap()
    }

    /// Lets it end by itself when it is ending, kills its group, and answers the wait status.
    fn end(mut self) -> i32 {
        if let Some(status) = self.try_reap_within(Duration::from_millis(50)) {
            return status;
        }
        self.kill();
        self.reap()
    }

    /// The wait status, if it ends within `patience`.
    #[must_use]
    pub fn try_reap_within(&mut self, patience: Duration) -> Option<i32> {
        let handle = [int(self.pid), 0, 0, 0, 0, 0];
        // SAFETY: numbers only; the pid is a child of ours that has not been reaped.
        let ended = match unsafe { crate::call::call_fd(libc::SYS_pidfd_open, handle) } {
            Ok(handle) => readable(handle.as_fd(), patience),
            // Kernels in user space (gVisor) have no handles of processes.
            Err(Errno(libc::ENOSYS)) => self.ends_within(patience),
            Err(_) => false,
        };
        if !ended {
            return None;
        }
        self.kill_group();
        Some(self.reap())
    }

    /// Looks again and again whether it has ended, without reaping it.
    fn ends_within(&self, patience: Duration) -> bool {
        const PAUSE: i32 = 5;
        let deadline = Instant::now() + patience;
        loop {
            // SAFETY: an all-zero siginfo is a valid value of a structure of numbers.
            let mut found: libc::siginfo_t = unsafe { std::mem::zeroed() };
            let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            let id = libc::id_t::from(self.pid.unsigned_abs());
            // SAFETY: `found` is ours and the pid is our unreaped child.
            let answer = unsafe { libc::waitid(libc::P_PID, id, &raw mut found, how) };
            // SAFETY: the kernel has filled it in, or it is still zero.
            if answer == 0 && unsafe { found.si_pid() } == self.pid {
                return true;
            }
            if answer != 0 && Errno::last() != Errno(libc::EINTR) || Instant::now() >= deadline {
                return false;
            }
            // SAFETY: no descriptors: a pause.
            unsafe { libc::poll(std::ptr::null_mut(), 0, PAUSE) };
        }
    }

    fn kill(&self) {
        // SAFETY: numbers only; the pid is our unreaped child and cannot name another process.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        self.kill_group();
    }

    /// What the child has forked is in its group. Called before the child is reaped, so that its
    /// number cannot name another group.
    fn kill_group(&self) {
        // SAFETY: numbers only; a group that is gone answers ESRCH.
        unsafe { libc::kill(-self.pid, libc::SIGKILL) };
    }

    fn reap(&mut self) -> i32 {
        let mut status = 0;
        loop {
            // SAFETY: `status` is ours and the pid is our unreaped child.
            let answer = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
            if answer == self.pid || Errno::last() != Errno(libc::EINTR) {
                self.reaped = true;
                return status;
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            self.reap();
        }
    }
}

/// Whether `of` becomes readable (or its other end closes) within `patience`.
#[must_use]
pub fn readable(of: BorrowedFd<'_>, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut poll = libc::pollfd { fd: of.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let time = libc::timespec {
            tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(left.subsec_nanos()),
        };
        let args = [output(&mut poll), 1, crate::call::input(&time), 0, 0, 0];
        // SAFETY: one pollfd and one timespec of ours, no signal mask.
        match unsafe { call(libc::SYS_ppoll, args) } {
            Err(Errno(libc::EINTR)) => {}
            answer => return answer.is_ok_and(|ready| ready > 0),
        }
    }
}

/// Everything up to the end of the pipe, or `None` at the deadline.
fn read_until(from: &OwnedFd, until: Instant) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while readable(from.as_fd(), until.saturating_duration_since(Instant::now())) {
        match fd::read(from.as_fd(), &mut buffer) {
            Ok(0) | Err(_) => return Some(bytes),
            Ok(taken) => bytes.extend_from_slice(buffer.get(..taken).unwrap_or_default()),
        }
    }
    // An act may leave a child behind that keeps the pipe open: its report counts all the same.
    decode(&bytes).is_some().then_some(bytes)
}

/// A report: kind, error number, code and text, each ended by a zero byte.
fn encode(attempt: &Attempt) -> Vec<u8> {
    let (kind, errno, code, text) = match attempt {
        Ok(detail) => ("s", None, "", detail),
        Err(Failure::NotApplicable(why)) => ("n", None, "", why),
        Err(Failure::Refused { code, errno, detail }) => ("r", *errno, code.as_str(), detail),
    };
    let errno = errno.map(|number| number.to_string()).unwrap_or_default();
    let text = text.replace('\0', " ");
    format!("{kind}\0{errno}\0{code}\0{text}\0").into_bytes()
}

fn decode(report: &[u8]) -> Option<Attempt> {
    let text = String::from_utf8_lossy(report);
    let mut fields = text.strip_suffix('\0')?.split('\0');
    let (kind, errno, code, detail) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?.to_owned());
    Some(match kind {
        "s" => Ok(detail),
        "n" => Err(Failure::NotApplicable(detail)),
        _ => Err(Failure::Refused { code: code.to_owned(), errno: errno.parse().ok(), detail }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a child may take on a busy machine.
    const PATIENCE: Duration = Duration::from_mins(3);

    #[test]
    fn an_act_reports_success_refusal_and_inapplicability_from_its_child() {
        for attempt in [
            Ok("read it".to_owned()),
            Err(Failure::at("open", Errno(libc::EACCES))),
            Err(Failure::effect("no-answer", "nothing came")),
            Err(Failure::not_applicable("no limit is set")),
        ] {
            assert_eq!(forked(PATIENCE, || attempt.clone()), Ok(Ended::Reported(attempt)));
        }
    }

    #[test]
    fn a_crash_ends_one_act_and_is_told_apart_from_a_refusal() {
        let ended = forked(PATIENCE, || {
            // SAFETY: ends the child by a signal, on purpose.
            unsafe { libc::raise(libc::SIGKILL) };
            Ok(String::new())
        });
        assert_eq!(ended, Ok(Ended::Killed(libc::SIGKILL)));
    }

    #[test]
    fn an_act_that_hangs_is_killed_at_its_deadline() {
        let (reading, _writing) = fd::pipe(0).unwrap();
        let ended = forked(Duration::from_millis(30), || {
            let _ = fd::read(reading.as_fd(), &mut [0]);
            Ok(String::new())
        });
        assert_eq!(ended, Ok(Ended::TimedOut));
    }
}
