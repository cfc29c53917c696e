//! What the control groups of this process leave of the processor, version 1, version 2 or both.
//!
//! A quota above this process's own group binds as well, so the smallest on the way up counts. In a
//! container without a control group namespace `/proc/self/cgroup` names the host's path, which is not
//! there: the way up then begins where the mount does.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";
/// Folders of the processor's controller, version 1.
const OLDER: [&str; 3] = ["cpu,cpuacct", "cpu", "cpuacct,cpu"];

/// The groups of this process, as folders that hold files of the processor's controller.
#[derive(Debug, Default)]
pub(super) struct Groups {
    folders: Vec<PathBuf>,
}

impl Groups {
    /// Those of this process.
    pub(super) fn own() -> Self {
        let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::of(&text, Path::new(MOUNT))
    }

    fn of(text: &str, mount: &Path) -> Self {
        let mut folders = Vec::new();
        for line in text.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            if controllers.is_empty() {
                add(&mut folders, mount, path);
                add(&mut folders, &mount.join("unified"), path);
            } else if controllers.split(',').any(|controller| controller == "cpu") {
                for older in OLDER {
                    add(&mut folders, &mount.join(older), path);
                }
            }
        }
        Self { folders }
    }

    /// Cores that may be used; `None` without a quota.
    pub(super) fn cores(&self) -> Option<f64> {
        let quotas =
            self.folders.iter().filter_map(|folder| newer(folder).or_else(|| older(folder)));
        quotas.reduce(f64::min)
    }

    /// How often one of the groups was stopped by its quota.
    pub(super) fn throttled(&self) -> u64 {
        let count = |folder: &PathBuf| -> Option<u64> {
            let text = fs::read_to_string(folder.join("cpu.stat")).ok()?;
            text.lines().find_map(|line| line.strip_prefix("nr_throttled "))?.trim().parse().ok()
        };
        self.folders.iter().filter_map(count).sum()
    }
}

/// Adds a group and those above it that are there.
fn add(folders: &mut Vec<PathBuf>, mount: &Path, path: &str) {
    let below = mount.join(path.trim_start_matches('/'));
    let way = below.ancestors().take_while(|folder| folder.starts_with(mount));
    folders.extend(way.filter(|folder| folder.join("cpu.stat").exists()).map(Path::to_path_buf));
}

/// `cpu.max` of version 2: quota and period, or `max`.
fn newer(folder: &Path) -> Option<f64> {
    let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    share(quota, period)
}

/// The two files of version 1; a quota of -1 is none.
fn older(folder: &Path) -> Option<f64> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    share(&read("cpu.cfs_quota_us")?, &read("cpu.cfs_period_us")?)
}

fn share(quota: &str, period: &str) -> Option<f64> {
    let (quota, period) = (quota.trim().parse::<f64>().ok()?, period.trim().parse::<f64>().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// How long this thread has been on a processor, and how long it could have been and had to wait.
/// `None` where the kernel does not count it.
pub(super) fn ran_and_waited() -> Option<(Duration, Duration)> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let (ran, waited) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some((Duration::from_nanos(ran), Duration::from_nanos(waited)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }

    #[test]
    fn the_smallest_quota_on_the_way_up_counts() {
        let mount = tempfile::tempdir().unwrap();
        let (outer, inner) = (mount.path().join("a"), mount.path().join("a/b"));
        write(&outer, &[("cpu.max", "150000 100000\n"), ("cpu.stat", "nr_throttled 2\n")]);
        write(&inner, &[("cpu.max", "max 100000\n"), ("cpu.stat", "usage 1\nnr_throttled 3\n")]);
        let groups = Groups::of("0::/a/b\n", mount.path());
        assert_eq!((groups.cores(), groups.throttled()), (Some(1.5), 5));
        // Control: without a group there is no quota.
        assert_eq!(Groups::of("", mount.path()).cores(), None);
    }

    #[test]
    fn version_1_is_read_beside_version_2() {
        let mount = tempfile::tempdir().unwrap();
        let folder = mount.path().join("cpu,cpuacct/x");
        let quota = [("cpu.cfs_quota_us", "50000\n"), ("cpu.cfs_period_us", "100000\n")];
        write(&folder, &quota);
        write(&folder, &[("cpu.stat", "nr_periods 9\nnr_throttled 7\n")]);
        let text = "4:memory:/x\n2:cpu,cpuacct:/x\n0::/\n";
        let groups = Groups::of(text, mount.path());
        assert_eq!((groups.cores(), groups.throttled()), (Some(0.5), 7));
        write(&folder, &[("cpu.cfs_quota_us", "-1\n")]);
        assert_eq!(Groups::of(text, mount.path()).cores(), None);
    }

    #[test]
    fn a_path_of_the_host_that_is_not_there_falls_back_to_the_mount() {
        let mount = tempfile::tempdir().unwrap();
        write(mount.path(), &[("cpu.max", "200000 100000\n"), ("cpu.stat", "nr_throttled 0\n")]);
        let groups = Groups::of("0::/docker/0123/\n", mount.path());
        assert_eq!(groups.cores(), Some(2.0));
    }
}
