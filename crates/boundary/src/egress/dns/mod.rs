//! The resolver of the boundary: a stub that asks for granted names only.
//!
//! The service sends its questions to 127.0.0.1:53 of its own network. Nothing of a question but
//! the name and the type goes on: queries are built anew, with ids and ports of our own, and what
//! comes back is reduced to addresses that the policy accepts. What is not granted, or resolves only
//! to addresses that may not be reached, does not exist: `NXDOMAIN` is the one answer that both the C
//! library and c-ares turn into `ENOTFOUND` at once (on `REFUSED` the C library tries again and then
//! says "temporary failure"). `REFUSED` answers record types that are not served, because there the
//! name does exist; `SERVFAIL` answers what may work later. Answers never carry EDNS: to a client this
//! is a resolver that does not know it (RFC 6891, 7).
//!
//! A lookup is itself a way out for data: [`Bounds`] says how much. DNSSEC is not validated here.

mod answer;
mod budget;
mod cache;
mod clients;
mod fuzz;
mod hosts;
mod lookup;
mod message;
mod pending;
mod resolv_conf;
mod resolver;
mod search;
mod stub;
#[cfg(test)]
mod tests;
mod told;
mod upstream;

pub use budget::Bounds;
pub use fuzz::{fuzz_hosts, fuzz_query};
pub use resolv_conf::ResolvConf;
pub(super) use stub::Stub;

/// The name that a DNS query asks for, in lower case and without a dot at the end; nothing when these
/// bytes are no query, or one for the root.
#[must_use]
pub fn asked_name(query: &[u8]) -> Option<String> {
    let name = message::parse_query(query).ok()?.name.shown();
    (name != ".").then_some(name)
}
