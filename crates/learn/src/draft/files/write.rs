//! `fs.write`: single files that were only written, folders where files come and go.

use super::super::{Drafting, Note, Proposed, Why};
use super::sort::{Sorted, made};
use super::{
    Need, already, forbidden, granted, is_of_home, modules_of, note_home, secret, secret_sources,
};
use crate::quote::quoted;
use crate::record::{FileKind, FileUse};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Proposes what must be writable; answers the paths that are then.
pub(super) fn draft(drafting: &mut Drafting<'_>, sorted: &Sorted) -> Vec<PathBuf> {
    let mut wanted: BTreeMap<PathBuf, Why> = BTreeMap::new();
    let mut writable = Vec::new();
    for (path, need) in &sorted.writes {
        if path.extension().is_some_and(|end| end == "log") {
            note_log(drafting, path);
        }
        let target = target(drafting, path);
        if let Some(grant) = granted(drafting.facts, path, &need.real, true) {
            writable.push(path.clone());
            already(drafting, grant, need.why.clone());
        } else if let Some(target) = target.and_then(|target| allowed(drafting, path, need, target))
        {
            match wanted.get_mut(&target) {
                Some(known) => known.join(&need.why),
                None => {
                    wanted.insert(target, need.why.clone());
                }
            }
        }
    }
    for (target, why) in outermost(wanted) {
        note_code(drafting, sorted, &target);
        let directory = drafting.facts.disk.kind(&target) == Some(FileKind::Directory);
        let written = drafting.facts.written(&target, directory);
        drafting.propose(Proposed::entry("fs.write", written, why));
        writable.push(target);
    }
    writable
}

/// Grants inside another one go into it.
fn outermost(wanted: BTreeMap<PathBuf, Why>) -> BTreeMap<PathBuf, Why> {
    let mut kept: BTreeMap<PathBuf, Why> = BTreeMap::new();
    // Parents come right before what is in them.
    for (path, why) in wanted {
        match kept.last_entry().filter(|outer| path.starts_with(outer.key())) {
            Some(mut outer) => outer.get_mut().join(&why),
            None => {
                kept.insert(path, why);
            }
        }
    }
    kept
}

/// The file itself where it was only written and is still there, else the narrowest folder around
/// it that was there before the run and is there now. Nothing when there is no such folder.
fn target(drafting: &Drafting<'_>, path: &Path) -> Option<PathBuf> {
    let (record, disk) = (drafting.record, drafting.facts.disk);
    let seen = record.files.get(path)?;
    let moves =
        |used: &FileUse| matches!(used, FileUse::Remove | FileUse::RenameFrom | FileUse::RenameTo);
    let comes_and_goes = made(seen) || seen.uses.keys().any(moves);
    if !comes_and_goes && disk.kind(path).is_some() {
        return Some(path.into());
    }
    let fresh = |folder: &Path| record.files.get(folder).is_some_and(made);
    let mut above = path.ancestors().skip(1);
    above
        .find(|folder| disk.kind(folder) == Some(FileKind::Directory) && !fresh(folder))
        .map(Path::to_path_buf)
}

/// The target, or what stands in for it; nothing, and a finding, where none may be granted.
fn allowed(
    drafting: &mut Drafting<'_>,
    path: &Path,
    need: &Need,
    target: PathBuf,
) -> Option<PathBuf> {
    let facts = drafting.facts;
    if is_of_home(facts, path) {
        note_home(drafting, path);
        return None;
    }
    let real = facts.disk.real(&target).unwrap_or_else(|| target.clone());
    let single = target == path || target == need.real;
    let of_host = [path, &need.real].into_iter().any(|at| forbidden::is_of_host(at, facts));
    if of_host || (!single && [&target, &real].into_iter().any(|at| is_of_others(drafting, at))) {
        note_system(drafting, path, &target);
        return None;
    }
    if let Some(own) = itself(drafting, [path, &need.real]) {
        note_itself(drafting, path, &own);
        return None;
    }
    if target == path || (target == need.real && facts.disk.kind(&target) == Some(FileKind::File)) {
        return Some(target);
    }
    let modules = target.file_name().is_some_and(|name| name == "node_modules");
    if modules || forbidden::is_forbidden(&target, facts) {
        // A file that stays can be granted alone, as long as somebody makes it first.
        let stays = facts.disk.kind(path) == Some(FileKind::File) && !moved(drafting, path);
        let text = facts.written(path, false);
        if stays && modules_of(path).is_none() {
            drafting.note(Note::hint(
                "file-made-in-project",
                format!("{text} was made by the run in a folder that cannot be writable: it is granted alone, and must be there before a start; better is a folder for it"),
            ));
            return Some(path.into());
        }
        drafting.note(
            Note::finding(
                "cannot-write-there",
                format!("{text} comes and goes in a folder that cannot be writable as a whole ({}): let the program write into a folder of its own", facts.written(&target, true)),
            )
            .with(["fs.write = [\"./data/\"]".to_owned()]),
        );
        return None;
    }
    if let Some(own) = itself(drafting, [&target, &real]) {
        note_itself(drafting, path, &own);
        return None;
    }
    if holds_foreign_secret(drafting, &target) {
        let text = format!(
            "{} is written by the run, and something in it looks like a secret: it is not granted; move one of them",
            facts.written(&target, true)
        );
        drafting.note(Note::finding("secret-in-written-folder", text));
        return None;
    }
    Some(target)
}

fn moved(drafting: &Drafting<'_>, path: &Path) -> bool {
    let seen = drafting.record.files.get(path);
    seen.is_some_and(|seen| {
        seen.uses
            .keys()
            .any(|used| matches!(used, FileUse::Remove | FileUse::RenameFrom | FileUse::RenameTo))
    })
}

/// Whether a folder holds what looks like a secret and was not made by the run itself.
fn holds_foreign_secret(drafting: &Drafting<'_>, folder: &Path) -> bool {
    let facts = drafting.facts;
    let own = |path: &Path| drafting.record.files.get(path).is_some_and(made);
    secret::holds_secret(folder, facts.disk, &secret_sources(facts), &own)
}

fn is_of_others(drafting: &Drafting<'_>, folder: &Path) -> bool {
    forbidden::is_of_others(folder, drafting.facts)
}

fn note_system(drafting: &mut Drafting<'_>, path: &Path, target: &Path) {
    let facts = drafting.facts;
    let directory = facts.disk.kind(target) == Some(FileKind::Directory);
    let text = facts.written(path, false);
    drafting.note(
        Note::finding(
            "writes-system",
            format!("{text} is written and belongs to the host or to somebody else: it is not granted; if it is meant, write the line yourself"),
        )
        .with([format!("fs.write = [{}]", quoted(&facts.written(target, directory)))]),
    );
}

/// What the service would replace of itself with this grant: no file that grants it is loaded.
fn itself(drafting: &Drafting<'_>, granted: [&Path; 2]) -> Option<PathBuf> {
    let (facts, record) = (drafting.facts, drafting.record);
    let begin = &record.begin;
    let mut own = vec![facts.folder.join("ringfence.toml"), facts.folder.join(".ringfence")];
    own.extend(begin.boundary.clone());
    let started = facts.boundary.map(|boundary| boundary.service.start.as_slice());
    let words = started.unwrap_or_default().iter().map(|word| facts.folder.join(&word.value));
    let ran = begin.command.iter().map(|word| begin.cwd.join(word));
    let is_file = |path: &PathBuf| facts.disk.kind(path) == Some(FileKind::File);
    own.extend(words.chain(ran).map(|path| super::tidy(&path)).filter(is_file));
    for (path, seen) in &record.programs {
        own.push(path.clone());
        own.extend(seen.real.clone());
    }
    let reals: Vec<_> = own.iter().filter_map(|path| facts.disk.real(path)).collect();
    let reaches = |path: &PathBuf| granted.into_iter().any(|at| path.starts_with(at));
    own.into_iter().chain(reals).find(reaches)
}

fn note_itself(drafting: &mut Drafting<'_>, path: &Path, own: &Path) {
    let (text, own) = (drafting.facts.written(path, false), drafting.facts.written(own, false));
    drafting.note(Note::finding(
        "writes-itself",
        format!("{text} is written, and granting that would let the service replace {own}, which decides what its next start runs or may do: it is not granted"),
    ));
}

fn note_log(drafting: &mut Drafting<'_>, path: &Path) {
    let written = drafting.facts.written(path, false);
    drafting.note(Note::hint(
        "log-file",
        format!("{written} is a log: a service that logs to standard output needs no place to write, and no rotation"),
    ));
}

/// Code in a writable folder can be replaced by whoever gets into the service.
fn note_code(drafting: &mut Drafting<'_>, sorted: &Sorted, target: &Path) {
    let code = |path: &&PathBuf| {
        let end = path.extension().and_then(|end| end.to_str());
        path.starts_with(target) && matches!(end, Some("js" | "mjs" | "cjs" | "ts" | "mts" | "cts"))
    };
    if let Some(code) = sorted.reads.keys().find(code) {
        let (code, target) =
            (drafting.facts.written(code, false), drafting.facts.written(target, true));
        drafting.note(Note::finding(
            "writes-beside-code",
            format!("{code} is run and lies in {target}, which is written: who gets into the service can change what its next start runs"),
        ));
    }
}
