//! Who started this command: ids, groups and environment.

use crate::error::{CommandError, Kind};
use ringfence_boundary::resolve::Caller;
use std::ffi::OsString;

/// The caller's environment, in order.
pub(crate) fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// Effective ids and supplementary groups of this process.
pub(crate) fn ids() -> Result<Caller, CommandError> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| {
        CommandError::new(Kind::Host, "cannot read /proc/self/status")
            .caused_by(&error)
            .hint("mount /proc: mount -t proc proc /proc")
    })?;
    parse(&status).ok_or_else(|| {
        CommandError::new(Kind::Internal, "/proc/self/status does not say who this process is")
    })
}

fn parse(status: &str) -> Option<Caller> {
    let numbers = |field| -> Option<Vec<u32>> {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().map(|number| number.parse().ok()).collect()
    };
    // Real, effective, saved, file system.
    let effective = |field| numbers(field)?.get(1).copied();
    Some(Caller { uid: effective("Uid:")?, gid: effective("Gid:")?, groups: numbers("Groups:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_ids_are_taken_and_groups_may_be_empty() {
        let status = "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n";
        let expected = Caller { uid: 2, gid: 6, groups: vec![9, 10] };
        assert_eq!(parse(status), Some(expected));
        let alone = parse("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t \n").unwrap();
        assert!(alone.groups.is_empty());
        assert_eq!(parse("Uid:\tx\n"), None);
    }
}
