//! A seccomp profile, compared with the one that is rendered.
//!
//! What it lets through must be let through by ours, call by call and condition by condition; which
//! error a refusal answers with is all the same.

use super::{Comparison, Deployed, Drift, DriftError};
use crate::render::seccomp::{Arg, Profile, profile};
use crate::render::{Entry, Order};
use ringfence_project::json::{self, Json, Placed};

/// Compares it.
///
/// # Errors
/// [`DriftError`].
pub fn compare(order: &Order<'_>, deployed: Deployed<'_>) -> Result<Comparison, DriftError> {
    let malformed =
        |line, what| DriftError::Malformed { path: deployed.path.to_owned(), line, what };
    let found = json::parse(deployed.text).map_err(|error| malformed(error.line, error.message))?;
    let entry = order.entry.unwrap_or_else(|| told(deployed.text, &found.value));
    compare_profile(&found, entry, "").map_err(|what| malformed(1, what))
}

/// For which use a profile is: as its head says, else by the calls that only `ringfence run` makes.
fn told(text: &str, found: &Json) -> Entry {
    if text.contains("render seccomp --entry node") {
        return Entry::Node;
    }
    let pivots = entries(found)
        .any(|entry| lets_through(entry) && names(entry).any(|(name, _)| name == "pivot_root"));
    if pivots || text.contains("render seccomp") { Entry::Ringfence } else { Entry::Node }
}

/// Compares a profile, whose keys are called `prefix` and their name.
pub(super) fn compare_profile(
    found: &Placed<Json>,
    entry: Entry,
    prefix: &str,
) -> Result<Comparison, String> {
    let wanted = profile(entry).map_err(|error| error.to_string())?;
    let mut comparison = Comparison::default();
    default_action(found, prefix, &wanted, &mut comparison);
    architectures(found, prefix, &wanted, &mut comparison);
    unknown(found, prefix, &mut comparison);
    for entry in entries(&found.value) {
        comparison.compared += 1;
        if lets_through(entry) {
            judge(entry, prefix, &wanted, &mut comparison);
        }
    }
    Ok(comparison)
}

/// Keys that nobody looked at: engines read them whatever their case is. A refusal that answers with
/// no error is taken for success, and a flag may switch mitigations of the processor off.
fn unknown(found: &Placed<Json>, prefix: &str, comparison: &mut Comparison) {
    let mut foreign = |place: &str, line: usize, found: String| {
        comparison.drifts.push(Drift {
            code: "unknown-setting",
            place: format!("{prefix}{place}"),
            line: Some(line).filter(|line| *line > 0),
            wanted: "nothing, or what `ringfence render seccomp` writes".to_owned(),
            found,
            why: "this is not known to be harmless".to_owned(),
        });
    };
    let mut keys = |place: &str, value: &Placed<Json>, known: &[&str]| {
        for (name, value) in value.value.entries() {
            let zero = name.to_lowercase().ends_with("errnoret")
                && !matches!(&value.value, Json::Number(text) if text.parse().is_ok_and(|n: u32| n > 0));
            if !known.contains(&name.as_ref())
                || zero
                || value.value == Json::Null && name != "args"
            {
                foreign(&format!("{place}{name}"), value.line, "there".to_owned());
            }
        }
    };
    let items = |value: &Placed<Json>, key: &str| {
        value.value.key(key).map(|list| list.value.items().to_vec()).unwrap_or_default()
    };
    keys(
        "",
        found,
        &[
            "//",
            "archMap",
            "architectures",
            "defaultAction",
            "defaultErrnoRet",
            "flags",
            "syscalls",
        ],
    );
    for map in items(found, "archMap") {
        keys("archMap[].", &map, &["architecture", "subArchitectures"]);
    }
    for entry in items(found, "syscalls") {
        let known =
            ["action", "args", "comment", "errnoRet", "excludes", "includes", "name", "names"];
        keys("syscalls[].", &entry, &known);
        for arg in items(&entry, "args") {
            keys("syscalls[].args[].", &arg, &["index", "op", "value", "valueTwo"]);
        }
    }
    let harmless = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"];
    for flag in items(found, "flags") {
        let name = flag.value.as_str().unwrap_or("what is no text").to_owned();
        if !harmless.contains(&name.as_str()) {
            foreign("flags", flag.line, name);
        }
    }
}

fn entries(profile: &Json) -> impl Iterator<Item = &Placed<Json>> {
    profile.key("syscalls").map(|list| list.value.items()).unwrap_or_default().iter()
}

fn text<'a>(of: &'a Json, key: &str) -> Option<&'a str> {
    of.key(key).and_then(|value| value.value.as_str())
}

/// Refusing actions; everything else lets the call happen.
fn refuses(action: &str) -> bool {
    [
        "SCMP_ACT_ERRNO",
        "SCMP_ACT_KILL",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_KILL_THREAD",
        "SCMP_ACT_TRAP",
    ]
    .contains(&action)
}

fn lets_through(entry: &Placed<Json>) -> bool {
    !text(&entry.value, "action").is_some_and(refuses)
}

fn names(entry: &Placed<Json>) -> impl Iterator<Item = (&str, usize)> {
    let list = entry.value.key("names").map(|list| list.value.items()).unwrap_or_default();
    let one = entry.value.key("name").into_iter();
    list.iter().chain(one).filter_map(|name| Some((name.value.as_str()?, name.line)))
}

fn drift(
    code: &'static str,
    place: String,
    line: usize,
    wanted: &str,
    found: String,
    why: &str,
) -> Drift {
    Drift {
        code,
        place,
        line: Some(line).filter(|line| *line > 0),
        wanted: wanted.to_owned(),
        found,
        why: why.to_owned(),
    }
}

fn default_action(
    found: &Placed<Json>,
    prefix: &str,
    wanted: &Profile,
    comparison: &mut Comparison,
) {
    comparison.compared += 1;
    let action = found.value.key("defaultAction");
    let is = action.and_then(|action| action.value.as_str());
    if !is.is_some_and(refuses) {
        let line = action.map_or(0, |action| action.line);
        let is = is.unwrap_or("nothing").to_owned();
        let why = "a call that nobody listed is let through";
        comparison.drifts.push(drift(
            "open-filter",
            format!("{prefix}defaultAction"),
            line,
            wanted.default_action,
            is,
            why,
        ));
    }
}

fn architectures(
    found: &Placed<Json>,
    prefix: &str,
    wanted: &Profile,
    comparison: &mut Comparison,
) {
    comparison.compared += 1;
    let why = "calls of another table walk around this one";
    let mut foreign = |place: &str, name: &Placed<Json>| {
        let Some(is) = name.value.as_str() else { return };
        if !wanted.architectures.contains(&is) {
            comparison.drifts.push(drift(
                "foreign-calls",
                format!("{prefix}{place}"),
                name.line,
                &wanted.architectures.join(" "),
                is.to_owned(),
                why,
            ));
        }
    };
    for name in found.value.key("architectures").map(|list| list.value.items()).unwrap_or_default()
    {
        foreign("architectures", name);
    }
    for map in found.value.key("archMap").map(|list| list.value.items()).unwrap_or_default() {
        for name in
            map.value.key("subArchitectures").map(|list| list.value.items()).unwrap_or_default()
        {
            foreign("archMap[].subArchitectures", name);
        }
    }
}

/// Each call of an entry that lets through.
fn judge(entry: &Placed<Json>, prefix: &str, wanted: &Profile, comparison: &mut Comparison) {
    let args: Vec<Option<Arg>> = entry
        .value
        .key("args")
        .map(|list| list.value.items())
        .unwrap_or_default()
        .iter()
        .map(|arg| condition(&arg.value))
        .collect();
    for (name, line) in names(entry) {
        let rules: Vec<&[Arg]> = wanted
            .syscalls
            .iter()
            .filter(|rule| rule.errno_ret.is_none() && rule.names.iter().any(|known| known == name))
            .map(|rule| rule.args.as_slice())
            .collect();
        // Conditions are joined by "and": more of them let less through.
        let within = |rule: &&[Arg]| {
            rule.iter().all(|wanted| {
                args.iter().any(|is| is.as_ref().is_some_and(|is| implies(is, wanted)))
            })
        };
        if rules.iter().any(within) {
            continue;
        }
        let place = format!("{prefix}syscalls: {name}");
        let drift = if rules.is_empty() {
            drift(
                "more-system-calls",
                place,
                line,
                "refused",
                "let through".to_owned(),
                "each further call is attack surface of the kernel",
            )
        } else {
            let is = if args.is_empty() {
                "let through whatever its arguments are"
            } else {
                "let through with other arguments"
            };
            drift(
                "more-system-calls",
                place,
                line,
                "only with the arguments of the profile",
                is.to_owned(),
                "some arguments of this call reach what the boundary refuses",
            )
        };
        comparison.drifts.push(drift);
    }
}

/// Whether what fulfils one condition fulfils the other.
fn implies(is: &Arg, wanted: &Arg) -> bool {
    if is == wanted {
        return true;
    }
    let masked = |arg: &Arg| match arg.op {
        "SCMP_CMP_MASKED_EQ" => (arg.value, arg.value_two.unwrap_or(0)),
        _ => (u64::MAX, arg.value),
    };
    let ((mask, value), (wanted_mask, wanted_value)) = (masked(is), masked(wanted));
    is.index == wanted.index
        && mask & wanted_mask == wanted_mask
        && value & wanted_mask == wanted_value
}

/// A condition of a kind that ours have.
fn condition(arg: &Json) -> Option<Arg> {
    let number = |key: &str| match &arg.key(key)?.value {
        Json::Number(text) => text.parse::<u64>().ok(),
        _ => None,
    };
    let op = match text(arg, "op")? {
        "SCMP_CMP_EQ" => "SCMP_CMP_EQ",
        "SCMP_CMP_MASKED_EQ" => "SCMP_CMP_MASKED_EQ",
        _ => return None,
    };
    let value_two = number("valueTwo").filter(|_| op == "SCMP_CMP_MASKED_EQ");
    let value_two = if op == "SCMP_CMP_MASKED_EQ" { Some(value_two.unwrap_or(0)) } else { None };
    Some(Arg {
        index: u32::try_from(number("index")?).ok()?,
        value: number("value")?,
        value_two,
        op,
    })
}
