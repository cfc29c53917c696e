//! `files` of a package: as rules, in the two ways that npm has for it.

use super::super::pattern::{Budget, Case, Part, Pattern};
use super::{ContentsError, DEEPEST, MOST_FILES, Npm, rules};
use crate::tarball::joined;
use ringfence_policy::display::quoted;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// `files` as rules.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// In the place of an ignore file.
    pub(super) ignores: Vec<String>,
    /// Before everything that no file can change.
    pub(super) strict: Vec<String>,
    /// Files that are named as such, relative.
    pub(super) required: Vec<String>,
}

/// `files` as an npm takes it.
pub(super) fn read(
    folder: &Path,
    files: &[String],
    npm: Npm,
    budget: &Budget,
) -> Result<Files, ContentsError> {
    let mut read = Files { ignores: vec!["*".to_owned()], ..Files::default() };
    for entry in files {
        if npm == Npm::Twelve {
            read.expand(folder, entry, budget)?;
        } else {
            read.as_rule(folder, entry);
        }
    }
    Ok(read)
}

impl Files {
    /// npm 10 and 11: the entry is a rule, with a look at whether it is a file or a folder.
    fn as_rule(&mut self, folder: &Path, entry: &str) {
        let mut file = match entry.strip_prefix('.') {
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => entry.to_owned(),
        };
        if file.ends_with("/*") {
            file.push('*');
        }
        let inverse = format!("!{file}");
        let plain = file.trim_start_matches('!').trim_start_matches('/');
        match folder.join(lexical(plain)).symlink_metadata() {
            Ok(found) if found.is_file() => {
                self.strict.insert(0, inverse);
                self.required.push(file.strip_prefix('/').unwrap_or(&file).to_owned());
            }
            Ok(found) if found.is_dir() => {
                self.ignores.push(inverse.clone());
                self.ignores.push(format!("{inverse}/**"));
            }
            Ok(_) => {}
            Err(_) => self.ignores.push(inverse),
        }
    }

    /// npm 12: the entry stands for the files and folders that are there.
    fn expand(&mut self, folder: &Path, entry: &str, budget: &Budget) -> Result<(), ContentsError> {
        let bare = entry.trim_start_matches('!');
        let prefix = if bare.len() == entry.len() { "!" } else { "" };
        let pattern = match bare.strip_prefix('.').filter(|rest| rest.starts_with('/')) {
            Some(rest) => &rest[1..],
            None => bare.strip_prefix('/').unwrap_or(bare),
        };
        let pattern = pattern.trim_end_matches('/');
        if pattern.is_empty() {
            return Ok(());
        }
        for (path, is_folder) in matches(folder, pattern, budget)? {
            self.ignores.push(format!("{prefix}/{path}"));
            if is_folder {
                self.ignores.push(format!("{prefix}/{path}/**"));
            }
        }
        Ok(())
    }
}

/// A path without `.` and `..`, by its letters alone: `a/../b` is `b` whether or not there is an `a`.
fn lexical(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." && parts.last().is_some_and(|last| *last != "..") {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Files and folders below a folder that a pattern stands for, and which of them are folders.
pub(super) fn matches(
    folder: &Path,
    pattern: &str,
    budget: &Budget,
) -> Result<BTreeMap<String, bool>, ContentsError> {
    // A `!` or `#` in front is a letter here.
    let escaped = pattern.starts_with(['!', '#']).then(|| format!("\\{pattern}"));
    let read = Pattern::read(escaped.as_deref().unwrap_or(pattern), Case::Exact);
    let read = read.map_err(|source| ContentsError::Pattern {
        pattern: quoted(pattern).to_string(),
        source,
    })?;
    let mut found = Found { folder, all: BTreeMap::new(), looked: 0, budget };
    for set in &read.sets {
        let set: Vec<&Part> = set.iter().collect();
        found.below("", &set, 0)?;
    }
    Ok(found.all)
}

struct Found<'a> {
    folder: &'a Path,
    all: BTreeMap<String, bool>,
    looked: usize,
    budget: &'a Budget,
}

impl Found<'_> {
    fn below(&mut self, path: &str, set: &[&Part], depth: usize) -> Result<(), ContentsError> {
        if depth > DEEPEST {
            return Err(ContentsError::Large);
        }
        let Some((part, rest)) = set.split_first() else {
            self.add(path);
            return Ok(());
        };
        let join = |name: &str| {
            if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
        };
        match part {
            Part::Literal { text, .. } if matches!(text.as_str(), "" | ".") => {
                self.below(path, rest, depth)
            }
            Part::Literal { text, .. } if text == ".." => Ok(()),
            Part::Literal { text, .. } => {
                let next = join(text);
                if self.kind(&next).is_some() { self.below(&next, rest, depth + 1) } else { Ok(()) }
            }
            Part::Globstar => {
                // A file is not below itself.
                if !rest.is_empty() || self.kind(path) == Some(true) {
                    self.below(path, rest, depth)?;
                }
                for (name, is_folder) in self.names(path)? {
                    let next = join(&name);
                    if is_folder {
                        self.below(&next, set, depth + 1)?;
                    } else if rest.is_empty() {
                        self.add(&next);
                    }
                }
                Ok(())
            }
            Part::Magic { .. } => {
                for (name, _) in self.names(path)? {
                    if part.matches(&name, self.budget) {
                        self.below(&join(&name), rest, depth + 1)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn add(&mut self, path: &str) {
        if let Some(is_folder) = self.kind(path).filter(|_| !path.is_empty()) {
            self.all.insert(joined(path), is_folder);
        }
    }

    /// Whether it is a folder; `None` where it is neither a file nor a folder.
    fn kind(&self, path: &str) -> Option<bool> {
        let found = self.folder.join(path).symlink_metadata().ok()?;
        (found.is_dir() || found.is_file()).then_some(found.is_dir())
    }

    /// The files and folders in a folder, without links; nothing where it is none.
    fn names(&mut self, path: &str) -> Result<Vec<(String, bool)>, ContentsError> {
        let Ok(listed) = fs::read_dir(self.folder.join(path)) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in listed.flatten() {
            self.looked += 1;
            if self.looked > 8 * MOST_FILES {
                return Err(ContentsError::Large);
            }
            let Ok(kind) = entry.file_type() else { continue };
            if let (Ok(name), false) = (entry.file_name().into_string(), kind.is_symlink()) {
                names.push((name, kind.is_dir()));
            }
        }
        Ok(names)
    }
}

/// The rules for what no file can change: named files first, then npm's own, then entries and patches.
pub(super) fn strict(
    files: &Files,
    entries: Vec<String>,
    patches: Vec<String>,
    npm: Npm,
) -> Vec<String> {
    let mut rules = files.strict.clone();
    rules.extend(rules::strict(npm));
    rules.extend(entries);
    rules.extend(patches.into_iter().map(|path| format!("/{path}")));
    rules
}

/// Named files that lie in a folder, as its children see them.
pub(super) fn required_in(required: &[String], entry: &str) -> Vec<String> {
    let below = |file: &String| {
        let plain = joined(file);
        let (folder, name) = plain.split_once('/')?;
        (folder == entry && !name.contains('/')).then(|| name.to_owned())
    };
    required.iter().filter_map(below).collect()
}
