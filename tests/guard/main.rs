//! The guards of an application's edges, used as an application uses them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

mod layer;
mod properties;
mod webhook;
