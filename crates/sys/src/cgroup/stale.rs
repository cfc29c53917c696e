//! Groups whose supervisor is gone, found by their names and taken away.
//!
//! A supervisor that was killed cannot remove its groups. Their names say who made them: pid
//! namespace, pid and start time, so that neither a reused pid nor a supervisor in another
//! container, whose pids mean nothing here, is mistaken for a dead one.

use super::{Folder, place};
use crate::errno::Errno;
use crate::fd::identity_at;
use std::path::{Path, PathBuf};

/// The name of a group for a service of this process: `PREFIX-SERVICE.NAMESPACE.PID.START`.
///
/// # Errors
/// `/proc` cannot be read.
pub fn own_name(prefix: &str, service: &str) -> Result<String, Errno> {
    let pid = std::process::id();
    let start = start_time(pid).ok_or(Errno(libc::ESRCH))?;
    Ok(format!("{prefix}-{service}.{}.{pid}.{start}", pid_namespace()?))
}

/// Kills what is left in groups of supervisors that are gone, and removes the groups. Only
/// children of this process's own groups are looked at. Answers what could not be removed.
///
/// # Errors
/// `/proc` cannot be read.
pub fn remove_stale(prefix: &str) -> Result<Vec<PathBuf>, Errno> {
    let places = place::own().map_err(Errno::from)?;
    let namespace = pid_namespace()?;
    let own = places.v1.into_values().map(|folder| (folder, false));
    let mut left = Vec::new();
    for (folder, v2) in own.chain(places.v2.map(|folder| (folder, true))) {
        // Several controllers may share a hierarchy: the second look finds nothing.
        for path in children(&folder) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if is_stale(name, prefix, namespace) && Folder::at(path.clone(), v2).clear().is_err() {
                left.push(path);
            }
        }
    }
    Ok(left)
}

/// Whether the name is one of ours, made in this pid namespace, by a process that is gone.
fn is_stale(name: &str, prefix: &str, namespace: u64) -> bool {
    let Some(rest) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')) else {
        return false;
    };
    // From the right: a service's name may contain anything.
    let mut fields = rest.trim_end_matches(super::SUPERVISOR).rsplitn(4, '.');
    let mut number = || fields.next().and_then(|field| field.parse::<u64>().ok());
    let (Some(start), Some(pid), Some(made_in)) = (number(), number(), number()) else {
        return false;
    };
    let alive = u32::try_from(pid).ok().and_then(start_time) == Some(start);
    made_in == namespace && !alive
}

/// The groups in a group.
pub(super) fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

/// When a process was started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may itself contain them and spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    // Field 3 is the first: a zombie no longer guards anything.
    if matches!(fields.next(), Some("Z" | "X")) {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn pid_namespace() -> Result<u64, Errno> {
    identity_at(None, c"/proc/self/ns/pid", 0).map(|identity| identity.ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_dead_supervisors_of_this_namespace_are_stale() {
        let namespace = pid_namespace().unwrap();
        let own = own_name("ringfence", "or.ders").unwrap();
        assert!(!is_stale(&own, "ringfence", namespace), "its supervisor lives: {own}");
        let pid = std::process::id();
        let start = start_time(pid).unwrap();
        let reused = format!("ringfence-orders.{namespace}.{pid}.{}", start - 1);
        assert!(is_stale(&reused, "ringfence", namespace));
        assert!(is_stale(&format!("{reused}{}", super::super::SUPERVISOR), "ringfence", namespace));
        let elsewhere = format!("ringfence-orders.{}.{pid}.{}", namespace + 1, start - 1);
        assert!(!is_stale(&elsewhere, "ringfence", namespace));
        for other in ["ringfence", "ringfence-orders", "system.slice", "ringfence-a.1.2", ""] {
            assert!(!is_stale(other, "ringfence", namespace), "{other}");
        }
    }
}
