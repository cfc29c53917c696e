//! pnpm, which has said the same thing in four ways: names in `package.json`, from 10.5 on a list in
//! `pnpm-workspace.yaml`, from 10.19 on with versions, and from 10.26 on a map, which is all that 11 reads.
//!
//! Before version 10 every script runs unless the list is there, and a `pnpm-workspace.yaml` without
//! `packages` is an error: there that file is left alone.

use super::managers::{AllowedScript, Policy, Read, change, manifest, version};
use super::{EditError, Edits, json, yaml};
use serde_json::Value;
use std::collections::BTreeSet;

const FILE: &str = "pnpm-workspace.yaml";
const LIST: &str = "onlyBuiltDependencies";
const MAP: &str = "allowBuilds";

/// The first two numbers of a version.
type Version = (u64, u64);

/// Writes a policy; `lockfile` is the first number of the lockfile's version.
pub(super) fn write(
    policy: &Policy,
    lockfile: u32,
    read: Read<'_>,
    edits: &mut Edits,
) -> Result<(), EditError> {
    let (manifest, root) = manifest(read)?;
    // Lockfiles before 9 are those of pnpm 8 and older.
    let version = version(&root, "pnpm").or_else(|| (lockfile < 9).then_some((8, 0)));
    edits.notes.extend(unsaid(version).map(str::to_owned));
    let names: BTreeSet<&str> = policy.scripts.iter().map(|one| one.name.as_str()).collect();
    if version.is_some_and(|version| version < (10, 5)) {
        let list = Value::from_iter(names);
        return change(edits, "package.json", Some(manifest), |text| {
            json::set_below(text, "pnpm", LIST, &list)
        });
    }
    let before = read(FILE)?;
    edits.notes.extend(elsewhere(&root, before.as_deref()));
    let has_list = before.as_deref().is_some_and(|text| yaml::lines_of(text, LIST).is_some());
    let is_map = version.is_none_or(|version| version >= (10, 26));
    // An older pnpm reads the list, and nobody said which one it is.
    let is_list = !is_map || (version.is_none() && has_list);
    let labels: Vec<String> = if version.is_some_and(|version| version < (10, 19)) {
        names.iter().map(|name| (*name).to_owned()).collect()
    } else {
        policy.scripts.iter().map(AllowedScript::label).collect()
    };
    let minutes = policy.age(60).to_string();
    change(edits, FILE, before, |text| {
        let mut text = text.to_owned();
        if is_map {
            text = yaml::set(&text, MAP, Some(&map(&text, &labels)?))?;
        }
        if is_list || has_list {
            let list = is_list.then(|| list(&text, &labels)).transpose()?;
            text = yaml::set(&text, LIST, list.as_deref())?;
        }
        yaml::set_word(&text, "minimumReleaseAge", &minutes)
    })
}

/// What a version cannot say.
fn unsaid(version: Option<Version>) -> impl Iterator<Item = &'static str> {
    let is_before = |wanted: Version| version.is_some_and(|version| version < wanted);
    let told = [
        (is_before((10, 19)), "pnpm before 10.19 allows names, whatever the version"),
        (is_before((10, 16)), "pnpm knows the minimum age from version 10.16 on"),
        (
            version.is_none(),
            "packageManager in package.json does not say which pnpm it is: before 10.26 it does not \
             read allowBuilds",
        ),
    ];
    told.into_iter().filter_map(|(is_so, note)| is_so.then_some(note))
}

/// What says something else about scripts in another place.
fn elsewhere(root: &Value, yaml: Option<&str>) -> impl Iterator<Item = String> {
    let settings = root.get("pnpm");
    let old = [LIST, MAP, "neverBuiltDependencies"].into_iter();
    let old = old.filter(move |key| settings.is_some_and(|settings| settings.get(*key).is_some()));
    let old =
        old.map(|key| format!("package.json has pnpm.{key}: take it out, {FILE} says it now"));
    let more = ["dangerouslyAllowAllBuilds", "onlyBuiltDependenciesFile"].into_iter();
    let more = more.filter(move |key| yaml.is_some_and(|text| yaml::lines_of(text, key).is_some()));
    old.chain(more.map(|key| format!("{FILE} has {key}, which allows more: take it out")))
}

/// The lines of the map: comments and denials of before, and who may.
fn map(text: &str, labels: &[String]) -> Result<Vec<String>, String> {
    let stay = |line: &str| yaml::bare(line).ends_with(": false");
    let allowed = labels.iter().map(|label| format!("  {}: true", yaml::quoted(label)));
    lines(text, MAP, "{}", stay, allowed.collect())
}

fn list(text: &str, labels: &[String]) -> Result<Vec<String>, String> {
    let allowed = labels.iter().map(|label| format!("  - {}", yaml::quoted(label)));
    lines(text, LIST, "[]", |_| false, allowed.collect())
}

/// The lines of a key: its own, those below that `stay` and comments, and new ones.
fn lines(
    text: &str,
    key: &str,
    empty: &str,
    stay: impl Fn(&str) -> bool,
    new: Vec<String>,
) -> Result<Vec<String>, String> {
    let before: Vec<&str> = yaml::lines_of(text, key).unwrap_or_default();
    let first = before.first().copied().unwrap_or_default();
    let is_open = yaml::bare(first).ends_with(':');
    if first.contains("false") && !is_open {
        return Err(format!("the value of {key} is not written line by line"));
    }
    let mut kept: Vec<String> = Vec::new();
    let mut says = !new.is_empty();
    for line in before.iter().skip(1) {
        let line = line.trim_end();
        if stay(line) {
            says = true;
            kept.push(format!("  {}", line.trim_start()));
        } else if yaml::bare(line).is_empty() {
            kept.push(line.to_owned());
        }
    }
    if !says {
        return Ok(vec![format!("{key}: {empty}")]);
    }
    let own = if is_open { first.trim_end().to_owned() } else { format!("{key}:") };
    Ok([vec![own], kept, new].concat())
}

#[cfg(test)]
mod tests {
    use super::super::edits;
    use super::*;
    use ringfence_project::graph::Format;
    use serde_json::json;
    use std::time::Duration;

    fn written(lockfile: u32, manager: &str, yaml: Option<&str>) -> (String, String, Vec<String>) {
        let manifest = match manager {
            "" => json!({}),
            version => json!({"packageManager": format!("pnpm@{version}+sha512.abc")}),
        };
        let manifest = manifest.to_string();
        let one = AllowedScript { name: "a".to_owned(), version: Some("1.0.0".to_owned()) };
        let policy =
            Policy { scripts: [one].into(), minimum_age: Duration::from_secs(3600 * 24 + 1) };
        let read = |file: &'static str| {
            Ok(if file == FILE { yaml.map(str::to_owned) } else { Some(manifest.clone()) })
        };
        let done = edits(Format::Pnpm(lockfile), &policy, &read).unwrap();
        let after = |file: &str, before: &str| {
            let edit = done.edits.iter().find(|edit| edit.file == file);
            edit.map_or_else(|| before.to_owned(), |edit| edit.after.clone())
        };
        let text = (after("package.json", &manifest), after(FILE, yaml.unwrap_or_default()));
        (text.0, text.1, done.notes)
    }

    #[test]
    fn each_version_is_told_in_the_way_it_reads() {
        for (lockfile, version) in [(9, "10.4.1"), (9, "9.15.9"), (6, "8.15.9"), (6, "")] {
            let (manifest, yaml, _) = written(lockfile, version, None);
            let manifest: Value = serde_json::from_str(&manifest).unwrap();
            assert_eq!(manifest["pnpm"], json!({"onlyBuiltDependencies": ["a"]}), "{version}");
            assert_eq!(yaml, "", "{version}");
        }
        let yaml = |version: &str| written(9, version, None).1;
        let age = "minimumReleaseAge: 1441\n";
        assert_eq!(yaml("10.5.0"), format!("onlyBuiltDependencies:\n  - a\n{age}"));
        assert_eq!(yaml("10.18.3"), yaml("10.5.0"));
        assert_eq!(yaml("10.19.0"), format!("onlyBuiltDependencies:\n  - 'a@1.0.0'\n{age}"));
        assert_eq!(yaml("10.25.0"), yaml("10.19.0"));
        assert_eq!(yaml("10.26.0"), format!("allowBuilds:\n  'a@1.0.0': true\n{age}"));
        assert_eq!(yaml("12.21.0"), yaml("10.26.0"));
        assert_eq!(yaml(""), yaml("10.26.0"));
    }

    #[test]
    fn no_older_allowance_is_left_over() {
        let old = "onlyBuiltDependencies:\n  - old\nallowBuilds:\n  a@0.9.0: true\n\n# more\n  older: true\nx: 1\n";
        let (_, yaml, _) = written(9, "10.34.9", Some(old));
        assert_eq!(
            yaml,
            "allowBuilds:\n\n# more\n  'a@1.0.0': true\nx: 1\nminimumReleaseAge: 1441\n"
        );
        let (_, yaml, notes) = written(9, "", Some("onlyBuiltDependencies: [old]\n"));
        assert!(yaml.starts_with("onlyBuiltDependencies:\n  - 'a@1.0.0'\nallowBuilds:\n"));
        assert!(notes.iter().any(|note| note.contains("packageManager")), "{notes:?}");
        let (_, _, notes) = written(9, "11.0.0", Some("dangerouslyAllowAllBuilds: true\n"));
        assert!(notes[0].contains("allows more"), "{notes:?}");
    }

    #[test]
    fn denials_and_comments_stay() {
        let old = "\"allowBuilds\": # who\n    # never\n    evil: false # no\n    old: true\nminimumReleaseAge:  9 # why\n";
        let after = "\"allowBuilds\": # who\n    # never\n  evil: false # no\n  'a@1.0.0': true\nminimumReleaseAge:  1441 # why\n";
        assert_eq!(written(9, "11.0.0", Some(old)).1, after);
        assert_eq!(written(9, "11.0.0", Some(after)).1, after);
    }
}
