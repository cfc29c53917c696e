//! What was seen of files: the first time in full, later times as a count.

use super::caller::as_path;
use super::look::Found;
use super::uses::Uses;
use crate::record::FileKind;
use std::collections::HashMap;
use std::path::Path;

/// Most paths remembered.
const MOST: usize = 1 << 20;

/// One path.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    uses: Uses,
    /// Uses before which nothing lay there.
    missing: Uses,
    times: u32,
    /// Times when they were told last.
    told: u32,
    own: bool,
}

/// What is to be done about a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Seen before.
    Old,
    /// These uses are new, or were of something missing.
    First(Uses),
    /// Something of the recorder's own.
    Own,
}

/// All paths.
pub(super) struct Files {
    seen: HashMap<Box<[u8]>, Seen>,
    /// Named paths of files whose real path is another one.
    named: HashMap<Box<[u8]>, Box<[u8]>>,
    /// Everything of the recorder's own lies beneath.
    own: Vec<u8>,
    /// Paths that found no room.
    pub(super) left_out: u64,
}

impl Files {
    pub(super) fn new(own: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        let own = own.as_os_str().as_bytes().to_vec();
        Self { seen: HashMap::with_capacity(8192), named: HashMap::new(), own, left_out: 0 }
    }

    /// Notes a use.
    pub(super) fn note(&mut self, path: &[u8], uses: Uses) -> News {
        if let Some(seen) = self.seen.get_mut(path) {
            if seen.own {
                return News::Own;
            }
            seen.times = seen.times.saturating_add(1);
            let fresh = uses.without(seen.uses);
            // What was missing may be there by now; it is not asked each time.
            let again =
                if seen.times.is_power_of_two() { seen.missing.among(uses) } else { Uses::NONE };
            seen.uses = seen.uses.and(uses);
            return match fresh.and(again) {
                Uses::NONE => News::Old,
                news => News::First(news),
            };
        }
        if self.seen.len() >= MOST {
            self.left_out += 1;
            return News::Old;
        }
        let own = path.strip_prefix(self.own.as_slice());
        let own = own.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        let seen = Seen { uses, missing: Uses::NONE, times: 1, told: 1, own };
        self.seen.insert(path.into(), seen);
        if own { News::Own } else { News::First(uses) }
    }

    /// Remembers what was found; answers whether it is worth a line.
    pub(super) fn found(&mut self, path: &[u8], uses: Uses, found: &Found) -> bool {
        if let (Some(real), true) = (&found.real, uses.has_any(Uses::READ)) {
            self.named.entry(real.as_slice().into()).or_insert_with(|| path.into());
        }
        let Some(seen) = self.seen.get_mut(path) else { return true };
        if found.kind != FileKind::Missing {
            seen.missing = seen.missing.without(uses);
            return true;
        }
        let known = seen.missing.has_any(uses);
        seen.missing = seen.missing.and(uses);
        !known
    }

    /// How a file was named that is known by its real path only.
    pub(super) fn named(&self, real: &[u8]) -> Option<&[u8]> {
        self.named.get(real).map(AsRef::as_ref)
    }

    /// Counts that have changed since they were asked for last.
    pub(super) fn counts(&mut self) -> Vec<(String, u64)> {
        let changed = self.seen.iter_mut().filter(|(_, seen)| !seen.own && seen.times > seen.told);
        let counts = changed.map(|(path, seen)| {
            seen.told = seen.times;
            (as_path(path).to_string_lossy().into_owned(), seen.times.into())
        });
        counts.collect()
    }
}
