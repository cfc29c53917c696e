//! Compiling a profile into a filter for one machine.
//!
//! The program first judges the architecture and the x32 bit, then finds the call's answer by a
//! binary search over its number. A call that is allowed whatever its arguments are is answered
//! without looking at them, so the kernel remembers it in a bitmap and runs no filter at all for it
//! (kernel 5.11); only calls whose arguments matter have code of their own at the end.

use super::profile::{ArgumentRule, ArgumentTest, NotifySet, Profile, When};
use crate::bpf::{AssembleError, Assembler, Compare, Label};
use crate::errno::Errno;
use thiserror::Error;

const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const NOTIFY: u32 = 0x7fc0_0000;
const KILL_PROCESS: u32 = 0x8000_0000;

/// Offsets in `struct seccomp_data`; both architectures are little-endian.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// On x86-64 the bit of the second ABI, whose numbers would walk around the tables.
const X32: u32 = 0x4000_0000;
/// The bits of a socket's type that are the type; the others are flags (linux/net.h).
const TYPE_MASK: u32 = 0xf;

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
    /// Further calls that go to the supervisor, for learning and tracing. A call that is refused
    /// stays refused.
    pub inspect: &'a [&'a str],
    /// Nothing is refused; calls are only notified.
    pub observe: bool,
    /// A group of rules that is left out, for self-tests that must see a probe succeed.
    pub without: Option<&'a str>,
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
            observe: false,
            without: None,
        }
    }

    fn applies(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Namespaces => self.network_namespace,
            When::NoNamespaces => !self.network_namespace,
            When::UnixDatagrams => self.unix_datagrams,
        }
    }

    fn includes(&self, group: &str) -> bool {
        self.without != Some(group)
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
    code: Vec<libc::sock_filter>,
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
    if let Some(group) = options.without.filter(|group| !profile.has_group(group)) {
        return Err(CompileError::UnknownGroup(group.to_owned()));
    }
    let mut compiler = Compiler {
        profile,
        options,
        code: Assembler::new(),
        answers: Vec::new(),
        checks: Vec::new(),
    };
    compiler.decide()?;
    compiler.guard();
    let segments = compiler.segments();
    compiler.search(&segments);
    compiler.check_arguments();
    Ok(Filter { code: compiler.code.finish()? })
}

/// The answer to one system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Return(u32),
    /// Code of its own, by index into the checks.
    Check(usize),
}

const UNKNOWN: Answer = Answer::Return(ERRNO | libc::ENOSYS.unsigned_abs());

/// A call whose arguments decide.
struct Check {
    call: &'static str,
    /// The answer when nothing is refused: allow, or notify when it is inspected.
    otherwise: u32,
    label: Label,
}

/// Calls from `first` up to the next segment's have one answer.
struct Segment {
    first: u32,
    answer: Answer,
}

struct Compiler<'a> {
    profile: &'a Profile,
    options: &'a FilterOptions<'a>,
    code: Assembler,
    /// By number; numbers beyond are unknown.
    answers: Vec<Answer>,
    checks: Vec<Check>,
}

impl Compiler<'_> {
    /// Fills `answers`: known calls are allowed, then the profile takes away.
    fn decide(&mut self) -> Result<(), CompileError> {
        for call in self.profile.calls {
            self.set(call.name, Answer::Return(ALLOW));
        }
        for notified in self.profile.notified {
            let wanted = match notified.set {
                NotifySet::Exec => self.options.notify_exec,
                NotifySet::Sockets => self.options.notify_sockets,
            };
            if wanted {
                self.set(notified.call, Answer::Return(NOTIFY));
            }
        }
        for name in self.options.inspect {
            if !self.set(name, Answer::Return(NOTIFY)) {
                return Err(CompileError::UnknownCall((*name).to_owned()));
            }
        }
        if self.options.observe {
            return Ok(());
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
                self.set(denied.call, Answer::Return(refusal(denied.errno)));
            }
        }
        Ok(())
    }

    fn number(&self, name: &str) -> Option<usize> {
        let call = self.profile.call(name)?;
        let number = match self.options.arch {
            Arch::Aarch64 => call.aarch64,
            Arch::X86_64 => call.x86_64,
        };
        number.map(usize::from)
    }

    /// Whether the machine has the call.
    fn set(&mut self, name: &str, answer: Answer) -> bool {
        let Some(number) = self.number(name) else { return false };
        if self.answers.len() <= number {
            self.answers.resize(number + 1, UNKNOWN);
        }
        if let Some(place) = self.answers.get_mut(number) {
            *place = answer;
        }
        true
    }

    /// Gives a call code of its own, unless it has some.
    fn check(&mut self, call: &'static str) {
        let Some(number) = self.number(call) else { return };
        if let Some(Answer::Return(otherwise)) = self.answers.get(number).copied() {
            let label = self.code.label();
            self.checks.push(Check { call, otherwise, label });
            self.set(call, Answer::Check(self.checks.len() - 1));
        }
    }

    /// Kills what speaks another ABI and leaves the number in the accumulator.
    fn guard(&mut self) {
        let kill = self.code.label();
        let native = self.code.label();
        self.code.load(ARCHITECTURE);
        self.code.branch(Compare::Equal(self.options.arch.audit()), native, kill);
        self.code.place(kill);
        self.code.ret(KILL_PROCESS);
        self.code.place(native);
        self.code.load(NUMBER);
        if self.options.arch == Arch::X86_64 {
            let ordinary = self.code.label();
            let none = self.code.label();
            self.code.branch_unless(Compare::AtLeast(X32), ordinary);
            // A program may try number -1 to see that it does not exist.
            self.code.branch_if(Compare::Equal(u32::MAX), none);
            self.code.ret(KILL_PROCESS);
            self.code.place(none);
            self.code.ret(ERRNO | libc::ENOSYS.unsigned_abs());
            self.code.place(ordinary);
        }
    }

    /// Neighbours with the same answer become one.
    fn segments(&self) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::with_capacity(self.answers.len() / 2);
        for (first, answer) in (0..).zip(self.answers.iter().copied().chain([UNKNOWN])) {
            if segments.last().is_none_or(|last| last.answer != answer) {
                segments.push(Segment { first, answer });
            }
        }
        segments
    }

    fn search(&mut self, segments: &[Segment]) {
        match segments {
            [] => self.code.ret(KILL_PROCESS),
            [Segment { answer: Answer::Return(answer), .. }] => self.code.ret(*answer),
            [Segment { answer: Answer::Check(index), .. }] => {
                if let Some(check) = self.checks.get(*index) {
                    self.code.jump(check.label);
                }
            }
            several => {
                let (lower, upper) = several.split_at(several.len() / 2);
                let above = self.code.label();
                if let Some(first) = upper.first() {
                    self.code.branch_if(Compare::AtLeast(first.first), above);
                }
                self.search(lower);
                self.code.place(above);
                self.search(upper);
            }
        }
    }

    fn check_arguments(&mut self) {
        for Check { call, otherwise, label } in std::mem::take(&mut self.checks) {
            self.code.place(label);
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
                        self.argument(rule.argument);
                        loaded = Some(rule.argument);
                    }
                    self.check_rule(rule);
                }
            }
            self.code.ret(otherwise);
        }
    }

    /// Loads the low 32 bits of an argument.
    fn argument(&mut self, index: u8) {
        self.code.load(ARGUMENTS + 8 * u32::from(index));
    }

    fn check_rule(&mut self, rule: &ArgumentRule) {
        let pass = self.code.label();
        match rule.test {
            ArgumentTest::AnyBit(named) => {
                self.code.branch_unless(Compare::AnyBit(named.value), pass);
            }
            ArgumentTest::Equals(named) => {
                self.code.branch_unless(Compare::Equal(named.value), pass);
            }
            ArgumentTest::Outside(list) => {
                for named in list {
                    self.code.branch_if(Compare::Equal(named.value), pass);
                }
            }
            ArgumentTest::Without(named) => {
                self.code.branch_if(Compare::AnyBit(named.value), pass);
            }
        }
        self.code.ret(refusal(rule.errno));
        self.code.place(pass);
    }

    fn check_socket(&mut self, otherwise: u32) {
        let refusals = self.profile.socket_refusals;
        let sockets = self.profile.sockets;
        self.argument(0);
        for (index, socket) in sockets.iter().enumerate() {
            let family = socket.family.value;
            if sockets.iter().take(index).any(|earlier| earlier.family.value == family) {
                continue;
            }
            let other_family = self.code.label();
            self.code.branch_unless(Compare::Equal(family), other_family);
            self.argument(1);
            self.code.and(TYPE_MASK);
            let of_family = sockets.iter().filter(|socket| socket.family.value == family);
            for socket in of_family.filter(|socket| self.options.applies(socket.when)) {
                let other_kind = self.code.label();
                self.code.branch_unless(Compare::Equal(socket.kind.value), other_kind);
                self.argument(2);
                let allowed = self.code.label();
                for protocol in socket.protocols {
                    self.code.branch_if(Compare::Equal(protocol.value), allowed);
                }
                self.code.ret(refusal(refusals.protocol));
                self.code.place(allowed);
                self.code.ret(otherwise);
                self.code.place(other_kind);
            }
            self.code.ret(refusal(refusals.kind));
            self.code.place(other_family);
        }
        self.code.ret(refusal(refusals.family));
    }

    /// A pair of Unix sockets of the types that may be made singly.
    fn check_pair(&mut self, otherwise: u32) {
        const UNIX: u32 = libc::AF_UNIX.unsigned_abs();
        let refusals = self.profile.socket_refusals;
        let unix = self.code.label();
        let allowed = self.code.label();
        self.argument(0);
        self.code.branch_if(Compare::Equal(UNIX), unix);
        self.code.ret(refusal(refusals.pair));
        self.code.place(unix);
        self.argument(1);
        self.code.and(TYPE_MASK);
        for socket in self.profile.sockets {
            if socket.family.value == UNIX && self.options.applies(socket.when) {
                self.code.branch_if(Compare::Equal(socket.kind.value), allowed);
            }
        }
        self.code.ret(refusal(refusals.kind));
        self.code.place(allowed);
        self.code.ret(otherwise);
    }

    fn check_option(&mut self, otherwise: u32) {
        let allowed = self.code.label();
        self.argument(1);
        for level in self.profile.levels {
            let other_level = self.code.label();
            self.code.branch_unless(Compare::Equal(level.value), other_level);
            self.argument(2);
            for option in level.options {
                self.code.branch_if(Compare::Equal(option.value), allowed);
            }
            self.code.ret(refusal(self.profile.option_refusal));
            self.code.place(other_level);
        }
        self.code.ret(refusal(self.profile.option_refusal));
        self.code.place(allowed);
        self.code.ret(otherwise);
    }

    fn check_ioctl(&mut self, otherwise: u32) {
        let refused = self.code.label();
        let allowed = self.code.label();
        self.argument(1);
        for command in self.profile.ioctls {
            self.code.branch_if(Compare::Equal(command.value), refused);
        }
        for exception in self.profile.ioctl_families.iter().flat_map(|family| family.except) {
            self.code.branch_if(Compare::Equal(exception.value), allowed);
        }
        self.code.and(0xff00);
        for family in self.profile.ioctl_families {
            self.code.branch_if(Compare::Equal(u32::from(family.kind) << 8), refused);
        }
        self.code.place(allowed);
        self.code.ret(otherwise);
        self.code.place(refused);
        self.code.ret(refusal(self.profile.ioctl_refusal));
    }
}

/// The answer that refuses with an error number (at most 4095, the kernel's own bound).
fn refusal(errno: Errno) -> u32 {
    ERRNO | (errno.0.unsigned_abs() & 0xfff)
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
