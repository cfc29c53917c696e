//! pnpm, which has said the same thing in four ways: names in `package.json`, from 10.5 on a list in
//! `pnpm-workspace.yaml`, from 10.19 on with versions, and from 10.26 on a map, which is all that 11 reads.
//! Denials are in the map; between 10.1 and 10.26 they are names of which pnpm does not warn.
//!
//! Before version 10 every script runs unless the list is there, and a `pnpm-workspace.yaml` without
//! `packages` is an error: there that file is left alone.

use super::managers::{Policy, Read, ScriptOf, change, contradicted, manifest, version};
use super::{EditError, Edits, json, yaml};
use serde_json::Value;
use std::collections::BTreeSet;

const FILE: &str = "pnpm-workspace.yaml";
const LIST: &str = "onlyBuiltDependencies";
const MAP: &str = "allowBuilds";
const IGNORED: &str = "ignoredBuiltDependencies";

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
    let names = names_of(&policy.scripts);
    let denied = names_of(&policy.denied);
    if version.is_some_and(|version| version < (10, 5)) {
        let knows_ignored = version.is_some_and(|version| version >= (10, 1));
        return change(edits, "package.json", Some(manifest), |text| {
            let text = json::set_below(text, "pnpm", LIST, &Value::from_iter(names.clone()))?;
            if knows_ignored && !denied.is_empty() {
                return json::set_below(&text, "pnpm", IGNORED, &Value::from_iter(denied.clone()));
            }
            Ok(text)
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
        policy.scripts.iter().map(ScriptOf::label).collect()
    };
    let kept = before.as_deref().map(denials).unwrap_or_default();
    let contradicts = kept.iter().filter(|entry| policy.contradicts(entry));
    edits.notes.extend(contradicts.map(|entry| contradicted(FILE, entry)));
    let minutes = policy.age(60).map(|minutes| minutes.to_string());
    change(edits, FILE, before, |text| {
        let mut text = text.to_owned();
        if is_map {
            let denied: Vec<String> = policy.denied.iter().map(ScriptOf::label).collect();
            text = yaml::set(&text, MAP, Some(&map(&text, &labels, &denied)?))?;
        }
        if is_list || has_list {
            let list = is_list.then(|| list(&text, LIST, &labels)).transpose()?;
            text = yaml::set(&text, LIST, list.as_deref())?;
        }
        if is_list && !denied.is_empty() {
            let more = denied.iter().map(|name| (*name).to_owned());
            let all: BTreeSet<String> = items(&text, IGNORED).into_iter().chain(more).collect();
            let all: Vec<String> = all.into_iter().collect();
            text = yaml::set(&text, IGNORED, Some(&list(&text, IGNORED, &all)?))?;
        }
        match &minutes {
            Some(minutes) => yaml::set_word(&text, "minimumReleaseAge", minutes),
            None => Ok(text),
        }
    })
}

fn names_of(all: &BTreeSet<ScriptOf>) -> BTreeSet<&str> {
    all.iter().map(|one| one.name.as_str()).collect()
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

/// What a line of the map denies.
fn denial(line: &str) -> Option<&str> {
    Some(plain(yaml::bare(line).strip_suffix("false")?.trim_end().strip_suffix(':')?))
}

/// Text without the marks around it.
fn plain(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

/// What the map denies.
fn denials(text: &str) -> Vec<String> {
    let lines = yaml::lines_of(text, MAP).unwrap_or_default();
    lines.into_iter().skip(1).filter_map(denial).map(str::to_owned).collect()
}

/// What a list has, line by line.
fn items(text: &str, key: &str) -> Vec<String> {
    let lines = yaml::lines_of(text, key).unwrap_or_default();
    let inline = lines
        .first()
        .and_then(|line| yaml::bare(line).split_once('[')?.1.trim_end().strip_suffix(']'));
    let inline = inline.into_iter().flat_map(|inside| inside.split(',')).map(plain);
    let below = lines.iter().skip(1).filter_map(|line| {
        let item = yaml::bare(line).trim().strip_prefix("- ")?;
        Some(plain(item))
    });
    inline.chain(below).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// The lines of the map: comments and denials of before, who may, and who shall not.
fn map(text: &str, labels: &[String], denied: &[String]) -> Result<Vec<String>, String> {
    let stay =
        |line: &str| denial(line).is_some_and(|name| !labels.iter().any(|label| label == name));
    let kept = denials(text);
    // Denials first, where those of before are kept: once is enough.
    let new = denied.iter().filter(|label| !kept.contains(label)).map(|label| (label, false));
    let new = new.chain(labels.iter().map(|label| (label, true)));
    let new = new.map(|(label, is)| format!("  {}: {is}", yaml::quoted(label)));
    lines(text, MAP, "{}", stay, new.collect())
}

fn list(text: &str, key: &str, labels: &[String]) -> Result<Vec<String>, String> {
    let allowed = labels.iter().map(|label| format!("  - {}", yaml::quoted(label)));
    lines(text, key, "[]", |_| false, allowed.collect())
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
        let one = ScriptOf { name: "a".to_owned(), version: Some("1.0.0".to_owned()) };
        let policy = Policy {
            scripts: [one].into(),
            denied: BTreeSet::new(),
            minimum_age: Some(Duration::from_secs(3600 * 24 + 1)),
        };
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
