//! What `/proc` says about a running tree of processes: who is in it, its CPU time, its memory,
//! its descriptors.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A process and all its descendants.
pub(crate) fn tree(root: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for pid in numbers("/proc") {
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(children.get(&pid).into_iter().flatten());
        next += 1;
    }
    found
}

/// Nanoseconds on a CPU of all threads that live now.
pub(crate) fn cpu_nanos(pids: &[i32]) -> u64 {
    let threads = pids.iter().flat_map(|pid| {
        numbers(&format!("/proc/{pid}/task")).into_iter().map(move |thread| (pid, thread))
    });
    threads
        .filter_map(|(pid, thread)| {
            let path = format!("/proc/{pid}/task/{thread}/schedstat");
            std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum()
}

/// Proportional set size in kibibytes; `None` when it may not be read.
pub(crate) fn pss_kib(pid: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Open descriptors; `None` when they may not be counted.
pub(crate) fn descriptors(pid: i32) -> Option<usize> {
    Some(std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// The executable's file name.
pub(crate) fn program(pid: i32) -> Option<String> {
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

fn parent(pid: i32) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, a closing bracket too: the fields begin after the last one.
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn numbers(folder: &str) -> Vec<i32> {
    let entries = std::fs::read_dir(PathBuf::from(folder)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
