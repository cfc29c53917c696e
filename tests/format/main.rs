//! Standard formats, tried with other people's test vectors.

#![allow(clippy::unwrap_used, clippy::panic, reason = "vectors that cannot be read must fail")]

mod lockfiles;
mod properties;
mod rfc;
mod wycheproof;
