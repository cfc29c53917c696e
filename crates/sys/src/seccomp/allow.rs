//! Filters for our own processes: what a list does not name is refused.
//!
//! The broker and init know what they will ever do, so theirs are allow lists (`profiles/broker.toml`
//! and `profiles/init.toml`), with a reason for every entry. A call that is refused answers an error
//! and is not the end of the process: the C library and std look for some files on their way and do
//! without. Only a call of another architecture ends it, which no code of this program can make.

use super::filter::{Arch, CompileError, Filter};
use super::profile::{AllowList, AllowedCall, Condition, ConditionTest, Profile};
use super::table::{ALLOW, Table, refusal};
use crate::bpf::{Compare, Label};

/// The broker's filter, for a service with namespaces of its own or without.
///
/// # Errors
/// A program too large for the kernel.
pub fn compile_broker(
    profile: &Profile,
    arch: Arch,
    namespaces: bool,
) -> Result<Filter, CompileError> {
    compile(profile, &profile.broker, arch, namespaces)
}

/// Init's filter, as [`compile_broker`].
///
/// # Errors
/// A program too large for the kernel.
pub fn compile_init(
    profile: &Profile,
    arch: Arch,
    namespaces: bool,
) -> Result<Filter, CompileError> {
    compile(profile, &profile.init, arch, namespaces)
}

fn compile(
    profile: &Profile,
    list: &AllowList,
    arch: Arch,
    namespaces: bool,
) -> Result<Filter, CompileError> {
    let refused = refusal(list.refusal);
    let mut table = Table::new(profile, arch, refused);
    let mut inspected: Vec<(&str, Label)> = Vec::new();
    let here = || list.calls.iter().filter(|allowed| allowed.when.applies(namespaces));
    for AllowedCall { call, conditions, .. } in here() {
        if conditions.is_empty() {
            table.set(call, ALLOW);
        } else if let Some((label, _)) = table.branch(call) {
            inspected.push((call, label));
        }
    }
    table.dispatch();
    for (call, label) in inspected {
        table.code.place(label);
        for allowed in here().filter(|allowed| allowed.call == call) {
            let other = table.code.label();
            for condition in allowed.conditions {
                check(&mut table, condition, other);
            }
            table.code.ret(ALLOW);
            table.code.place(other);
        }
        table.code.ret(refused);
    }
    table.finish()
}

/// Goes on when the condition holds, else to `other`.
fn check(table: &mut Table<'_>, condition: &Condition, other: Label) {
    let Condition { argument, mask, test } = *condition;
    table.argument(argument);
    if mask != u32::MAX {
        table.code.and(mask);
    }
    match test {
        ConditionTest::Clear(bits) => {
            let any = bits.iter().fold(0, |any, bit| any | bit.value);
            table.code.branch_if(Compare::AnyBit(any), other);
        }
        ConditionTest::OneOf(list) => {
            let fits = table.code.label();
            for named in list {
                table.code.branch_if(Compare::Equal(named.value), fits);
            }
            table.code.jump(other);
            table.code.place(fits);
        }
        ConditionTest::Set(bits) => {
            for bit in bits {
                table.code.branch_unless(Compare::AnyBit(bit.value), other);
            }
        }
    }
}

#[cfg(test)]
#[path = "allow_tests.rs"]
mod tests;
