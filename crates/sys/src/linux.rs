//! Carries out the steps of a start on Linux.
//!
//! One method per kernel concept, each a handful of calls. Nothing here allocates: it runs between
//! clone and exec. A step that the kernel refuses ends the start; nothing falls back silently.

use crate::errno::Errno;
use crate::launch::{BindSource, ExecStep, Kernel, LandlockStep, PrivateFs, Step};
use crate::{fd, landlock, mount, namespace, netlink, privilege, process};
use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};

/// The kernel this process runs on.
#[derive(Debug, Default)]
pub struct Linux;

impl Kernel for Linux {
    fn perform(&mut self, step: &Step) -> Result<(), Errno> {
        match step {
            Step::Bind { source, target, attributes, object } => {
                bind(source, target, *attributes, *object)
            }
            Step::ChangeDirectory(path) => mount::chdir(path),
            Step::Copy { path, from, mode } => copy(path, *from, *mode),
            Step::CloseOnExec => fd::cloexec_range(3, u32::MAX),
            Step::Directory { path, mode } => directory(path, *mode),
            Step::DieWithParent => privilege::set_parent_death_signal(libc::SIGKILL),
            Step::DropCapabilities => privilege::drop_all_capabilities(),
            Step::Enter(namespaces) => namespaces
                .iter()
                .try_for_each(|(of, kind)| namespace::setns(fd::borrow(*of), *kind)),
            Step::EnterRoot => enter_root(),
            Step::Exec(exec) => execute(exec),
            Step::File { path, contents, mode } => file(path, contents, *mode),
            Step::FileSystem { kind, target, attributes } => file_system(kind, target, *attributes),
            Step::Hostname(name) => namespace::sethostname(name.to_bytes()),
            Step::IdMap { uid, gid } => namespace::write_id_map(&namespace::IdMap {
                uid_inside: *uid,
                uid_outside: *uid,
                gid_inside: *gid,
                gid_outside: *gid,
            }),
            Step::JoinGroup(door) => join(*door),
            Step::Landlock(ruleset) => restrict(ruleset),
            Step::Limit { resource, value } => privilege::lower_limit(*resource, *value),
            Step::Loopback => loopback(),
            Step::NoNewPrivileges => process::no_new_privs(),
            Step::PrivatePropagation => {
                mount::mount_setattr_at(None, c"/", true, 0, 0, mount::PRIVATE)
            }
            Step::ReadOnly(path) => mount::mount_setattr_at(None, path, false, mount::RDONLY, 0, 0),
            Step::Redirect { from, to } => redirect(*from, *to),
            Step::ResetSignals => privilege::reset_signals(),
            Step::StageRoot => stage_root(),
            Step::SwitchIdentity { uid, gid, groups } => {
                privilege::set_groups(groups)?;
                privilege::set_gid(*gid)?;
                privilege::set_uid(*uid)
            }
            Step::Symlink { path, to } => mount::symlinkat(to, None, path),
            Step::Umask(mask) => {
                mount::umask(*mask);
                Ok(())
            }
            Step::Unshare(flags) => namespace::unshare(*flags),
            Step::WriteKernelFile { path, contents } => kernel_file(path, contents),
        }
    }
}

/// A detached copy of the mount at `path`, of exactly the object that was checked, with attributes
/// set on it and on every mount beneath before anything can be reached through it.
///
/// # Errors
/// `ESTALE` when another object is there by now; else the kernel's.
pub fn clone_tree(
    path: &CStr,
    attributes: u64,
    object: Option<(u64, u64)>,
) -> Result<OwnedFd, Errno> {
    let tree = mount::open_tree(None, path, mount::OPEN_TREE_CLONE | mount::RECURSIVE)?;
    if let Some(expected) = object
        && fd::identity(tree.as_fd())?.object() != expected
    {
        return Err(Errno(libc::ESTALE));
    }
    let (beneath, attributes) = (attributes & mount::TOP_ONLY == 0, attributes & !mount::TOP_ONLY);
    mount::mount_setattr(tree.as_fd(), beneath, attributes, 0, mount::PRIVATE)?;
    Ok(tree)
}

fn bind(
    source: &BindSource,
    target: &CStr,
    attributes: u64,
    object: Option<(u64, u64)>,
) -> Result<(), Errno> {
    match source {
        BindSource::Path(path) => {
            let tree = clone_tree(path, attributes, object)?;
            mount::move_mount(tree.as_fd(), None, target)
        }
        BindSource::Tree(tree) => {
            mount::move_mount(fd::borrow(*tree), None, target)?;
            // An open descriptor uses the mount: nobody could ever tell that the service does not.
            let number = tree.unsigned_abs();
            // SAFETY: the number was handed to this process, in which no value owns it.
            unsafe { fd::close_range(number, number) }
        }
    }
}

fn directory(path: &CStr, mode: u32) -> Result<(), Errno> {
    match mount::mkdirat(None, path, mode) {
        Err(Errno(libc::EEXIST)) => Ok(()),
        other => other,
    }
}

fn file(path: &CStr, contents: &[u8], mode: u32) -> Result<(), Errno> {
    let created = mount::create_file(None, path, mode)?;
    fd::write_all(created.as_fd(), contents)
}

/// The contents never pass through this process's memory.
fn copy(path: &CStr, from: i32, mode: u32) -> Result<(), Errno> {
    let created = mount::create_file(None, path, mode)?;
    fd::copy_all(fd::borrow(from), created.as_fd())
}

fn file_system(kind: &PrivateFs, target: &CStr, attributes: u64) -> Result<(), Errno> {
    let made = match kind {
        PrivateFs::Proc => configured(c"proc", &[], attributes)?,
        PrivateFs::Ramfs => configured(c"ramfs", &[(c"mode", c"0755")], attributes)?,
        PrivateFs::Tmpfs { size, mode } => {
            configured(c"tmpfs", &[(c"size", size), (c"mode", mode)], attributes)?
        }
    };
    mount::move_mount(made.as_fd(), None, target)
}

fn configured(kind: &CStr, options: &[(&CStr, &CStr)], attributes: u64) -> Result<OwnedFd, Errno> {
    let fs = mount::fsopen(kind)?;
    for (key, value) in options {
        mount::fsconfig_string(fs.as_fd(), key, value)?;
    }
    mount::fsconfig_create(fs.as_fd())?;
    mount::fsmount(fs.as_fd(), attributes)
}

/// The new root is built over `/proc`: it is there on every host that can run this, and no grant
/// can lie beneath it, so nothing that is still to be bound gets hidden.
fn stage_root() -> Result<(), Errno> {
    let attributes = mount::NOSUID | mount::NODEV | mount::NOEXEC;
    let root = configured(c"tmpfs", &[(c"size", c"16m"), (c"mode", c"0755")], attributes)?;
    mount::move_mount(root.as_fd(), None, c"/proc")?;
    mount::chdir(c"/proc")
}

/// `pivot_root(".", ".")` puts the old root over the new one, from where it is taken off.
fn enter_root() -> Result<(), Errno> {
    mount::pivot_root(c".", c".")?;
    mount::umount(c".")?;
    mount::chdir(c"/")
}

fn restrict(step: &LandlockStep) -> Result<(), Errno> {
    let ruleset = landlock::create_ruleset(step.fs, step.net, step.scope)?;
    for (path, access) in &step.rules {
        let object = mount::openat(None, path, libc::O_PATH, 0)?;
        landlock::add_path(ruleset.as_fd(), object.as_fd(), *access)?;
    }
    landlock::restrict_self(ruleset.as_fd(), step.flags)
}

/// Both families need an address that is not 127.0.0.1 or `::1`, or resolvers stop asking for one of
/// them (`AI_ADDRCONFIG`); every other address is local too, so a datagram never leaves.
fn loopback() -> Result<(), Errno> {
    const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));
    const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd52, 0x6e67, 0, 0, 0, 0, 0, 1));
    netlink::loopback_up()?;
    netlink::add_address(IPV4, 15)?;
    netlink::keep_everything_local(false)?;
    // A host without IPv6 has none inside either.
    match netlink::add_address(IPV6, 64) {
        Err(Errno(libc::EOPNOTSUPP | libc::EAFNOSUPPORT | libc::EACCES)) => Ok(()),
        Err(other) => Err(other),
        Ok(()) => netlink::keep_everything_local(true),
    }
}

fn redirect(from: i32, to: i32) -> Result<(), Errno> {
    // SAFETY: the numbers 0 to 2 are owned by no value of this process.
    unsafe { fd::dup2(fd::borrow(from), to) }
}

fn execute(exec: &ExecStep) -> Result<(), Errno> {
    privilege::execve(exec)
}

fn join(door: i32) -> Result<(), Errno> {
    fd::write_all(fd::borrow(door), b"0")
}

/// Some of these files depend on how the kernel was built.
fn kernel_file(path: &CStr, contents: &[u8]) -> Result<(), Errno> {
    match mount::openat(None, path, libc::O_WRONLY, 0) {
        Ok(open) => fd::write_all(open.as_fd(), contents),
        Err(Errno(libc::ENOENT)) => Ok(()),
        Err(other) => Err(other),
    }
}
