//! The live service's view of files, from outside: mounts, open files, control groups.

use super::inspect::{Finding, Mismatch, Process};
use super::running::Running;
use crate::generated::GENERATED;
use crate::plan::{Access, Plan, ViewEntry};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One line of `/proc/PID/mountinfo`.
#[expect(clippy::struct_excessive_bools, reason = "each is one option of a mount")]
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
    let grants = plan.view.iter().filter_map(|entry| match entry {
        ViewEntry::Bind { target, access, .. } => Some((target.as_path(), *access)),
        ViewEntry::Mask { target, .. } => Some((target.as_path(), Access::Read)),
        ViewEntry::Directory { .. } | ViewEntry::Symlink { .. } => None,
    });
    fit(&table, &grants.collect(), &|at| is_own(at, plan))
}

/// A table of mounts against what is granted.
fn fit(table: &str, grants: &BTreeMap<&Path, Access>, own: &dyn Fn(&Path) -> bool) -> Finding {
    let all: Vec<Mount> = table.lines().filter_map(parse).collect();
    for mount in &all {
        if let Some(what) = mount.is_wider(grants, own) {
            return Err(Mismatch::Otherwise(format!("{} {what}", mount.at.display())));
        }
    }
    if all.is_empty() {
        return Err(Mismatch::Unread("no mounts are shown".to_owned()));
    }
    Ok(format!("{} mounts", all.len()))
}

impl Mount {
    /// What of it is more than granted.
    fn is_wider(
        &self,
        grants: &BTreeMap<&Path, Access>,
        own: &dyn Fn(&Path) -> bool,
    ) -> Option<&'static str> {
        if self.set_user {
            return Some("would let set-user-id programs work");
        }
        if self.devices && !self.at.starts_with("/dev") {
            return Some("would let device files work");
        }
        let root = self.at == Path::new("/");
        // The deepest grant that it lies in.
        match grants.iter().rev().find(|(target, _)| self.at.starts_with(target)) {
            Some((_, Access::Read | Access::Execute)) if !self.read_only => Some("is writable"),
            Some((_, Access::Read | Access::Write)) if self.executable => Some("is executable"),
            None if !own(&self.at) => Some("is not granted"),
            None if self.executable && !root => Some("is executable"),
            None if (root || self.at == Path::new("/proc")) && !self.read_only => {
                Some("is writable")
            }
            Some(_) | None => None,
        }
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

#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
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
    fn a_mount_that_is_wider_than_its_grant_or_no_grant_at_all_is_open() {
        let table = |at: &str, options: &str| {
            format!("1 0 0:1 / / ro,nosuid,nodev - x y z\n2 1 0:2 / {at} {options} - x y z\n")
        };
        let fits = |at: &str, options: &str, access| {
            let grants = BTreeMap::from([(Path::new("/app"), access)]);
            fit(&table(at, options), &grants, &|at| at == Path::new("/"))
        };
        let open = |found: Finding| matches!(found, Err(Mismatch::Otherwise(_)));
        let whole = "ro,nosuid,nodev,noexec";
        assert!(fits("/app", whole, Access::Read).is_ok());
        assert!(fits("/app", "ro,nosuid,nodev", Access::Execute).is_ok());
        assert!(fits("/app", "rw,nosuid,nodev,noexec", Access::Write).is_ok());
        for option in ["ro", "nosuid", "nodev", "noexec"] {
            let less = whole.replace(option, "relatime");
            assert!(open(fits("/app", &less, Access::Read)), "{less}");
        }
        assert!(open(fits("/app", "rw,nosuid,nodev", Access::Execute)));
        assert!(open(fits("/app", "rw,nosuid,nodev", Access::Write)));
        assert!(open(fits("/home", whole, Access::Read)));
        assert!(fits("/app/below", whole, Access::Read).is_ok());
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
