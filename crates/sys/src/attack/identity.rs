//! Becoming somebody else: root, a member of more groups, the holder of a capability.

use super::mounts::unshare;
use super::{Attempt, Failure, Params, Step};
use crate::call::{call, input, int, uint};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

/// Becomes user 0, by set-user-id calls or in a user namespace of its own.
pub fn become_root(_params: &Params) -> Attempt {
    // SAFETY: takes nothing.
    let outside = unsafe { libc::getuid() };
    if outside == 0 {
        return Ok("runs as root".to_owned());
    }
    // SAFETY: numbers only; this process is the act's own child.
    let changed = unsafe { call(libc::SYS_setresuid, [0, 0, 0, 0, 0, 0]) };
    if changed.is_err() {
        unshare(libc::CLONE_NEWUSER).step("setresuid and unshare")?;
        fs::write("/proc/self/uid_map", format!("0 {outside} 1")).step("write uid_map")?;
    }
    Ok("became root".to_owned())
}

/// Belongs to a group beyond those in the parameter `groups`.
pub fn extra_group(params: &Params) -> Attempt {
    let granted: Vec<u32> =
        params.text("groups")?.split(',').filter_map(|group| group.parse().ok()).collect();
    match groups()?.into_iter().find(|group| !granted.contains(group)) {
        Some(group) => Ok(format!("belongs to group {group}")),
        None => Err(Failure::effect("no-effect", "belongs to the granted groups only")),
    }
}

fn groups() -> Result<Vec<u32>, Failure> {
    let status = fs::read_to_string("/proc/self/status").step("read /proc/self/status")?;
    let line = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_default().split_whitespace().filter_map(|id| id.parse().ok())
    };
    Ok(line("Gid:").chain(line("Groups:")).collect())
}

/// Gives itself the supplementary group 0.
pub fn set_groups(_params: &Params) -> Attempt {
    let groups: [u32; 1] = [0];
    // SAFETY: one group of ours; this process is the act's own child.
    unsafe { call(libc::SYS_setgroups, [1, input(&groups), 0, 0, 0, 0]) }.step("setgroups")?;
    Ok("joined group 0".to_owned())
}

/// Holds a capability, or could gain one: the bounding set counts unless `no_new_privs` makes it
/// useless.
pub fn capabilities(_params: &Params) -> Attempt {
    let status = fs::read_to_string("/proc/self/status").step("read /proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim).ok_or_else(|| Failure::not_applicable(format!("no {name} in /proc")))
    };
    let bounded = field("NoNewPrivs:")? == "0";
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:", "CapBnd:"] {
        let bits = field(set)?;
        if u64::from_str_radix(bits, 16) != Ok(0) && (bounded || set != "CapBnd:") {
            return Ok(format!("{set} {bits}"));
        }
    }
    Err(Failure::effect("no-effect", "holds no capability and cannot gain one"))
}

/// Could gain rights by executing a set-user-id program.
pub fn gain_privileges(_params: &Params) -> Attempt {
    // SAFETY: numbers only.
    let held = unsafe { call(libc::SYS_prctl, [int(libc::PR_GET_NO_NEW_PRIVS), 0, 0, 0, 0, 0]) };
    match held.step("prctl")? {
        0 => Ok("may gain privileges by exec".to_owned()),
        _ => Err(Failure::effect("no-effect", "no_new_privs is set")),
    }
}

/// Gives a file of its own to another user.
pub fn give_away(params: &Params) -> Attempt {
    let name = super::mounts::own_name(params, "write_dir", "owned")?;
    let file = std::path::Path::new(OsStr::from_bytes(name.to_bytes()));
    fs::File::create_new(file).step("create")?;
    let here = int(libc::AT_FDCWD);
    let args = [here, crate::call::path(&name), uint(12_345), uint(12_345), 0, 0];
    // SAFETY: a C string and numbers.
    let answer = unsafe { call(libc::SYS_fchownat, args) };
    let _ = fs::remove_file(file);
    answer.step("chown").map(|_| "gave a file to another user".to_owned())
}

/// The effective user of this process.
#[must_use]
pub fn user() -> u32 {
    // SAFETY: takes nothing.
    unsafe { libc::geteuid() }
}
