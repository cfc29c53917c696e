//! Guards of the application's edges.

use napi_derive::napi;

/// Whether the guards are built in.
#[napi]
pub const fn guard_ready() -> bool {
    true
}
