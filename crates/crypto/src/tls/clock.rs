//! This machine's clock, by which certificates are valid or not.

use std::time::{SystemTime, UNIX_EPOCH};

pub(super) use ringfence_policy::time::{DAY, written};

/// This moment, in seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
