//! Random identifiers, and comparing secrets.

use super::refusal::{Result, refuse};
use napi_derive::napi;
use ringfence_crypto::random;

/// A random text of at least `bits` bits in the letters of base64url.
#[napi(catch_unwind)]
pub fn random_token(bits: u16) -> Result<String> {
    random::token(bits).map_err(refuse)
}

/// A UUID of version 4.
#[napi(catch_unwind)]
pub fn uuid_v4() -> Result<String> {
    Ok(random::uuid_v4().map_err(refuse)?.to_string())
}

/// A UUID of version 7.
#[napi(catch_unwind)]
pub fn uuid_v7() -> Result<String> {
    Ok(random::uuid_v7().map_err(refuse)?.to_string())
}

/// Whether two secrets are equal, of any lengths.
#[napi(catch_unwind)]
pub fn secret_equals(left: &[u8], right: &[u8]) -> bool {
    ringfence_crypto::secret_equals(left, right)
}

/// Version of this addon, for the loader to compare.
#[napi(catch_unwind)]
pub const fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Panics, for the test that a fault here is an error there. It is in no published build.
#[cfg(debug_assertions)]
#[napi(catch_unwind)]
pub fn fail_on_purpose() {
    fault();
}

#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "this is what it is for")]
fn fault() {
    panic!("on purpose");
}
