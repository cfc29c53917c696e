//! What the filter refuses, allows and brings to the broker: the data of `profiles/` as tables.
//!
//! The build reads and checks the files, so a malformed profile does not compile and starting a
//! service parses nothing. Every entry has its reason, which `explain` and `status` show.

use crate::errno::Errno;

/// A system call and its number on each architecture that has it.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Name, as the kernel's tables have it.
    pub name: &'static str,
    /// Number on x86-64.
    pub x86_64: Option<u16>,
    /// Number on aarch64.
    pub aarch64: Option<u16>,
}

/// On which hosts an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// On all.
    Always,
    /// Only where the service has its own namespaces.
    Namespaces,
    /// Only where it shares the host's.
    NoNamespaces,
    /// Only where Unix datagram sockets were asked for.
    UnixDatagrams,
}

impl When {
    /// Whether the entry counts; nobody asked for Unix datagram sockets.
    pub(super) fn applies(self, namespaces: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Namespaces => namespaces,
            Self::NoNamespaces => !namespaces,
            Self::UnixDatagrams => false,
        }
    }
}

/// A system call that is refused.
#[derive(Debug, Clone, Copy)]
pub struct DeniedCall {
    /// The call.
    pub call: &'static str,
    /// The group it can be left out with.
    pub group: &'static str,
    /// On which hosts.
    pub when: When,
    /// What it answers.
    pub errno: Errno,
    /// Why.
    pub why: &'static str,
}

/// When a call is brought to the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifySet {
    /// Where the broker opens sockets.
    Sockets,
    /// Where the supervisor decides what is executed.
    Exec,
}

/// A system call the supervisor answers.
#[derive(Debug, Clone, Copy)]
pub struct NotifiedCall {
    /// The call.
    pub call: &'static str,
    /// With which option.
    pub set: NotifySet,
    /// Why.
    pub why: &'static str,
}

/// A number of the kernel with its name.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    /// The name in the kernel's headers, or words where it has none.
    pub name: &'static str,
    /// The number.
    pub value: u32,
    /// Why it is listed; empty where the list itself says it.
    pub why: &'static str,
}

/// What makes an argument refused.
#[derive(Debug, Clone, Copy)]
pub enum ArgumentTest {
    /// One of these bits is set.
    AnyBit(Named),
    /// It is this value.
    Equals(Named),
    /// It is none of these values.
    Outside(&'static [Named]),
    /// This one bit is not set.
    Without(Named),
}

/// A system call that is refused for one of its arguments.
#[derive(Debug, Clone, Copy)]
pub struct ArgumentRule {
    /// The call.
    pub call: &'static str,
    /// The group it can be left out with.
    pub group: &'static str,
    /// Which argument, from 0; its low 32 bits count.
    pub argument: u8,
    /// What is refused.
    pub test: ArgumentTest,
    /// What it answers.
    pub errno: Errno,
    /// Why.
    pub why: &'static str,
}

/// A kind of socket that may be made.
#[derive(Debug, Clone, Copy)]
pub struct AllowedSocket {
    /// Address family.
    pub family: Named,
    /// Type, without its flags.
    pub kind: Named,
    /// Protocols.
    pub protocols: &'static [Named],
    /// On which hosts.
    pub when: When,
    /// Why.
    pub why: &'static str,
}

/// The options of one level that may be set.
#[derive(Debug, Clone, Copy)]
pub struct OptionLevel {
    /// Name of the level.
    pub name: &'static str,
    /// Its number.
    pub value: u32,
    /// The options.
    pub options: &'static [Named],
}

/// All `ioctl` commands of one type byte.
#[derive(Debug, Clone, Copy)]
pub struct IoctlFamily {
    /// What they are about.
    pub name: &'static str,
    /// The type byte, bits 8 to 15 of the command.
    pub kind: u8,
    /// Commands that are allowed all the same.
    pub except: &'static [Named],
    /// Why.
    pub why: &'static str,
}

/// What makes an argument acceptable; its low 32 bits count.
#[derive(Debug, Clone, Copy)]
pub enum ConditionTest {
    /// None of these bits is set.
    Clear(&'static [Named]),
    /// It is one of these values.
    OneOf(&'static [Named]),
    /// All of these bits are set.
    Set(&'static [Named]),
}

/// One thing that must be so for a call to be allowed.
#[derive(Debug, Clone, Copy)]
pub struct Condition {
    /// Which argument, from 0.
    pub argument: u8,
    /// The bits of it that are looked at.
    pub mask: u32,
    /// What they must be.
    pub test: ConditionTest,
}

impl Condition {
    /// Whether these argument registers fulfil it.
    #[must_use]
    pub fn holds(&self, args: [u64; 6]) -> bool {
        let argument = args.get(usize::from(self.argument)).copied().unwrap_or_default();
        let value = u32::try_from(argument & u64::from(self.mask)).unwrap_or_default();
        match self.test {
            ConditionTest::Clear(bits) => bits.iter().all(|bit| value & bit.value == 0),
            ConditionTest::OneOf(list) => list.iter().any(|named| named.value == value),
            ConditionTest::Set(bits) => bits.iter().all(|bit| value & bit.value != 0),
        }
    }
}

/// A system call that one of our own processes may make. Several for one call are alternatives.
#[derive(Debug, Clone, Copy)]
pub struct AllowedCall {
    /// The call.
    pub call: &'static str,
    /// On which hosts.
    pub when: When,
    /// All of them must hold.
    pub conditions: &'static [Condition],
    /// Which code path needs it.
    pub why: &'static str,
}

/// Everything one of our own processes may do; what is missing is refused.
#[derive(Debug, Clone, Copy)]
pub struct AllowList {
    /// What everything else answers.
    pub refusal: Errno,
    /// What is allowed.
    pub calls: &'static [AllowedCall],
}

impl AllowList {
    /// Whether a call with these arguments is allowed, where the service has its own namespaces or
    /// where it has not. This is the table's word; a test holds the filter to it.
    #[must_use]
    pub fn allows(&self, call: &str, args: [u64; 6], namespaces: bool) -> bool {
        let of_call = self.calls.iter().filter(|allowed| allowed.call == call);
        of_call
            .filter(|allowed| allowed.when.applies(namespaces))
            .any(|allowed| allowed.conditions.iter().all(|condition| condition.holds(args)))
    }
}

/// What a socket or pair that is not allowed answers.
#[derive(Debug, Clone, Copy)]
pub struct SocketRefusals {
    /// The family is not listed.
    pub family: Errno,
    /// The family is listed, the type is not.
    pub kind: Errno,
    /// Family and type are listed, the protocol is not.
    pub protocol: Errno,
    /// A pair of another family than Unix.
    pub pair: Errno,
}

/// Names of the groups that are not in the tables of calls and arguments.
pub const SOCKET_GROUPS: [&str; 3] = ["sockets", "setsockopt", "ioctl"];

/// What kills calls of another table (32-bit, x32).
pub const ABI_GROUP: &str = "abi";

/// The whole profile.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Every call there is, in the order of names.
    pub calls: &'static [Call],
    /// Calls that are refused.
    pub denied: &'static [DeniedCall],
    /// Calls the supervisor answers.
    pub notified: &'static [NotifiedCall],
    /// Calls that are refused for an argument, those of one call together or apart.
    pub rules: &'static [ArgumentRule],
    /// Sockets that may be made.
    pub sockets: &'static [AllowedSocket],
    /// What others answer.
    pub socket_refusals: SocketRefusals,
    /// Socket options that may be set.
    pub levels: &'static [OptionLevel],
    /// What others answer.
    pub option_refusal: Errno,
    /// Families of `ioctl` commands that are refused.
    pub ioctl_families: &'static [IoctlFamily],
    /// Single `ioctl` commands that are refused.
    pub ioctls: &'static [Named],
    /// What they answer.
    pub ioctl_refusal: Errno,
    /// What the broker may do.
    pub broker: AllowList,
    /// What init may do.
    pub init: AllowList,
}

impl Profile {
    /// The profile this program was built with.
    #[must_use]
    pub const fn builtin() -> Self {
        Self {
            calls: CALLS,
            denied: DENIED,
            notified: NOTIFIED,
            rules: RULES,
            sockets: SOCKETS,
            socket_refusals: SocketRefusals {
                family: REFUSED_FAMILY,
                kind: REFUSED_TYPE,
                protocol: REFUSED_PROTOCOL,
                pair: REFUSED_PAIR,
            },
            levels: LEVELS,
            option_refusal: REFUSED_OPTION,
            ioctl_families: IOCTL_FAMILIES,
            ioctls: IOCTLS,
            ioctl_refusal: REFUSED_IOCTL,
            broker: BROKER,
            init: INIT,
        }
    }

    /// The call of this name.
    #[must_use]
    pub fn call(&self, name: &str) -> Option<&'static Call> {
        let at = self.calls.binary_search_by(|call| call.name.cmp(name)).ok()?;
        self.calls.get(at)
    }

    /// Whether a group of this name can be left out.
    #[must_use]
    pub fn has_group(&self, name: &str) -> bool {
        self.groups().contains(&name)
    }

    /// Every group that can be left out, each once.
    #[must_use]
    pub fn groups(&self) -> Vec<&'static str> {
        let denied = self.denied.iter().map(|denied| denied.group);
        let mut groups: Vec<_> =
            denied.chain(self.rules.iter().map(|rule| rule.group)).chain(SOCKET_GROUPS).collect();
        groups.push(ABI_GROUP);
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

include!(concat!(env!("OUT_DIR"), "/profile.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of `name` on the machine the test runs on.
    fn native(name: &str) -> Option<i64> {
        let call = Profile::builtin().call(name).copied()?;
        let number = if cfg!(target_arch = "x86_64") { call.x86_64 } else { call.aarch64 };
        number.map(i64::from)
    }

    #[test]
    fn every_call_has_the_number_the_c_library_knows() {
        assert!(LIBC_CALLS.len() > 250);
        for (name, number) in LIBC_CALLS {
            assert_eq!(native(name), Some(*number), "{name}");
        }
    }

    macro_rules! libc_constants {
        ($($name:ident)*) => {
            &[$((stringify!($name), wide(libc::$name))),*]
        };
    }

    fn wide(value: impl Into<i64>) -> i64 {
        value.into()
    }

    /// Names in the profiles that the C library's bindings lack: checked against linux/*.h by hand.
    const NOT_IN_LIBC: &[&str] = &[
        "CLONE_NEW*",
        "IPV6_FREEBIND",
        "LANDLOCK_CREATE_RULESET_VERSION",
        "MFD_EXEC",
        "MFD_NOEXEC_SEAL",
        "PR_SCHED_CORE",
        "PR_SET_IO_FLUSHER",
        "PR_SET_SYSCALL_USER_DISPATCH",
        // As the C library has them; its type for them is wider. A test of the broker's filter
        // compares them.
        "SECCOMP_IOCTL_NOTIF_ADDFD",
        "SECCOMP_IOCTL_NOTIF_ID_VALID",
        "SECCOMP_IOCTL_NOTIF_RECV",
        "SECCOMP_IOCTL_NOTIF_SEND",
        "SECCOMP_IOCTL_NOTIF_SET_FLAGS",
        "__O_TMPFILE",
    ];

    #[test]
    fn every_constant_has_the_value_the_c_library_knows() {
        let known: &[(&str, i64)] = libc_constants! {
            AF_INET AF_INET6 F_DUPFD_CLOEXEC F_GETFD F_GETFL F_SETFL IP_FREEBIND
            MEMBARRIER_CMD_PRIVATE_EXPEDITED MEMBARRIER_CMD_QUERY
            MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED O_CREAT O_PATH O_RDWR O_TRUNC O_WRONLY
            PROT_EXEC PR_SET_NAME SIGABRT SIGKILL AF_NETLINK AF_UNIX IPPROTO_IP IPPROTO_IPV6 IPPROTO_TCP IPPROTO_UDP
            IPV6_ADD_MEMBERSHIP IPV6_DROP_MEMBERSHIP IPV6_MTU_DISCOVER IPV6_MULTICAST_HOPS
            IPV6_MULTICAST_IF IPV6_MULTICAST_LOOP IPV6_RECVERR IPV6_RECVHOPLIMIT IPV6_RECVPKTINFO
            IPV6_RECVTCLASS IPV6_TCLASS IPV6_UNICAST_HOPS IPV6_V6ONLY IP_ADD_MEMBERSHIP
            IP_DROP_MEMBERSHIP IP_MTU_DISCOVER IP_MULTICAST_IF IP_MULTICAST_LOOP IP_MULTICAST_TTL
            IP_PKTINFO IP_RECVERR IP_RECVTOS IP_RECVTTL IP_TOS IP_TTL MSG_FASTOPEN NETLINK_ROUTE
            PF_UNIX PR_CAPBSET_DROP PR_CAP_AMBIENT PR_SET_DUMPABLE PR_SET_MM PR_SET_PTRACER
            PR_SET_SECCOMP PR_SET_SECUREBITS PR_SET_SPECULATION_CTRL
            PR_SET_TSC SOCK_DGRAM SOCK_RAW SOCK_SEQPACKET SOCK_STREAM
            SOL_SOCKET SO_BROADCAST SO_KEEPALIVE SO_LINGER SO_OOBINLINE SO_PASSCRED SO_RCVBUF
            SO_RCVLOWAT SO_RCVTIMEO SO_REUSEADDR SO_REUSEPORT SO_SNDBUF SO_SNDTIMEO SO_TIMESTAMP
            TCP_CORK TCP_KEEPCNT TCP_KEEPIDLE TCP_KEEPINTVL TCP_NODELAY TCP_QUICKACK
            TCP_USER_TIMEOUT
        };
        for (name, value) in CONSTANTS {
            let found = known.iter().find(|(known, _)| known == name);
            match found {
                Some((_, known)) => assert_eq!(*known, i64::from(*value), "{name}"),
                None => assert!(NOT_IN_LIBC.contains(name), "{name} is not compared"),
            }
        }
    }

    #[test]
    fn groups_that_can_be_left_out_are_known_by_name() {
        let profile = Profile::builtin();
        for name in ["mount", "io_uring", "fastopen", "setsockopt", "ioctl", "sockets", "prctl"] {
            assert!(profile.has_group(name), "{name}");
        }
        assert!(!profile.has_group("mounts"));
    }
}
