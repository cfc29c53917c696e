//! Every entry of the profile is tried both ways on both architectures, by interpreting the filter
//! as the kernel does.

use super::*;
use crate::bpf::interpreter::{Data, run};
use crate::errno::Errno;
use crate::seccomp::profile::SOCKET_GROUPS;
use crate::seccomp::table::{KILL_PROCESS, X32};
use std::collections::BTreeSet;

const ARCHES: [Arch; 2] = [Arch::Aarch64, Arch::X86_64];
const HIGH_BITS: u64 = 0xdead_beef << 32;

/// A compiled filter with names instead of numbers.
struct Subject {
    profile: Profile,
    arch: Arch,
    filter: Filter,
}

impl Subject {
    fn new(options: &FilterOptions<'_>) -> Self {
        let profile = Profile::builtin();
        let filter = compile(&profile, options).unwrap();
        Self { profile, arch: options.arch, filter }
    }

    fn strict(arch: Arch) -> Self {
        Self::new(&FilterOptions::strict(arch))
    }

    /// Without the supervisor's calls, so that every answer is allow or refuse.
    fn quiet(arch: Arch) -> FilterOptions<'static> {
        FilterOptions { notify_sockets: false, notify_exec: false, ..FilterOptions::strict(arch) }
    }

    fn number(&self, name: &str) -> Option<u32> {
        let call = self.profile.call(name).unwrap();
        match self.arch {
            Arch::Aarch64 => call.aarch64,
            Arch::X86_64 => call.x86_64,
        }
        .map(u32::from)
    }

    fn number_answers(&self, nr: u32, args: [u64; 6]) -> u32 {
        run(self.filter.code(), Data { nr, arch: self.arch.audit(), args }, false).unwrap()
    }

    /// The answer to a call this architecture has.
    fn answers(&self, name: &str, args: [u64; 6]) -> u32 {
        self.number_answers(self.number(name).unwrap(), args)
    }
}

fn with(index: u8, value: u64) -> [u64; 6] {
    let mut args = [0; 6];
    args[usize::from(index)] = value;
    args
}

#[test]
fn every_denied_call_answers_its_error_and_is_allowed_without_its_group() {
    for arch in ARCHES {
        for denied in Profile::builtin().denied {
            let namespaces = denied.when != When::NoNamespaces;
            let options = FilterOptions { network_namespace: namespaces, ..Subject::quiet(arch) };
            let subject = Subject::new(&options);
            let Some(number) = subject.number(denied.call) else { continue };
            let answer = subject.number_answers(number, [0; 6]);
            assert_eq!(answer, refusal(denied.errno), "{} on {arch:?}", denied.call);
            assert_eq!(subject.answers("read", [0; 6]), ALLOW, "control");

            let without = Subject::new(&FilterOptions { without: &[denied.group], ..options });
            let answer = without.number_answers(number, [0; 6]);
            assert_eq!(answer, ALLOW, "{} without {} on {arch:?}", denied.call, denied.group);
        }
    }
}

#[test]
fn what_no_profile_names_is_allowed_and_the_kernel_can_remember_it() {
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        let profile = &subject.profile;
        let named: BTreeSet<&str> = (profile.denied.iter())
            .filter(|denied| denied.when != When::NoNamespaces)
            .map(|denied| denied.call)
            .chain(profile.notified.iter().map(|notified| notified.call))
            .chain(profile.rules.iter().map(|rule| rule.call))
            .chain(["socket", "socketpair", "setsockopt", "ioctl"])
            .collect();
        let mut allowed = 0;
        for call in profile.calls.iter().filter(|call| !named.contains(call.name)) {
            let Some(nr) = subject.number(call.name) else { continue };
            let data = Data { nr, arch: arch.audit(), args: [u64::MAX; 6] };
            assert_eq!(run(subject.filter.code(), data, true), Some(ALLOW), "{}", call.name);
            allowed += 1;
        }
        assert!(allowed > 190, "{allowed} on {arch:?}");
    }
}

/// The bits that other rules want in the argument this rule is about.
fn required(profile: &Profile, rule: &ArgumentRule) -> u64 {
    let same = |other: &&ArgumentRule| other.call == rule.call && other.argument == rule.argument;
    let wanted = profile.rules.iter().filter(same).filter_map(|other| match other.test {
        ArgumentTest::Without(named) if !std::ptr::eq(other, rule) => Some(named.value),
        _ => None,
    });
    wanted.fold(0, |bits, bit| bits | u64::from(bit))
}

#[test]
fn memory_files_are_sealed_against_execution_or_refused() {
    const SEALED: u64 = 0x8;
    const EXECUTABLE: u64 = 0x10;
    let refused = refusal(Errno(libc::EACCES));
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        let answer = |flags: u64| subject.answers("memfd_create", with(1, flags));
        // Close-on-exec and sealing alone, as older programs ask; then with the seal.
        for flags in [0, 1, 2, 3, EXECUTABLE, SEALED | EXECUTABLE] {
            assert_eq!(answer(flags), refused, "{flags:#x}");
        }
        for flags in [0, 1, 2, 3] {
            assert_eq!(answer(flags | SEALED), ALLOW, "{flags:#x}");
        }
    }
}

#[test]
fn every_argument_rule_refuses_its_values_and_lets_neighbours_pass() {
    for arch in ARCHES {
        let subject = Subject::new(&Subject::quiet(arch));
        for rule in subject.profile.rules {
            let needed = required(&subject.profile, rule);
            let answer =
                |value: u64| subject.answers(rule.call, with(rule.argument, value | needed));
            let refused = refusal(rule.errno);
            let what = format!("{} {:?} on {arch:?}", rule.call, rule.test);
            match rule.test {
                ArgumentTest::AnyBit(named) => {
                    for bit in (0..32).map(|bit| 1_u64 << bit) {
                        let expected =
                            if u64::from(named.value) & bit != 0 { refused } else { ALLOW };
                        assert_eq!(answer(bit), expected, "{what} bit {bit:#x}");
                        assert_eq!(answer(bit | HIGH_BITS), expected, "{what} bit {bit:#x}");
                    }
                    assert_eq!(answer(u64::from(!named.value)), ALLOW, "{what}");
                }
                ArgumentTest::Without(named) => {
                    assert_eq!(answer(named.value.into()), ALLOW, "{what}");
                    assert_eq!(answer(u64::from(named.value) | HIGH_BITS), ALLOW, "{what}");
                    for others in [0, HIGH_BITS, u64::from(named.value) << 32] {
                        assert_eq!(answer(others), refused, "{what} {others:#x}");
                    }
                }
                ArgumentTest::Equals(named) => {
                    assert_eq!(answer(named.value.into()), refused, "{what}");
                    assert_eq!(answer(HIGH_BITS | u64::from(named.value)), refused, "{what}");
                }
                ArgumentTest::Outside(list) => {
                    for named in list {
                        assert_eq!(answer(named.value.into()), ALLOW, "{what}");
                        assert_eq!(answer(u64::from(named.value) ^ 0x1_0000), refused, "{what}");
                    }
                }
            }
        }
        // PR_SET_NAME, PR_SET_VMA, PR_GET_DUMPABLE and PR_SET_PDEATHSIG are ordinary.
        for option in [15, 0x5356_4d41, 3, 1] {
            assert_eq!(subject.answers("prctl", with(0, option)), ALLOW, "prctl {option}");
        }
    }
}

#[test]
fn threads_and_children_may_be_made_but_no_namespaces() {
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        // What the C library passes for a thread, and for a child without clone3.
        for flags in [0x003d_0f00, 0x0120_0011] {
            assert_eq!(subject.answers("clone", with(0, flags)), ALLOW);
        }
        assert_eq!(subject.answers("clone", with(0, 0x1000_0011)), refusal(Errno(libc::EPERM)));
        assert_eq!(subject.answers("clone3", [0; 6]), refusal(Errno(libc::ENOSYS)));
    }
}

/// What the table says about a socket, without a filter.
fn socket_verdict(options: &FilterOptions<'_>, family: u32, kind: u32, protocol: u32) -> u32 {
    let profile = Profile::builtin();
    let refusals = profile.socket_refusals;
    let of_family = || profile.sockets.iter().filter(|socket| socket.family.value == family);
    if of_family().next().is_none() {
        return refusal(refusals.family);
    }
    let kind = kind & 0xf;
    let Some(socket) =
        of_family().find(|socket| socket.kind.value == kind && options.applies(socket.when))
    else {
        return refusal(refusals.kind);
    };
    if socket.protocols.iter().any(|allowed| allowed.value == protocol) {
        ALLOW
    } else {
        refusal(refusals.protocol)
    }
}

#[test]
fn exactly_the_listed_sockets_can_be_made() {
    let flags =
        [0, libc::SOCK_NONBLOCK, libc::SOCK_CLOEXEC, libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC];
    for arch in ARCHES {
        for bits in 0..4 {
            let options = FilterOptions {
                network_namespace: bits & 1 != 0,
                unix_datagrams: bits & 2 != 0,
                ..FilterOptions::strict(arch)
            };
            let subject = Subject::new(&options);
            for family in 0..48_u32 {
                for kind in 0..16_u32 {
                    for protocol in (0..24).chain([132, 136, 255, 262, u32::MAX]) {
                        let kind = kind | flags[(kind & 3) as usize].unsigned_abs();
                        let args =
                            [family, kind, protocol, 0, 0, 0].map(|arg| HIGH_BITS | u64::from(arg));
                        let expected = socket_verdict(&options, family, kind, protocol);
                        assert_eq!(
                            subject.answers("socket", args),
                            expected,
                            "{family} {kind} {protocol} on {arch:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_socket_table_says_what_the_broker_relies_on() {
    let with = FilterOptions::strict(Arch::X86_64);
    let without = FilterOptions { network_namespace: false, ..with };
    let (tcp, udp, mptcp, udplite) = (6, 17, 262, 136);
    let (inet, inet6, unix, netlink, vsock, packet, alg) = (2, 10, 1, 16, 40, 17, 38);
    let (stream, dgram, raw, seqpacket) = (1, 2, 3, 5);
    for family in [inet, inet6] {
        assert_eq!(socket_verdict(&with, family, stream, 0), ALLOW);
        assert_eq!(socket_verdict(&with, family, stream, tcp), ALLOW);
        assert_eq!(socket_verdict(&with, family, dgram, udp), ALLOW);
        let fallback = refusal(Errno(libc::EPROTONOSUPPORT));
        assert_eq!(socket_verdict(&with, family, stream, mptcp), fallback);
        assert_eq!(socket_verdict(&with, family, dgram, udplite), fallback);
        assert_eq!(socket_verdict(&with, family, raw, 1), refusal(Errno(libc::EPERM)));
        assert_eq!(socket_verdict(&without, family, stream, tcp), ALLOW);
        assert_eq!(socket_verdict(&without, family, dgram, udp), refusal(Errno(libc::EPERM)));
    }
    assert_eq!(socket_verdict(&with, unix, stream, 0), ALLOW);
    assert_eq!(socket_verdict(&with, unix, seqpacket, 0), ALLOW);
    assert_eq!(socket_verdict(&with, unix, dgram, 0), refusal(Errno(libc::EPERM)));
    assert_eq!(socket_verdict(&with, netlink, raw, 0), ALLOW);
    assert_eq!(socket_verdict(&with, netlink, raw, 4), refusal(Errno(libc::EPROTONOSUPPORT)));
    for family in [vsock, packet, alg] {
        let answer = socket_verdict(&with, family, stream, 0);
        assert_eq!(answer, refusal(Errno(libc::EAFNOSUPPORT)));
    }
}

#[test]
fn only_unix_sockets_come_in_pairs() {
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        let pair = |family, kind| subject.answers("socketpair", [family, kind, 0, 0, 0, 0]);
        assert_eq!(pair(1, 1 | 0o2_000_000), ALLOW);
        assert_eq!(pair(1, 5), ALLOW);
        assert_eq!(pair(1, 2), refusal(Errno(libc::EPERM)));
        for family in (0..48).filter(|family| *family != 1) {
            assert_eq!(pair(family, 1), refusal(Errno(libc::EOPNOTSUPP)), "{family}");
        }
        let datagrams = FilterOptions { unix_datagrams: true, ..FilterOptions::strict(arch) };
        assert_eq!(Subject::new(&datagrams).answers("socketpair", [1, 2, 0, 0, 0, 0]), ALLOW);
    }
}

#[test]
fn exactly_the_listed_socket_options_can_be_set() {
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        for level in (0..300_u32).chain([u32::MAX]) {
            let listed = subject.profile.levels.iter().find(|listed| listed.value == level);
            for option in (0..140_u32).chain([u32::MAX]) {
                let allowed = listed
                    .is_some_and(|listed| listed.options.iter().any(|item| item.value == option));
                let expected = if allowed { ALLOW } else { refusal(Errno(libc::EPERM)) };
                let args =
                    [0, HIGH_BITS | u64::from(level), HIGH_BITS | u64::from(option), 0, 0, 0];
                assert_eq!(subject.answers("setsockopt", args), expected, "{level} {option}");
            }
        }
    }
}

#[test]
fn options_that_move_a_connection_after_the_decision_are_closed() {
    let closed = [
        (libc::IPPROTO_IPV6, libc::IPV6_RTHDR),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO),
        (libc::IPPROTO_IPV6, libc::IPV6_ADDRFORM),
        (libc::IPPROTO_IPV6, 46),
        (libc::IPPROTO_IP, libc::IP_OPTIONS),
        (libc::IPPROTO_IP, libc::IP_TRANSPARENT),
        (libc::IPPROTO_IP, libc::IP_ADD_SOURCE_MEMBERSHIP),
        (libc::IPPROTO_IP, 50),
        (libc::IPPROTO_TCP, libc::TCP_ULP),
        (libc::IPPROTO_TCP, libc::TCP_REPAIR),
        (libc::IPPROTO_TCP, libc::TCP_FASTOPEN),
        (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE),
        (libc::SOL_SOCKET, libc::SO_DONTROUTE),
        (libc::SOL_SOCKET, libc::SO_MARK),
        (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER),
        (libc::SOL_SOCKET, libc::SO_ZEROCOPY),
    ];
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        for (level, option) in closed {
            let args = [0, level.into(), option.into(), 0, 0, 0].map(i64::cast_unsigned);
            let answer = subject.answers("setsockopt", args);
            assert_eq!(answer, refusal(Errno(libc::EPERM)), "{level} {option}");
        }
        let open = [0, libc::SOL_SOCKET.into(), libc::SO_REUSEADDR.into(), 0, 0, 0];
        assert_eq!(subject.answers("setsockopt", open.map(i64::cast_unsigned)), ALLOW);
    }
}

#[test]
fn every_listed_ioctl_is_refused_whatever_the_high_bits_and_the_usual_ones_pass() {
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        let answer = |command: u64| subject.answers("ioctl", with(1, command));
        let refused = refusal(Errno(libc::EPERM));
        for command in subject.profile.ioctls {
            assert_eq!(answer(command.value.into()), refused, "{}", command.name);
            assert_eq!(answer(HIGH_BITS | u64::from(command.value)), refused, "{}", command.name);
        }
        for family in subject.profile.ioctl_families {
            for low in 0..=0xff_u32 {
                for top in [0, 0x8010_0000, 0x4008_0000, 0xc028_0000] {
                    let command = top | u32::from(family.kind) << 8 | low;
                    let excepted = family.except.iter().any(|named| named.value == command);
                    let expected = if excepted { ALLOW } else { refused };
                    assert_eq!(answer(HIGH_BITS | u64::from(command)), expected, "{command:#x}");
                }
            }
        }
        let usual = [
            libc::FIONBIO,
            libc::FIOCLEX,
            libc::FIONREAD,
            libc::TCGETS,
            libc::TCSETSW,
            libc::TIOCGWINSZ,
            libc::TIOCOUTQ,
            libc::TIOCSCTTY,
            libc::FICLONE,
            0x8905,
        ];
        for command in usual {
            assert_eq!(answer(command), ALLOW, "{command:#x}");
        }
    }
}

#[test]
fn sending_cannot_connect() {
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        for (call, flags) in [("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)] {
            let fast = subject.answers(call, with(flags, 0x2000_4000));
            assert_eq!(fast, refusal(Errno(libc::EOPNOTSUPP)), "{call}");
            // MSG_NOSIGNAL, and the same bit in every other argument.
            let mut args = [0x2000_0000; 6];
            args[usize::from(flags)] = 0x4000;
            assert_eq!(subject.answers(call, args), ALLOW, "{call}");
        }
    }
}

#[test]
fn another_abi_is_killed_and_an_unknown_call_does_not_exist() {
    let none = refusal(Errno(libc::ENOSYS));
    for arch in ARCHES {
        let subject = Subject::strict(arch);
        let foreign =
            [0x4000_0003, 0x4000_0028, 0, u32::MAX, ARCHES[usize::from(arch == ARCHES[0])].audit()];
        for arch in foreign {
            let data = Data { nr: 0, arch, args: [0; 6] };
            assert_eq!(run(subject.filter.code(), data, false), Some(KILL_PROCESS));
        }
        for unknown in [400, 470, 471, 512, 547, 0x1000, 0x3fff_ffff, u32::MAX] {
            assert_eq!(subject.number_answers(unknown, [0; 6]), none, "{unknown}");
        }
    }
    let subject = Subject::strict(Arch::X86_64);
    for number in [X32, X32 + 1, X32 + 59, 0x8000_0000, u32::MAX - 1] {
        assert_eq!(subject.number_answers(number, [0; 6]), KILL_PROCESS, "{number:#x}");
    }
}

#[test]
fn the_supervisor_answers_what_the_options_say() {
    for arch in ARCHES {
        let strict = Subject::strict(arch);
        for notified in strict.profile.notified {
            assert_eq!(strict.answers(notified.call, [0; 6]), NOTIFY, "{}", notified.call);
        }
        let quiet = Subject::new(&Subject::quiet(arch));
        for notified in strict.profile.notified {
            assert_eq!(quiet.answers(notified.call, [0; 6]), ALLOW, "{}", notified.call);
        }
    }
}

#[test]
fn inspected_calls_are_notified_but_refusals_stay() {
    for arch in ARCHES {
        let inspect = ["openat", "socket", "mount", "clone"];
        let subject =
            Subject::new(&FilterOptions { inspect: &inspect, ..FilterOptions::strict(arch) });
        assert_eq!(subject.answers("openat", [0; 6]), NOTIFY);
        assert_eq!(subject.answers("socket", [2, 1, 0, 0, 0, 0]), NOTIFY);
        assert_eq!(subject.answers("clone", [0; 6]), NOTIFY);
        assert_eq!(
            subject.answers("socket", [40, 1, 0, 0, 0, 0]),
            refusal(Errno(libc::EAFNOSUPPORT))
        );
        assert_eq!(subject.answers("mount", [0; 6]), refusal(Errno(libc::EPERM)));
        assert_eq!(subject.answers("read", [0; 6]), ALLOW);
    }
}

#[test]
fn leaving_out_a_group_of_arguments_opens_exactly_that_group() {
    for arch in ARCHES {
        let quiet = Subject::quiet(arch);
        let vsock = ("socket", [40, 1, 0, 0, 0, 0]);
        let route = ("setsockopt", [0, 41, 57, 0, 0, 0]);
        let type_in = ("ioctl", with(1, 0x5412));
        let fast = ("sendto", with(3, 0x2000_0000));
        let dumpable = ("prctl", with(0, 4));
        let acts = [
            ("sockets", vsock),
            ("setsockopt", route),
            ("ioctl", type_in),
            ("fastopen", fast),
            ("prctl", dumpable),
        ];
        for (group, _) in acts {
            let subject = Subject::new(&FilterOptions { without: &[group], ..quiet });
            for (other, (call, args)) in acts {
                let answer = subject.answers(call, args);
                assert_eq!(answer == ALLOW, other == group, "{other} without {group}");
            }
        }
        assert!(SOCKET_GROUPS.iter().all(|group| acts.iter().any(|(name, _)| name == group)));
    }
}

#[test]
fn another_abi_passes_without_its_group() {
    for (group, answer) in [("abi", ALLOW), ("keyring", KILL_PROCESS)] {
        let quiet = Subject::quiet(Arch::X86_64);
        let subject = Subject::new(&FilterOptions { without: &[group], ..quiet });
        assert_eq!(subject.number_answers(X32 + 39, [0; 6]), answer, "without {group}");
    }
}

#[test]
fn a_marked_group_answers_what_no_call_answers_by_itself() {
    for arch in ARCHES {
        let quiet = Subject::quiet(arch);
        let marked = Subject::new(&FilterOptions { marked: Some("keyring"), ..quiet });
        assert_eq!(marked.answers("add_key", [0; 6]), refusal(MARK));
        assert_eq!(marked.answers("bpf", [0; 6]), refusal(Errno(libc::EPERM)), "control");
        let marked = Subject::new(&FilterOptions { marked: Some("prctl"), ..quiet });
        assert_eq!(marked.answers("prctl", [4, 0, 0, 0, 0, 0]), refusal(MARK));
    }
}

#[test]
fn unknown_names_are_refused_when_compiling() {
    let profile = Profile::builtin();
    let strict = FilterOptions::strict(Arch::X86_64);
    let group = compile(&profile, &FilterOptions { without: &["mounts"], ..strict }).err();
    assert_eq!(group, Some(CompileError::UnknownGroup("mounts".to_owned())));
    let call = compile(&profile, &FilterOptions { inspect: &["opneat"], ..strict }).err();
    assert_eq!(call, Some(CompileError::UnknownCall("opneat".to_owned())));
    let arm = FilterOptions { inspect: &["open"], ..FilterOptions::strict(Arch::Aarch64) };
    assert_eq!(compile(&profile, &arm).err(), Some(CompileError::UnknownCall("open".to_owned())));
}

#[test]
fn the_filter_stays_small() {
    for arch in ARCHES {
        let length = Subject::strict(arch).filter.code().len();
        assert!(length < 700, "{length} instructions on {arch:?}");
    }
}
