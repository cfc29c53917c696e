//! What needs this host and not only the boundary file.
//!
//! On Linux that is the engine. Elsewhere nothing can be enforced: the verbs that would say so and
//! name what to run them in, and the others do without. Both sides offer the same functions, so no
//! verb knows which one it got.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{
    attestation_schema, drop_grant, fits, here, internal, learn, prove, run, runtime_grants,
    service, status,
};
#[cfg(target_os = "linux")]
pub(crate) use linux::{
    attestation_schema, drop_grant, fits, here, internal, learn, prove, run, runtime_grants,
    service, status,
};

use serde::Serialize;

/// Lets a write beyond the limit for files (`RLIMIT_FSIZE`) be an error of that write, after which is
/// cleaned up, and not the end of this process.
pub(crate) fn fail_beyond_limits() {
    #[cfg(target_os = "linux")]
    {
        // Where it cannot be blocked, it ends this process as it would have.
        let _ = ringfence_sys::wait::block_signals(&[libc::SIGXFSZ]);
    }
}

/// What the author of a file that fits this host should know.
#[derive(Debug, Default)]
pub(crate) struct Fit {
    /// One sentence each, those that matter most first.
    pub(crate) notes: Vec<String>,
    /// Variables of this environment that the service does not get as they are.
    pub(crate) removed_variables: Vec<String>,
}

/// Something granted because the program's runtime needs it.
#[derive(Debug, Serialize)]
pub(crate) struct RuntimeGrant {
    /// Path as the service sees it.
    pub(crate) path: String,
    /// What it may do with it, in words.
    pub(crate) access: &'static str,
    /// What needs it, in words.
    pub(crate) why: String,
}

/// What can be said about a running service.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ServiceReport {
    /// Version of this form.
    pub(crate) schema: u32,
    /// The process that was asked about.
    pub(crate) pid: u32,
    /// Its `ringfence run`, if it has one.
    pub(crate) supervisor: Option<u32>,
    /// The boundary file it was started with.
    pub(crate) boundary: Option<String>,
    /// Whether that file is still what is enforced; `None` when that cannot be told.
    pub(crate) unchanged: Option<bool>,
    /// Sentences about it.
    pub(crate) facts: Vec<String>,
    /// Layers in force, each with what was seen of it.
    pub(crate) layers: Vec<(String, String)>,
    /// Its recent events, where they can be read; explained beside this.
    #[serde(skip)]
    pub(crate) denials: Vec<ringfence_policy::event::Event>,
    /// What could not be asked, and what to do.
    pub(crate) notes: Vec<String>,
}
