//! A run that enforces nothing and records what would be refused.

use crate::plan::{Access, Plan, ViewEntry};
use ringfence_sys::seccomp::{Arch, FilterOptions};
use std::path::PathBuf;

/// Calls that are looked at besides those the broker sees anyway.
const LOOKED_AT: &[&str] = &["openat"];

/// The plan without Node's own permission flags, which would refuse.
pub(super) fn without_flags(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    if let Some(node) = &plan.program.node {
        let flags = node.flags.clone();
        plan.program.argv.retain(|argument| !flags.contains(argument));
    }
    plan.secrets.clear();
    plan
}

/// A filter that notifies and refuses nothing.
pub(super) const fn filter(arch: Arch) -> FilterOptions<'static> {
    let mut options = FilterOptions::strict(arch);
    options.observe = true;
    options.inspect = LOOKED_AT;
    options
}

/// What the boundary would show.
pub(super) fn shown(plan: &Plan) -> Vec<(PathBuf, Access)> {
    let binds = plan.view.iter().filter_map(|entry| match entry {
        ViewEntry::Bind { target, access, .. } => Some((target.clone(), *access)),
        ViewEntry::Symlink { path, .. } => Some((path.clone(), Access::Read)),
        _ => None,
    });
    binds.collect()
}
