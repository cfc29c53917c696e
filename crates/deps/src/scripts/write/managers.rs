//! What each manager calls it, and where it is written.

use super::{Edit, EditError, Edits, ini, json, pnpm, toml, yaml};
use ringfence_project::graph::Format;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::time::Duration;

const DAY: u64 = 86_400;

/// A version with scripts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScriptOf {
    /// Its name.
    pub name: String,
    /// Its version; every version without one.
    pub version: Option<String>,
}

impl ScriptOf {
    pub(super) fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who may run scripts.
    pub scripts: BTreeSet<ScriptOf>,
    /// Who shall not, on purpose.
    pub denied: BTreeSet<ScriptOf>,
    /// How old a version has to be; nothing is written of it where nobody said it.
    pub minimum_age: Option<Duration>,
}

impl Policy {
    /// The age in units of so many seconds, rounded up.
    pub(super) fn age(&self, unit: u64) -> Option<u64> {
        let age = self.minimum_age?;
        let seconds = age.as_secs() + u64::from(age.subsec_nanos() > 0);
        Some(seconds.div_ceil(unit))
    }

    /// Whether an entry of a manager's file denies what is allowed, and wins over it there.
    pub(super) fn contradicts(&self, entry: &str) -> bool {
        self.scripts.iter().any(|one| one.version.is_some() && one.name == entry)
    }
}

/// What to do about an entry that [`Policy::contradicts`].
pub(super) fn contradicted(file: &str, entry: &str) -> String {
    format!("{file} denies every version of {entry}, and the boundary file allows one: take it out")
}

/// Reads a file of the project; `None` where it is not there.
pub(super) type Read<'a> = &'a dyn Fn(&'static str) -> Result<Option<String>, EditError>;

/// The edits that bring a policy into the files of the manager whose lockfile this is.
///
/// # Errors
/// A file that cannot be read, or is written in a way that cannot be changed in place.
pub fn edits(format: Format, policy: &Policy, read: Read<'_>) -> Result<Edits, EditError> {
    let mut edits = Edits::default();
    if policy.minimum_age.is_none() {
        edits.notes.push(
            "no minimum age is written: minimum-age in [dependencies] would be the one to write"
                .to_owned(),
        );
    }
    match format {
        Format::Npm(_) => npm(policy, read, &mut edits)?,
        Format::Pnpm(lockfile) => pnpm::write(policy, lockfile, read, &mut edits)?,
        Format::Bun(_) => bun(policy, read, &mut edits)?,
        Format::YarnBerry(_) => yarn(policy, read, &mut edits)?,
        Format::YarnClassic => edits.notes.push(
            "Yarn 1 knows no list of scripts and no minimum age: it runs all scripts or, with \
             --ignore-scripts, none"
                .to_owned(),
        ),
    }
    Ok(edits)
}

fn npm(policy: &Policy, read: Read<'_>, edits: &mut Edits) -> Result<(), EditError> {
    let (before, root) = manifest(read)?;
    let mut map = Map::new();
    // What is denied stays denied, and what is from no registry is not ours.
    for (key, value) in root.get("allowScripts").and_then(Value::as_object).into_iter().flatten() {
        if *value == Value::Bool(false) || key.contains(':') || key.starts_with(['.', '/']) {
            map.insert(key.clone(), value.clone());
        }
    }
    for key in map.iter().filter(|(_, value)| **value == Value::Bool(false)).map(|(key, _)| key) {
        if policy.contradicts(key) {
            edits.notes.push(contradicted("package.json", key));
        }
    }
    map.extend(policy.denied.iter().map(|one| (one.label(), Value::Bool(false))));
    map.extend(policy.scripts.iter().map(|one| (one.label(), Value::Bool(true))));
    let map = Value::Object(map);
    change(edits, "package.json", Some(before), |text| {
        json::set(text, "allowScripts", Some(&map))
    })?;
    let before = read(".npmrc")?;
    for key in ["minimum-release-age", "minimumReleaseAge"] {
        if before.as_deref().is_some_and(|text| ini::value(text, key).is_some()) {
            edits.notes.push(format!(
                "npm does not know {key} in .npmrc: its own key is min-release-age, in days"
            ));
        }
    }
    let has = |key: &str| before.as_deref().and_then(|text| ini::value(text, key));
    if has("before").is_some() {
        edits
            .notes
            .push(".npmrc has before, which wins over min-release-age: take it out".to_owned());
    }
    let is_empty = map.as_object().is_none_or(Map::is_empty);
    if has("dangerously-allow-all-scripts").is_some_and(|value| value != "false")
        || (is_empty && has("allow-scripts").is_some())
    {
        edits.notes.push(
            ".npmrc allows scripts, which npm obeys whatever package.json says: take allow-scripts and \
             dangerously-allow-all-scripts out"
                .to_owned(),
        );
    }
    edits.notes.push(
        "npm refuses what allowScripts does not name from version 12 on; 11.16 to 11.19 warn only, \
         and older ones run every script"
            .to_owned(),
    );
    let Some(days) = policy.age(DAY) else { return Ok(()) };
    edits.notes.push("npm 10 does not know min-release-age".to_owned());
    change(edits, ".npmrc", before, |text| Ok(ini::set(text, "min-release-age", &days.to_string())))
}

fn bun(policy: &Policy, read: Read<'_>, edits: &mut Edits) -> Result<(), EditError> {
    let (before, _) = manifest(read)?;
    let names: BTreeSet<&str> = policy.scripts.iter().map(|one| one.name.as_str()).collect();
    let list = Value::from_iter(names);
    change(edits, "package.json", Some(before), |text| {
        json::set(text, "trustedDependencies", Some(&list))
    })?;
    if let Some(seconds) = policy.age(1) {
        change(edits, "bunfig.toml", read("bunfig.toml")?, |text| {
            toml::set(text, "install", "minimumReleaseAge", seconds)
        })?;
    }
    if !policy.denied.is_empty() {
        edits.notes.push(
            "Bun has no word for a denial: what trustedDependencies does not name does not run"
                .to_owned(),
        );
    }
    if policy.scripts.iter().any(|one| one.version.is_some()) {
        edits
            .notes
            .push("Bun trusts names, whatever the version: the next version runs too".to_owned());
    }
    Ok(())
}

fn yarn(policy: &Policy, read: Read<'_>, edits: &mut Edits) -> Result<(), EditError> {
    let (before, root) = manifest(read)?;
    let mut map =
        root.get("dependenciesMeta").and_then(Value::as_object).cloned().unwrap_or_default();
    for one in map.values_mut().filter_map(Value::as_object_mut) {
        if one.get("built") == Some(&Value::Bool(true)) {
            one.remove("built");
        }
    }
    map.retain(|_, one| one.as_object().is_none_or(|one| !one.is_empty()));
    let denied = policy.denied.iter().map(|one| (one, false));
    for (one, built) in policy.scripts.iter().map(|one| (one, true)).chain(denied) {
        let entry = map.entry(one.label()).or_insert_with(|| Value::Object(Map::new()));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("built".to_owned(), Value::Bool(built));
        }
    }
    let value = (!map.is_empty()).then_some(Value::Object(map));
    change(edits, "package.json", Some(before), |text| {
        json::set(text, "dependenciesMeta", value.as_ref())
    })?;
    let scripts = ["enableScripts: false".to_owned()];
    let age = policy.age(60).map(|minutes| [format!("npmMinimalAgeGate: {minutes}")]);
    change(edits, ".yarnrc.yml", read(".yarnrc.yml")?, |text| {
        let text = yaml::set(text, "enableScripts", Some(&scripts))?;
        match &age {
            Some(age) => yaml::set(&text, "npmMinimalAgeGate", Some(age)),
            None => Ok(text),
        }
    })?;
    if age.is_some() {
        edits.notes.push("Yarn knows the minimum age from version 4.10 on".to_owned());
    }
    Ok(())
}

/// Adds what changes.
pub(super) fn change(
    edits: &mut Edits,
    file: &'static str,
    before: Option<String>,
    set: impl Fn(&str) -> Result<String, String>,
) -> Result<(), EditError> {
    let after = set(before.as_deref().unwrap_or_default());
    let after = after.map_err(|message| EditError { file, message })?;
    if before.as_deref() != Some(after.as_str()) {
        edits.edits.push(Edit { file, before, after });
    }
    Ok(())
}

pub(super) fn manifest(read: Read<'_>) -> Result<(String, Value), EditError> {
    let file = "package.json";
    let wrong = |message: &str| EditError { file, message: message.to_owned() };
    let text = read(file)?.ok_or_else(|| wrong("it is not there"))?;
    let root = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    Ok((text, root))
}

/// The version of a manager that `packageManager`, or else `devEngines`, names exactly: its first two
/// numbers.
pub(super) fn version(root: &Value, manager: &str) -> Option<(u64, u64)> {
    let pinned = root.get("packageManager").and_then(Value::as_str);
    let pinned = pinned.and_then(|text| text.strip_prefix(manager)?.strip_prefix('@'));
    let engines = || {
        let named = root.get("devEngines")?.get("packageManager")?;
        let is_it = named.get("name").and_then(Value::as_str) == Some(manager);
        is_it.then(|| named.get("version").and_then(Value::as_str))?
    };
    let mut numbers = pinned.or_else(engines)?.split('.').map(str::parse::<u64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn one((name, version): (&str, &str)) -> ScriptOf {
        ScriptOf { name: name.to_owned(), version: Some(version.to_owned()) }
    }

    fn written(format: Format, files: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
        let policy = Policy {
            scripts: [("esbuild", "0.21.5"), ("@s/a", "1.0.0")].map(one).into(),
            denied: BTreeSet::new(),
            minimum_age: Some(Duration::from_secs(3 * DAY + 1)),
        };
        by(&policy, format, files)
    }

    /// The files that change, by name.
    fn by(
        policy: &Policy,
        format: Format,
        files: &[(&'static str, &str)],
    ) -> BTreeMap<&'static str, String> {
        let read = |file: &'static str| {
            Ok(files.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned()))
        };
        let done = edits(format, policy, &read).unwrap();
        let after: BTreeMap<_, _> =
            done.edits.into_iter().map(|edit| (edit.file, edit.after)).collect();
        let again = |file: &'static str| {
            let old =
                files.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned());
            Ok(after.get(file).cloned().or(old))
        };
        assert!(edits(format, policy, &again).unwrap().edits.is_empty(), "once is enough");
        after
    }

    #[test]
    fn one_policy_is_written_in_the_form_and_unit_of_each_manager() {
        let manifest = ("package.json", "{\n  \"name\": \"x\"\n}\n");
        let npm = written(Format::Npm(3), &[manifest]);
        assert_eq!(npm[".npmrc"], "min-release-age=4\n", "days, rounded up");
        assert!(npm["package.json"].contains(
            "\"allowScripts\": {\n    \"@s/a@1.0.0\": true,\n    \"esbuild@0.21.5\": true\n  }"
        ));
        let pnpm = written(Format::Pnpm(9), &[manifest]);
        assert_eq!(
            pnpm["pnpm-workspace.yaml"],
            "allowBuilds:\n  '@s/a@1.0.0': true\n  'esbuild@0.21.5': true\nminimumReleaseAge: 4321\n"
        );
        let bun = written(Format::Bun(1), &[manifest]);
        assert_eq!(bun["bunfig.toml"], "[install]\nminimumReleaseAge = 259201\n");
        assert!(
            bun["package.json"]
                .contains("\"trustedDependencies\": [\n    \"@s/a\",\n    \"esbuild\"\n  ]")
        );
        let yarn = written(Format::YarnBerry(8), &[manifest]);
        assert_eq!(yarn[".yarnrc.yml"], "enableScripts: false\nnpmMinimalAgeGate: 4321\n");
        assert!(yarn["package.json"].contains("\"esbuild@0.21.5\": {\n      \"built\": true"));
        assert!(written(Format::YarnClassic, &[manifest]).is_empty());
    }

    #[test]
    fn a_denial_is_written_where_a_manager_has_words_for_it_and_no_age_that_nobody_said() {
        let policy = Policy {
            scripts: [one(("a", "1.0.0"))].into(),
            denied: [one(("b", "1.0.0"))].into(),
            minimum_age: None,
        };
        let bare = ("package.json", "{}");
        let npm = by(&policy, Format::Npm(3), &[bare]);
        assert_eq!(npm.len(), 1, "no age: {npm:?}");
        assert!(npm["package.json"].contains("\"a@1.0.0\": true,\n    \"b@1.0.0\": false"));
        let pnpm = |version: &str, yaml: &str| {
            let manifest = format!("{{\"packageManager\": \"pnpm@{version}\"}}");
            let files = [("package.json", manifest.as_str()), ("pnpm-workspace.yaml", yaml)];
            by(&policy, Format::Pnpm(9), &files)
        };
        for (version, yaml) in [
            ("12.0.0", "allowBuilds:\n  'b@1.0.0': false\n  'a@1.0.0': true\n"),
            ("10.26.0", "allowBuilds:\n  'b@1.0.0': false\n  'a@1.0.0': true\n"),
            (
                "10.25.0",
                "onlyBuiltDependencies:\n  - 'a@1.0.0'\nignoredBuiltDependencies:\n  - b\n",
            ),
        ] {
            assert_eq!(pnpm(version, "")["pnpm-workspace.yaml"], yaml);
        }
        // What was denied before keeps its line, and what is allowed now does not.
        let before = "allowBuilds:\n  a@1.0.0: false\n  b@1.0.0: false # ours\n";
        assert_eq!(
            pnpm("12.0.0", before)["pnpm-workspace.yaml"],
            "allowBuilds:\n  b@1.0.0: false # ours\n  'a@1.0.0': true\n"
        );
        let old: Value = serde_json::from_str(&pnpm("10.4.0", "")["package.json"]).unwrap();
        assert_eq!(old["pnpm"]["ignoredBuiltDependencies"], serde_json::json!(["b"]));
        let older: Value = serde_json::from_str(&pnpm("9.15.9", "")["package.json"]).unwrap();
        assert_eq!(older["pnpm"], serde_json::json!({"onlyBuiltDependencies": ["a"]}));
        let yarn = by(&policy, Format::YarnBerry(8), &[bare]);
        let meta: Value = serde_json::from_str(&yarn["package.json"]).unwrap();
        assert_eq!(meta["dependenciesMeta"]["b@1.0.0"], serde_json::json!({"built": false}));
        assert_eq!(yarn[".yarnrc.yml"], "enableScripts: false\n");
        let bun = by(&policy, Format::Bun(1), &[bare]);
        assert_eq!(bun.keys().collect::<Vec<_>>(), [&"package.json"]);
    }

    #[test]
    fn denials_and_foreign_keys_stay() {
        let manifest = (
            "package.json",
            r#"{"allowScripts": {"evil": false, "old@1.0.0": true, "github:a/b": true}, "packageManager": "pnpm@10.20.0"}"#,
        );
        let npm = written(Format::Npm(3), &[manifest]);
        let root: Value = serde_json::from_str(&npm["package.json"]).unwrap();
        let keys: Vec<_> = root["allowScripts"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["@s/a@1.0.0", "esbuild@0.21.5", "evil", "github:a/b"]);
        let yaml = "packages:\n  - a\nonlyBuiltDependencies:\n  - old\nx: 1\n";
        let old = written(Format::Pnpm(9), &[manifest, ("pnpm-workspace.yaml", yaml)]);
        assert_eq!(
            old["pnpm-workspace.yaml"],
            "packages:\n  - a\nonlyBuiltDependencies:\n  - '@s/a@1.0.0'\n  - 'esbuild@0.21.5'\nx: 1\nminimumReleaseAge: 4321\n"
        );
        let plain = ("package.json", "{}");
        let yaml = "allowBuilds:\n  evil: false\n  old: true\n";
        let new = written(Format::Pnpm(9), &[plain, ("pnpm-workspace.yaml", yaml)]);
        assert!(new["pnpm-workspace.yaml"].starts_with("allowBuilds:\n  evil: false\n  '@s/a"));
        assert!(!new["pnpm-workspace.yaml"].contains("old"));
    }
}
