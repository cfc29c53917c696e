//! Patterns of `.npmignore`, `.gitignore` and `files`, as npm matches them (minimatch).
//!
//! npm does not read these files as Git does: a pattern may have braces, classes and groups, upper and
//! lower case are the same, and `!` in front turns a rule around. Two ways of matching exist: as a rule
//! (any case, a pattern of one part is compared with the last name of a path) and as a path (exact case),
//! which is how npm 12 reads `files`. Matching takes a bounded number of steps; a pattern that needs more
//! is told, because then nobody knows what is shipped.

mod braces;
mod part;
#[cfg(test)]
mod tests;

pub(super) use part::{Budget, Part};

/// Longest pattern, in bytes; npm takes up to 64 KiB.
const LONGEST: usize = 4096;

/// Why a pattern cannot be matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than any that people write.
    #[error("the pattern is longer than {LONGEST} bytes")]
    Long,
    /// Its braces stand for too much.
    #[error("the braces of the pattern stand for more than is looked at")]
    Braces,
    /// Matching it takes too long.
    #[error("the pattern takes too long to match")]
    Steps,
}

/// How upper and lower case count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Any,
    Exact,
}

/// One pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// It began with an odd number of `!`.
    pub(super) negate: bool,
    /// One list of parts for each way its braces can be read.
    pub(super) sets: Vec<Vec<Part>>,
    /// One of these is a single name, or one with `/` behind it.
    pub(super) is_relative: bool,
    /// Whether the last name of a path alone decides, however the path is written.
    pub(super) is_of_name: bool,
    /// For each list a name that a whole match cannot do without, where it has one.
    needed: Vec<Option<usize>>,
    case: Case,
}

impl Pattern {
    /// Reads a pattern. Comments and empty ones match nothing.
    pub(super) fn read(text: &str, case: Case) -> Result<Self, PatternError> {
        let nothing = Self {
            negate: false,
            sets: Vec::new(),
            is_relative: false,
            is_of_name: false,
            needed: Vec::new(),
            case,
        };
        if text.is_empty() || text.starts_with('#') {
            return Ok(nothing);
        }
        if text.len() > LONGEST {
            return Err(PatternError::Long);
        }
        let bare = text.trim_start_matches('!');
        let negate = (text.len() - bare.len()) % 2 == 1;
        let mut sets: Vec<Vec<Part>> = Vec::new();
        let mut is_relative = false;
        for text in braces::expand(bare)? {
            let parts = split(&text);
            is_relative |= match parts.as_slice() {
                [_] => true,
                [_, last] => last.is_empty(),
                _ => false,
            };
            sets.push(parts.iter().map(|part| Part::read(part, case == Case::Any)).collect());
        }
        let single = |set: &Vec<Part>| matches!(set.as_slice(), [one] if *one != Part::Globstar);
        let is_of_name = case == Case::Any && sets.iter().all(single);
        let is_needed =
            |part: &Part| matches!(part, Part::Literal { text, .. } if !text.is_empty());
        let needed = sets.iter().map(|set| set.iter().rposition(is_needed)).collect();
        Ok(Self { negate, sets, is_relative, is_of_name, needed, case })
    }

    /// Whether it may match a path of these names as a whole: that it may not is sure, and told faster
    /// than it is matched.
    pub(super) fn may_match(&self, names: &[&str], budget: &Budget) -> bool {
        self.sets.iter().zip(&self.needed).any(|(set, needed)| {
            needed.is_none_or(|at| names.iter().any(|name| set[at].matches(name, budget)))
        })
    }

    /// Whether it matches a path, given as its names: a leading or closing `/` is an empty one. With
    /// `partial`, a folder on the way to a match is one.
    pub(super) fn matches(&self, path: &[&str], partial: bool, budget: &Budget) -> bool {
        let name = path.iter().rev().find(|name| !name.is_empty()).copied().unwrap_or_default();
        self.sets.iter().any(|set| {
            let alone = [name];
            let base = self.case == Case::Any && set.len() == 1;
            whole(if base { &alone } else { path }, set, partial, budget)
        })
    }
}

/// The parts between slashes, as minimatch simplifies them.
fn split(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut was_slash = false;
    let mut part = String::new();
    let mut all = Vec::new();
    for character in text.chars() {
        if character == '/' {
            if !was_slash {
                all.push(std::mem::take(&mut part));
            }
            was_slash = true;
        } else {
            part.push(character);
            was_slash = false;
        }
    }
    all.push(part);
    for part in all {
        let last = parts.last().map(String::as_str);
        if part == "**" && last == Some("**") {
            continue;
        }
        let is_name = last.is_some_and(|last| !matches!(last, "" | "." | ".." | "**"));
        if part == ".." && is_name {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    if parts.is_empty() { vec![String::new()] } else { parts }
}

/// Matches all of a path.
fn whole(path: &[&str], set: &[Part], partial: bool, budget: &Budget) -> bool {
    let Some(first) = set.iter().position(|part| matches!(part, Part::Globstar)) else {
        return plain(path, set, partial, budget);
    };
    let (head, rest) = (&set[..first], &set[first + 1..]);
    let start = head.len();
    if !head.is_empty() && !plain(&path[..start.min(path.len())], head, partial, budget) {
        return false;
    }
    // `a/b` is partly `a/b/c/**`, whose head is longer than the path.
    let middle = path.get(start..).unwrap_or_default();
    let last = rest.iter().rposition(|part| matches!(part, Part::Globstar));
    let (body, tail) = match last {
        _ if partial => (rest, &[][..]),
        Some(last) => (&rest[..last], &rest[last + 1..]),
        None => (&[][..], rest),
    };
    let Some(taken) = tail_length(middle, tail, budget) else { return false };
    let middle = &middle[..middle.len() - taken];
    // A globstar between the first and the last one closes the body.
    let has_body = if partial { !rest.is_empty() } else { last.is_some() && !body.is_empty() };
    if !has_body {
        return partial || taken > 0 || !middle.is_empty();
    }
    sections(middle, body, partial, taken > 0, budget) == Some(true)
}

/// How many names at the end of a path the tail takes; `None` where it does not fit.
fn tail_length(path: &[&str], tail: &[Part], budget: &Budget) -> Option<usize> {
    if tail.is_empty() {
        return Some(0);
    }
    let start = path.len().checked_sub(tail.len())?;
    if plain(&path[start..], tail, false, budget) {
        return Some(tail.len());
    }
    // `a/**/*` is `a/b/` too: the empty name at the end does not count.
    let start = start.checked_sub(1).filter(|_| path.last() == Some(&""))?;
    plain(&path[start..], tail, false, budget).then(|| tail.len() + 1)
}

/// Finds the sections between globstars in order. `None` where trying further is of no use.
fn sections(
    path: &[&str],
    body: &[Part],
    partial: bool,
    saw_some: bool,
    budget: &Budget,
) -> Option<bool> {
    let mut all: Vec<&[Part]> = body.split(|part| matches!(part, Part::Globstar)).collect();
    all.reverse();
    find(path, &mut all, partial, saw_some, budget)
}

fn find(
    path: &[&str],
    open: &mut Vec<&[Part]>,
    partial: bool,
    saw_some: bool,
    budget: &Budget,
) -> Option<bool> {
    let Some(section) = open.pop() else {
        return Some(saw_some || !path.is_empty());
    };
    let needed: usize = section.len() + open.iter().map(|part| part.len()).sum::<usize>();
    let mut at = 0;
    let mut found = partial.then_some(true);
    while at + needed <= path.len() && budget.spend_path() {
        if plain(&path[at..at + section.len()], section, partial, budget) {
            let rest = &path[at + section.len()..];
            let told = find(rest, open, partial, saw_some, budget);
            if told != Some(false) {
                found = told;
                break;
            }
        }
        at += 1;
    }
    open.push(section);
    found
}

/// Matches names one by one.
fn plain(path: &[&str], set: &[Part], partial: bool, budget: &Budget) -> bool {
    let fits = path.iter().zip(set).all(|(name, part)| part.matches(name, budget));
    if !fits {
        return false;
    }
    match path.len().cmp(&set.len()) {
        std::cmp::Ordering::Equal => true,
        std::cmp::Ordering::Less => partial,
        // `a/*` is `a/b/` too.
        std::cmp::Ordering::Greater => path.len() == set.len() + 1 && path.last() == Some(&""),
    }
}
