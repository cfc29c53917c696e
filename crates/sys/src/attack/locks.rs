//! Acts that only one lock stands in the way of.
//!
//! Locks back each other up, so an ordinary attack often says nothing about a single one. These acts
//! reach for objects that were staged so that just one lock protects them (a writable folder that no
//! rule of Landlock names, a device node in a read grant), or call into a group of the filter with
//! arguments that the kernel itself refuses in its own words once the call is let in.

use super::{Attempt, Failure, Params, Step, files, reached};
use crate::call::{Args, call, call_fd, fd, int, output, path, uint};
use crate::errno::Errno;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path below a folder that is a parameter.
fn below(params: &Params, folder: &str, name: &str) -> Result<CString, Failure> {
    c_string(&params.path(folder)?.join(name))
}

fn c_string(path: &Path) -> Result<CString, Failure> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Failure::not_applicable("a path holds a zero byte"))
}

fn done(step: &str, number: libc::c_long, args: Args) -> Attempt {
    // SAFETY: the callers hand over C strings and numbers only.
    unsafe { call(number, args) }.step(step)?;
    Ok(format!("{step} succeeded"))
}

const HERE: i32 = libc::AT_FDCWD;

/// Reads a file that no rule names.
pub fn read_file(params: &Params) -> Attempt {
    read_token(&params.path("unruled_dir")?.join("file"), params)
}

/// Reads the file in the parameter `name`.
///
/// # Errors
/// The refusal, or that something else was read.
pub fn read_parameter(params: &Params, name: &str) -> Attempt {
    read_token(params.path(name)?, params)
}

fn read_token(file: &Path, params: &Params) -> Attempt {
    let mut opened = File::open(file).step("open")?;
    files::expect_token(&mut opened, params.text("token")?)?;
    Ok(format!("read {}", file.display()))
}

/// Lists a folder that no rule names.
pub fn read_dir(params: &Params) -> Attempt {
    let folder = below(params, "unruled_dir", "listing")?;
    let flags = int(libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC);
    // SAFETY: a C string and numbers; a new descriptor that is closed at once.
    unsafe { call_fd(libc::SYS_openat, [int(HERE), path(&folder), flags, 0, 0, 0]) }
        .step("open")?;
    Ok("opened a folder to list it".to_owned())
}

/// Opens a file that no rule names for writing.
pub fn write_file(params: &Params) -> Attempt {
    let file = params.path("unruled_dir")?.join("file");
    File::options().write(true).open(file).step("open")?;
    Ok("opened a file for writing".to_owned())
}

/// Truncates a file that no rule names.
pub fn truncate(params: &Params) -> Attempt {
    let file = below(params, "unruled_dir", "full")?;
    done("truncate", libc::SYS_truncate, [path(&file), 0, 0, 0, 0, 0])
}

/// Removes a file that no rule names.
pub fn remove_file(params: &Params) -> Attempt {
    let file = below(params, "unruled_dir", "gone")?;
    done("unlink", libc::SYS_unlinkat, [int(HERE), path(&file), 0, 0, 0, 0])
}

/// Removes a folder that no rule names.
pub fn remove_dir(params: &Params) -> Attempt {
    let folder = below(params, "unruled_dir", "gone-folder")?;
    let flags = int(libc::AT_REMOVEDIR);
    done("rmdir", libc::SYS_unlinkat, [int(HERE), path(&folder), flags, 0, 0, 0])
}

/// Makes a folder where no rule is.
pub fn make_dir(params: &Params) -> Attempt {
    let folder = below(params, "unruled_dir", "new-folder")?;
    done("mkdir", libc::SYS_mkdirat, [int(HERE), path(&folder), 0o700, 0, 0, 0])
}

/// Makes a symlink where no rule is.
pub fn make_sym(params: &Params) -> Attempt {
    let link = below(params, "unruled_dir", "new-link")?;
    done("symlink", libc::SYS_symlinkat, [path(c"file"), int(HERE), path(&link), 0, 0, 0])
}

/// Makes an object of a kind where no rule is. Device 0:0 is no device: everybody may make it as a
/// character device (the mark of overlay file systems for what is gone).
///
/// # Errors
/// The refusal of mknod(2).
pub fn make_node(params: &Params, kind: u32, name: &str) -> Attempt {
    let node = below(params, "unruled_dir", name)?;
    done("mknod", libc::SYS_mknodat, [int(HERE), path(&node), uint(kind | 0o600), 0, 0, 0])
}

/// Moves a file to another folder of a hierarchy where everything but that is allowed.
pub fn refer(params: &Params) -> Attempt {
    let from = below(params, "refer_dir", "from/file")?;
    let to = below(params, "refer_dir", "to/file")?;
    done("rename", libc::SYS_renameat2, [int(HERE), path(&from), int(HERE), path(&to), 0, 0])
}

/// Executes a program that no rule names.
pub fn execute(params: &Params) -> Attempt {
    let program = below(params, "unruled_dir", "program")?;
    let code = super::execute::run(&program, &[c"canary"])?;
    Ok(format!("a program ran and ended with {code}"))
}

/// Sends a device a request it does not know: `ENOTTY` once it is let in.
pub fn ioctl_dev(params: &Params) -> Attempt {
    const NO_SUCH_REQUEST: usize = 0x5a01;
    let device = File::open(params.path("plain_device")?).step("open")?;
    // SAFETY: a request that no driver of /dev/zero knows, without an argument.
    let answer =
        unsafe { call(libc::SYS_ioctl, [fd(device.as_fd()), NO_SUCH_REQUEST, 0, 0, 0, 0]) };
    reached("ioctl", answer, &[libc::ENOTTY])
}

/// Reads from a device node in a read grant.
pub fn open_device(params: &Params) -> Attempt {
    let mut device = File::open(params.path("granted_device")?).step("open")?;
    let mut byte = [1];
    std::io::Read::read_exact(&mut device, &mut byte).step("read")?;
    Ok("read from a device node".to_owned())
}

/// Looks for a mount on which set-user-id bits would count.
pub fn set_id_mount(_params: &Params) -> Attempt {
    let table = std::fs::read_to_string("/proc/self/mountinfo").step("read mountinfo")?;
    let counting = table.lines().find_map(|line| {
        let mut words = line.split(' ').skip(4);
        let (point, options) = (words.next()?, words.next()?);
        (!options.split(',').any(|option| option == "nosuid")).then_some(point)
    });
    match counting {
        Some(point) => Ok(format!("set-id bits count below {point}")),
        None => Err(Failure::effect("no-effect", "set-id bits count nowhere")),
    }
}

/// Changes the mode of the file or folder in the parameter `name`, which Landlock does not see.
///
/// # Errors
/// The refusal of chmod(2).
pub fn change_mode(params: &Params, name: &str) -> Attempt {
    let place = params.c_string(name)?;
    done("chmod", libc::SYS_fchmodat, [int(HERE), path(&place), 0o755, 0, 0, 0])
}

/// Looks for a capability that a file could give it.
pub fn bounding_set(_params: &Params) -> Attempt {
    let status = std::fs::read_to_string("/proc/self/status").step("read status")?;
    let bits = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap_or_default();
    if u64::from_str_radix(bits.trim(), 16) == Ok(0) {
        return Err(Failure::effect("no-effect", "no capability can come back"));
    }
    Ok(format!("capabilities that a file could give: {}", bits.trim()))
}

/// Attaches to a process of its own.
pub fn trace_child(_params: &Params) -> Attempt {
    let (reading, _writing) = crate::fd::pipe(0).step("pipe")?;
    let child = super::forked::Child::fork(|| {
        let _ = crate::fd::read(reading.as_fd(), &mut [0]);
        0
    })
    .step("fork")?;
    let seize = usize::try_from(libc::PTRACE_SEIZE).unwrap_or_default();
    done("ptrace", libc::SYS_ptrace, [seize, int(child.pid()), 0, 0, 0, 0])
}

/// Calls into a group of the filter.
///
/// # Errors
/// The refusal, or not applicable where nothing is known to call.
pub fn enter(group: &str) -> Attempt {
    const MOUNT_SETATTR: libc::c_long = 442;
    const CACHESTAT: libc::c_long = 451;
    let mut context: usize = 0;
    let mut room = [0_u8; 256];
    // A time before the epoch and a type of quota that do not exist.
    let (no_time, no_quota) = ([-1_i64, 0], 0x63_usize);
    let (step, number, args, harmless): (_, libc::c_long, Args, &[i32]) = match group {
        "aio" => ("io_setup", libc::SYS_io_setup, [1, output(&mut context), 0, 0, 0, 0], &[]),
        "handles" => {
            let place = output(&mut room);
            let args = [int(HERE), path(c"/"), place, output(&mut context), 0, 0];
            ("name_to_handle_at", libc::SYS_name_to_handle_at, args, &[libc::EOVERFLOW])
        }
        "memory-policy" => ("cachestat", CACHESTAT, [int(-1), 0, 0, 0, 0, 0], &[libc::EBADF]),
        "mount" => {
            let args = [int(HERE), path(c"/"), uint(1 << 31), 0, 0, 0];
            ("mount_setattr", MOUNT_SETATTR, args, &[libc::EINVAL])
        }
        "namespaces" => ("unshare", libc::SYS_unshare, [1, 0, 0, 0, 0, 0], &[libc::EINVAL]),
        "quota" => ("quotactl", libc::SYS_quotactl, [no_quota, 0, 0, 0, 0, 0], &[libc::EINVAL]),
        "seccomp" => {
            let action = crate::call::input(&libc::SECCOMP_RET_ALLOW);
            ("seccomp", libc::SYS_seccomp, [2, 0, action, 0, 0, 0], &[])
        }
        "swap" => ("swapon", libc::SYS_swapon, [0, 1 << 30, 0, 0, 0, 0], &[libc::EINVAL]),
        "time" => {
            let args = [crate::call::input(&no_time), 0, 0, 0, 0, 0];
            ("settimeofday", libc::SYS_settimeofday, args, &[libc::EINVAL])
        }
        #[cfg(target_arch = "x86_64")]
        "hardware" => ("iopl", libc::SYS_iopl, [99, 0, 0, 0, 0, 0], &[libc::EINVAL]),
        #[cfg(not(target_arch = "x86_64"))]
        "hardware" => ("syslog", libc::SYS_syslog, [10, 0, 0, 0, 0, 0], &[]),
        #[cfg(target_arch = "x86_64")]
        "obsolete" => {
            let args = [0, output(&mut room), 0, 0, 0, 0];
            ("ustat", libc::SYS_ustat, args, &[libc::EINVAL])
        }
        _ => return Err(Failure::not_applicable("no call of this group is known here")),
    };
    // SAFETY: C strings, numbers and room for what these calls write; the rest they refuse.
    reached(step, unsafe { call(number, args) }, harmless)
}

/// Mounts a memory file system at `place` for this process and what it starts, with a file that
/// `owner` owns in it. A user who may not mount does it in a user namespace, as himself.
///
/// # Errors
/// This host refuses namespaces, or a step of it.
pub fn mount_below(place: &Path, owner: (u32, u32), token: &str) -> Result<PathBuf, Errno> {
    private_mounts()?;
    let target = CString::new(place.as_os_str().as_bytes()).map_err(|_| Errno(libc::EINVAL))?;
    super::mounts::mount_tmpfs_at(&target)?;
    let file = place.join("file");
    std::fs::write(&file, token).map_err(Errno::from)?;
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
    };
    open(place, 0o777).and_then(|()| open(&file, 0o666)).map_err(Errno::from)?;
    if super::identity::user() == 0 {
        let (user, group) = (Some(owner.0), Some(owner.1));
        std::os::unix::fs::chown(&file, user, group).map_err(Errno::from)?;
    }
    Ok(file)
}

/// As another process would see it: nothing mounted here travels back.
fn private_mounts() -> Result<(), Errno> {
    let user = super::identity::user();
    // SAFETY: takes nothing.
    let group = unsafe { libc::getegid() };
    if user == 0 {
        // Not in a user namespace, where root can become nobody else: a service's user is.
        super::mounts::unshare(libc::CLONE_NEWNS)?;
        return super::mounts::make_private();
    }
    super::mounts::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS)?;
    let write = |name: &str, text: String| {
        std::fs::write(format!("/proc/self/{name}"), text).map_err(Errno::from)
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{user} {user} 1"))?;
    write("gid_map", format!("{group} {group} 1"))?;
    super::mounts::make_private()
}
