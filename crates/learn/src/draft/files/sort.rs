//! What was seen of files, taken apart: what needs a grant and what does not.

use super::super::own::RuntimeRead;
use super::super::{Drafting, Note, Proposed, Value, Why, process};
use super::{Need, Needs, modules_of, secret};
use crate::quote::quoted;
use crate::record::{Capability, FileKind, FileSeen, FileUse};
use std::path::{Path, PathBuf};

/// What is left.
pub(super) struct Sorted {
    /// Existing files and folders that were read.
    pub(super) reads: Needs,
    /// What was written, made, removed or changed.
    pub(super) writes: Needs,
    /// What a script looked for and was not there.
    pub(super) missing: Vec<(PathBuf, Why)>,
}

pub(super) fn sort(drafting: &mut Drafting<'_>) -> Sorted {
    let mut sorted = Sorted { reads: Needs::new(), writes: Needs::new(), missing: Vec::new() };
    let record = drafting.record;
    for (path, seen) in &record.files {
        sort_one(drafting, &mut sorted, path, seen);
    }
    // What only Node told of: another way into the kernel than those that are looked at.
    for (capability, resource) in record.uses.keys() {
        let path = Path::new(resource);
        let unseen = *capability == Capability::FsRead && !record.files.contains_key(path);
        let file = || drafting.facts.disk.kind(path) == Some(FileKind::File);
        if unseen && path.is_absolute() && !drafting.facts.private(path) && file() {
            let mut why = Why::told();
            why.asked_for(record, Capability::FsRead, resource);
            let real = drafting.facts.disk.real(path).unwrap_or_else(|| path.into());
            if drafting.facts.runtime(&real).is_none() {
                sorted.reads.insert(path.into(), Need { why, real, listed: false });
            }
        }
    }
    sorted
}

fn sort_one(drafting: &mut Drafting<'_>, sorted: &mut Sorted, path: &Path, seen: &FileSeen) {
    let (facts, record) = (drafting.facts, drafting.record);
    if path.starts_with(facts.folder.join(".ringfence")) {
        return;
    }
    let real = seen.uses.values().find_map(|first| first.real.clone());
    let real = real.unwrap_or_else(|| path.into());
    let runtime = facts.runtime(path).or_else(|| facts.runtime(&real));
    if facts.private(path) || (facts.private(&real) && !path.starts_with(facts.folder)) {
        // A program that lies there gets in by itself, with its libraries.
        if runtime.is_none() {
            note_private(drafting, path, seen);
        }
        return;
    }
    let found = |used: FileUse| seen.uses.get(&used).map(|first| first.found);
    let there = |used: FileUse| found(used).is_some_and(|kind| kind != FileKind::Missing);
    let writes = seen.uses.keys().any(|used| used.is_write());
    if !writes && let Some(why) = runtime {
        if there(FileUse::Read) || there(FileUse::Load) {
            let why = why.to_owned();
            drafting.draft.runtime.push(RuntimeRead { path: path.into(), why });
        }
        return;
    }
    // What is granted for reading is never mapped as code, so a grant would be of no use.
    if !writes && process::is_native(&real) && modules_of(&real).is_none() {
        return;
    }
    let why = Why::of_file(record, path, seen, false);
    let resource = path.to_string_lossy().into_owned();
    let asked = |capability| record.uses.contains_key(&(capability, resource.clone()));
    if writes {
        let listed = found(FileUse::Create) == Some(FileKind::Directory);
        let why = Why::of_file(record, path, seen, true);
        sorted.writes.insert(path.into(), Need { why, real: real.clone(), listed });
    }
    if there(FileUse::Read) && !made(seen) {
        let by_program = asked(Capability::FsRead);
        let package = path.file_name().is_some_and(|name| name == "package.json");
        if package && !by_program && !matters(drafting, path) {
            return;
        }
        let listed = found(FileUse::Read) == Some(FileKind::Directory);
        let at = if modules_of(path).is_some() { real.clone() } else { path.to_path_buf() };
        sorted.reads.insert(at, Need { why, real, listed });
    } else if there(FileUse::Look)
        && asked(Capability::FsLook)
        && modules_of(path).is_none()
        && found(FileUse::Look) == Some(FileKind::File)
        && !writes
    {
        sorted.reads.insert(path.into(), Need { why, real, listed: false });
    } else if !writes {
        let not_there =
            |used, capability| found(used) == Some(FileKind::Missing) && asked(capability);
        if not_there(FileUse::Read, Capability::FsRead)
            || not_there(FileUse::Look, Capability::FsLook)
        {
            sorted.missing.push((path.into(), why));
        }
    }
}

/// Whether the run made it, so that nothing of it was there before.
pub(super) fn made(seen: &FileSeen) -> bool {
    seen.made || seen.uses.contains_key(&FileUse::RenameTo)
}

/// A file by itself, or all of a folder at once: caches have hundreds.
fn in_tmp(path: &Path) -> String {
    let inside = path.strip_prefix("/tmp").ok().filter(|inside| inside.iter().count() > 1);
    match inside.and_then(|inside| inside.iter().next()) {
        Some(folder) => format!("what is below /tmp/{}/", folder.display()),
        None => path.display().to_string(),
    }
}

/// Things in places that every service has of its own need nothing, unless they were there before.
fn note_private(drafting: &mut Drafting<'_>, path: &Path, seen: &FileSeen) {
    let shared = ["/tmp", "/dev/shm"].iter().any(|own| path.starts_with(own));
    let read = seen.uses.get(&FileUse::Read).filter(|first| first.found == FileKind::File);
    let parent = path.parent().and_then(|parent| drafting.record.files.get(parent));
    if shared && read.is_some() && !made(seen) && !parent.is_some_and(made) {
        drafting.note(Note::finding(
            "file-in-tmp",
            format!(
                "{} was read and lay there before the run: a service has a /tmp of its own, empty at \
                 each start, so put the file into a folder of the project",
                in_tmp(path)
            ),
        ));
    }
}

/// Grants the question whether something is there: under its own permission flags Node throws where
/// even that is refused, and few programs expect it. Without those flags nothing there is the usual
/// answer. In a granted folder it may come and go; a secret is never granted by a guess.
pub(super) fn draft_missing(drafting: &mut Drafting<'_>, path: &Path, why: Why) {
    let facts = drafting.facts;
    let inside = drafting.draft.proposed.iter().any(|proposed| {
        matches!(&proposed.value, Value::Entry(entry) if proposed.key.starts_with("fs.")
            && path.starts_with(super::tidy(&facts.folder.join(entry))))
    });
    let elsewhere = modules_of(path).is_some() || super::is_of_home(facts, path);
    if inside || elsewhere {
        return;
    }
    if let Some(grant) = super::granted(facts, path, path, false) {
        super::already(drafting, grant, why);
        return;
    }
    let written = facts.written(path, false);
    let secret = secret::is_secret(path, facts.disk);
    if !secret && process::has_node_flags(drafting) {
        let why = why.remark("it was not there");
        drafting.propose(Proposed::entry("fs.optional", written, why));
        return;
    }
    let remark = if secret { "; it would be a secret: [secrets] delivers those" } else { "" };
    drafting.note(
        Note::hint(
            "missing-file",
            format!("the program looked for {written}, which is not there{remark}"),
        )
        .with([format!("fs.optional = [{}]", quoted(&written))]),
    );
}

/// Whether a `package.json` that only Node's loader read makes a difference: what it says of modules
/// is used by files that were read.
fn matters(drafting: &Drafting<'_>, path: &Path) -> bool {
    if modules_of(path).is_some() {
        return true;
    }
    let Some(folder) = path.parent() else { return false };
    let text = drafting.facts.disk.text(path).unwrap_or_default();
    let Ok(manifest) = serde_json::from_str::<serde_json::Value>(&text) else { return false };
    let has = |key: &str| manifest.get(key).is_some();
    let script = |at: &PathBuf| {
        let end = at.extension().and_then(|end| end.to_str());
        at.starts_with(folder)
            && modules_of(at).is_none()
            && matches!(end, None | Some("js" | "ts" | "jsx" | "tsx"))
            && drafting.record.files.get(at).is_some_and(|seen| {
                seen.uses.get(&FileUse::Read).is_some_and(|first| first.found == FileKind::File)
            })
    };
    let module = manifest.get("type").and_then(|kind| kind.as_str()) == Some("module");
    (module && drafting.record.files.keys().any(script))
        || has("imports")
        || (has("exports") && folder != drafting.facts.folder)
        || (has("main") && is_started_as_folder(drafting, folder))
}

/// Whether a folder was named where a script belongs, so that its `main` is looked up: not the
/// project, unless the command is `node .`.
fn is_started_as_folder(drafting: &Drafting<'_>, folder: &Path) -> bool {
    let begin = &drafting.record.begin;
    let named =
        begin.command.iter().skip(1).any(|word| super::tidy(&begin.cwd.join(word)) == folder);
    folder != drafting.facts.folder || named
}
