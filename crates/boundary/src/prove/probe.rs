//! What a probe is: an attack on one claim, with how it is judged and where it runs.

use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack;
use std::time::Duration;

/// One attack. Lives in a file of its own, named after its id.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// Stable kebab-case id.
    pub id: &'static str,
    /// Kind of thing attacked; also the folder of the probe's file.
    pub class: Class,
    /// The claim it attacks, as the statement of a boundary makes it.
    pub claim: Claim,
    /// What is tried, one sentence without a period.
    pub attack: &'static str,
    /// How it is done, inside and outside alike.
    pub act: Act,
    /// The codes by which a refusal inside is recognised; anything else is not conclusive.
    pub refusals: &'static [&'static str],
    /// Which boundary it runs in.
    pub setting: Setting,
    /// Layers that stand in the way.
    pub layers: &'static [Layer],
}

impl Probe {
    /// How long one run of the act may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        match self.setting {
            // It waits for others to be served, who wait for a busy host too.
            _ if self.act.is_within() => Duration::from_secs(10),
            // It starts a program, which a busy host takes its time for: npm alone takes seconds there.
            _ if self.class == Class::Children => Duration::from_secs(10),
            Setting::Alone => Duration::from_secs(5),
            Setting::Dropping | Setting::Exact | Setting::Granted | Setting::Mounted => {
                Duration::from_secs(2)
            }
        }
    }
}

/// How an attack is done.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// Body of an asynchronous JavaScript function of `p` (the parameters) and `t` (the harness).
    JavaScript(&'static str),
    /// As [`Act::JavaScript`], judged by whether `prove` saw this happen outside.
    JavaScriptSeen(&'static str, &'static str),
    /// As [`Act::JavaScript`], with its control within: what it attacks exists only inside, and the
    /// act itself shows that the attack took place.
    JavaScriptWithin(&'static str),
    /// A function of this binary.
    Native(attack::Act),
    /// As [`Act::Native`], with its control within: what it attacks exists only inside, and the act
    /// itself shows that the attack took place.
    NativeWithin(attack::Act),
    /// As [`Act::Native`], judged by whether `prove` saw this happen outside.
    NativeSeen(attack::Act, &'static str),
}

impl Act {
    /// Whether what it attacks exists only inside.
    #[must_use]
    pub const fn is_within(self) -> bool {
        matches!(self, Self::JavaScriptWithin(_) | Self::NativeWithin(_))
    }

    /// What `prove` has to see outside for the act to count as successful.
    #[must_use]
    pub fn witness(self) -> Option<&'static str> {
        match self {
            Self::JavaScript(_)
            | Self::JavaScriptWithin(_)
            | Self::Native(_)
            | Self::NativeWithin(_) => None,
            Self::JavaScriptSeen(_, key) | Self::NativeSeen(_, key) => Some(key),
        }
    }
}

/// Which boundary a probe runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// The boundary as it is, in one run for many probes.
    Exact,
    /// The boundary and grants for canaries of `prove` (a listener, a readable and a writable
    /// folder), so that what is granted can be misused.
    Granted,
    /// The boundary as it is, in a run of its own: the attack may take others down with it.
    Alone,
    /// As [`Setting::Granted`], in a run of its own: the act narrows the boundary.
    Dropping,
    /// As [`Setting::Granted`], with a file system mounted below the readable folder.
    Mounted,
}

/// Kinds of things attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Starting programs.
    Children,
    /// Environment variables.
    Environment,
    /// File contents and mounts.
    Files,
    /// Users, groups, capabilities.
    Identity,
    /// Sockets, shared memory and queues of the host.
    Ipc,
    /// Parts of the kernel a service does not need.
    Kernel,
    /// Resource limits.
    Limits,
    /// Name resolution.
    Names,
    /// TCP and UDP.
    Network,
    /// `/proc`, `/sys`, `/dev`.
    Proc,
    /// Processes outside.
    Processes,
    /// Escapes from Node's own permission model.
    Workers,
}

impl Setting {
    /// Whether canaries are granted.
    #[must_use]
    pub const fn grants(self) -> bool {
        matches!(self, Self::Dropping | Self::Granted | Self::Mounted)
    }
}

impl Class {
    /// Every class, in alphabetical order.
    pub const ALL: [Self; 12] = [
        Self::Children,
        Self::Environment,
        Self::Files,
        Self::Identity,
        Self::Ipc,
        Self::Kernel,
        Self::Limits,
        Self::Names,
        Self::Network,
        Self::Proc,
        Self::Processes,
        Self::Workers,
    ];

    /// The class with this id.
    #[must_use]
    pub fn with_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.id() == id)
    }

    /// The id used in output and as folder name.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Children => "children",
            Self::Environment => "environment",
            Self::Files => "files",
            Self::Identity => "identity",
            Self::Ipc => "ipc",
            Self::Kernel => "kernel",
            Self::Limits => "limits",
            Self::Names => "names",
            Self::Network => "network",
            Self::Proc => "proc",
            Self::Processes => "processes",
            Self::Workers => "workers",
        }
    }
}

/// Codes of a path that cannot be reached.
pub(crate) const NOT_REACHABLE: &[&str] =
    &["ENOENT", "EACCES", "EPERM", "ENOTDIR", "ERR_ACCESS_DENIED"];
/// Codes of a write that is refused.
pub(crate) const NOT_WRITABLE: &[&str] =
    &["EROFS", "EACCES", "EPERM", "ENOENT", "ENOTDIR", "ERR_ACCESS_DENIED"];
/// Codes of a call that is refused; a filter may also kill.
pub(crate) const NOT_ALLOWED: &[&str] = &["EPERM", "EACCES", "ENOSYS", "SIGSYS"];
/// Codes of a connection that is refused.
pub(crate) const NOT_CONNECTED: &[&str] = &[
    "EACCES",
    "EPERM",
    "ECONNREFUSED",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "EADDRNOTAVAIL",
    "EAFNOSUPPORT",
    "ERR_ACCESS_DENIED",
];
/// Codes of a datagram that is refused or never answered.
pub(crate) const NOT_ANSWERED: &[&str] = &[
    "no-answer",
    "EACCES",
    "EPERM",
    "ECONNREFUSED",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ERR_ACCESS_DENIED",
];
/// Codes of a program that cannot be started.
pub(crate) const NOT_STARTED: &[&str] =
    &["EACCES", "EPERM", "ENOENT", "ENOSYS", "SIGSYS", "ERR_ACCESS_DENIED"];
/// Codes of a process that cannot be reached.
pub(crate) const NO_SUCH_PROCESS: &[&str] =
    &["ESRCH", "EPERM", "EACCES", "ENOENT", "ENOSYS", "SIGSYS", "ERR_ACCESS_DENIED"];
/// An act whose refusal is that nothing happened.
pub(crate) const NO_EFFECT: &[&str] = &["no-effect"];
