//! What the process runs: its program, arguments, variables and children.

use super::{Judge, Weaker};
use crate::drift::started;
use ringfence_policy::environment;
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Delivery;
use std::path::{Path, PathBuf};

/// Names that are told before the rest is counted.
const NAMED: usize = 20;
/// Variables that every start sets.
const USUAL: [&str; 20] = [
    "HOME",
    "HOSTNAME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LANG",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LOGNAME",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NOTIFY_SOCKET",
    "PATH",
    "PWD",
    "SHLVL",
    "SYSTEMD_EXEC_PID",
    "TMPDIR",
    "USER",
];

/// Refused in boundaries with everything else that begins like them, though they neither load code nor
/// change a check: variables like any other that is not listed.
const HARMLESS: [&str; 4] =
    ["PYTHONDONTWRITEBYTECODE", "PYTHONNOUSERSITE", "PYTHONUNBUFFERED", "PYTHONUTF8"];

impl Judge<'_> {
    pub(super) fn executable(&mut self) {
        let facts = self.facts;
        let Some(path) = self.text("exe", &facts.executable) else { return };
        self.compared();
        let (gone, deleted) = match path.strip_suffix(" (deleted)") {
            Some(path) => (path, true),
            None => (path, false),
        };
        if deleted {
            self.weaker(Weaker {
                code: "replaced-executable",
                layer: Layer::Namespaces,
                place: self.place("exe"),
                wanted: "the program that is there",
                found: format!("{gone}, which was replaced or removed"),
                why: "what runs is not what would be started or looked at now",
            });
        }
        let start = self.order.boundary.service.start.first();
        let wanted = start.map_or("node", |word| base_name(&word.value));
        let found = base_name(gone);
        // `node` may be a link to `node-24`.
        if found != wanted && !found.starts_with(wanted) && !self.leads_to(gone) {
            self.weaker(Weaker {
                code: "other-program",
                layer: Layer::Namespaces,
                place: self.place("exe"),
                wanted,
                found: gone.to_owned(),
                why: "it is not the program of the boundary",
            });
        }
    }

    /// Whether the program of the boundary is a link to this one, as `/bin/sh` is.
    fn leads_to(&self, found: &str) -> bool {
        let Some(start) = self.order.boundary.service.start.first() else { return false };
        let folders = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
        let written = Path::new(&start.value);
        let places: Vec<PathBuf> = if start.value.contains('/') {
            vec![self.order.folder.join(written)]
        } else {
            folders.iter().map(|folder| folder.join(written)).collect()
        };
        places
            .iter()
            .filter_map(|place| place.canonicalize().ok())
            .any(|real| real == Path::new(found))
    }

    pub(super) fn arguments(&mut self) {
        let facts = self.facts;
        let Some(text) = self.text("cmdline", &facts.arguments) else { return };
        let mut words: Vec<String> =
            text.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
        // npm calls itself `npm start`, in one word.
        let title = words.first().filter(|first| words.len() == 1 && first.contains(' ')).cloned();
        if let Some(title) = title {
            words = title.split_whitespace().map(str::to_owned).collect();
        }
        self.compared();
        for found in started::judge(self.order, &words).weaker {
            // Under `ringfence run` the flags grant what the runtime reads too, and the kernel holds
            // the files.
            let grants = matches!(found.code, "wider-flag" | "other-command");
            if self.enforced && grants {
                continue;
            }
            let layer = match found.code {
                "missing-permission" | "wider-flag" => Layer::NodeFlags,
                _ => Layer::Broker,
            };
            self.weaker(Weaker {
                code: found.code,
                layer,
                place: self.place("cmdline"),
                wanted: &found.wanted,
                found: found.there,
                why: found.why,
            });
        }
    }

    /// Variables by their names; of values it is said only that they are others.
    pub(super) fn environment(&mut self) {
        let facts = self.facts;
        let Some(text) = self.text("environ", &facts.environment) else { return };
        let env = &self.order.boundary.env;
        let mut unlisted = Vec::new();
        for (name, value) in text.split('\0').filter_map(|pair| pair.split_once('=')) {
            // How a service is told which boundary it is in.
            if self.enforced && name.starts_with("RINGFENCE_") {
                continue;
            }
            self.compared();
            let set = env.set.get(name);
            let delivered =
                self.order.boundary.secrets.iter().any(
                    |secret| matches!(&secret.delivery, Delivery::Environment(to) if to == name),
                );
            let known = USUAL.contains(&name)
                || delivered
                || env.pass.iter().any(|pass| pass.value == name);
            let refused = environment::refused(name).filter(|_| !HARMLESS.contains(&name));
            let (code, wanted, why) = if let Some(why) = refused {
                ("refused-variable", "not set", why.words())
            } else if set.is_some_and(|set| set.value != value) {
                ("other-value", "the value of env.set", "the boundary fixes this value")
            } else {
                if set.is_none() && !known {
                    unlisted.push(name);
                }
                continue;
            };
            self.variable(code, wanted, name.to_owned(), why);
        }
        if let (Some(_), (named, rest)) =
            (unlisted.first(), unlisted.split_at(unlisted.len().min(NAMED)))
        {
            let mut found = named.join(", ");
            if !rest.is_empty() {
                found = format!("{found} and {} more", rest.len());
            }
            let why = "the service got variables that the boundary does not give it";
            self.variable("unlisted-variable", "names of env.pass or env.set", found, why);
        }
    }

    fn variable(&mut self, code: &'static str, wanted: &str, found: String, why: &str) {
        let place = self.place("environ");
        self.weaker(Weaker { code, layer: Layer::Environment, place, wanted, found, why });
    }

    pub(super) fn children(&mut self) {
        let facts = self.facts;
        let process = &self.order.boundary.process;
        let granted: Vec<&str> = process.children.iter().map(|path| path.value.as_str()).collect();
        for child in &facts.children {
            self.compared();
            let Some(executable) = &child.executable else {
                self.undecided(format!("which program process {} runs cannot be read", child.pid));
                continue;
            };
            if granted.iter().any(|path| self.is_within(&[path], executable)) {
                continue;
            }
            self.weaker(Weaker {
                code: "child-process",
                layer: Layer::Broker,
                place: format!("/proc/{}/exe", child.pid),
                wanted: "a program of process.children",
                found: executable.clone(),
                why: "it started a program that the boundary does not grant",
            });
        }
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
