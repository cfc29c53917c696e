//! The control channel: what a service, or a person outside, may ask of a running boundary.
//!
//! Questions are answered by the code that enforces, so an answer cannot disagree with what a
//! connection or an open would meet. Besides questions there is one act, dropping a grant, which
//! only ever narrows. The broker answers the processes of the service, each over a channel of its
//! own; the supervisor takes callers from outside and passes their requests on. Whoever holds a
//! channel can narrow the boundary of the whole service: code of the service that is hostile can
//! therefore switch the service off, as it could anyway.

pub mod client;
pub(crate) mod facts;
mod fuzz;
pub(crate) mod message;
pub(crate) mod naming;
pub(crate) mod truth;
pub(crate) mod wire;

pub use fuzz::fuzz_request;

/// The abstract name at which the supervisor with this process id can be asked.
pub(crate) fn address(supervisor: u32) -> Vec<u8> {
    format!("ringfence/{supervisor}").into_bytes()
}
