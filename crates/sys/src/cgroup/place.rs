//! Where this process stands in the control group hierarchies, from `/proc`.
//!
//! A host has version 2, version 1 or both at once, and each controller lives in exactly one of
//! them; that version 2 is mounted says nothing about a controller. Paths in `/proc/self/cgroup` are
//! relative to the root of the hierarchy or of the cgroup namespace, mounts may show only a part of
//! it: a group that no mount shows is not used.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The folders of this process's own group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// By controller name (version 1).
    pub(super) v1: BTreeMap<String, PathBuf>,
    /// In the one hierarchy of version 2.
    pub(super) v2: Option<PathBuf>,
}

/// Reads the two files and finds the folders.
pub(super) fn own() -> std::io::Result<Places> {
    let groups = std::fs::read_to_string("/proc/self/cgroup")?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    Ok(locate(&groups, &mounts))
}

/// The folders that `/proc/self/cgroup` and `/proc/self/mountinfo` speak of.
pub(super) fn locate(groups: &str, mounts: &str) -> Places {
    let mounts: Vec<Mount<'_>> = mounts.lines().filter_map(Mount::parse).collect();
    let mut places = Places::default();
    for line in groups.lines() {
        // hierarchy:controllers:path, where version 2 is 0 without controllers.
        let mut fields = line.splitn(3, ':');
        let (Some(number), Some(names), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if number == "0" && names.is_empty() {
            places.v2 = mounts.iter().filter(|mount| mount.v2).find_map(|mount| mount.shows(path));
            continue;
        }
        for name in names.split(',').filter(|name| !name.starts_with("name=")) {
            let of_name = mounts.iter().filter(|mount| !mount.v2 && mount.has(name));
            if let Some(folder) = of_name.into_iter().find_map(|mount| mount.shows(path)) {
                places.v1.insert(name.to_owned(), folder);
            }
        }
    }
    places
}

/// A line of `/proc/self/mountinfo` about a cgroup file system.
struct Mount<'a> {
    root: PathBuf,
    target: PathBuf,
    v2: bool,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        // id, parent, device, root, target, options, optional fields, "-", type, source, options.
        let (front, back) = line.split_once(" - ")?;
        let mut front = front.split(' ').skip(3);
        let (root, target) = (unescape(front.next()?), unescape(front.next()?));
        let mut back = back.split(' ');
        let v2 = match back.next()? {
            "cgroup2" => true,
            "cgroup" => false,
            _ => return None,
        };
        Some(Self { root, target, v2, options: back.nth(1).unwrap_or_default() })
    }

    fn has(&self, controller: &str) -> bool {
        self.options.split(',').any(|option| option == controller)
    }

    /// The folder in which this mount shows the group, if it does.
    fn shows(&self, group: &str) -> Option<PathBuf> {
        let group = Path::new(group);
        if group.components().any(|part| part == Component::ParentDir) {
            return None;
        }
        // Taken apart and put together, so that the mount itself has no slash at its end.
        let rest = group.strip_prefix(&self.root).ok()?;
        Some(self.target.join(rest).components().collect())
    }
}

/// Spaces, tabs, line ends and backslashes are written as three octal digits (proc(5)).
fn unescape(field: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    let octal = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..3).filter(|_| *first == b'\\').and_then(octal);
        bytes.push(escaped.unwrap_or(*first));
        rest = after.get(if escaped.is_some() { 3 } else { 0 }..).unwrap_or_default();
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_version_2_host_has_one_folder() {
        let mounts =
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        let places = locate("0::/user.slice/app.scope\n", mounts);
        let folder = PathBuf::from("/sys/fs/cgroup/user.slice/app.scope");
        assert_eq!(places, Places { v1: BTreeMap::new(), v2: Some(folder) });
    }

    #[test]
    fn a_hybrid_host_has_each_controller_where_it_lives() {
        let groups = "12:pids:/a\n4:cpu,cpuacct:/a/b\n2:memory:/m\n1:name=systemd:/s\n0::/u\n";
        let mounts = "\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 /a /sys/fs/cgroup/pids\\040x rw,relatime shared:9 - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
42 31 0:40 / /proc rw,relatime - proc proc rw";
        let places = locate(groups, mounts);
        let folders: Vec<_> =
            places.v1.iter().map(|(name, path)| format!("{name} {}", path.display())).collect();
        insta::assert_debug_snapshot!(folders, @r#"
        [
            "cpu /sys/fs/cgroup/cpu,cpuacct/a/b",
            "cpuacct /sys/fs/cgroup/cpu,cpuacct/a/b",
            "memory /sys/fs/cgroup/memory/m",
            "pids /sys/fs/cgroup/pids x",
        ]
        "#);
        assert_eq!(places.v2, Some(PathBuf::from("/sys/fs/cgroup/unified/u")));
    }

    #[test]
    fn a_group_that_no_mount_shows_is_not_used() {
        let elsewhere = "41 31 0:38 /docker/a /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        assert_eq!(locate("0::/docker/abc\n", elsewhere), Places::default());
        let mounts = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        assert_eq!(locate("0::/../outside\n", mounts), Places::default());
    }

    #[test]
    fn odd_lines_are_passed_over() {
        for text in
            ["", "\n\n", "0:", "::", "x - y", "1 2 3 - cgroup2", "\\", "1 2 3 \\9 \\ - cgroup"]
        {
            let _ = locate(text, text);
            let _ = locate("0::/\n1:cpu:/", text);
        }
    }
}
