//! Cryptography.

use napi_derive::napi;

/// Version of this addon, for the loader to compare.
#[napi]
pub const fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
