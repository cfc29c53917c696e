//! Starting programs: granted or not, from files, from memory, through the dynamic loader.
//!
//! The program that is written or put in memory is a whole ELF file of 132 bytes that does nothing
//! but end with [`EXIT_CODE`], so that "it ran" is a fact and not an inference.

use super::forked::Child;
use super::{Attempt, Failure, Params, Step};
use crate::call::{call, fd, input, int, path};
use crate::errno::Errno;
use crate::fd as descriptor;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What the canary program ends with.
pub const EXIT_CODE: i32 = 42;

/// Executes a program and answers its exit code; its output goes nowhere.
///
/// # Errors
/// The refusal of execve(2), or the signal that ended the new program.
pub fn run(program: &CStr, arguments: &[&CStr]) -> Result<i32, Failure> {
    start(|| {
        let list = pointers(arguments);
        let environment = [0_usize];
        let args = [path(program), input(list.as_slice()), input(&environment), 0, 0, 0];
        // SAFETY: C strings and lists that end with a null pointer; on success nothing returns.
        unsafe { call(libc::SYS_execve, args) }
    })
}

/// Executes what a descriptor names.
///
/// # Errors
/// As [`run`].
pub fn run_descriptor(program: BorrowedFd<'_>) -> Result<i32, Failure> {
    start(|| {
        let list = pointers(&[c"canary"]);
        let environment = [0_usize];
        let lists = [input(list.as_slice()), input(&environment)];
        let args = [fd(program), path(c""), lists[0], lists[1], int(libc::AT_EMPTY_PATH), 0];
        // SAFETY: as in `run`.
        unsafe { call(libc::SYS_execveat, args) }
    })
}

fn pointers(arguments: &[&CStr]) -> Vec<usize> {
    arguments.iter().map(|argument| path(argument)).chain([0]).collect()
}

/// Forks, calls `exec` in the child, and tells a refused exec from a program that ran.
fn start(exec: impl FnOnce() -> Result<usize, Errno>) -> Result<i32, Failure> {
    let (reading, writing) = descriptor::pipe(0).step("pipe")?;
    let child = Child::fork(|| {
        silence();
        let errno = exec().err().map_or(0, |errno| errno.0);
        let _ = descriptor::write_all(writing.as_fd(), &errno.to_ne_bytes());
        127
    })
    .step("fork")?;
    drop(writing);
    let mut word = [0_u8; 4];
    let told = descriptor::read(reading.as_fd(), &mut word).step("read")?;
    let status = child.wait();
    if told == word.len() {
        return Err(Failure::at("execve", Errno(i32::from_ne_bytes(word))));
    }
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        return Err(Failure::effect(&super::signal_name(signal), "the new program was killed"));
    }
    Ok(libc::WEXITSTATUS(status))
}

/// Output of a started program must not mix with the report of the battery.
fn silence() {
    for number in [1, 2] {
        // SAFETY: this process is about to exec or to exit and writes no more.
        unsafe { libc::close(number) };
    }
}

/// Executes the program in the parameter `name` with `--version`.
///
/// # Errors
/// As [`run`].
pub fn run_parameter(params: &Params, name: &str) -> Attempt {
    let program = params.c_string(name)?;
    let code = run(&program, &[&program, c"--version"])?;
    Ok(format!("{} ran and ended with {code}", program.to_string_lossy()))
}

/// Executes this very program again.
pub fn run_itself(_params: &Params) -> Attempt {
    let code = run(c"/proc/self/exe", &[c"ringfence", c"internal-attack"])?;
    Ok(format!("it ran again and ended with {code}"))
}

/// Writes a program to the folder in the parameter `folder` and executes it.
///
/// # Errors
/// As [`run`].
pub fn run_written(params: &Params, folder: &str) -> Attempt {
    let file = written(params, folder, &program()?)?;
    let answer = run(&file.path, &[c"canary"]);
    file.remove();
    ran(answer)
}

/// Executes a program that is root's and has the set-user-id bit.
pub fn run_set_id(params: &Params) -> Attempt {
    let program = params.c_string("set_id_program")?;
    ran(run(&program, &[c"canary"]))
}

/// Writes a script for the shell to `write_dir` and executes it.
pub fn run_script(params: &Params) -> Attempt {
    let file = written(params, "write_dir", b"#!/bin/sh\nexit 42\n")?;
    let answer = run(&file.path, &[c"canary"]);
    file.remove();
    ran(answer)
}

/// Puts a program into memory and executes it.
pub fn run_memory(_params: &Params) -> Attempt {
    let memory = super::files::executable_memfd().step("memfd_create")?;
    descriptor::write_all(memory.as_fd(), &program()?).step("write")?;
    ran(run_descriptor(memory.as_fd()))
}

fn ran(answer: Result<i32, Failure>) -> Attempt {
    match answer? {
        EXIT_CODE => Ok("a program of the attacker's own ran".to_owned()),
        other => Err(Failure::effect("no-effect", format!("the program ended with {other}"))),
    }
}

/// Writes a file to the folder in the parameter `folder` and maps it executable, as loading a
/// library does.
///
/// # Errors
/// The refusal of mmap(2).
pub fn map_written(params: &Params, folder: &str) -> Attempt {
    map(params, folder, super::files::map_executable, "mmap")
}

/// As [`map_written`] in `write_dir`, but makes the mapping executable afterwards.
pub fn protect_written(params: &Params) -> Attempt {
    map(params, "write_dir", super::files::map_then_protect, "mprotect")
}

fn map(
    params: &Params,
    folder: &str,
    how: fn(BorrowedFd<'_>) -> Result<(), Errno>,
    step: &str,
) -> Attempt {
    let file = written(params, folder, &[0_u8; 4096])?;
    let opened = std::fs::File::open(file.path.to_string_lossy().as_ref()).step("open")?;
    let answer = how(opened.as_fd()).step(step);
    file.remove();
    answer.map(|()| "mapped a written file executable".to_owned())
}

/// A file of this act's own.
struct Written {
    path: CString,
}

impl Written {
    fn remove(&self) {
        let args = [int(libc::AT_FDCWD), path(&self.path), 0, 0, 0, 0];
        // SAFETY: a C string. What is left behind goes with the scratch directory.
        let _ = unsafe { call(libc::SYS_unlinkat, args) };
    }
}

fn written(params: &Params, folder: &str, bytes: &[u8]) -> Result<Written, Failure> {
    let name = super::mounts::own_name(params, folder, "program")?;
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY | libc::O_CLOEXEC;
    let args = [int(libc::AT_FDCWD), path(&name), int(flags), 0o755, 0, 0];
    // SAFETY: a C string and numbers; a new descriptor, closed at the end of this function.
    let file: OwnedFd = match unsafe { crate::call::call_fd(libc::SYS_openat, args) } {
        Ok(file) => file,
        Err(errno) => {
            return Err(Failure::not_applicable(format!("{folder} cannot be written: {errno}")));
        }
    };
    descriptor::write_all(file.as_fd(), bytes).step("write")?;
    Ok(Written { path: name })
}

/// A whole program that ends with [`EXIT_CODE`] when it runs as root, and with another code else.
///
/// # Errors
/// As [`program`].
pub fn root_program() -> Result<Vec<u8>, Failure> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(Failure::not_applicable("only written for x86-64"));
    }
    // geteuid(); exit_group(euid == 0 ? 42 : 1)
    Ok(with_code(
        62,
        &[
            0xb8, 107, 0, 0, 0, 0x0f, 0x05, // mov eax, 107; syscall
            0xbf, 42, 0, 0, 0, // mov edi, 42
            0x85, 0xc0, 0x74, 5, // test eax, eax; jz over
            0xbf, 1, 0, 0, 0, // mov edi, 1
            0xb8, 231, 0, 0, 0, 0x0f, 0x05, // mov eax, 231; syscall
        ],
    ))
}

/// A whole program: an ELF header, one segment, and the instructions of `exit_group(42)`.
///
/// # Errors
/// Not applicable on an architecture whose instructions are not known here.
pub fn program() -> Result<Vec<u8>, Failure> {
    let (machine, code): (u16, &[u8]) = match std::env::consts::ARCH {
        // mov edi, 42; mov eax, 231; syscall
        "x86_64" => (62, &[0xbf, 42, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05]),
        // mov x0, #42; mov x8, #94; svc #0
        "aarch64" => (183, &[0x40, 5, 0x80, 0xd2, 0xc8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4]),
        other => return Err(Failure::not_applicable(format!("no program for {other}"))),
    };
    Ok(with_code(machine, code))
}

fn with_code(machine: u16, code: &[u8]) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let size = HEADERS + code.len() as u64;
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |elf: &mut Vec<u8>, value: u16| elf.extend_from_slice(&value.to_le_bytes());
    let word = |elf: &mut Vec<u8>, value: u32| elf.extend_from_slice(&value.to_le_bytes());
    let long = |elf: &mut Vec<u8>, value: u64| elf.extend_from_slice(&value.to_le_bytes());
    half(&mut elf, 2); // an executable at a fixed place
    half(&mut elf, machine);
    word(&mut elf, 1);
    long(&mut elf, BASE + HEADERS); // entry
    long(&mut elf, 64); // program headers
    long(&mut elf, 0); // no sections
    word(&mut elf, 0);
    for value in [64, 56, 1, 64, 0, 0] {
        half(&mut elf, value);
    }
    word(&mut elf, 1); // load
    word(&mut elf, 5); // readable, executable
    for value in [0, BASE, BASE, size, size, 0x1000] {
        long(&mut elf, value);
    }
    elf.extend_from_slice(code);
    elf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canary_program_runs_outside_from_a_file_and_from_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut params = Params::default();
        params.set("write_dir", folder.path());
        params.set("token", "t");
        assert!(run_written(&params, "write_dir").is_ok());
        assert!(run_script(&params).is_ok());
        assert!(run_memory(&params).is_ok());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_refused_exec_is_told_from_a_program_that_ran() {
        let refused = run(c"/ringfence-no-such-program", &[c"x"]);
        assert!(matches!(refused, Err(Failure::Refused { errno: Some(libc::ENOENT), .. })));
        assert_eq!(run(c"/bin/sh", &[c"sh", c"-c", c"exit 3"]), Ok(3));
    }
}
