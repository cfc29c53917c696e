//! What comes of a review: findings, those that were agreed to, and what nobody could say.

use crate::{Finding, Severity};
use ringfence_policy::dependencies::{ADVISORIES, Accepted, Dependencies, PUBLISH_CODES};
use serde::Serialize;
use std::collections::BTreeMap;

/// What comes of a review.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Outcome {
    /// What is open, the most severe first.
    pub findings: Vec<Finding>,
    /// What somebody agreed to.
    pub accepted: Vec<Agreed>,
    /// What could not be judged.
    pub unknown: Vec<Unknown>,
    /// Agreements that are of no use: nothing needs them, or their day is over.
    pub stale: Vec<Stale>,
}

impl Outcome {
    /// Whether anything open is at least this severe.
    #[must_use]
    pub fn fails(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }
}

/// A finding that somebody agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agreed {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why, as the boundary file says it.
    pub reason: String,
}

/// A question that nothing answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// What could not be judged.
    pub code: &'static str,
    /// Why: lower case, no period.
    pub why: String,
    /// For how many releases.
    pub releases: usize,
}

/// An agreement that is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// Code of the finding.
    pub code: String,
    /// The package, as written.
    pub package: String,
    /// Whether its day is over; else nothing needs it.
    pub expired: bool,
}

/// What is collected while signals look.
#[derive(Default)]
pub(super) struct Drafts {
    pub(super) findings: Vec<Finding>,
    unknown: BTreeMap<(&'static str, String), usize>,
}

impl Drafts {
    pub(super) fn unknown(&mut self, code: &'static str, why: &str) {
        // Most releases have the same reason: it is written down once.
        if let Some(((_, _), count)) = self
            .unknown
            .range_mut((code, String::new())..)
            .find(|((of, told), _)| *of != code || told == why)
            .filter(|((of, _), _)| *of == code)
        {
            *count += 1;
            return;
        }
        self.unknown.insert((code, why.to_owned()), 1);
    }

    /// The policy's severities and agreements, over what was found.
    pub(super) fn judge(mut self, policy: &Dependencies, now: u64) -> Outcome {
        for finding in &mut self.findings {
            if let Some(severity) = policy.severity.get(finding.code) {
                finding.severity = severity.value;
            }
        }
        self.findings.sort_by(|one, two| {
            let place = |finding: &Finding| (finding.line, finding.code);
            two.severity.cmp(&one.severity).then_with(|| place(one).cmp(&place(two)))
        });
        self.findings.dedup();
        let mut outcome = Outcome::default();
        let mut used = vec![false; policy.accept.len()];
        for finding in self.findings {
            let about = |accepted: &Accepted| {
                accepted.code.value == finding.code && accepted.is_about(&finding.package)
            };
            let found = policy.accept.iter().position(|one| about(one) && !is_over(one, now));
            for (used, accepted) in used.iter_mut().zip(&policy.accept) {
                *used |= about(accepted);
            }
            match found.and_then(|index| policy.accept.get(index)) {
                Some(accepted) => {
                    let reason = accepted.reason.value.clone();
                    outcome.accepted.push(Agreed { finding, reason });
                }
                None => outcome.findings.push(finding),
            }
        }
        outcome.stale = stale(&policy.accept, &used, now);
        let unknown = self.unknown.into_iter();
        outcome.unknown =
            unknown.map(|((code, why), releases)| Unknown { code, why, releases }).collect();
        outcome
    }
}

fn is_over(accepted: &Accepted, now: u64) -> bool {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    accepted.until.as_ref().is_some_and(|until| until.value <= now)
}

/// Agreements about advisories, and about what is published, are the business of whoever looks there.
fn stale(accepted: &[Accepted], used: &[bool], now: u64) -> Vec<Stale> {
    let own = |one: &Accepted| {
        let code = one.code.value.as_str();
        !ADVISORIES.iter().any(|start| code.starts_with(start)) && !PUBLISH_CODES.contains(&code)
    };
    let all = accepted.iter().zip(used).filter(|(one, _)| own(one));
    all.filter_map(|(one, used)| {
        let expired = is_over(one, now);
        (expired || !used).then(|| Stale {
            code: one.code.value.clone(),
            package: one.package.value.clone(),
            expired,
        })
    })
    .collect()
}
