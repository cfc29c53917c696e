//! A seccomp profile in the form that runtimes and engines read (the runtime specification's
//! `linux.seccomp`; Docker, Podman, containerd and CRI-O read the same).
//!
//! Two uses. Around Node alone it is the service's filter as far as a list of allowed calls can say it:
//! nothing is brought to a broker, so addresses are not judged. Around `ringfence run` it lets through
//! what ringfence needs to build the inside, and still refuses what neither needs. Both come from the
//! data in `profiles/`; a call that nobody looked at does not exist (ENOSYS).

mod profiles;

use super::{Entry, Note, Order, RenderError, Rendered, Target, grants};
use profiles::{Profiles, Rule};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Bits of a socket's type that are not flags.
const KIND: u64 = 0xf;
const AF_UNIX: u64 = 1;
const AF_NETLINK: u64 = 16;

const EPERM: u32 = 1;
const EACCES: u32 = 13;
const ENOSYS: u32 = 38;
const EOPNOTSUPP: u32 = 95;

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Which boundary and which command; runtimes pass over it.
    #[serde(rename = "//", skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
    /// What happens to a call that no entry names.
    pub default_action: &'static str,
    /// Its error number.
    pub default_errno_ret: u32,
    /// Tables of calls that exist at all.
    pub architectures: Vec<&'static str>,
    /// In the order of their errors, then of their names.
    pub syscalls: Vec<Syscall>,
}

/// Calls with one answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Syscall {
    /// Names.
    pub names: Vec<String>,
    /// `SCMP_ACT_ALLOW` or `SCMP_ACT_ERRNO`.
    pub action: &'static str,
    /// Error number of the latter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno_ret: Option<u32>,
    /// All of them must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Arg>,
}

/// A condition on an argument.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arg {
    /// Which, from 0.
    pub index: u32,
    /// A value, or the mask.
    pub value: u64,
    /// What the masked value must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_two: Option<u64>,
    /// `SCMP_CMP_EQ` or `SCMP_CMP_MASKED_EQ`.
    pub op: &'static str,
}

impl Arg {
    const fn is(index: u32, value: u64) -> Self {
        Self { index, value, value_two: None, op: "SCMP_CMP_EQ" }
    }

    const fn masked(index: u32, mask: u64, value: u64) -> Self {
        Self { index, value: mask, value_two: Some(value), op: "SCMP_CMP_MASKED_EQ" }
    }
}

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    let entry = order.entry.unwrap_or(Entry::Ringfence);
    let notes = notes(order, entry);
    let mut profile = profile(entry)?;
    profile.about = order.head("", Target::Seccomp, &notes).lines().map(str::to_owned).collect();
    let text = super::json_text(&profile)?;
    Ok(Rendered { files: vec![("seccomp.json".into(), text)], notes })
}

/// The profile for what is started.
///
/// # Errors
/// The data of `profiles/` that was built in cannot be read.
pub fn profile(entry: Entry) -> Result<Profile, RenderError> {
    let data = Profiles::built_in()?;
    let mut refused: BTreeMap<&str, u32> = BTreeMap::new();
    for group in data.calls.group.iter().filter(|group| group.when.is_none()) {
        for call in &group.calls {
            let errno = call.errno.as_ref().unwrap_or(&group.errno);
            refused.insert(&call.name, number(errno));
        }
    }
    let mut judged = judged(data);
    if entry == Entry::Ringfence {
        for lifted in &data.containers.lifted {
            refused.remove(lifted.call.as_str());
        }
        // Its own filter, inside, judges these; here they are those of ringfence too.
        judged.retain(|call, _| matches!(*call, "socket" | "socketpair"));
        let families = judged.entry("socket").or_default();
        for netlink in &data.containers.netlink {
            let protocol = netlink.protocol.value;
            families.push(vec![Arg::is(0, AF_NETLINK), Arg::is(2, protocol)]);
        }
    }
    let plain = data.numbers.calls.keys().map(String::as_str);
    let plain = plain.filter(|call| !refused.contains_key(call) && !judged.contains_key(call));
    let allow = |names: Vec<String>, args: Vec<Arg>| Syscall {
        names,
        action: "SCMP_ACT_ALLOW",
        errno_ret: None,
        args,
    };
    let mut syscalls = vec![allow(plain.map(str::to_owned).collect(), Vec::new())];
    for (call, rules) in &judged {
        let mut rules = rules.clone();
        rules.sort();
        rules.dedup();
        syscalls.extend(rules.into_iter().map(|args| allow(vec![(*call).to_owned()], args)));
    }
    let errors: BTreeSet<u32> =
        refused.values().copied().filter(|errno| *errno != ENOSYS).collect();
    for errno in errors {
        let names = refused.iter().filter(|(_, of)| **of == errno);
        syscalls.push(Syscall {
            names: names.map(|(name, _)| (*name).to_owned()).collect(),
            action: "SCMP_ACT_ERRNO",
            errno_ret: Some(errno),
            args: Vec::new(),
        });
    }
    Ok(Profile {
        about: Vec::new(),
        default_action: "SCMP_ACT_ERRNO",
        default_errno_ret: ENOSYS,
        architectures: vec!["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        syscalls,
    })
}

/// Calls that are allowed by their arguments: one of these lists of conditions must hold.
fn judged(data: &Profiles) -> BTreeMap<&str, Vec<Vec<Arg>>> {
    let mut judged: BTreeMap<&str, Vec<Vec<Arg>>> = BTreeMap::new();
    for rule in &data.arguments.rule {
        // Values that are refused one by one are written as those that are allowed.
        if rule.equals.is_none() {
            let of: Vec<&Rule> =
                data.arguments.rule.iter().filter(|other| other.call == rule.call).collect();
            judged.insert(&rule.call, conditions(&of));
        }
    }
    for values in &data.containers.values {
        let each = values.only.iter().map(|value| vec![Arg::is(values.argument, value.value)]);
        judged.insert(&values.call, each.collect());
    }
    for socket in &data.sockets.allow {
        for protocol in &socket.protocols {
            let args = vec![
                Arg::is(0, socket.family.value),
                Arg::masked(1, KIND, socket.r#type.value),
                Arg::is(2, protocol.value),
            ];
            if socket.family.value == AF_UNIX {
                judged.entry("socketpair").or_default().push(args.clone());
            }
            judged.entry("socket").or_default().push(args);
        }
    }
    for level in &data.options.level {
        for option in &level.options {
            let args = vec![Arg::is(1, level.value), Arg::is(2, option.value)];
            judged.entry("setsockopt").or_default().push(args);
        }
    }
    judged
}

/// What the rules of one call let through; all of them are about one argument.
fn conditions(rules: &[&Rule]) -> Vec<Vec<Arg>> {
    let index = rules.first().map_or(0, |rule| rule.argument);
    if let Some(only) = rules.iter().find_map(|rule| rule.only.as_ref()) {
        return only.iter().map(|value| vec![Arg::is(index, value.value)]).collect();
    }
    let bits = |of: fn(&Rule) -> Option<&profiles::Named>| {
        rules.iter().filter_map(|rule| of(rule)).fold(0, |all, named| all | named.value)
    };
    let (clear, set) = (bits(|rule| rule.bits.as_ref()), bits(|rule| rule.requires.as_ref()));
    vec![vec![Arg::masked(index, clear | set, set)]]
}

fn number(errno: &str) -> u32 {
    match errno {
        "ENOSYS" => ENOSYS,
        "EACCES" => EACCES,
        "EOPNOTSUPP" => EOPNOTSUPP,
        _ => EPERM,
    }
}

/// What a filter cannot say.
fn notes(order: &Order<'_>, entry: Entry) -> Vec<Note> {
    let boundary = order.boundary;
    let carried = match entry {
        Entry::Ringfence => "`ringfence run` enforces it inside",
        Entry::Node => "NOT enforced here: a filter sees no paths, names or addresses",
    };
    let all = grants::paths(boundary)
        .into_iter()
        .chain(grants::outbound(boundary))
        .chain(grants::listeners(boundary))
        .chain(grants::processes(boundary))
        .chain(grants::limits(boundary));
    all.map(|grant| Note { grant, carried: carried.to_owned() }).collect()
}
