//! The `config.json` of a runtime bundle, compared with the boundary.
//!
//! What is wanted is what `render oci` writes for the same way of starting. What the runtime adds
//! by itself is not looked at.

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
    entry: Entry,
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
        return Err(DriftError::Foreign { path: deployed.path.to_owned(), service });
    }
    let entry = start::entry(&argv).unwrap_or(Entry::Node);
    let wanted = config(order, entry).map_err(|error| malformed(1, error.to_string()))?;
    let wanted = json::parse(&wanted.to_string()).map_err(|error| malformed(1, error.message))?;
    let comparison = Comparison::default();
    let mut check = Check { found: &found, wanted: &wanted, entry, comparison };
    let line = at(&found, &["process", "args"]).map(|args| args.line);
    check.comparison = start::compare(order, &argv, "process.args", line);
    check.process();
    check.files(order);
    check.linux();
    let mut comparison = check.comparison;
    match at(&found, &["linux", "seccomp"]) {
        Some(profile) => {
            let inner = seccomp::compare_profile(profile, entry, "linux.seccomp.");
            let inner = inner.map_err(|what| malformed(profile.line, what))?;
            comparison.drifts.extend(inner.drifts);
            comparison.compared += inner.compared;
        }
        None => comparison.drifts.push(weaker(
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

fn weaker(
    code: &'static str,
    place: &str,
    line: Option<usize>,
    wanted: &str,
    found: &str,
    why: &str,
) -> Drift {
    Drift {
        code,
        place: place.to_owned(),
        line,
        wanted: wanted.to_owned(),
        found: found.to_owned(),
        why: why.to_owned(),
    }
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
            self.push(weaker(
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
            self.push(weaker(
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
            self.push(weaker(code, &place, Some(line), &shown, &word, why));
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
            self.push(weaker(code, &keys.join("."), line, &word, "nothing", why));
        }
    }

    /// A number that may not be larger; without the key there is no limit.
    fn at_most(&mut self, keys: &[&str], code: &'static str, why: &str) {
        let Some(wanted) = at(self.wanted, keys).and_then(number) else { return };
        self.comparison.compared += 1;
        let found = at(self.found, keys);
        let is = found.and_then(number);
        if is.is_none_or(|is| is < 0 || is > wanted) {
            let shown = is.map_or_else(|| "nothing".to_owned(), |is| is.to_string());
            let line = found.map(|found| found.line);
            self.push(weaker(code, &keys.join("."), line, &wanted.to_string(), &shown, why));
        }
    }

    fn process(&mut self) {
        self.comparison.compared += 1;
        let uid = at(self.found, &["process", "user", "uid"]);
        if uid.and_then(number).is_none_or(|uid| uid == 0) {
            let wanted = at(self.wanted, &["process", "user", "uid"]).and_then(number).unwrap_or(1);
            let line = uid.map(|uid| uid.line);
            let is = if uid.is_some() { "0" } else { "nothing" };
            self.push(weaker("runs-as-root", "process.user.uid", line, &wanted.to_string(), is, "root passes every permission of files, and a hole in the kernel makes it the host's"));
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
                self.push(weaker(
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
        let keys = ["process", "env"];
        let wanted: Vec<String> =
            strings(at(self.wanted, &keys)).into_iter().map(|(word, _)| name(word)).collect();
        let found: Vec<(String, usize)> = strings(at(self.found, &keys))
            .into_iter()
            .map(|(word, line)| (name(word), line))
            .collect();
        self.comparison.compared += 1;
        for (name, line) in found {
            if ringfence_policy::environment::refused(&name).is_some() {
                self.push(weaker(
                    "code-from-environment",
                    "process.env",
                    Some(line),
                    "nothing",
                    &name,
                    "this variable loads code into the program, or switches its checks off",
                ));
            } else if self.entry == Entry::Node && !wanted.contains(&name) {
                let note = format!(
                    "process.env has {name}, which env.set does not: compare it with env.pass"
                );
                self.comparison.undecided.push(note);
            }
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
                self.push(weaker(
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

    fn files(&mut self, order: &Order<'_>) {
        self.on(&["root", "readonly"], "writable-root", "the service can change its own program");
        let mounts = |value: &Placed<Json>| {
            at(value, &["mounts"]).map(|list| list.value.items().to_vec()).unwrap_or_default()
        };
        let wanted = mounts(self.wanted);
        for mount in mounts(self.found) {
            self.comparison.compared += 1;
            let target = values::text(&mount, "destination");
            let ours = wanted.iter().find(|ours| values::text(ours, "destination") == target);
            self.mount(order, &mount, ours);
        }
    }

    /// One that is not rendered: a library of the image, or a way out.
    fn further_mount(
        &mut self,
        order: &Order<'_>,
        mount: &Placed<Json>,
        binds: bool,
        options: &[&str],
    ) {
        let target = values::text(mount, "destination").to_owned();
        let place = format!("mounts: {target}");
        let granted = order.boundary.fs.write.iter().any(|path| {
            let path = order.path(&path.value);
            target == path || target.starts_with(&format!("{path}/"))
        });
        let writable = !options.iter().any(|word| matches!(*word, "ro" | "rro"));
        if writable && binds && !granted {
            self.push(weaker(
                "more-writable-paths",
                &place,
                Some(mount.line),
                "ro",
                "rw",
                "the service can write where the boundary grants nothing",
            ));
        } else if target.ends_with("docker.sock") {
            self.push(weaker(
                "engine-socket",
                &place,
                Some(mount.line),
                "nothing",
                &target,
                "who speaks with the engine is root on the host",
            ));
        }
    }

    fn mount(&mut self, order: &Order<'_>, mount: &Placed<Json>, ours: Option<&Placed<Json>>) {
        let target = values::text(mount, "destination").to_owned();
        let place = format!("mounts: {target}");
        let options: Vec<&str> =
            strings(at(mount, &["options"])).into_iter().map(|(word, _)| word).collect();
        let binds = values::text(mount, "type") == "bind"
            || options.iter().any(|word| matches!(*word, "bind" | "rbind"));
        let Some(ours) = ours else {
            self.further_mount(order, mount, binds, &options);
            return;
        };
        let line = at(mount, &["options"]).map_or(mount.line, |options| options.line);
        let missing: Vec<String> = strings(at(ours, &["options"]))
            .into_iter()
            .map(|(word, _)| word)
            .filter(|word| matches!(*word, "ro" | "nosuid" | "noexec" | "nodev"))
            .filter(|word| !options.contains(word))
            .map(str::to_owned)
            .collect();
        for word in missing {
            self.push(weaker(
                "looser-mount",
                &place,
                Some(line),
                &word,
                "nothing",
                "the mount gives more than the boundary grants",
            ));
        }
        let size = |options: &[&str]| {
            options.iter().find_map(|word| word.strip_prefix("size=").and_then(values::size))
        };
        let asked: Vec<&str> =
            strings(at(ours, &["options"])).into_iter().map(|(word, _)| word).collect();
        if let Some(wanted) = size(&asked)
            && size(&options).is_none_or(|is| is > wanted)
        {
            let is = size(&options).map_or_else(|| "nothing".to_owned(), |is| is.to_string());
            self.push(weaker(
                "larger-limits",
                &place,
                Some(line),
                &format!("size={wanted}"),
                &is,
                "it fills the memory of the machine",
            ));
        }
    }

    fn linux(&mut self) {
        let held = "the limit of the boundary is not held from outside";
        for (keys, code) in [
            (["linux", "resources", "memory", "limit"], "more-memory"),
            (["linux", "resources", "memory", "swap"], "more-memory"),
            (["linux", "resources", "pids", "limit"], "more-processes"),
            (["linux", "resources", "cpu", "quota"], "more-cpu"),
        ] {
            self.at_most(&keys, code, held);
        }
        self.period();
        self.devices();
        self.namespaces();
        let why = "it tells of the kernel and of the host";
        self.no_less(&["linux", "maskedPaths"], "visible-kernel", why);
        self.no_less(
            &["linux", "readonlyPaths"],
            "writable-tunables",
            "settings of the kernel can be changed",
        );
        if let Some(hooks) = at(self.found, &["hooks"]) {
            self.push(weaker(
                "hooks",
                "hooks",
                Some(hooks.line),
                "nothing",
                "hooks",
                "hooks run outside the container, as root",
            ));
        }
    }

    /// The same time in a shorter period is more of it.
    fn period(&mut self) {
        let keys = ["linux", "resources", "cpu", "period"];
        let Some(wanted) = at(self.wanted, &keys).and_then(number) else { return };
        let Some(found) = at(self.found, &keys) else { return };
        if number(found).is_none_or(|is| is < wanted) {
            let is = number(found).unwrap_or(0).to_string();
            let why = "the limit of the boundary is not held from outside";
            let drift = weaker(
                "more-cpu",
                &keys.join("."),
                Some(found.line),
                &wanted.to_string(),
                &is,
                why,
            );
            self.push(drift);
        }
    }

    fn devices(&mut self) {
        self.comparison.compared += 1;
        let list = at(self.found, &["linux", "resources", "devices"]);
        let rules = list.map(|list| list.value.items()).unwrap_or_default();
        let allows = |rule: &Placed<Json>| {
            matches!(at(rule, &["allow"]).map(|allow| &allow.value), Some(Json::Boolean(true)))
        };
        let all = |rule: &&Placed<Json>| {
            let limited = ["type", "major", "minor"].iter().any(|key| at(rule, &[key]).is_some());
            let every =
                ["r", "w", "m"].iter().all(|right| values::text(rule, "access").contains(right));
            !allows(rule) && !limited && every
        };
        let why = "devices of the host can be made and opened";
        let place = "linux.resources.devices";
        let denied = rules.iter().find(all).map(|rule| rule.line);
        let allowed: Vec<usize> =
            rules.iter().filter(|rule| allows(rule)).map(|rule| rule.line).collect();
        if denied.is_none() {
            let line = list.map(|list| list.line);
            self.push(weaker(
                "visible-devices",
                place,
                line,
                "all refused",
                "not all refused",
                why,
            ));
        }
        for line in allowed {
            self.push(weaker(
                "visible-devices",
                place,
                Some(line),
                "all refused",
                "one allowed",
                why,
            ));
        }
    }

    fn namespaces(&mut self) {
        let list = |value| {
            at(value, &["linux", "namespaces"])
                .map(|list| list.value.items().to_vec())
                .unwrap_or_default()
        };
        let found: Vec<Placed<Json>> = list(self.found);
        let line = at(self.found, &["linux", "namespaces"]).map(|list| list.line);
        for wanted in list(self.wanted) {
            self.comparison.compared += 1;
            let kind = values::text(&wanted, "type").to_owned();
            let one = found.iter().find(|one| values::text(one, "type") == kind);
            // The namespace that a path names may be the host's; that of a network is how it is given one.
            let joined = one.filter(|one| at(one, &["path"]).is_some() && kind != "network");
            if one.is_none() || joined.is_some() {
                let is = if joined.is_some() { "that of a path" } else { "nothing" };
                let line = joined.map(|one| one.line).or(line);
                self.push(weaker(
                    "shared-namespace",
                    &format!("linux.namespaces: {kind}"),
                    line,
                    "its own",
                    is,
                    "what the namespace hides is the host's",
                ));
            }
        }
    }
}
