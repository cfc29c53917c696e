//! What a process may do, and giving it up.
//!
//! Everything here may run between clone and exec. Rights are only ever taken away; nothing in
//! this module gives one back.

use crate::call::{call, input, int, path, uint};
use crate::errno::Errno;
use crate::launch::ExecStep;

/// The kernel ends this process when the thread that made it ends. Cleared by a change of user
/// ids and by a new user namespace (prctl(2)): set it after those.
pub fn set_parent_death_signal(signal: i32) -> Result<(), Errno> {
    prctl(libc::PR_SET_PDEATHSIG, int(signal))
}

/// Whether others may look into this process, and whether it can leave a core dump.
pub fn set_dumpable(on: bool) -> Result<(), Errno> {
    prctl(libc::PR_SET_DUMPABLE, usize::from(on))
}

/// Orphans below this process become its children instead of init's.
pub fn set_child_subreaper() -> Result<(), Errno> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, 1)
}

fn prctl(option: i32, value: usize) -> Result<(), Errno> {
    // SAFETY: the options used in this module take one number.
    unsafe { call(libc::SYS_prctl, [int(option), value, 0, 0, 0, 0]) }.map(drop)
}

/// Exactly these supplementary groups.
pub fn set_groups(groups: &[u32]) -> Result<(), Errno> {
    // SAFETY: the kernel reads as many numbers as the slice has.
    unsafe { call(libc::SYS_setgroups, [groups.len(), input(groups), 0, 0, 0, 0]) }.map(drop)
}

/// Real, effective and saved group.
pub fn set_gid(gid: u32) -> Result<(), Errno> {
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_setresgid, [uint(gid), uint(gid), uint(gid), 0, 0, 0]) }.map(drop)
}

/// Real, effective and saved user; away from root this drops every capability.
pub fn set_uid(uid: u32) -> Result<(), Errno> {
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_setresuid, [uint(uid), uint(uid), uint(uid), 0, 0, 0]) }.map(drop)
}

/// `struct __user_cap_header_struct` and two `struct __user_cap_data_struct` of capset(2).
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

/// Takes every capability out of every set, the bounding and ambient ones included.
pub fn drop_all_capabilities() -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522;
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            // The first number the kernel does not know ends the list.
            Err(Errno(libc::EINVAL)) => break,
            other => other?,
        }
    }
    prctl(libc::PR_CAP_AMBIENT, int(libc::PR_CAP_AMBIENT_CLEAR_ALL))?;
    let header = CapabilityHeader { version: VERSION_3, pid: 0 };
    let none = [0_u32; 6];
    // SAFETY: the kernel reads one header and two empty sets.
    unsafe { call(libc::SYS_capset, [input(&header), input(&none), 0, 0, 0, 0]) }.map(drop)
}

/// The effective capabilities of this process, one bit each; 0 when they cannot be read.
#[must_use]
pub fn effective_capabilities() -> u64 {
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = CapabilityHeader { version: VERSION_3, pid: 0 };
    let mut sets = [0_u32; 6];
    let args = [crate::call::output(&mut header), crate::call::output(&mut sets), 0, 0, 0, 0];
    // SAFETY: the kernel reads one header and writes two sets of three words.
    match unsafe { call(libc::SYS_capget, args) } {
        Ok(_) => u64::from(sets[0]) | u64::from(sets[3]) << 32,
        Err(_) => 0,
    }
}

/// Effective user and group.
#[must_use]
pub fn effective_ids() -> (u32, u32) {
    // SAFETY: takes nothing and cannot fail.
    let uid = unsafe { libc::geteuid() };
    // SAFETY: as above.
    let gid = unsafe { libc::getegid() };
    (uid, gid)
}

/// Supplementary groups of this process.
pub fn groups() -> Result<Vec<u32>, Errno> {
    // SAFETY: with no room the call only answers how many there are.
    let count = unsafe { call(libc::SYS_getgroups, [0; 6]) }?;
    let mut groups = vec![0_u32; count];
    // SAFETY: room for as many numbers as said.
    let count = unsafe {
        call(libc::SYS_getgroups, [count, crate::call::output(groups.as_mut_slice()), 0, 0, 0, 0])
    }?;
    groups.truncate(count);
    Ok(groups)
}

/// Soft and hard value of a resource limit, or what the hard limit was when that is lower: a limit
/// is only ever lowered.
pub fn lower_limit(resource: u32, value: u64) -> Result<(), Errno> {
    let mut old = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let args = [0, uint(resource), 0, crate::call::output(&mut old), 0, 0];
    // SAFETY: the kernel writes one limit; a null pointer for the new one.
    unsafe { call(libc::SYS_prlimit64, args) }?;
    let value = value.min(old.rlim_max);
    let limit = libc::rlimit64 { rlim_cur: value, rlim_max: value };
    // SAFETY: the kernel reads one limit; a null pointer for the old one.
    unsafe { call(libc::SYS_prlimit64, [0, uint(resource), input(&limit), 0, 0, 0]) }.map(drop)
}

/// Raises the soft value of a resource limit to `wanted`, or to the hard one where that is lower,
/// and answers the soft value that is in force. A higher one stays.
pub fn raise_limit(resource: u32, wanted: u64) -> Result<u64, Errno> {
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a null pointer for the new limit; the kernel writes the old one.
    unsafe {
        call(libc::SYS_prlimit64, [0, uint(resource), 0, crate::call::output(&mut limit), 0, 0])
    }?;
    if limit.rlim_cur >= wanted {
        return Ok(limit.rlim_cur);
    }
    limit.rlim_cur = wanted.min(limit.rlim_max);
    // SAFETY: the kernel reads one limit; a null pointer for the old one.
    unsafe { call(libc::SYS_prlimit64, [0, uint(resource), input(&limit), 0, 0, 0]) }?;
    Ok(limit.rlim_cur)
}

/// Every signal has its default effect and none is blocked, as a program expects at its start.
pub fn reset_signals() -> Result<(), Errno> {
    const HIGHEST: i32 = 64;
    // The kernel's own layout is shorter; handler SIG_DFL, no flags, empty mask are all zero.
    let default = [0_u64; 4];
    for signal in (1..=HIGHEST).filter(|s| *s != libc::SIGKILL && *s != libc::SIGSTOP) {
        let args = [int(signal), input(&default), 0, 8, 0, 0];
        // SAFETY: the kernel reads one `struct sigaction` of at most 32 bytes.
        unsafe { call(libc::SYS_rt_sigaction, args) }?;
    }
    let none = 0_u64;
    let args = [int(libc::SIG_SETMASK), input(&none), 0, 8, 0, 0];
    // SAFETY: the kernel reads one 64-bit mask.
    unsafe { call(libc::SYS_rt_sigprocmask, args) }.map(drop)
}

/// Replaces this process by a program; only answers when that fails.
pub fn execve(exec: &ExecStep) -> Result<(), Errno> {
    let argv = exec.argv().expose_provenance();
    let env = exec.env().expose_provenance();
    // SAFETY: a C string and two null-terminated arrays of C strings that live in `exec`.
    unsafe { call(libc::SYS_execve, [path(&exec.path), argv, env, 0, 0, 0]) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespace::{NEWUTS, sethostname};
    use crate::testing::{in_child, in_namespace};

    fn require(holds: bool) -> Result<(), Errno> {
        if holds { Ok(()) } else { Err(Errno(libc::EPROTO)) }
    }

    #[test]
    fn dropped_capabilities_are_gone_and_do_not_come_back() {
        let with = in_namespace(NEWUTS, || sethostname(b"inside"));
        assert_eq!(with, Ok(()), "control");
        let without = in_namespace(NEWUTS, || {
            require(effective_capabilities() != 0)?;
            drop_all_capabilities()?;
            require(effective_capabilities() == 0)?;
            sethostname(b"inside")
        });
        assert_eq!(without, Err(Errno(libc::EPERM)));
        let raised = in_namespace(0, || {
            drop_all_capabilities()?;
            // The bounding set is empty too: what is executed as root gets nothing.
            // SAFETY: this option takes one number.
            let kept =
                unsafe { call(libc::SYS_prctl, [int(libc::PR_CAPBSET_READ), 0, 0, 0, 0, 0]) }?;
            require(kept == 0)
        });
        assert_eq!(raised, Ok(()));
    }

    #[test]
    fn a_limit_holds_for_the_process_and_is_never_raised_again() {
        let answer = in_namespace(0, || {
            drop_all_capabilities()?;
            lower_limit(libc::RLIMIT_NOFILE, 3)?;
            require(crate::fd::pipe(0).err() == Some(Errno(libc::EMFILE)))?;
            lower_limit(libc::RLIMIT_NOFILE, 64)?;
            require(crate::fd::pipe(0).err() == Some(Errno(libc::EMFILE)))
        });
        assert_eq!(answer, Ok(()));
    }

    #[test]
    fn a_soft_limit_is_raised_as_far_as_the_hard_one() {
        let answer = in_child(0, || {
            lower_limit(libc::RLIMIT_NOFILE, 64)?;
            let soft = libc::rlimit64 { rlim_cur: 16, rlim_max: 64 };
            let lower = [0, uint(libc::RLIMIT_NOFILE), input(&soft), 0, 0, 0];
            // SAFETY: the kernel reads one limit.
            unsafe { call(libc::SYS_prlimit64, lower) }?;
            require(raise_limit(libc::RLIMIT_NOFILE, 8) == Ok(16))?;
            require(raise_limit(libc::RLIMIT_NOFILE, 32) == Ok(32))?;
            require(raise_limit(libc::RLIMIT_NOFILE, 128) == Ok(64))
        });
        assert_eq!(answer, Ok(()));
    }

    #[test]
    fn signals_are_as_a_fresh_program_expects_them() {
        let answer = in_child(0, || {
            // SAFETY: ignoring a signal runs no code.
            unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
            let all = u64::MAX;
            let block = [int(libc::SIG_BLOCK), input(&all), 0, 8, 0, 0];
            // SAFETY: the kernel reads one 64-bit mask.
            unsafe { call(libc::SYS_rt_sigprocmask, block) }?;
            reset_signals()?;
            // SAFETY: raises the signal in this thread only.
            unsafe { libc::raise(libc::SIGUSR1) };
            Ok(())
        });
        assert_eq!(answer, Err(Errno(libc::ECANCELED)), "ended by the signal");
    }

    #[test]
    fn the_groups_and_ids_of_another_user_cannot_be_taken_inside_a_user_namespace() {
        let ids = in_namespace(0, || set_uid(1));
        assert_eq!(ids, Err(Errno(libc::EINVAL)), "not mapped");
        assert_eq!(in_namespace(0, || set_uid(0).and_then(|()| set_gid(0))), Ok(()), "control");
        assert_eq!(in_namespace(0, || set_groups(&[0])), Err(Errno(libc::EPERM)));
    }
}
