//! The live service's view of files, from outside: mounts, open files, control groups.

use super::inspect::{Finding, Mismatch, Process};
use super::running::Running;
use crate::enforce::GENERATED;
use crate::plan::{Access, Plan, ViewEntry};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One line of `/proc/PID/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    id: String,
    at: PathBuf,
    read_only: bool,
    executable: bool,
    set_user: bool,
    devices: bool,
}

/// Where every service has file systems of its own.
const OWN: [&str; 6] = ["/dev", "/dev/pts", "/dev/shm", "/proc", "/run", "/tmp"];
/// Whatever is shown of the host for a runtime: memory and processor limits.
const BELOW: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Every mount is one of the plan or one that every service has, and no wider than its grant.
pub(super) fn mounts(running: &Running, plan: &Plan) -> Finding {
    let table = read(running.program, "mountinfo")?;
    let all: Vec<Mount> = table.lines().filter_map(parse).collect();
    let otherwise = |mount: &Mount, what: &str| {
        Err(Mismatch::Otherwise(format!("{} {what}", mount.at.display())))
    };
    let binds: BTreeMap<&Path, Access> = plan
        .view
        .iter()
        .filter_map(|entry| match entry {
            ViewEntry::Bind { target, access, .. } => Some((target.as_path(), *access)),
            ViewEntry::Mask { target, .. } => Some((target.as_path(), Access::Read)),
            ViewEntry::Directory { .. } | ViewEntry::Symlink { .. } => None,
        })
        .collect();
    for mount in &all {
        if mount.set_user {
            return otherwise(mount, "would let set-user-id programs work");
        }
        // The deepest grant that it lies in.
        let grant = binds.iter().rev().find(|(target, _)| mount.at.starts_with(target));
        match grant {
            Some((_, Access::Read)) if !mount.read_only => return otherwise(mount, "is writable"),
            Some((_, Access::Execute)) if !mount.read_only => {
                return otherwise(mount, "is writable and executable");
            }
            Some((_, Access::Read | Access::Write)) if mount.executable => {
                return otherwise(mount, "is executable");
            }
            Some(_) => {}
            None if is_own(&mount.at, plan) => {
                if mount.executable && mount.at != Path::new("/") {
                    return otherwise(mount, "is executable");
                }
                let root = mount.at == Path::new("/") || mount.at == Path::new("/proc");
                if root && !mount.read_only {
                    return otherwise(mount, "is writable");
                }
            }
            None => return otherwise(mount, "is not granted"),
        }
        if mount.devices && !mount.at.starts_with("/dev") {
            return otherwise(mount, "would let device files work");
        }
    }
    let missing = binds.keys().find(|target| {
        let nearest = all.iter().filter(|mount| target.starts_with(&mount.at));
        nearest.max_by_key(|mount| mount.at.as_os_str().len()).is_none()
    });
    match missing {
        Some(target) => Err(Mismatch::Unread(format!("{} has no mount", target.display()))),
        None => Ok(format!("{} mounts", all.len())),
    }
}

/// What `enforce` gives every service besides its grants.
fn is_own(at: &Path, plan: &Plan) -> bool {
    at == Path::new("/")
        || OWN.iter().chain(&GENERATED).any(|own| at == Path::new(own))
        || BELOW.iter().any(|own| at.starts_with(own))
        || plan.secrets.iter().any(|secret| secret.to.starts_with(at))
        || plan.cwd == at
}

/// Descriptors above the standard ones lead to files of the service's own root only.
pub(super) fn descriptors(process: &Process) -> Finding {
    let pid = process.pid;
    let mounts = read(pid, "mountinfo")?;
    let known: Vec<String> = mounts.lines().filter_map(parse).map(|mount| mount.id).collect();
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).map_err(unread)?;
    let mut count = 0;
    for entry in entries.filter_map(Result::ok) {
        let number = entry.file_name().to_string_lossy().into_owned();
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        count += 1;
        let file = target.is_absolute() && !target.starts_with("/memfd:");
        if !file || number.parse::<u32>().is_ok_and(|number| number <= 2) {
            continue;
        }
        let Ok(facts) = read(pid, &format!("fdinfo/{number}")) else { continue };
        let mount = facts.lines().find_map(|line| line.strip_prefix("mnt_id:")).map(str::trim);
        if !mount.is_some_and(|mount| known.iter().any(|id| id == mount)) {
            let what = format!("descriptor {number} is {} of another root", target.display());
            return Err(Mismatch::Otherwise(what));
        }
    }
    Ok(if count > 3 { "descriptors of its own root".to_owned() } else { "no more".to_owned() })
}

/// Limits that control groups hold, where the host shows them.
pub(super) fn groups(running: &Running, plan: &Plan) -> Finding {
    let table = read(running.program, "cgroup")?;
    let limits = &plan.limits;
    let wanted = [
        (
            "memory",
            ["memory.max", "memory.limit_in_bytes"],
            limits.memory.as_ref().map(|l| l.value),
        ),
        ("pids", ["pids.max", "pids.max"], limits.pids.as_ref().map(|l| l.value)),
    ];
    let mut seen = Vec::new();
    for (controller, files, limit) in wanted {
        let Some(limit) = limit else { continue };
        let found = files.iter().find_map(|file| {
            group_folders(&table, controller)
                .iter()
                .find_map(|folder| fs::read_to_string(folder.join(file)).ok())
        });
        match found.map(|text| text.trim().to_owned()) {
            Some(text) if text.parse::<u64>().is_ok_and(|found| found <= limit) => {
                seen.push(format!("{controller} {text}"));
            }
            Some(text) => {
                let what = format!("{controller} is {text} instead of {limit}");
                return Err(Mismatch::Otherwise(what));
            }
            None => return Err(Mismatch::Unread(format!("no limit of {controller} is shown"))),
        }
    }
    Ok(if seen.is_empty() { "none are planned".to_owned() } else { seen.join(", ") })
}

/// Where a controller's group may be mounted, version 1 and 2.
fn group_folders(table: &str, controller: &str) -> Vec<PathBuf> {
    let base = Path::new("/sys/fs/cgroup");
    table
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (names, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
            if names.is_empty() {
                return Some(vec![base.join(path), base.join("unified").join(path)]);
            }
            let ours = names.split(',').any(|name| name == controller);
            ours.then(|| vec![base.join(names).join(path), base.join(controller).join(path)])
        })
        .flatten()
        .collect()
}

/// `proc_pid_mountinfo(5)`: id, parent, device, root, mount point, options.
fn parse(line: &str) -> Option<Mount> {
    let words: Vec<&str> = line.split(' ').collect();
    let options: Vec<&str> = words.get(5)?.split(',').collect();
    let has = |option: &str| options.contains(&option);
    Some(Mount {
        id: (*words.first()?).to_owned(),
        at: PathBuf::from(unescape(words.get(4)?)),
        read_only: has("ro"),
        executable: !has("noexec"),
        set_user: !has("nosuid"),
        devices: !has("nodev"),
    })
}

/// Spaces and the like are written as octal numbers.
fn unescape(text: &str) -> String {
    let mut plain = text.to_owned();
    for (code, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        plain = plain.replace(code, character);
    }
    plain
}

fn read(pid: u32, name: &str) -> Result<String, Mismatch> {
    fs::read_to_string(format!("/proc/{pid}/{name}")).map_err(unread)
}

fn unread(error: std::io::Error) -> Mismatch {
    Mismatch::Unread(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_is_read_with_its_spaces() {
        let line = "36 35 98:0 /mnt1 /mnt/a\\040b ro,nosuid,noexec - ext3 /dev/root rw";
        let mount = parse(line).unwrap();
        assert_eq!(mount.at, Path::new("/mnt/a b"));
        assert!(mount.read_only && !mount.executable && !mount.set_user && mount.devices);
    }

    #[test]
    fn groups_of_both_versions_are_looked_for() {
        let table = "4:memory:/x\n1:cpu,cpuacct:/y\n0::/z\n";
        let folders = group_folders(table, "memory");
        assert!(folders.contains(&PathBuf::from("/sys/fs/cgroup/memory/x")));
        assert!(folders.contains(&PathBuf::from("/sys/fs/cgroup/unified/z")));
        assert!(!folders.iter().any(|folder| folder.ends_with("y")));
    }
}
