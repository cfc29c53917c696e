//! Using more than the limits allow, by a little, and never without a limit to hit.
//!
//! Every act is bounded by the limit in its parameter: without one there is nothing to attack and
//! nothing is used up.

use super::forked::Child;
use super::{Attempt, Failure, Params, Step};
use crate::call::{call, call_fd, fd, input, int, path};
use crate::errno::Errno;
use crate::fd as descriptor;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Touches more memory than `memory_limit` bytes.
pub fn memory(params: &Params) -> Attempt {
    let limit: usize = params.number("memory_limit")?;
    let size = limit + limit / 8 + (16 << 20);
    let anonymous = int(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let args = [0, size, int(libc::PROT_READ | libc::PROT_WRITE), anonymous, int(-1), 0];
    // SAFETY: a new private mapping at a place of the kernel's choice.
    let place = unsafe { call(libc::SYS_mmap, args) }.step("mmap")?;
    for offset in (0..size).step_by(4096) {
        let byte = std::ptr::with_exposed_provenance_mut::<u8>(place + offset);
        // SAFETY: inside the mapping made above, which nobody else knows.
        unsafe { byte.write_volatile(1) };
    }
    Ok(format!("used {size} bytes"))
}

/// Starts more processes than `pids_limit`; they wait for this one and end with it.
pub fn processes(params: &Params) -> Attempt {
    let limit: usize = params.number("pids_limit")?;
    let (reading, writing) = descriptor::pipe(0).step("pipe")?;
    let mut children = Vec::new();
    for _ in 0..limit + 4 {
        let child = Child::fork(|| {
            close(writing.as_fd());
            let _ = descriptor::read(reading.as_fd(), &mut [0]);
            0
        });
        match child {
            Ok(child) => children.push(child),
            Err(errno) => return Err(Failure::at("fork", errno)),
        }
    }
    Ok(format!("started {} processes", children.len()))
}

/// In a copy of this process that ends at once: the number is not used again there.
fn close(of: std::os::fd::BorrowedFd<'_>) {
    // SAFETY: the copy neither reads nor drops the value that owns the number.
    let _ = unsafe { call(libc::SYS_close, [fd(of), 0, 0, 0, 0, 0]) };
}

/// Opens more descriptors than `open_files_limit`, after trying to raise the limit.
pub fn open_files(params: &Params) -> Attempt {
    let limit: usize = params.number("open_files_limit")?;
    raise(limit + 64);
    let (reading, _writing) = descriptor::pipe(0).step("pipe")?;
    let mut copies: Vec<OwnedFd> = Vec::new();
    while copies.len() <= limit {
        copies.push(descriptor::dup_above(reading.as_fd(), 3).step("dup")?);
    }
    Ok(format!("opened {} descriptors", copies.len()))
}

/// As far as it may; a limit that cannot be raised shows in what follows.
fn raise(wanted: usize) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for one answer.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return;
    }
    let wanted = libc::rlim_t::try_from(wanted).unwrap_or(libc::rlim_t::MAX);
    limit.rlim_cur = wanted.max(limit.rlim_cur);
    let higher = libc::rlimit { rlim_max: limit.rlim_max.max(wanted), ..limit };
    // SAFETY: one value of ours; this process is the act's own child.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const higher) } != 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: as above.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}

/// Writes one byte beyond `file_size_limit` bytes into a sparse file.
pub fn file_size(params: &Params) -> Attempt {
    let limit: usize = params.number("file_size_limit")?;
    // The signal that comes with the refusal would end this process before it can report.
    // SAFETY: a number and the value that means "ignore".
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let file = nameless(params, "write_dir")?;
    let byte = *b"x";
    let args = [fd(file.as_fd()), input(&byte), 1, limit, 0, 0];
    // SAFETY: one byte of ours.
    unsafe { call(libc::SYS_pwrite64, args) }.step("pwrite")?;
    Ok(format!("wrote at offset {limit}"))
}

/// Takes more room in `tmp_dir` than `tmp_limit` bytes, in files small enough for another limit.
pub fn temporary_space(params: &Params) -> Attempt {
    const EACH: usize = 8 << 20;
    let limit: usize = params.number("tmp_limit")?;
    let mut files = Vec::new();
    while files.len() * EACH <= limit {
        let file = nameless(params, "tmp_dir")?;
        // SAFETY: a descriptor and numbers.
        unsafe { call(libc::SYS_fallocate, [fd(file.as_fd()), 0, 0, EACH, 0, 0]) }
            .step("fallocate")?;
        files.push(file);
    }
    Ok(format!("took {} bytes", files.len() * EACH))
}

/// A file without a name, which goes with its last descriptor.
fn nameless(params: &Params, folder: &str) -> Result<OwnedFd, Failure> {
    let folder = params.c_string(folder)?;
    let flags = int(libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC);
    let args = [int(libc::AT_FDCWD), path(&folder), flags, 0o600, 0, 0];
    // SAFETY: a C string and numbers; a new descriptor.
    unsafe { call_fd(libc::SYS_openat, args) }.step("open")
}

/// Uses more processor time than `cpu_limit` cores, with many threads (and first of all, where that
/// is allowed) so that a busy host does not pass for a limit.
pub fn processor(params: &Params) -> Attempt {
    const WINDOW: Duration = Duration::from_millis(750);
    const PER_CORE: usize = 6;
    let limit: f64 = params.number("cpu_limit")?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from) * PER_CORE;
    // SAFETY: numbers only; a refusal leaves the priority as it is.
    let _ = unsafe { call(libc::SYS_setpriority, [0, 0, int(-20), 0, 0, 0]) };
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            // Beyond a limit of threads the others are enough.
            let _ = std::thread::Builder::new()
                .spawn_scoped(scope, || while began.elapsed() < WINDOW {});
        }
    });
    let cores = processor_time()?.as_secs_f64() / began.elapsed().as_secs_f64();
    // A window touches at most one more period of 100 ms than it is long.
    if cores > limit * 1.25 {
        Ok(format!("used {cores:.2} cores"))
    } else {
        Err(Failure::effect("throttled", format!("got no more than {cores:.2} cores")))
    }
}

fn processor_time() -> Result<Duration, Failure> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for one answer.
    if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) } != 0 {
        return Err(Failure::at("clock_gettime", Errno::last()));
    }
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Ok(Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanoseconds))
}
