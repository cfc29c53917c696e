//! The script in front of each Node process: it tells packages and names.

/// What stands on disk during the run.
pub const SCRIPT: &str = include_str!("../../../node/npm/learn.cjs");
/// The variable that tells it where to write: the record, absolute.
pub const VARIABLE: &str = "RINGFENCE_LEARN";
