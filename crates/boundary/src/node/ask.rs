//! Asking a Node for its version by running it.
//!
//! Only for a Node that does not carry its version in the file. It runs with an empty
//! environment, as the service's user when the caller is root, in a process group of its own, and
//! is killed after thirty seconds. It runs *outside* the boundary: descriptors without
//! close-on-exec and the host's network are open to it.

use super::{Version, detect::parse};
use ringfence_sys::{fd, wait};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a Node may take to print its version; it takes 5 ms where it lies in memory and nothing else
/// runs.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much of its output is read, in bytes.
const MAX_OUTPUT: usize = 256;

/// Runs `PROGRAM --version`.
///
/// # Errors
/// It cannot be run, prints something else, or takes too long.
pub(super) fn version(program: &Path, run_as: Option<(u32, u32)>) -> io::Result<Version> {
    let mut child = start(program, run_as)?;
    let output = first_output(&mut child);
    // Nothing it does after that matters.
    let _ = child.kill();
    child.wait()?;
    parse(output?.trim()).ok_or_else(|| io::Error::other("`--version` printed something else"))
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks a program what it is")]
fn start(program: &Path, run_as: Option<(u32, u32)>) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    if let Some((uid, gid)) = run_as {
        // The standard library drops supplementary groups when it changes the user as root.
        command.uid(uid).gid(gid);
    }
    command.spawn()
}

/// Waits without a thread: the processes of a start are only made while there is one.
fn first_output(child: &mut Child) -> io::Result<String> {
    let Some(stdout) = child.stdout.take() else { return Err(io::Error::other("no output")) };
    let end = Instant::now() + DEADLINE;
    let mut text = Vec::new();
    let mut room = [0; MAX_OUTPUT];
    while text.len() < MAX_OUTPUT {
        let left = end.saturating_duration_since(Instant::now());
        if wait::readable(&[stdout.as_fd()], Some(left))? == 0 {
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            continue;
        }
        match fd::read(stdout.as_fd(), &mut room)? {
            0 => break,
            length => text.extend_from_slice(room.get(..length).unwrap_or_default()),
        }
    }
    String::from_utf8(text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::detect::tests::nodes;

    #[test]
    fn every_real_node_answers_as_its_file_says() {
        for (expected, program) in nodes() {
            assert_eq!(version(&program, None).unwrap(), expected);
        }
    }

    #[test]
    fn a_program_that_prints_something_else_is_no_node() {
        assert!(version(Path::new("/bin/true"), None).is_err());
        assert!(version(Path::new("/no/such/program"), None).is_err());
    }
}
