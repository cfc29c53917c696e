//! The process between the recorder and the program: whatever the program starts ends with it.
//!
//! It is the parent of the program and the child subreaper of all its descendants. It ends them when
//! the program has ended, and when the recorder has. It holds the listener as well, so that after a
//! SIGKILL of the recorder calls wait for their process to be ended instead of failing; forks are
//! among them, so a tree that forks wildly cannot outrun its end.

use super::stage::Stage;
use ringfence_sys::launch::{ExecStep, Kernel, Step};
use ringfence_sys::linux::Linux;
use ringfence_sys::namespace;
use ringfence_sys::seccomp::{self, Filter};
use ringfence_sys::spawn::{self, Keep};
use ringfence_sys::wait::{self, Descendants};
use ringfence_sys::{Errno, fd, privilege, socket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// Longest report in bytes.
const LONGEST: usize = 1024;

/// What the guardian tells the recorder.
#[derive(Debug)]
pub(super) enum Report {
    /// The program is about to start: its listener, and a handle of its process.
    Started { listener: OwnedFd, program: OwnedFd, pid: i32 },
    /// Its wait status.
    Ended(i32),
    /// It could not be prepared: what was tried, and why it failed.
    Failed(String, Errno),
    /// It could not be executed.
    NoExec(Errno),
    /// There will be no more.
    Gone,
}

/// Everything it needs.
pub(super) struct Guardian<'a> {
    pub(super) recorder: BorrowedFd<'a>,
    pub(super) stage: &'a Stage,
    pub(super) filter: &'a Filter,
    /// Whether the program must give up gaining rights.
    pub(super) no_new_privileges: bool,
    pub(super) exec: ExecStep,
}

impl Guardian<'_> {
    /// Runs to the end of the program and answers this process's exit code.
    pub(super) fn run(self) -> i32 {
        match self.guard() {
            Ok(()) => 0,
            Err((what, errno)) => {
                tell(self.recorder, &format!("f{} {what}", errno.0));
                1
            }
        }
    }

    fn guard(&self) -> Result<(), (&'static str, Errno)> {
        let during = |what: &'static str| move |errno| (what, errno);
        privilege::set_child_subreaper().map_err(during("becoming the parent of orphans"))?;
        let tree = Descendants::of_this_process().map_err(during("listing children"))?;
        let ended = wait::signal_descriptor(&[libc::SIGCHLD]).map_err(during("waiting"))?;
        let (from_program, to_guardian) = fd::pipe(0).map_err(during("making a pipe"))?;
        let flags = namespace::FILES | self.stage.namespaces();
        let program = spawn::process(flags, Keep::All, || self.become_program(&to_guardian))
            .map_err(during("making a process"))?;
        let watched = self.watch(&program, &from_program, &ended);
        tree.kill();
        if let Ok(Some(status)) = watched {
            tell(self.recorder, &format!("e{status}"));
        }
        watched.map(drop).map_err(during("waiting for the program"))
    }

    /// Answers the program's wait status; nothing when the recorder ended first, or the program
    /// never started, which has been told then.
    fn watch(
        &self,
        program: &spawn::Spawned,
        from_program: &OwnedFd,
        ended: &OwnedFd,
    ) -> Result<Option<i32>, Errno> {
        loop {
            let sources = [self.recorder, from_program.as_fd(), ended.as_fd()];
            let ready = wait::readable(&sources, None)?;
            if ready & 0b010 != 0 && !self.hear(from_program, program)? {
                return Ok(None);
            }
            if ready & 0b001 != 0 {
                return Ok(None);
            }
            while wait::next_signal(ended.as_fd()).is_some() {}
            while let Ok(Some((pid, status))) = wait::reap() {
                if pid == program.pid {
                    // It may have told why it ended just before.
                    let told = wait::readable(&[from_program.as_fd()], Some(Duration::ZERO))?;
                    if told != 0 && !self.hear(from_program, program)? {
                        return Ok(None);
                    }
                    return Ok(Some(status));
                }
            }
        }
    }

    /// Takes what the process tells before it becomes the program; answers whether it goes on.
    fn hear(&self, from_program: &OwnedFd, program: &spawn::Spawned) -> Result<bool, Errno> {
        let mut room = [0; LONGEST];
        let length = fd::read(from_program.as_fd(), &mut room)?;
        let text = String::from_utf8_lossy(room.get(..length).unwrap_or_default());
        // Both may have come at once.
        for line in text.lines() {
            if let Some(number) = line.strip_prefix('l').and_then(|n| n.parse::<RawFd>().ok()) {
                // Open here too: the process shares this table until it is the program.
                let fds = [fd::borrow(number), program.pidfd.as_fd()];
                let report = format!("s{}", program.pid);
                socket::send_fds(self.recorder, report.as_bytes(), &fds)?;
            } else {
                tell(self.recorder, line);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The program's own process, up to its exec.
    fn become_program(&self, to_guardian: &OwnedFd) -> i32 {
        let say = |text: &str| {
            let _ = fd::write(to_guardian.as_fd(), text.as_bytes());
        };
        if let Err((what, errno)) = self.prepare() {
            say(&format!("f{} {what}\n", errno.0));
            return 1;
        }
        match seccomp::install(self.filter) {
            // A number and no message: sending one would be a notified call itself.
            Ok(listener) => {
                use std::os::fd::AsRawFd as _;
                say(&format!("l{}\n", listener.as_raw_fd()));
                let failed = Linux.perform(&Step::Exec(self.exec.clone()));
                say(&format!("x{}\n", failed.err().map_or(0, |errno| errno.0)));
                std::mem::forget(listener);
            }
            Err(errno) => say(&format!("f{} installing the filter\n", errno.0)),
        }
        127
    }

    fn prepare(&self) -> Result<(), (String, Errno)> {
        self.stage.build()?;
        let mut steps = vec![Step::DieWithParent, Step::ResetSignals];
        steps.extend(self.no_new_privileges.then_some(Step::NoNewPrivileges));
        for step in steps {
            Linux.perform(&step).map_err(|errno| (format!("{step:?}"), errno))?;
        }
        Ok(())
    }
}

fn tell(recorder: BorrowedFd<'_>, text: &str) {
    let _ = socket::send_fds(recorder, text.as_bytes(), &[]);
}

/// The next report.
pub(super) fn next_report(guardian: BorrowedFd<'_>) -> Result<Report, Errno> {
    let mut room = [0; LONGEST];
    let (length, fds) = socket::recv_fds(guardian, &mut room)?;
    let text = String::from_utf8_lossy(room.get(..length).unwrap_or_default()).into_owned();
    let number = |text: &str| text.parse().map_err(|_| Errno(libc::EPROTO));
    match (text.get(..1), text.get(1..).unwrap_or_default()) {
        (None, _) => Ok(Report::Gone),
        (Some("s"), pid) => {
            let [listener, program]: [OwnedFd; 2] =
                fds.try_into().map_err(|_| Errno(libc::EPROTO))?;
            Ok(Report::Started { listener, program, pid: number(pid)? })
        }
        (Some("e"), status) => Ok(Report::Ended(number(status)?)),
        (Some("x"), errno) => Ok(Report::NoExec(Errno(number(errno)?))),
        (_, failed) => {
            let (errno, what) = failed.split_once(' ').unwrap_or((failed, ""));
            Ok(Report::Failed(what.to_owned(), Errno(number(errno)?)))
        }
    }
}
