//! Reaching file contents by ways that `std::fs` does not offer: inherited descriptors, handles,
//! executable mappings, file attributes.

use super::{Attempt, Failure, Params, Step};
use crate::call::{call, call_fd, fd, input, int, output, path};
use crate::errno::Errno;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

/// Reads at most 256 bytes and compares them with `token`.
///
/// # Errors
/// What the file answers, or `other-content`.
pub fn expect_token(file: &mut impl std::io::Read, token: &str) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let mut limited = std::io::Read::take(file, 256);
    std::io::Read::read_to_end(&mut limited, &mut bytes).step("read")?;
    if bytes.starts_with(token.as_bytes()) {
        Ok(())
    } else {
        Err(Failure::effect("other-content", "what was read is not the canary's"))
    }
}

/// Reads the file that was left open, inheritable, under the number `inherited_file`.
pub fn inherited_file(params: &Params) -> Attempt {
    let number: RawFd = params.number("inherited_file")?;
    let token = params.text("token")?;
    let mut buffer = [0_u8; 64];
    let args = [int(number), output(&mut buffer), buffer.len(), 0, 0, 0];
    // SAFETY: reads into our buffer from whatever the number names, without moving its offset.
    let length = unsafe { call(libc::SYS_pread64, args) }.step("pread")?;
    if buffer.get(..length).is_some_and(|bytes| bytes.starts_with(token.as_bytes())) {
        Ok(format!("read the canary through descriptor {number}"))
    } else {
        Err(Failure::effect("other-content", "the number names something else"))
    }
}

/// Walks out of the directory that was left open, inheritable, under the number `inherited_dir`.
pub fn inherited_directory(params: &Params) -> Attempt {
    let number: RawFd = params.number("inherited_dir")?;
    let token = params.text("token")?;
    let mut name = std::ffi::OsString::from("../");
    let outside = params.path("outside_file")?;
    name.push(outside.file_name().unwrap_or_default());
    let name = std::ffi::CString::new(name.into_encoded_bytes())
        .map_err(|_| Failure::not_applicable("the name holds a zero byte"))?;
    let args = [int(number), path(&name), int(libc::O_RDONLY | libc::O_CLOEXEC), 0, 0, 0];
    // SAFETY: a C string and numbers; a new descriptor.
    let opened = unsafe { call_fd(libc::SYS_openat, args) }.step("openat")?;
    expect_token(&mut File::from(opened), token)?;
    Ok(format!("read the canary through directory {number}"))
}

/// A file handle as the kernel lays it out, with room for the largest.
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    data: [u8; 128],
}

/// The handle of `/`, as text for the parameter `handle`.
///
/// # Errors
/// The file system has no handles, or asking is refused.
pub fn handle_of_root() -> Result<String, Errno> {
    let mut handle = Handle { bytes: 128, kind: 0, data: [0; 128] };
    let mut mount_id: i32 = 0;
    let place = output(&mut handle);
    let args = [int(libc::AT_FDCWD), path(c"/"), place, output(&mut mount_id), 0, 0];
    // SAFETY: a C string, a handle with room for 128 bytes and one number.
    unsafe { call(libc::SYS_name_to_handle_at, args) }?;
    let used = usize::try_from(handle.bytes).unwrap_or_default();
    let data = handle.data.get(..used).unwrap_or_default();
    Ok(data.iter().fold(handle.kind.to_string(), |text, byte| format!("{text} {byte}")))
}

/// Opens `/` of the host's file system by handle, so that no path is looked up.
pub fn open_by_handle(params: &Params) -> Attempt {
    let mut numbers = params.text("handle")?.split(' ');
    let kind = numbers.next().and_then(|kind| kind.parse().ok()).unwrap_or_default();
    let mut handle = Handle { bytes: 0, kind, data: [0; 128] };
    for (cell, byte) in handle.data.iter_mut().zip(numbers) {
        *cell = byte.parse().unwrap_or_default();
        handle.bytes += 1;
    }
    let root = File::open("/").step("open /")?;
    let flags = int(libc::O_RDONLY | libc::O_CLOEXEC);
    let args = [fd(root.as_fd()), input(&handle), flags, 0, 0, 0];
    // SAFETY: a descriptor, a handle with as many bytes as it says, flags; a new descriptor.
    unsafe { call_fd(libc::SYS_open_by_handle_at, args) }.step("open_by_handle_at")?;
    Ok("opened / by handle".to_owned())
}

/// Sets the mode of `/` to what it is.
///
/// # Errors
/// The refusal of chmod(2).
pub fn change_root() -> super::Attempt {
    let root = std::fs::metadata("/").step("stat")?;
    std::fs::set_permissions("/", root.permissions()).step("chmod")?;
    Ok("changed the root folder".to_owned())
}

/// Cuts the file that standard output goes to, to the length it has.
///
/// # Errors
/// The refusal of ftruncate(2): what is no file cannot be cut.
pub fn truncate_output() -> super::Attempt {
    let length = std::fs::metadata("/proc/self/fd/1").map_or(0, |found| found.len());
    let length = usize::try_from(length).unwrap_or_default();
    // SAFETY: numbers only; the length does not change.
    unsafe { call(libc::SYS_ftruncate, [1, length, 0, 0, 0, 0]) }.step("ftruncate")?;
    Ok("could cut the file that takes its output".to_owned())
}

/// Opens standard output again and reads from its start.
///
/// # Errors
/// The refusal of open(2) or pread(2).
pub fn reopen_output() -> super::Attempt {
    let flags = int(libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC);
    let args = [int(libc::AT_FDCWD), path(c"/proc/self/fd/1"), flags, 0, 0, 0];
    // SAFETY: a C string and numbers; a new descriptor.
    let again = unsafe { call_fd(libc::SYS_openat, args) }.step("open")?;
    let mut byte = [0_u8; 1];
    // SAFETY: room for one byte.
    unsafe { call(libc::SYS_pread64, [fd(again.as_fd()), output(&mut byte), 1, 0, 0, 0]) }
        .step("pread")?;
    Ok("read what was written to its output before".to_owned())
}

/// Watches the file in the parameter `outside_file`.
pub fn watch_outside(params: &Params) -> super::Attempt {
    let name = params.c_string("outside_file")?;
    // SAFETY: a number; a new descriptor that is closed at once.
    let group = unsafe { call_fd(libc::SYS_inotify_init1, [int(libc::IN_CLOEXEC), 0, 0, 0, 0, 0]) }
        .step("inotify_init1")?;
    let events = usize::try_from(libc::IN_OPEN).unwrap_or_default();
    // SAFETY: a descriptor, a C string and a number.
    unsafe { call(libc::SYS_inotify_add_watch, [fd(group.as_fd()), path(&name), events, 0, 0, 0]) }
        .step("inotify_add_watch")?;
    Ok("watches the canary".to_owned())
}

/// Maps one page of a file readable and executable, in one step.
///
/// # Errors
/// What mmap(2) answers.
pub fn map_executable(file: BorrowedFd<'_>) -> Result<(), Errno> {
    map(file, libc::PROT_READ | libc::PROT_EXEC).map(drop)
}

/// Maps one page of a file readable and makes it executable afterwards.
///
/// # Errors
/// What mmap(2) or mprotect(2) answers.
pub fn map_then_protect(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let place = map(file, libc::PROT_READ)?;
    let args = [place, 4096, int(libc::PROT_READ | libc::PROT_EXEC), 0, 0, 0];
    // SAFETY: the page was mapped just now and nothing refers to it.
    unsafe { call(libc::SYS_mprotect, args) }.map(drop)
}

fn map(file: BorrowedFd<'_>, protection: i32) -> Result<usize, Errno> {
    let args = [0, 4096, int(protection), int(libc::MAP_PRIVATE), fd(file), 0];
    // SAFETY: a new private mapping at a place of the kernel's choice; it dies with the act's child.
    unsafe { call(libc::SYS_mmap, args) }
}

/// Sets an extended attribute.
///
/// # Errors
/// What setxattr(2) answers.
pub fn set_attribute(file: &Path) -> Result<(), Failure> {
    let file = c_path(file)?;
    let value = *b"1";
    let args = [path(&file), path(c"user.ringfence"), input(&value), value.len(), 0, 0];
    // SAFETY: two C strings and one byte of ours.
    unsafe { call(libc::SYS_setxattr, args) }.step("setxattr").map(drop)
}

/// Sets the times of a file to now.
///
/// # Errors
/// What utimensat(2) answers.
pub fn set_times(file: &Path) -> Result<(), Failure> {
    let file = c_path(file)?;
    let args = [int(libc::AT_FDCWD), path(&file), 0, 0, 0, 0];
    // SAFETY: a C string; a null pointer means now.
    unsafe { call(libc::SYS_utimensat, args) }.step("utimensat").map(drop)
}

/// Reads the inode flags of a file and sets the same ones again (`FS_IOC_SETFLAGS`).
///
/// # Errors
/// What ioctl(2) answers.
pub fn set_flags(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut flags: i64 = 0;
    let read = usize::try_from(libc::FS_IOC_GETFLAGS).unwrap_or_default();
    let write = usize::try_from(libc::FS_IOC_SETFLAGS).unwrap_or_default();
    // SAFETY: the kernel writes at most one long.
    unsafe { call(libc::SYS_ioctl, [fd(file), read, output(&mut flags), 0, 0, 0]) }?;
    // SAFETY: the kernel reads at most one long.
    unsafe { call(libc::SYS_ioctl, [fd(file), write, input(&flags), 0, 0, 0]) }.map(drop)
}

/// Writes one byte of this process through `/proc/self/mem`, which ignores page protection.
pub fn write_own_memory(_params: &Params) -> Attempt {
    use std::os::unix::fs::FileExt;
    let target = std::sync::atomic::AtomicU8::new(1);
    let memory = File::options().write(true).open("/proc/self/mem").step("open /proc/self/mem")?;
    let place = std::ptr::from_ref(&target).expose_provenance() as u64;
    memory.write_all_at(&[2], place).step("write /proc/self/mem")?;
    match target.load(std::sync::atomic::Ordering::SeqCst) {
        2 => Ok("changed memory through /proc/self/mem".to_owned()),
        _ => Err(Failure::effect("no-effect", "the write changed nothing")),
    }
}

fn c_path(file: &Path) -> Result<std::ffi::CString, Failure> {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::CString::new(file.as_os_str().as_bytes())
        .map_err(|_| Failure::not_applicable("the path holds a zero byte"))
}

/// A memory file that may be executed where the kernel lets it (the canary's own, not `fd::memfd`).
pub(super) fn executable_memfd() -> Result<OwnedFd, Errno> {
    const EXEC: u32 = 0x10;
    let plain = libc::MFD_CLOEXEC;
    let args = |flags: u32| [path(c"canary"), flags as usize, 0, 0, 0, 0];
    // SAFETY: a C string and flags; a new descriptor.
    match unsafe { call_fd(libc::SYS_memfd_create, args(plain | EXEC)) } {
        // SAFETY: as above; kernels before 6.3 do not know the flag.
        Err(Errno(libc::EINVAL)) => unsafe { call_fd(libc::SYS_memfd_create, args(plain)) },
        other => other,
    }
}
