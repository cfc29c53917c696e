//! The program that gives a service its traffic, beside the recording and not part of it.
//!
//! It starts when the service has started, and the service is stopped when it ends. Whatever it
//! leaves running is ended with the recording, like everything else below the recorder.

use super::error::RecordError;
use ringfence_sys::{Errno, peer};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

/// What to run beside the service.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Absolute path of the program; it gets no arguments.
    pub program: PathBuf,
    /// Where it runs. Absolute.
    pub cwd: PathBuf,
}

/// How the traffic ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficEnd {
    /// By itself: its exit code, or 128 and the number of the signal that ended it.
    Ended(i32),
    /// The service ended before, and it was ended too.
    CutShort,
}

/// Traffic that runs.
pub(super) struct Running {
    child: Child,
    /// Can be read when it has ended; taken away then.
    pub(super) pidfd: Option<OwnedFd>,
    end: Option<TrafficEnd>,
}

impl Running {
    #[expect(
        clippy::disallowed_methods,
        reason = "it is not the service: it gets this session's environment, as the user's own script"
    )]
    pub(super) fn start(traffic: &Traffic) -> Result<Self, RecordError> {
        let failed = |source| RecordError::Traffic { program: traffic.program.clone(), source };
        let mut command = Command::new(&traffic.program);
        let spawned = command.current_dir(&traffic.cwd).stdin(Stdio::null()).spawn();
        let child =
            spawned.map_err(|error| failed(Errno(error.raw_os_error().unwrap_or(libc::EIO))))?;
        let pid = i32::try_from(child.id()).unwrap_or_default();
        // If this fails, the child is ended with everything else below the recorder.
        let pidfd = peer::pidfd_open(pid).map_err(failed)?;
        Ok(Self { child, pidfd: Some(pidfd), end: None })
    }

    /// Notes that it has ended.
    pub(super) fn ended(&mut self) {
        self.pidfd = None;
        self.end =
            self.child.try_wait().ok().flatten().map(|status| TrafficEnd::Ended(code(status)));
    }

    /// The service has ended: so does the traffic.
    pub(super) fn end(mut self) -> TrafficEnd {
        if self.pidfd.is_some() {
            self.ended();
        }
        self.end.unwrap_or_else(|| {
            let _ = self.child.kill();
            let _ = self.child.wait();
            TrafficEnd::CutShort
        })
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(libc::SIGKILL))
}
