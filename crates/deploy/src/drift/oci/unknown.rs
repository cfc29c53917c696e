//! Keys and values of a bundle that no rendered one has.
//!
//! Runtimes read keys whatever their case is, and a later one wins: a key that is spelt otherwise is
//! therefore as unknown as one that nobody looked at. What is not known to be harmless is drift.

use super::{Check, Drift, at, values};
use crate::render::Order;
use ringfence_project::json::{Json, Placed};
use values::{number, numbers, strings};

const WHY: &str = "this is not known to be harmless";

/// Keys of the objects at these places; `[]` stands for each item.
const KEYS: [(&str, &[&str]); 18] = [
    ("", &["annotations", "hooks", "hostname", "linux", "mounts", "ociVersion", "process", "root"]),
    (
        "process",
        &[
            "apparmorProfile",
            "args",
            "capabilities",
            "cwd",
            "env",
            "noNewPrivileges",
            "oomScoreAdj",
            "rlimits",
            "terminal",
            "user",
        ],
    ),
    ("process.user", &["additionalGids", "gid", "uid", "umask"]),
    ("process.capabilities", &["ambient", "bounding", "effective", "inheritable", "permitted"]),
    ("process.rlimits[]", &["hard", "soft", "type"]),
    ("root", &["path", "readonly"]),
    ("mounts[]", &["destination", "options", "source", "type"]),
    (
        "linux",
        &[
            "cgroupsPath",
            "gidMappings",
            "maskedPaths",
            "namespaces",
            "readonlyPaths",
            "resources",
            "rootfsPropagation",
            "seccomp",
            "uidMappings",
        ],
    ),
    ("linux.namespaces[]", &["path", "type"]),
    ("linux.uidMappings[]", &["containerID", "hostID", "size"]),
    ("linux.gidMappings[]", &["containerID", "hostID", "size"]),
    ("linux.resources", &["blockIO", "cpu", "devices", "memory", "pids"]),
    ("linux.resources.blockIO", &["weight"]),
    ("linux.resources.cpu", &["cpus", "idle", "mems", "period", "quota", "shares"]),
    ("linux.resources.devices[]", &["access", "allow", "major", "minor", "type"]),
    ("linux.resources.memory", &["limit", "reservation", "swap", "swappiness"]),
    ("linux.resources.pids", &["limit"]),
    ("hooks", &[]),
];

impl Check<'_> {
    /// Everything that is there and that the other comparisons do not look at.
    pub(super) fn unknown(&mut self, order: &Order<'_>) {
        let mut all = Vec::new();
        keys(self.found, "", &mut all);
        for (place, value) in all {
            self.foreign(&place, value.line, "nothing", &shown(value));
        }
        self.values(order);
        self.variables(order);
        self.joined();
        let annotations = at(self.found, &["annotations"]);
        for (name, value) in annotations.map(|all| all.value.entries()).unwrap_or_default() {
            if !name.starts_with("org.opencontainers.") && !name.starts_with("org.ringfence.") {
                self.foreign(&format!("annotations.{name}"), value.line, "nothing", &shown(value));
            }
        }
    }

    fn foreign(&mut self, place: &str, line: usize, wanted: &str, found: &str) {
        self.push(Drift::new("unknown-setting", place, Some(line), wanted, found, WHY));
    }

    fn values(&mut self, order: &Order<'_>) {
        let wanted = |keys: &[&str]| at(self.wanted, keys);
        let text = |value: &Placed<Json>| value.value.as_str().unwrap_or_default().to_owned();
        let same = |keys: &[&str], value: &Placed<Json>| {
            wanted(keys).is_some_and(|wanted| wanted.value == value.value)
        };
        let private = ["private", "rprivate", "rslave", "slave"];
        let above = |value: &Placed<Json>| {
            value.value.items().iter().all(|one| {
                at(one, &["hostID"]).and_then(number).is_some_and(|host| host >= 100_000)
            })
        };
        let mut found: Vec<(String, usize, String)> = Vec::new();
        let mut judge = |keys: &[&str], good: &dyn Fn(&Placed<Json>) -> bool| {
            let Some(value) = at(self.found, keys).filter(|value| !good(value)) else { return };
            found.push((keys.join("."), value.line, shown(value)));
        };
        judge(&["process", "user", "gid"], &|value| same(&["process", "user", "gid"], value));
        judge(&["process", "user", "umask"], &|value| {
            number(value).is_some_and(|mask| mask & 0o077 == 0o077)
        });
        judge(&["process", "cwd"], &|value| {
            text(value).trim_end_matches('/') == order.path(&order.boundary.service.cwd.value)
        });
        judge(&["process", "apparmorProfile"], &|value| {
            !matches!(text(value).as_str(), "" | "unconfined")
        });
        judge(&["process", "oomScoreAdj"], &|value| number(value).is_some_and(|is| is >= 0));
        judge(&["process", "terminal"], &|value| value.value == Json::Boolean(false));
        judge(&["root", "path"], &|value| {
            let path = text(value);
            !path.trim_matches('/').is_empty() && path.split('/').all(|part| part != "..")
        });
        judge(&["linux", "cgroupsPath"], &|value| {
            let path = text(value);
            !path.trim_matches('/').is_empty() && path.split('/').all(|part| part != "..")
        });
        judge(&["linux", "rootfsPropagation"], &|value| private.contains(&text(value).as_str()));
        judge(&["linux", "uidMappings"], &above);
        judge(&["linux", "gidMappings"], &above);
        for (place, line, found) in found {
            self.foreign(&place, line, "what `ringfence render oci` writes", &found);
        }
    }

    /// Variables beyond those of the boundary, and other values of those.
    fn variables(&mut self, order: &Order<'_>) {
        use ringfence_policy::model::SecretSource;
        let wanted = strings(at(self.wanted, &["process", "env"]));
        let wanted: Vec<&str> = wanted.into_iter().map(|(word, _)| word).collect();
        let boundary = order.boundary;
        let passed = |name: &str| {
            let secret = boundary.secrets.iter().any(|secret| {
                matches!(&secret.from.value, SecretSource::Environment(from) if from == name)
            });
            secret || boundary.env.pass.iter().any(|known| known.value == name)
        };
        let found: Vec<(String, usize)> = strings(at(self.found, &["process", "env"]))
            .into_iter()
            .filter(|(word, _)| {
                let name = word.split('=').next().unwrap_or_default();
                !wanted.contains(word)
                    && !passed(name)
                    && ringfence_policy::environment::refused(name).is_none()
            })
            .map(|(word, line)| (word.split('=').next().unwrap_or_default().to_owned(), line))
            .collect();
        for (name, line) in found {
            self.foreign("process.env", line, "the variables of the boundary", &name);
        }
    }

    /// Namespaces of a path beyond those that are compared one by one, and a group that is root's.
    fn joined(&mut self) {
        let list = |value| {
            at(value, &["linux", "namespaces"]).map(|all| all.value.items()).unwrap_or_default()
        };
        let known: Vec<&str> =
            list(self.wanted).iter().map(|one| values::text(one, "type")).collect();
        let mut met: Vec<&str> = Vec::new();
        let mut found = Vec::new();
        for one in list(self.found) {
            let kind = values::text(one, "type");
            let path = values::text(one, "path");
            let twice = met.contains(&kind);
            let foreign = !path.is_empty()
                && match kind {
                    "network" => known.contains(&kind) && path.starts_with("/proc/"),
                    kind => !known.contains(&kind),
                };
            met.push(kind);
            if twice || foreign {
                found.push((one.line, format!("{kind} {path}")));
            }
        }
        for (line, is) in found {
            self.foreign("linux.namespaces", line, "its own", &is);
        }
        let groups = numbers(at(self.found, &["process", "user", "additionalGids"]));
        self.comparison.compared += groups.len();
    }
}

/// A value in one line.
fn shown(value: &Placed<Json>) -> String {
    match &value.value {
        Json::Null => "null".to_owned(),
        Json::Boolean(is) => is.to_string(),
        Json::Number(text) | Json::String(text) => text.to_string(),
        Json::Array(list) => format!("{} items", list.len()),
        Json::Object(map) => format!("{} keys", map.len()),
    }
}

/// Keys that nobody looked at, and values that are nothing.
fn keys<'a>(value: &'a Placed<Json>, place: &str, found: &mut Vec<(String, &'a Placed<Json>)>) {
    // The filter has a comparison of its own, and what annotations are called is free.
    if matches!(place, "annotations" | "hooks" | "linux.seccomp") {
        return;
    }
    match &value.value {
        Json::Null => found.push((place.to_owned(), value)),
        Json::Array(list) => {
            for item in list {
                keys(item, &format!("{place}[]"), found);
            }
        }
        Json::Object(map) => {
            let known = KEYS.iter().find(|(at, _)| *at == place).map_or(&[][..], |(_, keys)| keys);
            for (name, value) in map {
                let inner =
                    if place.is_empty() { name.to_string() } else { format!("{place}.{name}") };
                if known.contains(&name.as_ref()) {
                    keys(value, &inner, found);
                } else {
                    found.push((inner, value));
                }
            }
        }
        Json::Boolean(_) | Json::Number(_) | Json::String(_) => {}
    }
}
