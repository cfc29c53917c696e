//! The running service: its supervisor, found from any of its processes, and what that says.

use crate::control;
use ringfence_sys::{Errno, packet, wait};
use serde::Deserialize;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How far up the ancestors of a process are asked.
const ANCESTORS: usize = 64;
/// How long a supervisor may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a running service could not be attached to.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// It runs another boundary.
    #[error("the service runs another boundary: {running} from {file}, and this file is {given}")]
    AnotherBoundary {
        /// Hash of the running one.
        running: String,
        /// Where that came from.
        file: PathBuf,
        /// Hash of the given one.
        given: String,
    },
    /// There is no such process.
    #[error("no process: {0}")]
    NoProcess(u32),
    /// It may not be looked into.
    #[error("no rights to look into process {pid} of user {user}: {errno}")]
    NoRights {
        /// The process.
        pid: u32,
        /// Its user.
        user: String,
        /// What the kernel said.
        errno: Errno,
    },
    /// Nobody above it answers for a boundary.
    #[error("no `ringfence run` answers for process {0} or one above it")]
    NoSupervisor(u32),
    /// Its supervisor does not talk to this user.
    #[error("the supervisor {pid} refuses: {message}")]
    Refused {
        /// The supervisor.
        pid: u32,
        /// In its words.
        message: String,
    },
    /// It has no program at the moment.
    #[error("the service has not started its program yet, or has ended: supervisor {0}")]
    NoProgram(u32),
}

impl AttachError {
    /// Whether it is a matter of rights (exit code 3) and not of what was asked (exit code 2).
    #[must_use]
    pub fn is_rights(&self) -> bool {
        matches!(self, Self::NoRights { .. } | Self::Refused { .. })
    }
}

/// A running service.
#[derive(Debug, Clone)]
pub struct Running {
    /// Process id of its supervisor.
    pub supervisor: u32,
    /// Process id of its program.
    pub program: u32,
    /// When that started, in ticks since the host did: the same number is not the same process.
    pub started: String,
    /// Hash of its boundary.
    pub boundary: String,
    /// The file that came from.
    pub file: PathBuf,
    /// Name of the service.
    pub service: String,
    /// How many times grants were dropped.
    pub generation: u64,
}

/// The answer to `identity`.
#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    boundary: Option<String>,
    file: Option<PathBuf>,
    service: Option<String>,
    program_pid: Option<u32>,
    #[serde(default)]
    generation: u64,
    error: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    message: String,
}

impl Running {
    /// Finds the service that a process belongs to: its supervisor is asked who it is.
    ///
    /// # Errors
    /// There is no such process, no supervisor above it, or that does not answer this user.
    pub fn find(pid: u32) -> Result<Self, AttachError> {
        let mut at = pid;
        if status(pid).is_none() {
            return Err(AttachError::NoProcess(pid));
        }
        for _ in 0..ANCESTORS {
            if let Some(answer) = ask(at) {
                return Self::of(at, answer);
            }
            match parent(at) {
                Some(parent) if parent > 0 => at = parent,
                _ => break,
            }
        }
        Err(AttachError::NoSupervisor(pid))
    }

    fn of(supervisor: u32, answer: Answer) -> Result<Self, AttachError> {
        if !answer.ok {
            let message = answer.error.map(|error| error.message).unwrap_or_default();
            return Err(AttachError::Refused { pid: supervisor, message });
        }
        let started = |program: u32| Some((program, start_time(program)?));
        let Some((program, started)) = answer.program_pid.and_then(started) else {
            return Err(AttachError::NoProgram(supervisor));
        };
        Ok(Self {
            supervisor,
            program,
            started,
            boundary: answer.boundary.unwrap_or_default(),
            file: answer.file.unwrap_or_default(),
            service: answer.service.unwrap_or_default(),
            generation: answer.generation,
        })
    }

    /// Refuses to compare a service with a boundary that it does not run.
    pub(super) fn same_boundary(&self, hash: &str, _file: &Path) -> Result<(), AttachError> {
        if self.boundary == hash {
            return Ok(());
        }
        let short = |hash: &str| hash.chars().take(16).collect();
        Err(AttachError::AnotherBoundary {
            running: short(&self.boundary),
            file: self.file.clone(),
            given: short(hash),
        })
    }

    /// Whether it has namespaces of its own to enter.
    pub(super) fn has_namespaces(&self) -> Result<bool, AttachError> {
        let of = |who: &str| fs::read_link(format!("/proc/{who}/ns/pid"));
        let theirs = of(&self.program.to_string()).map_err(|error| self.denied(error.into()))?;
        Ok(of("self").is_ok_and(|own| own != theirs))
    }

    /// Why its program cannot be looked into.
    pub(super) fn denied(&self, errno: Errno) -> AttachError {
        let pid = self.program;
        match status(pid) {
            None => AttachError::NoProgram(self.supervisor),
            Some(status) => AttachError::NoRights {
                pid,
                user: super::inspect::field(&status, "Uid")
                    .and_then(|ids| ids.split_whitespace().next().map(str::to_owned))
                    .unwrap_or_default(),
                errno,
            },
        }
    }
}

/// Asks whoever listens at a supervisor's address; `None` when that is not this process.
fn ask(pid: u32) -> Option<Answer> {
    let socket = packet::connect(&control::address(pid)).ok()?;
    let peer = packet::peer(socket.as_fd()).ok()?;
    if u32::try_from(peer.pid) != Ok(pid) {
        return None;
    }
    // A caller that is refused has its answer already, and cannot send.
    let _ = packet::send(socket.as_fd(), br#"{"v":1,"id":1,"op":"identity"}"#);
    let mut room = vec![0; 16 * 1024];
    if wait::readable(&[socket.as_fd()], Some(PATIENCE)).ok()? == 0 {
        return None;
    }
    let packet = packet::receive(socket.as_fd(), &mut room).ok()?;
    serde_json::from_slice(room.get(..packet.length)?).ok()
}

/// `/proc/PID/status`.
pub(super) fn status(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/status")).ok()
}

fn parent(pid: u32) -> Option<u32> {
    super::inspect::field(&status(pid)?, "PPid")?.parse().ok()
}

/// Field 22 of `/proc/PID/stat` (`proc_pid_stat(5)`).
pub(super) fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(19).map(str::to_owned)
}
