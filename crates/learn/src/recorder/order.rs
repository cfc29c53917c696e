//! What shall be recorded, and what came of it.

use super::traffic::{Traffic, TrafficEnd};
use ringfence_boundary::plan::SecretValue;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What to run, and what it needs that the caller's own environment lacks.
#[derive(Debug, Clone)]
pub struct Order {
    /// Program and arguments; the program is looked up in `PATH` when it has no slash.
    pub command: Vec<OsString>,
    /// Where `.ringfence/records` is made: the folder of the boundary file. Absolute.
    pub folder: PathBuf,
    /// The boundary file of the run, when there is one.
    pub boundary: Option<PathBuf>,
    /// Variables to set besides the caller's own.
    pub env: Vec<(OsString, OsString)>,
    /// Names that resolve to fixed addresses. With any, the program gets a mount namespace.
    pub hosts: Vec<(String, IpAddr)>,
    /// Files that exist for the program alone. With any, it gets a mount namespace.
    pub secrets: Vec<SecretFile>,
    /// Whether calls that only look at files (`stat` and its like) are recorded too.
    pub stats: bool,
    /// The program is stopped after this time.
    pub stop_after: Option<Duration>,
    /// What gives it its traffic, unrecorded; the program is stopped when that ends.
    pub traffic: Option<Traffic>,
    /// The signal that stops it, then.
    pub stop_signal: i32,
    /// Time between that signal and the kill.
    pub stop_timeout: Duration,
}

impl Order {
    /// An order with nothing but a command, for a folder.
    #[must_use]
    pub const fn new(command: Vec<OsString>, folder: PathBuf) -> Self {
        Self {
            command,
            folder,
            boundary: None,
            env: Vec::new(),
            hosts: Vec::new(),
            secrets: Vec::new(),
            stats: true,
            stop_after: None,
            traffic: None,
            stop_signal: libc::SIGTERM,
            stop_timeout: Duration::from_secs(10),
        }
    }
}

/// A file that exists for the program alone.
#[derive(Clone)]
pub struct SecretFile {
    /// Absolute path inside.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// What it holds; never shown.
    pub value: SecretValue,
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// How a recorded run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The record, absolute.
    pub record: PathBuf,
    /// The program's exit code, or 128 and the number of the signal that ended it.
    pub exit_code: i32,
    /// Calls that were looked at.
    pub calls: u64,
    /// Whether the program was stopped because its time was over, or its traffic.
    pub stopped: bool,
    /// How the traffic ended, where there was any.
    pub traffic: Option<TrafficEnd>,
    /// What is not in the record and why, one sentence each: a full disk, no room. Whoever called
    /// must tell it and fail (exit code 2).
    pub lost: Vec<String>,
}
