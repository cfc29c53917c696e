//! Compiling a profile into a filter for one machine.
//!
//! Every known call is allowed, then the profile takes away: this is the service's filter, and a
//! service may use what ordinary programs use. Unknown calls do not exist for it.

use super::profile::{ABI_GROUP, ArgumentRule, ArgumentTest, NotifySet, Profile, When};
use super::table::{ALLOW, NOTIFY, Table, refusal};
use crate::bpf::{AssembleError, Compare, Label};
use crate::errno::Errno;
use thiserror::Error;

/// The bits of a socket's type that are the type; the others are flags (linux/net.h).
const TYPE_MASK: u32 = 0xf;

/// An error number that no attacked call answers by itself.
pub const MARK: Errno = Errno(libc::EUCLEAN);

/// The machine a filter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit ARM. Compiled and interpreted in tests; not run on such a machine yet.
    Aarch64,
    /// 64-bit x86; its 32-bit and x32 calls are killed.
    X86_64,
}

impl Arch {
    /// The machine this program was built for, or nothing when no filter can be made for it.
    #[must_use]
    pub const fn native() -> Option<Self> {
        if cfg!(target_arch = "x86_64") {
            Some(Self::X86_64)
        } else if cfg!(target_arch = "aarch64") {
            Some(Self::Aarch64)
        } else {
            None
        }
    }

    /// `AUDIT_ARCH_*`, as the kernel reports it to filters.
    #[must_use]
    pub const fn audit(self) -> u32 {
        match self {
            Self::Aarch64 => 0xc000_00b7,
            Self::X86_64 => 0xc000_003e,
        }
    }
}

/// What kind of filter is wanted.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of the host or the boundary")]
pub struct FilterOptions<'a> {
    /// The machine.
    pub arch: Arch,
    /// Whether the service has a network namespace (and the others) of its own. Without, datagram
    /// sockets and shared IPC are refused as well.
    pub network_namespace: bool,
    /// Whether Unix datagram sockets may be made: they reach every socket file in sight.
    pub unix_datagrams: bool,
    /// Whether `connect`, `bind` and `listen` go to the supervisor.
    pub notify_sockets: bool,
    /// Whether `execve` and `execveat` go to the supervisor.
    pub notify_exec: bool,
    /// Further calls that go to the supervisor, for tracing. A call that is refused
    /// stays refused.
    pub inspect: &'a [&'a str],
    /// Groups of rules that are left out, for self-tests that must see a probe succeed.
    pub without: &'a [&'a str],
    /// A group that answers [`MARK`], for self-tests that must see who refuses.
    pub marked: Option<&'a str>,
}

impl FilterOptions<'_> {
    /// The strictest filter, with namespaces, for a machine.
    #[must_use]
    pub const fn strict(arch: Arch) -> Self {
        Self {
            arch,
            network_namespace: true,
            unix_datagrams: false,
            notify_sockets: true,
            notify_exec: true,
            inspect: &[],
            without: &[],
            marked: None,
        }
    }

    fn applies(&self, when: When) -> bool {
        when.applies(self.network_namespace) || (when == When::UnixDatagrams && self.unix_datagrams)
    }

    fn includes(&self, group: &str) -> bool {
        !self.without.contains(&group)
    }

    fn errno(&self, group: &str, usual: Errno) -> Errno {
        if self.marked == Some(group) { MARK } else { usual }
    }
}

/// Why a profile could not be compiled.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CompileError {
    /// The program cannot be expressed.
    #[error("cannot assemble the system call filter")]
    Assemble(#[from] AssembleError),
    /// `inspect` names a call that does not exist on this machine.
    #[error("no such system call on this machine: {0}")]
    UnknownCall(String),
    /// `without` names a group that does not exist.
    #[error("no such group of rules: {0}")]
    UnknownGroup(String),
}

/// A filter ready to be installed.
#[derive(Debug, Clone)]
pub struct Filter {
    pub(super) code: Vec<libc::sock_filter>,
}

impl Filter {
    /// The instructions.
    #[must_use]
    pub fn code(&self) -> &[libc::sock_filter] {
        &self.code
    }
}

/// Compiles `profile` for one machine and one kind of host.
///
/// # Errors
/// An unknown name among the options; a program too large for the kernel.
pub fn compile(profile: &Profile, options: &FilterOptions<'_>) -> Result<Filter, CompileError> {
    let mut named = options.without.iter().copied().chain(options.marked);
    if let Some(group) = named.find(|group| !profile.has_group(group)) {
        return Err(CompileError::UnknownGroup(group.to_owned()));
    }
    let mut table = Table::new(profile, options.arch, ALLOW);
    table.foreign = !options.includes(ABI_GROUP);
    let mut compiler = Compiler { profile, options, table, checks: Vec::new() };
    compiler.decide()?;
    compiler.table.dispatch();
    compiler.check_arguments();
    compiler.table.finish()
}

/// A call whose arguments decide.
struct Check {
    call: &'static str,
    /// The answer when nothing is refused: allow, or notify when it is inspected.
    otherwise: u32,
    label: Label,
}

struct Compiler<'a> {
    profile: &'a Profile,
    options: &'a FilterOptions<'a>,
    table: Table<'a>,
    checks: Vec<Check>,
}

impl Compiler<'_> {
    /// Known calls are allowed; then the profile takes away.
    fn decide(&mut self) -> Result<(), CompileError> {
        for notified in self.profile.notified {
            let wanted = match notified.set {
                NotifySet::Exec => self.options.notify_exec,
                NotifySet::Sockets => self.options.notify_sockets,
            };
            if wanted {
                self.table.set(notified.call, NOTIFY);
            }
        }
        for name in self.options.inspect {
            if !self.table.set(name, NOTIFY) {
                return Err(CompileError::UnknownCall((*name).to_owned()));
            }
        }
        for rule in self.profile.rules {
            if self.options.includes(rule.group) {
                self.check(rule.call);
            }
        }
        for (call, group) in [
            ("socket", "sockets"),
            ("socketpair", "sockets"),
            ("setsockopt", "setsockopt"),
            ("ioctl", "ioctl"),
        ] {
            if self.options.includes(group) {
                self.check(call);
            }
        }
        for denied in self.profile.denied {
            if self.options.includes(denied.group) && self.options.applies(denied.when) {
                let errno = self.options.errno(denied.group, denied.errno);
                self.table.set(denied.call, refusal(errno));
            }
        }
        Ok(())
    }

    /// Gives a call code of its own, unless it has some.
    fn check(&mut self, call: &'static str) {
        if let Some((label, otherwise)) = self.table.branch(call) {
            self.checks.push(Check { call, otherwise, label });
        }
    }

    fn check_arguments(&mut self) {
        for Check { call, otherwise, label } in std::mem::take(&mut self.checks) {
            self.table.code.place(label);
            match call {
                "socket" => self.check_socket(otherwise),
                "socketpair" => self.check_pair(otherwise),
                "setsockopt" => self.check_option(otherwise),
                "ioctl" => self.check_ioctl(otherwise),
                _ => {}
            }
            let profile = self.profile;
            let mut loaded = None;
            for rule in profile.rules.iter().filter(|rule| rule.call == call) {
                if self.options.includes(rule.group) {
                    if loaded != Some(rule.argument) {
                        self.table.argument(rule.argument);
                        loaded = Some(rule.argument);
                    }
                    self.check_rule(rule);
                }
            }
            self.table.code.ret(otherwise);
        }
    }

    fn check_rule(&mut self, rule: &ArgumentRule) {
        let pass = self.table.code.label();
        match rule.test {
            ArgumentTest::AnyBit(named) => {
                self.table.code.branch_unless(Compare::AnyBit(named.value), pass);
            }
            ArgumentTest::Equals(named) => {
                self.table.code.branch_unless(Compare::Equal(named.value), pass);
            }
            ArgumentTest::Outside(list) => {
                for named in list {
                    self.table.code.branch_if(Compare::Equal(named.value), pass);
                }
            }
            ArgumentTest::Without(named) => {
                self.table.code.branch_if(Compare::AnyBit(named.value), pass);
            }
        }
        self.table.code.ret(refusal(self.options.errno(rule.group, rule.errno)));
        self.table.code.place(pass);
    }

    fn check_socket(&mut self, otherwise: u32) {
        let refusals = self.profile.socket_refusals;
        let sockets = self.profile.sockets;
        self.table.argument(0);
        for (index, socket) in sockets.iter().enumerate() {
            let family = socket.family.value;
            if sockets.iter().take(index).any(|earlier| earlier.family.value == family) {
                continue;
            }
            let other_family = self.table.code.label();
            self.table.code.branch_unless(Compare::Equal(family), other_family);
            self.table.argument(1);
            self.table.code.and(TYPE_MASK);
            let of_family = sockets.iter().filter(|socket| socket.family.value == family);
            for socket in of_family.filter(|socket| self.options.applies(socket.when)) {
                let other_kind = self.table.code.label();
                self.table.code.branch_unless(Compare::Equal(socket.kind.value), other_kind);
                self.table.argument(2);
                let allowed = self.table.code.label();
                for protocol in socket.protocols {
                    self.table.code.branch_if(Compare::Equal(protocol.value), allowed);
                }
                self.table.code.ret(refusal(refusals.protocol));
                self.table.code.place(allowed);
                self.table.code.ret(otherwise);
                self.table.code.place(other_kind);
            }
            self.table.code.ret(refusal(refusals.kind));
            self.table.code.place(other_family);
        }
        self.table.code.ret(refusal(refusals.family));
    }

    /// A pair of Unix sockets of the types that may be made singly.
    fn check_pair(&mut self, otherwise: u32) {
        const UNIX: u32 = libc::AF_UNIX.unsigned_abs();
        let refusals = self.profile.socket_refusals;
        let unix = self.table.code.label();
        let allowed = self.table.code.label();
        self.table.argument(0);
        self.table.code.branch_if(Compare::Equal(UNIX), unix);
        self.table.code.ret(refusal(refusals.pair));
        self.table.code.place(unix);
        self.table.argument(1);
        self.table.code.and(TYPE_MASK);
        for socket in self.profile.sockets {
            if socket.family.value == UNIX && self.options.applies(socket.when) {
                self.table.code.branch_if(Compare::Equal(socket.kind.value), allowed);
            }
        }
        self.table.code.ret(refusal(refusals.kind));
        self.table.code.place(allowed);
        self.table.code.ret(otherwise);
    }

    fn check_option(&mut self, otherwise: u32) {
        let allowed = self.table.code.label();
        self.table.argument(1);
        for level in self.profile.levels {
            let other_level = self.table.code.label();
            self.table.code.branch_unless(Compare::Equal(level.value), other_level);
            self.table.argument(2);
            for option in level.options {
                self.table.code.branch_if(Compare::Equal(option.value), allowed);
            }
            self.table.code.ret(refusal(self.profile.option_refusal));
            self.table.code.place(other_level);
        }
        self.table.code.ret(refusal(self.profile.option_refusal));
        self.table.code.place(allowed);
        self.table.code.ret(otherwise);
    }

    fn check_ioctl(&mut self, otherwise: u32) {
        let refused = self.table.code.label();
        let allowed = self.table.code.label();
        self.table.argument(1);
        for command in self.profile.ioctls {
            self.table.code.branch_if(Compare::Equal(command.value), refused);
        }
        for exception in self.profile.ioctl_families.iter().flat_map(|family| family.except) {
            self.table.code.branch_if(Compare::Equal(exception.value), allowed);
        }
        self.table.code.and(0xff00);
        for family in self.profile.ioctl_families {
            self.table.code.branch_if(Compare::Equal(u32::from(family.kind) << 8), refused);
        }
        self.table.code.place(allowed);
        self.table.code.ret(otherwise);
        self.table.code.place(refused);
        self.table.code.ret(refusal(self.profile.ioctl_refusal));
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
