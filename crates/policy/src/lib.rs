//! What one service may do, as values and decisions.
//!
//! This crate parses `ringfence.toml`, decides about every access, and says the boundary in plain
//! sentences. It is pure: no I/O, no clock, no kernel. Whether a path exists or a port is free is
//! the business of `boundary::resolve`, which reports at the spans kept here.

pub mod address;
pub mod dependencies;
pub mod diagnostic;
pub mod diff;
pub mod display;
pub mod environment;
pub mod event;
pub mod layer;
pub mod model;
pub mod net;
mod parse;
pub mod paths;
mod process;
pub mod redacted;
pub mod schema;
pub mod scope;
pub mod secret_files;
pub mod source;
pub mod statement;
pub mod time;

pub use diagnostic::Diagnostic;
pub use parse::{MAX_BYTES, duration, parse, parse_dependencies, size};
