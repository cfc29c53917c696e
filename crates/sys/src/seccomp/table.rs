//! The part of a filter that is the same for all: from a call's number to its answer.
//!
//! The program first judges the architecture and the x32 bit, then finds the call's answer by a
//! binary search over its number. A call that is answered whatever its arguments are is answered
//! without looking at them, so the kernel remembers an allowed one in a bitmap and runs no filter at
//! all for it (kernel 5.11); only calls whose arguments matter have code of their own at the end.

use super::filter::{Arch, CompileError, Filter};
use super::profile::{Call, Profile};
use crate::bpf::{Assembler, Compare, Label};
use crate::errno::Errno;

pub(super) const ALLOW: u32 = 0x7fff_0000;
pub(super) const NOTIFY: u32 = 0x7fc0_0000;
pub(super) const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;

/// Offsets in `struct seccomp_data`; both architectures are little-endian.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// On x86-64 the bit of the second ABI, whose numbers would walk around the tables.
pub(super) const X32: u32 = 0x4000_0000;

/// The answer to one system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Return(u32),
    /// Code of its own, by index into the branches.
    Branch(usize),
}

const UNKNOWN: Answer = Answer::Return(ERRNO | libc::ENOSYS.unsigned_abs());

/// Calls from `first` up to the next segment's have one answer.
struct Segment {
    first: u32,
    answer: Answer,
}

/// Every call's answer, and the program as far as it is written.
pub(super) struct Table<'a> {
    profile: &'a Profile,
    arch: Arch,
    /// Whether calls of another table pass, for self-tests that must see a probe succeed.
    pub(super) foreign: bool,
    pub(super) code: Assembler,
    /// By number; numbers beyond are unknown.
    answers: Vec<Answer>,
    branches: Vec<Label>,
}

impl<'a> Table<'a> {
    /// Every call the machine is known to have gets this answer, all others do not exist.
    pub(super) fn new(profile: &'a Profile, arch: Arch, answer: u32) -> Self {
        let numbers = profile.calls.iter().filter_map(|call| number(call, arch));
        let last = numbers.clone().max().unwrap_or_default();
        let mut answers = vec![UNKNOWN; last + 1];
        for number in numbers {
            if let Some(place) = answers.get_mut(number) {
                *place = Answer::Return(answer);
            }
        }
        let code = Assembler::new();
        Self { profile, arch, foreign: false, code, answers, branches: Vec::new() }
    }

    fn place(&mut self, name: &str) -> Option<&mut Answer> {
        let number = number(self.profile.call(name)?, self.arch)?;
        self.answers.get_mut(number)
    }

    /// Sets a call's answer; answers whether the machine has the call.
    pub(super) fn set(&mut self, name: &str, answer: u32) -> bool {
        let place = self.place(name);
        place.map(|place| *place = Answer::Return(answer)).is_some()
    }

    /// Gives a call code of its own and answers where it must stand, with what the call was
    /// answered so far. Nothing when it has some already or the machine has no such call.
    pub(super) fn branch(&mut self, name: &str) -> Option<(Label, u32)> {
        let next = Answer::Branch(self.branches.len());
        let place = self.place(name)?;
        let Answer::Return(before) = *place else { return None };
        *place = next;
        let label = self.code.label();
        self.branches.push(label);
        Some((label, before))
    }

    /// Writes the way from a number to its answer.
    pub(super) fn dispatch(&mut self) {
        self.guard();
        let segments = self.segments();
        self.search(&segments);
    }

    /// The filter, when every branch has its code.
    pub(super) fn finish(self) -> Result<Filter, CompileError> {
        Ok(Filter { code: self.code.finish()? })
    }

    /// Loads the low 32 bits of an argument.
    pub(super) fn argument(&mut self, index: u8) {
        self.code.load(ARGUMENTS + 8 * u32::from(index));
    }

    /// Kills what speaks another ABI and leaves the number in the accumulator.
    fn guard(&mut self) {
        let kill = self.code.label();
        let native = self.code.label();
        self.code.load(ARCHITECTURE);
        let strange = if self.foreign { ALLOW } else { KILL_PROCESS };
        self.code.branch(Compare::Equal(self.arch.audit()), native, kill);
        self.code.place(kill);
        self.code.ret(strange);
        self.code.place(native);
        self.code.load(NUMBER);
        if self.arch == Arch::X86_64 {
            let ordinary = self.code.label();
            let none = self.code.label();
            self.code.branch_unless(Compare::AtLeast(X32), ordinary);
            // A program may try number -1 to see that it does not exist.
            self.code.branch_if(Compare::Equal(u32::MAX), none);
            self.code.ret(strange);
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
            [Segment { answer: Answer::Branch(index), .. }] => {
                if let Some(label) = self.branches.get(*index) {
                    self.code.jump(*label);
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
}

pub(super) fn number(call: &Call, arch: Arch) -> Option<usize> {
    let number = match arch {
        Arch::Aarch64 => call.aarch64,
        Arch::X86_64 => call.x86_64,
    };
    number.map(usize::from)
}

/// The answer that refuses with an error number (at most 4095, the kernel's own bound).
pub(super) fn refusal(errno: Errno) -> u32 {
    ERRNO | (errno.0.unsigned_abs() & 0xfff)
}
