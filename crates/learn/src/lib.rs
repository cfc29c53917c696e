//! From a service to its boundary file: what a run used is recorded, generalised into the smallest
//! grants and merged into the file; a first file is drafted from the project.
//!
//! `recorder` watches a run, `record` is what it leaves on disk; `draft` makes grants of it, `merge`
//! writes them; `packages` tells which npm package used what; `init` starts from the project alone.

pub mod draft;
pub mod init;
pub mod merge;
pub mod packages;
mod quote;
pub mod record;
#[cfg(target_os = "linux")]
pub mod recorder;
