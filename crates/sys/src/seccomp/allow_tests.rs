//! The filters of the broker and of init do what their lists say, and the lists say what the broker
//! and init are claimed to be unable to do.

use super::*;
use crate::bpf::interpreter::{Data, run};
use crate::errno::Errno;
use crate::seccomp::table::KILL_PROCESS;
use std::collections::BTreeSet;

const ARCHES: [Arch; 2] = [Arch::Aarch64, Arch::X86_64];
const HIGH_BITS: u64 = 0xdead_beef << 32;

/// One process's filter with names instead of numbers.
struct Subject {
    list: AllowList,
    arch: Arch,
    namespaces: bool,
    filter: Filter,
}

impl Subject {
    fn broker(arch: Arch, namespaces: bool) -> Self {
        let profile = Profile::builtin();
        let filter = compile_broker(&profile, arch, namespaces).unwrap();
        Self { list: profile.broker, arch, namespaces, filter }
    }

    fn init(arch: Arch, namespaces: bool) -> Self {
        let profile = Profile::builtin();
        let filter = compile_init(&profile, arch, namespaces).unwrap();
        Self { list: profile.init, arch, namespaces, filter }
    }

    /// The broker and init, on both machines, with namespaces and without.
    fn all() -> impl Iterator<Item = Self> {
        ARCHES.into_iter().flat_map(|arch| {
            [true, false].into_iter().flat_map(move |namespaces| {
                [Self::broker(arch, namespaces), Self::init(arch, namespaces)]
            })
        })
    }

    fn brokers() -> impl Iterator<Item = Self> {
        ARCHES.into_iter().flat_map(|arch| [true, false].map(|with| Self::broker(arch, with)))
    }

    fn number(&self, name: &str) -> Option<u32> {
        let profile = Profile::builtin();
        let call = profile.call(name).unwrap_or_else(|| panic!("{name} is no call"));
        match self.arch {
            Arch::Aarch64 => call.aarch64,
            Arch::X86_64 => call.x86_64,
        }
        .map(u32::from)
    }

    fn run(&self, nr: u32, args: [u64; 6], constant: bool) -> Option<u32> {
        run(self.filter.code(), Data { nr, arch: self.arch.audit(), args }, constant)
    }

    /// Whether a call with these arguments is allowed; a machine without the call refuses it.
    fn allows(&self, name: &str, args: [u64; 6]) -> bool {
        let Some(nr) = self.number(name) else { return false };
        let answer = self.run(nr, args, false);
        let refused = refusal(self.list.refusal);
        assert!(answer == Some(ALLOW) || answer == Some(refused), "{name} answers {answer:?}");
        answer == Some(ALLOW)
    }
}

fn with(index: usize, value: u64) -> [u64; 6] {
    let mut args = [0; 6];
    args[index] = value;
    args
}

/// Values of one argument that a condition tells apart, and neighbours of them.
fn tried(condition: &Condition) -> Vec<u64> {
    let named = match condition.test {
        ConditionTest::Clear(list) | ConditionTest::OneOf(list) | ConditionTest::Set(list) => list,
    };
    let all = named.iter().fold(0, |all, named| all | u64::from(named.value));
    let values = named.iter().map(|named| u64::from(named.value));
    let near = values.flat_map(|value| [value, value ^ 1, value + 1, value << 1, !value]);
    near.chain([0, all, !all, 0x8_0000, all | 0x8_0000, u64::MAX]).collect()
}

/// Argument registers for one entry: every combination of what its conditions tell apart.
fn registers(conditions: &[Condition]) -> Vec<[u64; 6]> {
    let mut all = vec![[0; 6]];
    for condition in conditions {
        let at = usize::from(condition.argument);
        let mut next = Vec::new();
        for args in &all {
            for value in tried(condition) {
                let mut args = *args;
                args[at] |= value;
                next.push(args);
                args[at] = value | HIGH_BITS;
                next.push(args);
            }
        }
        all = next;
    }
    all
}

#[test]
fn the_filters_allow_exactly_what_their_lists_allow() {
    for subject in Subject::all() {
        for call in Profile::builtin().calls {
            let of_call = subject.list.calls.iter().filter(|allowed| allowed.call == call.name);
            let tried = of_call.flat_map(|allowed| registers(allowed.conditions));
            let tried: BTreeSet<_> = tried.chain([[0; 6], [u64::MAX; 6]]).collect();
            for args in tried.iter().filter(|_| subject.number(call.name).is_some()) {
                let expected = subject.list.allows(call.name, *args, subject.namespaces);
                assert_eq!(subject.allows(call.name, *args), expected, "{} {args:x?}", call.name);
            }
        }
    }
}

#[test]
fn every_entry_says_why_and_allows_something() {
    for subject in Subject::all() {
        for allowed in subject.list.calls {
            assert!(allowed.why.len() > 5, "{}", allowed.call);
            let mut tried = registers(allowed.conditions).into_iter();
            let fits = |args: [u64; 6]| allowed.conditions.iter().all(|c| c.holds(args));
            assert!(tried.any(fits), "{} can never be called", allowed.call);
        }
    }
}

#[test]
fn the_kernel_can_remember_the_calls_whose_arguments_do_not_matter() {
    for subject in Subject::all() {
        for allowed in subject.list.calls.iter().filter(|allowed| allowed.conditions.is_empty()) {
            let Some(nr) = subject.number(allowed.call) else { continue };
            let answer = subject.run(nr, [u64::MAX; 6], true);
            let applies = allowed.when.applies(subject.namespaces);
            assert_eq!(answer == Some(ALLOW), applies, "{}", allowed.call);
        }
    }
}

#[test]
fn the_broker_opens_nothing_for_reading_or_writing() {
    // O_CLOEXEC; O_DIRECTORY and O_NOFOLLOW of either architecture.
    const HARMLESS: u64 = 0x8_0000 | 0x1_0000 | 0x4000 | 0x2_0000 | 0x8000;
    const PATH: u64 = 0x20_0000;
    for subject in Subject::brokers() {
        let open = |flags: u64| subject.allows("openat", with(2, flags));
        for allowed in [PATH, PATH | HARMLESS, HIGH_BITS | PATH] {
            assert!(open(allowed), "{allowed:#x}");
        }
        for flags in [0, 1, 2, 3, 0x8_0000, HARMLESS, 0x41, 0x42, 0x242, 0x41_0002, PATH << 32] {
            assert!(!open(flags), "{flags:#x}");
        }
        // O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE.
        for flags in [1, 2, 3, 0x40, 0x200, 0x40_0000, 0x41_0000] {
            assert!(!open(PATH | flags), "{flags:#x}");
        }
        let ways = "open openat2 creat name_to_handle_at open_by_handle_at memfd_create memfd_secret \
                    open_tree mq_open shmget shmat inotify_init1 fanotify_init userfaultfd";
        for call in ways.split_whitespace() {
            assert!(!subject.allows(call, with(2, PATH)), "{call}");
        }
    }
}

#[test]
fn the_broker_executes_nothing_and_makes_no_process() {
    const EXEC: u64 = 4;
    for subject in Subject::brokers() {
        let ways = "execve execveat clone clone3 fork vfork uselib pkey_mprotect remap_file_pages \
                    personality shmat";
        for call in ways.split_whitespace() {
            // What the C library passes for a thread, and for a child.
            for first in [0, 0x003d_0f00, 0x0120_0011] {
                assert!(!subject.allows(call, with(0, first)), "{call}");
            }
        }
        for call in ["mmap", "mprotect"] {
            for protection in 0..16 {
                let allowed = protection & EXEC == 0;
                assert_eq!(subject.allows(call, with(2, protection)), allowed, "{protection:#x}");
                let allowed = subject.allows(call, with(2, HIGH_BITS | protection)) == allowed;
                assert!(allowed, "{call} {protection:#x}");
            }
        }
    }
}

#[test]
fn the_broker_makes_pairs_of_one_kind_of_socket() {
    let pair = |family: u64, kind: u64, protocol: u64| [family, kind, protocol, 0, 0, 0];
    for subject in Subject::brokers() {
        for (args, allowed) in [
            (pair(1, 5, 0), true),
            (pair(1, 0x8_0005, 0), true),
            (pair(1, 1, 0), false),
            (pair(1, 2, 0), false),
            (pair(2, 5, 0), false),
            (pair(1, 5, 1), false),
        ] {
            assert_eq!(subject.allows("socketpair", args), allowed, "{args:?}");
        }
    }
    for arch in ARCHES {
        assert!(!Subject::init(arch, true).allows("socketpair", pair(1, 5, 0)));
    }
}

#[test]
fn the_broker_and_init_ask_for_no_right_and_touch_no_other_process() {
    let never = "ptrace process_vm_writev process_madvise kcmp mount umount2 pivot_root chroot \
                 fsopen fsmount fsconfig move_mount mount_setattr unshare setns setuid setgid \
                 setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset bpf \
                 io_uring_setup io_uring_enter io_uring_register perf_event_open seccomp keyctl \
                 add_key init_module finit_module kexec_load reboot sethostname unlinkat renameat2 \
                 linkat symlinkat mkdirat mknodat fchmodat fchownat fchmod ftruncate truncate \
                 setxattr chdir fchdir dup3 sendmmsg tkill rt_sigqueueinfo rt_tgsigqueueinfo \
                 pidfd_send_signal prlimit64 setpriority sched_setscheduler splice sendfile \
                 copy_file_range getdents64 socketpair pipe2 eventfd2 timerfd_create";
    for subject in Subject::all() {
        for call in never.split_whitespace() {
            assert!(!subject.allows(call, [0; 6]), "{call}");
        }
        for signal in 0..65_u64 {
            let ends = !subject.namespaces && signal == 9;
            assert_eq!(subject.allows("kill", with(1, signal)), ends, "signal {signal}");
            assert_eq!(subject.allows("tgkill", with(2, signal)), signal == 6, "signal {signal}");
        }
        for option in (0..80).chain([0x5961_6d61, 0x5356_4d41]) {
            let named = subject.allows("prctl", with(0, option));
            assert!(!named || option == 15, "prctl {option}");
        }
    }
    for arch in ARCHES {
        let init = Subject::init(arch, true);
        for call in ["openat", "connect", "bind", "ioctl", "pidfd_getfd", "process_vm_readv"] {
            assert!(!init.allows(call, with(2, 0x20_0000)), "init calls {call}");
        }
    }
}

#[test]
fn the_broker_asks_only_its_listener_by_ioctl() {
    let listener = [
        libc::SECCOMP_IOCTL_NOTIF_RECV,
        libc::SECCOMP_IOCTL_NOTIF_SEND,
        libc::SECCOMP_IOCTL_NOTIF_ID_VALID,
        libc::SECCOMP_IOCTL_NOTIF_ADDFD,
        libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS,
    ];
    for subject in Subject::brokers() {
        for command in listener {
            assert!(subject.allows("ioctl", with(1, command)), "{command:#x}");
        }
        for command in
            [libc::FIONREAD, libc::FIOASYNC, libc::TIOCSTI, libc::FICLONE, 0x8927, 0x894c]
        {
            assert!(!subject.allows("ioctl", with(1, command)), "{command:#x}");
        }
    }
}

#[test]
fn only_internet_sockets_are_made_after_the_start() {
    for subject in Subject::all() {
        let broker = subject.list.allows("connect", [0; 6], true);
        for family in 0..48 {
            for kind in 0..16 {
                for protocol in [0, 1, 4, 6, 17, 132, 136, 255, 262] {
                    // SOCK_NONBLOCK and SOCK_CLOEXEC.
                    let args = [family, kind | 0x8_0800, protocol, 0, 0, 0];
                    let inet = (family == 2 || family == 10) && protocol == 0;
                    let kinds = if broker { kind == 1 || kind == 2 } else { kind == 2 };
                    let expected = inet && kinds && (broker || subject.namespaces);
                    assert_eq!(subject.allows("socket", args), expected, "{args:?}");
                }
            }
        }
    }
}

#[test]
fn another_abi_ends_the_process_and_an_unknown_call_does_not_exist() {
    for subject in Subject::all() {
        let data = Data { nr: 0, arch: 0x4000_0003, args: [0; 6] };
        assert_eq!(run(subject.filter.code(), data, false), Some(KILL_PROCESS));
        // The C library knows how to do without what the kernel does not have.
        for unknown in [470, 600, 0x1000] {
            assert_eq!(subject.run(unknown, [0; 6], false), Some(refusal(Errno(libc::ENOSYS))));
        }
        assert!(subject.filter.code().len() < 400, "{}", subject.filter.code().len());
    }
}
