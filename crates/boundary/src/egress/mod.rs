//! The broker: sockets and names for a service that has neither.
//!
//! One thread answers the system calls that the service's filter sends here, one waits for
//! connections of blocking callers, one is the resolver and the relay for datagrams. None of them
//! trusts a byte of the service or waits for anything it shares.

pub(crate) mod broker;
mod connect;
pub(crate) mod control;
pub mod dns;
mod exec;
mod injected;
mod journal;
mod listen;
pub mod names;
pub mod netloop;
mod options;
mod place;
mod relay;
mod sender;
pub mod shared;
mod target;
#[cfg(test)]
mod testing;
mod token;
pub(crate) mod trace;
mod unix;
pub(crate) mod waiter;
