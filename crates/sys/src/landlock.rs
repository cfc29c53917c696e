//! Landlock: a process gives up access to files, ports, signals and abstract sockets for good.
//!
//! Rights and versions are those of linux/landlock.h and Documentation/userspace-api/landlock.rst.
//! A right a kernel does not know cannot be handled, so callers intersect what they want with
//! [`rights_for`] of the version [`abi`] answers and report the rest as missing. Landlock does not
//! see chmod, chown, stat, extended attributes, times, nor `connect` to a Unix socket by path.
//! Nothing here allocates, locks or panics.

use crate::call::{call, call_fd, fd, input, uint};
use crate::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Execute a file.
pub const EXECUTE: u64 = 1;
/// Open a file for writing.
pub const WRITE_FILE: u64 = 1 << 1;
/// Open a file for reading.
pub const READ_FILE: u64 = 1 << 2;
/// List a directory.
pub const READ_DIR: u64 = 1 << 3;
/// Remove a directory or rename one.
pub const REMOVE_DIR: u64 = 1 << 4;
/// Remove a file or rename one.
pub const REMOVE_FILE: u64 = 1 << 5;
/// Make a character device.
pub const MAKE_CHAR: u64 = 1 << 6;
/// Make a directory.
pub const MAKE_DIR: u64 = 1 << 7;
/// Make a regular file.
pub const MAKE_REG: u64 = 1 << 8;
/// Make a Unix socket.
pub const MAKE_SOCK: u64 = 1 << 9;
/// Make a named pipe.
pub const MAKE_FIFO: u64 = 1 << 10;
/// Make a block device.
pub const MAKE_BLOCK: u64 = 1 << 11;
/// Make a symlink.
pub const MAKE_SYM: u64 = 1 << 12;
/// Link or rename between directories (version 2).
pub const REFER: u64 = 1 << 13;
/// Truncate a file (version 3).
pub const TRUNCATE: u64 = 1 << 14;
/// `ioctl` on a device opened after the restriction (version 5).
pub const IOCTL_DEV: u64 = 1 << 15;
/// Every right that a rule for a regular file may name.
pub const FILE_RIGHTS: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/// Bind a TCP port (version 4).
pub const BIND_TCP: u64 = 1;
/// Connect to a TCP port (version 4).
pub const CONNECT_TCP: u64 = 1 << 1;

/// Scope: no abstract Unix socket of a process outside (version 6).
pub const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1;
/// Scope: no signal to a process outside (version 6).
pub const SCOPE_SIGNAL: u64 = 1 << 1;

/// [`restrict_self`]: do not log denials of this very program (version 7).
pub const LOG_SAME_EXEC_OFF: u32 = 1;
/// [`restrict_self`]: log denials of programs executed later (version 7).
pub const LOG_NEW_EXEC_ON: u32 = 1 << 1;
/// [`restrict_self`]: do not log denials of domains nested in this one (version 7).
pub const LOG_SUBDOMAINS_OFF: u32 = 1 << 2;
/// [`restrict_self`]: restrict every thread of the process (version 8).
pub const TSYNC: u32 = 1 << 3;

/// What a version of Landlock can handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// File system rights.
    pub fs: u64,
    /// Network rights.
    pub net: u64,
    /// Scopes.
    pub scope: u64,
    /// Flags of [`restrict_self`].
    pub flags: u32,
}

/// `struct landlock_ruleset_attr`.
#[repr(C)]
struct RulesetAttr {
    fs: u64,
    net: u64,
    scope: u64,
}

/// `struct landlock_path_beneath_attr`, which is packed.
#[repr(C, packed)]
struct PathBeneath {
    access: u64,
    parent: i32,
}

/// `struct landlock_net_port_attr`.
#[repr(C)]
struct NetPort {
    access: u64,
    port: u64,
}

/// The version this kernel offers, or nothing when it has no Landlock or it is switched off.
#[must_use]
pub fn abi() -> Option<u32> {
    const VERSION: u32 = 1;
    // SAFETY: with a null attribute and this flag the call only answers a number.
    let answer = unsafe { call(libc::SYS_landlock_create_ruleset, [0, 0, uint(VERSION), 0, 0, 0]) };
    answer.ok().and_then(|version| u32::try_from(version).ok()).filter(|version| *version > 0)
}

/// What version `abi` can handle; later versions answer what is known here.
#[must_use]
pub const fn rights_for(abi: u32) -> Rights {
    let mut rights = Rights { fs: 0, net: 0, scope: 0, flags: 0 };
    if abi >= 1 {
        rights.fs = (1 << 13) - 1;
    }
    if abi >= 2 {
        rights.fs |= REFER;
    }
    if abi >= 3 {
        rights.fs |= TRUNCATE;
    }
    if abi >= 4 {
        rights.net = BIND_TCP | CONNECT_TCP;
    }
    if abi >= 5 {
        rights.fs |= IOCTL_DEV;
    }
    if abi >= 6 {
        rights.scope = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    }
    if abi >= 7 {
        rights.flags = LOG_SAME_EXEC_OFF | LOG_NEW_EXEC_ON | LOG_SUBDOMAINS_OFF;
    }
    if abi >= 8 {
        rights.flags |= TSYNC;
    }
    rights
}

/// A ruleset that denies everything it handles except what rules will allow. A kernel that does
/// not know one of the rights answers `EINVAL` or `E2BIG`; none at all is `ENOMSG`.
pub fn create_ruleset(fs: u64, net: u64, scope: u64) -> Result<OwnedFd, Errno> {
    let attr = RulesetAttr { fs, net, scope };
    // An older kernel accepts the structure only as far as it knows it.
    let size = if scope != 0 {
        24
    } else if net != 0 {
        16
    } else {
        8
    };
    let args = [input(&attr), size, 0, 0, 0, 0];
    // SAFETY: the kernel reads at most the structure; it answers a fresh descriptor.
    unsafe { call_fd(libc::SYS_landlock_create_ruleset, args) }
}

/// Allows `access` on the object `of` and, for a directory, on all beneath it. For a regular file
/// only [`FILE_RIGHTS`] may be named (`EINVAL`).
pub fn add_path(ruleset: BorrowedFd<'_>, of: BorrowedFd<'_>, access: u64) -> Result<(), Errno> {
    const PATH_BENEATH: u32 = 1;
    let rule = PathBeneath { access, parent: of.as_raw_fd() };
    let args = [fd(ruleset), uint(PATH_BENEATH), input(&rule), 0, 0, 0];
    // SAFETY: the kernel reads one packed structure of this rule type.
    unsafe { call(libc::SYS_landlock_add_rule, args) }.map(drop)
}

/// Allows `access` on a TCP port.
pub fn add_port(ruleset: BorrowedFd<'_>, port: u16, access: u64) -> Result<(), Errno> {
    const NET_PORT: u32 = 2;
    let rule = NetPort { access, port: port.into() };
    let args = [fd(ruleset), uint(NET_PORT), input(&rule), 0, 0, 0];
    // SAFETY: the kernel reads one structure of this rule type.
    unsafe { call(libc::SYS_landlock_add_rule, args) }.map(drop)
}

/// Restricts this thread and what it starts, for good. Needs `no_new_privs` (`EPERM` without).
pub fn restrict_self(ruleset: BorrowedFd<'_>, flags: u32) -> Result<(), Errno> {
    let args = [fd(ruleset), uint(flags), 0, 0, 0, 0];
    // SAFETY: numbers only; the effect is the documented one.
    unsafe { call(libc::SYS_landlock_restrict_self, args) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::openat;
    use crate::process::no_new_privs;
    use crate::testing::in_child;
    use std::os::fd::AsFd;

    /// Every right this kernel has is handled; only reading beneath `/proc` is allowed.
    fn confine() -> Result<(), Errno> {
        let rights = rights_for(abi().ok_or(Errno(libc::EOPNOTSUPP))?);
        let ruleset = create_ruleset(rights.fs, rights.net, rights.scope)?;
        let proc = openat(None, c"/proc", libc::O_PATH, 0)?;
        add_path(ruleset.as_fd(), proc.as_fd(), READ_FILE | READ_DIR)?;
        if rights.net != 0 {
            add_port(ruleset.as_fd(), 443, CONNECT_TCP)?;
        }
        no_new_privs()?;
        restrict_self(ruleset.as_fd(), 0)
    }

    #[test]
    fn what_no_rule_allows_is_denied_and_what_a_rule_allows_is_not() {
        let read = |name| move || openat(None, name, libc::O_RDONLY, 0).map(drop);
        assert_eq!(in_child(0, read(c"/etc/passwd")), Ok(()), "control");
        let allowed = in_child(0, || confine().and_then(|()| read(c"/proc/self/stat")()));
        assert_eq!(allowed, Ok(()));
        let denied = in_child(0, || confine().and_then(|()| read(c"/etc/passwd")()));
        assert_eq!(denied, Err(Errno(libc::EACCES)));
    }

    #[test]
    fn a_ruleset_of_every_version_up_to_this_kernel_is_accepted() {
        for version in 1..=abi().unwrap_or(0) {
            let rights = rights_for(version);
            create_ruleset(rights.fs, rights.net, rights.scope).unwrap();
        }
    }

    #[test]
    fn each_version_only_adds_rights() {
        for version in 0..12 {
            let (older, newer) = (rights_for(version), rights_for(version + 1));
            assert_eq!(older.fs & newer.fs, older.fs);
            assert_eq!(older.net & newer.net, older.net);
            assert_eq!(older.scope & newer.scope, older.scope);
        }
        assert_eq!(rights_for(0), Rights::default());
    }
}
