//! A boundary on a real host: resolved, enforced, attacked.
//!
//! `resolve` turns the parsed file into a [`plan::Plan`]; `enforce` carries it out; `egress` is the
//! broker that opens sockets for the service; `prove` attacks every claim; `status` says what this
//! host can give. Elsewhere than on Linux there are only `explain` and Node's
//! flags, which need no host.

#[cfg(target_os = "linux")]
pub mod control;
#[cfg(target_os = "linux")]
pub mod egress;
#[cfg(target_os = "linux")]
pub mod enforce;
pub mod explain;
mod generated;
pub mod node;
#[cfg(target_os = "linux")]
pub mod plan;
#[cfg(target_os = "linux")]
pub mod prove;
#[cfg(target_os = "linux")]
pub mod resolve;
#[cfg(target_os = "linux")]
pub mod status;
