//! The processes that stand around a service while it runs: none of them may do more than it needs.

use crate::TRUE;
use ringfence_tests::command::Playground;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

/// A service that says when it runs and ends with its standard input.
fn waiting(playground: &Playground) -> Option<Child> {
    let mut command = playground.command();
    command.args(["run", "--", "/bin/sh", "-c", "echo ready; read line"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if line == "ready\n" {
        return Some(child);
    }
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("this host cannot give it"), "{said}");
    ringfence_tests::not_run("this host cannot enforce a boundary");
    None
}

fn children(of: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn threads(of: u32) -> Vec<PathBuf> {
    let list = std::fs::read_dir(format!("/proc/{of}/task")).unwrap();
    list.map(|entry| entry.unwrap().path()).collect()
}

/// How many system call filters a thread is under.
fn filters(thread: &Path) -> u32 {
    let status = std::fs::read_to_string(thread.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn every_thread_of_the_broker_and_of_init_is_under_a_filter() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let Some(mut supervisor) = waiting(&playground) else { return };
    let above = filters(&threads(supervisor.id()).remove(0));
    let brokers = children(supervisor.id());
    assert_eq!(brokers.len(), 1, "{brokers:?}");
    let inits = children(brokers[0]);
    assert_eq!(inits.len(), 1, "{inits:?}");
    assert!(threads(brokers[0]).len() > 1);
    for thread in threads(brokers[0]) {
        assert_eq!(filters(&thread), above + 1, "{}", thread.display());
    }
    // Init gets its own while the service starts already.
    let patience = Instant::now() + ringfence_tests::PATIENCE;
    let init = threads(inits[0]).remove(0);
    while filters(&init) == above && Instant::now() < patience {
        std::thread::yield_now();
    }
    assert_eq!(filters(&init), above + 1);
    drop(supervisor.stdin.take());
    assert_eq!(supervisor.wait().unwrap().code(), Some(1), "the shell's read met the end");
}
