//! The `config.json` of a runtime bundle, compared with the boundary.
//!
//! What is wanted is what `render oci` writes for the same way of starting. What the runtime adds
//! by itself is not looked at.

mod linux;
mod mounts;
mod unknown;
mod values;

use super::{Comparison, Deployed, Drift, DriftError, seccomp, start};
use crate::render::oci::config;
use crate::render::{Entry, Order};
use ringfence_project::json::{self, Json, Placed};
use values::{number, numbers, strings};

/// What is compared, and with what.
struct Check<'a> {
    found: &'a Placed<Json>,
    wanted: &'a Placed<Json>,
    comparison: Comparison,
}

/// Compares it.
///
/// # Errors
/// [`DriftError`].
pub fn compare(order: &Order<'_>, deployed: Deployed<'_>) -> Result<Comparison, DriftError> {
    let malformed =
        |line, what| DriftError::Malformed { path: deployed.path.to_owned(), line, what };
    let found = json::parse(deployed.text).map_err(|error| malformed(error.line, error.message))?;
    let argv = strings(at(&found, &["process", "args"]));
    let argv: Vec<String> = argv.into_iter().map(|(word, _)| word.to_owned()).collect();
    if !is_of(&found, order, &argv) {
        let service = order.name().to_owned();
        let path = deployed.path.to_owned();
        return Err(DriftError::Foreign { path, service, found: Vec::new() });
    }
    let entry = start::entry(&argv).unwrap_or(Entry::Node);
    let wanted = config(order, entry).map_err(|error| malformed(1, error.to_string()))?;
    let wanted = json::parse(&wanted.to_string()).map_err(|error| malformed(1, error.message))?;
    let comparison = Comparison::default();
    let mut check = Check { found: &found, wanted: &wanted, comparison };
    let line = at(&found, &["process", "args"]).map(|args| args.line);
    check.comparison = start::compare(order, &argv, "process.args", line);
    check.process();
    check.files(order);
    check.linux();
    check.unknown(order);
    let mut comparison = check.comparison;
    match at(&found, &["linux", "seccomp"]) {
        Some(profile) => {
            let inner = seccomp::compare_profile(profile, entry, "linux.seccomp.");
            let inner = inner.map_err(|what| malformed(profile.line, what))?;
            comparison.drifts.extend(inner.drifts);
            comparison.compared += inner.compared;
        }
        None => comparison.drifts.push(Drift::new(
            "open-filter",
            "linux.seccomp",
            None,
            "a filter",
            "nothing",
            "every system call is let through",
        )),
    }
    comparison.drifts.sort_by_key(|drift| drift.line.unwrap_or(usize::MAX));
    Ok(comparison)
}

/// A bundle belongs to the service by its name or by what it starts.
fn is_of(found: &Placed<Json>, order: &Order<'_>, argv: &[String]) -> bool {
    let named = |keys: &[&str]| {
        at(found, keys).and_then(|value| value.value.as_str()) == Some(order.name())
    };
    let below = format!("{}/", order.place);
    named(&["hostname"])
        || at(found, &["process", "cwd"])
            .and_then(|cwd| cwd.value.as_str())
            .is_some_and(|cwd| cwd == order.place || cwd.starts_with(&below))
        || argv.iter().any(|word| word.contains(&below))
}

fn at<'a>(value: &'a Placed<Json>, keys: &[&str]) -> Option<&'a Placed<Json>> {
    keys.iter().try_fold(value, |value, key| value.value.key(key))
}

impl Check<'_> {
    fn push(&mut self, drift: Drift) {
        self.comparison.drifts.push(drift);
    }

    /// A switch that must be on.
    fn on(&mut self, keys: &[&str], code: &'static str, why: &str) {
        self.comparison.compared += 1;
        let found = at(self.found, keys);
        if !matches!(found.map(|found| &found.value), Some(Json::Boolean(true))) {
            let is = if found.is_some() { "false" } else { "nothing" };
            self.push(Drift::new(
                code,
                &keys.join("."),
                found.map(|found| found.line),
                "true",
                is,
                why,
            ));
        }
    }

    /// Words that may only be fewer; without the key the runtime's own default counts.
    fn no_more(&mut self, keys: &[&str], needed: bool, code: &'static str, why: &str) {
        self.comparison.compared += 1;
        let wanted: Vec<&str> =
            strings(at(self.wanted, keys)).into_iter().map(|(word, _)| word).collect();
        let place = keys.join(".");
        let shown = if wanted.is_empty() { "nothing".to_owned() } else { wanted.join(" ") };
        let found = at(self.found, keys);
        if found.is_none() && needed {
            self.push(Drift::new(
                code,
                &place,
                None,
                &shown,
                "nothing written: the runtime's default",
                why,
            ));
        }
        let more: Vec<(String, usize)> = strings(found)
            .into_iter()
            .filter(|(word, _)| !wanted.contains(word))
            .map(|(word, line)| (word.to_owned(), line))
            .collect();
        for (word, line) in more {
            self.push(Drift::new(code, &place, Some(line), &shown, &word, why));
        }
    }

    /// Words that may only be more.
    fn no_less(&mut self, keys: &[&str], code: &'static str, why: &str) {
        let found: Vec<&str> =
            strings(at(self.found, keys)).into_iter().map(|(word, _)| word).collect();
        let missing: Vec<String> = strings(at(self.wanted, keys))
            .into_iter()
            .filter(|(word, _)| !found.contains(word))
            .map(|(word, _)| word.to_owned())
            .collect();
        self.comparison.compared += 1;
        let line = at(self.found, keys).map(|found| found.line);
        for word in missing {
            self.push(Drift::new(code, &keys.join("."), line, &word, "nothing", why));
        }
    }

    /// A number that may not be larger; without the key there is no limit.
    fn at_most(&mut self, keys: &[&str], code: &'static str, why: &str) {
        let Some(wanted) = at(self.wanted, keys).and_then(number) else { return };
        self.comparison.compared += 1;
        let found = at(self.found, keys);
        let is = found.and_then(number);
        if is.is_none_or(|is| is < 1 || is > wanted) {
            let shown = is.map_or_else(|| "nothing".to_owned(), |is| is.to_string());
            let line = found.map(|found| found.line);
            self.push(Drift::new(code, &keys.join("."), line, &wanted.to_string(), &shown, why));
        }
    }

    fn process(&mut self) {
        self.comparison.compared += 1;
        let uid = at(self.found, &["process", "user", "uid"]);
        if uid.and_then(number).is_none_or(|uid| uid == 0) {
            let wanted = at(self.wanted, &["process", "user", "uid"]).and_then(number).unwrap_or(1);
            let line = uid.map(|uid| uid.line);
            let is = if uid.is_some() { "0" } else { "nothing" };
            self.push(Drift::new("runs-as-root", "process.user.uid", line, &wanted.to_string(), is, "root passes every permission of files, and a hole in the kernel makes it the host's"));
        }
        self.groups();
        self.on(
            &["process", "noNewPrivileges"],
            "new-privileges",
            "a setuid program gives the service other rights",
        );
        for set in ["bounding", "effective", "inheritable", "permitted", "ambient"] {
            let why = "a capability is a part of root's power";
            let needed =
                at(self.found, &["process", "capabilities"]).is_none() && set == "bounding";
            self.no_more(&["process", "capabilities", set], needed, "more-capabilities", why);
        }
        self.environment();
        self.rlimits();
    }

    fn groups(&mut self) {
        let keys = ["process", "user", "additionalGids"];
        let wanted = numbers(at(self.wanted, &keys));
        self.comparison.compared += 1;
        for (group, line) in numbers(at(self.found, &keys)) {
            if !wanted.iter().any(|(known, _)| *known == group) {
                self.push(Drift::new(
                    "more-groups",
                    &keys.join("."),
                    Some(line),
                    "nothing",
                    &group.to_string(),
                    "a further group opens the files of that group",
                ));
            }
        }
    }

    fn environment(&mut self) {
        let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
        let found: Vec<(String, usize)> = strings(at(self.found, &["process", "env"]))
            .into_iter()
            .map(|(word, line)| (name(word), line))
            .filter(|(name, _)| ringfence_policy::environment::refused(name).is_some())
            .collect();
        self.comparison.compared += 1;
        for (name, line) in found {
            self.push(Drift::new(
                "code-from-environment",
                "process.env",
                Some(line),
                "nothing",
                &name,
                "this variable loads code into the program, or switches its checks off",
            ));
        }
    }

    fn rlimits(&mut self) {
        let list = |value: &Placed<Json>| {
            at(value, &["process", "rlimits"])
                .map(|list| list.value.items().to_vec())
                .unwrap_or_default()
        };
        let kind = |limit: &Placed<Json>| {
            at(limit, &["type"]).and_then(|kind| kind.value.as_str()).unwrap_or_default().to_owned()
        };
        let found = list(self.found);
        for limit in list(self.wanted) {
            self.comparison.compared += 1;
            let name = kind(&limit);
            let wanted = at(&limit, &["hard"]).and_then(number).unwrap_or(0);
            let one = found.iter().find(|found| kind(found) == name);
            let hard = one.and_then(|one| at(one, &["hard"]));
            let is = hard.and_then(number);
            if is.is_none_or(|is| is < 0 || is > wanted) {
                let shown = is.map_or_else(|| "nothing".to_owned(), |is| is.to_string());
                let line = hard.or(one).map(|found| found.line);
                let place = format!("process.rlimits: {name}");
                self.push(Drift::new(
                    "larger-limits",
                    &place,
                    line,
                    &wanted.to_string(),
                    &shown,
                    "the limit of the boundary is not held from outside",
                ));
            }
        }
    }
}
