//! Asking a running boundary from outside.
//!
//! A service is found by the process id of its `ringfence run`, or of any process of it: the parents
//! of a process are tried up to the first that listens at its address. Abstract names belong to
//! whoever takes them first, so the other end must be the process that the address names; one that
//! is not is passed over. Nothing is asked of a process of another network namespace, where the
//! address cannot be seen.

use super::address;
pub use super::message::Dropped;
use super::message::LONGEST;
use ringfence_sys::{Errno, packet, wait};
use serde::Deserialize;
use serde_json::json;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Parents that are tried.
const PARENTS: usize = 64;
/// How long an answer may take; a drop can end with the end of the service.
const PATIENCE: Duration = Duration::from_secs(15);

/// The supervisor of a service.
#[derive(Debug)]
pub struct Supervisor {
    /// Its process id.
    pub pid: u32,
    socket: OwnedFd,
}

/// Why nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Too many callers.
    #[error("ringfence {0} is busy with other callers")]
    Busy(u32),
    /// The supervisor ended, or closed the connection.
    #[error("ringfence {0} has ended or closed the connection")]
    Closed(u32),
    /// No such process.
    #[error("there is no process {0}")]
    NoProcess(u32),
    /// Neither it nor a parent of it answers.
    #[error("process {0} is no `ringfence run` and none of its parents is")]
    NotAService(u32),
    /// Another process has the address.
    #[error("another process has taken the address of process {0}")]
    Squatted(u32),
    /// Nothing came in time.
    #[error("ringfence {0} did not answer in time")]
    Silent(u32),
    /// A call failed.
    #[error("asking ringfence {0}: {1}")]
    System(u32, Errno),
    /// What came is no answer.
    #[error("ringfence {0} answered something that is no answer: it is another version")]
    Unreadable(u32),
}

/// What a running boundary is.
#[derive(Debug, Clone, Deserialize)]
pub struct Identity {
    /// SHA-256 of the boundary file's text.
    pub boundary: String,
    /// The boundary file.
    pub file: String,
    /// Name of the service.
    pub service: String,
    /// Version of ringfence.
    pub ringfence: String,
    /// The service's first process, while it lives.
    pub program_pid: Option<u32>,
    /// How often the boundary was narrowed.
    pub generation: u64,
    /// What was dropped since the start, as far as it fits into an answer: as `ringfence drop`
    /// names it.
    #[serde(default)]
    pub dropped: Vec<String>,
    /// What each layer answered at the start.
    #[serde(default)]
    pub layers: Vec<LayerState>,
}

/// What one layer answered at the start.
#[derive(Debug, Clone, Deserialize)]
pub struct LayerState {
    /// Its id.
    pub layer: String,
    /// `enforced`, `partial`, `absent` or `not-needed`.
    pub state: String,
    /// What is missing.
    pub why: Option<String>,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refused {
    /// Stable, kebab-case: `nothing-dropped`, `drop-incomplete`, `unsupported`, `refused` and others.
    pub code: String,
    /// One sentence without a period.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<String>,
}

/// What came back.
#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    error: Option<Refused>,
    milliseconds: Option<f64>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Supervisor {
    /// The supervisor with this process id, or of the service that this process belongs to.
    ///
    /// # Errors
    /// Nobody answers there.
    pub fn find(pid: u32) -> Result<Self, AskError> {
        let mut at = pid;
        let mut squatted = None;
        for _ in 0..PARENTS {
            match packet::connect(&address(at)) {
                Ok(socket) => match packet::peer(socket.as_fd()) {
                    // A number alone is not enough: whoever had it before can have left somebody
                    // who answers in its name.
                    Ok(peer)
                        if u32::try_from(peer.pid) == Ok(at)
                            && packet::peer_runs(socket.as_fd()) =>
                    {
                        return Ok(Self { pid: at, socket });
                    }
                    _ => squatted = Some(at),
                },
                Err(Errno(libc::EAGAIN)) => return Err(AskError::Busy(at)),
                Err(Errno(libc::ECONNREFUSED)) => {}
                Err(errno) => return Err(AskError::System(at, errno)),
            }
            match parent(at) {
                None if at == pid => return Err(AskError::NoProcess(pid)),
                None | Some(0) => break,
                Some(parent) => at = parent,
            }
        }
        Err(squatted.map_or(AskError::NotAService(pid), AskError::Squatted))
    }

    /// What it runs.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub fn identity(&self) -> Result<Result<Identity, Refused>, AskError> {
        let answer = self.ask(&json!({"v": 1, "id": 1, "op": "identity"}))?;
        match answer.error {
            Some(refused) => Ok(Err(refused)),
            None => serde_json::from_value(serde_json::Value::Object(answer.rest))
                .map(Ok)
                .map_err(|_| AskError::Unreadable(self.pid)),
        }
    }

    /// Takes a grant back; answers what went, and the milliseconds it took there.
    ///
    /// # Errors
    /// It does not answer.
    pub fn drop_grant(
        &self,
        scope: &str,
        reference: Option<&str>,
    ) -> Result<Result<(Dropped, f64), Refused>, AskError> {
        let mut request = json!({"v": 1, "id": 1, "op": "drop", "scope": scope});
        if let Some(reference) = reference {
            request["reference"] = json!(reference);
        }
        let answer = self.ask(&request)?;
        let dropped = answer.rest.get("dropped").cloned();
        let dropped = dropped.and_then(|dropped| serde_json::from_value(dropped).ok());
        match (answer.error, dropped) {
            (Some(refused), _) => Ok(Err(refused)),
            (None, Some(dropped)) => Ok(Ok((dropped, answer.milliseconds.unwrap_or_default()))),
            (None, None) => Err(AskError::Unreadable(self.pid)),
        }
    }

    fn ask(&self, request: &serde_json::Value) -> Result<Answer, AskError> {
        let socket = self.socket.as_fd();
        match packet::send(socket, request.to_string().as_bytes()) {
            // Refused at once: the answer is there all the same.
            Ok(()) | Err(Errno(libc::EPIPE | libc::ECONNRESET)) => {}
            Err(errno) => return Err(AskError::System(self.pid, errno)),
        }
        let until = Instant::now() + PATIENCE;
        let mut room = [0; LONGEST];
        loop {
            match packet::receive(socket, &mut room) {
                Ok(got) if got.length == 0 => return Err(AskError::Closed(self.pid)),
                Ok(got) => {
                    let bytes = room.get(..got.length).unwrap_or_default();
                    let answer: Answer = serde_json::from_slice(bytes)
                        .map_err(|_| AskError::Unreadable(self.pid))?;
                    if answer.ok != answer.error.is_none() {
                        return Err(AskError::Unreadable(self.pid));
                    }
                    return Ok(answer);
                }
                Err(Errno(libc::EAGAIN)) => {
                    let left = until.saturating_duration_since(Instant::now());
                    match wait::readable(&[socket], Some(left)) {
                        _ if left.is_zero() => return Err(AskError::Silent(self.pid)),
                        Ok(_) => {}
                        Err(errno) => return Err(AskError::System(self.pid, errno)),
                    }
                }
                // Told once, of a request that was not read: a refusal that came before it is still
                // there to be received, and so is the end.
                Err(Errno(libc::ECONNRESET)) if Instant::now() < until => {}
                Err(Errno(libc::ECONNRESET)) => return Err(AskError::Closed(self.pid)),
                Err(errno) => return Err(AskError::System(self.pid, errno)),
            }
        }
    }
}

/// The parent of a process; 0 for the first, nothing when there is no such process.
fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_no_service_is_told_from_one_that_is_not_there() {
        let own = std::process::id();
        assert_eq!(Supervisor::find(own).err(), Some(AskError::NotAService(own)));
        let none = u32::MAX / 2;
        assert_eq!(Supervisor::find(none).err(), Some(AskError::NoProcess(none)));
        assert!(parent(own).is_some_and(|parent| parent > 0));
    }

    #[test]
    fn an_address_that_another_process_has_taken_is_not_believed() {
        // A number that no process can have, below a process that does not exist.
        let none = u32::MAX / 2 - 1;
        let _squatter = packet::listen(&address(none), 4).unwrap();
        assert_eq!(Supervisor::find(none).err(), Some(AskError::NoProcess(none)));
    }
}
