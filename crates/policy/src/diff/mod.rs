//! What changed between two boundaries, as a reviewer must see it.
//!
//! Grants are compared by what they let a service do, not by their text: a grant inside an older and
//! broader one widens nothing, and a folder that became two of its subfolders is narrower. What cannot
//! be compared without the disk (`..`, symlinks) counts as different, so that a change is rather shown
//! than missed. Values of variables are never shown.

mod files;
mod network;
mod process;
mod rest;

use crate::display::untrusted;
use crate::model::Boundary;
use crate::source::Located;
use serde::Serialize;

/// What a change means for what the service may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It may do more than before, or is held more weakly.
    Widened,
    /// It may do less.
    Narrowed,
    /// It may do neither more nor less, but something else is run, read or asked for.
    Moved,
}

impl Effect {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Widened => "widened",
            Self::Narrowed => "narrowed",
            Self::Moved => "moved",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it means.
    pub effect: Effect,
    /// The key of the file, such as `net.connect`.
    pub key: String,
    /// The entry or value it is about, in printable ASCII; empty where the key says it all.
    pub entry: String,
    /// What the service may do now, or no longer, in one sentence without subject and period.
    pub sentence: String,
    /// What a reader must know about it besides: a wildcard, a proxy, a socket that controls the host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ways_out: Vec<String>,
}

impl Change {
    /// The line that a list of accepted changes has for it.
    #[must_use]
    pub fn line(&self) -> String {
        if self.entry.is_empty() {
            self.key.clone()
        } else {
            format!("{} {}", self.key, self.entry)
        }
    }
}

/// Every change from `old` to `new`, widened ones first, each in the order of the file's sections.
#[must_use]
pub fn diff(old: &Boundary, new: &Boundary) -> Vec<Change> {
    let mut changes = Changes::default();
    rest::service(&mut changes, &old.service, &new.service);
    files::compare(&mut changes, old, new);
    network::compare(&mut changes, old, new);
    process::compare(&mut changes, &old.process, &new.process, &new.fs);
    rest::environment(&mut changes, &old.env, &new.env);
    rest::secrets(&mut changes, &old.secrets, &new.secrets);
    rest::limits(&mut changes, &old.limits, &new.limits);
    rest::identity(&mut changes, &old.identity, &new.identity);
    rest::require(&mut changes, &old.require.layers, &new.require.layers);
    changes.0.sort_by_key(|change| change.effect);
    changes.0
}

/// Changes in the making.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn push(
        &mut self,
        effect: Effect,
        key: &str,
        entry: &str,
        sentence: impl Into<String>,
    ) -> &mut Change {
        let entry = untrusted(entry).to_string();
        let change = Change {
            effect,
            key: key.to_owned(),
            entry,
            sentence: sentence.into(),
            ways_out: Vec::new(),
        };
        let at = self.0.len();
        self.0.push(change);
        &mut self.0[at]
    }

    /// Entries of a list in which each stands for itself, compared in their normal form. In the
    /// sentences for a new and a missing one `#` stands for it. Answers the new ones.
    fn entries<T>(
        &mut self,
        key: &str,
        (old, new): (&[Located<T>], &[Located<T>]),
        normal: impl Fn(&T) -> String,
        [now, no_longer]: [&str; 2],
    ) -> &mut [Change] {
        let all = |entries: &[Located<T>]| -> Vec<String> {
            entries.iter().map(|entry| normal(&entry.value)).collect()
        };
        let (old, new) = (all(old), all(new));
        let first = self.0.len();
        for entry in new.iter().filter(|entry| !old.contains(entry)) {
            let shown = untrusted(entry).to_string();
            self.push(Effect::Widened, key, entry, now.replace('#', &shown));
        }
        let widened = self.0.len();
        for entry in old.iter().filter(|entry| !new.contains(entry)) {
            let shown = untrusted(entry).to_string();
            self.push(Effect::Narrowed, key, entry, no_longer.replace('#', &shown));
        }
        self.0.get_mut(first..widened).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
