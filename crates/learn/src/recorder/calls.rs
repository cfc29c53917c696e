//! The system calls that are looked at, and what each says about itself.
//!
//! One table: the filter is made of it, and so is the list by number that a call is found in.

use super::uses::Uses;
use ringfence_sys::seccomp::{Arch, Bits, Profile, Watched, call_number};

/// What a call does, with the numbers of the arguments that tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Uses the object at a path. A missing folder argument is the working directory.
    Path { path: u8, folder: Option<u8>, uses: Uses },
    /// Opens what is at a path; the flags are an argument.
    Open { path: u8, folder: Option<u8>, flags: u8 },
    /// openat2(2): the flags are in memory.
    OpenHow,
    /// Takes a name away and gives another: the numbers of folder and path of the old and the new.
    Rename { old: (Option<u8>, u8), new: (Option<u8>, u8) },
    /// Starts a program.
    Exec { path: u8, folder: Option<u8>, argv: u8 },
    /// Maps an open file as code.
    Map,
    /// connect(2).
    Connect,
    /// bind(2).
    Bind,
    /// listen(2).
    Listen,
    /// getsockname(2): tells a look at one's own address from a use of the socket.
    SocketName,
    /// sendto(2).
    SendTo,
    /// sendmsg(2).
    SendMessage,
    /// sendmmsg(2).
    SendMessages,
    /// Makes a process: nothing to note, but none can be made once nobody listens.
    Fork,
    /// Asks for a ring (`io_uring`), whose calls nobody would see.
    Ring,
    /// Changes what paths mean.
    Root,
}

/// A call: its name, what it does, and when it is looked at at all.
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) act: Act,
    pub(super) when: &'static [Bits],
}

const EMPTY_PATH: u32 = libc::AT_EMPTY_PATH.unsigned_abs();
const EXEC: u32 = libc::PROT_EXEC.unsigned_abs();
const ANONYMOUS: u32 = libc::MAP_ANONYMOUS.unsigned_abs();
const THREAD: u32 = libc::CLONE_THREAD.unsigned_abs();

const fn call(name: &'static str, act: Act) -> Call {
    Call { name, act, when: &[] }
}

const fn at(name: &'static str, path: u8, uses: Uses) -> Call {
    call(name, Act::Path { path, folder: None, uses })
}

const fn beneath(name: &'static str, folder: u8, path: u8, uses: Uses) -> Call {
    call(name, Act::Path { path, folder: Some(folder), uses })
}

const fn opens(name: &'static str, folder: Option<u8>, path: u8, flags: u8) -> Call {
    call(name, Act::Open { path, folder, flags })
}

const fn renames(name: &'static str, old: (Option<u8>, u8), new: (Option<u8>, u8)) -> Call {
    call(name, Act::Rename { old, new })
}

/// Calls that only look; they are left out where the order says so.
const LOOKS: &[Call] = &[
    at("access", 0, Uses::LOOK),
    at("getxattr", 0, Uses::LOOK),
    at("lgetxattr", 0, Uses::LOOK),
    at("listxattr", 0, Uses::LOOK),
    at("llistxattr", 0, Uses::LOOK),
    at("lstat", 0, Uses::LOOK),
    at("readlink", 0, Uses::LOOK),
    at("stat", 0, Uses::LOOK),
    at("statfs", 0, Uses::LOOK),
    beneath("faccessat", 0, 1, Uses::LOOK),
    beneath("faccessat2", 0, 1, Uses::LOOK),
    beneath("file_getattr", 0, 1, Uses::LOOK),
    beneath("getxattrat", 0, 1, Uses::LOOK),
    beneath("listxattrat", 0, 1, Uses::LOOK),
    beneath("name_to_handle_at", 0, 1, Uses::LOOK),
    beneath("readlinkat", 0, 1, Uses::LOOK),
    Call { when: &[Bits::None(3, EMPTY_PATH)], ..beneath("newfstatat", 0, 1, Uses::LOOK) },
    Call { when: &[Bits::None(2, EMPTY_PATH)], ..beneath("statx", 0, 1, Uses::LOOK) },
];

const USES: &[Call] = &[
    at("chdir", 0, Uses::LOOK),
    at("chmod", 0, Uses::CHANGE),
    at("chown", 0, Uses::CHANGE),
    at("creat", 0, Uses::CREATE),
    at("inotify_add_watch", 1, Uses::LOOK),
    at("lchown", 0, Uses::CHANGE),
    at("lremovexattr", 0, Uses::CHANGE),
    at("lsetxattr", 0, Uses::CHANGE),
    at("mkdir", 0, Uses::CREATE),
    at("mknod", 0, Uses::CREATE),
    at("removexattr", 0, Uses::CHANGE),
    at("rmdir", 0, Uses::REMOVE),
    at("setxattr", 0, Uses::CHANGE),
    at("symlink", 1, Uses::CREATE),
    at("truncate", 0, Uses::WRITE),
    at("unlink", 0, Uses::REMOVE),
    at("utime", 0, Uses::CHANGE),
    at("utimes", 0, Uses::CHANGE),
    beneath("fchmodat", 0, 1, Uses::CHANGE),
    beneath("fchmodat2", 0, 1, Uses::CHANGE),
    beneath("fchownat", 0, 1, Uses::CHANGE),
    beneath("file_setattr", 0, 1, Uses::CHANGE),
    beneath("futimesat", 0, 1, Uses::CHANGE),
    beneath("mkdirat", 0, 1, Uses::CREATE),
    beneath("mknodat", 0, 1, Uses::CREATE),
    beneath("removexattrat", 0, 1, Uses::CHANGE),
    beneath("setxattrat", 0, 1, Uses::CHANGE),
    beneath("symlinkat", 1, 2, Uses::CREATE),
    beneath("unlinkat", 0, 1, Uses::REMOVE),
    beneath("utimensat", 0, 1, Uses::CHANGE),
    opens("open", None, 0, 1),
    opens("openat", Some(0), 1, 2),
    call("openat2", Act::OpenHow),
    renames("link", (None, 0), (None, 1)),
    renames("linkat", (Some(0), 1), (Some(2), 3)),
    renames("rename", (None, 0), (None, 1)),
    renames("renameat", (Some(0), 1), (Some(2), 3)),
    renames("renameat2", (Some(0), 1), (Some(2), 3)),
    call("execve", Act::Exec { path: 0, folder: None, argv: 1 }),
    call("execveat", Act::Exec { path: 1, folder: Some(0), argv: 2 }),
    Call { when: &[Bits::Any(2, EXEC), Bits::None(3, ANONYMOUS)], ..call("mmap", Act::Map) },
    call("bind", Act::Bind),
    call("connect", Act::Connect),
    call("getsockname", Act::SocketName),
    call("listen", Act::Listen),
    call("sendmmsg", Act::SendMessages),
    call("sendmsg", Act::SendMessage),
    call("sendto", Act::SendTo),
    Call { when: &[Bits::None(0, THREAD)], ..call("clone", Act::Fork) },
    call("clone3", Act::Fork),
    call("fork", Act::Fork),
    call("vfork", Act::Fork),
    call("io_uring_setup", Act::Ring),
    call("chroot", Act::Root),
    call("mount", Act::Root),
    call("move_mount", Act::Root),
    call("pivot_root", Act::Root),
    call("setns", Act::Root),
];

/// The calls of a recording.
pub(super) fn watched(stats: bool) -> Vec<Watched<'static>> {
    let looks = if stats { LOOKS } else { &[] };
    let of = |call: &'static Call| Watched { call: call.name, when: call.when };
    USES.iter().chain(looks).map(of).collect()
}

/// What each call does, by its number on this machine.
pub(super) struct Numbers(Vec<Option<Act>>);

impl Numbers {
    pub(super) fn of(profile: &Profile, arch: Arch) -> Self {
        let mut acts = Vec::new();
        for call in USES.iter().chain(LOOKS) {
            if let Some(number) = call_number(profile, arch, call.name) {
                if acts.len() <= number {
                    acts.resize(number + 1, None);
                }
                acts[number] = Some(call.act);
            }
        }
        Self(acts)
    }

    pub(super) fn act(&self, number: i64) -> Option<Act> {
        self.0.get(usize::try_from(number).ok()?).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_sys::seccomp::compile_watch;

    #[test]
    fn every_call_is_known_and_the_filter_fits() {
        let profile = Profile::builtin();
        for call in USES.iter().chain(LOOKS) {
            let known = |arch| call_number(&profile, arch, call.name).is_some();
            assert!(known(Arch::X86_64) || known(Arch::Aarch64), "{}", call.name);
        }
        for arch in [Arch::X86_64, Arch::Aarch64] {
            let numbers = Numbers::of(&profile, arch);
            let openat = call_number(&profile, arch, "openat").unwrap();
            let opens = Act::Open { path: 1, folder: Some(0), flags: 2 };
            assert_eq!(numbers.act(openat.try_into().unwrap()), Some(opens));
            assert_eq!(numbers.act(-1), None);
            for stats in [false, true] {
                compile_watch(&profile, arch, &watched(stats)).unwrap();
            }
        }
    }
}
