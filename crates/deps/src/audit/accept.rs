//! Advisories that somebody agreed to live with, for a reason and for a time.

use super::Vulnerability;
use ringfence_policy::dependencies::matches_package;
use serde::Serialize;

/// An agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accept {
    /// The name of the advisory, or another name of it.
    pub id: String,
    /// The packages (`name`, `name@version`, `@scope/*`); every package where it is not said.
    pub package: Option<String>,
    /// Why.
    pub reason: String,
    /// The first moment at which it does not hold any more, in seconds since 1970.
    pub until: Option<i64>,
}

/// What was found and agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// What was found.
    #[serde(flatten)]
    pub found: Vulnerability,
    /// Why it was agreed to.
    pub reason: String,
    /// Until when, in seconds since 1970.
    pub until: Option<i64>,
}

/// An agreement that holds for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unused {
    /// The agreement.
    #[serde(flatten)]
    pub accept: Accept,
    /// It would hold for something, had its time not passed.
    pub expired: bool,
}

impl Accepted {
    pub(super) fn new(found: Vulnerability, accept: &Accept) -> Self {
        Self { found, reason: accept.reason.clone(), until: accept.until }
    }
}

/// Agreements, and which of them were needed.
pub(super) struct Accepts<'a> {
    all: &'a [Accept],
    used: Vec<bool>,
    /// Needed, and over.
    missed: Vec<bool>,
    now: i64,
}

impl<'a> Accepts<'a> {
    pub(super) fn new(all: &'a [Accept], now: i64) -> Self {
        Self { all, used: vec![false; all.len()], missed: vec![false; all.len()], now }
    }

    /// The agreement about a vulnerability.
    pub(super) fn of(&mut self, found: &Vulnerability) -> Option<&'a Accept> {
        let mut agreed = None;
        for ((accept, used), missed) in self.all.iter().zip(&mut self.used).zip(&mut self.missed) {
            let names = found.id == accept.id || found.aliases.contains(&accept.id);
            let package = accept.package.as_ref();
            if !names || package.is_some_and(|pattern| !matches_package(pattern, &found.package)) {
                continue;
            }
            if accept.until.is_some_and(|until| until <= self.now) {
                *missed = true;
            } else {
                *used = true;
                agreed = agreed.or(Some(accept));
            }
        }
        agreed
    }

    /// Agreements that hold for nothing.
    pub(super) fn unused(self) -> Vec<Unused> {
        let all = self.all.iter().zip(self.used).zip(self.missed);
        let unused = all.filter(|((_, used), _)| !used);
        unused.map(|((accept, _), expired)| Unused { accept: accept.clone(), expired }).collect()
    }
}
