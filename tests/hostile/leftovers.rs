//! What a service may leave behind: processes, mounts, control groups, listeners, abstract names.
//!
//! Everything a stage starts has the stage's mark in its command line, and everything it mounts or
//! listens on is named after its folder or its port.

use crate::stage::PATIENCE;
use ringfence_sys::{peer, wait};
use std::fs;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Processes whose command line holds `mark`.
pub(crate) fn processes(mark: &str) -> Vec<i32> {
    let own = std::process::id().cast_signed();
    all().filter(|pid| *pid != own && is_marked(*pid, mark)).collect()
}

fn is_marked(pid: i32, mark: &str) -> bool {
    command_line(pid).windows(mark.len()).any(|part| part == mark.as_bytes())
}

/// Waits until no process with the mark is left; the time runs out for those that stay.
pub(crate) fn wait_for_none(mark: &str) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    // A process may start another one while the list is read: the second look finds that.
    let mut clean = 0;
    while clean < 2 {
        let found = processes(mark);
        clean = if found.is_empty() { clean + 1 } else { 0 };
        for pid in found.into_iter().chain(dying()) {
            wait_for(pid, mark, deadline)?;
        }
    }
    Ok(())
}

fn wait_for(pid: i32, mark: &str, deadline: Instant) -> Result<(), String> {
    let Ok(pidfd) = peer::pidfd_open(pid) else { return Ok(()) };
    // The number may have become another process's before the handle was made.
    let marked = is_marked(pid, mark);
    if !marked && !is_dying(pid) {
        return Ok(());
    }
    let left = deadline.saturating_duration_since(Instant::now());
    if wait::readable(&[pidfd.as_fd()], Some(left)).unwrap() != 0 {
        return Ok(());
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let head: Vec<&str> = status.lines().take(8).collect();
    if marked {
        let _ = wait::send_signal(pidfd.as_fd(), libc::SIGKILL);
    }
    Err(format!("process {pid} is still there: {head:?}"))
}

/// Processes that have given up their memory, and with it their command line, and may still hold
/// descriptors: whose they were cannot be seen any more.
fn dying() -> Vec<i32> {
    all().filter(|pid| is_dying(*pid)).collect()
}

/// Whether a process is on its way out of the kernel (field 9 of `proc_pid_stat(5)`).
fn is_dying(pid: i32) -> bool {
    const PF_EXITING: u32 = 4;
    let flags = stat(pid, 6).and_then(|flags| flags.parse::<u32>().ok());
    flags.is_some_and(|flags| flags & PF_EXITING != 0)
}

fn all() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn command_line(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// What a process is doing, in one letter (`proc_pid_stat(5)`).
pub(crate) fn state(pid: i32) -> Option<char> {
    stat(pid, 0)?.chars().next()
}

/// The parent of a process.
pub(crate) fn parent(pid: i32) -> Option<i32> {
    stat(pid, 1)?.parse().ok()
}

/// A field behind the name, which may itself hold spaces and parentheses.
fn stat(pid: i32, field: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(field).map(str::to_owned)
}

/// Children of a process, by any of its threads.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let files = threads.filter_map(Result::ok).map(|thread| thread.path().join("children"));
    let lists = files.filter_map(|file| fs::read_to_string(file).ok());
    lists
        .flat_map(|list| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The chain of first children below a process: broker, init, service.
pub(crate) fn chain(pid: i32) -> Vec<i32> {
    let mut chain = vec![pid];
    while chain.len() < 4
        && let Some(child) = chain.last().and_then(|last| children(*last).first().copied())
    {
        chain.push(child);
    }
    chain
}

/// Mounts of this mount namespace that name `folder`.
pub(crate) fn mounts(folder: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let name = folder.to_string_lossy().into_owned();
    table.lines().filter(|line| line.contains(&name)).map(str::to_owned).collect()
}

/// Whether somebody of this network namespace holds an abstract name.
pub(crate) fn abstract_name(of: i32, name: &str) -> bool {
    let table = fs::read_to_string(format!("/proc/{of}/net/unix")).unwrap_or_default();
    table.lines().any(|line| line.ends_with(&format!("@{name}")))
}

/// Control groups of a supervisor, wherever they are mounted.
pub(crate) fn groups(service: &str, supervisor: i32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name.starts_with(&format!("ringfence-{service}."));
            if ours && name.contains(&format!(".{supervisor}.")) {
                found.push(entry.path());
            } else {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// Processes in these groups.
pub(crate) fn members(groups: &[PathBuf]) -> String {
    let read = |group: &PathBuf| fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    groups.iter().map(read).collect()
}
