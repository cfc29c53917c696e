//! The native half of the npm package `ringfence`: what `ringfence/crypto` and `ringfence/guard` call.
//!
//! Only the edge is here: values of JavaScript in and out. Names, classes, checks of types and errors
//! with their codes are in JavaScript beside it (`npm/`), what is computed is in the crates `crypto`
//! and `guard`.

mod crypto;
mod guard;
