//! `[env]` and `[secrets.NAME]`: what comes in from outside.
//!
//! A variable that looks secret becomes a secret whose source is named and whose value is written
//! nowhere. What an image or a manifest fixes is set; what an environment file or the code names is
//! passed on, because its value is another one in every place.

use super::super::facts::{Fact, Origin, Setting};
use super::super::page::{Ground, Item, Page, quote};
use super::{Ground as Given, accepts, is_refused};
use ringfence_policy::display::quoted;
use ringfence_policy::redacted::Redacted;
use ringfence_project::variables::{Suspicion, suspicion, suspicion_of_file};
use ringfence_project::walk;
use std::collections::BTreeMap;

/// What images and shells set for themselves.
const OF_THE_IMAGE: [&str; 12] = [
    "HOME",
    "HOSTNAME",
    "LANG",
    "NODE_VERSION",
    "NPM_CONFIG_LOGLEVEL",
    "PATH",
    "PWD",
    "SHELL",
    "TERM",
    "TMPDIR",
    "USER",
    "YARN_VERSION",
];

/// A value that is known, and where from.
pub(crate) struct Known {
    pub(crate) value: Redacted<String>,
    pub(crate) origin: Origin,
    /// Whether it is the same in every place.
    pub(crate) fixed: bool,
}

/// One secret.
struct Secret {
    name: String,
    ground: Ground,
    keys: Vec<(&'static str, String)>,
}

/// The variables of the draft.
#[derive(Default)]
pub(crate) struct Variables {
    pass: Vec<Item>,
    set: Vec<(String, Item)>,
    secrets: Vec<Secret>,
    /// The last known value of each, for what it says about files and hosts.
    pub(crate) known: BTreeMap<String, Known>,
}

pub(crate) fn decide(given: &mut Given<'_>) -> Variables {
    let mut variables = Variables::default();
    secret_files(given, &mut variables);
    for (name, value) in given.start.variables.clone() {
        let suspicion = suspicion(&name, &value);
        let value = Some(Redacted::new(value));
        let setting = Setting { name, value, suspicion, fixed: true };
        given.facts.settings.push(Fact::new(setting, given.start.origin.clone()));
    }
    let own = env_files(given);
    let by_name: BTreeMap<String, Vec<Fact<Setting>>> = given
        .facts
        .variables()
        .into_iter()
        .map(|(name, all)| (name.to_owned(), all.into_iter().cloned().collect()))
        .collect();
    let mut passed_from_file = None;
    for (name, all) in &by_name {
        remember(name, all, given, &mut variables);
        if OF_THE_IMAGE.contains(&name.as_str()) || is_refused(name, given.facts) {
            continue;
        }
        // What the program reads itself needs no leave.
        if all.iter().all(|one| own.contains(&one.origin.file)) {
            continue;
        }
        one(name, all, given, &mut variables);
        let file = all.iter().find(|one| !one.value.fixed).map(|one| one.origin.file.clone());
        passed_from_file = passed_from_file.or(file);
    }
    for (name, origin) in given.seen.variables.clone() {
        if by_name.contains_key(&name) || OF_THE_IMAGE.contains(&name.as_str()) {
            continue;
        }
        if is_refused(&name, given.facts) {
            continue;
        }
        let ground = Ground::guess(format!("{origin} reads it"));
        match suspicion(&name, "") {
            Some(_) => variables.secret_variable(&name, ground),
            None => variables.pass(&name, ground, given),
        }
    }
    if let Some(file) = passed_from_file {
        given.facts.note(format!(
            "values of {} are not in the draft: start ringfence with them set (`set -a; . ./{0}; set +a`)",
            quoted(&file)
        ));
    }
    variables
}

/// Environment files that Node itself reads, by `--env-file`.
fn env_files(given: &mut Given<'_>) -> Vec<String> {
    let mut files = Vec::new();
    let words = given.start.words.get(..given.start.arguments).unwrap_or_default().to_vec();
    for (index, word) in words.iter().enumerate() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        if matches!(name, "--env-file" | "--env-file-if-exists") {
            let value = if value.is_empty() {
                words.get(index + 1).map_or("", String::as_str)
            } else {
                value
            };
            files.push(ringfence_policy::paths::normal(value));
        }
    }
    for file in &files {
        given.facts.note(format!(
            "{} is read by Node itself at the start: secrets in it reach the service as variables, the weakest form",
            quoted(file)
        ));
    }
    files
}

fn remember(name: &str, all: &[Fact<Setting>], given: &mut Given<'_>, variables: &mut Variables) {
    let known = |one: &&Fact<Setting>| one.value.value.is_some();
    let fixed: Vec<_> = all.iter().filter(known).filter(|one| one.value.fixed).collect();
    let Some(last) = fixed.last().copied().or_else(|| all.iter().rfind(known)) else { return };
    for other in fixed.iter().filter(|other| other.value.value != last.value.value) {
        given.facts.note(format!(
            "{}: {} and {} set it to different values: the draft has the last one",
            quoted(name),
            other.origin,
            last.origin
        ));
    }
    if let Some(value) = last.value.value.clone() {
        let known = Known { value, origin: last.origin.clone(), fixed: last.value.fixed };
        variables.known.insert(name.to_owned(), known);
    }
}

fn one(name: &str, all: &[Fact<Setting>], given: &mut Given<'_>, variables: &mut Variables) {
    let suspect = all.iter().find_map(|one| Some((one.value.suspicion?, &one.origin)));
    if let Some((suspicion, origin)) = suspect {
        let how = match suspicion {
            Suspicion::Name => "its name says secret".to_owned(),
            other => other.words().to_owned(),
        };
        let ground = Ground::From(origin.clone(), format!("{how}; its value is not copied"));
        return variables.secret_variable(name, ground);
    }
    let Some(first) = all.first() else { return };
    let fixed = all.iter().any(|one| one.value.fixed);
    let Some(known) = variables.known.get(name).filter(|_| fixed) else {
        return variables.pass(name, Ground::from(&first.origin), given);
    };
    let (value, ground) = (given.facts.outside(known.value.expose()), Ground::from(&known.origin));
    if let Some(table) = key_file(name, &value, ground.clone(), given) {
        let delivered = Item::text(&table.0, ground);
        variables.set.push((name.to_owned(), delivered));
        variables.secrets.push(table.1);
        return;
    }
    let item = Item::text(&value, ground);
    let key = format!("set = {{ {} = {} }}", quote(name), item.toml);
    let (key, toml) = key.split_once(" = ").unwrap_or((&key, ""));
    match accepts("env", key, toml) {
        Ok(()) => variables.set.push((name.to_owned(), item)),
        Err(why) => given.facts.note(format!("left out of env.set: {} ({why})", quoted(name))),
    }
}

/// A variable that names a file with a private key: the key becomes a secret, and the variable
/// names the place where it is delivered.
fn key_file(
    name: &str,
    value: &str,
    ground: Ground,
    given: &Given<'_>,
) -> Option<(String, Secret)> {
    suspicion_of_file(value)?;
    let text = walk::text(&given.folder.join(value), 1 << 16).ok()?;
    let secret = secret_name(name);
    let at = format!("/run/secrets/{secret}");
    text.contains("PRIVATE KEY").then(|| {
        let from =
            if value.starts_with(['/', '.']) { value.to_owned() } else { format!("./{value}") };
        let keys = vec![("from", quote(&format!("file:{from}"))), ("to", quote(&at))];
        (at, Secret { name: secret, ground, keys })
    })
}

/// What manifests deliver as files.
fn secret_files(given: &mut Given<'_>, variables: &mut Variables) {
    let files = std::mem::take(&mut given.facts.secret_files);
    for file in files {
        let secret = file.value;
        let name = secret_name(&secret.name);
        let source = secret.source.map(|path| given.facts.outside(&path));
        let from = source.clone().unwrap_or_else(|| format!("./secrets/{name}"));
        let from = if from.starts_with(['/', '.']) { from } else { format!("./{from}") };
        let ground = match source {
            Some(_) => Ground::from(&file.origin),
            None => Ground::guess(format!("{} delivers it and says no file", file.origin)),
        };
        let keys = vec![("from", quote(&format!("file:{from}"))), ("to", quote(&secret.at))];
        variables.secrets.push(Secret { name, ground, keys });
    }
    variables.keep_parsable(given);
}

/// `JWT_SECRET` as `jwt-secret`.
fn secret_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(plain).take(63).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "secret".to_owned() } else { name.to_owned() }
}

impl Variables {
    fn pass(&mut self, name: &str, ground: Ground, given: &mut Given<'_>) {
        let item = Item::text(name, ground);
        match accepts("env", "pass", &format!("[{}]", item.toml)) {
            Ok(()) => self.pass.push(item),
            Err(why) => given.facts.note(format!("left out of env.pass: {} ({why})", quoted(name))),
        }
    }

    fn secret_variable(&mut self, name: &str, ground: Ground) {
        let mut keys = vec![("from", quote(&format!("env:{name}"))), ("as", quote("env"))];
        let secret = secret_name(name);
        if secret.to_ascii_uppercase().replace('-', "_") != name {
            keys.push(("variable", quote(name)));
        }
        if !self.secrets.iter().any(|known| known.name == secret) {
            self.secrets.push(Secret { name: secret, ground, keys });
        }
    }

    /// Drops what the boundary file would refuse, and says so.
    fn keep_parsable(&mut self, given: &mut Given<'_>) {
        let mut seen: Vec<(String, String)> = Vec::new();
        self.secrets.retain(|secret| {
            let to = secret.keys.iter().find(|(key, _)| *key == "to").map(|(_, to)| to.clone());
            let to = to.unwrap_or_default();
            if seen.iter().any(|(name, at)| *name == secret.name || *at == to) {
                return false;
            }
            let fields: Vec<String> =
                secret.keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            let toml = format!("{{ {} }}", fields.join(", "));
            match accepts("secrets", &secret.name, &toml) {
                Ok(()) => {
                    seen.push((secret.name.clone(), to));
                    true
                }
                Err(why) => {
                    given.facts.note(format!("left out of [secrets.{}]: {why}", secret.name));
                    false
                }
            }
        });
    }
}

pub(crate) fn write(page: &mut Page, variables: &Variables) {
    page.section("env");
    page.list("pass", &variables.pass, "nothing names a variable that it reads");
    if !variables.set.is_empty() {
        page.section("env.set");
        for (name, item) in &variables.set {
            page.key(name, item);
        }
    }
    for secret in &variables.secrets {
        page.table(&format!("secrets.{}", secret.name), &secret.ground, &secret.keys);
    }
}
