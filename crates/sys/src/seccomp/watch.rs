//! A filter that refuses nothing and brings some calls to a listener, for recording.
//!
//! Calls of another architecture pass unseen; a call that is younger than the tables does not exist,
//! as inside a boundary, so that nothing new goes by unseen.

use super::filter::{Arch, CompileError, Filter};
use super::profile::Profile;
use super::table::{ALLOW, NOTIFY, Table, number};
use crate::bpf::{Compare, Label};

/// A call that is brought to the listener, under conditions on its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched<'a> {
    /// Its name.
    pub call: &'a str,
    /// All of these must hold; otherwise the call passes.
    pub when: &'a [Bits],
}

/// What an argument must be like; its low 32 bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// The argument with this index has one of these bits.
    Any(u8, u32),
    /// The argument with this index has none of these bits.
    None(u8, u32),
}

/// Compiles the filter. Calls that this machine does not have are left out.
///
/// # Errors
/// A program too large for the kernel.
pub fn compile_watch(
    profile: &Profile,
    arch: Arch,
    watched: &[Watched<'_>],
) -> Result<Filter, CompileError> {
    let mut table = Table::new(profile, arch, ALLOW);
    table.foreign = true;
    let mut conditional: Vec<(&[Bits], Label)> = Vec::new();
    for Watched { call, when } in watched {
        if when.is_empty() {
            table.set(call, NOTIFY);
        } else if let Some((label, _)) = table.branch(call) {
            conditional.push((when, label));
        }
    }
    table.dispatch();
    for (when, label) in conditional {
        table.code.place(label);
        let pass = table.code.label();
        for bits in when {
            match *bits {
                Bits::Any(argument, mask) => {
                    table.argument(argument);
                    table.code.branch_unless(Compare::AnyBit(mask), pass);
                }
                Bits::None(argument, mask) => {
                    table.argument(argument);
                    table.code.branch_if(Compare::AnyBit(mask), pass);
                }
            }
        }
        table.code.ret(NOTIFY);
        table.code.place(pass);
        table.code.ret(ALLOW);
    }
    table.finish()
}

/// The number of a call on a machine, if it has one.
#[must_use]
pub fn call_number(profile: &Profile, arch: Arch, name: &str) -> Option<usize> {
    number(profile.call(name)?, arch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::interpreter::{Data, run};

    const WATCHED: [Watched<'_>; 2] = [
        Watched { call: "openat", when: &[] },
        Watched { call: "mmap", when: &[Bits::Any(2, 4), Bits::None(3, 0x20)] },
    ];

    fn answer(arch: Arch, of: &str, args: [u64; 6]) -> u32 {
        let profile = Profile::builtin();
        let filter = compile_watch(&profile, arch, &WATCHED).unwrap();
        let nr = u32::try_from(call_number(&profile, arch, of).unwrap()).unwrap();
        run(filter.code(), Data { nr, arch: arch.audit(), args }, false).unwrap()
    }

    #[test]
    fn watched_calls_are_brought_and_all_others_pass() {
        for arch in [Arch::Aarch64, Arch::X86_64] {
            assert_eq!(answer(arch, "openat", [0; 6]), NOTIFY);
            assert_eq!(answer(arch, "read", [0; 6]), ALLOW);
            assert_eq!(answer(arch, "mount", [0; 6]), ALLOW);
            assert_eq!(answer(arch, "mmap", [0, 0, 4, 2, 0, 0]), NOTIFY);
            assert_eq!(answer(arch, "mmap", [0, 0, 4, 0x22, 0, 0]), ALLOW);
            assert_eq!(answer(arch, "mmap", [0, 0, 3, 2, 0, 0]), ALLOW);
        }
    }

    #[test]
    fn calls_of_another_architecture_pass_and_unknown_ones_do_not_exist() {
        let filter = compile_watch(&Profile::builtin(), Arch::X86_64, &WATCHED).unwrap();
        let run = |nr, arch| run(filter.code(), Data { nr, arch, args: [0; 6] }, false).unwrap();
        assert_eq!(run(5, 0x4000_0003), ALLOW);
        assert_eq!(run(100_000, Arch::X86_64.audit()) & 0xffff, libc::ENOSYS.unsigned_abs());
    }
}
