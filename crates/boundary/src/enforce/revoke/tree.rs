//! The processes and threads of a service, as the kernel lists them now.
//!
//! Every process of a service descends from init: an orphan becomes its child, by the pid namespace
//! or because init is the subreaper of the tree. What is read here is out of date at once unless the
//! tree stands still.

use std::collections::HashMap;
use std::fs;
use std::io;

/// What a thread is doing, in one letter (field 3 of `proc_pid_stat(5)`), and its process's parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) state: u8,
    pub(super) parent: i32,
}

impl Stat {
    /// Of a process, by its first thread.
    pub(super) fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Of one thread.
    pub(super) fn of_thread(pid: i32, tid: i32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/task/{tid}/stat")).ok()?)
    }

    /// The name in parentheses may itself contain them, spaces and bytes that are no text.
    fn parse(stat: &[u8]) -> Option<Self> {
        let end = stat.iter().rposition(|byte| *byte == b')')?;
        let mut fields = std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        Some(Self { state, parent: fields.next()?.parse().ok()? })
    }

    /// Whether it has ended: nothing of it is left but its number.
    pub(super) const fn ended(self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Whether it is stopped, by a signal or by a tracer (which is a process of the tree too).
    pub(super) const fn stopped(self) -> bool {
        matches!(self.state, b'T' | b't')
    }

    /// Whether it waits inside the kernel for what cannot be interrupted. It has not come back to
    /// its program yet, and a signal that waits for it is taken first when it does.
    pub(super) const fn deep(self) -> bool {
        self.state == b'D'
    }
}

/// The threads of a process. A first thread that has ended is among them while others live.
pub(super) fn threads(pid: i32) -> Vec<i32> {
    numbers(&format!("/proc/{pid}/task")).unwrap_or_default()
}

/// Entries of a folder that are numbers.
pub(super) fn numbers(folder: &str) -> io::Result<Vec<i32>> {
    let entries = fs::read_dir(folder)?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let numbers = names.filter_map(|name| match name {
        Ok(name) => name.to_str()?.parse().ok().map(Ok),
        Err(error) => Some(Err(error)),
    });
    numbers.collect()
}

/// Every process below `root`, parents before children, without `root` itself.
pub(super) fn descendants(root: i32) -> io::Result<Vec<i32>> {
    // Without CONFIG_PROC_CHILDREN there is no such file, also not for this thread.
    if fs::exists("/proc/thread-self/children")? {
        return Ok(below(root, children));
    }
    let mut of_parent: HashMap<i32, Vec<i32>> = HashMap::new();
    for pid in numbers("/proc")? {
        if let Some(stat) = Stat::of(pid) {
            of_parent.entry(stat.parent).or_default().push(pid);
        }
    }
    Ok(below(root, |pid| of_parent.get(&pid).cloned().unwrap_or_default()))
}

fn below(root: i32, children: impl Fn(i32) -> Vec<i32>) -> Vec<i32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        let new = children(parent);
        found.extend(new.into_iter().filter(|pid| *pid > 0 && *pid != root));
    }
    found.remove(0);
    found
}

/// Children of every thread: each has those that it started.
fn children(pid: i32) -> Vec<i32> {
    let list = |tid: i32| fs::read_to_string(format!("/proc/{pid}/task/{tid}/children"));
    let mut found = Vec::new();
    for text in threads(pid).into_iter().filter_map(|tid| list(tid).ok()) {
        found.extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_sys::peer;
    use std::os::fd::AsFd;

    #[test]
    fn a_state_is_found_behind_any_name() {
        for name in ["node", "a) Z 1 (b", "x y", "\u{7f}"] {
            let stat = Stat::parse(format!("7 ({name}) T 3 7 7 0").as_bytes()).unwrap();
            assert_eq!(stat, Stat { state: b'T', parent: 3 }, "{name}");
            assert!(stat.stopped() && !stat.ended() && !stat.deep());
        }
        for odd in [&b""[..], b"7 (x)", b"7 (x) S", b"7 (x) S x", b")", b"7 (\xff) S 1 "] {
            let parsed = Stat::parse(odd);
            assert_eq!(parsed.is_some(), odd.starts_with(b"7 (\xff)"), "{odd:?}");
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a tree to be looked at, not a service")]
    #[test]
    fn children_of_every_thread_are_found_with_their_own() {
        let own = i32::try_from(std::process::id()).unwrap();
        let script = "sleep 1000 & echo $!; wait";
        let look = move || {
            let mut command = std::process::Command::new("/bin/sh");
            command.args(["-c", script]).stdout(std::process::Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            let mut out = io::BufReader::new(child.stdout.take().unwrap());
            io::BufRead::read_line(&mut out, &mut line).unwrap();
            let inner: i32 = line.trim().parse().unwrap();
            // Asked here: the children of a thread that has ended are another thread's, and among
            // those one may be left out while others end (`proc_pid_task_tid_children(5)`).
            let outer = i32::try_from(child.id()).unwrap();
            let found = descendants(own).unwrap();
            let place = |wanted: i32| found.iter().position(|pid| *pid == wanted);
            assert!(place(outer).is_some() && place(outer) < place(inner), "{found:?}");
            assert!(!found.contains(&own));
            let inner = peer::pidfd_open(inner).unwrap();
            ringfence_sys::wait::send_signal(inner.as_fd(), libc::SIGKILL).unwrap();
            child.wait().unwrap();
        };
        std::thread::spawn(look).join().unwrap();
    }
}
