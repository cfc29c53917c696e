//! Names that a person could take for another one.
//!
//! A name is similar to a known one when one edit or one swap makes one of the other, when they are
//! the same without `-`, `_` and `.`, when it is the known one with something put on that means
//! nothing (`jquery.js`, `node-fabric`), when it is a scoped name written without its scope
//! (`types-node`), or when its scope is one edit from a known scope. Known are the names of the older
//! lockfile and [`well_known`]; a name that is known itself is never similar, and neither is one of a
//! scope that is known, since only the owner of a scope can publish in it. Names in plain words that
//! nobody ever used before (`plain-crypto-js`) are not found by this.
//!
//! Names that very many projects fetch (`established.txt`, counted once) are known too, but nobody is
//! thought to have meant one of them. The count is of one day: a name that was bought since is on it.

mod well_known;

pub use well_known::WELL_KNOWN;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// Whether a name is well known, or of a scope that is: only its owner can publish in a scope.
#[must_use]
pub fn is_well_known(name: &str) -> bool {
    let begins = |start: &str| {
        let at = WELL_KNOWN.partition_point(|known| *known < start);
        WELL_KNOWN.get(at).is_some_and(|known| known.starts_with(start))
    };
    WELL_KNOWN.binary_search(&name).is_ok()
        || is_established(name)
        || name.split_once('/').is_some_and(|(scope, _)| begins(&format!("{scope}/")))
}

/// Names with very many downloads, one a line, sorted by bytes.
static ESTABLISHED: &str = include_str!("established.txt");

/// Whether very many projects fetch a name. The lines are searched where they lie: most reviews ask for
/// a few names only.
fn is_established(name: &str) -> bool {
    let all = ESTABLISHED.as_bytes();
    let (mut low, mut high) = (0, all.len());
    while low < high {
        let middle = low.midpoint(high);
        let start = all[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let length = all[start..].iter().position(|byte| *byte == b'\n');
        let end = length.map_or(all.len(), |length| start + length);
        match all[start..end].cmp(name.as_bytes()) {
            Ordering::Less => low = end + 1,
            Ordering::Equal => return true,
            Ordering::Greater => high = start,
        }
    }
    false
}

/// What is put before or behind a name by those who want it to be taken for that name.
const BEFORE: [&str; 5] = ["node-", "nodejs-", "npm-", "js-", "types-"];
const BEHIND: [&str; 9] =
    [".js", "-js", "js", "-node", "-nodejs", "-npm", "-next", "-latest", "-official"];

/// Shortest names of which one edit makes no other word by chance, in bytes.
const EDITED: usize = 5;

/// Names, in the forms in which they are looked up.
#[derive(Debug, Default)]
pub struct Names<'a> {
    all: HashSet<&'a str>,
    plain: HashMap<String, &'a str>,
    scopes: HashSet<&'a str>,
    /// By length and first byte, and by length and last byte: one edit changes at most one of both.
    ends: HashMap<(usize, bool, u8), Vec<&'a str>>,
}

/// Why a name is similar to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// One letter more, less, other, or two swapped.
    OneEdit,
    /// The same without separators.
    Separators,
    /// The other with something before or behind it.
    Affix,
    /// A scoped name without its scope.
    Scope,
    /// A scope that is one edit from another.
    ScopeEdit,
}

impl Why {
    /// In words, behind `it is similar to NAME:`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::OneEdit => "one letter apart",
            Self::Separators => "the same without hyphens, dots and underscores",
            Self::Affix => "the same but for what is put before or behind it",
            Self::Scope => "the same with its scope written into the name",
            Self::ScopeEdit => "its scope is one letter apart",
        }
    }
}

impl<'a> Names<'a> {
    /// The well-known names and these.
    pub fn new(names: impl Iterator<Item = &'a str>) -> Self {
        let mut known = Self::default();
        for name in WELL_KNOWN.into_iter().chain(names) {
            known.add(name);
        }
        known
    }

    fn add(&mut self, name: &'a str) {
        if !self.all.insert(name) {
            return;
        }
        self.plain.entry(plain(name)).or_insert(name);
        if let Some((scope, _)) = name.split_once('/') {
            self.scopes.insert(scope);
        }
        for key in ends(name, name.len()).into_iter().flatten() {
            self.ends.entry(key).or_default().push(name);
        }
    }

    /// The known name that this one could be taken for.
    #[must_use]
    pub fn similar(&self, name: &str) -> Option<(&'a str, Why)> {
        let of_known_scope = |(scope, _)| self.scopes.contains(scope);
        let known = self.all.contains(name) || is_established(name);
        if known || name.split_once('/').is_some_and(of_known_scope) {
            return None;
        }
        let scope = |name: &str| name.split_once('/').map(|(scope, _)| scope.to_owned());
        let other = |found: &&'a str| scope(found).is_none() || scope(found) != scope(name);
        if let Some(found) = self.plain.get(&plain(name)).copied().filter(other) {
            let scoped = found.starts_with('@') != name.starts_with('@');
            return Some((found, if scoped { Why::Scope } else { Why::Separators }));
        }
        if let Some(found) = self.one_edit(name).filter(other) {
            return Some((found, Why::OneEdit));
        }
        Self::affix(name).map(|found| (found, Why::Affix)).or_else(|| self.scope_edit(name))
    }

    fn one_edit(&self, name: &str) -> Option<&'a str> {
        if name.len() < EDITED {
            return None;
        }
        let lengths = [name.len(), name.len() - 1, name.len() + 1];
        let keys = lengths.into_iter().flat_map(|length| ends(name, length)).flatten();
        let candidates = keys.filter_map(|key| self.ends.get(&key)).flatten().copied();
        candidates.filter(|known| known.len() >= EDITED).find(|known| is_one_edit(name, known))
    }

    fn affix(name: &str) -> Option<&'static str> {
        let before = BEFORE.iter().filter_map(|start| name.strip_prefix(start));
        let behind = BEHIND.iter().filter_map(|end| name.strip_suffix(end));
        // What is left has to be a name by itself that people know.
        before.chain(behind).find_map(|rest| {
            let at = WELL_KNOWN.binary_search(&rest).ok()?;
            WELL_KNOWN.get(at).copied().filter(|known| !known.starts_with('@'))
        })
    }

    fn scope_edit(&self, name: &str) -> Option<(&'a str, Why)> {
        let (scope, _) = name.split_once('/')?;
        if scope.len() <= EDITED || self.scopes.contains(scope) {
            return None;
        }
        let found =
            self.scopes.iter().find(|known| known.len() > EDITED && is_one_edit(scope, known));
        found.map(|found| (*found, Why::ScopeEdit))
    }
}

/// Where a name of this length stands that has the first, or the last, byte of this one.
fn ends(name: &str, length: usize) -> [Option<(usize, bool, u8)>; 2] {
    let bytes = name.as_bytes();
    [
        bytes.first().map(|byte| (length, false, *byte)),
        bytes.last().map(|byte| (length, true, *byte)),
    ]
}

/// Without separators and scope mark, in lower case.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, '-' | '_' | '.' | '/' | '@'));
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether one letter more, less or other, or a swap of neighbours, makes one of the other. Digits do
/// not count: `xmlbuilder2` is how people name a second try.
fn is_one_edit(one: &str, two: &str) -> bool {
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    let (short, long) = (short.as_bytes(), long.as_bytes());
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (left, right) = (&short[same..], &long[same..]);
    let digit = |bytes: &[u8]| bytes.first().is_some_and(u8::is_ascii_digit);
    if short.len() == long.len() {
        let swapped =
            left.len() > 1 && left[0] == right[1] && left[1] == right[0] && left[2..] == right[2..];
        let replaced = !left.is_empty() && left[1..] == right[1..];
        let look_alike = |one: u8, two: u8| {
            matches!((one.min(two), one.max(two)), (b'0', b'o') | (b'1', b'i' | b'l'))
        };
        let counted = replaced && (digit(left) || digit(right)) && !look_alike(left[0], right[0]);
        return (swapped || replaced) && !counted;
    }
    !right.is_empty() && *left == right[1..] && !digit(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similar(name: &str) -> Option<(&'static str, Why)> {
        Names::new(["left-pad", "@acme-corp/logger", "internal-tool"].into_iter()).similar(name)
    }

    #[test]
    fn names_that_were_used_to_deceive_are_found() {
        for (name, known, why) in [
            ("crossenv", "cross-env", Why::Separators),
            ("cross-env.js", "cross-env", Why::Affix),
            ("lodahs", "lodash", Why::OneEdit),
            ("expres", "express", Why::OneEdit),
            ("mongose", "mongoose", Why::OneEdit),
            ("jquery.js", "jquery", Why::Affix),
            ("d3.js", "d3", Why::Affix),
            ("node-fabric", "fabric", Why::Affix),
            ("types-node", "@types/node", Why::Scope),
            ("babelcli", "@babel/cli", Why::Scope),
            ("l0dash", "lodash", Why::OneEdit),
            ("chalk-next", "chalk", Why::Affix),
            ("@bable/core", "@babel/core", Why::OneEdit),
            ("@bable/unheard-of", "@babel", Why::ScopeEdit),
            ("@acme-crop/logger", "@acme-corp/logger", Why::OneEdit),
            ("internaltool", "internal-tool", Why::Separators),
        ] {
            assert_eq!(similar(name), Some((known, why)), "{name}");
        }
    }

    #[test]
    fn names_that_very_many_fetch_are_found_in_their_list() {
        let names: Vec<_> = ESTABLISHED.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(ESTABLISHED.lines().is_sorted(), "the search needs it");
        assert!(names.iter().all(|name| is_established(name)), "first and last too");
        for name in ["crossenv", "loadsh", "flatmap-stream", "", "~", "a-name-nobody-has"] {
            assert!(!is_established(name), "{name}");
        }
        assert_eq!(similar("yaml-js"), None, "near yaml, and many use it");
    }

    #[test]
    fn names_that_only_look_so_are_left_alone() {
        for name in [
            "xmlbuilder2",
            "is-object",
            "parseuri",
            "i18n",
            "@types/jws",
            "@types/pug",
            "exif",
            "lodash",
            "@babel/cli",
            "@types/lodash",
            "react-dom",
            "preact",
            "vue3",
            "a",
            "cors",
            "@acme-corp/loggers",
            "left-pad2",
            "ours-alone",
        ] {
            assert_eq!(similar(name), None, "{name}");
        }
    }

    #[test]
    fn one_edit_is_one_edit() {
        for (one, two) in [("abcd", "abd"), ("abcd", "abdc"), ("abcd", "abxd"), ("abcd", "abcde")] {
            assert!(is_one_edit(one, two) && is_one_edit(two, one), "{one} {two}");
        }
        for (one, two) in [("abcd", "abcd"), ("abcd", "badc"), ("abcd", "ab"), ("abc", "xbz")] {
            assert!(!is_one_edit(one, two), "{one} {two}");
        }
    }
}
