//! The shape of the project itself: what may depend on what, and that nothing is forgotten.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it cannot go on")]

mod direction;
mod forgotten;
mod hosts;
mod size;
