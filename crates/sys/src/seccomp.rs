//! The system call filter: reviewed data in, a program for the kernel out, and its installation.
//!
//! [`profile`] holds the data of `profiles/` as tables, [`filter`] compiles the service's for one
//! machine and one kind of host, [`allow`] those of our own processes, and this module puts the
//! result in force. A filter judges registers only; what lies in memory is the broker's, which reads
//! it once and acts on its own copy. For the service installing must be the last step before exec:
//! the filter refuses filters.

pub mod allow;
pub mod container;
pub mod filter;
pub mod profile;
mod table;
pub mod watch;

pub use allow::{compile_broker, compile_init};
pub use filter::{Arch, CompileError, Filter, FilterOptions, compile};
pub use profile::Profile;
pub use watch::{Bits, Watched, call_number, compile_watch};

use crate::call::{call, call_fd, input, uint};
use crate::errno::Errno;
use std::os::fd::OwnedFd;

const SET_MODE_FILTER: u32 = 1;
const NEW_LISTENER: u32 = 1 << 3;
const WAIT_KILLABLE_RECV: u32 = 1 << 5;

/// Puts the filter in force for this thread and all it starts, and answers the descriptor on which
/// notified calls arrive. Once the supervisor has received a call only a fatal signal interrupts it
/// (kernel 5.19; older ones leave that out). Needs `no_new_privs` (`EACCES`); `EBUSY` when a
/// listener exists. Runs between clone and exec: allocates nothing.
pub fn install(filter: &Filter) -> Result<OwnedFd, Errno> {
    match listener(filter, NEW_LISTENER | WAIT_KILLABLE_RECV) {
        Err(Errno(libc::EINVAL)) => listener(filter, NEW_LISTENER),
        other => other,
    }
}

/// As [`install`], for a filter that notifies nothing.
pub fn install_plain(filter: &Filter) -> Result<(), Errno> {
    let program = program(filter)?;
    let args = [uint(SET_MODE_FILTER), 0, input(&program), 0, 0, 0];
    // SAFETY: the kernel reads the program's header and, through it, our slice of instructions,
    // both of which live until the call returns.
    unsafe { call(libc::SYS_seccomp, args) }.map(drop)
}

/// As [`install_plain`], for every thread of this process (`SECCOMP_FILTER_FLAG_TSYNC`). `ESRCH`
/// when a thread has a filter that this one does not come on top of.
pub fn install_everywhere(filter: &Filter) -> Result<(), Errno> {
    const TSYNC: u32 = 1;
    const TSYNC_ESRCH: u32 = 1 << 4;
    let program = program(filter)?;
    let args = [uint(SET_MODE_FILTER), uint(TSYNC | TSYNC_ESRCH), input(&program), 0, 0, 0];
    // SAFETY: as in `install_plain`.
    unsafe { call(libc::SYS_seccomp, args) }.map(drop)
}

fn listener(filter: &Filter, flags: u32) -> Result<OwnedFd, Errno> {
    let program = program(filter)?;
    let args = [uint(SET_MODE_FILTER), uint(flags), input(&program), 0, 0, 0];
    // SAFETY: as in `install_plain`; with these flags the answer is a fresh descriptor.
    unsafe { call_fd(libc::SYS_seccomp, args) }
}

/// The header that points to the instructions.
fn program(filter: &Filter) -> Result<libc::sock_fprog, Errno> {
    let code = filter.code();
    let len = u16::try_from(code.len()).map_err(|_| Errno(libc::E2BIG))?;
    Ok(libc::sock_fprog { len, filter: code.as_ptr().cast_mut() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::no_new_privs;
    use crate::testing::in_child;
    use std::os::fd::AsFd;

    /// A filter without a supervisor.
    fn quiet() -> Filter {
        let arch = Arch::native().unwrap();
        let strict = FilterOptions::strict(arch);
        let options = FilterOptions { notify_sockets: false, notify_exec: false, ..strict };
        compile(&Profile::builtin(), &options).unwrap()
    }

    fn attempt(number: libc::c_long, args: crate::call::Args) -> Result<(), Errno> {
        // SAFETY: the tests pass harmless arguments: no pointers, or numbers that are refused.
        unsafe { call(number, args) }.map(drop)
    }

    /// The same act with and without the filter, each in a child of its own.
    fn compare(number: libc::c_long, args: crate::call::Args) -> [Result<(), Errno>; 2] {
        compare_under(&quiet(), number, args)
    }

    fn compare_under(
        filter: &Filter,
        number: libc::c_long,
        args: crate::call::Args,
    ) -> [Result<(), Errno>; 2] {
        let inside = in_child(0, || {
            no_new_privs()?;
            install_plain(filter)?;
            attempt(number, args)
        });
        [in_child(0, || attempt(number, args)), inside]
    }

    fn socket(family: i32, kind: i32, protocol: i32) -> crate::call::Args {
        [family, kind, protocol, 0, 0, 0].map(crate::call::int)
    }

    #[test]
    fn the_kernel_refuses_what_the_filter_says_and_allows_the_control() {
        let [outside, inside] =
            compare(libc::SYS_socket, socket(libc::AF_INET, libc::SOCK_DGRAM, 136));
        assert_eq!((outside, inside), (Ok(()), Err(Errno(libc::EPROTONOSUPPORT))));
        let [outside, inside] =
            compare(libc::SYS_socket, socket(libc::AF_INET, libc::SOCK_STREAM, 0));
        assert_eq!((outside, inside), (Ok(()), Ok(())));
        let dumpable = [libc::PR_SET_DUMPABLE, 1, 0, 0, 0, 0].map(crate::call::int);
        let [outside, inside] = compare(libc::SYS_prctl, dumpable);
        assert_eq!((outside, inside), (Ok(()), Err(Errno(libc::EPERM))));
        let name = crate::call::path(c"memory");
        let [outside, inside] = compare(libc::SYS_memfd_create, [name, 1, 0, 0, 0, 0]);
        assert_eq!((outside, inside), (Ok(()), Err(Errno(libc::EACCES))));
        let [outside, inside] = compare(libc::SYS_memfd_create, [name, 1 | 8, 0, 0, 0, 0]);
        assert_eq!((outside, inside), (Ok(()), Ok(())));
        let [outside, inside] = compare(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0]);
        assert_ne!(outside, Ok(()), "no parameters");
        assert_eq!(inside, Err(Errno(libc::ENOSYS)));
        let [outside, inside] =
            compare(libc::SYS_personality, [crate::call::uint(u32::MAX), 0, 0, 0, 0, 0]);
        assert_eq!((outside, inside), (Ok(()), Ok(())));
        let [_, inside] = compare(100_000, [0; 6]);
        assert_eq!(inside, Err(Errno(libc::ENOSYS)));
    }

    #[test]
    fn the_kernel_lets_the_broker_open_names_only_and_execute_nothing() {
        use crate::call::{input, int, path};
        let broker = compile_broker(&Profile::builtin(), Arch::native().unwrap(), true).unwrap();
        let compare = |number, args| compare_under(&broker, number, args);
        let refused = [Ok(()), Err(Errno(libc::EPERM))];
        let open = |name: &std::ffi::CStr, flags| {
            compare(libc::SYS_openat, [int(libc::AT_FDCWD), path(name), int(flags), 0, 0, 0])
        };
        assert_eq!(open(c"/etc/passwd", libc::O_RDONLY | libc::O_CLOEXEC), refused);
        assert_eq!(open(c"/dev/null", libc::O_WRONLY), refused);
        assert_eq!(open(c"/etc/passwd", libc::O_PATH | libc::O_CLOEXEC), [Ok(()), Ok(())]);
        assert_eq!(open(c"/", libc::O_PATH | libc::O_DIRECTORY), [Ok(()), Ok(())]);
        let how = [0_u64; 3];
        let beneath = [int(libc::AT_FDCWD), path(c"/etc/passwd"), input(&how), 24, 0, 0];
        assert_eq!(compare(libc::SYS_openat2, beneath), refused);
        let mapped = |protection| {
            let flags = int(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            compare(libc::SYS_mmap, [0, 4096, int(protection), flags, int(-1), 0])
        };
        assert_eq!(mapped(libc::PROT_READ | libc::PROT_EXEC), refused);
        assert_eq!(mapped(libc::PROT_READ | libc::PROT_WRITE), [Ok(()), Ok(())]);
        let [outside, inside] = compare(libc::SYS_execve, [path(c"/no/such"), 0, 0, 0, 0, 0]);
        assert_eq!((outside, inside), (Err(Errno(libc::ENOENT)), Err(Errno(libc::EPERM))));
        let pair = [int(libc::AF_UNIX), int(libc::SOCK_STREAM), 0, 0, 0, 0];
        assert_eq!(compare(libc::SYS_socket, pair), refused);
        assert_eq!(compare(libc::SYS_clone, [int(libc::SIGCHLD), 0, 0, 0, 0, 0]), refused);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn another_abi_ends_the_process() {
        let x32_getpid = 0x4000_0000 + libc::SYS_getpid;
        let [_, inside] = compare(x32_getpid, [0; 6]);
        assert_eq!(inside, Err(Errno(libc::EBADRQC)), "ended by SIGSYS");
    }

    #[test]
    fn a_filter_can_be_installed_once_and_never_without_no_new_privs() {
        let options = FilterOptions::strict(Arch::native().unwrap());
        let filter = compile(&Profile::builtin(), &options).unwrap();
        let again = in_child(0, || {
            no_new_privs()?;
            let listener = install(&filter)?;
            crate::fd::status_flags(listener.as_fd())?;
            install(&filter).map(drop)
        });
        assert_eq!(again, Err(Errno(libc::EPERM)));
        let unprepared = crate::testing::in_namespace(0, || {
            crate::privilege::drop_all_capabilities()?;
            install(&filter).map(drop)
        });
        assert_eq!(unprepared, Err(Errno(libc::EACCES)));
    }
}
