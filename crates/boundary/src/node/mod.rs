//! Node itself: which version a program is, and the permission flags that version understands.
//!
//! Node's own permission model is one layer among several and never complete (`Partial` on every
//! version): it stops honest mistakes inside the process early and with good messages. What it
//! leaves open is said in the answer and carried by the kernel layers. Everything here was
//! measured on real Nodes; `docs/manual-and-node.md` lists where their documents say otherwise.

#[cfg(target_os = "linux")]
pub mod argv;
#[cfg(target_os = "linux")]
mod ask;
#[cfg(target_os = "linux")]
mod cache;
#[cfg(target_os = "linux")]
pub mod detect;
#[cfg(target_os = "linux")]
mod error;
pub mod flags;
#[cfg(target_os = "linux")]
pub(crate) mod preload;

#[cfg(target_os = "linux")]
pub use detect::{Detected, Detection, detect};
#[cfg(target_os = "linux")]
pub use error::NodeError;
pub use flags::{Grants, flags};

/// Major, minor, patch.
pub type Version = [u64; 3];

/// The first version whose permission flags can be repeated; before it the last one won.
pub const OLDEST: Version = [20, 7, 0];

/// `26.10.0`
#[must_use]
pub fn show([major, minor, patch]: Version) -> String {
    format!("{major}.{minor}.{patch}")
}
