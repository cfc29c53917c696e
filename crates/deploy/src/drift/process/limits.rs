//! Limits of the process and of its control groups.

use super::{Judge, Weaker};
use ringfence_policy::layer::Layer;
use std::fs;
use std::path::PathBuf;

const UNLIMITED: &str = "one service can take the machine from the others";

impl Judge<'_> {
    pub(super) fn limits(&mut self) {
        let facts = self.facts;
        let Some(text) = self.text("limits", &facts.limits) else { return };
        let limits = &self.order.boundary.limits;
        let wanted = [
            ("Max open files", limits.open_files.as_ref().map(|limit| limit.value)),
            ("Max file size", limits.file_size.as_ref().map(|limit| limit.value)),
            // One byte: what handles core dumps through a pipe ignores a limit of nothing.
            ("Max core file size", Some(1)),
        ];
        for (name, most) in wanted {
            let Some(most) = most else { continue };
            let Some(line) = text.lines().find_map(|line| line.strip_prefix(name)) else {
                continue;
            };
            self.compared();
            let mut words = line.split_whitespace();
            let soft = words.next().unwrap_or_default();
            let hard = words.next().unwrap_or_default();
            // A dump is written up to the soft limit; the others may be raised to the hard one.
            let found = if name == "Max core file size" && !self.enforced { soft } else { hard };
            if found.parse::<u64>().is_ok_and(|found| found <= most) {
                continue;
            }
            self.weaker(Weaker {
                code: "unlimited",
                layer: Layer::Rlimits,
                place: self.place(&format!("limits: {name}")),
                wanted: &most.to_string(),
                found: found.to_owned(),
                why: if name == "Max core file size" {
                    "a crash writes the memory with every secret in it to the disk"
                } else {
                    UNLIMITED
                },
            });
        }
    }

    pub(super) fn groups(&mut self) {
        let facts = self.facts;
        let limits = &self.order.boundary.limits;
        let Some(text) = self.text("cgroup", &facts.cgroup) else { return };
        if let Some(limit) = &limits.memory {
            let files = ["memory.max", "memory.limit_in_bytes"];
            self.group(text, "memory", &files, limit.value, crate::render::compose::OWN_MEMORY);
        }
        if let Some(limit) = &limits.pids {
            self.group(text, "pids", &["pids.max"], limit.value, crate::render::compose::OWN_PIDS);
        }
        if let Some(limit) = &limits.cpu {
            self.processor(text, limit.value);
        }
    }

    /// The smallest value from the group of the process up to the root.
    fn group(&mut self, text: &str, controller: &str, files: &[&str], most: u64, own: u64) {
        self.compared();
        let folders = folders(text, controller, &self.facts.own_mounts);
        let mut read = None;
        for folder in &folders {
            for file in files {
                let Ok(value) = fs::read_to_string(folder.join(file)) else { continue };
                // Without a limit it says `max`, or a number near the end of all numbers.
                let value = value.trim().parse::<u64>().unwrap_or(u64::MAX);
                let smallest = read.get_or_insert((value, folder.join(file)));
                if value < smallest.0 {
                    *smallest = (value, folder.join(file));
                }
            }
        }
        // The root of a hierarchy has no file for a limit, and no limit.
        let root = folders.last().filter(|root| root.is_dir()).map(|root| (u64::MAX, root.clone()));
        let Some((found, file)) = read.or(root) else {
            self.undecided(format!(
                "its control group for `{controller}` cannot be read from here"
            ));
            return;
        };
        // A group around ringfence and its service holds ringfence's own share too.
        if found <= most.saturating_add(own) {
            return;
        }
        let found = if found > u64::MAX / 4 { "unlimited".to_owned() } else { found.to_string() };
        self.weaker(Weaker {
            code: "unlimited",
            layer: Layer::Cgroup,
            place: file.display().to_string(),
            wanted: &most.to_string(),
            found,
            why: UNLIMITED,
        });
    }

    fn processor(&mut self, text: &str, most: f64) {
        self.compared();
        let mut smallest: Option<f64> = None;
        let mut found = false;
        let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<f64>().ok();
        for folder in folders(text, "cpu", &self.facts.own_mounts) {
            found |= folder.is_dir();
            let cores = if let Ok(text) = fs::read_to_string(folder.join("cpu.max")) {
                let (quota, period) = text.trim().split_once(' ').unwrap_or_default();
                found = true;
                quota.parse::<f64>().ok().zip(period.parse::<f64>().ok())
            } else {
                let quota = number(folder.join("cpu.cfs_quota_us"));
                found |= quota.is_some();
                quota.filter(|quota| *quota > 0.0).zip(number(folder.join("cpu.cfs_period_us")))
            };
            if let Some((quota, period)) = cores {
                let cores = quota / period;
                smallest = Some(smallest.map_or(cores, |least| least.min(cores)));
            }
        }
        if !found {
            self.undecided("its control group for `cpu` cannot be read from here".to_owned());
        } else if smallest.is_none_or(|cores| cores > most * 1.01) {
            self.weaker(Weaker {
                code: "unlimited",
                layer: Layer::Cgroup,
                place: self.place("cgroup: cpu"),
                wanted: &most.to_string(),
                found: smallest.map_or_else(|| "unlimited".to_owned(), |cores| cores.to_string()),
                why: UNLIMITED,
            });
        }
    }
}

/// Folders of a controller's groups from the process's own up to the root, in both versions of
/// control groups.
fn folders(cgroup: &str, controller: &str, mounts: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for line in cgroup.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(names), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let unified = names.is_empty();
        if !unified && !names.split(',').any(|name| name == controller) {
            continue;
        }
        let Some((root, at)) = mounted(mounts, unified, controller) else { continue };
        // In a container the mount shows only a part of the hierarchy.
        let inside = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
        let mut folder = PathBuf::from(&at);
        all.push(folder.clone());
        for part in inside.split('/').filter(|part| !part.is_empty() && *part != "..") {
            folder.push(part);
            all.push(folder.clone());
        }
    }
    all.reverse();
    all
}

/// Which part of a hierarchy is mounted, and where.
fn mounted(mounts: &str, unified: bool, controller: &str) -> Option<(String, String)> {
    for line in mounts.lines() {
        let (left, right) = line.split_once(" - ")?;
        let left: Vec<&str> = left.split(' ').collect();
        let right: Vec<&str> = right.split(' ').collect();
        let (kind, options) = (right.first()?, right.last()?);
        let fits = if unified {
            *kind == "cgroup2"
        } else {
            *kind == "cgroup" && options.split(',').any(|option| option == controller)
        };
        if fits {
            return Some(((*left.get(3)?).to_owned(), (*left.get(4)?).to_owned()));
        }
    }
    None
}
