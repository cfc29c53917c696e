//! Units as text: sections, keys and values with their lines, as systemd reads them.
//!
//! A later assignment of a single value wins, lists grow, and an empty assignment empties them.
//! Drop-ins are read behind their unit, in the order of their names.

use crate::drift::{Deployed, DriftError};
use std::path::Path;

/// Refuses characters at which systemd ends a line, or which it does not trim, and this reader would
/// read otherwise.
pub(super) fn legible(file: &Deployed<'_>) -> Result<(), DriftError> {
    for (index, line) in file.text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let bad = |c: &char| *c != '\t' && (c.is_control() || (c.is_whitespace() && *c != ' '));
        if let Some(found) = line.chars().find(bad) {
            return Err(DriftError::Malformed {
                path: file.path.to_owned(),
                line: index + 1,
                what: format!("{found:?} does not belong into a unit"),
            });
        }
    }
    Ok(())
}

/// Files by the unit they are of: each service with its drop-ins and its listeners.
pub(super) fn grouped<'a>(files: &[Deployed<'a>]) -> Vec<Vec<Deployed<'a>>> {
    let is = |file: &Deployed<'_>, kind: &str| file.path.extension().is_some_and(|is| is == kind);
    let services: Vec<&Deployed<'a>> = files.iter().filter(|file| is(file, "service")).collect();
    if services.len() < 2 {
        return vec![files.to_vec()];
    }
    let belongs = |file: &Deployed<'_>, service: &Deployed<'_>| {
        if is(file, "socket") {
            return file.path.file_stem() == service.path.file_stem();
        }
        let of = file.path.parent().and_then(Path::file_name).unwrap_or_default();
        let of = of.to_string_lossy();
        let name = service.path.file_name().unwrap_or_default().to_string_lossy();
        let of = of.strip_suffix(".service.d");
        let stem = name.strip_suffix(".service").unwrap_or(&name);
        // `service.d` is of every service, `a-.service.d` of each that begins so.
        of.is_none_or(|of| of == stem || (of.ends_with('-') && stem.starts_with(of)))
    };
    let mut groups: Vec<Vec<Deployed<'a>>> = Vec::new();
    for service in services {
        let mut group = vec![*service];
        group.extend(
            files.iter().filter(|file| !is(file, "service") && belongs(file, service)).copied(),
        );
        groups.push(group);
    }
    let alone = files.iter().filter(|file| {
        !is(file, "service") && !groups.iter().flatten().any(|known| known.path == file.path)
    });
    let alone: Vec<Vec<Deployed<'a>>> = alone.map(|file| vec![*file]).collect();
    groups.extend(alone);
    groups
}

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
            // Only what ends in an odd number of them goes on, without a space behind.
            let begins = line.trim_start();
            let goes_on = (begins.len() - begins.trim_end_matches('\\').len()) % 2 == 1;
            if trimmed.starts_with(['#', ';']) {
                continue;
            }
            let (number, mut text) = match begun.take() {
                Some((number, before)) => (number, format!("{before} {trimmed}")),
                None if trimmed.is_empty() => continue,
                None => (index + 1, trimmed.to_owned()),
            };
            if let Some(start) = text.strip_suffix('\\').filter(|_| goes_on) {
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
            // `\x2f` and its kind stay as they are: nothing that is wanted has them.
            ('\\', _) => {
                let next = characters.next();
                let word = word.get_or_insert_default();
                if next.is_some_and(|next| next.is_ascii_alphanumeric()) {
                    word.push('\\');
                }
                word.extend(next);
            }
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
