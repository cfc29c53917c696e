//! A tree that stands still.
//!
//! Its control group is frozen where the start has one that can be; else every process is stopped by
//! a signal, again and again until a whole look at the tree finds no process that is new and no
//! thread that runs. Then nobody is left who could start another process or wake one up. What this
//! module stopped goes on when the value is dropped, also after an error; what stood still before
//! does not.

use super::Tree;
use super::tree::{self, Stat};
use ringfence_sys::cgroup::Group;
use ringfence_sys::{Errno, peer, wait};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// A thread that waits for an answer of the broker cannot be frozen until it has it.
const GROUP_PATIENCE: Duration = Duration::from_millis(10);
/// How long a tree may go on making processes faster than they are stopped.
const PATIENCE: Duration = Duration::from_secs(1);
/// From then on a thread that waits deep inside the kernel counts as standing still.
const DEEP: Duration = Duration::from_millis(10);
/// How long the end of a killed tree may take.
const END: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_micros(200);

/// The processes of a service, standing still.
#[derive(Debug)]
pub(super) struct Frozen<'a> {
    tree: Tree<'a>,
    init: i32,
    group: Option<&'a Group>,
    members: BTreeMap<i32, Member>,
}

#[derive(Debug)]
struct Member {
    handle: OwnedFd,
    /// Whether it was this module that stopped it.
    resume: bool,
}

impl<'a> Frozen<'a> {
    /// Brings the tree to rest.
    ///
    /// # Errors
    /// It does not come to rest, or cannot be looked at; it goes on then.
    pub(super) fn freeze(tree: Tree<'a>) -> Result<Self, String> {
        let init = peer::pid_of(tree.init).and_then(|pid| i32::try_from(pid).ok());
        let init = init.ok_or_else(|| Errno(libc::ESRCH).to_string())?;
        let mut frozen = Self { tree, init, group: None, members: BTreeMap::new() };
        let group = tree.group.filter(|group| group.has_tree());
        frozen.group = group.filter(|group| group.freeze_within(GROUP_PATIENCE).is_ok());
        frozen.settle().map_err(|error| format!("stopping the service: {error}"))?;
        Ok(frozen)
    }

    /// The processes.
    pub(super) fn pids(&self) -> impl Iterator<Item = i32> {
        self.members.keys().copied()
    }

    /// Looks until two whole looks in a row find nothing new and nothing that moves: the first is
    /// of a tree that may still have moved while it was looked at.
    fn settle(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        let mut quiet = 0;
        loop {
            let new = self.join_all()?;
            quiet = if self.rests(begin.elapsed() >= DEEP) && !new { quiet + 1 } else { 0 };
            if quiet == 2 {
                return Ok(());
            }
            if begin.elapsed() >= PATIENCE {
                return Err("it does not come to rest".to_owned());
            }
            if quiet == 0 && !new {
                let _ = wait::readable(&[], Some(PAUSE));
            }
        }
    }

    /// Takes in and stops every process that is not known yet; answers whether there was one.
    fn join_all(&mut self) -> Result<bool, String> {
        // What has ended leaves its number to another process.
        self.members.retain(|_, member| !has_ended(&member.handle));
        let found = tree::descendants(self.init).map_err(|error| error.to_string())?;
        let mut new = false;
        for pid in found {
            if !self.members.contains_key(&pid) {
                new |= self.join(pid).map_err(|errno| format!("process {pid}: {errno}"))?;
            }
        }
        Ok(new)
    }

    fn join(&mut self, pid: i32) -> Result<bool, Errno> {
        let handle = match peer::pidfd_open(pid) {
            Err(Errno(libc::ESRCH)) => return Ok(false),
            other => other?,
        };
        // The number could be another process's by now, but then not below one of the tree.
        let Some(stat) = Stat::of(pid).filter(|_| !has_ended(&handle)) else { return Ok(false) };
        if stat.parent != self.init && !self.members.contains_key(&stat.parent) {
            return Ok(false);
        }
        let resume = self.group.is_none() && !is_stopped(pid);
        if resume {
            match wait::send_signal(handle.as_fd(), libc::SIGSTOP) {
                Err(Errno(libc::ESRCH)) => return Ok(false),
                other => other?,
            }
        }
        self.members.insert(pid, Member { handle, resume });
        Ok(true)
    }

    /// Whether no thread runs. Those that do are stopped again: another one that ran still may have
    /// woken them up. A frozen group has been waited for, by the kernel's own account.
    fn rests(&mut self, deep: bool) -> bool {
        let rests = |stat: Stat| stat.stopped() || stat.ended() || (deep && stat.deep());
        let mut all = true;
        if self.group.is_some() {
            return true;
        }
        for (pid, member) in &mut self.members {
            let mut threads = tree::threads(*pid).into_iter();
            if threads.all(|tid| Stat::of_thread(*pid, tid).is_none_or(rests)) {
                continue;
            }
            all = false;
            member.resume = true;
            let _ = wait::send_signal(member.handle.as_fd(), libc::SIGSTOP);
        }
        all
    }

    /// Ends the service, and answers once nothing of it is left.
    ///
    /// # Errors
    /// Something is left after five seconds, or may not be ended.
    pub(super) fn end(mut self) -> Result<(), Errno> {
        let init = end_init(self.tree);
        for member in self.members.values() {
            let _ = wait::send_signal(member.handle.as_fd(), libc::SIGKILL);
        }
        let members = std::mem::take(&mut self.members);
        let tree = self.tree;
        // A frozen process only dies when it thaws.
        drop(self);
        if let Some(group) = tree.group {
            let _ = group.kill();
        }
        init?;
        let deadline = Instant::now() + END;
        let handles = members.values().map(|member| member.handle.as_fd());
        for handle in std::iter::once(tree.init).chain(handles) {
            let left = deadline.saturating_duration_since(Instant::now());
            if wait::readable(&[handle], Some(left))? == 0 {
                return Err(Errno(libc::ETIMEDOUT));
            }
        }
        Ok(())
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _ = group.thaw();
        }
        for member in self.members.values().filter(|member| member.resume) {
            let _ = wait::send_signal(member.handle.as_fd(), libc::SIGCONT);
        }
    }
}

/// Ends a service that could not be brought to rest.
///
/// # Errors
/// As [`Frozen::end`].
pub(super) fn end_running(tree: Tree<'_>) -> Result<(), Errno> {
    end_init(tree)?;
    if let Some(group) = tree.group {
        let _ = group.kill();
    }
    if wait::readable(&[tree.init], Some(END))? == 0 {
        return Err(Errno(libc::ETIMEDOUT));
    }
    Ok(())
}

/// The end of init is the end of its pid namespace; without one the broker ends what is left.
fn end_init(tree: Tree<'_>) -> Result<(), Errno> {
    match wait::send_signal(tree.init, libc::SIGKILL) {
        Err(Errno(libc::ESRCH)) => Ok(()),
        other => other,
    }
}

fn has_ended(handle: &OwnedFd) -> bool {
    wait::readable(&[handle.as_fd()], Some(Duration::ZERO)) != Ok(0)
}

/// Whether all threads of a process stand still already: somebody else has stopped it, and it shall
/// stay so.
fn is_stopped(pid: i32) -> bool {
    let states = tree::threads(pid).into_iter().filter_map(|tid| Stat::of_thread(pid, tid));
    let mut living = states.filter(|stat| !stat.ended()).peekable();
    living.peek().is_some() && living.all(Stat::stopped)
}
