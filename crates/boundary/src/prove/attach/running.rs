//! The running service: its supervisor, found from any of its processes, and what that says.

use crate::control::client::{AskError, Supervisor};
use crate::plan::ResolvedIdentity;
use ringfence_sys::{Errno, privilege};
use std::fs;
use std::path::PathBuf;

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
    /// Nobody answers for it.
    #[error(transparent)]
    Ask(#[from] AskError),
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

impl Running {
    /// Finds the service that a process belongs to: its supervisor is asked who it is.
    ///
    /// # Errors
    /// There is no such process, no supervisor above it, or that does not answer this user.
    pub fn find(pid: u32) -> Result<Self, AttachError> {
        let asked = Supervisor::find(pid)?;
        let supervisor = asked.pid;
        let identity = asked.identity()?.map_err(|refused| AttachError::Refused {
            pid: supervisor,
            message: refused.message,
        })?;
        let started = |program: u32| Some((program, start_time(program)?));
        let Some((program, started)) = identity.program_pid.and_then(started) else {
            return Err(AttachError::NoProgram(supervisor));
        };
        Ok(Self {
            supervisor,
            program,
            started,
            boundary: identity.boundary,
            file: identity.file.into(),
            service: identity.service,
            generation: identity.generation,
        })
    }

    /// Refuses to compare a service with a boundary that it does not run.
    pub(super) fn same_boundary(&self, hash: &str) -> Result<(), AttachError> {
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

    /// A supervisor that is not root runs its service as itself, whoever looks at it: root, who
    /// would have switched to somebody else, becomes that user.
    pub(super) fn as_started(&self, identity: &mut ResolvedIdentity) {
        let Some(status) = status(self.supervisor) else { return };
        let ids = |name: &str| -> Vec<u32> {
            let text = super::inspect::field(&status, name).unwrap_or_default();
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        // Effective ids are the second of four.
        if let (Some(uid @ 1..), Some(gid)) = (ids("Uid").get(1), ids("Gid").get(1)) {
            identity.switch |= privilege::effective_ids().0 != *uid;
            (identity.uid, identity.gid) = (*uid, *gid);
            identity.groups = ids("Groups").into_iter().filter(|group| group != gid).collect();
        }
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

/// `/proc/PID/status`.
pub(super) fn status(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/status")).ok()
}

/// Field 22 of `/proc/PID/stat` (`proc_pid_stat(5)`).
pub(super) fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(19).map(str::to_owned)
}
