//! What hostile input, hostile services and sudden deaths do to ringfence: never a panic, never a
//! half-started service, never a weaker boundary.
//!
//! Everything goes through the built command. What a host cannot try is said by name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it cannot go on")]

mod bad_input;
mod containers;
mod control;
mod deployed;
mod deps;
mod exhaustion;
mod learn;
mod leftovers;
mod peer;
mod revocation;
mod stage;
mod streams;
mod sudden_death;
mod unruly;
mod uploads;
