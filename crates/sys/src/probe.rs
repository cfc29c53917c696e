//! Small trials of what this host allows, each in a child that ends at once.
//!
//! A version number or a setting never tells whether a call will be let through: containers,
//! security modules and limits all have a say. So `status` tries. Every trial does as little as
//! shows the answer and leaves nothing behind; the children neither allocate nor lock, so they may
//! be made while other threads run. Why a trial failed is explained above, in `boundary::status`.

use crate::call::{call, call_fd, fd, input, int, output, uint};
use crate::errno::Errno;
use crate::namespace::{self, Cloned, IdMap, clone3};
use crate::{fd as files, mount};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Who a trial is made as: a start becomes the service's user before it makes namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Whether the trial must take these ids on first (this process is root).
    pub switch: bool,
}

/// The change to the ids of a trial, which root in a small user namespace cannot make.
///
/// # Errors
/// As [`user_namespace`].
pub fn switch_user(ids: Ids) -> Result<(), Errno> {
    in_child(|| become_user(ids))
}

/// A user namespace with its one user and group mapped.
///
/// # Errors
/// The error number of the call that was refused; `ENOSYS` when the trial was killed for a call.
pub fn user_namespace(ids: Ids) -> Result<(), Errno> {
    in_child(|| isolate(ids, 0))
}

/// A mount namespace in which a memory file system can be mounted and made read-only.
///
/// # Errors
/// As [`user_namespace`].
pub fn mount_namespace(ids: Ids) -> Result<(), Errno> {
    in_child(|| {
        isolate(ids, namespace::NEWNS)?;
        mount::mount_setattr_at(None, c"/", true, 0, 0, mount::PRIVATE)?;
        let made = new_mount(c"tmpfs")?;
        mount::mount_setattr(made.as_fd(), true, mount::RDONLY | mount::NOEXEC, 0, 0)?;
        mount::move_mount(made.as_fd(), None, c"/proc")
    })
}

/// A pid namespace.
///
/// # Errors
/// As [`user_namespace`].
pub fn pid_namespace(ids: Ids) -> Result<(), Errno> {
    in_child(|| isolate(ids, namespace::NEWPID))
}

/// A network namespace.
///
/// # Errors
/// As [`user_namespace`].
pub fn net_namespace(ids: Ids) -> Result<(), Errno> {
    in_child(|| isolate(ids, namespace::NEWNET))
}

/// The small namespaces: ipc, uts, cgroup.
///
/// # Errors
/// As [`user_namespace`].
pub fn other_namespaces(ids: Ids) -> Result<(), Errno> {
    in_child(|| isolate(ids, namespace::NEWIPC | namespace::NEWUTS | namespace::NEWCGROUP))
}

/// A fresh proc file system in a pid namespace: refused where parts of `/proc` are hidden.
///
/// # Errors
/// As [`user_namespace`].
pub fn fresh_proc(ids: Ids) -> Result<(), Errno> {
    in_child(|| {
        isolate(ids, namespace::NEWNS | namespace::NEWPID)?;
        // The pid namespace begins with the next child, and proc shows the namespace of its mounter.
        in_child(|| new_mount(c"proc").map(drop))
    })
}

/// A system call filter with a listener. `wait_killable` asks that a call which the listener has
/// taken is only interrupted by a deadly signal (Linux 5.19).
///
/// # Errors
/// As [`user_namespace`].
pub fn listener(wait_killable: bool) -> Result<(), Errno> {
    const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;
    let flags =
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | if wait_killable { WAIT_KILLABLE_RECV } else { 0 };
    let flags = usize::try_from(flags).unwrap_or_default();
    in_child(|| {
        no_new_privileges()?;
        let mut allow = libc::sock_filter {
            code: 0x06, // BPF_RET | BPF_K
            jt: 0,
            jf: 0,
            k: libc::SECCOMP_RET_ALLOW,
        };
        let program = libc::sock_fprog { len: 1, filter: &raw mut allow };
        let mode = uint(libc::SECCOMP_SET_MODE_FILTER);
        // SAFETY: the kernel reads one filter of one instruction, both of which live until then.
        unsafe { call_fd(libc::SYS_seccomp, [mode, flags, input(&program), 0, 0, 0]) }.map(drop)
    })
}

/// A copy of a descriptor of a descendant that runs as the service would.
///
/// # Errors
/// As [`user_namespace`].
pub fn descriptor_copy(ids: Ids) -> Result<(), Errno> {
    let (wait, release) = files::pipe(0)?;
    let (ready, tell) = files::pipe(0)?;
    let ends = [release.as_raw_fd(), ready.as_raw_fd()];
    let child = spawn(|| {
        for end in ends {
            // SAFETY: the child's copies of the parent's ends; nothing here uses them afterwards.
            unsafe { call(libc::SYS_close, [int(end), 0, 0, 0, 0, 0]) }?;
        }
        become_user(ids)?;
        files::write_all(tell.as_fd(), b"r")?;
        files::read(wait.as_fd(), &mut [0]).map(drop)
    })?;
    drop(tell);
    let told = files::read(ready.as_fd(), &mut [0]);
    let copied = copy(child.as_fd(), &wait);
    drop(release);
    let ended = outcome(child.as_fd());
    // A child that failed closes its end untold; its own error then says more than the copy's.
    if told? == 0 { ended.and(copied) } else { copied }
}

/// Whether the kernel knows `openat2`.
///
/// # Errors
/// `ENOSYS` when it does not; `EPERM` when a filter refuses it.
pub fn openat2() -> Result<(), Errno> {
    let root = mount::openat(None, c"/", libc::O_PATH | libc::O_DIRECTORY, 0)?;
    let how = [u64::from(libc::O_PATH.unsigned_abs()), 0, mount::RESOLVE_IN_ROOT];
    let name = input(c".".to_bytes_with_nul());
    // SAFETY: a C string and the three words of `struct open_how`; the answer is a descriptor.
    unsafe {
        call_fd(libc::SYS_openat2, [fd(root.as_fd()), name, input(&how), size_of_val(&how), 0, 0])
    }
    .map(drop)
}

/// Becomes the user and leaves the namespaces `flags` names and the user namespace for new ones.
fn isolate(ids: Ids, flags: u64) -> Result<(), Errno> {
    become_user(ids)?;
    namespace::unshare(namespace::NEWUSER | flags)?;
    namespace::write_id_map(&IdMap {
        uid_inside: ids.uid,
        uid_outside: ids.uid,
        gid_inside: ids.gid,
        gid_outside: ids.gid,
    })
}

fn become_user(ids: Ids) -> Result<(), Errno> {
    if !ids.switch {
        return Ok(());
    }
    // SAFETY: no groups are read; raw calls change this thread only, and the child has just one.
    unsafe { call(libc::SYS_setgroups, [0; 6]) }?;
    let (uid, gid) = (uint(ids.uid), uint(ids.gid));
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_setresgid, [gid, gid, gid, 0, 0, 0]) }?;
    // SAFETY: numbers only.
    unsafe { call(libc::SYS_setresuid, [uid, uid, uid, 0, 0, 0]) }?;
    // A change of user hides `/proc/self` from the process itself, where its id map is written.
    prctl(libc::PR_SET_DUMPABLE, 1)
}

fn new_mount(kind: &std::ffi::CStr) -> Result<OwnedFd, Errno> {
    let made = mount::fsopen(kind)?;
    mount::fsconfig_create(made.as_fd())?;
    mount::fsmount(made.as_fd(), mount::NOSUID | mount::NODEV | mount::NOEXEC)
}

fn no_new_privileges() -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

fn prctl(option: i32, value: usize) -> Result<(), Errno> {
    // SAFETY: the options used here take one number and three zeros.
    unsafe { call(libc::SYS_prctl, [int(option), value, 0, 0, 0, 0]) }.map(drop)
}

fn copy(from: BorrowedFd<'_>, which: &OwnedFd) -> Result<(), Errno> {
    let args = [fd(from), int(which.as_raw_fd()), 0, 0, 0, 0];
    // SAFETY: numbers only; the answer is a fresh descriptor.
    unsafe { call_fd(libc::SYS_pidfd_getfd, args) }.map(drop)
}

/// Runs `act` in a child and answers what it answered.
fn in_child(act: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
    outcome(spawn(act)?.as_fd())
}

/// A child that runs `act`, which neither allocates nor locks, and exits with its error number.
fn spawn(act: impl FnOnce() -> Result<(), Errno>) -> Result<OwnedFd, Errno> {
    // SAFETY: every act in this file makes system calls only, without allocating or locking.
    match unsafe { clone3(0) }? {
        Cloned::Parent { pidfd, .. } => Ok(pidfd),
        Cloned::Child => {
            let code = act().err().map_or(0, |errno| errno.0);
            // SAFETY: ends the child at once, running nothing of this process.
            unsafe { libc::_exit(code) }
        }
    }
}

/// Waits for a child and reads its exit code as an error number.
fn outcome(child: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: plain numbers; all zero is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let pidfd = uint(libc::P_PIDFD);
    let args = [pidfd, fd(child), output(&mut info), int(libc::WEXITED), 0, 0];
    // SAFETY: the kernel writes one siginfo into ours; no resource usage is asked for.
    while let Err(errno) = unsafe { call(libc::SYS_waitid, args) } {
        if errno != Errno(libc::EINTR) {
            return Err(errno);
        }
    }
    // SAFETY: a wait filled the part of the structure that holds the status.
    match (info.si_code, unsafe { info.si_status() }) {
        (libc::CLD_EXITED, 0) => Ok(()),
        (libc::CLD_EXITED, code) => Err(Errno(code)),
        // A filter that kills says the same as one that hides the call.
        (_, libc::SIGSYS) => Err(Errno(libc::ENOSYS)),
        _ => Err(Errno(libc::ECANCELED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_answers_the_error_of_the_call_that_was_refused() {
        assert_eq!(in_child(|| Ok(())), Ok(()));
        assert_eq!(in_child(|| Err(Errno(libc::EUSERS))), Err(Errno(libc::EUSERS)));
        let unmapped = || namespace::unshare(1).map(drop);
        assert_eq!(in_child(unmapped), Err(Errno(libc::EINVAL)));
    }

    #[test]
    fn a_killed_trial_is_a_refusal_and_never_a_success() {
        let killed = in_child(|| {
            // SAFETY: ends this child.
            unsafe { libc::abort() }
        });
        assert_eq!(killed, Err(Errno(libc::ECANCELED)));
    }

    #[test]
    fn a_copied_descriptor_needs_the_right_to_trace() {
        // SAFETY: takes nothing and cannot fail.
        let uid = unsafe { libc::geteuid() };
        // SAFETY: as above.
        let gid = unsafe { libc::getegid() };
        let own = Ids { uid, gid, switch: false };
        let bare = descriptor_copy(own);
        // Without the right (a container's filter) both are refused alike, never one of them hung.
        assert!(
            bare.is_ok() || bare == Err(Errno(libc::EPERM)) || bare == Err(Errno(libc::ENOSYS))
        );
    }

    #[test]
    fn a_user_that_cannot_be_mapped_is_refused() {
        let nobody = Ids { uid: u32::MAX, gid: u32::MAX, switch: false };
        assert!(user_namespace(nobody).is_err());
    }

    #[test]
    fn a_trial_that_fails_before_the_copy_ends_with_its_own_error() {
        let ids = Ids { uid: 65534, gid: 65534, switch: true };
        let answer = descriptor_copy(ids);
        // SAFETY: numbers only.
        if unsafe { libc::geteuid() } != 0 {
            assert_eq!(answer, Err(Errno(libc::EPERM)));
        }
    }
}
