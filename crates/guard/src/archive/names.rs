//! The tree of names that an archive makes.
//!
//! Two names are one when they are equal after composition and folding of case, so what is accepted
//! here is the same tree on a file system that tells case apart and on one that does not.

use super::{Refusal, Shown};
use crate::path::RelativePath;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use unicode_normalization::UnicodeNormalization as _;

/// A name as it is compared, in the folder of this number.
type Key = (u32, Box<str>);

#[derive(Debug)]
struct Node {
    /// As the archive spells it, where that is not as it is compared.
    spelled: Option<Box<str>>,
    /// Its number if it is a folder.
    folder: Option<u32>,
}

/// What was made so far. It holds at most `limit` nodes, each a name of at most 255 bytes.
#[derive(Debug)]
pub(super) struct Names {
    nodes: HashMap<Key, Node>,
    folders: u32,
    limit: u64,
}

/// What a path adds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// Something new; how many folders above it are new.
    New { folders: usize },
    /// A folder that is there already.
    Known,
}

impl Names {
    pub(super) fn new(limit: u64) -> Self {
        Self { nodes: HashMap::new(), folders: 0, limit: limit.min(u64::from(u32::MAX)) }
    }

    /// Files and folders so far.
    #[cfg(test)]
    fn len(&self) -> u64 {
        self.nodes.len() as u64
    }

    /// Folders so far.
    pub(super) const fn folders(&self) -> u64 {
        self.folders as u64
    }

    /// Adds a path and the folders on its way.
    pub(super) fn add(&mut self, path: &RelativePath, folder: bool) -> Result<Added, Refusal> {
        let mut at = 0;
        let mut folders = 0;
        let mut names = path.names().peekable();
        while let Some(name) = names.next() {
            let last = names.peek().is_none();
            let is_folder = !last || folder;
            if self.nodes.len() as u64 >= self.limit && !self.nodes.contains_key(&key(at, name)) {
                return Err(Refusal::Entries(self.limit));
            }
            match self.nodes.entry(key(at, name)) {
                Entry::Occupied(known) => {
                    let spelled = known.get().spelled.as_deref().unwrap_or(&known.key().1);
                    if spelled != name {
                        return Err(Refusal::Collision(Shown::new(spelled.as_bytes())));
                    }
                    match (known.get().folder, is_folder) {
                        (Some(number), true) if last => {
                            let _ = number;
                            return Ok(Added::Known);
                        }
                        (Some(number), true) => at = number,
                        (None, false) => return Err(Refusal::Duplicate),
                        _ => return Err(Refusal::Kind(Shown::new(name.as_bytes()))),
                    }
                }
                Entry::Vacant(free) => {
                    let spelled = (*free.key().1 != *name).then(|| name.into());
                    let number = is_folder.then(|| self.folders + 1);
                    self.folders = number.unwrap_or(self.folders);
                    free.insert(Node { spelled, folder: number });
                    at = number.unwrap_or(at);
                    folders += usize::from(!last);
                }
            }
        }
        Ok(Added::New { folders })
    }
}

fn key(at: u32, name: &str) -> Key {
    if name.is_ascii() {
        return (at, name.to_ascii_lowercase().into());
    }
    // Up and down again is how `ß` and `ss`, `ſ` and `s` meet, and down before it `ẞ` and both; both
    // systems compose first.
    let composed: String = name.nfc().collect();
    let folded = composed.to_lowercase().to_uppercase().to_lowercase();
    (at, folded.nfc().collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    #[test]
    fn every_letter_is_one_name_with_its_other_cases() {
        for letter in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let composed = |text: String| text.nfc().collect::<String>();
            let one = composed(letter.to_string());
            for other in [one.to_lowercase(), one.to_uppercase()] {
                assert_eq!(key(0, &one), key(0, &composed(other)), "{letter:?}");
            }
        }
    }

    #[test]
    fn what_is_one_name_elsewhere_is_refused() {
        for (one, other) in [
            ("a", "A"),
            ("a/b", "a/B"),
            ("a/x", "A/y"),
            ("Straße", "STRASSE"),
            ("ſ", "S"),
            ("ẞ", "ß"),
            ("ẞ", "SS"),
            ("é", "É"),
            ("ǆ", "ǅ"),
        ] {
            let mut names = Names::new(10);
            names.add(&path(one), false).unwrap();
            let refused = names.add(&path(other), false).unwrap_err();
            assert!(matches!(refused, Refusal::Collision(_)), "{one} {other}: {refused}");
        }
    }

    #[test]
    fn a_file_is_there_once_and_a_folder_as_often_as_it_is_named() {
        let mut names = Names::new(10);
        assert_eq!(names.add(&path("a/b/c"), false).unwrap(), Added::New { folders: 2 });
        assert_eq!(names.add(&path("a/b"), true).unwrap(), Added::Known);
        assert_eq!(names.add(&path("a/d"), true).unwrap(), Added::New { folders: 0 });
        assert_eq!(names.add(&path("a/b/c"), false).unwrap_err(), Refusal::Duplicate);
        for (clash, folder) in [("a/b", false), ("a/b/c", true), ("a/b/c/d", false)] {
            let refused = names.add(&path(clash), folder).unwrap_err();
            assert!(matches!(refused, Refusal::Kind(_)), "{clash}: {refused}");
        }
        assert_eq!((names.len(), names.folders()), (4, 3));
    }

    proptest! {
        /// Whatever is accepted is one tree: no two paths fold to the same, files hold nothing, and
        /// the bound holds at every moment.
        #[test]
        fn accepted_paths_are_one_tree(
            paths in prop::collection::vec(("[aAbBßéÉ]{1,2}(/[aAbBſsS]{1,2}){0,3}", any::<bool>()), 0..60),
            limit in 1_u64..40,
        ) {
            let mut names = Names::new(limit);
            let mut files = HashSet::new();
            let mut all = HashSet::new();
            for (text, folder) in &paths {
                let parsed = path(text);
                let before = names.len();
                match names.add(&parsed, *folder) {
                    Ok(added) => {
                        let folded = text.to_uppercase();
                        prop_assert!(*folder || all.insert(folded.clone()));
                        all.insert(folded.clone());
                        if !folder { files.insert(folded.clone()); }
                        let above = folded.match_indices('/').map(|(at, _)| folded[..at].to_owned());
                        for above in above {
                            prop_assert!(!files.contains(&above));
                        }
                        let new = match added { Added::New { folders } => 1 + folders as u64, Added::Known => 0 };
                        prop_assert_eq!(names.len(), before + new);
                    }
                    Err(Refusal::Entries(at)) => prop_assert_eq!(at, limit),
                    Err(Refusal::Collision(_) | Refusal::Duplicate | Refusal::Kind(_)) => {}
                    Err(other) => prop_assert!(false, "{}", other),
                }
                prop_assert!(names.len() <= limit);
            }
        }
    }
}
