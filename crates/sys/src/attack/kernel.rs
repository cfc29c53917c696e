//! Calls into parts of the kernel that a service never needs and exploits often use.
//!
//! Outside, each is either harmless by itself or refused by the kernel only after it has looked at
//! arguments that are wrong on purpose; the comment at each says which.

use super::{Attempt, Failure, Params, Step, reached};
use crate::call::{call, call_fd, input, int, output, path, uint};

/// Makes a ring through which system calls pass no filter.
pub fn io_uring(_params: &Params) -> Attempt {
    let mut setup = [0_u8; 120];
    // SAFETY: room for one io_uring_params; a new descriptor that is closed at once.
    unsafe { call_fd(libc::SYS_io_uring_setup, [1, output(&mut setup), 0, 0, 0, 0]) }
        .step("io_uring_setup")?;
    Ok("made an io_uring".to_owned())
}

/// Asks for a BPF map without saying which: `EFAULT` once the call is let in.
pub fn bpf(_params: &Params) -> Attempt {
    // SAFETY: a null attribute of eight bytes, which the kernel refuses to read.
    let answer = unsafe { call(libc::SYS_bpf, [0, 0, 8, 0, 0, 0]) };
    reached("bpf", answer, &[libc::EFAULT])
}

/// Opens a performance event without saying which: `EFAULT` once the call is let in.
pub fn perf_event(_params: &Params) -> Attempt {
    // SAFETY: a null attribute, which the kernel refuses to read.
    let answer = unsafe { call(libc::SYS_perf_event_open, [0, 0, int(-1), int(-1), 0, 0]) };
    reached("perf_event_open", answer, &[libc::EFAULT])
}

/// Opens a descriptor that stops page faults, the usual way to win kernel races.
pub fn userfaultfd(_params: &Params) -> Attempt {
    const USER_MODE_ONLY: i32 = 1;
    let flags = int(libc::O_CLOEXEC | USER_MODE_ONLY);
    // SAFETY: numbers only; a new descriptor that is closed at once.
    unsafe { call_fd(libc::SYS_userfaultfd, [flags, 0, 0, 0, 0, 0]) }.step("userfaultfd")?;
    Ok("opened a userfaultfd".to_owned())
}

/// Looks up the session keyring, which a service may have inherited.
pub fn session_keyring(_params: &Params) -> Attempt {
    const SESSION: i32 = -3;
    // SAFETY: numbers only (KEYCTL_GET_KEYRING_ID, no creation).
    unsafe { call(libc::SYS_keyctl, [0, int(SESSION), 0, 0, 0, 0]) }.step("keyctl")?;
    Ok("reached the session keyring".to_owned())
}

/// Adds a key to the keyring of this process, which dies with it.
pub fn add_key(_params: &Params) -> Attempt {
    const PROCESS: i32 = -2;
    let value = *b"canary";
    let name = path(c"ringfence-canary");
    let args = [path(c"user"), name, input(&value), value.len(), int(PROCESS), 0];
    // SAFETY: two C strings and six bytes of ours.
    unsafe { call(libc::SYS_add_key, args) }.step("add_key")?;
    Ok("added a key".to_owned())
}

/// Loads an empty kernel module: `ENOEXEC` once the call is let in.
pub fn load_module(_params: &Params) -> Attempt {
    // SAFETY: a null image of no bytes, and a C string.
    let answer = unsafe { call(libc::SYS_init_module, [0, 0, path(c""), 0, 0, 0]) };
    reached("init_module", answer, &[libc::ENOEXEC, libc::EFAULT, libc::EINVAL])
}

/// Loads a kernel with flags that do not exist: `EINVAL` once the call is let in.
pub fn load_kernel(_params: &Params) -> Attempt {
    const NO_SUCH_FLAG: usize = 0x8000;
    // SAFETY: no segments; the kernel refuses the flag before it does anything.
    let answer = unsafe { call(libc::SYS_kexec_load, [0, 0, 0, NO_SUCH_FLAG, 0, 0]) };
    reached("kexec_load", answer, &[libc::EINVAL])
}

/// Reboots with magic numbers that are wrong: `EINVAL` once the call is let in.
pub fn reboot(_params: &Params) -> Attempt {
    // SAFETY: numbers only; the kernel refuses the magic numbers before it does anything.
    let answer = unsafe { call(libc::SYS_reboot, [0, 0, 0, 0, 0, 0]) };
    reached("reboot", answer, &[libc::EINVAL])
}

/// Swaps to a file that does not exist: `ENOENT` once the call is let in.
pub fn swap(_params: &Params) -> Attempt {
    // SAFETY: a C string and a number.
    let answer =
        unsafe { call(libc::SYS_swapon, [path(c"/ringfence-no-such-file"), 0, 0, 0, 0, 0]) };
    reached("swapon", answer, &[libc::ENOENT])
}

/// Sets a time zone out of range: `EINVAL` once the call is let in.
pub fn set_clock(_params: &Params) -> Attempt {
    let zone: [i32; 2] = [9999, 0];
    // SAFETY: no time, and one timezone of ours that the kernel refuses.
    let answer = unsafe { call(libc::SYS_settimeofday, [0, input(&zone), 0, 0, 0, 0]) };
    reached("settimeofday", answer, &[libc::EINVAL])
}

/// Switches off address space randomisation for programs started from here.
pub fn personality(_params: &Params) -> Attempt {
    const ADDR_NO_RANDOMIZE: u32 = 0x0004_0000;
    // SAFETY: numbers only; this process is the act's own child.
    unsafe { call(libc::SYS_personality, [uint(ADDR_NO_RANDOMIZE), 0, 0, 0, 0, 0]) }
        .step("personality")?;
    Ok("switched off address space randomisation".to_owned())
}

/// Watches file system events of everybody.
pub fn watch_files(_params: &Params) -> Attempt {
    const REPORT_FID: u32 = 0x200;
    let flags = uint(libc::FAN_CLOEXEC | REPORT_FID);
    // SAFETY: numbers only; a new descriptor that is closed at once.
    unsafe { call_fd(libc::SYS_fanotify_init, [flags, 0, 0, 0, 0, 0]) }.step("fanotify_init")?;
    Ok("opened a fanotify group".to_owned())
}

/// Makes a system call by the 32-bit entry, whose numbers a filter may not know.
#[cfg(target_arch = "x86_64")]
pub fn foreign_abi(_params: &Params) -> Attempt {
    let mut answer: u32 = 20; // getpid on i386
    // SAFETY: a call without arguments; the entry keeps every register but eax and r8 to r11.
    unsafe {
        std::arch::asm!(
            "int 0x80",
            inout("eax") answer,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    if answer == std::process::id() {
        Ok("called getpid by int 0x80".to_owned())
    } else {
        Err(Failure::effect("no-effect", "int 0x80 did not answer with the process id"))
    }
}

/// There is no second ABI that can be called from this architecture's code.
#[cfg(not(target_arch = "x86_64"))]
pub fn foreign_abi(_params: &Params) -> Attempt {
    Err(Failure::not_applicable("only x86-64 has a 32-bit entry"))
}

/// Makes a system call with an x32 number.
pub fn x32_abi(_params: &Params) -> Attempt {
    if cfg!(not(target_arch = "x86_64")) {
        return Err(Failure::not_applicable("only x86-64 has x32 numbers"));
    }
    let number = libc::SYS_getpid | 0x4000_0000;
    // SAFETY: a call without arguments.
    unsafe { call(number, [0; 6]) }.step("getpid by its x32 number")?;
    Ok("called getpid by its x32 number".to_owned())
}

/// Pushes a byte into a terminal's input; on a descriptor that is no terminal, `ENOTTY` shows that
/// the request was let in.
pub fn terminal_input(_params: &Params) -> Attempt {
    terminal("TIOCSTI", 0x5412)
}

/// Makes its own process group the terminal's foreground, which gets what is typed; `ENOTTY` shows
/// that the request was let in.
pub fn terminal_foreground(_params: &Params) -> Attempt {
    terminal("TIOCSPGRP", 0x5410)
}

/// Asks the console for its selection; `ENOTTY` shows that the request was let in.
pub fn terminal_paste(_params: &Params) -> Attempt {
    terminal("TIOCLINUX", 0x541C)
}

fn terminal(name: &str, request: usize) -> Attempt {
    use std::os::fd::AsFd;
    let (reading, _writing) = crate::fd::pipe(0).step("pipe")?;
    let byte = *b"\0\0\0\0";
    let args = [crate::call::fd(reading.as_fd()), request, input(&byte), 0, 0, 0];
    // SAFETY: a pipe, which knows no terminal requests, and four bytes of ours.
    let answer = unsafe { call(libc::SYS_ioctl, args) };
    reached(name, answer, &[libc::ENOTTY])
}
