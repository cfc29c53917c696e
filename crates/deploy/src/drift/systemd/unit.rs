//! Units as text: sections, keys and values with their lines, as systemd reads them.
//!
//! A later assignment of a single value wins, lists grow, and an empty assignment empties them.
//! Drop-ins are read behind their unit, in the order of their names.

use crate::drift::Deployed;
use std::path::Path;

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment<'a> {
    /// The file.
    pub(super) file: &'a Path,
    /// From 1; where a value goes on in the next lines, the first.
    pub(super) line: usize,
    /// Without the brackets.
    pub(super) section: String,
    /// Its name.
    pub(super) key: String,
    /// Its value, trimmed, continuation lines joined by a space.
    pub(super) value: String,
}

/// The assignments of units, in the order in which systemd reads them.
#[derive(Debug, Default)]
pub(super) struct Unit<'a> {
    /// In order.
    pub(super) assignments: Vec<Assignment<'a>>,
}

impl<'a> Unit<'a> {
    /// Reads units and their drop-ins.
    pub(super) fn read(files: &[Deployed<'a>]) -> Self {
        let mut files: Vec<&Deployed<'a>> = files.iter().collect();
        let is_drop_in = |path: &Path| path.extension().is_some_and(|kind| kind == "conf");
        files.sort_by_key(|file| {
            let drop_in = is_drop_in(file.path);
            let name = file.path.file_name().filter(|_| drop_in).map(ToOwned::to_owned);
            (drop_in, name)
        });
        let mut unit = Self::default();
        for file in files {
            unit.add(file);
        }
        unit
    }

    fn add(&mut self, file: &Deployed<'a>) {
        let mut section = String::new();
        let mut begun: Option<(usize, String)> = None;
        for (index, line) in file.text.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.starts_with(['#', ';']) {
                continue;
            }
            let (number, mut text) = match begun.take() {
                Some((number, before)) => (number, format!("{before} {trimmed}")),
                None if trimmed.is_empty() => continue,
                None => (index + 1, trimmed.to_owned()),
            };
            if let Some(start) = text.strip_suffix('\\') {
                begun = Some((number, start.trim_end().to_owned()));
                continue;
            }
            if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
                continue;
            }
            let Some(at) = text.find('=') else { continue };
            let value = text.split_off(at).trim_start_matches('=').trim().to_owned();
            let key = text.trim().to_owned();
            let section = section.clone();
            self.assignments.push(Assignment {
                file: file.path,
                line: number,
                section,
                key,
                value,
            });
        }
    }

    /// The assignments of a key of `[Service]` that count: behind the last one that is empty.
    pub(super) fn of(&self, key: &str) -> Vec<&Assignment<'a>> {
        let mut found: Vec<&Assignment<'a>> = Vec::new();
        for assignment in &self.assignments {
            if assignment.section == "Service" && assignment.key == key {
                if assignment.value.is_empty() {
                    found.clear();
                } else {
                    found.push(assignment);
                }
            }
        }
        found
    }

    /// Whether a key of `[Service]` is assigned at all, also empty.
    pub(super) fn mentions(&self, key: &str) -> bool {
        self.assignments.iter().any(|one| one.section == "Service" && one.key == key)
    }

    /// The assignment that counts last.
    pub(super) fn last(&self, key: &str) -> Option<&Assignment<'a>> {
        self.of(key).pop()
    }
}

/// Words of a value: quotes and backslashes as systemd reads them, `%%` and `$$` as one.
pub(super) fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', _) => word.get_or_insert_default().extend(characters.next()),
            (end, Some(begun)) if end == begun => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (space, None) if space.is_whitespace() => words.extend(word.take()),
            ('%' | '$', _) if characters.peek() == Some(&character) => {
                characters.next();
                word.get_or_insert_default().push(character);
            }
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}
