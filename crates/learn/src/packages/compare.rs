//! What changed between two views.

use super::{Ability, Entry, NEW_PACKAGE, View};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// What was gained: each is a reason to look.
    pub findings: Vec<Finding>,
    /// What was lost.
    pub lost: Vec<Lost>,
    /// Packages whose versions changed.
    pub versions: Vec<VersionChange>,
}

/// Something that a package, or the application, did not use before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code.
    pub code: &'static str,
    /// The package; missing for the application itself.
    pub package: Option<String>,
    /// What is new, by kind.
    pub gained: BTreeMap<Ability, BTreeSet<String>>,
}

/// Something that is not used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The package; missing for the application itself.
    pub package: Option<String>,
    /// Of what kind.
    pub ability: Ability,
    /// What.
    pub what: BTreeSet<String>,
}

/// Another version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionChange {
    /// The package.
    pub package: String,
    /// Versions before.
    pub old: BTreeSet<String>,
    /// Versions now.
    pub new: BTreeSet<String>,
}

/// What `new` uses that `old` did not, what it does not use any more, and other versions.
#[must_use]
pub fn compare(old: &View, new: &View) -> Comparison {
    let mut found = Comparison::default();
    found.entry(None, Some(&old.application), &new.application);
    for (name, entry) in &new.packages {
        found.entry(Some(name), old.packages.get(name), entry);
    }
    for (name, entry) in &old.packages {
        if !new.packages.contains_key(name) {
            found.lost(Some(name), entry, &Entry::default());
        }
    }
    found
}

impl Comparison {
    fn entry(&mut self, package: Option<&String>, old: Option<&Entry>, new: &Entry) {
        let Some(old) = old else {
            self.findings.push(Finding {
                code: NEW_PACKAGE,
                package: package.cloned(),
                gained: new.uses.clone(),
            });
            return;
        };
        for (ability, what) in &new.uses {
            let gained = without(what, old.uses.get(ability));
            if !gained.is_empty() {
                let gained = BTreeMap::from([(*ability, gained)]);
                let code = ability.code();
                self.findings.push(Finding { code, package: package.cloned(), gained });
            }
        }
        self.lost(package, old, new);
        if let Some(package) = package
            && old.versions != new.versions
        {
            let (old, new) = (old.versions.clone(), new.versions.clone());
            self.versions.push(VersionChange { package: package.clone(), old, new });
        }
    }

    fn lost(&mut self, package: Option<&String>, old: &Entry, new: &Entry) {
        for (ability, what) in &old.uses {
            let what = without(what, new.uses.get(ability));
            if !what.is_empty() {
                self.lost.push(Lost { package: package.cloned(), ability: *ability, what });
            }
        }
    }
}

fn without(what: &BTreeSet<String>, other: Option<&BTreeSet<String>>) -> BTreeSet<String> {
    what.iter().filter(|one| other.is_none_or(|other| !other.contains(*one))).cloned().collect()
}
