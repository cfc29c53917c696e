//! One group in one hierarchy: its files, in the spelling of its version.
//!
//! The kernel documents them in Documentation/admin-guide/cgroup-v2.rst and cgroup-v1. Changes that
//! take time (freezing, dying) are waited for by reading again, within a limit.

use super::{CgroupError, Controller, Events, Limits, failed, stale, write};
use crate::errno::Errno;
use crate::wait;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a group may take to freeze, or to become empty after it was killed.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Length of the period in which processor time is counted, in microseconds.
const CPU_PERIOD: u64 = 100_000;

/// A folder of one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) v2: bool,
    pub(super) controllers: Vec<Controller>,
}

impl Folder {
    /// A folder that is only to be cleared.
    pub(super) fn at(path: PathBuf, v2: bool) -> Self {
        Self { path, v2, controllers: vec![Controller::Tree] }
    }

    /// The controller to name in an error about the folder itself.
    pub(super) fn first(&self) -> Controller {
        self.controllers.first().copied().unwrap_or(Controller::Tree)
    }

    pub(super) fn set(&self, limits: &Limits) -> Result<(), CgroupError> {
        for controller in &self.controllers {
            match controller {
                Controller::Cpu => self.set_cpu(limits.cpu)?,
                Controller::Memory => self.set_memory(limits.memory)?,
                Controller::Pids => self.put(*controller, "pids.max", limits.pids)?,
                Controller::Tree => {}
            }
        }
        Ok(())
    }

    fn set_memory(&self, limit: Option<u64>) -> Result<(), CgroupError> {
        let memory = Controller::Memory;
        if self.v2 {
            self.put(memory, "memory.max", limit)?;
            // A kernel without swap has no such file; killing one of a group kills all of it.
            let none = limit.map(|_| 0);
            self.put_if_present(memory, "memory.swap.max", none)?;
            self.put_if_present(memory, "memory.oom.group", limit.map(|_| 1))
        } else {
            self.put(memory, "memory.limit_in_bytes", limit)?;
            self.put_if_present(memory, "memory.memsw.limit_in_bytes", limit)
        }
    }

    fn set_cpu(&self, cores: Option<f64>) -> Result<(), CgroupError> {
        let Some(quota) = cores.map(quota) else { return Ok(()) };
        if self.v2 {
            let file = self.path.join("cpu.max");
            write(&file, &format!("{quota} {CPU_PERIOD}"))
                .map_err(|errno| failed(Controller::Cpu, file, errno))
        } else {
            self.put(Controller::Cpu, "cpu.cfs_period_us", Some(CPU_PERIOD))?;
            self.put(Controller::Cpu, "cpu.cfs_quota_us", Some(quota))
        }
    }

    fn put(
        &self,
        controller: Controller,
        file: &str,
        value: Option<u64>,
    ) -> Result<(), CgroupError> {
        let Some(value) = value else { return Ok(()) };
        let file = self.path.join(file);
        write(&file, &value.to_string()).map_err(|errno| failed(controller, file, errno))
    }

    fn put_if_present(
        &self,
        controller: Controller,
        file: &str,
        value: Option<u64>,
    ) -> Result<(), CgroupError> {
        if self.path.join(file).exists() { self.put(controller, file, value) } else { Ok(()) }
    }

    pub(super) fn set_frozen(&self, frozen: bool) -> Result<(), CgroupError> {
        let (file, value) = match (self.v2, frozen) {
            (true, true) => ("cgroup.freeze", "1"),
            (true, false) => ("cgroup.freeze", "0"),
            (false, true) => ("freezer.state", "FROZEN"),
            (false, false) => ("freezer.state", "THAWED"),
        };
        let file = self.path.join(file);
        write(&file, value).map_err(|errno| failed(Controller::Tree, file, errno))
    }

    pub(super) fn wait_frozen(&self, patience: Duration) -> Result<(), CgroupError> {
        if self.v2 {
            self.wait_within(patience, "cgroup.events", |text| field(text, "frozen") == Some(1))
        } else {
            self.wait_within(patience, "freezer.state", |text| text.trim() == "FROZEN")
        }
    }

    /// Kills until the folder is empty.
    pub(super) fn kill(&self) -> Result<(), CgroupError> {
        if self.v2 && write(&self.path.join("cgroup.kill"), "1").is_ok() {
            return self.wait_for("cgroup.events", |text| field(text, "populated") == Some(0));
        }
        // Version 1, or a kernel before 5.14: what is frozen cannot make children meanwhile.
        let freezable = self.controllers.contains(&Controller::Tree);
        self.wait_for("cgroup.procs", |text| {
            if freezable {
                let _ = self.set_frozen(true);
            }
            // 0 stands for a process that this pid namespace cannot see, nor signal.
            let pids = text.lines().filter_map(|line| line.parse::<i32>().ok());
            for pid in pids.filter(|pid| *pid > 1) {
                // SAFETY: numbers only; a positive pid names one process.
                let _ = unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            if freezable {
                let _ = self.set_frozen(false);
            }
            text.trim().is_empty()
        })
    }

    /// Kills and removes the folder with the groups in it.
    pub(super) fn clear(&self) -> Result<(), CgroupError> {
        for child in stale::children(&self.path) {
            Self::at(child, self.v2).clear()?;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Again each time: somebody may have come in through a door that was still open.
            self.kill()?;
            match std::fs::remove_dir(&self.path).map_err(Errno::from) {
                Ok(()) | Err(Errno(libc::ENOENT)) => return Ok(()),
                // A process that has ended leaves its groups a moment later.
                Err(Errno(libc::EBUSY)) if Instant::now() < deadline => pause(),
                Err(errno) => return Err(failed(self.first(), self.path.clone(), errno)),
            }
        }
    }

    /// Reads a file until it says what is awaited.
    fn wait_for(&self, file: &str, holds: impl Fn(&str) -> bool) -> Result<(), CgroupError> {
        self.wait_within(PATIENCE, file, holds)
    }

    fn wait_within(
        &self,
        patience: Duration,
        file: &str,
        holds: impl Fn(&str) -> bool,
    ) -> Result<(), CgroupError> {
        let file = self.path.join(file);
        let deadline = Instant::now() + patience;
        loop {
            let text = match std::fs::read_to_string(&file).map_err(Errno::from) {
                // The folder is gone, and all that was in it.
                Err(Errno(libc::ENOENT | libc::ENODEV)) => return Ok(()),
                other => other.map_err(|errno| failed(self.first(), file.clone(), errno))?,
            };
            if holds(&text) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(failed(self.first(), file, Errno(libc::ETIMEDOUT)));
            }
            pause();
        }
    }

    pub(super) fn count(&self, events: &mut Events) {
        let read = |file: &str| std::fs::read_to_string(self.path.join(file)).unwrap_or_default();
        let number = |file: &str| read(file).trim().parse().ok();
        for controller in &self.controllers {
            match (controller, self.v2) {
                (Controller::Memory, true) => {
                    events.oom_kills = field(&read("memory.events"), "oom_kill").unwrap_or(0);
                    events.memory_peak = number("memory.peak");
                }
                (Controller::Memory, false) => {
                    events.oom_kills = field(&read("memory.oom_control"), "oom_kill").unwrap_or(0);
                    events.memory_peak = number("memory.max_usage_in_bytes");
                }
                (Controller::Pids, _) => {
                    events.pids_refused = field(&read("pids.events"), "max").unwrap_or(0);
                }
                (Controller::Cpu, _) => {
                    events.cpu_throttled = field(&read("cpu.stat"), "nr_throttled").unwrap_or(0);
                }
                (Controller::Tree, _) => {}
            }
        }
    }
}

/// Microseconds of each period that this many cores may use; the kernel's least is 1000.
fn quota(cores: f64) -> u64 {
    let wanted = Duration::try_from_secs_f64(cores.max(0.0) * 0.1).unwrap_or(Duration::MAX);
    u64::try_from(wanted.as_micros()).unwrap_or(u64::MAX / 2).clamp(1000, u64::MAX / 2)
}

/// The number after `name` in lines of a name and a number.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// The kernel tells no one when these files change in version 1, so they are read again soon.
fn pause() {
    let _ = wait::readable(&[], Some(Duration::from_micros(500)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_counted_in_microseconds_of_a_tenth_of_a_second() {
        assert_eq!(
            [1.0, 1.5, 0.2, 0.0, -1.0, 16.0].map(quota),
            [100_000, 150_000, 20_000, 1000, 1000, 1_600_000]
        );
        assert_eq!([f64::NAN, f64::INFINITY].map(quota), [1000, u64::MAX / 2]);
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "oom_kill_disable 1\nunder_oom 0\noom_kill 7\n";
        assert_eq!(field(text, "oom_kill"), Some(7));
        assert_eq!(field(text, "oom"), None);
    }
}
