//! What an open asks for, and which symlinks it does not follow.

use super::caller::{self, Start};
use super::look::Root;
use super::place;
use super::uses::Uses;
use ringfence_sys::mount;

/// The flags of an open and, of openat2(2), how its path is resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    flags: u64,
    resolve: u64,
}

impl Rules {
    /// Of open(2) and openat(2).
    pub(super) const fn of_open(flags: u64) -> Self {
        Self { flags, resolve: 0 }
    }

    /// Of the structure that openat2(2) is given: flags, mode, resolve.
    pub(super) fn of_open_how(tid: i32, at: u64) -> Self {
        let word =
            |index: u64| caller::read_word(tid, at.wrapping_add(8 * index)).unwrap_or_default();
        Self { flags: word(0), resolve: word(2) }
    }

    /// How the file is used.
    pub(super) const fn uses(self) -> Uses {
        Uses::of_open(self.flags)
    }

    /// Whether a symlink may make the kernel refuse it.
    pub(super) const fn mind_links(self) -> bool {
        self.resolve & (mount::RESOLVE_NO_SYMLINKS | mount::RESOLVE_BENEATH) != 0 || self.no_last()
    }

    /// Whether the kernel refuses it because of a symlink in this path, which is absolute.
    pub(super) fn refuse(self, root: &Root, path: &[u8], tid: i32, start: Start) -> bool {
        if self.no_last() && root.is_link(path) {
            return true;
        }
        if self.resolve & (mount::RESOLVE_NO_SYMLINKS | mount::RESOLVE_BENEATH) == 0 {
            return false;
        }
        // The folder's own path has no links: the kernel told it.
        let Some(real) = root.look(path).real else { return false };
        if self.resolve & mount::RESOLVE_NO_SYMLINKS != 0 {
            return true;
        }
        let mut folder = Vec::new();
        place::absolute(tid, b".", start, &mut folder)
            && !real.strip_prefix(folder.as_slice()).is_some_and(|rest| rest.starts_with(b"/"))
    }

    /// A link at the end of the path is not followed; with `O_PATH` it is what is opened.
    const fn no_last(self) -> bool {
        const NO_FOLLOW: u64 = libc::O_NOFOLLOW.unsigned_abs() as u64;
        const PATH: u64 = libc::O_PATH.unsigned_abs() as u64;
        self.flags & NO_FOLLOW != 0 && self.flags & PATH == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_that_is_not_followed_uses_nothing_of_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::write(folder.join("outside"), "").unwrap();
        std::fs::create_dir(folder.join("root")).unwrap();
        std::fs::write(folder.join("root/file"), "").unwrap();
        symlink("../outside", folder.join("root/away")).unwrap();
        symlink("file", folder.join("root/within")).unwrap();
        let no_follow = u64::from(libc::O_NOFOLLOW.unsigned_abs());
        let refuses = |name: &str, flags: u64, resolve: u64| {
            let path = folder.join("root").join(name);
            let rules = Rules { flags, resolve };
            let pid = i32::try_from(std::process::id()).unwrap();
            let root = std::fs::File::open(folder.join("root")).unwrap();
            let start =
                Start::of(Some(std::os::fd::AsRawFd::as_raw_fd(&root).unsigned_abs().into()));
            rules.mind_links()
                && rules.refuse(&Root::own(), path.as_os_str().as_bytes(), pid, start)
        };
        for (name, open, no_last, no_links, beneath) in [
            ("file", false, false, false, false),
            ("away", false, true, true, true),
            ("within", false, true, true, false),
        ] {
            assert_eq!(refuses(name, 0, 0), open, "{name}");
            assert_eq!(refuses(name, no_follow, 0), no_last, "{name}");
            assert_eq!(refuses(name, 0, mount::RESOLVE_NO_SYMLINKS), no_links, "{name}");
            assert_eq!(refuses(name, 0, mount::RESOLVE_BENEATH), beneath, "{name}");
        }
        let path = u64::from(libc::O_PATH.unsigned_abs());
        assert!(!refuses("away", no_follow | path, 0), "the link itself is opened");
    }
}
