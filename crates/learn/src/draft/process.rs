//! `process`: programs, and what is switched on inside Node.

use super::{Drafting, Note, Proposed, Value, Why};
use crate::record::{Capability, Feature, FileKind, FileUse, ProgramSeen};
use ringfence_policy::paths::package_of;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const SHELLS: [&str; 8] = ["ash", "bash", "busybox", "dash", "fish", "ksh", "sh", "zsh"];

pub(super) fn draft(drafting: &mut Drafting<'_>) {
    children(drafting);
    switches(drafting);
    addons(drafting);
}

/// Programs besides the first one, by the path they were started with: a symlink on the way is
/// granted with them, and would not be there without. The same Node counts when it is started
/// again: `fork` and `cluster` need it listed.
fn children(drafting: &mut Drafting<'_>) {
    let (record, facts) = (drafting.record, drafting.facts);
    let chain = first_chain(drafting);
    let through = interpreters(drafting);
    for (path, seen) in &record.programs {
        let Some(real) = real(drafting, path, seen) else { continue };
        let first = chain.contains(&real);
        // The start of the run itself is no child, also where Node calls itself by another path.
        let own = first && earliest(drafting, &real) == Some(path);
        let times = seen.times.saturating_sub(u64::from(own));
        if times == 0 || through.contains(&real) {
            continue;
        }
        let again = Why { count: times, ..Why::told() };
        let mut why = if first { again } else { Why::at(seen.at, seen.times) };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        for named in [&path.to_string_lossy(), &real.to_string_lossy(), name.as_str()] {
            why.asked_for(record, Capability::Child, named);
        }
        if SHELLS.contains(&name.as_str()) {
            why = why.remark("a shell makes every injection a program");
            note_shell(drafting, path);
        }
        let granted = facts.boundary.and_then(|known| child_grant(drafting, known, path, &real));
        if let Some(grant) = granted {
            super::already(drafting, "process.children", Value::Entry(grant), why);
            continue;
        }
        let written = match path.strip_prefix(facts.folder) {
            Ok(inside) => format!("./{}", inside.display()),
            Err(_) => path.display().to_string(),
        };
        drafting.propose(Proposed::entry("process.children", written, why));
    }
}

/// The path by which a program was started first.
fn earliest<'a>(drafting: &Drafting<'a>, real_path: &Path) -> Option<&'a PathBuf> {
    let all = drafting.record.programs.iter();
    let same = all.filter(|(path, seen)| real(drafting, path, seen).as_deref() == Some(real_path));
    same.min_by_key(|(_, seen)| seen.at).map(|(path, _)| path)
}

fn note_shell(drafting: &mut Drafting<'_>, path: &Path) {
    let text = format!(
        "{} was started: with a shell granted, whatever reaches its command line is run; `exec` and `shell: true` start one, `execFile` and `spawn` do not",
        path.display()
    );
    drafting.note(Note::finding("shell-started", text));
}

/// The grant whose program, or whose script's interpreter, this is.
fn child_grant(
    drafting: &Drafting<'_>,
    boundary: &ringfence_policy::model::Boundary,
    started: &Path,
    real: &Path,
) -> Option<String> {
    let disk = drafting.facts.disk;
    let grant = boundary.process.children.iter().find(|child| {
        let path = super::files_tidy(&drafting.facts.folder.join(&child.value));
        let at = disk.real(&path).unwrap_or_else(|| path.clone());
        (at == real && (path == started || started == real))
            || shebang(drafting, &at).iter().any(|through| through == real)
    });
    grant.map(|grant| grant.value.clone())
}

fn real(drafting: &Drafting<'_>, path: &Path, seen: &ProgramSeen) -> Option<PathBuf> {
    let real = seen.real.clone().or_else(|| drafting.facts.disk.real(path))?;
    // Programs are tried in each folder of PATH.
    (drafting.facts.disk.kind(&real) == Some(FileKind::File)).then_some(real)
}

/// The program of the run, and what its first line goes through.
fn first_chain(drafting: &Drafting<'_>) -> BTreeSet<PathBuf> {
    let programs = drafting.record.programs.iter().filter(|(_, seen)| seen.first);
    let mut chain = BTreeSet::new();
    for (path, seen) in programs {
        let Some(real) = real(drafting, path, seen) else { continue };
        chain.extend(shebang(drafting, &real));
        chain.insert(real);
    }
    chain
}

/// Interpreters that were started only because a script's first line names them: a script that is
/// granted brings them along.
fn interpreters(drafting: &Drafting<'_>) -> BTreeSet<PathBuf> {
    let record = drafting.record;
    let mut through: BTreeMap<PathBuf, u64> = BTreeMap::new();
    for (path, seen) in record.programs.iter().filter(|(_, seen)| !seen.first) {
        let Some(script) = real(drafting, path, seen) else { continue };
        for interpreter in shebang(drafting, &script) {
            *through.entry(interpreter).or_default() += seen.times;
        }
    }
    let started = |at: &PathBuf| -> u64 {
        let all = record.programs.iter().filter(|(_, seen)| !seen.first);
        let of = all.filter(|(path, seen)| real(drafting, path, seen).as_ref() == Some(at));
        of.map(|(_, seen)| seen.times).sum()
    };
    through.into_iter().filter(|(at, times)| started(at) <= *times).map(|(at, _)| at).collect()
}

/// What the first line of a script starts: its interpreter, and what `env` finds for it.
fn shebang(drafting: &Drafting<'_>, script: &Path) -> Vec<PathBuf> {
    let disk = drafting.facts.disk;
    let Some(text) = disk.text(script) else { return Vec::new() };
    let Some(line) = text.lines().next().and_then(|line| line.strip_prefix("#!")) else {
        return Vec::new();
    };
    let mut words = line.split_whitespace();
    let Some(interpreter) = words.next().map(PathBuf::from) else { return Vec::new() };
    let mut found = vec![disk.real(&interpreter).unwrap_or_else(|| interpreter.clone())];
    if interpreter.file_name().is_some_and(|name| name == "env") {
        let named = words.find(|word| !word.starts_with('-') && !word.contains('='));
        let programs = drafting.record.programs.iter();
        let by_name = programs.filter(|(path, _)| {
            path.file_name().zip(named).is_some_and(|(name, wanted)| name == wanted)
        });
        found.extend(by_name.filter_map(|(path, seen)| real(drafting, path, seen)));
    }
    found
}

/// Whether Node's own permission flags stay on.
pub(super) fn has_node_flags(drafting: &Drafting<'_>) -> bool {
    drafting.facts.boundary.is_none_or(|boundary| boundary.process.node_flags)
        && !drafting.record.features.contains(&Feature::NeedsNoFlags)
}

fn switches(drafting: &mut Drafting<'_>) {
    let (record, facts) = (drafting.record, drafting.facts);
    let inside = facts.boundary.map(|boundary| &boundary.process);
    let all = [
        ("process.workers", Feature::Workers, Some(Capability::Worker), inside.map(|p| p.workers)),
        ("process.wasi", Feature::Wasi, Some(Capability::Wasi), inside.map(|p| p.wasi)),
        ("process.ffi", Feature::Ffi, Some(Capability::Ffi), inside.map(|p| p.ffi)),
        (
            "process.inspector",
            Feature::Inspector,
            Some(Capability::Inspector),
            inside.map(|p| p.inspector),
        ),
        (
            "process.node-flags",
            Feature::NeedsNoFlags,
            None,
            inside.map(|process| !process.node_flags),
        ),
    ];
    for (key, feature, capability, granted) in all {
        let used = || record.uses.keys().filter(|(kind, _)| Some(*kind) == capability);
        if !record.features.contains(&feature) && used().next().is_none() {
            continue;
        }
        let mut why = Why::told();
        for (capability, resource) in used() {
            why.asked_for(record, *capability, resource);
        }
        let off = feature == Feature::NeedsNoFlags;
        if off {
            let remark = "as the program said: fsync and others, which Node's own permission flags switch off";
            why = why.remark(remark);
        } else if feature != Feature::Workers {
            // Nothing but lines that the program could have written says so.
            why = why.remark("as the program said");
        }
        let proposed = Proposed::new(key, Value::Switch(!off), why);
        match granted {
            Some(true) => drafting.draft.proposed.push(proposed.granted()),
            _ => drafting.propose(proposed),
        }
    }
}

fn addons(drafting: &mut Drafting<'_>) {
    let (record, facts) = (drafting.record, drafting.facts);
    let mut files: BTreeMap<PathBuf, Why> = BTreeMap::new();
    for (capability, resource) in record.uses.keys() {
        if *capability == Capability::Addon {
            let path = Path::new(resource);
            let real = facts.disk.real(path).unwrap_or_else(|| path.into());
            let mut why = Why::told();
            why.asked_for(record, Capability::Addon, resource);
            files.entry(real).or_insert(why);
        }
    }
    for (path, seen) in &record.files {
        let Some(load) = seen.uses.get(&FileUse::Load).or_else(|| native_read(path, seen)) else {
            continue;
        };
        let real = load.real.clone().unwrap_or_else(|| path.clone());
        let runtime = facts.runtime(path).or_else(|| facts.runtime(&real)).is_some();
        let native = is_native(&real) && !runtime;
        if native && load.found == FileKind::File && !record.programs.contains_key(&real) {
            let why = Why::of_file(record, path, seen, false);
            files.entry(real).and_modify(|known| known.join(&why)).or_insert(why);
        }
    }
    for (path, why) in files {
        addon(drafting, &path, why);
    }
}

/// The kernel sees the loader open a library; whether it maps it is not always told.
fn native_read<'a>(
    path: &Path,
    seen: &'a crate::record::FileSeen,
) -> Option<&'a crate::record::FirstUse> {
    let modules = path.iter().any(|part| part == "node_modules");
    (modules && is_native(path)).then(|| seen.uses.get(&FileUse::Read)).flatten()
}

pub(super) fn is_native(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let end = path.extension().is_some_and(|end| end == "node" || end == "so");
    end || name.contains(".so.")
}

fn addon(drafting: &mut Drafting<'_>, path: &Path, why: Why) {
    let facts = drafting.facts;
    let written = facts.written(path, false);
    let Some(package) = path.to_str().and_then(package_of).map(str::to_owned) else {
        drafting.note(Note::finding(
            "native-code-outside-packages",
            format!("{written} was loaded as code and belongs to no installed package: only packages can be granted native code"),
        ));
        return;
    };
    let Some(sha256) = facts.disk.sha256(path) else {
        let text =
            format!("{written} was loaded as code and cannot be read now: its hash is missing");
        drafting.note(Note::finding("native-code-unreadable", text));
        return;
    };
    // `resolve` looks for a package at the top.
    let top = facts.folder.join("node_modules").join(&package);
    let top = facts.disk.real(&top).unwrap_or(top);
    if !path.starts_with(&top) {
        drafting.note(Note::finding(
            "native-code-nested",
            format!("{written} was loaded as code and is not the {package} of this project's own node_modules: it cannot be granted there"),
        ));
        return;
    }
    let known = facts.boundary.is_some_and(|boundary| {
        let listed = &boundary.process.addons;
        listed.iter().any(|one| one.package.value == package && one.sha256.value == sha256)
    });
    let proposed = Proposed::new("process.addons", Value::Addon { package, sha256 }, why);
    if known {
        drafting.draft.proposed.push(proposed.granted());
    } else {
        drafting.propose(proposed);
    }
}
