//! As whom the trials of this folder are made.
//!
//! A start becomes the service's user first and makes its namespaces then, so a trial by root is
//! made as an unprivileged user too: what root alone may do proves nothing about a service.

use super::facts::Facts;
use ringfence_sys::Errno;
use ringfence_sys::probe::{self, Ids};

/// The overflow ids, which no file of the host belongs to, taken on by root.
pub(super) const NOBODY: Ids = Ids { uid: 65534, gid: 65534, switch: true };

/// The ids of a service that this user would start.
pub(super) const fn ids(facts: &Facts) -> Ids {
    if facts.switches_user { NOBODY } else { Ids { uid: facts.uid, gid: facts.gid, switch: false } }
}

/// Makes a user namespace.
pub(super) fn user_namespace(facts: &Facts) -> Result<(), Errno> {
    probe::user_namespace(ids(facts))
}
