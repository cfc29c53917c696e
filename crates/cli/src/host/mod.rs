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
pub(crate) use elsewhere::{fits, internal, prove, run, runtime_grants, status};
#[cfg(target_os = "linux")]
pub(crate) use linux::{fits, internal, prove, run, runtime_grants, status};

use serde::Serialize;

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
