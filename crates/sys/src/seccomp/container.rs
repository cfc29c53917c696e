//! The filter that container runtimes put around everything they start, as far as it matters here.
//!
//! Docker's, containerd's and Podman's default refuses new namespaces, mounts and a few more to a
//! process without `CAP_SYS_ADMIN`, and answers `ENOSYS` for `clone3` so that callers fall back to
//! `clone`, whose flags it can read. Tests put it around ringfence to see how it does there. It is
//! no part of any boundary.

use super::filter::Filter;
use crate::bpf::{AssembleError, Assembler, Compare};
use crate::namespace;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
/// `SECCOMP_RET_ERRNO` with its number.
const fn refuse(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()
}
/// Offsets in `struct seccomp_data`: the call, and the low word of its first argument.
const NUMBER: u32 = 0;
const FIRST_ARGUMENT: u32 = 16;

/// Calls that are refused with `EPERM` whatever their arguments are.
const REFUSED: [libc::c_long; 14] = [
    libc::SYS_bpf,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
];

/// The filter for this machine.
///
/// # Errors
/// It cannot be assembled, which would be a mistake here.
pub fn like_a_container() -> Result<Filter, AssembleError> {
    let namespaces = u32::try_from(namespace::ALL & !namespace::NEWTIME).unwrap_or(u32::MAX);
    let mut code = Assembler::new();
    let (clone, missing, refused) = (code.label(), code.label(), code.label());
    code.load(NUMBER);
    code.branch_if(Compare::Equal(number(libc::SYS_clone)), clone);
    code.branch_if(Compare::Equal(number(libc::SYS_clone3)), missing);
    for call in REFUSED {
        code.branch_if(Compare::Equal(number(call)), refused);
    }
    code.ret(ALLOW);
    code.place(clone);
    code.load(FIRST_ARGUMENT);
    code.branch_if(Compare::AnyBit(namespaces), refused);
    code.ret(ALLOW);
    code.place(missing);
    code.ret(refuse(libc::ENOSYS));
    code.place(refused);
    code.ret(refuse(libc::EPERM));
    Ok(Filter { code: code.finish()? })
}

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;
    use crate::process::no_new_privs;
    use crate::seccomp::install_plain;
    use crate::testing::in_child;

    #[test]
    fn new_namespaces_are_refused_and_new_processes_are_not() {
        let filter = like_a_container().unwrap();
        let outside = in_child(0, || namespace::unshare(namespace::NEWUSER));
        let inside = in_child(0, || {
            no_new_privs()?;
            install_plain(&filter)?;
            let child = crate::spawn::process(0, crate::spawn::Keep::All, || 0)?;
            crate::wait::wait_for(child.pid)?;
            namespace::unshare(namespace::NEWUSER)
        });
        assert_eq!(inside, Err(Errno(libc::EPERM)));
        // The control: where the host itself allows them, only the filter can have refused.
        if outside != Ok(()) {
            println!("not run: this host refuses user namespaces by itself");
        }
    }
}
