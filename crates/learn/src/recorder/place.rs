//! Paths as they are written down: absolute, without `.` and `..`, symlinks left in.

use super::caller::{self, LONGEST, Start, as_path};
use std::os::unix::ffi::OsStrExt as _;

/// Writes the path that a thread means into `into`; answers whether that is known.
pub(super) fn absolute(tid: i32, path: &[u8], start: Start, into: &mut Vec<u8>) -> bool {
    into.clear();
    if !path.starts_with(b"/") {
        let Some(folder) = caller::folder(tid, start) else { return false };
        into.extend_from_slice(&folder);
        into.push(b'/');
    }
    into.extend_from_slice(path);
    if !is_plain(into) {
        make_plain(into);
    }
    into.len() <= LONGEST
}

/// Whether there is nothing to take out.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0_u8;
    let mut dots_only = false;
    for byte in path {
        if *byte == b'/' {
            if before == b'/' || dots_only {
                return false;
            }
            dots_only = false;
        } else {
            dots_only = *byte == b'.' && (before == b'/' || dots_only);
        }
        before = *byte;
    }
    !dots_only && (before != b'/' || path.len() == 1)
}

/// `..` behind a symlink leads to the folder above where it points, so there the link is followed.
fn make_plain(path: &mut Vec<u8>) {
    let mut plain: Vec<u8> = Vec::with_capacity(path.len());
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                if std::fs::symlink_metadata(as_path(&plain)).is_ok_and(|m| m.is_symlink())
                    && let Ok(real) = std::fs::canonicalize(as_path(&plain))
                {
                    plain = real.as_os_str().as_bytes().to_vec();
                }
                let end = plain.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
                plain.truncate(end);
            }
            name => {
                plain.push(b'/');
                plain.extend_from_slice(name);
            }
        }
    }
    if plain.is_empty() {
        plain.push(b'/');
    }
    *path = plain;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(path: &str) -> String {
        let mut into = Vec::new();
        assert!(absolute(0, path.as_bytes(), Start::Folder, &mut into));
        String::from_utf8(into).unwrap()
    }

    #[test]
    fn dots_and_doubled_slashes_are_taken_out() {
        for (path, wanted) in [
            ("/a/b", "/a/b"),
            ("/", "/"),
            ("//", "/"),
            ("/a//b/", "/a/b"),
            ("/a/./b/.", "/a/b"),
            ("/a/../b/..", "/"),
            ("/../x", "/x"),
            ("/a/.b/..c/d.", "/a/.b/..c/d."),
            ("/a/.../b", "/a/.../b"),
        ] {
            assert_eq!(plain(path), wanted, "{path}");
        }
    }

    #[test]
    fn two_dots_behind_a_symlink_lead_above_where_it_points() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(folder.join("real/deep")).unwrap();
        std::os::unix::fs::symlink("real/deep", folder.join("link")).unwrap();
        let named = folder.join("link/../x");
        assert_eq!(plain(named.to_str().unwrap()), folder.join("real/x").to_str().unwrap());
    }

    #[test]
    fn a_relative_path_starts_at_the_working_directory() {
        let own = std::env::current_dir().unwrap();
        let mut into = Vec::new();
        let tid = i32::try_from(std::process::id()).unwrap();
        assert!(absolute(tid, b"./x/../y", Start::Folder, &mut into));
        assert_eq!(as_path(&into), own.join("y"));
        assert!(!absolute(tid, b"y", Start::Open(9999), &mut into));
    }
}
