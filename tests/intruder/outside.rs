//! Acts for the outside: they put something around a command and become it.

use ringfence_sys::launch::ExecStep;
use ringfence_sys::{packet, peer, privilege, process, pty, seccomp, wait};
use std::ffi::CString;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;

/// Code when the command could not be started at all.
const FAILED: i32 = 98;

/// The command under the filter of a container.
pub(crate) fn in_container(command: &[&str]) -> i32 {
    let filter = seccomp::container::like_a_container().expect("the filter is well formed");
    let filtered = process::no_new_privs().and_then(|()| seccomp::install_plain(&filter));
    if filtered.is_err() {
        return FAILED;
    }
    become_program(command)
}

/// The command, whose user may have this many processes and threads.
pub(crate) fn few_processes(most: u64, command: &[&str]) -> i32 {
    if privilege::lower_limit(libc::RLIMIT_NPROC, most).is_err() {
        return FAILED;
    }
    become_program(command)
}

/// The command, whose control address another process has taken.
#[expect(
    clippy::zombie_processes,
    reason = "it becomes another program, and the squatter ends with it"
)]
pub(crate) fn squat(command: &[&str]) -> i32 {
    use std::io::BufRead as _;
    let own = std::env::current_exe().expect("a process knows its program");
    let mut squatter = ringfence_tests::command::other(&own.to_string_lossy());
    squatter.args(["squatter", &std::process::id().to_string()]);
    squatter.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let mut started = squatter.spawn().expect("a process can be started");
    let mut line = String::new();
    let said = std::io::BufReader::new(started.stdout.take().expect("a pipe"));
    let _ = { said }.read_line(&mut line);
    become_program(command)
}

/// Has the control address of another process for as long as that lives.
pub(crate) fn squatter(pid: i32) -> i32 {
    let name = format!("ringfence/{pid}");
    let taken = packet::listen(name.as_bytes(), 8).expect("nobody else has the name");
    let other = peer::pidfd_open(pid).expect("the other process is there");
    crate::say("taken");
    let _ = wait::readable(&[other.as_fd()], None);
    drop(taken);
    0
}

/// The command as a user without rights; who has none already stays that user.
pub(crate) fn as_nobody(command: &[&str]) -> i32 {
    const NOBODY: u32 = 65_534;
    let root = privilege::effective_ids().0 == 0;
    let switch = || {
        privilege::set_groups(&[])?;
        privilege::set_gid(NOBODY)?;
        privilege::set_uid(NOBODY)
    };
    if root && switch().is_err() {
        return FAILED;
    }
    become_program(command)
}

/// The command as the foreground of the terminal that standard input is.
pub(crate) fn on_terminal(command: &[&str]) -> i32 {
    if pty::lead_session(std::io::stdin().as_fd()).is_err() {
        return FAILED;
    }
    become_program(command)
}

fn become_program(command: &[&str]) -> i32 {
    let text = |text: &str| CString::new(text).expect("arguments have no NUL byte");
    let argv: Vec<CString> = command.iter().map(|word| text(word)).collect();
    let Some(program) = argv.first().cloned() else { return FAILED };
    let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let mut entry = name.into_vec();
        entry.push(b'=');
        entry.extend(value.into_vec());
        CString::new(entry).expect("variables have no NUL byte")
    };
    let env = std::env::vars_os().map(variable).collect();
    let _ = privilege::execve(&ExecStep::new(program, argv, env));
    FAILED
}
