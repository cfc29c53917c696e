//! Reaching processes outside: signals, tracing, memory, descriptors, namespaces.
//!
//! The target is always the canary process whose number and start time the parameters give. The
//! start time tells it apart from a process inside that happens to have the same number.

use super::mounts::unshare;
use super::{Attempt, Failure, Params, Step};
use crate::call::{call, call_fd, fd, input, int, output, path, uint};
use crate::errno::Errno;
use std::os::fd::AsFd;

/// The canary's number, unless another process has it here.
///
/// # Errors
/// `other-process` when `/proc` shows that the number names another process.
pub fn canary(params: &Params) -> Result<i32, Failure> {
    let pid: i32 = params.number("canary_pid")?;
    let start = params.text("canary_start")?;
    match start_time(pid) {
        Some(found) if found != start => {
            Err(Failure::effect("ESRCH", "the number names a process of this namespace"))
        }
        _ => Ok(pid),
    }
}

/// When a process started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
#[must_use]
pub fn start_time(pid: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// Asks whether the canary may be signalled.
pub fn signal(params: &Params) -> Attempt {
    let pid = canary(params)?;
    // SAFETY: numbers only; signal 0 is a question.
    unsafe { call(libc::SYS_kill, [int(pid), 0, 0, 0, 0, 0]) }.step("kill")?;
    Ok("may signal the canary".to_owned())
}

/// Asks for a limit of the canary, which needs the right to change it.
pub fn limit(params: &Params) -> Attempt {
    let pid = canary(params)?;
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let resource = usize::try_from(libc::RLIMIT_CPU).unwrap_or_default();
    // SAFETY: numbers, and room for one limit.
    unsafe { call(libc::SYS_prlimit64, [int(pid), resource, 0, output(&mut limit), 0, 0]) }
        .step("prlimit64")?;
    Ok("may change limits of the canary".to_owned())
}

/// Opens a handle of the canary and signals through it (signal 0).
pub fn signal_by_handle(params: &Params) -> Attempt {
    let pid = canary(params)?;
    // SAFETY: numbers only; a new descriptor.
    let handle =
        unsafe { call_fd(libc::SYS_pidfd_open, [int(pid), 0, 0, 0, 0, 0]) }.step("pidfd_open")?;
    // SAFETY: a descriptor and numbers.
    unsafe { call(libc::SYS_pidfd_send_signal, [fd(handle.as_fd()), 0, 0, 0, 0, 0]) }
        .step("pidfd_send_signal")?;
    Ok("may signal the canary through a handle".to_owned())
}

/// Attaches to the canary and lets it go again.
pub fn trace(params: &Params) -> Attempt {
    let pid = canary(params)?;
    let seize = usize::try_from(libc::PTRACE_SEIZE).unwrap_or_default();
    // SAFETY: attaches without stopping; the end of this process detaches.
    unsafe { call(libc::SYS_ptrace, [seize, int(pid), 0, 0, 0, 0]) }.step("ptrace")?;
    Ok("attached to the canary".to_owned())
}

/// Reads the canary's token from its memory.
pub fn read_memory(params: &Params) -> Attempt {
    let pid = canary(params)?;
    let place: usize = params.number("canary_token_address")?;
    let token = params.text("token")?;
    let mut buffer = vec![0_u8; token.len()];
    let local = [output(buffer.as_mut_slice()), buffer.len()];
    let remote = [place, buffer.len()];
    let args = [int(pid), input(&local), 1, input(&remote), 1, 0];
    // SAFETY: one vector each; the local one is our buffer, the remote one is not ours to keep valid.
    unsafe { call(libc::SYS_process_vm_readv, args) }.step("process_vm_readv")?;
    if buffer == token.as_bytes() {
        Ok("read the canary's memory".to_owned())
    } else {
        Err(Failure::effect("other-content", "what was read is not the canary's"))
    }
}

/// Takes a descriptor out of the canary.
pub fn take_descriptor(params: &Params) -> Attempt {
    let pid = canary(params)?;
    // SAFETY: numbers only; a new descriptor.
    let handle =
        unsafe { call_fd(libc::SYS_pidfd_open, [int(pid), 0, 0, 0, 0, 0]) }.step("pidfd_open")?;
    // SAFETY: a descriptor and numbers; a new descriptor.
    unsafe { call_fd(libc::SYS_pidfd_getfd, [fd(handle.as_fd()), 0, 0, 0, 0, 0]) }
        .step("pidfd_getfd")?;
    Ok("took descriptor 0 of the canary".to_owned())
}

/// Enters the canary's mount namespace.
pub fn join_namespace(params: &Params) -> Attempt {
    let pid = canary(params)?;
    let name = std::ffi::CString::new(format!("/proc/{pid}/ns/mnt")).unwrap_or_default();
    let args = [int(libc::AT_FDCWD), path(&name), int(libc::O_RDONLY | libc::O_CLOEXEC), 0, 0, 0];
    // SAFETY: a C string and numbers; a new descriptor.
    let namespace = unsafe { call_fd(libc::SYS_openat, args) }.step("open")?;
    let args = [fd(namespace.as_fd()), int(libc::CLONE_NEWNS), 0, 0, 0, 0];
    // SAFETY: a descriptor and a number; this process is the act's own child.
    unsafe { call(libc::SYS_setns, args) }.step("setns")?;
    Ok("entered the canary's mount namespace".to_owned())
}

/// Makes a user namespace, in which this process would hold every capability.
pub fn new_user_namespace(_params: &Params) -> Attempt {
    unshare(libc::CLONE_NEWUSER).step("unshare")?;
    Ok("made a user namespace".to_owned())
}

/// Makes a user namespace by clone3(2), whose flags a filter cannot read.
pub fn clone_user_namespace(_params: &Params) -> Attempt {
    let mut arguments = [0_u64; 11];
    arguments[0] = u64::from(libc::CLONE_NEWUSER.cast_unsigned());
    arguments[4] = u64::from(libc::SIGCHLD.cast_unsigned());
    let size = size_of_val(&arguments);
    // SAFETY: a zeroed clone_args without a stack makes a plain copy of this process.
    let child =
        unsafe { call(libc::SYS_clone3, [input(&arguments), size, 0, 0, 0, 0]) }.step("clone3")?;
    if child == 0 {
        // SAFETY: ends the copy at once.
        unsafe { libc::_exit(0) }
    }
    let mut status = 0;
    let pid = libc::pid_t::try_from(child).unwrap_or(-1);
    // SAFETY: `status` is ours and the pid is our child.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    Ok("made a process in a user namespace".to_owned())
}

/// Makes this process undumpable, which hides its descriptors from a supervisor.
pub fn hide_from_supervisor(_params: &Params) -> Attempt {
    let args = [int(libc::PR_SET_DUMPABLE), 0, 0, 0, 0, 0];
    // SAFETY: numbers only; this process is the act's own child.
    unsafe { call(libc::SYS_prctl, args) }.step("prctl")?;
    Ok("hid from the supervisor".to_owned())
}

/// Raises the core limit far enough for a dump of memory.
pub fn allow_core_dump(_params: &Params) -> Attempt {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for one answer.
    if unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) } != 0 {
        return Err(Failure::at("getrlimit", Errno::last()));
    }
    limit.rlim_cur = limit.rlim_max;
    if limit.rlim_max <= 1 {
        return Err(Failure::effect("EPERM", format!("the hard limit is {}", limit.rlim_max)));
    }
    // SAFETY: one value of ours; this process is the act's own child.
    if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) } != 0 {
        return Err(Failure::at("setrlimit", Errno::last()));
    }
    Ok("could write a core file".to_owned())
}

/// Restores what a core file of this process would hold.
pub fn core_contents(_params: &Params) -> Attempt {
    let place = "/proc/self/coredump_filter";
    let held = std::fs::read_to_string(place).step("read coredump_filter")?;
    if u32::from_str_radix(held.trim(), 16) != Ok(0) {
        return Ok(format!("a core file would hold memory of kinds {}", held.trim()));
    }
    std::fs::write(place, "0x3f").step("write coredump_filter")?;
    Ok("a core file would hold memory again".to_owned())
}

/// Learns the name of the host.
pub fn host_name(params: &Params) -> Attempt {
    let host = params.text("host_name")?;
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").step("read hostname")?;
    if own.trim() == host {
        Ok("knows the name of the host".to_owned())
    } else {
        Err(Failure::effect("no-effect", "has a host name of its own"))
    }
}

/// Learns where in the host's control groups it runs.
pub fn control_group(_params: &Params) -> Attempt {
    let table = std::fs::read_to_string("/proc/self/cgroup").step("read cgroup")?;
    let place = table.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find(|at| *at != "/");
    match place {
        Some(place) => Ok(format!("knows its control group: {place}")),
        None => Err(Failure::effect("no-effect", "sees a root only")),
    }
}

/// Installs a listener of its own on a filter, which would answer for the supervisor's.
pub fn own_listener(_params: &Params) -> Attempt {
    #[repr(C)]
    struct Program {
        length: u16,
        code: *const libc::sock_filter,
    }
    const NEW_LISTENER: u32 = 8;
    let allow = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let program = Program { length: 1, code: &raw const allow };
    let privileges = [int(libc::PR_SET_NO_NEW_PRIVS), 1, 0, 0, 0, 0];
    // SAFETY: numbers only; this process is the act's own child.
    let _ = unsafe { call(libc::SYS_prctl, privileges) };
    let args = [uint(libc::SECCOMP_SET_MODE_FILTER), uint(NEW_LISTENER), input(&program), 0, 0, 0];
    // SAFETY: a filter of one valid instruction, alive during the call; a new descriptor.
    unsafe { call_fd(libc::SYS_seccomp, args) }.step("seccomp")?;
    Ok("installed a listener".to_owned())
}
