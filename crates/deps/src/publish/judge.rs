//! The boundary file's severities and agreements, over what was found.

use super::finding::{Finding, Found};
use crate::Severity;
use crate::review::Stale;
use ringfence_policy::dependencies::{Accepted, Dependencies, PUBLISH_CODES};
use serde::Serialize;
use std::collections::BTreeMap;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Published {
    /// `name` of the package.
    pub name: Option<String>,
    /// Its `version`.
    pub version: Option<String>,
    /// Every file that one npm or another would ship, with its bytes.
    pub files: BTreeMap<String, u64>,
    /// Bytes of what the newest npm would ship.
    pub bytes: u64,
    /// What is open, the most severe first.
    pub findings: Vec<Finding>,
    /// What somebody agreed to.
    pub accepted: Vec<Agreed>,
    /// What no file tells.
    pub not_judged: Vec<NotJudged>,
    /// Agreements that are of no use.
    pub stale: Vec<Stale>,
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

/// Something that no file tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotJudged {
    /// What.
    pub what: &'static str,
    /// Why not, and where to look: lower case, no period.
    pub why: String,
}

/// What is told beside findings.
pub(super) struct Told {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) files: BTreeMap<String, u64>,
    pub(super) bytes: u64,
}

impl Published {
    /// Whether anything open is at least this severe.
    #[must_use]
    pub fn fails(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }
}

impl Found<'_> {
    pub(super) fn judge(mut self, policy: &Dependencies, now: u64, told: Told) -> Published {
        for finding in &mut self.findings {
            if let Some(severity) = policy.severity.get(finding.code) {
                finding.severity = severity.value;
            }
        }
        self.findings.sort_by(|one, two| {
            let place = |finding: &Finding| (finding.file.clone(), finding.line, finding.code);
            two.severity.cmp(&one.severity).then_with(|| place(one).cmp(&place(two)))
        });
        self.findings.dedup();
        let about = |accepted: &Accepted, finding: &Finding| {
            accepted.code.value == finding.code && accepted.is_about(&finding.subject)
        };
        let mut published = Published {
            name: told.name,
            version: told.version,
            files: told.files,
            bytes: told.bytes,
            not_judged: self.not_judged.into_iter().collect(),
            stale: policy
                .accept
                .iter()
                .filter(|one| PUBLISH_CODES.contains(&one.code.value.as_str()))
                .filter_map(|one| {
                    let expired = is_over(one, now);
                    let used = self.findings.iter().any(|finding| about(one, finding));
                    (expired || !used).then(|| Stale {
                        code: one.code.value.clone(),
                        package: one.package.value.clone(),
                        expired,
                    })
                })
                .collect(),
            ..Published::default()
        };
        for finding in self.findings {
            let agreed =
                policy.accept.iter().find(|one| about(one, &finding) && !is_over(one, now));
            match agreed {
                Some(one) => {
                    published.accepted.push(Agreed { finding, reason: one.reason.value.clone() });
                }
                None => published.findings.push(finding),
            }
        }
        published
    }
}

fn is_over(accepted: &Accepted, now: u64) -> bool {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    accepted.until.as_ref().is_some_and(|until| until.value <= now)
}
