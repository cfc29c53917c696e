//! This machine's clock, by which certificates are valid or not.

pub(super) use ringfence_policy::time::{DAY, written};

/// This moment, in seconds since 1970.
pub(super) fn now() -> i64 {
    ringfence_policy::time::seconds(std::time::SystemTime::now())
}
